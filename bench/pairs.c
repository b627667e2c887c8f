/* pairs.c - pairs of malloc and free, in the patterns of tests/programs/mallocPairs.c, by whole processes with an allocator preloaded.
 *
 * The program measures the nanoseconds itself. The instructions were counted before, once for all rounds (pairs/prepare.sh). */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pairs.h"

#include "workThreads.h"

typedef struct {
  const char *name, *steps;
  int threads;
} Pattern;

static const Pattern patterns[] = {
    [PAIRS_FEW] = {"few", "10000", 1},      [PAIRS_BURSTS] = {"bursts", "2000", 1},
    [PAIRS_LIVES] = {"lives", "4000", 1},   [PAIRS_BURSTS_OF_TWO] = {"burstsOfTwo", "1000", 2},
    [PAIRS_PASSED] = {"passed", "4000", 2}, [PAIRS_SERVED] = {"served", "2000", 2},
};

static char play[4096], counts[4096];

bool usePairsDirectory(const char *directory) {
  snprintf(play, sizeof play, "%s/play", directory);
  snprintf(counts, sizeof counts, "%s/instructions", directory);
  return access(play, X_OK) == 0;
}

/* Seconds after which a run is given up. */
enum { PATIENCE = 60 };

static _Noreturn void start(const Peer *p, const Pattern *pattern, int out) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(PATIENCE);
  if (p->preload != NULL) setenv("LD_PRELOAD", p->preload, 1);
  if (pattern->threads > 1) useAllProcessors();
  dup2(out, STDOUT_FILENO);
  execl(play, play, pattern->name, pattern->steps, (char *)NULL);
  _exit(127);
}

static bool readTime(int in, double *ns) {
  char name[32];
  FILE *answer = fdopen(in, "r");
  bool done = answer != NULL && fscanf(answer, "%31s %lf", name, ns) == 2;
  if (answer != NULL) fclose(answer);
  return done;
}

static bool timeOnce(const Peer *p, const Pattern *pattern, double *ns) {
  int ends[2], status = 1;
  if (pipe(ends) != 0) return false;
  pid_t child = fork();
  if (child == 0) start(p, pattern, ends[1]);
  close(ends[1]);
  bool done = readTime(ends[0], ns);
  return child > 0 && waitpid(child, &status, 0) == child && status == 0 && done;
}

/* Nothing changes where they were not counted. */
static void findInstructions(const Peer *p, const Pattern *pattern, double *instructions) {
  const char *library = p->preload != NULL ? basename(p->preload) : p->name;
  char file[256], name[32];
  double value;
  FILE *list = fopen(counts, "r");
  while (list != NULL && fscanf(list, "%255s %31s %lf", file, name, &value) == 3)
    if (strcmp(file, library) == 0 && strcmp(name, pattern->name) == 0) *instructions = value;
  if (list != NULL) fclose(list);
}

void runPairs(const Peer *p, size_t which, double *results) {
  const Pattern *pattern = &patterns[which];
  double ns;
  if (!timeOnce(p, pattern, &ns)) {
    fprintf(stderr, "bench: %s failed under %s\n", pattern->name, p->name);
    return;
  }
  results[0] = ns;
  findInstructions(p, pattern, &results[1]);
}
