#!/usr/bin/env bash
# `dragoman ship` killed again and again ends with the same evidence as a run left alone, and a rerun skips everything.
# usage: ship_resumes.sh PROGRAM
set -euo pipefail
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
options=(--samples-per-language 3 --calibration-sentences 40 --quiet)

verdict() { # runs ship; its verdict code, or fails for any other end
  local code=0
  "$program" ship "${options[@]}" --workspace "$1" >"$work/out" 2>"$work/err" || code=$?
  case "$code" in 0 | 3 | 4) echo "$code" ;; *) cat "$work/err" >&2; return 1 ;; esac
}

alone=$(verdict "$work/alone")

# Killed after ever longer until one run gets to its end by itself.
for delay in 0.5 1 2 3 5 8 12 16 24 32 48; do
  code=0
  timeout -s KILL "$delay" "$program" ship "${options[@]}" --workspace "$work/killed" >/dev/null 2>&1 || code=$?
  case "$code" in 0 | 3 | 4) break ;; esac
done
killed=$(verdict "$work/killed")
[ "$alone" = "$killed" ] || { echo "verdict $alone alone, $killed after kills" >&2; exit 1; }

# Same numbers: the decision and every pair's scores, whatever the times were.
scores() { grep -v -E '_ms"|seconds|per_second|rss|path"|latency|started|finished|"at"|memory|speedup' "$1"; }
for file in eval/comparison.json eval/translate_gemma_test_suite.json; do
  diff <(scores "$work/alone/$file") <(scores "$work/killed/$file") || { echo "$file differs" >&2; exit 1; }
done
cmp "$work"/alone/models/*q4_k_m.gguf "$work"/killed/models/*q4_k_m.gguf
[ -z "$(find "$work/killed" -name '*.tmp-*')" ] || { echo "temporary files stayed" >&2; find "$work/killed" -name '*.tmp-*' >&2; exit 1; }

start=$(date +%s%N)
again=$(verdict "$work/killed")
took_ms=$((($(date +%s%N) - start) / 1000000))
[ "$again" = "$killed" ]
[ "$took_ms" -lt 5000 ] || { echo "an unchanged rerun took $took_ms ms" >&2; exit 1; }
for file in CHECKLIST.md checklist.json report.html models/manifest.json eval/baseline_results.json; do
  [ -s "$work/killed/$file" ] || { echo "$file is missing" >&2; exit 1; }
done
echo "resumed to the same verdict ($again); unchanged rerun $took_ms ms"
