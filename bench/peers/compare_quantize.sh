#!/usr/bin/env bash
# Quantizes one model with Dragoman and with real llama.cpp, in turns, and prints seconds and mean squared error per
# tensor side by side. Fails when a tensor of the same type has a higher error here than there.
# usage: bench/peers/compare_quantize.sh [MODEL] [TYPE] [ROUNDS]
#   MODEL   checkpoint folder or 16-bit GGUF; default models/mini
#   TYPE    default Q4_K_M
#   ROUNDS  of both programs, default 3
# Environment: THREADS (default 2), WORK (scratch folder, default work/bench/peers), NODE_MODULES (default node_modules,
# with node-llama-cpp and @node-llama-cpp/linux-x64 as package.json pins them).
set -euo pipefail
cd "$(dirname "$0")/../.."
model=${1:-models/mini}
type=${2:-Q4_K_M}
rounds=${3:-3}
threads=${THREADS:-2}
work=${WORK:-work/bench/peers}
modules=${NODE_MODULES:-node_modules}
dragoman=$PWD/build/release/dragoman
errors=$PWD/build/release/bench/peers/tensor_errors
libraries=$modules/@node-llama-cpp/linux-x64/bins/linux-x64
bundle=$modules/node-llama-cpp/llama/gitRelease.bundle
[ -d "$libraries" ] || { echo "no $libraries: npm ci --ignore-scripts first" >&2; exit 2; }
libraries=$(cd "$libraries" && pwd)
mkdir -p "$work"

# The package delivers the library without its headers; they are in the source bundle beside it.
if [ ! -x "$work/llama_quantize" ]; then
  headers=$work/llama_headers
  mkdir -p "$headers"
  bare=$(mktemp -d)
  trap 'rm -rf "$bare"' EXIT
  git clone -q --bare "$bundle" "$bare/llama.git"
  for file in include/llama.h ggml/include/{ggml,ggml-backend,ggml-cpu,ggml-opt,ggml-alloc,gguf}.h; do
    git --git-dir="$bare/llama.git" show "HEAD:$file" >"$headers/$(basename "$file")"
  done
  llama=$(ls "$libraries"/libllama.*so* | grep -v common | head -1)
  ggml=$(ls "$libraries"/libggml.*so* | head -1)
  g++ -O2 -std=c++20 -Wall -Wextra -I"$headers" bench/peers/llama_quantize.cc "$llama" "$ggml" \
    "$libraries/libggml-base.so" -Wl,-rpath,"$libraries" -o "$work/llama_quantize"
fi

source=$work/source-f16.gguf
case $model in
  *.gguf) source=$model ;;
  *) "$dragoman" --quiet convert "$model" -o "$source" --type f16 --threads "$threads" >/dev/null ;;
esac

echo "round   dragoman (whole command)   llama.cpp (the call alone)   seconds, $threads threads, $type"
for round in $(seq "$rounds"); do
  cat "$source" >/dev/null # the page cache as warm as memory allows, for both
  start=$(date +%s.%N)
  "$dragoman" --quiet quantize "$source" -o "$work/ours.gguf" --type "$type" --threads "$threads" >/dev/null
  ours=$(awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN {printf "%.2f", b - a}')
  cat "$source" >/dev/null
  theirs=$(LLAMA_BACKENDS=$libraries "$work/llama_quantize" "$source" "$work/theirs.gguf" "$type" "$threads")
  awk -v r="$round" -v a="$ours" -v b="$theirs" \
    'BEGIN {printf "%5d   %24.2f   %26.2f   %.2f times as fast\n", r, a, b, b / a}'
done
ls -l "$work/ours.gguf" "$work/theirs.gguf"
"$errors" "$source" "$work/ours.gguf" "$work/theirs.gguf"
