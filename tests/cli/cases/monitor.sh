# The bundled model against itself: nothing drifted. Then half of the later outputs are another text.
for i in $(seq 240); do echo "The train number $i leaves in the morning."; done >source
"$DRAGOMAN" --quiet translate --to de -i source -o translation 2>/dev/null
paste -d'\t' source translation | awk -F'\t' '{
  printf "{\"id\":\"%d\",\"source_lang\":\"en\",\"target_lang\":\"de\",\"source\":\"%s\",\"translation\":\"%s\"}\n", NR, $1, $2}' >log
"$DRAGOMAN" --quiet monitor log --reference log -o same.json --history looks | head -1
"$DRAGOMAN" --quiet monitor log --reference log --history looks | head -3 | tail -1 | cut -c-25
awk 'NR % 2 { sub(/"translation":"[^"]*"/, "\"translation\":\"Das Buch liegt auf dem Tisch.\"") } { print }' log >bad
"$DRAGOMAN" --quiet monitor bad --reference log -o bad.json --history looks >text
code=$?
head -1 text
grep -o '"look":[0-9]*' looks
exit $code
