#!/usr/bin/env bash
# The report of a small run, opened in Chromium.
# usage: report_in_browser.sh PROGRAM SOURCE_FOLDER      exit 77: skipped
set -euo pipefail
program=$1 source=$2
node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null || { echo "skipped: Node 20 is not here"; exit 77; }
for package in playwright-core echarts; do
  [ -d "$source/node_modules/$package" ] || { echo "skipped: npm package $package is not installed"; exit 77; }
done
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || { echo "skipped: no Chromium is here"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$program" --quiet suite -o suite.json --samples-per-language 4 >/dev/null
"$program" --quiet benchmark --suite suite.json -o baseline.json >/dev/null
"$program" --quiet quantize "$source/models/mini" -o small.gguf --type q2_k >/dev/null
"$program" --quiet benchmark small.gguf --suite suite.json -o quantized.json >/dev/null
code=0
"$program" --quiet compare baseline.json quantized.json --report report >/dev/null || code=$?
[[ $code =~ ^(0|3|4)$ ]] || { echo "compare ended with $code"; exit 1; }
[ -s report/QUANTIZATION_REPORT.md ] || { echo "no QUANTIZATION_REPORT.md"; exit 1; }
node "$source/tests/browser/report_in_browser.mjs" report/report.html "$browser"
