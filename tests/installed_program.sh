#!/usr/bin/env bash
# The installed program finds what ships with it, from any folder and without the source tree.
# usage: installed_program.sh BUILD_FOLDER
set -euo pipefail
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$1" --prefix "$prefix" >/dev/null
cd /
[ "$("$prefix/bin/dragoman" --quiet translate "Good morning." --to de)" = "Guten Morgen!" ]
"$prefix/bin/dragoman" --quiet suite -o "$prefix/suite.json" | grep -q samples
mv "$prefix" "$prefix.moved"
trap 'rm -rf "$prefix.moved"' EXIT
[ "$("$prefix.moved/bin/dragoman" --quiet translate "Good morning." --to de)" = "Guten Morgen!" ]
rm -rf "$prefix.moved/share"
if "$prefix.moved/bin/dragoman" translate "Good morning." --to de 2>"$prefix.moved/err"; then
  echo "translated without a model" >&2
  exit 1
fi
grep -q "models/mini: not found" "$prefix.moved/err"
echo "the installed program works where it lies"
