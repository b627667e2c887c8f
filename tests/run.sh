#!/usr/bin/env bash
# The whole suite, as `make test` starts it. One line per group, details only of what failed, the totals last.
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=build}"
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
log=$BUILD/test/log
mkdir -p "$BUILD/test"
unset MAKEFLAGS MAKELEVEL MFLAGS
passed=0 failed=0 skipped=0

count() { # what a group's closing line says, or one failure where it says nothing
  local status=$1 line
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" | tail -1)
  [ -n "$line" ] || line='0 passed, 1 failed'
  read -r good _ bad _ skips _ <<<"$line, 0 skipped"
  bad=${bad%,} skips=${skips%,}
  [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
}

group() { # VARIANT NAME COMMAND…; leaves its counts in good, bad, skips
  local variant=$1 name=$2 start=$SECONDS line
  shift 2
  "$@" >"$log" 2>&1
  count $?
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + skips))
  line="$good passed"
  [ "$bad" -eq 0 ] || line="$line, $bad FAILED"
  [ "$skips" -eq 0 ] || line="$line, $skips skipped"
  printf '%-16s %-12s %s  (%d s)\n' "$variant" "$name" "$line" $((SECONDS - start))
  [ "$bad" -eq 0 ] || grep -v '^ok ' "$log" | sed 's/^/    | /' | tail -150
  [ "$skips" -eq 0 ] || grep '^skipped' "$log" | sed 's/^/    | /'
}

skip() { # VARIANT NAME WHY
  skipped=$((skipped + 1))
  printf '%-16s %-12s skipped: %s\n' "$1" "$2" "$3"
}

runTo() { # a command whose status is all there is to count
  if "$@"; then echo '1 passed, 0 failed'; else echo '0 passed, 1 failed'; fi
}

build() { # DIRECTORY COMPILER FLAGS TARGET…
  local directory=$1 compiler=$2 flags=$3
  shift 3
  EXTRA=$flags runTo make -j2 -s BUILD="$directory" CC="$compiler" "$@"
}

variant() { # NAME COMPILER FLAGS DEPTH OPERATIONS TARGET…
  local name=$1 compiler=$2 flags=$3 depth=$4 operations=$5
  shift 5
  if ! command -v "$compiler" >/dev/null; then
    skip "$name" all "$compiler is not installed"
    return
  fi
  group "$name" build build "$BUILD/test/$name" "$compiler" "-Werror $flags" "$@" testPrograms
  [ "$bad" -eq 0 ] && programs "$name" "$name" "$depth" "$operations"
}

programs() { # NAME DIRECTORY DEPTH OPERATIONS
  local name=$1
  export BUILD_OF_GROUP=$BUILD/test/$2
  group "$name" unit env BUILD="$BUILD_OF_GROUP" bash tests/group.sh unit
  group "$name" misuse env BUILD="$BUILD_OF_GROUP" bash tests/group.sh misuse
  [ "$3" = 0 ] || group "$name" exhaustive env BUILD="$BUILD_OF_GROUP" bash tests/group.sh exhaustive "$3"
  group "$name" traces env BUILD="$BUILD_OF_GROUP" bash tests/group.sh traces
  group "$name" random env BUILD="$BUILD_OF_GROUP" bash tests/group.sh random "$4"
  group "$name" family env BUILD="$BUILD_OF_GROUP" bash tests/group.sh family "$(($4 / 8))"
}

script() { # NAME PATH: a test script, with the gcc build
  if [ -f "$2" ]; then
    group gcc "$1" env BUILD="$BUILD/test/gcc" CC=gcc bash "$2"
  else
    skip gcc "$1" "there is no $2"
  fi
}

bash tests/setup.sh
sanitize='-fsanitize=address,undefined -fno-sanitize-recover=all'
# A refused system allocation is an answer, not a bug; and 100,000 pools are no leak of the sanitizer's patience.
export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1:quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1
variant gcc gcc '' 5 30000 all
variant clang clang '' 4 20000 all
variant gcc-sanitize gcc "$sanitize" 5 10000
variant clang-sanitize clang "$sanitize" 4 10000

# What threads share, with the sanitizer that knows of threads, which is slow: at a twentieth of the scale.
group gcc-threads build build "$BUILD/test/gcc-threads" gcc '-Werror -fsanitize=thread' "$BUILD/test/gcc-threads/tests/unit/sharedThreads" \
  "$BUILD/test/gcc-threads/tests/unit/threads" "$BUILD/test/gcc-threads/tests/unit/familyThreads" \
  "$BUILD/test/gcc-threads/tests/unit/sharedShards"
if [ "$bad" -eq 0 ]; then
  for program in sharedThreads sharedShards threads familyThreads; do
    group gcc-threads "$program" env MEMA_TEST_SCALE=20 BUILD="$BUILD/test/gcc-threads" bash tests/group.sh unit "$program"
  done
fi

# The same programs once more with their own malloc in a pool.
if [ -x "$BUILD/test/gcc/mema" ]; then
  export WRAP="$BUILD/test/gcc/mema run --"
  programs 'gcc, mema run' gcc 3 5000
  unset WRAP
else
  skip 'gcc, mema run' all 'there is no mema'
fi

script preload tests/preload/run.sh
script cli tests/cli/run.sh
script escape tests/cli/escape.sh
script summary tests/cli/summary.sh
script record tests/cli/record.sh
script replay tests/cli/replay.sh
script exports tests/exports.sh
script freestanding tests/freestanding.sh
script limits tests/limits.sh
script examples tests/examples.sh
script install tests/install.sh
script guide tests/guide.sh
script syscalls tests/syscalls.sh
script silent tests/silent.sh
script faults tests/faults.sh
script bulk tests/bulk.sh
script protocol tests/protocol.sh
script instructions tests/instructions.sh
script latency tests/latency.sh
script style tests/style.sh

line="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || line="$line, $skipped skipped"
echo "$line"
[ "$failed" -eq 0 ]
