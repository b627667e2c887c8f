#!/usr/bin/env bash
# Calls that need no system call, counted with strace.
. "$(dirname "$0")/checks.sh"

# The calls between the two marks that tests/programs/warm.c writes.
quiet() {
  guarded strace -f -o "$scratch/trace" "$BUILD/tests/programs/warm" "$@" || return 1
  grep -q '"begin' "$scratch/trace" && grep -q '"end' "$scratch/trace" || { echo 'no marks in the trace'; return 1; }
  sed -n '/"begin/,/"end/p' "$scratch/trace" | grep -v -e '"begin' -e '"end' >"$scratch/calls"
  [ ! -s "$scratch/calls" ] || { echo "$(wc -l <"$scratch/calls") system calls, such as:"; head -5 "$scratch/calls"; return 1; }
}

# A counter that sees nothing would find everything quiet.
seesCalls() {
  strace -f -o "$scratch/trace" "$BUILD/tests/programs/warm" lives 65536 && grep -q 'mmap' "$scratch/trace"
}

if ! strace -o /dev/null true 2>/dev/null; then
  skip 'system calls of warm and committed pools' 'strace is missing or may not trace here'
  finish
fi
check 'strace sees the calls that are made' seesCalls
for size in 4096 65536 1048576; do
  check "1,000 lives of a pool of $size bytes" quiet lives $size
  check "1,000 lives of an untracked pool of $size bytes" quiet untrackedLives $size
done
for size in 4096 65536 1048576 16777216; do
  check "1,000 lives of an arena of $size bytes" quiet arenaLives $size
  check "1,000 lives of an untracked arena of $size bytes" quiet untrackedArenaLives $size
done
for size in 65536 1048576 16777216; do
  check "20,000 steps in a pool of $size bytes that has seen them before" quiet steady $size
  check "a committed pool of $size bytes, from its first chunk on" quiet committed $size
done
finish
