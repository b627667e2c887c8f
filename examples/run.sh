#!/bin/sh
# What `make run` shows: a pool at work, then a real program (the C compiler) living in one, then in one that is too small.
# BUILD is the folder of the products, CC the compiler, with arguments if need be. Exits 0 when all three went as they should.
BUILD=${BUILD:-build}
CC=${CC:-gcc}
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$1"; }
[ -t 1 ] || say() { printf '\n%s\n' "$1"; }

say '1. A pool of 64 KiB, step by step (examples/quickstart.c)'
"$BUILD/examples/quickstart" || exit 1

say "2. The C compiler inside a pool: $CC -O2, unmodified, compiles mema's own engine within 64 MiB"
echo "   $BUILD/mema run --pool 64M -- $CC -O2 -Iinclude -c src/engines/slab.c"
"$BUILD/mema" run --pool 64M -- $CC -std=c11 -O2 -Iinclude -c src/engines/slab.c -o "$out/inside.o" || {
  echo "run.sh: the compiler did not succeed inside a pool of 64 MiB" >&2
  exit 1
}
$CC -std=c11 -O2 -Iinclude -c src/engines/slab.c -o "$out/plain.o" || exit 1
if cmp -s "$out/inside.o" "$out/plain.o"; then
  echo '   its object file is byte for byte the one that it makes outside'
else
  echo 'run.sh: the object files differ' >&2
  exit 1
fi

say '3. The same within 512 KiB: the compiler says so itself, and is not killed'
echo "   $BUILD/mema run --pool 512K -- $CC -O2 -Iinclude -c src/engines/slab.c"
"$BUILD/mema" run --pool 512K -- $CC -std=c11 -O2 -Iinclude -c src/engines/slab.c -o "$out/small.o"
status=$?
# clang ends by abort() where it has no memory, once it has said so.
if [ "$status" -eq 0 ] || { [ "$status" -ge 128 ] && [ "$status" -ne 134 ]; }; then
  echo "run.sh: expected the compiler to end with a message and an exit status of its own, not $status" >&2
  exit 1
fi
echo "   exit status $status, the compiler's own"
exit 0
