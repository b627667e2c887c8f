#!/usr/bin/env bash
# Calls that need no system call, counted with strace; and those that threads make which hand chunks to each other.
. "$(dirname "$0")/checks.sh"

# The calls between the two marks that tests/programs/warm.c writes.
quiet() {
  guarded strace -f -o "$scratch/trace" "$BUILD/tests/programs/warm" "$@" || return 1
  grep -q '"begin' "$scratch/trace" && grep -q '"end' "$scratch/trace" || { echo 'no marks in the trace'; return 1; }
  sed -n '/"begin/,/"end/p' "$scratch/trace" | grep -v -e '"begin' -e '"end' >"$scratch/calls"
  [ ! -s "$scratch/calls" ] || { echo "$(wc -l <"$scratch/calls") system calls, such as:"; head -5 "$scratch/calls"; return 1; }
}

# Two threads free what the other allocates, or their own bursts, a thousand chunks and more a step. Once their sizes were in use they neither wait for each other nor pass barriers.
serveQuietly() { # PATTERN STEPS
  LD_PRELOAD=$BUILD/libmema-preload.so guarded strace -f -o "$scratch/trace" "$BUILD/tests/programs/mallocPairs" "$1" "$2" --by-turns || return 1
  grep -q '"begin' "$scratch/trace" && grep -q '"end' "$scratch/trace" || { echo 'no marks in the trace'; return 1; }
  sed -n '/"begin/,/"end/p' "$scratch/trace" >"$scratch/calls"
  [ "$(grep -c ' read(' "$scratch/calls")" -ge "$2" ] || { echo 'no steps in the trace'; return 1; }
  ! grep -E ' (sched_yield|futex|membarrier)\(' "$scratch/calls"
}

# The first frees of a size by another thread pass a barrier: a trace without any would be no trace of the library.
seesBarriers() {
  LD_PRELOAD=$BUILD/libmema-preload.so strace -f -o "$scratch/trace" "$BUILD/tests/programs/mallocPairs" passed 4 --by-turns || return 1
  grep -q 'membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED' "$scratch/trace"
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
check 'strace sees the barriers of a server as it begins' seesBarriers
check '300,000 pairs of malloc and free by the other thread' serveQuietly passed 300
check '300,000 pairs of a server of two threads' serveQuietly served 150
check '1,000,000 pairs in bursts of two threads' serveQuietly burstsOfTwo 100
finish
