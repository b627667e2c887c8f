#!/bin/sh
# torture.sh - the tests of requests that fail on purpose (`mema run --fail-at`, `mema torture`): each program here has an outcome that is
# known.
# BUILD is the directory of the products (default: build), CC the compiler.
cd "$(dirname "$0")/../.." || exit 1
. tests/cli/commands.sh

# Makes 8 requests in one process and says which were refused: "refused: 3" names the third. It prints after all requests, by write.
compiled requests -fno-builtin -w <<'C'
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void) {
  char line[200] = "refused:";
  void *p[8], *kept = 0;
  p[0] = malloc(10);
  p[1] = calloc(3, 7);
  p[2] = realloc(0, 30);
  p[3] = memalign(64, 40);
  if (posix_memalign(&p[4], 64, 50) != 0) p[4] = 0;
  p[5] = aligned_alloc(64, 64);
  kept = malloc(70);
  p[6] = kept;
  if (kept) kept = realloc(kept, 5); /* no request: the chunk shrinks */
  p[7] = kept ? realloc(kept, 8000) : 0;
  free(p[0]);
  for (int i = 0; i < 8; i++) if (!p[i]) sprintf(line + strlen(line), " %d", i + 1);
  strcat(line, "\n");
  write(1, line, strlen(line));
  return 0;
}
C

# A parent with two requests, one in its child before, and two in the program that the child becomes.
compiled family -fno-builtin -w <<'C'
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static int ask(void) {
  void *volatile chunk = malloc(100);
  return chunk == 0;
}
int main(int argc, char **argv) {
  if (argc > 1) return ask() | ask();
  if (ask()) return 10;
  if (fork() == 0) {
    if (ask()) _exit(20);
    execl(argv[0], argv[0], "child", (char *)0);
  }
  int status;
  wait(&status);
  return ask() ? 30 : WEXITSTATUS(status);
}
C

# ---- mema run --fail-at ----------------------------------------------------------------------------------------------
section failAt

for number in 1 2 3 4 5 6 7 8; do
  run run --fail-at $number -- "$scratch/requests"
  [ $number = 7 ] && expected='refused: 7 8' || expected="refused: $number"
  same "request $number of 8 is refused, and no other" "$expected" "$(cat "$scratch/out")"
done
has 'the summary names the process and the size' '^  refused request 8 on purpose: 8000 bytes for requests \([0-9]+\)$' "$scratch/err"
run run --fail-at 9 -- "$scratch/requests"
same 'a number beyond the run refuses nothing' 'refused:' "$(cat "$scratch/out")"
has 'a number beyond the run is told' '^  refused nothing on purpose: the run made 8 requests, fewer than the 9 of$' "$scratch/err"
run run --fail-at 3 --from-then-on -- "$scratch/requests"
same 'from then on' 'refused: 3 4 5 6 7 8' "$(cat "$scratch/out")"
has 'from then on: how many' '^  and 4 requests after it$' "$scratch/err"
same 'a refusal on purpose has no other reason' 0 "$(grep -c 'other reasons' "$scratch/err")"
run run --fail-at 3 --from-then-on --report "$scratch/report" -- "$scratch/requests"
has 'the report tells refusals on purpose apart' '"refused": 5, "overBudget": 0, .*"onPurpose": 5, "overTotal": 0}' "$scratch/report"
run run --pool 1M --reserve 64K --fail-at 2 -- "$scratch/requests"
same 'no reserve is lent to a request that fails on purpose' 'refused: 2' "$(cat "$scratch/out")"

# Requests are counted over all processes: 1 parent, 2 child, 3 and 4 after exec, 5 parent.
for pair in 1:10 2:20 3:1 4:1 5:30 6:0; do
  run run --fail-at ${pair%:*} -- "$scratch/family"
  same "several processes: request ${pair%:*}" ${pair#*:} "$status"
done
run run --fail-at 3 --report "$scratch/report" -- "$scratch/family"
same 'the report: the request' '3 1 5' "$(figure failAt <"$scratch/report") $(figure failed <"$scratch/report") $(figure requests <"$scratch/report")"

refuses 'no number' 2 "^mema run: --fail-at 'x' is no number from 1 to [0-9]+$" run --fail-at x -- true
refuses 'number 0' 2 "^mema run: --fail-at '0' is no number" run --fail-at 0 -- true
refuses 'from then on without a number' 2 '^mema run: --from-then-on needs --fail-at' run --from-then-on -- true

# ---- outcomes ---------------------------------------------------------------------------------------------------------

# Makes ten requests, each from a function of its own, and then prints "done". A refusal has the outcome of its number.
compiled outcomes -g -O0 -fno-builtin -w <<'C'
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static void say(int file, const char *text) { write(file, text, strlen(text)); }
static char *ask(size_t size) { return malloc(size); }
static void refusal(void) { char *p = ask(1); if (!p) say(2, "no memory\n"), exit(3); free(p); }
static void silent(void) { char *p = ask(2); if (!p) exit(4); free(p); }
static void wrong(void) { char *p = ask(3); if (!p) say(1, "nothing\n"), exit(0); free(p); }
static void crash(void) { char *p = ask(4); *(volatile char *)p = 1; free(p); }
static void aborts(void) { char *p = ask(5); if (!p) abort(); free(p); }
/* Neither this process nor its child, which has a session of its own, ends at SIGTERM. */
static void hang(void) {
  char *p = ask(6);
  if (!p) {
    signal(SIGTERM, SIG_IGN);
    if (fork() == 0) setsid();
    int list = open(getenv("PIDS"), O_WRONLY | O_APPEND);
    char digits[12], *at = digits + 11;
    *at = '\n';
    for (int pid = getpid(); pid > 0; pid /= 10) *--at = '0' + pid % 10;
    write(list, at, digits + 12 - at);
    for (;;) pause();
  }
  free(p);
}
static void leak(void) { char *kept = malloc(700), *p = ask(7); if (p) free(kept), free(p); }
static void copes(void) { char *p = ask(8); if (!p) p = strdup("x"); free(p); }
/* Writes without an end. */
static void floods(void) { char *p = ask(9); while (!p) say(1, "again and again and again\n"); free(p); }
static void after(void) { char *p = ask(10); if (!p) say(2, "warning\n"); free(p); }
int main(void) {
  refusal(); silent(); wrong(); crash(); aborts(); hang(); leak(); copes(); floods(); after();
  say(1, "done\n");
  return 0;
}
C
export PIDS="$scratch/pids"
: >"$PIDS"
report=$scratch/torture.json

# A python3 beside Debian's need not have Debian's packages.
for python in python3 /usr/bin/python3 none; do
  "$python" -c 'from jsonschema import Draft202012Validator' 2>/dev/null && break
done
[ $python != none ] || python=python3

# told KEY: the values of a key at all points, from the report.
told() {
  "$python" -c 'import json, sys; print(*[point[sys.argv[2]] for point in json.load(open(sys.argv[1]))["points"]])' "$report" "$1"
}

section outcomes
run torture --every --timeout 5 --json "$report" -- "$scratch/outcomes"
# Requests 7 and 10 are those of leak(): malloc(700) is 7, ask(7) is 8.
same 'every outcome is told' \
  'refusal silentRefusal wrongOutput crash abort hang same leak same hang same' "$(told outcome)"
same 'the status of a torture with bad points' 1 "$status"
same 'the status of each run' '3 4 0 139 134' "$(told status | cut -d ' ' -f 1-5)"
same 'the bytes that leaked' '0 0 0 0 0 0 0 1 0 0 0' "$(told leaked | sed 's/[0-9][0-9][0-9][0-9]*/1/')"
same 'the sizes' '1 2 3 4 5 6 700 7 8 9 10' "$(told size)"
same 'no process of a hang is left, in whatever session' '' "$(while read -r pid; do kill -0 "$pid" 2>/dev/null && echo "$pid"; done <"$PIDS")"
same 'the hang had two processes' 2 "$(wc -l <"$PIDS")"
has 'the picture: a character each' '^  rsWCAH\.L\.H\.$' "$scratch/out"
has 'the counts' '^  W      1  wrong output with success$' "$scratch/out"
has 'the worst stack: function and line' 'wrong \(.*:[0-9]+\) < main' "$scratch/out"
has 'the message of a refusal' '"message": "no memory"' "$report"
has 'the command that repeats a point' "^    mema run --fail-at 3 -- $scratch/outcomes\$" "$scratch/out"
has 'the command under gdb' "break failOnPurpose' -ex run --args mema run --fail-at 3 -- $scratch/outcomes\$" "$scratch/out"
same 'the picture has no colours without a terminal' 0 "$(grep -c "$(printf '\033')" "$scratch/out")"
run run --fail-at 3 -- "$scratch/outcomes"
same 'that command repeats it' 'nothing 0' "$(cat "$scratch/out") $status"

if "$python" -c 'from jsonschema import Draft202012Validator' 2>/dev/null; then
  same 'the report fits its schema' ok "$("$python" -W ignore tests/cli/checkReport.py docs/torture.schema.json "$report" finished=true choice='"every"' 2>&1)"
else
  skip 'the report fits its schema' 'python3-jsonschema is not there'
fi
run torture --stacks --from 3 --sample 1 --stacks --timeout 5 --json "$report" -- "$scratch/outcomes"
same 'a stack each, from the third request on' '3 4 5 6 7 8 9 10 11' "$(told request)"
run torture --sample 4 --timeout 5 --json "$report" -- "$scratch/outcomes"
same 'a sample is spread' '2 5 7 10' "$(told request)"
run torture --every --from 10 --timeout 5 --from-then-on --json "$report" -- "$scratch/outcomes"
same 'from then on: the last request alone copes' 'hang same' "$(told outcome)"
COLUMNS=20 run torture --from 11 -- "$scratch/outcomes"
same '20 columns: no sentence is longer' 20 "$(grep -v 'mema run\|gdb' "$scratch/out" | awk 'length($0) > most { most = length($0) } END { print (most <= 20 ? 20 : most) }')"
same 'the status where nothing is bad' 0 "$status"
run torture --from 11 --stderr --json "$report" -- "$scratch/outcomes"
same 'stderr as a part of the output' wrongOutput "$(told outcome)"
run torture --from 11 --check 'echo "$$" >/dev/null; exit 7' --json "$report" -- "$scratch/outcomes"
same 'a check that is the same each time' same "$(told outcome)"

# ---- stacks -----------------------------------------------------------------------------------------------------------
section stacks

compiled loops -g -O0 -fno-builtin -w <<'C'
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static int ask(void) { char *p = malloc(9); free(p); return p == 0; }
int main(int argc, char **argv) {
  int failed = 0;
  for (int i = 0; i < 100; i++) failed |= ask();
  for (int i = 0; i < 100; i++) failed |= ask();
  for (int i = 0; i < 3; i++)
    if (fork() == 0) _exit(ask() | ask());
  for (int status; wait(&status) > 0;) failed |= status;
  return failed != 0;
}
C
run torture --jobs 1 --json "$report" -- "$scratch/loops"
same 'two loops, and a child that is forked three times: four stacks' '1 101' "$(told request | cut -d ' ' -f 1-2)"
same 'the stacks of several processes count once' 4 "$(told request | wc -w)"
has 'the process that was refused is told' '"program": "loops"' "$report"

# ---- runs that cannot be judged ----------------------------------------------------------------------------------------
section judgement

compiled restless -fno-builtin -w <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) {
  FILE *file = fopen(argv[1], "a+");
  long runs;
  fputc('x', file);
  fflush(file);
  runs = ftell(file);
  fclose(file);
  for (long i = 0; i < runs; i++) free(malloc(10));
  if (argc > 2) printf("%ld\n", runs);
  return 0;
}
C
run torture -- "$scratch/restless" "$scratch/runs"
has 'other numbers of requests in each run' '^  two plain runs make different numbers of requests' "$scratch/out"
run torture -- "$scratch/restless" "$scratch/runs" output
has 'other output in each run' '^  two plain runs write different output: output is not compared$' "$scratch/out"
has 'output that is not compared is not said to be equal' '^  \. .* the same status; the output is not compared$' "$scratch/out"
run torture -- sh -c 'exit $$'
has 'another status in each run' '^  two plain runs end with different statuses' "$scratch/out"

refuses 'no such program' 127 "^mema torture: cannot run 'nowhere':" torture -- nowhere
: >"$scratch/notExecutable"
refuses 'not executable' 126 "^mema torture: cannot run '.*notExecutable': " torture -- "$scratch/notExecutable"
refuses 'beyond the run' 2 '^mema torture: --from 1000: the plain run made 11 requests$' torture --from 1000 -- "$scratch/outcomes"
refuses 'no input' 2 "^mema torture: cannot read '.*/nothing': " torture --input "$scratch/nothing" -- true
refuses 'no report' 2 "^mema torture: cannot write the report '.*/nowhere/report': " torture --json "$scratch/nowhere/report" -- "$scratch/outcomes"
refuses 'a program without requests' 2 "^mema torture: 'true' makes no request for memory" torture -- true
refuses 'a plain run without an end' 2 '^mema torture: the plain run did not end within 1 s; --timeout' torture --timeout 1 -- sh -c 'while :; do :; done'
refuses 'no command' 2 '^mema torture: no command given' torture
if compiled static -static -w <<'C'
int main(void) { return 0; }
C
then refuses 'a static program' 2 '^mema torture: .* is statically linked.*no request of it can be made to fail' torture -- "$scratch/static"; else skip 'a static program' 'no static C library'; fi
if compiled sanitized -fsanitize=address -w <<'C'
int main(void) { return 0; }
C
then refuses 'a sanitized program' 2 '^mema torture: .* was built with a sanitizer' torture -- "$scratch/sanitized"; else skip 'a sanitized program' 'no sanitizer'; fi
if [ -w /dev/full ]; then
  guard "$mema" torture --from 11 -- "$scratch/outcomes" >/dev/full 2>"$scratch/err"
  same 'a full disk behind stdout: the status' 2 $?
  oneLine 'a full disk behind stdout: one line' '^mema torture: cannot write to stdout: No space left' "$scratch/err"
  run torture --from 11 --json /dev/full -- "$scratch/outcomes"
  same 'a full disk: the status' 2 "$status"
  refuses 'a device to go on with' 2 "^mema torture: cannot write '/dev/full': " torture --resume /dev/full -- "$scratch/outcomes"
  run torture --from 11 --json /dev/full -- "$scratch/outcomes"
  oneLine 'a full disk: one line' "^mema torture: the report '/dev/full' could not be written: No space left" "$scratch/err"
fi

# ---- mema fit ---------------------------------------------------------------------------------------------------------
section fit

# Needs 100,000 bytes at once. With some 600,000 it goes another way to the same output, and with 10,000 it goes wrong.
compiled needy -fno-builtin -w <<'C'
#include <stdlib.h>
#include <unistd.h>
int main(void) {
  char *volatile large = malloc(600000);
  free(large);
  large = malloc(100000);
  if (!large) return write(2, "too little\n", 11), 3;
  write(1, "done\n", 5);
  return 0;
}
C
run fit --runs 1 -- "$scratch/needy"
same 'fit: the status' 0 "$status"
least=$(sed -n 's/^    mema run --pool \([0-9]*\) -- .*needy$/\1/p' "$scratch/out" | head -n 1)
has 'the sentence names the bytes' "^  the least budget for the same output and status: $least bytes" "$scratch/out"
has 'one byte less is told' '^  with one byte less: status 3, and it says: too little$' "$scratch/out"
has 'the time is told as a measurement' 'measured' "$scratch/out"
if [ "${least:-0}" -ge 100000 ] && [ "$least" -lt 300000 ]; then ok 'the least budget is that of the other way'; else notOk 'the least budget is that of the other way' "$least"; fi
run run --pool "${least:-1}" -- "$scratch/needy"
same 'the least budget suffices' 'done 0' "$(cat "$scratch/out") $status"
run run --pool "$((${least:-2} - 1))" -- "$scratch/needy"
same 'one byte less does not' ' 3' "$(cat "$scratch/out") $status"
refuses 'fit: output that differs by itself' 1 '^mema fit: two runs without a budget differ in output' fit -- "$scratch/restless" "$scratch/runs" output
refuses 'fit: a directory' 126 "^mema fit: cannot run '/': Is a directory" fit -- /
refuses 'fit: not executable' 126 "^mema fit: cannot run '.*notExecutable': " fit -- "$scratch/notExecutable"
if [ -x "$scratch/static" ]; then refuses 'fit: a static program' 2 '^mema fit: .* is statically linked' fit -- "$scratch/static"; fi
if [ -x "$scratch/sanitized" ]; then refuses 'fit: a sanitized program' 2 '^mema fit: .* was built with a sanitizer' fit -- "$scratch/sanitized"; fi
if [ -w /dev/full ]; then
  guard "$mema" fit --runs 1 -- "$scratch/needy" >/dev/full 2>"$scratch/err"
  same 'fit: a full disk: the status' 2 $?
  oneLine 'fit: a full disk: one line' '^mema fit: cannot write to stdout: No space left' "$scratch/err"
fi
refuses 'fit: no such program' 127 "^mema fit: cannot run 'nowhere':" fit -- nowhere
refuses 'fit: no number' 2 "^mema fit: --runs 'x' is no number" fit --runs x -- true

# ---- files ------------------------------------------------------------------------------------------------------------
section files

# Writes a file, or an empty one without a word.
compiled writer -fno-builtin -w <<'C'
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) {
  int file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0666);
  char *p = malloc(10);
  if (p) write(file, "x", 1);
  return 0;
}
C
run torture --jobs 1 --json "$report" -- "$scratch/writer" "$scratch/written"
same 'what goes to a file is not compared without a check' same "$(told outcome)"
run torture --jobs 1 --check "cat '$scratch/written'" --json "$report" -- "$scratch/writer" "$scratch/written"
same 'a check that reads the file finds it' wrongOutput "$(told outcome)"
printf 'one\ntwo\n' >"$scratch/input"
run torture --input "$scratch/input" --json "$report" -- cat
same 'the standard input is the file' 8 "$(figure outputBytes <"$report")"

# The colours of the picture, on a terminal of 60 columns.
terminal() { # VARIABLE=VALUE...
  guard env "$@" script -qec "stty cols 60; '$mema' torture --every --from 7 --timeout 5 -- '$scratch/outcomes'" /dev/null </dev/null >"$scratch/terminal" 2>&1
}
if command -v script >/dev/null; then
  terminal TERM=xterm
  has 'colours on a terminal' "$(printf '\033')\[36mL$(printf '\033')\[0m" "$scratch/terminal"
  has 'progress on a terminal' '5/5, 2 bad|[0-4]/5, [0-2] bad' "$scratch/terminal"
  terminal TERM=xterm NO_COLOR=1
  has 'no colours with NO_COLOR' '^  \.L\.H\.' "$scratch/terminal"
  for command in 'torture --every --from 7 --timeout 5 -- outcomes' 'fit --runs 1 -- needy'; do
    guard script -qec "stty cols 20; cd '$scratch'; PATH=.:\$PATH; '$mema' $command" /dev/null </dev/null >"$scratch/terminal" 2>&1
    same "20 columns, ${command%% *}: no progress begins a second line" 19 "$(tr '\r' '\n' <"$scratch/terminal" | grep "$(printf '\033')\[K" |
      sed "s/$(printf '\033')\[[0-9;]*[mK]//g" | awk 'length($0) > most { most = length($0) } END { print most }')"
  done
  terminal TERM=dumb
  has 'no colours on a terminal without them' '^  \.L\.H\.' "$scratch/terminal"
else
  skip 'colours on a terminal' 'script is not there'
fi

# ---- many ------------------------------------------------------------------------------------------------------------
# With WHOLE=1 (make test-torture): 30,000 processes take a minute.
section children

if [ -n "${WHOLE:-}" ]; then
  compiled children -w <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
  int bad = 0, status;
  for (int i = 0; i < 10000; i++) {
    pid_t child = fork();
    if (child == 0) _exit(malloc(10) == NULL);
    if (child < 0 || waitpid(child, &status, 0) < 0) return 2;
    bad += status != 0;
  }
  printf("%d\n", bad);
  return 0;
}
C
  run torture --sample 1 --json "$report" -- "$scratch/children"
  same '10,000 children: the one that was refused is found' wrongOutput "$(told outcome)"
  has '10,000 children: the processes are counted' '10001 processes' "$scratch/out"
  same '10,000 children: none is left' '' "$(pgrep -f "$scratch/children")"
fi

# ---- going on ---------------------------------------------------------------------------------------------------------
section resume

rm -f "$scratch/state"
run torture --every --from 7 --timeout 5 --resume "$scratch/state" -- "$scratch/outcomes"
same 'a line for each point, and the first' 6 "$(wc -l <"$scratch/state")"
has 'the picture of the first torture' '^  \.L\.H\.$' "$scratch/out"
# The file says of one point what no run would, and of the last half.
sed -i -e '$d' -e "s/^9$(printf '\t')same/9$(printf '\t')abort/" "$scratch/state"
printf '11\tcra' >>"$scratch/state"
run torture --every --timeout 5 --from 7 --resume "$scratch/state" -- "$scratch/outcomes"
has 'the points of the file are not tried again; a line that was cut off is' '^  \.LAH\.$' "$scratch/out"
run torture --every --timeout 5 --from 7 --resume "$scratch/state" -- "$scratch/outcomes"
has 'a point that was tried again is in the file' '^  \.LAH\.$' "$scratch/out"
same 'half a line gets no second half' 1 "$(grep -c "^11$(printf '\t')same" "$scratch/state")"
refuses 'the file of another command' 2 "^mema torture: '.*state' is of another command" torture --resume "$scratch/state" -- "$scratch/loops"

# A signal comes while the one run of this torture hangs.
: >"$PIDS"
(
  while [ -z "$off" ] && [ ! -s "$PIDS" ]; do sleep 0.05; done
  [ -n "$off" ] || kill -TERM "$(cat "$scratch/torturePid")"
) &
guard sh -c 'echo $$ >"$scratch/torturePid"; exec "$@" >"$scratch/out" 2>"$scratch/err"' sh "$mema" torture --every --jobs 1 --timeout 1000 -- "$scratch/outcomes"
same 'interrupted: the status' 143 $?
has 'interrupted: the picture so far' '^  rsWCA *$' "$scratch/out"
has 'interrupted: how far it came' '^  interrupted after 5 of them$' "$scratch/out"
same 'interrupted: no process is left' '' "$(while read -r pid; do kill -0 "$pid" 2>/dev/null && echo "$pid"; done <"$PIDS")"
wait

finish
