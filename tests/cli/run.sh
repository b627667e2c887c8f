#!/bin/sh
# run.sh - the tests of the command line. BUILD is the directory of the products (default: build), CC the compiler.
cd "$(dirname "$0")/../.." || exit 1
. tests/cli/commands.sh

# ---- help ----------------------------------------------------------------------------------------------------------------
section help

run --help
same '--help: status 0' 0 "$status"
has '--help: lists the commands' '^  run ' "$scratch/out"
run --version
same '--version' 'mema 0.1.0' "$(cat "$scratch/out")"
run run --help
same 'run --help: status 0' 0 "$status"
has 'run --help: names the options' '--pool=SIZE' "$scratch/out"
has 'run --help: names the command' '\[--\] COMMAND' "$scratch/out"
cp "$scratch/out" "$scratch/runHelp"
run help run
same 'help run: is run --help' "0 $(cat "$scratch/runHelp")" "$status $(cat "$scratch/out")"
run --help
cp "$scratch/out" "$scratch/help"
has '--help: lists help itself' '^  help ' "$scratch/out"
for question in help -h; do
  run $question
  same "$question: is --help" "0 $(cat "$scratch/help")" "$status $(cat "$scratch/out")"
done
for question in 'help help' 'help --help' 'help -h'; do
  run $question
  same "$question: status 0" 0 "$status"
  has "$question: explains help" '^Usage: mema help ' "$scratch/out"
done
commands=$(awk '/^Commands:/ {inside = 1; next} /^$/ {inside = 0} inside && /^  [a-z]/ {print $1}' "$scratch/help")
same '--help: there are at least six commands' 1 "$(($(echo "$commands" | wc -l) >= 6))"
for command in $commands; do
  run help $command
  has "help $command" "^Usage: mema $command " "$scratch/out"
done
run run -h
same 'run -h: status 0' 0 "$status"
run run --foo-less --help
same 'run with an unknown option before --help: status 2' 2 "$status"
run run --help --foo
same 'run --help: nothing behind it counts' "0 $(cat "$scratch/runHelp")" "$status $(cat "$scratch/out")"

# widths COMMAND: "WIDTH: LINE" for each line of its help that is wider and could be broken, at each width of a terminal.
widths() {
  columns=20
  while [ $columns -le 150 ]; do
    COLUMNS=$columns "$mema" help $1 >"$scratch/out"
    awk -v most=$columns 'length($0) > most {print most ": " $0}' "$scratch/out"
    columns=$((columns + (columns < 90 ? 1 : 20)))
  done
}
# words COMMAND: the words of its help, at a width.
words() { COLUMNS=$2 "$mema" help $1 | tr -s ' \n' '  '; }
for command in '' $commands; do
  same "help $command: no line is wider than the terminal" '' "$(widths "$command")"
  same "help $command: a narrow terminal loses no word" "$(words "$command" 150)" "$(words "$command" 44)"
done
if [ -w /dev/full ]; then
  for question in --help --version help 'run --help' 'record --help' 'replay --help' 'help run'; do
    guard "$mema" $question >/dev/full 2>"$scratch/err"
    same "$question to a full disk: status 2" 2 $?
    oneLine "$question to a full disk: said" '^mema.*: cannot write to stdout: No space left' "$scratch/err"
  done
fi

# ---- bad questions -------------------------------------------------------------------------------------------------------
section questions

refuses 'no command' 2 '^mema: no command given'
refuses 'unknown command' 2 "^mema: unknown command 'man'; see .mema --help'$" man
refuses 'an empty command' 2 "^mema: unknown command ''; see " ''
refuses 'a command of 200 letters' 2 "^mema: unknown command 'r{200}'; see " "$(printf '%0200d' 0 | tr 0 r)"
refuses 'a command with a terminal sequence' 2 "^mema: unknown command 'a\\?\\[31mb\\?c'; see " "$(printf 'a\033[31mb\nc')"
refuses 'a command with other control characters, and no UTF-8' 2 "^mema: unknown command 'a\\?\\?b\\?$(printf '\303\251')'; see " "$(printf 'a\302\233b\377\303\251')"
# typed, meant
for pair in rnu,run ru,run RUN,run recrod,record recod,record rexord,record records,record play,replay hepl,help; do
  refuses "unknown command ${pair%,*}: meant is ${pair#*,}" 2 \
    "^mema: unknown command '${pair%,*}'; did you mean '${pair#*,}'\\? See .mema --help'$" "${pair%,*}"
done
refuses 'help of an unknown command' 2 "^mema help: unknown command 'rnu'; did you mean 'run'" help rnu
refuses 'help of two commands' 2 "^mema help: one command at a time: 'replay' is too many" help run replay
refuses 'unknown option before the command' 2 "^mema: unrecognized option '--pool'; see .mema --help'$" --pool 5 true
refuses 'unknown option' 2 "^mema run: unrecognized option '--foo'; see .mema run --help'$" run --foo -- true
for pair in pol,pool resreve,reserve max-paek,max-peak junti,junit from-them-on,from-then-on; do
  refuses "unknown option --${pair%,*}: meant is --${pair#*,}" 2 \
    "^mema run: unrecognized option '--${pair%,*}=5'; did you mean '--${pair#*,}'\\? See .mema run --help'$" run "--${pair%,*}=5" -- true
done
refuses 'a word behind two dashes is no option' 127 "^mema run: cannot run '--pool'" run -- --pool 5
refuses 'unknown letter' 2 "^mema run: invalid option -- 'x'; see .mema run --help'$" run -x true
refuses 'the beginning of two options' 2 "^mema run: option '--re' is ambiguous; .*--reserve.*--report.*; see .mema run --help'$" run --re 5 true
refuses 'unknown option with a terminal sequence' 2 "^mema run: unrecognized option '--\\?\\[31m\\?b'; see " run "$(printf -- '--\033[31m\nb')" true
refuses 'no program' 2 '^mema run: no command given' run
refuses 'no program behind the options' 2 '^mema run: no command given' run --pool 1M --
refuses '-o without a file' 2 "^mema record: option requires an argument -- 'o'; see .mema record --help'$" record -o
refuses '--pool without a size' 2 "^mema run: option '--pool' requires an argument" run --pool
refuses '--strict with a value' 2 "^mema run: option '--strict'" run --strict=5 true
for size in 64Q '' -5 -64M 5.5 5.5B M K64 1MM 0x10 1e3 '1  M' ' 1M' '1M ' '1 ' 64iB 64MBi 64MiBs 1.G .5G 1,5G 1.5.5G 1.M5 'a
b'; do
  refuses "size '$(echo "$size" | head -n 1)'" 2 \
    '^mema run: --pool .* is not a size: write bytes \(65536\), or K, M, G or T, .*powers of 1024 \(64M, 64MB, 64MiB, 1\.5G\)$' \
    run --pool "$size" -- true
done
refuses 'size 0' 2 "^mema run: --pool '0' is zero" run --pool 0 -- true
refuses 'size of less than a byte' 2 "^mema run: --pool '0.0009K' is zero" run --pool 0.0009K -- true
refuses 'size 0K' 2 "^mema run: --pool '0K' is zero" run --pool=0K true
for size in 99999999999999999999 9223372036854775808 9007199254740992K 9007199254740992.5KiB 8388608T 9999999T; do
  refuses "size $size" 2 '^mema run: --pool .* is larger than any budget' run --pool $size -- true
done
# Sizes as people write them, and their bytes. The last three are for 64 bits: with 32, no budget is as large.
while IFS='|' read -r size bytes; do
  if [ "$pointerBytes" -eq 4 ] && [ ${#bytes} -gt 10 ]; then
    refuses "size '$size'" 2 '^mema run: --pool .* is larger than any budget' run --pool "$size" -- true
    continue
  fi
  run run --report - --pool "$size" -- true
  same "size '$size'" "0 $bytes" "$status $(figure poolSize <"$scratch/err")"
done <<'SIZES'
65536|65536
65536B|65536
64K|65536
64k|65536
64kb|65536
64KiB|65536
64M|67108864
64m|67108864
64mb|67108864
64MB|67108864
64MiB|67108864
64Mi|67108864
64mib|67108864
64 MB|67108864
16.0 MiB|16777216
1.5G|1610612736
1.5 GiB|1610612736
0.1G|107374182
1.0009765625M|1049600
2147483646|2147483646
3T|3298534883328
8388607.9999999999T|9223372036854775698
9223372036854775806|9223372036854775806
SIZES
refuses '--reserve without a size' 2 "^mema run: option '--reserve' requires an argument" run --reserve
refuses 'a reserve that is no size' 2 "^mema run: --reserve '5x' is not a size" run --pool 1M --reserve 5x -- true
refuses 'a reserve of nothing' 2 "^mema run: --reserve '0' is zero" run --pool 1M --reserve 0 -- true
refuses 'a reserve of all' 2 '^mema run: --reserve is not below --pool' run --pool 1M --reserve 1M -- true
refuses 'a reserve of more, given first' 2 '^mema run: --reserve is not below --pool' run --reserve 2M --pool 1M -- true
refuses 'a reserve of no budget' 2 '^mema run: --reserve needs --pool' run --reserve 1M -- true
refuses '--no-mmap with a value' 2 "^mema run: option '--no-mmap'" run --no-mmap=5 true
refuses 'a program that is not there' 127 "^mema run: cannot run 'noSuchProgram'" run -- noSuchProgram
refuses 'a path that is not there' 127 '^mema run: cannot run ' run -- /no/such/program
refuses 'an empty name' 127 "^mema run: cannot run ''" run -- ''
refuses 'a file that is no program' 126 "^mema run: cannot run '/etc/passwd'" run -- /etc/passwd
refuses 'a directory' 126 "^mema run: cannot run '/tmp'" run -- /tmp
refuses 'a report that cannot be written' 2 '^mema run: cannot write the report ' run --report /nonexistent/r.json -- true
refuses 'a report without a name' 2 '^mema run: --report needs' run --report '' -- true
printf '\177ELF no program\n' >"$scratch/broken"
chmod +x "$scratch/broken"
refuses 'a file in no known format' 126 'Exec format error' run -- "$scratch/broken"

# ---- programs that may not be read ---------------------------------------------------------------------------------------
section unreadable

echo 'int main(void) { return 0; }' | compiled dynamic
cp "$scratch/dynamic" "$scratch/closed" && chmod 111 "$scratch/closed"
run run -- "$scratch/closed"
same 'a program that may not be read runs' 0 "$status"

# ---- the preload library -------------------------------------------------------------------------------------------------
section library

mkdir -p "$scratch/alone" "$scratch/inst/bin" "$scratch/inst/lib/x86_64-any" "$scratch/with space" "$scratch/with:colon"
cp "$mema" "$scratch/alone/mema"
finds() {
  guard "$2" run -- true 2>"$scratch/err"
  same "$1" 0 $?
  has "$1: used" '^mema run: true .*in a pool' "$scratch/err"
}
guard "$scratch/alone/mema" run -- true 2>"$scratch/err"
same 'library: nowhere, status 2' 2 $?
oneLine 'library: nowhere' '^mema run: libmema-preload.so is neither' "$scratch/err"
cp "$mema" "$scratch/inst/bin/mema"
cp "$library" "$scratch/inst/lib/x86_64-any/"
finds 'library: in a directory of ../lib' "$scratch/inst/bin/mema"
mv "$scratch/inst/lib/x86_64-any/libmema-preload.so" "$scratch/inst/lib/"
finds 'library: in ../lib' "$scratch/inst/bin/mema"
mkdir "$scratch/inst/lib64" && mv "$scratch/inst/lib/libmema-preload.so" "$scratch/inst/lib64/"
finds 'library: in ../lib64' "$scratch/inst/bin/mema"
mv "$scratch/inst/lib64/libmema-preload.so" "$scratch/inst/lib/"
MEMA_PRELOAD_LIBRARY=$library finds 'library: named' "$scratch/alone/mema"
(cd "$scratch/inst/lib" && MEMA_PRELOAD_LIBRARY=./libmema-preload.so guard "$mema" run -- sh -c 'cd / && env true; :') 2>"$scratch/err"
same 'library: named with a relative path' 0 $?
same 'library: relative path, found everywhere' 0 "$(grep -c ERROR "$scratch/err")"
has 'library: relative path, used' '^  true ' "$scratch/err"
MEMA_PRELOAD_LIBRARY=/no/such.so guard "$mema" run -- true 2>"$scratch/err"
same 'library: named wrongly, status 2' 2 $?
oneLine 'library: named wrongly' 'MEMA_PRELOAD_LIBRARY' "$scratch/err"
for directory in 'with space' 'with:colon'; do
  cp "$mema" "$library" "$scratch/$directory/"
  guard "$scratch/$directory/mema" run -- true 2>"$scratch/err"
  same "library: $directory, status 2" 2 $?
  oneLine "library: $directory" 'no path with a space or a colon' "$scratch/err"
done
echo 'int other = 1; __attribute__((constructor)) static void load(void) { extern int putenv(char *); putenv("OTHER=loaded"); }' |
  compiled other.so -shared -fPIC
echo "$(LD_PRELOAD=$scratch/other.so guard "$mema" run -- sh -c 'echo "$LD_PRELOAD"' 2>/dev/null)" >"$scratch/out"
same 'LD_PRELOAD: ours is put before what is there' "$(realpath "$library"):$scratch/other.so" "$(cat "$scratch/out")"

# ---- the run -------------------------------------------------------------------------------------------------------------
section run

for code in 0 1 2 42 126 127 255; do
  run run --pool 64M -- sh -c "exit $code"
  same "exit status $code" $code "$status"
done
for signal in TERM KILL INT HUP SEGV ABRT USR1; do
  number=$(kill -l $signal 2>/dev/null || env kill -l $signal)
  (ulimit -c 0; run run -- sh -c "kill -$signal \$\$"; echo "$status" >"$scratch/status") 2>/dev/null
  same "ended by SIG$signal" $((128 + number)) "$(cat "$scratch/status")"
done
run run --report "$scratch/r.json" -- sh -c 'kill -9 $$'
same 'ended by a signal: in the report' 9 "$(figure signal <"$scratch/r.json")"
run run echo --pool 5
same 'options of the program are its own' '--pool 5' "$(cat "$scratch/out")"
run run -- printf 'a\0b'
same 'stdout is untouched' 'a0b' "$(tr '\0' 0 <"$scratch/out")"
same 'stdin is untouched' 'through' "$(echo through | guard "$mema" run -- cat 2>/dev/null)"
same 'stderr of the program comes through' 'said' "$(guard "$mema" run -- sh -c 'echo said >&2' 2>&1 >/dev/null | head -n 1)"
# The program sees the descriptors that we were given, and none of ours.
descriptors='ls /proc/self/fd | tr "\n" " "'
same 'descriptors are those of a plain run' "$(guard sh -c "$descriptors")" "$(guard "$mema" run --report "$scratch/r.json" -- sh -c "$descriptors" 2>/dev/null)"
guard "$mema" run --report "$scratch/r.json" -- true >&- 2>&- <&-
same 'stdin, stdout and stderr closed: the status stays' 0 $?
same 'stdin, stdout and stderr closed: the report is whole' '{"command": ["true"],' "$(head -n 1 "$scratch/r.json")"
guard "$mema" run --report "$scratch/r.json" -- true 2>&-
same 'stderr closed: the report is whole' 0 "$(grep -c 'mema run' "$scratch/r.json")"
same 'stderr closed: stdout is whole' fine "$(guard "$mema" run -- echo fine 2>&-)"
mkfifo "$scratch/unread"
(
  exec 3<>"$scratch/unread"
  exec 2>"$scratch/unread"
  exec 3<&-
  guard "$mema" run -- sh -c 'exit 4'
)
same 'nobody reads stderr: the status stays' 4 $?
(ulimit -v 65536; run run --pool 16M -- /bin/true; echo "$status" >"$scratch/status")
same 'little address space' 0 "$(cat "$scratch/status")"
has 'little address space: in a pool' '^mema run: true .* in a pool of 16\.0 MiB$' "$scratch/err"
(ulimit -f 64; run run -- true; echo "$status" >"$scratch/status")
same 'a limit of files below the table: status 2' 2 "$(cat "$scratch/status")"
oneLine 'a limit of files below the table' '^mema run: cannot make a table for the figures in .*: File too large' "$scratch/err"
(ulimit -f 65536; run run -- sh -c 'trap "exit 39" XFSZ; kill -XFSZ $$'; echo "$status" >"$scratch/status")
same 'the program does not find SIGXFSZ ignored' 39 "$(cat "$scratch/status")"
dd if=/dev/null of="$scratch/long" bs=1024 seek=65536 2>"$scratch/err"
(
  ulimit -f 65536
  guard sh -c 'exec "$0" run -- sh -c "exit 40" 2>>"$1"' "$mema" "$scratch/long"
  echo $? >"$scratch/status"
)
same 'a limit that the summary meets: the status stays' 40 "$(cat "$scratch/status")"
same 'a size of the environment is not this run'"'s" null \
  "$(MEMA_POOL_SIZE=1M guard "$mema" run --report "$scratch/r.json" -- true 2>/dev/null; grep '"pid"' "$scratch/r.json" | figure poolSize)"
same 'a reserve of the environment is not this run'"'s" 0 "$(MEMA_RESERVE=9M guard "$mema" run --pool 1M -- sh -c 'exit ${MEMA_RESERVE:-0}' >/dev/null 2>&1; echo $?)"
run run --pool 64M --reserve 64K --no-mmap -- sh -c 'echo $MEMA_RESERVE $MEMA_MMAP'
same '--reserve and --no-mmap reach the program' '65536 0' "$(cat "$scratch/out")"
MEMA_MMAP=0 run run -- sh -c 'echo $MEMA_MMAP'
same 'the counting of mappings is this run'"'s" 1 "$(cat "$scratch/out")"
run run --strict -- sh -c 'echo $MEMA_STRICT'
same '--strict reaches the program' 1 "$(cat "$scratch/out")"
MEMA_STRICT=1 run run -- sh -c 'echo $MEMA_STRICT'
same 'strictness is this run'"'s" 0 "$(cat "$scratch/out")"

# Signals: the parent stays for the summary, the program gets them.
run run -- sh -c 'trap "exit 33" TERM; kill -TERM $PPID; while :; do sleep 1; done'
same 'SIGTERM is passed on' 33 "$status"
run run -- sh -c 'trap "exit 34" HUP; kill -HUP $PPID; while :; do sleep 1; done'
same 'SIGHUP is passed on' 34 "$status"
# SIGTERM comes last, and would find the program ended by one of the others.
run run -- sh -c 'trap "exit 1" INT QUIT; trap "exit 35" TERM; kill -INT $PPID; kill -QUIT $PPID; kill -TERM $PPID; while :; do sleep 1; done'
same 'SIGINT and SIGQUIT are left to the program' 35 "$status"
has 'SIGINT: the summary comes' '^mema run: ' "$scratch/err"
# Traps cannot be set for signals that a shell found ignored, so a trap that works shows a default disposition.
run run -- sh -c 'trap "exit 36" INT; kill -INT $$; exit 1'
same 'the program does not find SIGINT ignored' 36 "$status"
# Inside of the guard, which has SIGHUP for itself.
guard sh -c 'trap "" HUP; exec "$0" run -- sh -c "kill -HUP \$PPID; kill -HUP \$\$; exit 37"' "$mema" 2>"$scratch/err"
same 'a SIGHUP that was ignored stays ignored' 37 $?
cat >"$scratch/childless.c" <<'C'
#include <signal.h>
#include <unistd.h>
int main(int argc, char **argv) {
  signal(SIGCHLD, SIG_IGN);
  execv(argv[1], argv + 1);
  return 125;
}
C
compiled childless <"$scratch/childless.c"
cat >"$scratch/asksChild.c" <<'C'
#include <signal.h>
int main(void) { return signal(SIGCHLD, SIG_DFL) == SIG_IGN ? 38 : 1; }
C
compiled asksChild <"$scratch/asksChild.c"
guard "$scratch/childless" "$mema" run -- "$scratch/asksChild" 2>"$scratch/err"
same 'SIGCHLD ignored: the status is the program'"'s, which finds it ignored" 38 $?
guard "$scratch/childless" "$mema" run --report "$scratch/r.json" -- sh -c 'kill -KILL $$' 2>"$scratch/err"
same 'SIGCHLD ignored: ended by a signal' '137 9' "$? $(figure signal <"$scratch/r.json")"

# ---- the summary ---------------------------------------------------------------------------------------------------------
section summary

run run --pool 16M -- true
same 'one process: four lines' 4 "$(wc -l <"$scratch/err")"
has 'one process: its name and its budget' '^mema run: true \([0-9]+\) in a pool of 16\.0 MiB$' "$scratch/err"
has 'one process: its peak' '^  peak +[0-9.]+ [KM]?i?B   live at exit +.*footprint' "$scratch/err"
run run -- true
has 'no budget' 'in a pool without a limit$' "$scratch/err"
run run --pool 64M -- sh -c 'for i in 1 2 3 4 5; do env true; done; :'
has 'many processes: counted' '^mema run: [0-9]+ processes, each in a pool of 64\.0 MiB' "$scratch/err"
has 'many processes: a row' '^  (env|true) +[0-9]+ +[0-9.]+ (B|KiB) ' "$scratch/err"
widths=$(sed -n '2,6p' "$scratch/err" | awk '{ print length($0) }' | sort -u | wc -l)
same 'many processes: the columns are aligned' 1 "$widths"
run run --report "$scratch/r.json" -- sh -c 'i=0; while [ $i -lt 30 ]; do env true; i=$((i + 1)); done; :'
has 'very many processes: a few rows' '^  \.\.\. and [0-9]+ more$' "$scratch/err"
if [ "$(wc -l <"$scratch/err")" -le 25 ]; then ok 'very many processes: no more'; else notOk 'very many processes: no more' ''; fi
if [ "$(grep -c '"pid"' "$scratch/r.json")" -ge 31 ]; then ok 'very many processes: all in the report'; else notOk 'very many processes: all in the report' "$(grep -c '"pid"' "$scratch/r.json")"; fi
cat >"$scratch/greedy.c" <<'C'
#include <stdlib.h>
int main(void) {
  void *volatile chunk = malloc((size_t)32 << 20);
  if (chunk != NULL) return 1;
  chunk = malloc((size_t)-1);
  free((void *)&chunk);
  return chunk == NULL ? 0 : 1;
}
C
compiled greedy -fno-builtin <"$scratch/greedy.c"
run run --pool 16M -- "$scratch/greedy"
same 'a refusal: the program goes on' 0 "$status"
has 'a refusal: said' '^  refused 1 request: the budget of 16\.0 MiB was reached$' "$scratch/err"
has 'a refusal that no budget could help' 'refused 1 request for other reasons than the budget$' "$scratch/err"
has 'a bad free: said' '^  gave 1 bad pointer to free or realloc$' "$scratch/err"
(ulimit -c 0; run run --pool 16M --strict -- "$scratch/greedy"; echo "$status" >"$scratch/status") 2>/dev/null
same '--strict: aborted' 134 "$(cat "$scratch/status")"
has '--strict: said' '^mema: bad free of 0x' "$scratch/err"

cat >"$scratch/mapper.c" <<'C'
#define _GNU_SOURCE
#include <sys/mman.h>
static void *map(unsigned long size) { return mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
int main(void) {
  void *memory = map(4 << 20);
  if (memory == MAP_FAILED || munmap((char *)memory + (3 << 20), 1 << 20) != 0) return 1;
  return map(1ul << 30) == MAP_FAILED ? 3 : 0;
}
C
compiled mapper <"$scratch/mapper.c"
run run --pool 16M --report "$scratch/r.json" -- "$scratch/mapper"
same 'a mapping over the budget: refused' 3 "$status"
has 'mappings: said' '   mapped peak +4\.0 MiB   still mapped +3\.0 MiB$' "$scratch/err"
has 'a mapping over the budget: said' '^  refused 1 request: the budget of 16\.0 MiB was reached$' "$scratch/err"
same 'mappings: in the report' '3145728 4194304' "$(grep '"pid"' "$scratch/r.json" | figure mappedBytes) $(grep '"pid"' "$scratch/r.json" | figure peakMapped)"
has 'mappings: the report says that they are counted' '"mmap": true,' "$scratch/r.json"
run run --pool 16M --no-mmap --report "$scratch/r.json" -- "$scratch/mapper"
same '--no-mmap: not refused' 0 "$status"
same '--no-mmap: not said' 4 "$(wc -l <"$scratch/err")"
has '--no-mmap: in the report' '"mmap": false,' "$scratch/r.json"
run run --pool 1536M -- sh -c "$scratch/mapper; env true; :"
has 'mappings of many: a column' '^  mapper +[0-9]+ +1\.0 GiB +1\.0 GiB +[0-9.]+ KiB +1\.0 GiB ' "$scratch/err"
same 'mappings of many: the columns are aligned' 1 "$(sed -n '2,4p' "$scratch/err" | awk '{ print length($0) }' | sort -u | wc -l)"
run run --pool 16M --reserve 64K --report "$scratch/r.json" -- true
same '--reserve: in the report' 65536 "$(figure reserve <"$scratch/r.json")"
same '--reserve: is no mapping' 0 "$(grep '"pid"' "$scratch/r.json" | figure peakMapped)"

# A table that 9,000 processes have asked for a slot (the number is written for a little-endian machine).
run run --report "$scratch/r.json" -- sh -c 'printf "\050\043\000\000" | dd of="$MEMA_TABLE" bs=1 seek=20 conv=notrunc 2>/dev/null; env true; exit 5'
same 'a full table: the status stays' 5 "$status"
has 'a full table: said' '^  and 8[0-9][0-9] more, which the table had no room for$' "$scratch/err"
has 'a full table: in the report' '"lost": 8[0-9][0-9],' "$scratch/r.json"
run run --pool 32M -- "$mema" run --pool 16M -- sh -c 'exit 6'
same 'a run inside a run: the status' 6 "$status"
has 'a run inside a run: the inner one' '^mema run: sh .* of 16\.0 MiB' "$scratch/err"
has 'a run inside a run: the outer one' '^mema run: mema .* of 32\.0 MiB' "$scratch/err"

# ---- the report ----------------------------------------------------------------------------------------------------------
section report

if command -v perl >/dev/null && perl -MJSON::PP -e 1 2>/dev/null; then
  run run --pool 4M --report "$scratch/r.json" -- perl -e 'exit 3' 'quote " back \ tab	bell '"$(printf '\007\303\251\377\n.')"
  perl -MJSON::PP -e '
    local $/; my $r = decode_json(<STDIN>); my $p = $r->{processes}[0];
    print join("|", $r->{poolSize}, $r->{status}, scalar @{$r->{processes}}, defined $r->{signal} ? 1 : 0, $p->{command},
      $p->{ended} ? "ended" : "", $p->{peakBytes} > 0 && $p->{footprint} > 0 ? "used" : "", scalar @{$r->{command}},
      $r->{command}[3] eq "quote \" back \\ tab\tbell \x07\x{e9}\x{fffd}\n." ? "whole" : "damaged")' \
    <"$scratch/r.json" >"$scratch/out" 2>&1
  same 'the report is JSON, and says what happened' '4194304|3|1|0|perl|ended|used|4|whole' "$(cat "$scratch/out")"
else
  skip 'the report is JSON' 'perl with JSON::PP is not there'
fi
run run --report - -- true
has '--report -: on stderr, in place of the summary' '^\{"command": \["true"\],$' "$scratch/err"
same '--report -: no summary' 0 "$(grep -c 'mema run:' "$scratch/err")"
(cd "$scratch" && guard "$mema" run --report relative.json -- sh -c 'cd /; exit 0') 2>/dev/null
has 'a relative report counts from here' '"status": 0' "$scratch/relative.json"
if [ -w /dev/full ]; then
  run run --report /dev/full -- sh -c 'exit 8'
  same 'a report that cannot be finished: the status stays' 8 "$status"
  has 'a report that cannot be finished: said' "^mema run: the report '/dev/full' could not be written" "$scratch/err"
fi

# Other users may run mema meanwhile, so each run is asked for the name of its own table.
leaves() {
  run run -- sh -c "echo \$MEMA_TABLE >'$scratch/table'; $2"
  case $(cat "$scratch/table") in
    /*/mema-??????) if [ -e "$(cat "$scratch/table")" ]; then notOk "$1" 'it is still there'; else ok "$1"; fi ;;
    *) notOk "$1" "strange name: $(cat "$scratch/table")" ;;
  esac
}
leaves 'no table is left behind' :
leaves 'no table is left behind by a program that is killed' 'kill -9 $$'
leaves 'no table is left behind by a run that gets SIGTERM' 'kill -TERM $PPID; while :; do sleep 1; done'
# Sends a signal while the table is made, and says where that is.
cat >"$scratch/hasty.c" <<'C'
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int posix_fallocate(int file, off_t at, off_t length) {
  return posix_fallocate64(file, at, length);
}
int posix_fallocate64(int file, off64_t at, off64_t length) {
  char link[64], path[256] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  if (readlink(link, path, sizeof path - 1) < 0 || ftruncate(file, at + length) != 0) return 5;
  FILE *said = fopen(getenv("SAID"), "w");
  if (said == NULL || fprintf(said, "%s", path) < 0 || fclose(said) != 0) return 5;
  return kill(getpid(), atoi(getenv("SIGNAL")));
}
C
compiled hasty.so -shared -fPIC <"$scratch/hasty.c"
for signal in TERM HUP INT QUIT; do
  number=$(kill -l $signal 2>/dev/null || env kill -l $signal)
  : >"$scratch/table"
  # Not as a job of the shell's, for which SIGINT would be ignored.
  (ulimit -c 0; guard env LD_PRELOAD="$scratch/hasty.so" SAID="$scratch/table" SIGNAL="$number" "$mema" run -- sleep 100; echo $? >"$scratch/status") 2>"$scratch/err"
  same "SIG$signal while the table is made: ended by it" $((128 + number)) "$(cat "$scratch/status")"
  if [ -s "$scratch/table" ] && [ ! -e "$(cat "$scratch/table")" ]; then ok "SIG$signal while the table is made: it is gone"; else notOk "SIG$signal while the table is made: it is gone" "$(cat "$scratch/table")"; fi
  rm -f "$(cat "$scratch/table")"
done
leaves 'no table is left behind by a run that gets SIGINT' 'kill -INT $PPID; exit 1'

# ---- real programs -------------------------------------------------------------------------------------------------------
section programs

. tests/cli/programs.sh
finish
