#!/bin/sh
# run.sh - mema in a process beside others: other allocators, other preloaded libraries, modules, sandboxes. BUILD is the directory of the
# products (default: build), CC the compiler. The programs are in this directory, one behaviour each; status 0 means that it was found.
cd "$(dirname "$0")/../.." || exit 1
. tests/cli/commands.sh
here=tests/guest
programs=$scratch/programs
mkdir -p "$programs/beside"

# compile SOURCE FLAG...: a program of this directory, by the source's name. -fno-builtin: the compiler removes pairs of malloc and free
# that it understands.
compile() {
  source=$1
  shift
  compileAs "$programs/$source" "$source" "$@"
}

# compileAs FILE SOURCE FLAG...
compileAs() {
  output=$1
  source=$2
  shift 2
  [ -z "$off" ] || return 0
  $CC -std=gnu11 -O2 -g -Wall -Wextra -fno-builtin -Iinclude -o "$output" "$here/$source.c" "$@" -pthread -ldl 2>"$scratch/compiler" ||
    notOk "$source" "does not compile: $(head -c 600 "$scratch/compiler")"
}

# works NAME COMMAND...: status 0 and not a word on stderr.
works() {
  name=$1
  shift
  guard sh -c 'exec "$@" >"$scratch/out" 2>"$scratch/err"' sh "$@"
  status=$?
  if [ "$status" -ne 0 ]; then
    notOk "$name" "status $status: $(head -c 600 "$scratch/err")"
  elif [ -s "$scratch/err" ]; then
    notOk "$name" "said: $(head -c 600 "$scratch/err")"
  else
    ok "$name"
  fi
}

# inRun NAME [OPTION...] -- COMMAND...: `mema run` ends with status 0; its report is kept.
inRun() {
  name=$1
  shift
  run run --report "$scratch/report" "$@"
  if [ "$status" -eq 0 ]; then ok "$name"; else notOk "$name" "status $status: $(head -c 600 "$scratch/err")"; fi
}

# reported NAME KEY EXPECTED: of the first process in the last report.
reported() {
  same "$1" "$3" "$(grep '"pid"' "$scratch/report" 2>/dev/null | figure "$2")"
}

# ---- chunks of the C library's own heap ------------------------------------------------------------------------------------
section libcHeap

compile libcChunks
[ -n "$off" ] || "$programs/libcChunks" >"$scratch/kinds"
while read -r kind state; do
  inRun "a chunk of the C library ($kind): nothing ends" -- "$programs/libcChunks" "$kind"
  run run --strict --report "$scratch/strict" -- "$programs/libcChunks" "$kind"
  live=0 bad=0 unknown=0 ending=0
  case $state in
    live) live=1 ;;
    unknown) unknown=1 ;;
    bad) bad=1 ending=134 ;;
  esac
  reported "a chunk of the C library ($kind): passed on, or not" foreignFrees $live
  reported "a chunk of the C library ($kind): a bad free, or none" badFrees $bad
  reported "a chunk of the C library ($kind): kept, or not" unknownFrees $unknown
  same "a chunk of the C library ($kind), strict: only a bad free aborts" $ending "$status"
done <<EOF
$(cat "$scratch/kinds" 2>/dev/null)
EOF
compile libcThreads
inRun 'threads in the heap of the C library, strict: nothing ends' --strict -- "$programs/libcThreads"
reported 'threads in the heap of the C library: no bad free' badFrees 0
freed=0
for key in foreignFrees unknownFrees; do
  count=$(grep '"pid"' "$scratch/report" 2>/dev/null | figure $key)
  freed=$((freed + ${count:-0}))
done
same 'threads in the heap of the C library: each chunk is counted' 8000 "$freed"

# ---- libraries that would have a heap of their own -----------------------------------------------------------------------
section deepBind

compile deepBind
compileAs "$programs/plugin.so" plugin -shared -fPIC
compileAs "$programs/beside/guestPlugin.so" plugin -shared -fPIC
compileAs "$programs/opener.so" opener -shared -fPIC '-Wl,-rpath,$ORIGIN/beside'
inRun 'RTLD_DEEPBIND: chunks cross the border both ways, and the loader finds what it found' --strict -- \
  "$programs/deepBind" "$programs/opener.so" "$programs/plugin.so"
reported 'RTLD_DEEPBIND: each call is counted' deepBinds 6
reported 'RTLD_DEEPBIND: no chunk of the C library is freed' foreignFrees 0
reported 'RTLD_DEEPBIND: no bad free' badFrees 0
tr '\n' ' ' <"$scratch/err" | tr -s ' ' >"$scratch/flat"
has 'RTLD_DEEPBIND: told' 'took RTLD_DEEPBIND out of 6 calls of dlopen' "$scratch/flat"
run run --deepbind -- sh -c 'echo "$MEMA_DEEPBIND"'
same '--deepbind: the library is told' '0 1' "$status $(cat "$scratch/out")"
run run --deepbind --report "$scratch/report" -- "$programs/deepBind" "$programs/opener.so" "$programs/plugin.so"
reported '--deepbind: nothing is taken out' deepBinds 0
if command -v php >/dev/null; then
  inRun 'php with its extensions' --strict -- php -r 'echo strlen(json_encode(range(1, 100000)));'
  same 'php: the answer' 588896 "$(cat "$scratch/out")"
else
  skip php 'it is not installed'
fi

# ---- programs with a sanitizer -------------------------------------------------------------------------------------------
section sanitizers

# sanitized COMPILER FLAG...: built so, the program is refused as a command, told where another starts it, and not started under --strict.
sanitized() {
  words=$*
  [ -z "$off" ] || return 0
  if ! "$@" -O1 -o "$programs/sanitized" "$here/hello.c" 2>"$scratch/compiler"; then
    skip "$words" 'does not compile here'
    return 0
  fi
  printf '#! %s\n' "$programs/sanitized" >"$programs/script" && chmod +x "$programs/script"
  for command in run "record -o $scratch/t.mema"; do
    refuses "${command%% *}, $words: refused with one line that says what to do" 2 \
      "'.*/sanitized' was built with a sanitizer, .*; build it without -fsanitize" $command -- "$programs/sanitized"
    refuses "${command%% *}, $words: a script of it" 2 "'.*/sanitized' was built with a sanitizer" $command -- "$programs/script"
  done
  run run --report "$scratch/report" -- sh -c "'$programs/sanitized'; exit 3"
  same "$words: runs outside of the pool" '3 hello alone' "$status $(cat "$scratch/out")"
  has "$words: told" 'could not be reached: sanitized \(sanitizer\)' "$scratch/err"
  has "$words: in the report" '"command": "sanitized", .*"reason": "sanitizer", "started": true' "$scratch/report"
  run run --strict -- sh -c "'$programs/sanitized'; exit 3"
  same "$words, --strict: not started" '3 ' "$status $(cat "$scratch/out")"
}
for compiler in gcc clang; do
  command -v "$compiler" >/dev/null || continue
  for sanitizer in address thread leak; do sanitized "$compiler" "-fsanitize=$sanitizer"; done
done
sanitized gcc -fsanitize=address -static-libasan
sanitized gcc -fsanitize=thread -static-libtsan
if command -v clang >/dev/null; then
  sanitized clang -fsanitize=memory
  sanitized clang -fsanitize=address -shared-libasan "-Wl,-rpath,$(clang -print-resource-dir)/lib/linux"
fi
sanitized gcc -fsanitize=address
for others in '' /none.so /none.so:/other.so; do
  run run -- env LD_PRELOAD="$others" sh -c 'unset MEMA_TABLE; exec "$0" LD_PRELOAD' "$programs/sanitized"
  same "a sanitizer: other entries of LD_PRELOAD stay: '$others'" "0 hello alone ${others:-unset}" "$status $(echo $(cat "$scratch/out"))"
done
# It has no malloc of its own.
if [ -z "$off" ] && gcc -O1 -fsanitize=undefined -o "$programs/undefined" "$here/hello.c" 2>"$scratch/compiler"; then
  run run -- "$programs/undefined"
  same 'the undefined-behaviour sanitizer: in a pool' '0 hello preloaded' "$status $(cat "$scratch/out")"
fi

# ---- programs with another C library -------------------------------------------------------------------------------------
section otherLibc

if command -v musl-gcc >/dev/null && [ -z "$off" ] && musl-gcc -O1 -o "$programs/musl" "$here/hello.c" 2>"$scratch/compiler"; then
  refuses 'musl: refused with one line that says what to do' 2 \
    "'.*/musl' belongs to another C library: .*; build it with the C library of this system$" run -- "$programs/musl"
  run run -- sh -c "'$programs/musl'; exit 3"
  same 'musl: runs outside of the pool' '3 hello alone' "$status $(cat "$scratch/out")"
else
  skip musl 'musl-gcc is not installed'
fi

# ---- other preloaded libraries -------------------------------------------------------------------------------------------
section hooks

compile readsFile
compileAs "$programs/fileHook.so" fileHook -shared -fPIC
for order in "$programs/fileHook.so:$library" "$library:$programs/fileHook.so"; do
  first=$(basename "${order%%:*}")
  works "hooks of open and its kin, $first first" env LD_PRELOAD="$order" "$programs/readsFile" "$here/run.sh"
  works "hooks of open and its kin, $first first, with a budget" env LD_PRELOAD="$order" MEMA_POOL_SIZE=64M \
    MEMA_REPORT="$scratch/line" "$programs/readsFile" "$here/run.sh"
  works "hooks of open and its kin, $first first, a report on stderr" \
    sh -c 'LD_PRELOAD=$0 MEMA_REPORT=- "$@" 2>"$scratch/line"' "$order" "$programs/readsFile" "$here/run.sh"
done
inRun 'hooks of open and its kin, in a run' -- env LD_PRELOAD="$programs/fileHook.so" "$programs/readsFile" "$here/run.sh"
run record -o "$scratch/t.mema" -- env LD_PRELOAD="$programs/fileHook.so" "$programs/readsFile" "$here/run.sh"
same 'hooks of open and its kin, in a recording' 0 "$status"

# ---- programs that limit their own system calls ------------------------------------------------------------------------
section sandbox

compile sandbox
if ! guard "$programs/sandbox" filter; then
  skip 'a filter' 'the C library alone does not pass it here'
else
  works 'a filter for the malloc of the C library: nothing ends' env LD_PRELOAD="$library" "$programs/sandbox" filter
  inRun 'a filter for the malloc of the C library, in a run: nothing ends' --pool 256M -- "$programs/sandbox" filter
fi

# callsOf COMMAND...: the names of the system calls behind the first prctl that asks for no new privileges, and in other threads.
callsOf() {
  guard strace -f -o "$scratch/strace" "$@" >/dev/null 2>&1
  sed -n '/PR_SET_NO_NEW_PRIVS/,$p' "$scratch/strace" | sed -n 's/^[0-9]* *\([a-z_0-9]*\)(.*/\1/p' | sort -u
}
usual='brk clone clone3 exit exit_group futex getrandom madvise mmap mprotect mremap munmap prctl rseq rt_sigprocmask set_robust_list'
if [ -z "$off" ] && command -v strace >/dev/null && strace -o "$scratch/strace" true 2>/dev/null; then
  callsOf "$programs/sandbox" >"$scratch/plain"
  callsOf env LD_PRELOAD="$library" "$programs/sandbox" >"$scratch/pooled"
  has 'in a sandbox: strace has seen the calls' '^futex$' "$scratch/pooled"
  for call in $usual; do echo "$call"; done | sort -u - "$scratch/plain" >"$scratch/allowed"
  same 'in a sandbox: no system call beside those of the C library' '' "$(comm -13 "$scratch/allowed" "$scratch/pooled" | paste -sd ' ')"
else
  skip 'in a sandbox: the system calls' 'strace does not run here'
fi

# ---- signal handlers that free -------------------------------------------------------------------------------------------
section signals

compile signalFrees
inRun 'chunks freed in signal handlers, strict: nothing ends' --strict -- "$programs/signalFrees"
reported 'chunks freed in signal handlers: none is a bad free' badFrees 0
reported 'chunks freed in signal handlers: none is dropped' droppedFrees 0
inRun 'chunks freed in signal handlers, by a call that changes nothing else' --strict -- "$programs/signalFrees" resize
inRun 'bad frees in signal handlers: nothing ends' -- "$programs/signalFrees" bad
reported 'bad frees in signal handlers: each is counted' badFrees "$(cat "$scratch/out")"
reported 'bad frees in signal handlers: none is dropped' droppedFrees 0
run run --strict -- "$programs/signalFrees" bad
same 'bad frees in signal handlers, strict: aborted' 134 "$status"
has 'bad frees in signal handlers, strict: said' '^mema: bad free of 0x[0-9a-f]*: not the start' "$scratch/err"

# ---- copies of the process without fork handlers -------------------------------------------------------------------------
section copies

compile rawCopy
# A child is refused where another thread was in the middle of a change of the heap: some in a thousand.
for kind in clone fork; do
  guard env LD_PRELOAD="$library" MEMA_POOL_SIZE=256M "$programs/rawCopy" "$kind" >"$scratch/out" 2>"$scratch/err"
  status=$?
  if [ "$status" -eq 4 ]; then
    skip "children without fork handlers ($kind)" 'the C library has no such call'
  else
    same "children without fork handlers ($kind): none hangs" '0 ' "$status $(cat "$scratch/err")"
    granted=$(cat "$scratch/out" 2>/dev/null)
    same "children without fork handlers ($kind): most of 200 are granted all" yes "$([ "${granted:-0}" -ge 100 ] && echo yes || echo "$granted")"
  fi
done

# ---- signal handlers that leave the heap by a jump -----------------------------------------------------------------------
section jumps

compile jumpOut
survived=0
for turn in 1 2 3; do
  guard env LD_PRELOAD="$library" "$programs/jumpOut" >"$scratch/out" 2>"$scratch/err"
  same "jumps out of malloc, $turn: nothing ends" 0 $?
  [ -n "$off" ] || survived=$((survived + $(sed 's/ .*//' "$scratch/out")))
  case "$(uname -m) $(cat "$scratch/out")" in
    x86_64*lost) oneLine "jumps out of malloc, $turn: said that the heap is lost" '^mema: a signal handler left the heap by a jump' "$scratch/err" ;;
    *lost) skip "jumps out of malloc, $turn: said that the heap is lost" 'only on x86-64' ;;
    *) same "jumps out of malloc, $turn: the heap goes on, and nothing is said" '' "$(cat "$scratch/err")" ;;
  esac
done
case $(uname -m) in
  x86_64) same 'jumps out of malloc: some are survived' yes "$([ "$survived" -ge 1 ] && echo yes || echo "$survived")" ;;
  *) skip 'jumps out of malloc: some are survived' 'only on x86-64' ;;
esac

# ---- modules that are unloaded -------------------------------------------------------------------------------------------
section modules

compile moduleEnds
compileAs "$programs/module.so" module -shared -fPIC "$BUILD/libmema.a"
works 'a module is unloaded before its threads end' "$programs/moduleEnds" "$programs/module.so"

# ---- a run that is killed ------------------------------------------------------------------------------------------------
section killed

# start OPTION...: a run in the background, which waits for a line. `table` is its table, `runner` its process, `guardian` the process that removes the table.
startRun() {
  [ -z "$off" ] || return 0
  rm -f "$scratch/fifo" "$scratch/table"
  mkfifo "$scratch/fifo"
  "$mema" run "$@" -- sh -c 'echo "$MEMA_TABLE $PPID" >"$0"; read line; /bin/echo "child $?"' "$scratch/table" <"$scratch/fifo" >"$scratch/out" 2>"$scratch/err" &
  background=$!
  exec 8>"$scratch/fifo"
  turns=0
  until [ -s "$scratch/table" ] || [ $((turns += 1)) -gt 6000 ]; do sleep 0.01; done
  read -r table runner <"$scratch/table"
  guardian=$(cat "/proc/$runner/task/$runner/children" | tr ' ' '\n' | while read -r child; do grep -lx mema-guardian "/proc/$child/comm" 2>/dev/null; done | cut -d / -f 3)
}
endRun() {
  [ -z "$off" ] || return 0
  echo >&8
  exec 8>&-
  wait "$background" 2>/dev/null
}
# vanishes FILE: waits until it is gone, in 6000 turns at most.
vanishes() {
  turns=0
  while [ -e "$1" ] && [ $((turns += 1)) -lt 6000 ]; do sleep 0.01; done
  [ ! -e "$1" ]
}
judge() {
  [ -z "$off" ] || return 0
  name=$1
  shift
  if "$@"; then ok "$name"; else notOk "$name" "$*"; fi
}

startRun --strict
judge 'SIGKILL: there is a table before' test -e "$table"
[ -n "$off" ] || kill -9 "$runner"
judge 'SIGKILL: no table is left behind' vanishes "$table"
judge 'SIGKILL: no guardian is left behind' vanishes "/proc/$guardian"
endRun
turns=0
until [ -n "$off" ] || grep -q child "$scratch/out" || [ $((turns += 1)) -gt 6000 ]; do sleep 0.01; done
same 'SIGKILL: the program and those that it starts go on' 'child 0' "$(cat "$scratch/out")"

startRun
[ -n "$off" ] || kill -9 "$guardian" "$runner"
judge 'SIGKILL of all: the table is left' test -e "$table"
run run -- true
judge 'SIGKILL of all: the next run removes it' test ! -e "$table"
endRun

startRun --report "$scratch/report"
run run -- true
judge 'two runs: neither removes the table of the other' test -e "$table"
[ -n "$off" ] || kill -9 "$guardian"
endRun
judge 'the guardian is killed: the run removes its table' test ! -e "$table"
reported 'the guardian is killed: the figures are there' programs 1
for other in "$(dirname "$table")/mema-zzzzzz" "$(dirname "$table")/mema-0000001"; do
  [ -z "$off" ] && [ ! -e "$other" ] || continue
  echo text >"$other"
  run run -- true
  judge "a file with a like name stays: $(basename "$other")" test -e "$other"
  rm -f "$other"
done

# ---- processes that leave the caller's surroundings ----------------------------------------------------------------------
section surroundings

# The table has a name, so each of these opens it; a descriptor of `mema run` below /proc would not serve them.
for words in 'unshare -U -r' 'unshare -p -f --mount-proc' 'setpriv --bounding-set=-all --inh-caps=-all' 'env -i PATH=/bin:/usr/bin'; do
  if $words /bin/true 2>/dev/null; then
    inRun "$words: the program ends well" --strict -- sh -c "exec 3>&- 4>&- 5>&-; $words /bin/cat /dev/null"
    has "$words: its figures are there" '"command": "cat"' "$scratch/report"
  else
    skip "$words" 'not allowed here'
  fi
done

# ---- resources that are used up -------------------------------------------------------------------------------------------
section usedUp

compile keysTaken "$BUILD/libmema.a"
works 'all keys of thread data are taken: shared pools work' "$programs/keysTaken"
inRun 'all keys of thread data are taken: in a run' --strict -- "$programs/keysTaken"

# ---- the malloc family, as the C library of the process has it ----------------------------------------------------------
section family

compile alignedAlloc -fno-builtin
"$programs/alignedAlloc" >"$scratch/alone"
preloads() { guard env LD_PRELOAD="$1$library" OTHER_VERSION="$2" "$programs/alignedAlloc"; }
preloads '' '' >"$scratch/preloaded"
same 'alignments that are no power of two: as the C library answers them' "$(cat "$scratch/alone")" "$(cat "$scratch/preloaded")"
compileAs "$programs/otherVersion.so" otherVersion -shared -fPIC
answers() { preloads "$programs/otherVersion.so:" "$1" | sed -n 's/^aligned_alloc(24): //p'; }
same 'aligned_alloc(24), as glibc 2.37' 'aligned 0' "$(answers 2.37)"
same 'aligned_alloc(24), as glibc 2.38' 'refused 22' "$(answers 2.38)"
same 'aligned_alloc(24), as glibc 2.100' 'refused 22' "$(answers 2.100)"

# ---- frees that state a size ---------------------------------------------------------------------------------------------
section sizes

# rejected NAME LINE COMMAND...: under --strict the command is aborted, with that line. Else it ends well, and says nothing.
rejected() {
  name=$1
  line=$2
  shift 2
  run run --strict -- "$@"
  same "$name, --strict: aborted" 134 "$status"
  has "$name, --strict: said" "$line" "$scratch/err"
  works "$name: freed" env LD_PRELOAD="$library" "$@"
}
compile sizedFree
works 'right sizes, strict: nothing is said' env LD_PRELOAD="$library" MEMA_STRICT=1 "$programs/sizedFree" right
rejected 'free_sized with a size above the chunk' '^mema: bad free_sized of 0x[0-9a-f]*: the size given is 1000, the chunk has 112 bytes$' \
  "$programs/sizedFree" size
rejected 'free_sized of a large chunk' '^mema: bad free_sized .*: the size given is 1000000' "$programs/sizedFree" largeSize
rejected 'free_aligned_sized with a size above the chunk' '^mema: bad free_aligned_sized .*: the size given is 1000' \
  "$programs/sizedFree" alignedSize
rejected 'free_aligned_sized with an alignment that is none' '^mema: bad free_aligned_sized .*: the alignment given is 24' \
  "$programs/sizedFree" alignment
rejected 'free_aligned_sized of a chunk that is aligned less' '^mema: bad free_aligned_sized .*: the alignment given is 4096' \
  "$programs/sizedFree" address
rejected 'free_sized, twice' '^mema: bad free of' "$programs/sizedFree" twice

# compileCpp PROGRAM FLAG...
compileCpp() {
  output=$1
  shift
  g++ -std=c++17 -O1 -w -o "$programs/$output" "$here/sizedDelete.cpp" "$@" 2>"$scratch/compiler"
}
if command -v g++ >/dev/null && [ -z "$off" ]; then
  compileCpp sizedDelete -fsized-deallocation || notOk 'sizedDelete.cpp' "does not compile: $(head -c 600 "$scratch/compiler")"
  compileCpp replaced -fsized-deallocation -DREPLACED || notOk 'sizedDelete.cpp' "does not compile: $(head -c 600 "$scratch/compiler")"
  works 'C++, right sizes, strict: nothing is said' env LD_PRELOAD="$library" MEMA_STRICT=1 "$programs/sizedDelete" right
  works 'C++, a delete of its own, strict: it gets each object' env LD_PRELOAD="$library" MEMA_STRICT=1 "$programs/replaced" right
  same 'C++, a delete of its own: none is left' '0 done' "$(cat "$scratch/out")"
  works 'C++, a new that asks for more, strict: another size is no mistake' env LD_PRELOAD="$library" MEMA_STRICT=1 "$programs/replaced" base
  rejected 'C++, a derived class deleted as its base' '^mema: bad sized delete of 0x[0-9a-f]*: the size given is 16, the chunk has 352 bytes$' \
    "$programs/sizedDelete" base
  rejected 'C++, a base deleted as its derived class' '^mema: bad sized delete of .*: the size given is 336, the chunk has 16 bytes$' \
    "$programs/sizedDelete" derived
  rejected 'C++, an array' '^mema: bad sized delete\[\] of .*: the size given is 3000' "$programs/sizedDelete" array
  rejected 'C++, an aligned object' '^mema: bad sized delete of .*: the size given is 9000' "$programs/sizedDelete" aligned
else
  [ -n "$off" ] || skip 'sized deletes' 'g++ is not installed'
fi

# ---- memory that is not in use -------------------------------------------------------------------------------------------
section memory

compile peakReturn
for size in 100 5000 100000 1048576; do
  inRun "a peak in chunks of $size bytes goes back" -- "$programs/peakReturn" $size
done
compile shrink
inRun 'a chunk that shrinks gives the rest back' -- "$programs/shrink"
compile phases
inRun 'sizes that change by phase' -- "$programs/phases"
compile nearlyEmpty "$BUILD/libmema.a"
works 'of each of thirty sizes one chunk in 64 stays' "$programs/nearlyEmpty"
compile largeTails "$BUILD/libmema.a"
works 'large chunks where others were before' "$programs/largeTails"
compile withinBudget "$BUILD/libmema.a"
works 'a pool stays within its budget' "$programs/withinBudget" pool
works 'small pools stay within their budgets' "$programs/withinBudget" small
inRun 'a heap stays within its budget' --pool 96M -- "$programs/withinBudget"

finish
