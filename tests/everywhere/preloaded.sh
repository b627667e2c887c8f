# preloaded.sh - the libraries to preload, and the command, on another system: programs of tests/preload run in a pool, are recorded and
# tortured. everywhere.sh sources it.
# shellcheck disable=SC2154 # here and scratch are everywhere.sh's

# PROGRAM  VARIABLES  REASON WHY NOT UNDER QEMU  "mappings": it asks msync what is mapped. Left out are programs that need functions of glibc alone, that start programs of another C
# library, or that fail with musl without the library, too.
preloadedPrograms() {
  cat <<'END'
anyPointer|
threads|
cancel|
signals|
forkHandlers|
forkStorm||qemu 7.2 aborts where threads fork at once
forkCounts|
noDescriptors|
budgetFill|MEMA_POOL_SIZE=1M
mapBudget|MEMA_POOL_SIZE=8M
mapModel|MEMA_POOL_SIZE=512K||mappings
mapGrow|MEMA_POOL_SIZE=64M
mapFork|MEMA_POOL_SIZE=16M||mappings
mapSignals|MEMA_POOL_SIZE=16M
mapOutside|MEMA_POOL_SIZE=1M MEMA_MMAP=0
keptBack|MEMA_POOL_SIZE=2M MEMA_RESERVE=64K
keptBackThreads|MEMA_POOL_SIZE=512K MEMA_RESERVE=8K
END
}

# Builds the libraries and the command, which are dynamic, and the programs.
buildPreloaded() { # DIRECTORY COMPILER FLAGS
  local program names
  mkdir -p "$1"
  CFLAGS='-O1 -g1' EXTRA="-w $3" make -s -j"$JOBS" ZSTD=0 BUILD="$1" CC="$2" AR="$(archiver "$2")" all || return
  mapfile -t names < <(preloadedPrograms | sed 's/|.*//')
  names+=(badFree)
  rm -f "$1/badFree" # the last one
  # shellcheck disable=SC2086 # flags are words
  "$2" -std=gnu11 -O1 -w -fno-builtin $3 -o "$1/asks" tests/everywhere/asks.c -pthread || return
  # shellcheck disable=SC2086
  "$2" -std=gnu11 -O1 -w $3 -o "$1/mappings" tests/everywhere/mappings.c || return
  for program in "${names[@]}"; do
    # shellcheck disable=SC2046,SC2086 # flags are words
    "$2" -std=gnu11 -O1 -w -fno-builtin $3 -o "$1/$program" "tests/preload/$program.c" -pthread $(linksWith "$1" "$2" "$program" "$3") || return
  done
}

# forkHandlers has a library of its own.
linksWith() { # DIRECTORY COMPILER PROGRAM FLAGS
  [ "$3" = forkHandlers ] || return 0
  # shellcheck disable=SC2086 # flags are words
  "$2" -std=gnu11 -O1 -w -fno-builtin $4 -shared -fPIC -o "$1/libearlyLibrary.so" tests/preload/earlyLibrary.c -pthread
  echo "$1/libearlyLibrary.so"
}

# Runs a program with a library preloaded: qemu has the environment of the program as options.
withLibrary() { # RUNNER LIBRARY VARIABLES PROGRAM ARGUMENT…
  local variable words=()
  for variable in LD_PRELOAD="$2" $3; do words+=(${1:+-E} "$variable"); done
  # shellcheck disable=SC2086 # a command
  guarded ${1:-env} "${words[@]}" "${@:4}" </dev/null
}

# Status 0, and not a word.
isServed() { # RUNNER LIBRARY VARIABLES PROGRAM ARGUMENT…
  withLibrary "$@" 2>"$scratch/said"
  local status=$?
  cat "$scratch/said"
  [ $status -eq 0 ] && [ ! -s "$scratch/said" ]
}

# The report at the exit of a program has this figure.
isReported() { # KEY FIGURE RUNNER LIBRARY VARIABLES PROGRAM ARGUMENT…
  rm -f "$scratch/report"
  isServed "$3" "$4" "$5 MEMA_REPORT=$scratch/report" "${@:6}" || return
  cat "$scratch/report"
  grep -q "\"$1\": $2[,}]" "$scratch/report"
}

# A command whose output has a line, on stdout or stderr.
says() { # STATUS PATTERN COMMAND…
  guarded "${@:3}" </dev/null >"$scratch/said" 2>&1
  local status=$?
  cat "$scratch/said"
  [ $status -eq "$1" ] && grep -Eq -e "$2" "$scratch/said"
}

# The command runs, records and tortures these programs.
commandsOf() { # NAME COMMAND DIRECTORY
  local mema=$2 trace=$scratch/trace.mema
  check "$1: run, refused beyond its budget" says 0 '^  refused [0-9]+ requests?: the budget of 1\.0 MiB was reached$' "$mema" run --pool 1M -- "$3/budgetFill"
  check "$1: run, two processes" says 0 '^mema run: 2 processes, each in a pool of 8\.0 MiB' "$mema" run --pool 8M -- "$3/asks"
  check "$1: run, a budget that is too small" says 3 '^asks: refused$' "$mema" run --pool 9K -- "$3/asks"
  check "$1: run, a gate that falls" says 3 '^  fell  allocations: ' "$mema" run --max-allocations 9 -- "$3/asks"
  check "$1: run, a total" says 0 '^mema run: 2 processes' "$mema" run --total 8M -- "$3/asks"
  check "$1: record" says 0 '^mema record: 2 processes, ' "$mema" record -o "$trace" -- "$3/asks"
  check "$1: replay" says 0 '^  mema ' "$mema" replay "$trace"
  check "$1: torture" says 0 '^  r +[1-9].* refusal: ' "$mema" torture --sample 8 -- "$3/asks"
  check "$1: fit" says 0 'the least budget for the same output and status: ' "$mema" fit -- "$3/asks"
}

preloadedOf() { # NAME COMPILER RUNNER FLAGS
  local build=$here/$1-shared library=$here/$1-shared/libmema-preload.so program variables reason needs kind flags=${4//-static/}
  need "$1: the libraries to preload build" buildPreloaded "$build" "$2" "$flags"
  [ -e "$build/badFree" ] || return 0
  while IFS='|' read -r program variables reason needs; do
    if [ -n "$3" ] && [ -n "$reason" ]; then
      skip "$1: preloaded, $program" "$reason"
    elif [ -n "$needs" ] && ! guarded $3 "$build/$needs"; then
      skip "$1: preloaded, $program" 'msync does not tell what is mapped'
    else
      # A forked child of the emulator translates its program anew: a fork takes a second beside threads that map.
      check "$1: preloaded, $program" isServed "$3" "$library" "$variables${3:+ MEMA_TEST_SCALE=15}" "$build/$program"
    fi
  done < <(preloadedPrograms)
  check "$1: preloaded, the report" isReported peakBytes 1048576 "$3" "$library" MEMA_POOL_SIZE=1M "$build/budgetFill"
  for kind in double interior odd stack global wild one realloc resized; do
    check "$1: preloaded, a bad pointer ($kind)" isReported badFrees 1 "$3" "$library" '' "$build/badFree" "$kind"
  done
  # The emulator starts no program that is for its processor.
  [ -n "$3" ] || commandsOf "$1" "$build/mema" "$build"
}

# A static command beside the same libraries. It starts what is linked with musl, and nothing else.
staticWithMusl() {
  local build=$here/musl-static
  mkdir -p "$build"
  cp "$here"/musl-shared/*.so "$build"
  need 'musl, static: the command builds' env CFLAGS='-O1 -g1' LDFLAGS=-static EXTRA=-w make -s -j"$JOBS" ZSTD=0 BUILD="$build" CC=musl-gcc "$build/mema"
  check 'musl, static: a program of glibc is refused' says 2 'belongs to another C library' "$build/mema" run -- "$(command -v true)"
  commandsOf 'musl, static' "$build/mema" "$here/musl-shared"
}
