#!/usr/bin/env bash
# memcheck reports nothing in correct programs, without a suppression file: the examples (the README shows the first), a program for each kind of pool,
# and the programs of unit, internal and threads that take seconds there. It still reports mistakes of a program with undefined memory.
. "$(dirname "$0")/checks.sh"

# The others take minutes, or more memory than there is under Valgrind.
briefPrograms='unit/chain unit/check unit/cleanups unit/committed unit/draw unit/errors unit/fixed unit/fixedBound unit/injection unit/moves unit/pressure
  unit/stats unit/strings internal/arena internal/poolLock internal/privilege internal/slab threads/budget threads/budgetOfFamily
  threads/exchange threads/exitHeld threads/waitRace'

compile() { # FILE PROGRAM
  "$CC" -std=c11 -g -O1 -Wall -Wextra -Werror -Iinclude "$1" "$BUILD/libmema.a" -pthread -o "$scratch/$2"
}

# The status is 9 if memcheck has reported something, or a block of malloc was lost.
memcheck() { # COMMAND…
  guarded valgrind -q --error-exitcode=9 --leak-check=full "$@" >"$scratch/report" 2>&1
  local status=$?
  cat "$scratch/report"
  return $status
}

silent() { # COMMAND…
  memcheck "$@" && ! grep -q '^==' "$scratch/report"
}

example() { # FILE
  compile "$1" example && silent "$scratch/example"
}

# The branch on undefined bytes is one of the program's own, or that of a call with an undefined Pool.
reports() { # MISTAKE
  memcheck "$scratch/mistakes" "$1"
  [ $? -eq 9 ] && grep -q 'depends on uninitialised value' "$scratch/report"
}

withSharedLibrary() {
  "$CC" -std=c11 -g -Iinclude examples/first.c -L"$BUILD" -lmema -o "$scratch/first" &&
    LD_LIBRARY_PATH=$BUILD silent "$scratch/first"
}

freestanding() {
  make -s BUILD="$scratch/build" CC="$CC" "$scratch/build/libmema-fixed.a" &&
    "$CC" -std=c11 -g -O1 -Iinclude tests/checkers/fixedAlone.c "$scratch/build/libmema-fixed.a" -o "$scratch/fixed" && silent "$scratch/fixed"
}

if ! command -v valgrind >/dev/null; then
  skip 'programs under memcheck' 'valgrind is missing'
  finish
fi
for file in examples/*.c; do
  case $file in
    */resident.c) MEMA_WATCH=0 check "$file" example "$file" ;; # it measures the memory of pools
    *) check "$file" example "$file" ;;
  esac
done
check 'examples/first.c with libmema.so' withSharedLibrary
check 'a fixed pool of libmema-fixed.a' freestanding
need 'tests/checkers/engines.c compiles' compile tests/checkers/engines.c engines
check 'each kind of pool, by itself' silent "$scratch/engines"
for kind in untracked arena untrackedFixed shared committed hooks subPool; do check "one kind alone: $kind" silent "$scratch/engines" $kind; done
need 'tests/checkers/mistakes.c compiles' compile tests/checkers/mistakes.c mistakes
check 'no mistake' silent "$scratch/mistakes" none
for mistake in palloc pool seal record; do check "a mistake is reported: $mistake" reports $mistake; done
export MEMA_TEST_SCALE=20 # a twentieth of the rounds of what threads do
# Pools are watched (docs/checkers.md), except in programs that test the caches of threads, or the records of engines.
for program in $briefPrograms; do
  case $program in
    unit/*) check "$program" silent "$BUILD/tests/$program" ;;
    *) MEMA_WATCH=0 check "$program" silent "$BUILD/tests/$program" ;;
  esac
done
finish
