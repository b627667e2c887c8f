/* Thousands of calls in a committed or locked pool, under a filter that lets no system call pass, and between two readings of the
 * process's page faults: tests/silent.sh.
 *
 *   silent KIND SIZE     KIND: one of the table's; exit status 77 where this system cannot do it
 *
 * These calls are made before in another pool of the kind, which is then freed and gives its memory back: so the code, the stack
 * and this program's own data are there, and only the pool's memory is new. */
#include "support.h"

#include "hooked.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { places = 400, steps = 15000, seeds = 2, cannot = 77 };

/* Silent; or loud on purpose, to show that the test would hear a sound. */
typedef enum Sort { isSilent, touchesFresh, callsSystem } Sort;

typedef struct Row {
  const char *name;
  mema_Options options;
  Sort sort;
} Row;

static const Row rows[] = {
    {"committed", {.committed = true}, isSilent},
    {"committedUntracked", {.committed = true, .untracked = true}, isSilent},
    {"locked", {.locked = true}, isSilent},
    {"lockedUntracked", {.locked = true, .untracked = true}, isSilent},
    {"hooked", {.committed = true, .memory = &hookedDirty}, isSilent},
    {"hookedLocked", {.locked = true, .untracked = true, .memory = &hookedWhole}, isSilent},
    {"committedHuge", {.committed = true, .hugePages = true}, isSilent},
    {"shared", {.committed = true, .untracked = true, .shared = true, .reservation = 128 * MIB}, isSilent},
    {"sharedTracked", {.committed = true, .shared = true}, isSilent},
    {"lazy", {.committed = false}, touchesFresh},
    {"calling", {.committed = true}, callsSystem},
};

static unsigned char *chunks[places];
static size_t sizes[places];
static struct rusage before, after;

static void say(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) _exit(1);
}

static void require(bool good, const char *what) {
  if (good) return;
  say(what);
  _exit(1);
}

static void onCall(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)context;
  char text[64] = "a system call was made, number ";
  size_t length = strlen(text);
  int number = info->si_syscall;
  for (int divisor = 1000; divisor > 0; divisor /= 10) text[length++] = (char)('0' + number / divisor % 10);
  text[length] = '\n';
  say(text);
  _exit(3);
}

/* Nothing but the ends, this program's complaints, and its own readings. */
static bool forbidCalls(void) {
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define UNLESS(value, skipped) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 0, (skipped))
  struct sock_filter filter[] = {
      LOAD(nr),
      UNLESS(SYS_exit_group, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      UNLESS(SYS_write, 3),
      LOAD(args[0]),
      UNLESS(STDERR_FILENO, 5),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      UNLESS(SYS_getrusage, 3),
      LOAD(args[1]), /* the lower half, where bytes go from low to high */
      UNLESS((uintptr_t)&after & 0xffffffffu, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
  };
  struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  struct sigaction action = {.sa_sigaction = onCall, .sa_flags = SA_SIGINFO};
  sigaction(SIGSYS, &action, NULL);
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void *request(Pool *pool, size_t size, unsigned call) {
  switch (call) {
    case 0:
      return mema_pcalloc(pool, 3, size / 3);
    case 1:
      return mema_pmemalign(pool, (size_t)16 << size % 9, size);
    case 2:
      return mema_pstrndup(pool, "a text of some length", size);
    default:
      return palloc(pool, size);
  }
}

/* Touched from the first to the last byte. */
static void step(Pool *pool, uint64_t *random) {
  size_t i = nextRandom(random) % places, most = pool->poolSize / (nextRandom(random) % 40 == 0 ? 12 : 1200);
  size_t size = 3 + nextRandom(random) % most;
  unsigned call = nextRandom(random) % 8;
  unsigned char *bytes;
  if (chunks[i] == NULL) {
    bytes = request(pool, size, call);
  } else if (call < 4) {
    require(pfree(pool, hidePointer(chunks[i])), "a chunk is not freed\n");
    require(!pfree(pool, hidePointer(chunks[i])), "a chunk is freed twice\n");
    chunks[i] = NULL;
    return;
  } else {
    bytes = mema_repalloc(pool, hidePointer(chunks[i]), size);
  }
  if (bytes == NULL) return;
  if (call != 2 || chunks[i] != NULL) fillBytes(bytes, size, (unsigned)i);
  chunks[i] = bytes;
  sizes[i] = size;
}

static void requireInside(const Pool *pool) {
  mema_Stats stats;
  require(mema_poolStats(pool, &stats) && stats.outsideChunks == 0, "chunks lie outside: another mix is needed\n");
}

/* Empty again, and then full to the last byte with chunks of one size. */
static void resetAndFill(Pool *pool) {
  require(mema_resetPool(pool), "the pool is not reset\n");
  for (size_t size = pool->poolSize / 3000 + 32; palloc(pool, size) != NULL;) {
  }
  requireInside(pool);
  require(mema_resetPool(pool), "the pool is not reset\n");
}

/* Makes pools that are not committed move pages, and give some back before fresh ones are taken. */
static void growAndRefit(Pool *pool) {
  enum { count = 5 };
  unsigned char *large[count], *small[count];
  unsigned char *grown = palloc(pool, pool->poolSize / 20);
  unsigned char *behind = palloc(pool, pool->poolSize / 20);
  memset(grown, 1, pool->poolSize / 20);
  require((grown = mema_repalloc(pool, grown, pool->poolSize / 8)) != NULL, "a chunk does not grow\n");
  for (int i = 0; i < count; i++) {
    large[i] = palloc(pool, pool->poolSize / 9);
    small[i] = palloc(pool, pool->poolSize / 100);
    require(small[i] != NULL, "no room for a pattern\n");
    memset(large[i], 1, pool->poolSize / 9);
  }
  for (int i = 0; i < count; i++) require(pfree(pool, large[i]), "a chunk is not freed\n");
  unsigned char *most = palloc(pool, pool->poolSize / 2);
  require(most != NULL, "no room for half of the budget\n");
  memset(most, 1, pool->poolSize / 2);
  for (int i = 0; i < count; i++) require(pfree(pool, small[i]), "a chunk is not freed\n");
  require(pfree(pool, most) && pfree(pool, grown) && pfree(pool, behind), "a chunk is not freed\n");
}

/* Leaves the pool empty, with everything once used. (A shared pool is not reset: that wakes threads that wait for budget.) */
static void play(Pool *pool, bool shared) {
  for (uint64_t seed = 1; seed <= seeds; seed++) {
    uint64_t random = seed;
    size_t live = 0;
    growAndRefit(pool);
    for (int i = 0; i < steps; i++) step(pool, &random);
    requireInside(pool);
    for (size_t i = 0; i < places; i++) {
      live += chunks[i] != NULL;
      if (shared && chunks[i] != NULL) require(pfree(pool, hidePointer(chunks[i])), "a chunk is not freed\n");
      chunks[i] = NULL;
    }
    require(live > places / 4, "the pool holds next to nothing\n");
    if (!shared) resetAndFill(pool);
  }
}

static void playBy(const Row *row, Pool *pool) {
  if (row->sort != touchesFresh) {
    play(pool, row->options.shared);
  } else {
    fillBytes(palloc(pool, 40000), 40000, 1);
  }
  if (row->sort == callsSystem && freePool(pool)) mema_initPoolWith(pool, &(mema_Options){.poolSize = 1, .committed = true});
}

/* A thread's first call to a shared pool gives it a cache. The first call to a pool that is not
 * committed maps memory, and touches none of it. */
static void makeReady(Pool *pool, const mema_Options *options) {
  if (!mema_initPoolWith(pool, options)) _exit(cannot);
  if (options->shared) require(pfree(pool, palloc(pool, 1)), "no first chunk\n");
  if (!options->committed && !options->locked) require(pfree(pool, palloc(pool, 40000)), "no first chunk\n");
}

static int run(const Row *row, size_t size) {
  mema_Options options = row->options;
  options.poolSize = size;
  Pool pool;
  makeReady(&pool, &options);
  playBy(row, &pool);
  require(freePool(&pool), "the pool is not freed\n");
  mema_trimPool(NULL);
  getrusage(RUSAGE_SELF, &before);
  getrusage(RUSAGE_SELF, &after);
  makeReady(&pool, &options);
  if (!forbidCalls()) return cannot;
  getrusage(RUSAGE_SELF, &after);
  before = after;
  playBy(row, &pool);
  getrusage(RUSAGE_SELF, &after);
  long faults = after.ru_minflt - before.ru_minflt + after.ru_majflt - before.ru_majflt;
  if (faults == 0) return 0;
  char text[] = "0000000 page faults\n";
  for (size_t i = 7; i-- > 0; faults /= 10) text[i] = (char)('0' + faults % 10);
  say(text);
  return 4;
}

int main(int argc, char **argv) {
  for (size_t i = 0; argc == 3 && i < sizeof rows / sizeof *rows; i++)
    if (strcmp(argv[1], rows[i].name) == 0) _exit(run(&rows[i], strtoull(argv[2], NULL, 0)));
  return 2;
}
