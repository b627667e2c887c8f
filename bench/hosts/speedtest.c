/* speedtest.c - speedtest1 of SQLite's sources with SQLite's memory in a pool, beside its default allocator without a limit and with SQLite's
 * own one. Each run is a process of its own, so memory is touched anew in each. It writes speedtest.db in the current directory.
 * `make bench-hosts` fetches speedtest1 (speedtest.sh) and runs it.
 *
 * SPEEDTEST_SIZE: the size that speedtest1 gets (default: 10; speedtest1's is 100). */
#include <mema_sqlite.h>
#include <sys/wait.h>
#include <unistd.h>

#include "paired.h"

enum { BUDGET = 256 << 20 };

/* speedtest1's main. */
int speedtest1(int argc, char **argv);

static const Work works[] = {
    {"main, a database in memory", "--memdb"},
    {"main, a database in a file", "speedtest.db"},
    {"orm", "--testset orm"},
    {"cte", "--testset cte"},
    {"fp", "--testset fp"},
};

/* Runs speedtest1 with the words of `what`, and ends the process. */
static _Noreturn void run(const char *what) {
  char words[100], *arguments[10];
  const char *size = getenv("SPEEDTEST_SIZE");
  int count = 0;
  snprintf(words, sizeof words, "speedtest1 --size %s %s", size != NULL ? size : "10", what);
  for (char *word = strtok(words, " "); word != NULL && count < 9; word = strtok(NULL, " ")) arguments[count++] = word;
  arguments[count] = NULL;
  if (freopen("/dev/null", "w", stdout) == NULL) _exit(1);
  exit(speedtest1(count, arguments));
}

static void await(pid_t child) {
  int status;
  unlink("speedtest.db");
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
    fputs("speedtest: a run failed\n", stderr);
    exit(1);
  }
}

/* A child does not print the parent's text again. */
static pid_t start(void) {
  fflush(stdout);
  return fork();
}

static void byDefault(const void *what) {
  pid_t child = start();
  if (child == 0) run(what);
  await(child);
}

static void limited(const void *what) {
  pid_t child = start();
  if (child == 0) {
    sqlite3_hard_heap_limit64(BUDGET);
    run(what);
  }
  await(child);
}

static void inPool(const void *what, bool untracked) {
  static mema_Pool pool;
  pid_t child = start();
  if (child == 0) {
    mema_Options options = {.poolSize = BUDGET, .untracked = untracked};
    if (!mema_initPoolWith(&pool, &options) || mema_sqliteConfigure(&pool) != SQLITE_OK) _exit(1);
    run(what);
  }
  await(child);
}

static void untracked(const void *what) {
  inPool(what, true);
}

static void tracked(const void *what) {
  inPool(what, false);
}

int main(int argc, char **argv) {
  const Contender contenders[] = {
      {"default", byDefault}, {"untracked", untracked}, {"tracked", tracked}, {"its own limit", limited}};
  const Comparison all = {contenders, sizeof contenders / sizeof *contenders, works, sizeof works / sizeof *works};
  comparePaired(&all, argc, argv);
  return 0;
}
