#!/usr/bin/env bash
# How cost grows with batch, length and threads: one model, measured by `dragoman bench`.
# usage: bench/speed_curves.sh MODEL.gguf [DRAGOMAN] >speed_curves.tsv ; node bench/speed_chart.mjs speed_curves.tsv >chart.svg
set -euo pipefail
model=$1
dragoman=${2:-build/release/dragoman}
threads=$(nproc)

# curve x tokens/s (median) min max
figures() { # curve, then arguments of bench
  local curve=$1
  shift
  "$dragoman" bench "$model" --json --repetitions 3 "$@" | node -e '
    const results = JSON.parse(require("fs").readFileSync(0, "utf8")).results;
    for (const [name, f] of Object.entries(results)) {
      const x = name.match(/\d+$/);
      if (x) console.log([process.argv[1], x[0], f.median, f.min, f.max].join("\t"));
    }' "$curve"
}

printf 'curve\tx\ttokens_per_s\tmin\tmax\n'
figures batch --threads "$threads" --prefill 0 --decode 16 --batch 1,2,3,4,6,8,12,16,24,32,48,64
for length in 16 32 64 128 256 512 1024 2048; do
  figures length --threads "$threads" --prefill "$length" --decode 0
done
for ((n = 1; n <= threads; ++n)); do
  figures "decode" --threads "$n" --prefill 0 --decode 16 --batch 1 | sed "s/\t1\t/\t$n\t/"
  figures "decode 16" --threads "$n" --prefill 0 --decode 16 --batch 16 | sed "s/\t16\t/\t$n\t/"
  figures "prefill 512" --threads "$n" --prefill 512 --decode 0 | sed "s/\t512\t/\t$n\t/"
done
