#!/usr/bin/env bash
# Every JSON that the program prints or writes matches its schema under schemas/.
# usage: outputs_match_schemas.sh PROGRAM SOURCE_FOLDER      exit 77: skipped
set -euo pipefail
program=$1 source=$2
node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null || { echo "skipped: Node 20 is not here"; exit 77; }
[ -d "$source/node_modules/ajv" ] || { echo "skipped: npm package ajv is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
run() { # name, allowed exit codes (regex), arguments...
  local name=$1 allowed=$2 code=0
  shift 2
  "$program" --json --quiet "$@" >"$name.json" 2>"$name.err" || code=$?
  [[ $code =~ ^($allowed)$ ]] || { echo "$name ended with $code"; cat "$name.err"; exit 1; }
}
model=$source/models/mini
run error 2 translate Hello --to xx-none
run doctor '0|5' doctor
run inspect 0 inspect "$model"
run verify 0 verify "$model"
run translate 0 translate "Good morning." --to de
run languages 0 languages german
run plan 0 quantize "$model" --type q4_k_m --plan
run plan_chosen 0 quantize "$model" --max-size 18MB --max-sentences 4 --no-cache --plan
run hf_plan 0 quantize "$model" --format gptq --plan
run calibrate 0 calibrate -o importance.gguf --max-sentences 4
run quantize 0 quantize "$model" -o a.gguf --type q4_k_m --imatrix importance.gguf
run hf_quantize 0 quantize "$model" -o hf_folder --format compressed-tensors --bits 8 --max-sentences 4
run plan_trimmed 0 quantize "$model" --type q4_k_m --languages en,ja --plan
run quantize_trimmed 0 quantize "$model" -o trimmed.gguf --type q4_k_m --languages en,ja
run suite 0 suite -o suite_file.json --samples-per-language 2
run benchmark 0 benchmark "$model" --suite suite_file.json -o baseline.json
run benchmark_quantized 0 benchmark a.gguf --suite suite_file.json -o quantized.json
run suite_auto 0 suite -i suite_file.json -o suite_auto.json --samples-per-language auto --pilot baseline.json
run compare '0|3|4' compare baseline.json quantized.json -o comparison.json
run divergence 0 compare --divergence "$model" a.gguf --suite suite_file.json --max-samples 4
printf 'Hello world.\n' >text
run score 0 score --hyp text --ref text
printf 'Hello, world!\n' >other
run score_systems 0 score --hyp text other --ref text --src text -m bleu,chrf,ter --test bootstrap --sentence-level --export-comet comet.jsonl
for i in $(seq 8); do
  printf '{"id":"%d","source_lang":"en","target_lang":"de","source":"Train %d.","translation":"Zug %d.","vote":"up"}\n' "$i" "$i" "$i"
done >log.jsonl
run monitor 3 monitor log.jsonl -o drift.json
run bench 0 bench "$model" --prefill 16 --decode 4 --batch 1,2 --repetitions 1
run package 0 package a.gguf -o package_folder --comparison comparison.json --results quantized.json
run package_check 0 package --verify package_folder
run ship '0|3|4' ship --workspace shipped --samples-per-language 2 --calibration-sentences 20
"$(dirname "$program")/dragoman-synth" --json --quiet --shape tiny -o synthetic >synth.json
cp a.gguf.quantization_metadata.json metadata.json
cp package_folder/manifest.json manifest.json
cp shipped/checklist.json checklist.json
cp shipped/eval/comparison.json shipped_comparison.json
for evidence in shipped/evidence/*.json; do cp "$evidence" "evidence_$(basename "$evidence")"; done
node "$source/tests/schemas/validate.mjs" "$source/schemas" ./*.json
