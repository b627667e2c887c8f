#!/usr/bin/env bash
# Nothing is reported of correct programs: all programs of unit/, whose pools are watched, under memcheck, and with the address and
# undefined-behaviour sanitizers of gcc and clang; once more with each chunk a malloc of its own. `make test-watched` runs this.
cd "$(dirname "$0")/.." || exit 1
. tests/environment.sh
sanitize='-fsanitize=address,undefined -fno-sanitize-recover=all'
# As in run.sh: the tests look at refused allocations themselves, and one program makes 100,000 pools.
export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1:quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1
programs=(tests/unit/*.c)
failed=0

units() { # NAME DIRECTORY [COMMAND that runs each program]
  echo "$1:"
  BUILD=$2 WRAP=${3:-} bash tests/group.sh unit || failed=1
}

buildWith() { # COMPILER DIRECTORY
  make -s BUILD="$2" CC="$1" EXTRA="$sanitize" "${programs[@]/#/$2/}" 2>&1
}

programs=("${programs[@]%.c}")
if command -v valgrind >/dev/null; then
  units 'memcheck' "$BUILD" 'valgrind -q --error-exitcode=9 --leak-check=full'
else
  echo 'memcheck: valgrind is missing'
fi
for compiler in gcc clang; do
  directory=$BUILD/watched-$compiler
  if ! command -v $compiler >/dev/null; then
    echo "$compiler is missing"
  elif buildWith $compiler "$directory"; then
    units "$compiler, sanitizers" "$directory"
    echo "$compiler, sanitizers, plain chunks:"
    BUILD=$directory bash tests/plain.sh "${programs[@]#tests/}" || failed=1
  else
    failed=1
  fi
done
exit $failed
