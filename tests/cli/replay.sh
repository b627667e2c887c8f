#!/bin/sh
# replay.sh - the tests of `mema replay`. BUILD is the directory of the products (default: build), CC the compiler.
cd "$(dirname "$0")/../.." || exit 1
. tests/cli/traces.sh

record "$recorded/known"
run record --plain -o "$scratch/plain.mema" "$recorded/known"
plain=$scratch/plain.mema

# cell NAME COLUMN EXPECTED: in the last table, the row of the heap NAME.
cell() {
  same "$2, column $3" "$4" "$(awk -v name="$1" -v column="$3" 'table && $1 == name { print $(NF - column) } $1 == "heap" { table = 1 }' "$scratch/out")"
}

# ---- questions -----------------------------------------------------------------------------------------------------------
section questions

run replay --help
same '--help: status 0' 0 "$status"
has '--help: names the options' '--against=LIB' "$scratch/out"
refuses 'no trace' 2 '^mema replay: no trace given' replay
refuses 'two traces' 2 '^mema replay: one trace at a time' replay "$trace" "$plain"
refuses 'unknown option' 2 "^mema replay: unrecognized option '--foo'; see .mema replay --help'$" replay --foo "$trace"
refuses '--pool 64Q' 2 "^mema replay: --pool '64Q' is not a size" replay --pool 64Q "$trace"
for rounds in 0 100 x -1 '' 5x 99999999999999999999; do
  refuses "--rounds '$rounds'" 2 "^mema replay: --rounds '$rounds' is no number from 1 to 99" replay --rounds "$rounds" "$trace"
done
refuses '--process 0' 2 "^mema replay: --process '0' is no number" replay --process 0 "$trace"
refuses '--against nothing' 2 '^mema replay: --against needs the name' replay --against '' "$trace"

# ---- files that are no trace ---------------------------------------------------------------------------------------------
section damagedFiles

: >"$scratch/empty"
mkfifo "$scratch/fifo"
head -c 7 "$plain" >"$scratch/magic"
{ head -c 7 "$plain"; printf '\002'; tail -c +9 "$plain"; } >"$scratch/later"
printf '(\265/\375 is how it begins' >"$scratch/almost"
echo 'some text' >"$scratch/text"
{ cat "$plain"; echo; } >"$scratch/longer"
cat "$trace" "$trace" >"$scratch/twice"
refuses 'a file that is not there' 2 "^mema replay: '/no/such/file' cannot be opened: No such file" replay /no/such/file
refuses 'a directory' 2 "^mema replay: '/tmp' is a directory$" replay /tmp
refuses 'an empty file' 2 "^mema replay: '.*empty' is empty$" replay "$scratch/empty"
refuses 'a pipe that nobody writes to' 2 "^mema replay: '.*fifo' is empty$" replay "$scratch/fifo"
refuses 'a program' 2 "^mema replay: '.*' is no trace of mema$" replay "$mema"
refuses 'text' 2 "^mema replay: '.*' is no trace of mema$" replay "$scratch/text"
refuses 'a name with a line feed' 2 "^mema replay: '/no\\?such' cannot be opened" replay '/no
such'
refuses 'what only begins as zstd does' 2 "^mema replay: '.*almost' (is damaged: zstd says|ends too early|is compressed with zstd)" replay "$scratch/almost"
refuses 'a later format' 2 "^mema replay: '.*later' is a trace of format 2, " replay "$scratch/later"
refuses 'nothing but the first bytes' 2 "^mema replay: '.*magic' ends too early" replay "$scratch/magic"
refuses 'more behind the end' 2 "^mema replay: '.*longer' is damaged: there is more behind its end" replay "$scratch/longer"
refuses 'a trace twice' 2 "^mema replay: '.*twice' is damaged: there is more behind its end" replay "$scratch/twice"
for file in "$plain" "$trace"; do
  bytes=$(wc -c <"$file")
  for length in 1 3 4 7 8 9 20 40 $((bytes / 2)) $((bytes - 5)) $((bytes - 1)); do
    head -c "$length" "$file" >"$scratch/cut"
    refuses "$(basename "$file"), its first $length bytes" 2 "^mema replay: '.*cut' (ends too early|is no trace)" replay "$scratch/cut"
  done
done
for at in 9 30 60 100; do
  byte='\377'
  [ "$(od -An -to1 -j$at -N1 "$plain" | tr -d ' ')" = 377 ] && byte='\0'
  { head -c $at "$plain"; printf "$byte"; tail -c +$((at + 2)) "$plain"; } >"$scratch/changed"
  refuses "a changed byte at $at" 2 "^mema replay: '.*changed' is damaged: .*before byte [0-9]+\)$" replay "$scratch/changed"
done
same 'a trace by another way' 0 "$(guard "$mema" replay --list /dev/stdin <"$plain" >/dev/null 2>&1; echo $?)"
same 'a trace through a pipe' 0 "$(cat "$plain" | guard "$mema" replay --list /dev/stdin >/dev/null 2>&1; echo $?)"

# ---- the work played -----------------------------------------------------------------------------------------------------
section play

run replay --list "$trace"
same '--list: status 0' 0 "$status"
has '--list: the trace' '^.*t.mema: 1 process, 23 operations$' "$scratch/out"
has '--list: the process' '^ +1 known +[0-9]+ +1 +23 +9 +2 +8 +' "$scratch/out"
has '--list: what was refused' 'was refused memory when it was recorded, which is not played: 4$' "$scratch/out"
cp "$recorded/known" "$scratch/$(printf 'h\303\251%.0s' 1 2 3 4 5 6 7 8 9)"
run record -o "$scratch/named.mema" "$scratch/$(printf 'h\303\251%.0s' 1 2 3 4 5 6 7 8 9)"
run replay --list "$scratch/named.mema"
same '--list: a name of two bytes a letter is cut between letters' "$(printf '  %5d ' 1; printf 'h\303\251%.0s' 1 2 3 4 5 6 7 8; printf ' ')" \
  "$(tail -n +3 "$scratch/out" | head -n 1 | cut -c 1-33)"
run replay --list "$trace"
same '--list: plays nothing' 0 "$(grep -c '^ *heap ' "$scratch/out")"
if [ -w /dev/full ]; then
  for way in --list --rounds=1; do
    guard "$mema" replay $way "$trace" >/dev/full 2>"$scratch/err"
    same "$way to a full disk: status 2" 2 $?
    oneLine "$way to a full disk: said" '^mema replay: cannot write to stdout' "$scratch/err"
  done
fi
run replay --rounds 3 "$trace"
same 'played: status 0' 0 "$status"
# 23 operations, of which 4 were refused.
for heap in mema glibc; do
  cell $heap "$heap: every operation" 8 19
  cell $heap "$heap: none refused" 1 0
  cell $heap "$heap: none skipped" 0 0
done
# Live at most: 200 + 0 + 128 + 10 + 1000 + 1 + 1 + 42 bytes and an object of no bytes, which is charged 1.
run replay --rounds 1 --tracked --pool 1383 "$trace"
same 'a budget that is just enough: none refused' '0 0' "$(awk '$1 == "mema," { print $(NF - 1), $NF }' "$scratch/out")"
run replay --rounds 1 --tracked --pool 1382 "$trace"
same 'a byte less: one refused' '1 0' "$(awk '$1 == "mema," { print $(NF - 1), $NF }' "$scratch/out")"
run replay --rounds 1 --tracked --pool 999 "$trace"
same 'a budget below one of the objects: it is refused, its release skipped' '19 1 1' \
  "$(awk '$1 == "mema," { print $(NF - 8) + $NF, $(NF - 1), $NF }' "$scratch/out")"
cell glibc 'the budget is the pool'"'s" 1 0
cell mema, 'less work: no ratio' 4 -
cell glibc 'beside less work: no ratio' 4 -
has 'less work: said what was done' '^  no ratio: mema, tracked did 17 of 19 operations, so its figures are of less work$' "$scratch/out"
run replay --rounds 1 --tracked --pool 1383 "$trace"
cell mema, 'all of the work: a ratio' 4 1.00
same 'all of the work: nothing is said' 0 "$(grep -c 'no ratio' "$scratch/out")"

record "$recorded/forks"
run replay --rounds 2 "$trace"
wanted=$(awk '{ for (i = 1; i < NF; i++) if ($i == "allocations" || $i == "zeroed" || $i == "releases") sum += $(i + 1) } END { print sum }' "$scratch/sums")
cell mema 'several processes: the sum' 8 "$wanted"
has 'several processes: what is not played' 'released what it had from before the record, which is not played: 1$' "$scratch/out"
run replay --rounds 1 --process 2 "$trace"
cell mema 'one process of several' 8 2000
refuses_after() { # the table of the trace comes first
  run replay "$@"
  same "$1 $2: status 2" 2 "$status"
}
refuses_after --process 5 "$trace"
oneLine '--process 5: said' '^mema replay: --process 5: there are 4 in ' "$scratch/err"
refuses_after --list --process 5 "$trace"
run replay --list --process 2 "$trace"
same '--list --process 2: that one' '2 1' "$(awk 'NR > 2 && $1 ~ /^[0-9]+$/ { print $1 }' "$scratch/out") $(grep -c '^ *[0-9]' "$scratch/out")"

# ---- against libraries ---------------------------------------------------------------------------------------------------
section libraries

cat >"$scratch/counting.c" <<'C'
#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>
/* Hands out from an array, and never takes back; ends the process where it is asked for 1000 bytes if so compiled. */
static _Alignas(4096) char room[1 << 22];
static size_t used;
void *aligned_alloc(size_t alignment, size_t size) {
  used = (used + alignment - 1) / alignment * alignment + size + 1;
  return room + used - size - 1;
}
void *malloc(size_t size) {
#ifdef FATAL
  if (size == 5) FATAL;
#endif
#ifdef REFUSAL
  if (size == 5 && access(REFUSAL, F_OK) != 0 && creat(REFUSAL, 0600) >= 0) return NULL;
#endif
  return aligned_alloc(16, size);
}
void *calloc(size_t count, size_t size) { return malloc(count * size); }
void *realloc(void *ptr, size_t size) { return malloc(size); }
void free(void *ptr) {}
C
library() {
  $CC -shared -fPIC -O1 -w -fno-builtin "$@" "$scratch/counting.c"
}
library -o "$scratch/counting.so"
library -DFATAL='__builtin_trap()' -o "$scratch/crashing.so"
library -DFATAL='_exit(0)' -o "$scratch/leaving.so"
library -Drealloc=otherName -o "$scratch/lacking.so"
$CC -shared -fPIC -O1 -w -fno-builtin -ftls-model=initial-exec -x c - -x none -o "$scratch/tls.so" <<'C'
#include <stdlib.h>
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);
static _Thread_local volatile char large[20000];
void *malloc(size_t size) { large[size % 20000] = 1; return __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return __libc_calloc(count, size); }
void *realloc(void *ptr, size_t size) { return __libc_realloc(ptr, size); }
void *aligned_alloc(size_t alignment, size_t size) { return __libc_memalign(alignment, size); }
void free(void *ptr) { __libc_free(ptr); }
C
run record -o "$trace" "$recorded/known"
run replay --rounds 2 --against "$scratch/counting.so" --against "$scratch/tls.so" "$trace"
same 'libraries: status 0' 0 "$status"
cell counting.so 'a library: every operation' 8 19
cell tls.so 'a library with much thread-local data' 8 19
library -DREFUSAL="\"$scratch/refused\"" -o "$scratch/sullen.so"
run replay --rounds 3 --against "$scratch/sullen.so" "$trace"
same 'a library that refuses in the first round only: it did' yes "$([ -e "$scratch/refused" ] && echo yes)"
cell sullen.so 'a library that refuses in one round: no ratio' 4 -
cell sullen.so 'a library that refuses in one round: its refusals' 1 1
has 'a library that refuses in one round: said' '^  no ratio: sullen.so did [0-9]+ of 19 operations' "$scratch/out"
same 'a library that refuses: the others have their ratios' 1 "$(awk '$1 == "glibc" && $(NF - 4) ~ /^[0-9.]+$/' "$scratch/out" | wc -l)"
for name in libmimalloc.so.2 libjemalloc.so.2; do
  if ldconfig -p 2>/dev/null | grep -q "$name " || /sbin/ldconfig -p 2>/dev/null | grep -q "$name "; then
    run replay --rounds 2 --against $name "$trace"
    cell $name "$name: every operation" 8 19
  else
    skip $name 'it is not installed'
  fi
done
against() {
  run replay --rounds 1 --against "$2" "$trace"
  same "$1: status 2" 2 "$status"
  oneLine "$1" "$3" "$scratch/err"
}
against 'a library that is not there' /no/such.so '^mema replay: cannot play against .*/no/such.so'
against 'a file that is no library' "$trace" '^mema replay: cannot play against '
against 'a library without a heap' libm.so.6 '^mema replay: cannot play against .*it has not got malloc'
against 'a library with half a heap' "$scratch/lacking.so" '^mema replay: cannot play against .*it has not got malloc'
against 'a library that crashes' "$scratch/crashing.so" "^mema replay: '.*crashing.so' was ended by signal [0-9]+ while"
cat >"$scratch/childless.c" <<'C'
#include <signal.h>
#include <unistd.h>
int main(int argc, char **argv) {
  signal(SIGCHLD, SIG_IGN);
  execv(argv[1], argv + 1);
  return 125;
}
C
$CC -w -o "$scratch/childless" "$scratch/childless.c"
guard "$scratch/childless" "$mema" replay --rounds 1 --against "$scratch/crashing.so" "$trace" >"$scratch/out" 2>"$scratch/err"
has 'a library that crashes, SIGCHLD ignored' "^mema replay: '.*crashing.so' was ended by signal [0-9]+ while" "$scratch/err"
against 'a library that leaves' "$scratch/leaving.so" "^mema replay: '.*leaving.so' ended the process"

# ---- the traces of the repository ----------------------------------------------------------------------------------------
section ourTraces

total=0
for name in gcc sqlite3 python3 perl; do
  file=bench/traces/$name.mema
  : >"$scratch/err"
  if [ ! -f "$file" ] || ! "$dump" -s "$file" >"$scratch/sums" 2>"$scratch/err"; then
    if grep -q 'compressed with zstd' "$scratch/err"; then skip "$file" 'this build has no zstd'; else notOk "$file" "$(cat "$scratch/err")"; fi
    continue
  fi
  run replay --rounds 1 "$file"
  same "$file is played" 0 "$status"
  cell mema "$file: the pool refuses nothing" 1 0
  same "$file: nothing was lost" 0 "$(grep -vc ' lost 0$' "$scratch/sums")"
  total=$((total + $(wc -c <"$file")))
done
if [ "$total" -lt 1048576 ]; then ok 'together they are less than 1 MiB'; else notOk 'together they are less than 1 MiB' "$total"; fi

# ---- without zstd --------------------------------------------------------------------------------------------------------
section withoutZstd

bare=$scratch/bare
run record -o "$trace" "$recorded/known"
if guard make -s BUILD="$bare" CC="$CC" ZSTD=0 EXTRA='-O0 -w' "$bare/mema" "$bare/libmema-record.so" >"$scratch/make" 2>&1; then
  same 'without zstd: it is not linked' 0 "$(ldd "$bare/mema" | grep -c zstd)"
  guard "$bare/mema" replay --rounds 1 "$plain" >"$scratch/out" 2>"$scratch/err"
  same 'without zstd: a plain trace is played' 0 $?
  guard "$bare/mema" record -o "$scratch/bare.mema" "$recorded/known" 2>"$scratch/err"
  same 'without zstd: recorded' 7 $?
  same 'without zstd: the trace is plain' memaTRC "$(head -c 7 "$scratch/bare.mema")"
  same 'without zstd: and the same' "$("$dump" "$plain")" "$("$dump" "$scratch/bare.mema")"
  if [ "$(head -c 7 "$trace")" != memaTRC ]; then
    guard "$bare/mema" replay "$trace" >"$scratch/out" 2>"$scratch/err"
    same 'without zstd: a compressed trace, status 2' 2 $?
    oneLine 'without zstd: a compressed trace' "^mema replay: '.*' is compressed with zstd, .*: install libzstd-dev and make mema again, or decompress the file with .zstd -dc'\$" "$scratch/err"
  fi
else
  notOk 'without zstd: builds' "$(head -c 600 "$scratch/make")"
fi

finish
