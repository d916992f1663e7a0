#!/usr/bin/env bash
# Builds the integer products for another machine and runs their check (src/kernels/int8_conformance_main.cc) there: against
# the reference, and for the same bits as on this machine.
#
# int8_conformance.sh MACHINE SOURCE_DIR INCLUDE_DIR NATIVE_PROGRAM
#   MACHINE      neon: 64-bit ARM under qemu-user, with and without dot products
#                wasm: WebAssembly with SIMD128, from Emscripten, under node
#   INCLUDE_DIR  where tl/expected.hpp lies
# Exit: 0, 1, or 77 with the reason when a tool is missing.
set -euo pipefail
machine=$1 source=$2 include=$3 native=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

needs() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || { echo "SKIP: $tool is not installed"; exit 77; }
  done
}

# The few files that the products need, compiled side by side with "$@"; lightly, which halves the time.
compile() {
  mkdir "$folder/include"
  ln -s "$include/tl" "$folder/include/tl" # alone: beside it lie this machine's own headers
  local file
  for file in "$source"/src/blocks/*.cc "$source"/src/kernels/cpu/int8_*_kernels.cc \
    "$source/src/kernels/int8_conformance_main.cc"; do
    case $file in *_test.cc | *_fuzz.cc | *_bench.cc) continue ;; esac
    echo "$file"
  done >"$folder/files"
  xargs -P "$(nproc)" -I FILE sh -c \
    '"$@" -c FILE -o "$0/$(basename FILE .cc).o"' "$folder" \
    "$@" -std=c++20 -O1 -ffp-contract=off -Wall -Wextra -Wno-psabi -Werror \
    -I "$source/src" -I "$source/include" -isystem "$folder/include" <"$folder/files"
}

# same_bits NAME COMMAND...: the check passes, and prints what it prints on this machine.
same_bits() {
  local name=$1
  shift
  "$@" >"$folder/$name.txt" || { grep -E 'off by|other bits' "$folder/$name.txt"; exit 1; }
  if [ -s "$folder/native.txt" ]; then
    diff "$folder/native.txt" "$folder/$name.txt" || { echo "$name: other bits than on this machine"; exit 1; }
    echo "$name: $(wc -l <"$folder/$name.txt") products, the same bits as on this machine"
  else
    echo "$name: $(wc -l <"$folder/$name.txt") products"
  fi
}

"$native" >"$folder/native.txt" || {
  [ $? -eq 77 ] || exit 1
  : >"$folder/native.txt"
}
case $machine in
  neon)
    needs aarch64-linux-gnu-g++ qemu-aarch64-static
    compile aarch64-linux-gnu-g++
    aarch64-linux-gnu-g++ -static "$folder"/*.o -o "$folder/check"
    same_bits neon qemu-aarch64-static -cpu cortex-a53 "$folder/check"
    same_bits neondot qemu-aarch64-static -cpu max "$folder/check"
    ;;
  wasm)
    needs em++ node
    # Debian's Emscripten comes with a standard library that lacks this one function of C++20.
    cat >"$folder/bit_cast.h" <<'H'
#include <version>
#ifndef __cpp_lib_bit_cast
namespace std {
template <class To, class From>
constexpr To bit_cast(const From& from) { return __builtin_bit_cast(To, from); }
}
#endif
H
    compile em++ -msimd128 -include "$folder/bit_cast.h"
    em++ -O1 -sALLOW_MEMORY_GROWTH=1 -sEXIT_RUNTIME=1 -sWASM_ASYNC_COMPILATION=0 "$folder"/*.o -o "$folder/check.js"
    same_bits wasm node "$folder/check.js"
    ;;
  *) echo "unknown machine \"$machine\"" >&2; exit 1 ;;
esac
