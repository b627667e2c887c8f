#!/usr/bin/env bash
# System calls that fail: the model test plays on, with the model as its judge. Advice, moving, unmapping and protecting may all be
# refused, once or for ever, and nothing that a caller can see may change.
. "$(dirname "$0")/checks.sh"

playUnder() { # the injection, the program and its arguments; a fixed seed, so that a complaint can be repeated
  local injection=$1
  shift
  guarded strace -f -o "$scratch/trace" -e trace=madvise,mmap,munmap,mremap,mprotect -e inject="$injection" "$BUILD/tests/$@" || return 1
  grep -q INJECTED "$scratch/trace" || { echo 'nothing was injected'; return 1; }
}

if ! strace -o /dev/null true 2>/dev/null; then
  skip 'failing system calls' 'strace is missing or may not trace here'
  finish
fi
model='model/random 1500 7'
for error in EPERM EINVAL; do
  check "every madvise fails with $error" playUnder "madvise:error=$error" $model
done
for first in 12 14 20 40; do
  check "madvise fails from call $first on" playUnder "madvise:error=EPERM:when=$first+" $model
done
check 'lives at the same place, while every madvise fails' playUnder madvise:error=EPERM programs/coldLives
sealed() {
  guarded "$BUILD/tests/programs/coldLives" sealed
  local status=$?
  [ $status -eq 0 ] || [ $status -eq 77 ]
}
check 'lives in memory that stays mapped, while neither advice nor a fresh mapping is to be had' sealed
check 'every munmap fails' playUnder munmap:error=ENOMEM $model
check 'munmap fails once' playUnder munmap:error=ENOMEM:when=3 $model
check 'mprotect fails from its fourth call on' playUnder 'mprotect:error=ENOMEM:when=4+' $model
check 'every mremap fails' playUnder mremap:error=ENOMEM unit/repalloc
check 'every other mremap fails' playUnder 'mremap:error=ENOMEM:when=2+2' unit/repalloc
finish
