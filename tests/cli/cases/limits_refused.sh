# Limits that are no numbers from 0 to 100, and a history that no file can be, are said before anything is translated.
echo '{"id":"1","source_lang":"en","target_lang":"de","source":"a","translation":"b"}' > log
for limit in nan inf -1; do
  "$DRAGOMAN" --quiet monitor log "--max-agreement-loss=$limit"
  echo $?
done
"$DRAGOMAN" --quiet suite -o suite.json --languages de --no-edge-cases --samples-per-language 2 > /dev/null
"$DRAGOMAN" --quiet benchmark "$SOURCE/models/mini" --suite suite.json -o a.json > /dev/null
for limit in nan inf -1; do
  "$DRAGOMAN" compare a.json a.json "--max-mean-loss=$limit"
  echo $?
done
"$DRAGOMAN" compare a.json a.json --group "nordic=$(printf '9%.0s' $(seq 400)):en,sv"
echo $?
"$DRAGOMAN" --quiet monitor log --history "$(printf 'x%.0s' $(seq 5000))"
