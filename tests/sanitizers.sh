#!/usr/bin/env bash
# Programs that were built with a sanitizer use the ordinary library. The thread sanitizer reports no race if threads hand chunks and memory to each
# other through pools, and still reports a true one. A library that was built with the sanitizer is silent too.
. "$(dirname "$0")/checks.sh"

compile() { # COMPILER SANITIZER FILE PROGRAM LIBRARY…
  local compiler=$1 sanitizer=$2 file=$3 program=$scratch/$4
  shift 4
  "$compiler" -std=c11 -g -O1 "-fsanitize=$sanitizer" -fno-sanitize-recover=all -Iinclude "$file" "$@" -pthread -o "$program"
}

runs() { # PROGRAM ARGUMENTS…
  LD_LIBRARY_PATH=$BUILD guarded "$scratch/$1" "${@:2}"
}

# The thread sanitizer ends a program with 66 if it has reported something.
reportsARace() { # PROGRAM
  runs "$1" >"$scratch/report" 2>&1
  [ $? -eq 66 ] && grep -q 'WARNING: ThreadSanitizer: data race' "$scratch/report"
}

instrumentedLibrary() { # COMPILER
  make -s BUILD="$scratch/instrumented" CC="$1" EXTRA=-fsanitize=thread "$scratch/instrumented/libmema.a"
}

silentKinds() { # NAME PROGRAM KIND…
  local name=$1 program=$2 kind
  for kind in "${@:3}"; do check "$name: $kind" runs "$program" "$kind"; done
}

withThreads() { # COMPILER
  local compiler=$1
  need "$compiler, libmema.a: compiles" compile "$compiler" thread tests/checkers/handOver.c handOver "$BUILD/libmema.a"
  silentKinds "$compiler, libmema.a" handOver shared sharedTracked pools subPools outside
  need "$compiler, libmema.so: compiles" compile "$compiler" thread tests/checkers/handOver.c handOver "-L$BUILD" -lmema
  silentKinds "$compiler, libmema.so" handOver shared pools
  need "$compiler, a race: compiles" compile "$compiler" thread tests/checkers/race.c race "$BUILD/libmema.a"
  check "$compiler, a race is reported" reportsARace race
}

withInstrumented() { # COMPILER
  need "$1: a library with the sanitizer" instrumentedLibrary "$1"
  need "$1, that library: compiles" compile "$1" thread tests/checkers/handOver.c handOver "$scratch/instrumented/libmema.a"
  silentKinds "$1, that library" handOver shared sharedTracked pools subPools outside
}

withAddresses() { # COMPILER
  need "$1, address and undefined: compiles" compile "$1" address,undefined tests/checkers/engines.c engines "$BUILD/libmema.a"
  check "$1, address and undefined: each kind of pool" runs engines
}

has() { # COMPILER SANITIZER: whether its runtime is there, and runs on this system
  echo 'int main(void) { return 0; }' >"$scratch/empty.c"
  compile "$1" "$2" "$scratch/empty.c" empty 2>/dev/null && runs empty 2>/dev/null
}

for compiler in gcc clang; do
  if has $compiler thread; then
    withThreads $compiler
    withInstrumented $compiler
  else
    skip "$compiler, thread sanitizer" 'it is not there'
  fi
  if has $compiler address,undefined; then
    withAddresses $compiler
  else
    skip "$compiler, address sanitizer" 'it is not there'
  fi
done
finish
