#!/bin/sh
# run.sh - the tests of the preload library. BUILD is the directory of the products (default: build), CC the compiler.
# The programs are in this directory, one behaviour each; exit status 0 means that it was found.
cd "$(dirname "$0")/../.." || exit 1
here=tests/preload
. "$here/harness.sh"
library=$BUILD/libmema-preload.so
mema=$BUILD/mema
programs=$BUILD/tests/preload
true=$(command -v true)
case $true in /*) ;; *) true=/bin/true ;; esac

# -fno-builtin: the compiler removes pairs of malloc and free that it understands.
compile() {
  $CC -std=gnu11 -O2 -g -Wall -Wextra -fno-builtin $3 -o "$programs/$2" "$here/$1.c" -pthread -ldl $4
}

mkdir -p "$programs"
compile earlyLibrary libearlyLibrary.so '-shared -fPIC' || notOk earlyLibrary 'does not compile'
for source in "$here"/*.c; do
  program=$(basename "$source" .c)
  # If ONLY names a program, no other is compiled but the plugin.
  case $program,${ONLY:-$program} in
    "$ONLY,$ONLY" | plugin,* | "$program,$program") ;;
    *) [ ! -f "$here/$ONLY.c" ] || continue ;;
  esac
  case $program in
    earlyLibrary) ;;
    forkHandlers | earlyLate) compile "$program" "$program" '' "$programs/libearlyLibrary.so" ;;
    plugin) compile plugin plugin.so '-shared -fPIC' ;;
    # Bound lazily, or the resolver would be called before it can call malloc.
    earlyResolver | mapEarly) compile "$program" "$program" -Wl,-z,lazy ;;
    *) compile "$program" "$program" '' ;;
  esac || notOk "$program" 'does not compile'
done

# preloaded [VARIABLE=VALUE...] COMMAND [ARGUMENT...]: stdout and stderr go to files; the program's alone, not what this shell
# says about how it ended. Each program of this directory is a part of its section, which ONLY may name.
preloaded() {
  enter "$block"
  for word in "$@"; do
    case $word in "$programs"/*)
      enter "$(basename "$word")"
      break
      ;;
    esac
  done
  guard sh -c 'exec env LD_PRELOAD="$0" "$@" >"$scratch/out" 2>"$scratch/err"' "$library" "$@"
}

# works NAME [VARIABLE=VALUE...] COMMAND [ARGUMENT...]: status 0 and not a word on stderr.
works() {
  name=$1
  shift
  preloaded "$@"
  status=$?
  if [ "$status" -ne 0 ]; then
    notOk "$name" "status $status: $(head -c 600 "$scratch/err")"
  elif [ -s "$scratch/err" ]; then
    notOk "$name" "said: $(head -c 600 "$scratch/err")"
  else
    ok "$name"
  fi
}

# reported NAME KEY EXPECTED: in the report of the last program.
reported() {
  same "$1" "$3" "$(figure "$2" <"$scratch/report")"
}

# ---- the symbols ---------------------------------------------------------------------------------------------------------
section symbols

same 'exports the names of its list, and nothing else' "$(echo $(cat tests/exports/libmema-preload.txt))" \
  "$(echo $(nm -D --defined-only "$library" | sed -e 's/.* //' -e 's/^\(_Zd[al]Pv\)j/\1m/' | sort))"

# ---- one behaviour each --------------------------------------------------------------------------------------------------
section behaviours

works 'every function of the family does as the standards say' "$programs/family"
works 'errno: set where due, else left alone' "$programs/errnoRules"
works 'malloc_trim, mallopt, and the figures of the heap' "$programs/heapInfo"
works 'every value of a pointer is answered' "$programs/anyPointer"
works 'four threads share the heap' "$programs/threads"
works 'no call is a point where a thread is cancelled' "$programs/cancel"
works 'forks among threads that allocate, also nested, leave the heap usable' "$programs/forkStorm"
works 'fork handlers may allocate' "$programs/forkHandlers"
works 'a fork goes on beside threads that wait for each other at streams' "$programs/forkStreams"
works 'a signal handler may interrupt the heap' "$programs/signals"
works 'the heap serves from the first constructor to the last destructor' "$programs/earlyLate"
works 'the heap serves while the loader relocates' "$programs/earlyResolver"
works 'the heap serves before there is an environment, with a budget' MEMA_POOL_SIZE=512K "$programs/earlyResolver"
works 'libraries may be loaded and unloaded' "$programs/loadPlugin" "$programs/plugin.so"
works 'vfork and posix_spawn start programs' "$programs/spawn"

rm -f "$scratch/report"
works 'chunks change their sizes, and have alignments, as the standards say' MEMA_REPORT="$scratch/report" "$programs/resizes"
reported 'sizes and alignments: each bad pointer is counted' badFrees 35
reported 'sizes and alignments: a growth charges the difference alone' peakBytes "$(figure liveBytes <"$scratch/report")"

rm -f "$scratch/report"
works 'chunks of the C library are passed on' MEMA_REPORT="$scratch/report" MEMA_STRICT=1 "$programs/libcHeap"
reported 'chunks of the C library: none is a bad free' badFrees 0
reported 'chunks of the C library: each is counted' foreignFrees 101

rm -f "$scratch/report"
works 'what looks like a chunk of the C library is none' MEMA_REPORT="$scratch/report" "$programs/lookAlike"
reported 'what looks like a chunk of the C library is bad' badFrees 6
reported 'what looks like a chunk of the C library is not passed on' foreignFrees 0

# ---- the budget ----------------------------------------------------------------------------------------------------------
section budget

rm -f "$scratch/report"
works 'a budget of 1M: filled, refused, given back' MEMA_REPORT="$scratch/report" MEMA_POOL_SIZE=1M "$programs/budgetFill"
reported 'a budget of 1M: used to the last byte' peakBytes 1048576
reported 'a budget of 1M: reported' poolSize 1048576
rm -f "$scratch/report"
works 'a budget may be given in bytes' MEMA_REPORT="$scratch/report" MEMA_POOL_SIZE=5000000 "$true"
reported 'a budget in bytes: reported' poolSize 5000000
rm -f "$scratch/report"
works 'a budget may have a fraction and a unit' MEMA_REPORT="$scratch/report" MEMA_POOL_SIZE='1.5 GiB' "$true"
reported 'a budget with a fraction and a unit: reported' poolSize 1610612736
rm -f "$scratch/report"
works 'without a budget every request is served' MEMA_REPORT="$scratch/report" "$true"
reported 'no budget: reported' poolSize null

for size in 64Q '' 0 -5 5.5 ' 1' 1MM 99999999999999999999 9000000T; do
  preloaded MEMA_POOL_SIZE="$size" "$true"
  same "MEMA_POOL_SIZE='$size': status 2" 2 $?
  oneLine "MEMA_POOL_SIZE='$size': one line" '^mema: MEMA_POOL_SIZE: .* is ' "$scratch/err"
done

for reserve in 64Q 0 16M 17M; do
  preloaded MEMA_POOL_SIZE=16M MEMA_RESERVE="$reserve" "$true"
  same "MEMA_RESERVE='$reserve': status 2" 2 $?
  oneLine "MEMA_RESERVE='$reserve': one line" '^mema: MEMA_RESERVE: .* is ' "$scratch/err"
done

# ---- mappings of the program itself --------------------------------------------------------------------------------------
section mappings

page=$(getconf PAGESIZE)

# charged NAME BYTES: mapped at the exit of the last program.
charged() {
  reported "$1" mappedBytes "$2"
}

rm -f "$scratch/report"
works 'mappings are charged, refused and given back' MEMA_REPORT="$scratch/report" MEMA_POOL_SIZE=8M "$programs/mapBudget"
charged 'mappings: what is left is reported' 3145728
reported 'mappings: their peak is reported' peakMapped 8388608
reported 'mappings: the peak of all is never above the budget' peakBytes 8388608
rm -f "$scratch/report"
works 'mappings at random agree with a model' MEMA_REPORT="$scratch/report" MEMA_POOL_SIZE=512K "$programs/mapModel"
charged 'mappings: at random, the bytes in the report' "$(cat "$scratch/out")"
rm -f "$scratch/report"
works 'growing mappings, and very many, are charged' MEMA_REPORT="$scratch/report" MEMA_POOL_SIZE=64M "$programs/mapGrow"
charged 'mappings: growing, and very many, all given back' 0
rm -f "$scratch/report"
works 'the break is charged, refused and given back' MEMA_REPORT="$scratch/report" MEMA_POOL_SIZE=4M "$programs/mapBreak"
charged 'the break: what is left is reported' 12345
rm -f "$scratch/report"
works 'a fork while threads map leaves the charges right' MEMA_REPORT="$scratch/report" MEMA_POOL_SIZE=16M "$programs/mapFork"
charged 'mappings: fork while threads map, all given back' 0
rm -f "$scratch/report"
works 'a signal handler may map' MEMA_REPORT="$scratch/report" MEMA_POOL_SIZE=16M "$programs/mapSignals"
charged 'mappings: in a signal handler, all given back' 0
rm -f "$scratch/report"
works 'a signal handler may map while another thread forks' MEMA_REPORT="$scratch/report" MEMA_POOL_SIZE=16M "$programs/mapSignalsFork"
charged 'mappings: in a signal handler, while another thread forks, all given back' 0
works 'a signal handler may fork while another thread does' "$programs/handlerForks"
works 'a signal handler may fork, with a reserve' MEMA_POOL_SIZE=64M MEMA_RESERVE=1M "$programs/handlerForks"
works 'the set of ranges agrees with a model' "$programs/rangeSet"
works 'mappings are served before there is an environment' MEMA_POOL_SIZE=1M "$programs/mapEarly"
rm -f "$scratch/report"
works 'MEMA_MMAP=0: mappings are not counted' MEMA_REPORT="$scratch/report" MEMA_MMAP=0 MEMA_POOL_SIZE=1M "$programs/mapOutside"
reported 'MEMA_MMAP=0: mappings are not reported' peakMapped 0
preloaded MEMA_MMAP=1 MEMA_POOL_SIZE=1M "$programs/mapOutside"
same 'MEMA_MMAP=1: mappings are counted' 3 $?

# ---- the reserve ---------------------------------------------------------------------------------------------------------
section reserve

rm -f "$scratch/report"
works 'a reserve is kept, used and closed again' MEMA_REPORT="$scratch/report" MEMA_POOL_SIZE=2M MEMA_RESERVE=64K "$programs/keptBack"
charged 'a reserve is no mapping' 0
reported 'a reserve: the peak is the budget' peakBytes 2097152
rm -f "$scratch/report"
works 'a reserve: threads open and close it' MEMA_REPORT="$scratch/report" MEMA_POOL_SIZE=512K MEMA_RESERVE=8K "$programs/keptBackThreads"
refused=$(figure refused <"$scratch/report")
live=$(figure liveBytes <"$scratch/report")
reported 'a reserve: only requests are refused' overBudget "$refused"
rm -f "$scratch/report"
works 'without a reserve threads at the limit are refused, no more' MEMA_REPORT="$scratch/report" MEMA_POOL_SIZE=512K "$programs/keptBackThreads"
reported 'a reserve: nothing of it is lost to threads' liveBytes "$live"
rm -f "$scratch/report"
works 'a reserve that no request needs changes nothing' MEMA_REPORT="$scratch/report" MEMA_POOL_SIZE=2M MEMA_RESERVE=1M "$programs/forkCounts"
peaks=$(sed 's/.*"peakBytes": \([0-9]*\).*/\1/' "$scratch/report" | sort -n | tail -n 1)
if [ "$peaks" -ge 100000 ] && [ "$peaks" -lt 200000 ]; then ok 'a reserve: is no part of the peak'; else notOk 'a reserve: is no part of the peak' "$peaks"; fi
if g++ -O1 -o "$programs/unwinding" "$here/unwinding.cpp" 2>"$scratch/compiler"; then
  works 'a reserve: C++ throws, speaks and unwinds' MEMA_POOL_SIZE=4M MEMA_RESERVE=64K "$programs/unwinding"
  preloaded MEMA_POOL_SIZE=4M "$programs/unwinding"
  same 'no reserve: C++ has no memory for that' 9 $?
else
  skip 'a reserve: C++' 'g++ is not there'
fi

# ---- bad pointers --------------------------------------------------------------------------------------------------------
section badPointers

for kind in double interior odd stack global wild one realloc resized; do
  rm -f "$scratch/report"
  works "bad pointer ($kind): ignored" MEMA_REPORT="$scratch/report" "$programs/badFree" $kind
  reported "bad pointer ($kind): counted" badFrees 1
  (ulimit -c 0; preloaded MEMA_STRICT=1 "$programs/badFree" $kind) 2>/dev/null
  same "bad pointer ($kind), strict: aborted" 134 $?
  oneLine "bad pointer ($kind), strict: one line" \
    '^mema: bad (free|realloc) of 0x[0-9a-f]+: not the start of a live chunk of this pool$' "$scratch/err"
done
works 'MEMA_STRICT=0 is not strict' MEMA_STRICT=0 "$programs/badFree" double

# ---- programs that it starts ---------------------------------------------------------------------------------------------

# Only `mema run` asks for more.
preloaded sh -c 'env -i /usr/bin/env'
same 'outside of a run an emptied environment stays empty' '' "$(cat "$scratch/out")"

# ---- the report ----------------------------------------------------------------------------------------------------------
section report

rm -f "$scratch/report"
works 'a report is appended' MEMA_REPORT="$scratch/report" "$programs/forkCounts"
same 'a report: one line for each process' 2 "$(wc -l <"$scratch/report")"
head -n 1 "$scratch/report" >"$scratch/child"
tail -n 1 "$scratch/report" >"$scratch/parent"
has 'a report: an object on a line' '^\{"command": "forkCounts", "pid": [0-9]+, .*"footprint": [0-9]+\}$' "$scratch/child"
childCount=$(figure allocations <"$scratch/child")
parentCount=$(figure allocations <"$scratch/parent")
if [ "$childCount" -ge 100 ] && [ "$childCount" -lt 500 ]; then
  ok 'a forked child counts its own allocations'
else
  notOk 'a forked child counts its own allocations' "$childCount"
fi
childPeak=$(figure peakBytes <"$scratch/child")
if [ "$childPeak" -lt 100000 ]; then ok 'a forked child has its own peak'; else notOk 'a forked child has its own peak' "$childPeak"; fi
if [ "$parentCount" -ge 1000 ]; then ok 'its parent keeps its counts'; else notOk 'its parent keeps its counts' "$parentCount"; fi

preloaded MEMA_REPORT=- MEMA_POOL_SIZE=16M "$programs/ending" exit
same 'a report on stderr: the status stays' 5 $?
oneLine 'a report on stderr: one line' '^mema: ending \(pid [0-9]+\): peak .* of 16\.0 MiB, live .* allocations' "$scratch/err"

works 'no descriptor left: no report, no failure' MEMA_REPORT="$scratch/none" "$programs/noDescriptors"
works 'no descriptor left: none for stderr either' MEMA_REPORT=- "$programs/noDescriptors"
works 'a report that cannot be opened' MEMA_REPORT=/nonexistent/file "$true"
works 'a report into a directory' MEMA_REPORT="$scratch" "$true"
if [ -w /dev/full ]; then works 'a report onto a full device' MEMA_REPORT=/dev/full "$true"; fi
guard env LD_PRELOAD="$library" MEMA_REPORT=- "$true" 2>&-
same 'stderr closed: the status stays' 0 $?
mkfifo "$scratch/unread"
(
  # A pipe whose only reader is gone.
  exec 3<>"$scratch/unread"
  exec 2>"$scratch/unread"
  exec 3<&-
  guard env LD_PRELOAD="$library" MEMA_REPORT=- "$true"
)
same 'nobody reads stderr: the status stays' 0 $?
(ulimit -f 0; guard env LD_PRELOAD="$library" MEMA_REPORT="$scratch/limited" "$true") 2>/dev/null
same 'files at their limit: the status stays' 0 $?

# ---- a table that is none ------------------------------------------------------------------------------------------------
section noTable

: >"$scratch/empty"
guard "$mema" run -- sh -c 'head -c "$(wc -c <"$MEMA_TABLE")" /dev/zero' >"$scratch/zeros" 2>/dev/null
mkfifo "$scratch/pipe"
for table in "$scratch/missing" "$scratch/empty" "$scratch/zeros" "$scratch/pipe" "$scratch" /dev/null relative ''; do
  preloaded MEMA_TABLE="$table" "$programs/ending" exit
  status=$?
  same "MEMA_TABLE='$(basename "$table")' is no table: ignored" '5 ' "$status $(cat "$scratch/err")"
done
same 'a file that is no table is left alone' 0 "$(tr -d '\0' <"$scratch/zeros" | wc -c)"

# ---- the record in the table of `mema run` -------------------------------------------------------------------------------
section table

# 1,000 allocations and 300 frees, and no more than 64 calls may be missing.
for kind in exit _exit abort kill segv; do
  guard "$mema" run --report "$scratch/report" -- "$programs/ending" $kind >"$scratch/out" 2>"$scratch/err"
  allocations=$(grep '"pid"' "$scratch/report" | figure allocations)
  live=$(grep '"pid"' "$scratch/report" | figure liveBytes)
  if [ "${allocations:-0}" -ge 950 ] && [ "${live:-0}" -ge 700000 ] && [ "${live:-0}" -lt 800000 ]; then
    ok "figures after $kind"
  else
    notOk "figures after $kind" "allocations '$allocations', live '$live'"
  fi
  ended=$(grep '"pid"' "$scratch/report" | figure ended)
  if [ $kind = exit ]; then same "$kind is an end" true "$ended"; else same "$kind is no end" false "$ended"; fi
done

# remarkable KIND KEY: the program is killed right behind such a call.
remarkable() {
  (ulimit -c 0; guard "$mema" run --report "$scratch/report" -- "$programs/ending" "$1") >/dev/null 2>&1
  same "$2: in the figures at once" 1 "$(grep '"pid"' "$scratch/report" | figure "$2")"
}

remarkable refused refused
remarkable bad badFrees
remarkable foreign foreignFrees

guard "$mema" run --report "$scratch/report" -- "$programs/forkCounts" 2>"$scratch/err"
same 'fork: a record for parent and child' 2 "$(grep '"pid"' "$scratch/report" | sed 's/.*"pid": \([0-9]*\).*/\1/' | sort -u | wc -l)"
same 'fork: the parent has its own counts' 1 "$(grep -c '"allocations": 100[0-9],' "$scratch/report")"
same 'fork: the child has its own counts' 1 "$(grep -c '"allocations": 10[0-9],' "$scratch/report")"

guard "$mema" run --report "$scratch/report" -- "$programs/spawn" 2>"$scratch/err"
same 'vfork: one record for the parent' 1 "$(grep -c '"command": "spawn"' "$scratch/report")"
same 'posix_spawn: a record for each' 20 "$(grep -c '"command": "true"' "$scratch/report")"
parent=$(grep '"command": "spawn"' "$scratch/report" | figure pid)
same 'vfork: the record is still its own' "$parent" "$(grep '"command": "true"' "$scratch/report" | figure parentPid)"

finish
