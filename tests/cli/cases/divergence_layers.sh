# Against itself no layer differs; against eight bits each does, a little, and the report shows it.
set -e
mini=$SOURCE/models/mini
"$DRAGOMAN" -q compare --divergence "$mini" "$mini" --max-samples 3 -o same.json >/dev/null
"$DRAGOMAN" -q quantize "$mini" --type q8_0 -o q8.gguf >/dev/null
"$DRAGOMAN" -q compare --divergence "$mini" q8.gguf --max-samples 3 -o q8.json >/dev/null
layers() { sed -n '/"layer_errors"/,/\]/p' "$1" | grep -oE '^ +[0-9.e-]+' | tr -d ' '; }
[ "$(layers same.json | sort -u)" = 0.0 ] && echo "itself: nothing differs"
[ "$(layers q8.json | wc -l)" = "$(layers same.json | wc -l)" ] && [ "$(layers q8.json | wc -l)" -ge 4 ] && echo "a figure a layer"
layers q8.json | awk '$1 <= 0 || $1 > 0.1 {bad = 1} END {if (!bad) print "q8_0: each by less than 10 %"}'
"$DRAGOMAN" -q suite --languages de --samples-per-language 3 --no-edge-cases -o suite.json >/dev/null
"$DRAGOMAN" -q benchmark "$mini" --suite suite.json -o a.json >/dev/null
"$DRAGOMAN" -q compare a.json a.json --divergence-file q8.json --report report >/dev/null || [ $? = 3 ]
grep -q 'By layer' report/report.html && grep -q 'final norm' report/QUANTIZATION_REPORT.md && echo "in both reports"
for wrong in a.json suite.json none.json; do
  "$DRAGOMAN" -q compare a.json a.json --divergence-file "$wrong" >/dev/null 2>err.txt || echo "$? $(wc -l <err.txt)"
done
