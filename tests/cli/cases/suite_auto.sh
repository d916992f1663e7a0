"$DRAGOMAN" --quiet suite -o all.json --languages de,fr --no-edge-cases --samples-per-language 40
"$DRAGOMAN" --quiet benchmark "$SOURCE/models/mini" --suite all.json -o baseline.json > /dev/null
"$DRAGOMAN" suite -i all.json -o sized.json --samples-per-language auto --pilot baseline.json
"$DRAGOMAN" compare baseline.json baseline.json --group 'germanic=1.5/3:en,de' | head -1
# The same pilot gives every build the same sentences, and the same word before they are translated.
"$DRAGOMAN" benchmark "$SOURCE/models/mini" --suite all.json --samples-per-language auto --pilot baseline.json -o again.json 2> before | grep -c 'BLEU needs'
grep -c 'gated on chrF and on all pairs together' before
grep -c '"sample_plan"' again.json
sed 's/"hypothesis": "Ich /"hypothesis": "Er /' again.json > damaged.json
"$DRAGOMAN" compare baseline.json damaged.json | grep -E '  en-(de|fr) '
"$DRAGOMAN" compare baseline.json baseline.json --group germanic
