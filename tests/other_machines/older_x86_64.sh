#!/usr/bin/env bash
# The program on x86-64 machines with fewer instruction sets, under qemu-user: it must run at all, take the best of what the
# machine has, and say the same words as here.
#
# older_x86_64.sh PROGRAM
# Exit: 0, 1, or 77 with the reason when a tool is missing.
set -euo pipefail
program=$1
[ "$(uname -m)" = x86_64 ] || { echo "SKIP: not an x86-64 machine"; exit 77; }
command -v qemu-x86_64-static >/dev/null || { echo "SKIP: qemu-x86_64-static is not installed"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

sentence=(translate "Good morning." --from en --to de)
"$program" "${sentence[@]}" >"$folder/here.txt"
grep -q . "$folder/here.txt"

# on CPU BACKENDS: what doctor lists there, and the sentence.
on() {
  local cpu=$1 backends=$2
  qemu-x86_64-static -cpu "$cpu" "$program" doctor --workspace "$folder/work" >"$folder/doctor.txt" 2>"$folder/log.txt" || true
  grep -q "; backends $backends\$" "$folder/doctor.txt" ||
    { echo "$cpu: expected backends $backends"; cat "$folder/doctor.txt" "$folder/log.txt"; exit 1; }
  qemu-x86_64-static -cpu "$cpu" "$program" "${sentence[@]}" >"$folder/there.txt" 2>"$folder/log.txt" ||
    { echo "$cpu: does not translate"; cat "$folder/log.txt"; exit 1; }
  diff "$folder/here.txt" "$folder/there.txt" || { echo "$cpu: other words than on this machine"; exit 1; }
  echo "$cpu: $backends"
}

on Nehalem "cpu:generic, reference"
on Haswell "cpu:generic, cpu:avx2, reference"
