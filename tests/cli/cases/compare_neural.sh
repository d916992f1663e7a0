"$DRAGOMAN" --quiet suite -o suite.json --languages de,fr --no-edge-cases --samples-per-language 16 > /dev/null
"$DRAGOMAN" --quiet benchmark "$SOURCE/models/mini" --suite suite.json -o a.json > /dev/null
sed 's/"hypothesis": "Ich /"hypothesis": "Er /; s/"hypothesis": "Je /"hypothesis": "Il /' a.json > b.json
"$DRAGOMAN" compare a.json b.json --export-comet comet.jsonl --export-metricx metricx.jsonl > /dev/null
wc -l < comet.jsonl
# A made-up metric stands in for the neural one: it answers line by line, and keeps each line's names.
awk '{ sub(/}$/, ""); print $0 ",\"COMET\":" ($0 ~ /"system":"baseline"/ ? 0.9 : 0.85) "}" }' comet.jsonl > answers.jsonl
"$DRAGOMAN" compare a.json b.json --segment-scores COMET=answers.jsonl --report report -o comparison.json | grep -A 3 COMET
grep -c '"segment_metrics"' comparison.json
grep 'en-fr | 0.9' report/QUANTIZATION_REPORT.md
grep -c 'COMET (more is better)</h2>' report/report.html
"$DRAGOMAN" compare a.json b.json --segment-scores COMET=answers.jsonl --max-segment-loss COMET=1 | grep -o 'COMET loss: .* of the mean'
"$DRAGOMAN" compare a.json b.json --max-segment-loss COMET=1
