#!/bin/sh
# record.sh - the tests of `mema record`. BUILD is the directory of the products (default: build), CC the compiler.
# The programs that are recorded are in tests/recorded; tests/traces/dump shows the trace.
cd "$(dirname "$0")/../.." || exit 1
. tests/cli/traces.sh

# ---- questions -----------------------------------------------------------------------------------------------------------
section questions

run record --help
same '--help: status 0' 0 "$status"
has '--help: names the options' '--finish=RAW' "$scratch/out"
same '--help: says that palloc is not seen' 1 "$(tr -s ' \n' '  ' <"$scratch/out" | grep -c 'Recorded are calls of the malloc family: chunks of a pool (palloc), .* are not seen')"
refuses 'no command' 2 '^mema record: no command given' record -o "$trace"
refuses 'no trace' 2 '^mema record: -o needs' record true
refuses 'a trace without a name' 2 '^mema record: -o needs' record -o '' true
refuses 'a trace to stdout' 2 '^mema record: -o needs' record -o - true
refuses 'unknown option' 2 "^mema record: unrecognized option '--foo'; see .mema record --help'$" record --foo -o "$trace" -- true
refuses '--finish with a command' 2 '^mema record: --finish runs no command' record -o "$trace" --finish x true
refuses 'a program that is not there' 127 "^mema record: cannot run 'noSuchProgram'" record -o "$trace" noSuchProgram
refuses 'a file that is no program' 126 "^mema record: cannot run '/etc/passwd'" record -o "$trace" /etc/passwd
refuses 'a folder that is not there' 2 '^mema record: cannot write the trace ' record -o /nonexistent/t true
refuses 'a folder as a trace' 2 '^mema record: cannot write the trace ' record -o /tmp true
cp "$recorded/known" "$scratch/setuid"
if chown 65534 "$scratch/setuid" 2>/dev/null && chmod u+s "$scratch/setuid"; then
  refuses 'set-user-ID' 2 'is set-user-ID.*it cannot be recorded; start a copy of it' record -o "$trace" "$scratch/setuid"
else
  skip 'set-user-ID' 'only root can make one of another user'
fi
if echo 'int main(void) { return 0; }' | $CC -static -x c - -o "$scratch/static" 2>"$scratch/compiler"; then
  refuses 'statically linked' 2 'is statically linked.*it cannot be recorded; link it without -static$' record -o "$trace" "$scratch/static"
else
  skip 'statically linked' 'the C library has no static form here'
fi
printf '\177ELF no program\n' >"$scratch/broken"
chmod +x "$scratch/broken"
refuses 'a program that cannot begin' 126 'Exec format error' record -o "$trace" "$scratch/broken"
if [ -e "$trace" ] || [ -e "$trace.raw" ]; then notOk 'nothing is left of what never began' "$(ls "$scratch")"; else ok 'nothing is left of what never began'; fi
echo precious >"$trace"
run record -o "$trace" "$scratch/broken"
same 'what never began leaves an old trace alone' precious "$(cat "$trace")"
cat >"$scratch/few.c" <<'C'
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct rlimit most = {(rlim_t)atoi(argv[1]), (rlim_t)atoi(argv[1])};
  return setrlimit(RLIMIT_NOFILE, &most) != 0 || execv(argv[2], argv + 2) != 0;
}
C
$CC -w -o "$scratch/few" "$scratch/few.c"
for most in 4 5; do
  rm -f "$trace"
  guard "$scratch/few" $most "$mema" record -o "$trace" true 2>"$scratch/err"
  same "$most descriptors at most: status 2" 2 $?
  same "$most descriptors at most: nothing is left" '' "$(cd "$scratch" && ls | grep -e '^t\.mema' -e '^mema-')"
done
mkdir "$scratch/alone"
cp "$mema" "$scratch/alone/mema"
guard "$scratch/alone/mema" record -o "$trace" true 2>"$scratch/err"
same 'library: nowhere, status 2' 2 $?
oneLine 'library: nowhere' '^mema record: libmema-record.so is neither.*MEMA_RECORD_LIBRARY' "$scratch/err"
MEMA_RECORD_LIBRARY=$BUILD/libmema-record.so guard "$scratch/alone/mema" record -o "$trace" true 2>"$scratch/err"
same 'library: named' 0 $?

# ---- the operations recorded ---------------------------------------------------------------------------------------------
section contents

record "$recorded/known"
same 'known: the status is its own' 7 "$status"
oneLine 'known: the summary' '^mema record: 1 process, 23 operations, in [0-9]+ B of ' "$scratch/err"
"$dump" "$trace" >"$scratch/known"
of32Bits=
[ "$pointerBytes" -ne 4 ] || of32Bits='s/ 9223372036854775808$/ 2147483648/; s/ 18446744073709551615$/ 4294967295/'
sed "$of32Bits" >"$scratch/expected" <<'LIST'
process known threads 1 operations 23 allocations 3 zeroed 1 aligned 5 resizes 2 releases 8 strangers 0 refused 4 lost 0
malloc 0 100
calloc 1 21
malloc 2 0
realloc 0 200
free 1
memalign 1 128 64
memalign 3 10 4096
memalign 4 1000 256
memalign 5 1 4096
memalign 6 1 4096
malloc 7 5
refused 9223372036854775808
refused 9223372036854775808
refused 18446744073709551615
realloc 7 42
free 2
refused 18446744073709551615
free 0
free 1
free 3
free 4
free 5
free 6
LIST
if diff "$scratch/expected" "$scratch/known" >"$scratch/diff"; then ok 'known: operation by operation'; else notOk 'known: operation by operation' "$(cat "$scratch/diff")"; fi
same 'the raw file is gone' 't.mema' "$(cd "$scratch" && echo t.mema*)"
run record --plain -o "$scratch/p.mema" "$recorded/known"
same 'plain: the same operations' "$(cat "$scratch/expected")" "$("$dump" "$scratch/p.mema")"
same 'plain: what it begins with' memaTRC "$(head -c 7 "$scratch/p.mema")"
if command -v zstd >/dev/null && [ "$(head -c 7 "$trace")" != memaTRC ]; then
  zstd -dcq "$trace" >"$scratch/unpacked"
  same 'compressed: zstd unpacks it to a plain trace' "$(cat "$scratch/expected")" "$("$dump" "$scratch/unpacked")"
else
  skip 'compressed: zstd unpacks it' 'there is no zstd'
fi
cp "$trace" "$scratch/again.mema"
run record -o "$scratch/again.mema" true
same 'an old trace is replaced' 1 "$("$dump" -s "$scratch/again.mema" | wc -l)"
same 'a program that asks for nothing is in it' 'process true threads 1' "$("$dump" -s "$scratch/again.mema" | cut -d ' ' -f 1-4)"
same 'a program that asks for nothing: said' 2 "$(wc -l <"$scratch/err")"
empty='^mema record: no call of the malloc family was seen; palloc, and what a program maps by itself, is not recorded$'
has 'a program that asks for nothing: said why' "$empty" "$scratch/err"
cat >"$scratch/pooled.c" <<'C'
#include <mema.h>
int main(void) {
  Pool pool;
  if (!initPool(&pool, 65536)) return 1;
  for (int i = 0; i < 100; i++) {
    if (palloc(&pool, 100) == NULL) return 1;
  }
  return freePool(&pool) ? 6 : 1;
}
C
$CC -std=c11 -Iinclude -w -o "$scratch/pooled" "$scratch/pooled.c" "$BUILD/libmema.a" -pthread
run record -o "$trace" "$scratch/pooled"
same 'chunks of a pool: the status' 6 "$status"
has 'chunks of a pool are not seen: said' "$empty" "$scratch/err"
run record -o "$trace" "$recorded/known"
same 'calls of malloc: nothing of the kind is said' 1 "$(wc -l <"$scratch/err")"
run record -o "$trace" -- sh -c 'unset LD_PRELOAD; exec true'
same 'an exec without the library: it is put back, and both programs are recorded' 2 "$("$dump" -s "$trace" | wc -l)"
MEMA_RECORD_LIBRARY=$BUILD/libmema-preload.so run record -o "$trace" true
oneLine 'no process loaded the library: said, first line' '^mema record: 0 processes, 0 operations' "$(head -n 1 "$scratch/err" >"$scratch/err2"; echo "$scratch/err2")"
has 'no process loaded the library: said' '^mema record: no process loaded libmema-record.so: nothing was recorded$' "$scratch/err"

cat >"$scratch/opens.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
int main(int argc, char **argv) {
  void *library = dlopen(argv[1], RTLD_NOW | RTLD_DEEPBIND), *(*make)(size_t) = library != NULL ? dlsym(library, "pluginMake") : NULL;
  if (make == NULL) return 1;
  for (int i = 0; i < 3; i++) free(make(12345));
  return 0;
}
C
$CC -w -fno-builtin -o "$scratch/opens" "$scratch/opens.c" -ldl
$CC -w -fno-builtin -shared -fPIC -o "$scratch/plugin.so" tests/guest/plugin.c
for option in '' --deepbind; do
  rm -f "$trace"
  run record -o "$trace" $option -- "$scratch/opens" "$scratch/plugin.so"
  same "RTLD_DEEPBIND $option: the status" 0 "$status"
  [ -n "$option" ] && expected='0 0' || expected='3 1'
  same "RTLD_DEEPBIND $option: the calls of the library, and a word about it" "$expected" \
    "$("$dump" "$trace" | grep -c '^malloc [0-9]* 12345$') $(grep -c '^mema record: took RTLD_DEEPBIND out of 1 call of dlopen' "$scratch/err")"
done

strange=$scratch/$(printf 'a\033[31mb\nc').mema
run record -o "$strange" "$recorded/known"
oneLine 'a strange name: one line, without its terminal sequence' "^mema record: 1 process, .*/a\\?\\[31mb\\?c.mema'$" "$scratch/err"
run replay --list "$strange"
has 'a strange name: in the list' '/a\?\[31mb\?c.mema: 1 process' "$scratch/out"
refuses 'a very long name: the reason is said' 127 ': (No such file or directory|File name too long)$' record -o "$trace" "/nonexistent/$(printf '%03000d' 0 | sed 's/0/d\//g' | cut -c 1-4000)"

record "$recorded/threads" 4 20000
sum 'threads: all of them' threads 5
sum 'threads: every allocation' allocations 80000
# The C library's own objects, one for each thread, may outlive it.
leftover() {
  sed 's/.*allocations \([0-9]*\) zeroed \([0-9]*\).*releases \([0-9]*\).*/\1 \2 \3/' "$scratch/sums" | awk '{ left = $1 + $2 - $3; print (left >= 0 && left <= $2) }'
}
same 'threads: every release' 1 "$(leftover)"
sum 'threads: an address that is handed out again is a new object' strangers 0
sum 'threads: nothing is lost' lost 0
record "$recorded/threads" 16 5000
sum 'many threads: every allocation' allocations 80000
same 'many threads: every release' 1 "$(leftover)"
sum 'many threads: none is a stranger' strangers 0

record "$recorded/forks"
same 'forks: the status' 0 "$status"
same 'forks: fork, _Fork and clone are processes, vfork is not' 4 "$(wc -l <"$scratch/sums")"
for child in 2 3 4; do
  sum "forks: child $child, its allocations" allocations 1000 $child
  sum "forks: child $child, its releases" releases 1000 $child
  sum "forks: child $child, what it had from its parent" strangers 1 $child
done
sum 'forks: the parent' allocations 20
record "$recorded/forks" threads
same 'forks among threads: the status' 0 "$status"
same 'forks among threads: the children' 11 \
  "$(tail -n +2 "$scratch/sums" | grep -c ' allocations 1000 .* releases 1000 strangers 1 refused 0 lost 0')"
for how in kill exit abort; do
  (ulimit -c 0; record "$recorded/killed" 10000 $how; echo "$status" >"$scratch/status") 2>/dev/null
  sum "$how: all that it did" allocations 10000
done
same 'exit: the last object' 'malloc 9999 10009' "$("$dump" "$trace" | tail -n 1)"
record sh -c 'exec sh -c "exec \"\$0\"" "$0"' "$recorded/known"
same 'exec: a process each time' 'sh sh known' "$(cut -d ' ' -f 2 "$scratch/sums" | tr '\n' ' ' | sed 's/ $//')"
record "$CC" -O1 -x c -c tests/recorded/known.c -o "$scratch/known.o"
same 'the compiler: its status' 0 "$status"
has 'the compiler: the process within' '^process (cc1|clang[^ ]*) .* operations [0-9]{4}' "$scratch/sums"

# ---- the program notices nothing -----------------------------------------------------------------------------------------
section unnoticed

for code in 0 1 42 127 255; do
  run record -o "$trace" -- sh -c "exit $code"
  same "exit status $code" $code "$status"
done
for signal in TERM KILL SEGV; do
  number=$(kill -l $signal 2>/dev/null || env kill -l $signal)
  (ulimit -c 0; run record -o "$trace" -- sh -c "kill -$signal \$\$"; echo "$status" >"$scratch/status") 2>/dev/null
  same "ended by SIG$signal" $((128 + number)) "$(cat "$scratch/status")"
done
run record -o "$trace" printf 'a\0b'
same 'stdout is untouched' 'a0b' "$(tr '\0' 0 <"$scratch/out")"
same 'stdin is untouched' through "$(echo through | guard "$mema" record -o "$trace" cat 2>/dev/null)"
descriptors='ls /proc/self/fd | tr "\n" " "'
same 'descriptors are those of a plain run' "$(guard sh -c "$descriptors")" "$(guard "$mema" record -o "$trace" -- sh -c "$descriptors" 2>/dev/null)"
guard "$mema" record -o "$trace" -- "$recorded/known" >&- 2>&- <&-
same 'stdin, stdout and stderr closed: the status stays' 7 $?
same 'stdin, stdout and stderr closed: the trace is whole' "$(cat "$scratch/expected")" "$("$dump" "$trace")"
(cd "$scratch" && guard "$mema" record -o relative.mema -- sh -c 'cd /; exec "$0"' "$recorded/known" 2>/dev/null)
same 'a relative name counts from here' known "$("$dump" -s "$scratch/relative.mema" | tail -n 1 | cut -d ' ' -f 2)"

cat >"$scratch/early.c" <<'C'
#include <stdlib.h>
#include <unistd.h>
static void *early;
static int answer(void) { return 42; }
__attribute__((used)) static int (*resolve(void))(void) { early = malloc(5000); return answer; }
int indirect(void) __attribute__((ifunc("resolve")));
int main(void) { free(indirect() == 42 ? early : NULL); _exit(0); }
C
$CC -std=gnu11 -O2 -w -fno-builtin -Wl,-z,lazy -o "$scratch/early" "$scratch/early.c"
record "$scratch/early"
same 'before there is an environment: written down all the same' 'malloc 0 5000 free 0' "$("$dump" "$trace" | tail -n +2 | tr '\n' ' ' | sed 's/ $//')"
cat >"$scratch/closing.c" <<'C'
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
int main(void) {
  static void *volatile sink;
  struct rlimit none = {0, 0};
  for (int i = 0; i < 1000; i++) close(i);
  if (setrlimit(RLIMIT_NOFILE, &none) != 0) return 1;
  for (int i = 0; i < 10000; i++) sink = malloc(8);
  if (sink == NULL) return 1;
  _exit(9);
}
C
$CC -std=gnu11 -O2 -w -fno-builtin -o "$scratch/closing" "$scratch/closing.c"
record "$scratch/closing"
same 'without any descriptor: the status' 9 "$status"
sum 'without any descriptor: all of it' allocations 10000
(ulimit -v 65536; record "$recorded/filling" 100000; echo "$status" >"$scratch/status")
same 'little address space: the status' 4 "$(cat "$scratch/status")"
sum 'little address space: all of it' releases 100000
echo 'int main(void) { return __builtin_malloc(150ul << 20) == 0; }' | $CC -O0 -w -x c - -o "$scratch/large"
(ulimit -v 200000; run record -o "$trace" "$scratch/large"; echo "$status" >"$scratch/status")
same 'little address space: most of it is left to the program' 0 "$(cat "$scratch/status")"

# A heap that may be interrupted: it hands out one address after another, and begins anew after 4 GiB.
cat >"$scratch/bump.c" <<'C'
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
static _Atomic uintptr_t room, used;
void *malloc(size_t size) {
  uintptr_t none = 0;
  if (room == 0) {
    uintptr_t made = (uintptr_t)mmap(NULL, 1ul << 32, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!atomic_compare_exchange_strong(&room, &none, made)) munmap((void *)made, 1ul << 32);
  }
  return (void *)(room + (atomic_fetch_add(&used, (size + 31) & ~15ul) & 0xffffffff));
}
void *calloc(size_t count, size_t size) { return malloc(count * size); }
void *realloc(void *ptr, size_t size) { return malloc(size); }
void *aligned_alloc(size_t alignment, size_t size) { return malloc(size); }
void *memalign(size_t alignment, size_t size) { return malloc(size); }
void free(void *ptr) {}
C
$CC -shared -fPIC -O1 -w -fno-builtin -o "$scratch/bump.so" "$scratch/bump.c"
record sh -c 'LD_PRELOAD=$LD_PRELOAD:$1 exec "$0"' "$recorded/interrupts" "$scratch/bump.so"
same 'signal handlers: the status' 0 "$status"
sum 'signal handlers: what was interrupted and what interrupted is written down' releases "$(cat "$scratch/out")" 2
sum 'signal handlers: nothing twice' strangers 0 2

# Behind another heap, and before one.
run record -o "$trace" -- sh -c 'LD_PRELOAD=$LD_PRELOAD:$1 MEMA_POOL_SIZE=1M exec "$0" 100000 exit' "$recorded/killed" "$BUILD/libmema-preload.so"
same 'a heap that is preloaded behind serves the program' 1 "$("$dump" "$trace" | grep -c '^refused' | awk '{ print ($1 > 0) }')"
run run --pool 64M -- "$mema" record -o "$trace" -- "$recorded/killed" 100000 exit
same 'a record inside a run: the pool is in force, and it is written down' 1 \
  "$("$dump" "$trace" | grep -c '^refused' | awk '{ print ($1 > 0) }')"

# ---- no room -------------------------------------------------------------------------------------------------------------
section noRoom

(ulimit -f 32768; record "$recorded/filling" 2000000; echo "$status" >"$scratch/status"; cp "$scratch/err" "$scratch/err2")
same 'a limit of the file: the status stays' 4 "$(cat "$scratch/status")"
same 'a limit of the file: nothing is said by the program' done "$(cat "$scratch/out")"
has 'a limit of the file: said' '^mema record: there was no room for the last [0-9]+ events' "$scratch/err2"
same 'a limit of the file: what was written and what was lost is all' 4000001 \
  "$(sed 's/.*operations \([0-9]*\) .*lost \([0-9]*\)$/\1 \2/' "$scratch/sums" | awk '{ print $1 + $2 }')"
full=$scratch/full
if mkdir "$full" && mount -t tmpfs -o size=4m none "$full" 2>/dev/null; then
  run record -o "$full/t.mema" "$recorded/filling" 500000
  same 'a full disk: the status stays' 4 "$status"
  has 'a full disk: said' "^mema record: the trace .* could not be written: .*the events are in '$full/t.mema.raw', for --finish" "$scratch/err"
  run record -o "$trace" --finish "$full/t.mema.raw"
  has 'a full disk: --finish to another says what is missing' '^mema record: there was no room for the last [0-9]+ events' "$scratch/err"
  "$dump" -s "$trace" >"$scratch/sums" 2>&1
  has 'a full disk: what it had room for is there' '^process filling .* releases 1[0-9]{5} strangers 0 .* lost [1-9][0-9]+$' "$scratch/sums"
  umount "$full"
else
  skip 'a full disk' 'no right to mount one'
fi
if [ -w /dev/full ]; then
  run record -o /dev/full -- "$recorded/filling" 10
  same 'a trace that cannot be written: the status stays' 4 "$status"
  has 'a trace that cannot be written: said' "^mema record: the trace '/dev/full' could not be written: .*the events are in '" "$scratch/err"
  raw=$(sed -n "s/.*events are in '\([^']*\)'.*/\1/p" "$scratch/err")
  run record -o "$trace" --finish "$raw"
  same 'a trace that cannot be written: --finish does' 1 "$("$dump" -s "$trace" | grep -c ' releases 10 ')"
fi

# ---- the recording is killed ---------------------------------------------------------------------------------------------
section killed

rm -f "$trace"
mkfifo "$scratch/says"
timeout -s KILL "$MEMA_TEST_LIMIT" "$mema" record -o "$trace" -- "$recorded/killed" 12345 wait >"$scratch/says" 2>/dev/null &
wrapper=$!
read -r word <"$scratch/says"
same 'killed: it was at work' ready "$word"
refuses 'while a recording goes on: another one to the same trace' 2 "^mema record: there is '.*t.mema.raw', of a recording" record -o "$trace" true
refuses 'while a recording goes on: --finish' 2 '^mema record: cannot finish .*: its recording still goes on' record -o "$scratch/u.mema" --finish "$trace.raw"
# timeout's child is the recording, and that one's child is the program. (The shell would be the parent of guard's timeout.)
childOf() {
  [ -z "$1" ] || tr -d ' ' <"/proc/$1/task/$1/children"
}
end() {
  [ -z "$1" ] || kill -9 "$1"
}
# Init collects processes that lost their parent, but at a time of its own.
ended() {
  while [ -n "$1" ] && [ -d "/proc/$1" ] && ! grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; do sleep 0.01; done
}
recording=$(childOf "$wrapper")
program=$(childOf "$recording")
end "$recording"
wait "$wrapper" 2>/dev/null
refuses 'killed, the program lives: --finish' 2 "^mema record: cannot finish .*t.mema.raw': its recording still goes on, in .mema record' or in a program that it started$" record -o "$scratch/u.mema" --finish "$trace.raw"
same 'killed, the program lives: nothing is made, nothing deleted' 't.mema t.mema.raw' "$(cd "$scratch" && echo u.mema* t.mema* | sed 's/u.mema\* //')"
end "$program"
ended "$program"
refuses 'killed: the raw file is in the way of the next' 2 '^mema record: there is .*--finish' record -o "$trace" true
ln -s "$trace.raw" "$scratch/alias"
refuses 'killed: --finish onto the raw file itself' 2 '^mema record: the trace .* would take the place of its own events' record -o "$trace.raw" --finish "$trace.raw"
refuses 'killed: --finish onto the raw file by another name' 2 '^mema record: the trace .* would take the place of its own events' record -o "$scratch/alias" --finish "$trace.raw"
if [ -w /dev/full ]; then
  refuses 'killed: --finish without room keeps the events' 2 "^mema record: the trace '/dev/full' could not be written: .*the events are in " record -o /dev/full --finish "$trace.raw"
fi
run record -o "$trace" --finish "$trace.raw"
same 'killed: --finish, its status' 0 "$status"
"$dump" -s "$trace" >"$scratch/sums"
sum 'killed: --finish finds all of it' allocations 12345
same 'killed: the raw file is gone' 't.mema' "$(cd "$scratch" && echo t.mema*)"
refuses '--finish: no such file' 2 '^mema record: cannot finish ' record -o "$trace" --finish /no/such/file
refuses '--finish: another file' 2 '^mema record: cannot finish .*not what a recording leaves' record -o "$trace" --finish /etc/passwd

# No program that is recorded lives, but the recording does: a static program takes the place of the shell.
rm -f "$trace"
if $CC -static -O1 -w -o "$scratch/killedStatic" tests/recorded/killed.c 2>"$scratch/compiler"; then
  timeout -s KILL "$MEMA_TEST_LIMIT" "$mema" record -o "$trace" -- sh -c 'exec "$0" 1 wait' "$scratch/killedStatic" >"$scratch/says" 2>/dev/null &
  wrapper=$!
  read -r word <"$scratch/says"
  refuses 'the recording lives, without a program: --finish' 2 '^mema record: cannot finish .*: its recording still goes on' record -o "$scratch/u.mema" --finish "$trace.raw"
  end "$(childOf "$(childOf "$wrapper")")"
  wait "$wrapper"
  same 'the recording lives, without a program: its end' '137 t.mema' "$? $(cd "$scratch" && echo t.mema*)"
else
  skip 'the recording lives, without a program' 'the C library has no static form here'
fi

# A child of the recorded program, which only has the mapping that it inherited.
rm -f "$trace"
cat >"$scratch/heir.c" <<'C'
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void) {
  void *volatile chunk = malloc(10);
  if (fork() != 0) return chunk == NULL;
  for (int i = 0; i < 1000; i++) chunk = malloc(20);
  printf("%d\n", (int)getpid());
  fflush(stdout);
  for (;;) pause();
}
C
$CC -std=gnu11 -O1 -w -fno-builtin -o "$scratch/heir" "$scratch/heir.c"
timeout -s KILL "$MEMA_TEST_LIMIT" "$mema" record -o "$trace" -- sh -c '"$0"; sleep 1000' "$scratch/heir" >"$scratch/says" 2>/dev/null &
wrapper=$!
exec 4<"$scratch/says"
read -r heir <&4
recording=$(childOf "$wrapper")
shell=$(childOf "$recording")
for process in "$recording" "$shell" $(childOf "$shell"); do
  end "$process"
  ended "$process"
done
wait "$wrapper" 2>/dev/null
refuses 'killed, a child of the program lives: --finish' 2 '^mema record: cannot finish .*: its recording still goes on' record -o "$scratch/u.mema" --finish "$trace.raw"
end "$heir"
ended "$heir"
exec 4<&-
run record -o "$trace" --finish "$trace.raw"
same 'killed, a child of the program has ended: --finish' 0 "$status"
same 'killed, a child of the program has ended: all of it' 1 "$("$dump" "$trace" | grep -c '^malloc 999 20$')"

# Calls of a program after the end of the command are no loss: no line may say that there was no room.
if [ -w /dev/full ]; then
  mkfifo "$scratch/go" "$scratch/stop"
  exec 5<>"$scratch/go"
  timeout -s KILL "$MEMA_TEST_LIMIT" "$mema" record -o /dev/full -- sh -c '"$0" 100000 <"$1" & echo $!; read word <"$2"; exit 5' "$recorded/lingers" "$scratch/go" "$scratch/stop" \
    >"$scratch/says" 2>"$scratch/err" &
  wrapper=$!
  exec 4<"$scratch/says"
  read -r lingers <&4
  read -r word <&4
  [ "$lingers" = ready ] && lingers=$word
  echo stop >"$scratch/stop"
  wait "$wrapper"
  same 'the command ends before its program: the status' 5 $?
  raw=$(sed -n "s/.*events are in '\([^']*\)'.*/\1/p" "$scratch/err")
  refuses 'the command ended before its program: --finish' 2 '^mema record: cannot finish .*: its recording still goes on' record -o "$trace" --finish "$raw"
  echo go >&5
  read -r word <&4
  same 'the program goes on after the command' done "$word"
  end "$lingers"
  ended "$lingers"
  exec 4<&- 5>&-
  run record -o "$trace" --finish "$raw"
  same 'the command ended before its program: --finish, once that has ended' 0 "$status"
  same 'the command ended before its program: nothing is said of room' 0 "$(grep -c 'no room' "$scratch/err")"
  same 'the command ended before its program: nothing is lost' 0 "$("$dump" -s "$trace" | grep -vc ' lost 0$')"
fi
run record -o "$trace" -- sh -c 'trap "exit 33" TERM; kill -TERM $PPID; while :; do sleep 1; done'
same 'SIGTERM is passed on, and the trace is written' '33 t.mema' "$status $(cd "$scratch" && echo t.mema*)"

finish
