#!/usr/bin/env bash
# Speed and memory figures of docs/benchmarks.md, measured on this machine.
# usage: bench/run.sh [mini|4b] [workspace]
#   mini  the bundled model: load, prefill, decode, sentences a second (a minute)
#   4b    a checkpoint of the exact TranslateGemma-4B shapes (written first, 7.8 GB): verify and convert beside
#         `cp` with fsync, quantize, memory (needs 30 GB of disk; tens of minutes)
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-mini}
work=${2:-work/bench}
dragoman=$PWD/build/release/dragoman
mkdir -p "$work"

# Runs a command; prints its seconds and the highest RssAnon seen (sampled 20 times a second).
measured() { # label command...
  local label=$1 start end pid peak=0 anon
  shift
  start=$(date +%s.%N)
  "$@" >"$work/last.out" 2>"$work/last.err" &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    anon=$(awk '/^RssAnon/ {print $2}' "/proc/$pid/status" 2>/dev/null || true)
    [ -n "$anon" ] && [ "$anon" -gt "$peak" ] && peak=$anon
    sleep 0.05
  done
  wait "$pid" || { echo "$label failed:" >&2; cat "$work/last.err" >&2; exit 1; }
  end=$(date +%s.%N)
  awk -v l="$label" -v a="$start" -v b="$end" -v p="$peak" \
    'BEGIN {printf "%-44s %8.2f s   RssAnon peak %7.1f MB\n", l, b - a, p * 1024 / 1e6}'
}

copy_synced() { dd if="$1" of="$2" bs=4M conv=fsync status=none; }

mini() {
  "$dragoman" bench models/mini --prefill 512 --decode 64 --batch 1,4,8,16,32
  "$dragoman" --quiet quantize models/mini -o "$work/mini-q4_k_m.gguf" --type q4_k_m
  "$dragoman" bench "$work/mini-q4_k_m.gguf" --prefill 512 --decode 64 --batch 1,4,8,16,32
}

shapes_4b() {
  local model=$work/4b round
  measured "dragoman-synth, 7.8 GB" build/release/dragoman-synth --shape translategemma-4b -o "$model"
  local shards=("$model"/*.safetensors)
  for round in 1 2 3; do
    # The same bytes: cp of all shards with fsync, then verify and convert, warm as memory allows.
    cat "${shards[@]}" >/dev/null
    measured "cp with fsync (round $round)" bash -c "$(declare -f copy_synced); for f in $(printf '%q ' "${shards[@]}"); do copy_synced \"\$f\" $(printf '%q' "$work")/copy-\$(basename \"\$f\"); done"
    rm -f "$work"/copy-*
    measured "verify (round $round)" "$dragoman" --quiet verify "$model" --threads 2
    measured "convert bf16 (round $round)" "$dragoman" --quiet convert "$model" -o "$work/4b-bf16.gguf" --type bf16 --threads 2
    rm -f "$work/4b-bf16.gguf"
  done
  measured "convert f16" "$dragoman" --quiet convert "$model" -o "$work/4b-f16.gguf" --type f16 --threads 2
  measured "quantize q4_k_m from f16" "$dragoman" --quiet quantize "$work/4b-f16.gguf" -o "$work/4b-q4_k_m.gguf" --type q4_k_m --threads 2
  ls -l "$work"/*.gguf
}

case $what in
  mini) mini ;;
  4b) shapes_4b ;;
  *) echo "bench/run.sh: expected mini or 4b, found \"$what\"" >&2; exit 2 ;;
esac
