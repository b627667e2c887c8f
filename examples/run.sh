#!/bin/sh
# `make run` shows a pool at work, then a real program (the C compiler) inside a pool, and in a pool that is too small.
# BUILD is the folder of the products. CC is the compiler, with arguments if need be. Exits 0 if all three went well.
BUILD=${BUILD:-build}
CC=${CC:-gcc}
out=$BUILD/examples
mkdir -p "$out" || exit 1

say() { printf '\n\033[1m%s\033[0m\n' "$1"; }
[ -t 1 ] || say() { printf '\n%s\n' "$1"; }

# Prints a command, indented, and runs it.
show() {
  echo "   $*"
  "$@"
}

say '1. A pool of 64 KiB, step by step (examples/quickstart.c)'
show "$BUILD/examples/quickstart" || exit 1

say "2. An unmodified program in a pool: the C compiler compiles mema's own engine within 64 MiB"
show "$BUILD/mema" run --pool 64M -- $CC -std=c11 -O2 -Iinclude -c src/heap/slab/slab.c -o "$out/inside.o" || {
  echo "run.sh: the compiler did not succeed inside a pool of 64 MiB" >&2
  exit 1
}
show $CC -std=c11 -O2 -Iinclude -c src/heap/slab/slab.c -o "$out/plain.o" || exit 1
show cmp "$out/inside.o" "$out/plain.o" || {
  echo 'run.sh: the object files differ' >&2
  exit 1
}
echo '   The object files are the same, byte for byte.'

say '3. The same within 512 KiB: malloc returns NULL, and the compiler ends with a message of its own'
show "$BUILD/mema" run --pool 512K -- $CC -std=c11 -O2 -Iinclude -c src/heap/slab/slab.c -o "$out/small.o"
status=$?
# clang ends by abort() when it has no memory, after a message.
if [ "$status" -eq 0 ] || { [ "$status" -ge 128 ] && [ "$status" -ne 134 ]; }; then
  echo "run.sh: expected the compiler to end with a message and an exit status of its own, not $status" >&2
  exit 1
fi
echo "   The exit status is $status, the compiler's own."
exit 0
