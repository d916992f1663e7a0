#!/usr/bin/env bash
# `mpirun dragoman benchmark`: the scores of one process, with 2 and 3; a process that is killed costs nothing that was
# finished; and clear errors. Exit code 77: Open MPI is not here.
# usage: mpi_shares_a_run.sh PROGRAM SOURCE_FOLDER
set -euo pipefail
program=$1
source_folder=$2
if ! command -v mpirun >/dev/null; then
  echo "skipped: mpirun is not here (Debian's openmpi-bin)"
  exit 77
fi
if [ ! -e "$(dirname "$program")/dragoman_mpi.so" ]; then
  echo "skipped: the program was built without Open MPI (Debian's libopenmpi-dev)"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Containers run tests as root and on fewer cores than processes.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_btl_vader_single_copy_mechanism=none
export PMIX_MCA_gds=hash

fail() {
  echo "$*" >&2
  cat "$work/err" >&2
  exit 1
}
"$program" suite --quiet --languages de,fr --samples-per-language 24 --no-edge-cases -o "$work/suite.json" >/dev/null
options=(--quiet --suite "$work/suite.json" --batch 1 --threads 1) # each process appends every 4 sentences
run() { # processes, output
  mpirun -n "$1" "$program" benchmark "${options[@]}" -o "$2" >"$work/out" 2>"$work/err"
}
# Everything but times, memory and other facts of how it went.
scores() { sed '/^  "performance": {/,/^  }/d' "$1" | grep -v -E '"latency_ms"|"first_token_ms"|"seconds"'; }
same() { cmp <(scores "$work/alone.json") <(scores "$1") || fail "$1 has other scores than one process alone"; }
whole() { # no part is left, and no sentence stands twice
  [ -z "$(find "$work" -name '*.part-*')" ] || fail "parts were left"
  [ "$(wc -l <"$1.predictions.jsonl")" = "$(wc -l <"$work/alone.json.predictions.jsonl")" ] || fail "$1: other lines"
}

"$program" benchmark "${options[@]}" -o "$work/alone.json" >/dev/null
for processes in 2 3; do
  run "$processes" "$work/shared.$processes.json" || fail "$processes processes failed"
  [ "$(grep -c 'mean BLEU' "$work/out")" = 1 ] || fail "expected one report of $processes processes"
  same "$work/shared.$processes.json"
  whole "$work/shared.$processes.json"
done

# Process 1 of 3 is killed when it has finished a few sentences.
cat >"$work/killed.sh" <<'SH'
#!/usr/bin/env bash
output=$1; shift
"$@" -o "$output" & child=$!
if [ "$OMPI_COMM_WORLD_RANK" = 1 ]; then
  until [ "$(cat "$output.predictions.jsonl.part-1" 2>/dev/null | wc -l)" -ge 3 ]; do
    kill -0 "$child" || exit 0 # it ended first: the test will say so
    sleep 0.01
  done
  kill -KILL "$child" $$
fi
trap 'kill -TERM $child; wait $child' TERM
wait "$child"
SH
chmod +x "$work/killed.sh"
kept() { cat "$1".predictions.jsonl "$1".predictions.jsonl.part-* 2>/dev/null | grep -c '"hypothesis"'; }
for next in 2 1; do # continued with another number of processes, and alone
  output="$work/killed.$next.json"
  if mpirun -n 3 "$work/killed.sh" "$output" "$program" benchmark "${options[@]}" >"$work/out" 2>"$work/err"; then
    fail "a run with a killed process ended well"
  fi
  grep -q "exited on signal 9" "$work/err" || fail "mpirun does not say who was killed"
  grep -q "the same command continues" "$work/err" || fail "nothing says how to continue"
  [ ! -e "$output" ] || fail "a run with a killed process wrote results"
  before=$(kept "$output")
  [ "$before" -ge 2 ] || fail "nothing was kept"
  cp "$output".predictions.jsonl.part-1 "$work/part"
  if [ "$next" = 1 ]; then
    "$program" benchmark "${options[@]}" -o "$output" >/dev/null
  else
    run "$next" "$output" || fail "the rerun failed"
  fi
  same "$output"
  whole "$output"
  # What was kept stands in the end as it was, times included: it was not translated again.
  while IFS= read -r line; do
    grep -qFx -- "$line" "$output.predictions.jsonl" || fail "a finished sentence was translated again"
  done < <(grep '"hypothesis"' "$work/part" | head -2)
done

# One error for all, said once.
if mpirun -n 2 "$program" benchmark "$work/no-such-model" >"$work/out" 2>"$work/err"; then fail "no model, no error"; fi
[ "$(grep -c 'dragoman: error: process 0 of 2: .*no-such-model' "$work/err")" = 1 ] || fail "expected one error"

# A program without the module says so, and works alone.
mkdir "$work/bin"
cp "$program" "$work/bin/dragoman"
export DRAGOMAN_DATA="$source_folder"
if mpirun -n 2 "$work/bin/dragoman" benchmark >"$work/out" 2>"$work/err"; then fail "shared a run without the module"; fi
grep -q "expected .*dragoman_mpi.so" "$work/err" || fail "nothing names the missing module"
"$work/bin/dragoman" translate --quiet "Good morning." --to de | grep -q "Guten Morgen" || fail "the program needs MPI"
echo "2 and 3 processes score as one; a killed one costs nothing that was finished ($before sentences kept)"
