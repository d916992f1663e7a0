"$DRAGOMAN" --quiet suite -o all.json --languages de,fr --no-edge-cases --samples-per-language 40
"$DRAGOMAN" --quiet benchmark "$SOURCE/models/mini" --suite all.json -o baseline.json > /dev/null
"$DRAGOMAN" suite -i all.json -o sized.json --samples-per-language auto --pilot baseline.json
"$DRAGOMAN" compare baseline.json baseline.json --group 'germanic=1.5/3:en,de' | head -1
"$DRAGOMAN" compare baseline.json baseline.json --group germanic
