#!/bin/sh
# torture.sh - the tests of requests that fail on purpose (`mema run --fail-at`): each program here has an outcome that is known.
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

finish
