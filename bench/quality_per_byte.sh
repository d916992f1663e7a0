#!/usr/bin/env bash
# Every type as Dragoman and as real llama.cpp write it, measured by the same ruler: file size, bits per weight, mean KL divergence to
# the 16-bit model, chrF and BLEU. Writes WORK/quality_per_byte.tsv, a line a file; a killed run continues after the last whole line.
# usage: bench/quality_per_byte.sh SUITE.jsonl [TYPE...]
#   SUITE   pairs seen neither in training nor in calibration
# Environment: MODEL (default models/mini), WORK (scratch folder, default work/bench/quality), NODE_MODULES (default node_modules).
set -euo pipefail
cd "$(dirname "$0")/.."
suite=$1
shift
types=("$@")
[ "${#types[@]}" -gt 0 ] || types=(Q2_K Q3_K_S Q3_K_M IQ4_XS IQ4_NL Q4_0 Q4_1 Q4_K_S Q4_K_M Q5_0 Q5_1 Q5_K_S Q5_K_M Q6_K Q8_0)
model=${MODEL:-models/mini}
work=${WORK:-work/bench/quality}
dragoman=${DRAGOMAN:-build/release/dragoman}
export LLAMA_BACKENDS=${NODE_MODULES:-node_modules}/@node-llama-cpp/linux-x64/bins/linux-x64
mkdir -p "$work"
table=$work/quality_per_byte.tsv
# Builds the peer's program on the first run.
[ -x "$work/llama_quantize" ] || WORK=$work bench/peers/compare_quantize.sh "$model" Q4_0 1 >/dev/null
f16=$work/source-f16.gguf importance=$work/importance.gguf
[ -s "$importance" ] || "$dragoman" --quiet calibrate "$model" -o "$importance" >/dev/null
[ -s "$table" ] || printf 'who\ttype\tbytes\tbits_per_weight\tmean_kl\tkl_low\tkl_high\ttop1\tchrf\tbleu\n' >"$table"

field() { node -p "const j = JSON.parse(require('fs').readFileSync(0)); $1"; }
measure() { # who, type, file
  "$dragoman" --quiet --json compare --divergence "$model" "$3" --suite "$suite" >"$work/kl.json"
  "$dragoman" --quiet --json benchmark "$3" --suite "$suite" -o "$work/results.json" >"$work/bench.json"
  "$dragoman" --quiet --json inspect "$3" >"$work/inspect.json"
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$(stat -c %s "$3")" \
    "$(field 'j.bits_per_weight.toFixed(3)' <"$work/inspect.json")" \
    "$(field '[j.divergence.mean_kl, ...j.divergence.mean_kl_interval, j.divergence.top1_agreement].map(x => x.toFixed(5)).join("\t")' <"$work/kl.json")" \
    "$(field '[j.overall.mean_chrf, j.overall.mean_bleu].map(x => x.toFixed(2)).join("\t")' <"$work/bench.json")" >>"$table"
  rm -f "$work/results.json"* "$3"
  tail -1 "$table"
}
missing() { ! grep -q -P "^$1\t$2\t" "$table"; }

for type in "${types[@]}"; do
  lower=${type,,}
  if missing llama.cpp "$type"; then
    "$work/llama_quantize" "$f16" "$work/x.gguf" "$type" 2 >/dev/null
    measure llama.cpp "$type" "$work/x.gguf"
  fi
  if missing llama.cpp-imatrix "$type"; then
    "$work/llama_quantize" "$f16" "$work/x.gguf" "$type" 2 "$importance" >/dev/null
    measure llama.cpp-imatrix "$type" "$work/x.gguf"
  fi
  if missing rounding-imatrix "$type"; then
    "$dragoman" --quiet quantize "$model" -o "$work/x.gguf" --type "$lower" --imatrix "$importance" >/dev/null
    measure rounding-imatrix "$type" "$work/x.gguf"
  fi
  if missing gptq "$type"; then
    "$dragoman" --quiet quantize "$model" -o "$work/x.gguf" --type "$lower" --method gptq >/dev/null
    measure gptq "$type" "$work/x.gguf"
  fi
  if missing chosen "$type"; then
    bytes=$(awk -F'\t' -v t="$type" '$1 == "llama.cpp" && $2 == t {print $3}' "$table")
    "$dragoman" --quiet quantize "$model" -o "$work/x.gguf" --max-size "$bytes" >/dev/null
    measure chosen "$type" "$work/x.gguf"
  fi
done
