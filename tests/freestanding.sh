#!/usr/bin/env bash
# libmema-fixed.a: no C library is asked for, not even its headers; a program that has none links it, and runs.
. "$(dirname "$0")/checks.sh"

# Into a build of its own, as the flags are.
library() { # COMPILER FLAGS
  build=$scratch/$1${2// /}
  make -s BUILD="$build" CC="$1" CFLAGS="$2" EXTRA=-Werror freestanding
}

# The symbols that its objects need and none of them defines.
asksForNothing() {
  nm -g --defined-only "$build/libmema-fixed.a" | awk 'NF == 3 { print $3 }' | sort -u >"$scratch/has"
  nm -u "$build/libmema-fixed.a" | awk 'NF == 2 { print $2 }' | sort -u | comm -23 - "$scratch/has" >"$scratch/lacks"
  cat "$scratch/lacks"
  [ ! -s "$scratch/lacks" ]
}

# The public names are mema.h's, and memcpy and its kin are weak.
hasNamesOf() {
  nm -g --defined-only "$build/libmema-fixed.a" | awk 'NF == 3 && $3 !~ /^mema_/ { print $2, $3 }' | sort >"$scratch/others"
  printf 'W memcpy\nW memmove\nW memset\n' | diff - "$scratch/others"
}

# It has all public names but those that docs/design.md leaves out.
hasAllBut() {
  grep -o 'MEMA_PUBLIC [^(]*' include/mema.h | grep -o 'mema_[A-Za-z]*$' | sort -u >"$scratch/public"
  nm -g --defined-only "$build/libmema-fixed.a" | awk 'NF == 3 { print $3 }' | sort -u >"$scratch/has"
  sed -n '/^It does not have/,/^$/p' docs/design.md | grep -o 'mema_[A-Za-z]*' | sort -u >"$scratch/leftOut"
  comm -23 "$scratch/public" "$scratch/has" | diff "$scratch/leftOut" -
}

runs() { # COMPILER FLAGS
  # shellcheck disable=SC2086 # flags are words
  "$1" -std=c11 $2 -Wall -Wextra -Werror -Iinclude -ffreestanding -nostdinc -isystem "$("$1" -print-file-name=include)" -nostdlib \
    -static -fno-stack-protector -Wl,--gc-sections tests/freestanding/program.c "$build/libmema-fixed.a" -o "$scratch/program" || return
  "$scratch/program"
  local status=$?
  [ $status -eq 0 ] || echo "tests/freestanding/program.c: the check of line $((status - 1)), modulo 255, failed"
  return $status
}

case $(uname -m) in
  x86_64 | aarch64) ;;
  *)
    skip 'freestanding' 'neither x86-64 nor aarch64'
    finish
    ;;
esac
example() { # LIBRARY: examples/fixed.c with either library
  "${CC:-gcc}" -std=c11 -Wall -Wextra -Werror -Iinclude examples/fixed.c "$1" -o "$scratch/example" -pthread && "$scratch/example"
}

# EXTRA is that of the libraries that are there.
if [ -z "${EXTRA:-}" ] && [ -f "$BUILD/libmema.a" ]; then
  check 'examples/fixed.c with libmema.a' example "$BUILD/libmema.a"
fi
for compiler in gcc clang; do
  if ! command -v $compiler >/dev/null; then
    skip "$compiler" 'is not installed'
    continue
  fi
  for flags in -O2 -Os -O0; do
    need "$compiler $flags" library $compiler $flags
    check "$compiler $flags: nothing is asked for" asksForNothing
    check "$compiler $flags: names" hasNamesOf
    check "$compiler $flags: all names but those left out" hasAllBut
    check "$compiler $flags: examples/fixed.c" example "$build/libmema-fixed.a"
    check "$compiler $flags: a program without a C library" runs $compiler $flags
  done
done
finish
