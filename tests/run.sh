#!/usr/bin/env bash
# Runs the whole suite, or the tests that ONLY names. `make test` starts it. It prints a line for each group that has ended, the output of
# failed tests, a list of these, and the totals. JOBS tasks run at once (default: one more than there are processors,
# since some tests wait).
cd "$(dirname "$0")/.." || exit 1
. tests/environment.sh
unset EXTRA
: "${JOBS:=$(($(nproc) + 1))}"
. tests/tasks.sh
. tests/schedule.sh

sanitize='-fsanitize=address,undefined -fno-sanitize-recover=all'
# The tests look at refused system allocations themselves. The quarantine is short, since one program makes 100,000 pools.
export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1:quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1

# WHOLE=1 makes some tasks longer: the exhaustive model goes one step deeper under gcc's sanitizers, the analyser reads the tests too,
# scripts run their long forms, and the longest programs run in each variant.
deep=4
[ -z "${WHOLE:-}" ] || deep=5

# Adds the programs of one variant. The longest tasks come first, so that no processor is idle at the end.
programs() { # VARIANT DIRECTORY DEPTH OPERATIONS [COMMAND that runs each program]
  local group=(env WRAP="${5:-}" bash tests/group.sh)
  [ "$3" = 0 ] || task "$1/exhaustive" "$2" tests/model/exhaustive 1 '' "${group[@]}" exhaustive "$3"
  task "$1/family" "$2" tests/model/family 1 '' "${group[@]}" family "$(($4 / 8))"
  task "$1/random" "$2" tests/model/random 1 '' "${group[@]}" random "$4"
  each "$1/threads" "$2" tests/threads "${group[@]}" threads
  each "$1/unit" "$2" tests/unit "${group[@]}" unit
  each "$1/internal" "$2" tests/internal "${group[@]}" internal
  together "$1/traces" "$2" tests/traces "${group[@]}" traces
  together "$1/misuse" "$2" tests/misuse "${group[@]}" misuse
}

# The thread sanitizer is slow: it gets the programs with threads alone, at a twentieth of their scale.
raceFree=(apart budget budgetOfFamily exchange exit exitHeld fork leftCallbacks poolEnd sites wait)
threads() {
  local program
  for program in "${raceFree[@]}"; do
    task "gcc-threads/$program" gcc-threads "tests/threads/$program" 1 '' env MEMA_TEST_SCALE=20 bash tests/group.sh threads "$program"
  done
}

# Adds a test script, which looks at the gcc build. Its parts are its sections; a script without sections knows its checks itself.
script() { # NAME PATH TARGETS
  local sections
  sections=$(sed -n 's/^section //p' "$2" | paste -sd ' ')
  [ "$1" != preload ] || sections+=" $(grep -o '"$programs/[A-Za-z]*"' "$2" | tr -d '"' | sed 's,.*/,,' | sort -u | paste -sd ' ')"
  task "gcc/$1" gcc "$3" 1 "${sections:-*}" bash "$2"
}

# Adds a script that needs no build, and keeps half of the processors busy.
wideScript() { # NAME PATH
  task "gcc/$1" none '' $(((JOBS + 1) / 2)) '*' bash "$2"
}

# The tests of one variant go on beside the build of the next.
variant gcc gcc '' all testPrograms
variant clang clang '' all testPrograms
variant gcc-sanitize gcc "$sanitize" testPrograms
programs gcc gcc 5 30000
variant clang-sanitize clang "$sanitize" testPrograms
programs clang clang 4 20000
variant gcc-threads gcc -fsanitize=thread "${raceFree[@]/#/tests/threads/}"
programs gcc-sanitize gcc-sanitize "$deep" 10000
wideScript style tests/style.sh
wideScript protocol tests/protocol.sh
script valgrind tests/valgrind.sh 'all testPrograms'
script watched tests/watched.sh 'all tests/model/exhaustive tests/model/random tests/model/family tests/unit/free tests/unit/fixed tests/unit/chain tests/unit/subPools tests/misuse/freeInterior8 tests/misuse/doubleFreeLarge'
script silent tests/silent.sh tests/programs/silent
script sanitizers tests/sanitizers.sh all
script single tests/single.sh all
script packages tests/packages.sh all
script cpp tests/cpp.sh all
script hosts tests/hosts.sh all
# The pools of gcc-sanitize are watched (docs/checkers.md). Here they are not, so that the sanitizers see the common paths too.
programs clang-sanitize clang-sanitize 4 10000 'env MEMA_WATCH=0'
threads
# The gcc programs run once more inside a pool.
programs mema-run gcc 3 5000 "$BUILD/test/gcc/mema run --"

script preload tests/preload/run.sh all
script figures tests/preload/figures.sh all
script cli tests/cli/run.sh all
script escape tests/cli/escape.sh all
script summary tests/cli/summary.sh all
script report tests/cli/report.sh all
script metrics tests/metrics.sh all
script gates tests/cli/gates.sh all
script total tests/cli/total.sh all
script torture tests/cli/torture.sh all
script record tests/cli/record.sh 'all tests/traces/dump'
script replay tests/cli/replay.sh 'all tests/traces/dump'
script guest tests/guest/run.sh all
script space tests/guest/space.sh all
script instructions tests/instructions.sh 'all tests/programs/instructions tests/programs/mallocPairs tests/programs/mallocKin'
script latency tests/latency.sh all
script bulk tests/bulk.sh tests/programs/bulkFree
script growth tests/growth.sh 'all tests/programs/growth'
script faults tests/faults.sh 'tests/model/random tests/programs/coldLives tests/unit/repalloc'
script freestanding tests/freestanding.sh all
script structure tests/structure.sh all
script syscalls tests/syscalls.sh 'all tests/programs/warm tests/programs/mallocPairs'
script install tests/install.sh all
script reference tests/reference.sh all
task gcc/everywhere none '' 1 '*' env SMOKE=1 bash tests/everywhere.sh i386 s390x
script exports tests/exports.sh all
script abi tests/abi.sh all
script expectations tests/expectations.sh all
script limits tests/limits.sh tests/programs/fill
script examples tests/examples.sh all
script guide tests/guide.sh all

choose "${ONLY:-}" || exit 2
bash tests/setup.sh
runAll
