#!/usr/bin/env bash
# Runs the program on the cases beside this script. A case is NAME.sh with what must come of it:
#   NAME.exit          exit code (default 0)
#   NAME.stdout.exact  standard output, byte for byte     NAME.stdout.glob  the same as a shell pattern
#   NAME.stderr.glob   standard error as a shell pattern
# usage: run_cases.sh PROGRAM SOURCE_FOLDER [NAME ...]
set -u
program=$1 source=$2
shift 2
cases=$source/tests/cli/cases
[ $# -gt 0 ] || set -- $(cd "$cases" && ls *.sh | sed 's/\.sh$//')
failed=0
for name in "$@"; do
  folder=$(mktemp -d)
  (cd "$folder" && DRAGOMAN=$program SOURCE=$source timeout 300 bash "$cases/$name.sh") \
    >"$folder/.stdout" 2>"$folder/.stderr" </dev/null
  code=$?
  expected=$(cat "$cases/$name.exit" 2>/dev/null || echo 0)
  problems=""
  [ "$code" = "$expected" ] || problems+=" exit code $code, expected $expected;"
  if [ -f "$cases/$name.stdout.exact" ]; then
    cmp -s "$cases/$name.stdout.exact" "$folder/.stdout" || problems+=" standard output differs;"
  fi
  for stream in stdout stderr; do
    [ -f "$cases/$name.$stream.glob" ] || continue
    pattern=$(cat "$cases/$name.$stream.glob")
    text=$(cat "$folder/.$stream")
    # shellcheck disable=SC2053
    [[ $text == $pattern ]] || problems+=" $stream does not match;"
  done
  if [ -n "$problems" ]; then
    failed=$((failed + 1))
    echo "FAILED $name:$problems"
    echo "--- standard output"; head -c 2000 "$folder/.stdout"
    echo "--- standard error"; head -c 2000 "$folder/.stderr"
  else
    echo "passed $name"
  fi
  rm -rf "$folder"
done
echo "$# cases, $failed failed"
[ "$failed" -eq 0 ]
