/* latency - the longest palloc and pfree of a fixed pool, in instructions and in nanoseconds: `make bench-latency`.
 *
 *   latency [every [most]]    every: so many calls there is one whose instructions are counted (4; 1: all, which takes minutes)
 *                             most: leaves with 1 where one took more instructions than that many times the median of its run, and with
 *                             77 where they cannot be counted; no nanoseconds
 *
 * Instructions are counted exactly, and the same each time: a parent process has the call single-stepped (PTRACE_SINGLESTEP), and
 * counts the steps between two marks. This needs neither counters of the processor nor a simulator. Nanoseconds are those of the
 * clock (on x86-64, the time stamp counter), less what an empty call takes; each run is repeated, and of a call's times the least is its
 * own: the rest is interrupts.
 *
 * Two runs, each with the same calls every time:
 *   random       about 1,500 live chunks of 16 B to 4 KiB, as many of each doubling; one is freed, or one is allocated
 *   adversarial  rounds of: chunks of all classes side by side, beyond 1 KiB too; every second one freed in random order, so that no two
 *                free pieces touch; requests that fit none of them exactly; all else freed in random order, each between two free pieces
 *                that are deep in their bins. So allocations split and bin, and frees unbin twice, join, and bin a long piece. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <mema.h>

enum { mostCalls = 12000, bufferBytes = 8 << 20, repeats = 15, mostLive = 1500 };

typedef enum { CALL_PALLOC, CALL_PFREE, CALL_COUNT } CallKind;
static const char *const callNames[] = {"palloc", "pfree"};

/* Messages from the process that is stepped to the one that steps, and the findings. */
typedef struct {
  volatile int inside;
  size_t calls;
  CallKind kinds[mostCalls];
  double figures[mostCalls];
} Record;

static Record *record;
static bool stepping;
static size_t every = 4;
static mema_Pool pool;
static char buffer[bufferBytes];
static void *live[mostLive];
static size_t liveCount;
static uint64_t seed;

static size_t below(size_t n) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (size_t)((seed >> 33) % n);
}

static double clockNow(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double tickLength; /* ns */

#if defined(__x86_64__)
static uint64_t ticks(void) {
  __builtin_ia32_lfence();
  uint64_t at = __builtin_ia32_rdtsc();
  __builtin_ia32_lfence();
  return at;
}

static void calibrate(void) {
  double start = clockNow();
  uint64_t first = ticks();
  while (clockNow() - start < 5e7) continue;
  tickLength = (clockNow() - start) / (double)(ticks() - first);
}
#else
static uint64_t ticks(void) {
  return (uint64_t)clockNow();
}

static void calibrate(void) {
  tickLength = 1;
}
#endif

/* ---- one call ----------------------------------------------------------------------------------------------------------- */

static void trap(void) {
#if defined(__x86_64__)
  __asm__ volatile("int3");
#endif
}

/* The measured call, out of line, so that its frame costs the same each time; `nothing` is the empty one. */
static __attribute__((noinline)) void *doPalloc(void *unused, size_t size) {
  (void)unused;
  return mema_palloc(&pool, size);
}
static __attribute__((noinline)) void *doPfree(void *ptr, size_t unused) {
  (void)unused;
  return mema_pfree(&pool, ptr) ? ptr : NULL;
}
static __attribute__((noinline)) void *nothing(void *ptr, size_t unused) {
  (void)unused;
  __asm__ volatile("");
  return ptr;
}

static void *measured(void *call(void *, size_t), void *ptr, size_t size) {
  if (!stepping) {
    uint64_t start = ticks();
    void *result = call(ptr, size);
    double took = (double)(ticks() - start) * tickLength;
    if (record->calls < mostCalls && took < record->figures[record->calls]) record->figures[record->calls] = took;
    return result;
  }
  record->inside = 1;
  trap();
  void *result = call(ptr, size);
  record->inside = 0;
  return result;
}

static void *note(CallKind kind, void *call(void *, size_t), void *ptr, size_t size) {
  if (record->calls == mostCalls) return call(ptr, size);
  bool skipped = stepping && record->calls % every != 0;
  void *result = skipped ? call(ptr, size) : measured(call, ptr, size);
  record->kinds[record->calls++] = kind;
  if (kind == CALL_PFREE && result == NULL) exit(3);
  return result;
}

static void takeOne(size_t size) {
  void *ptr = note(CALL_PALLOC, doPalloc, NULL, size);
  if (ptr == NULL) exit(4);
  live[liveCount++] = ptr;
}

static void giveOne(size_t i) {
  note(CALL_PFREE, doPfree, live[i], 0);
  live[i] = live[--liveCount];
}

/* ---- the runs ------------------------------------------------------------------------------------------------------------ */

static size_t someSize(unsigned doublings) {
  size_t base = (size_t)16 << below(doublings);
  return base + below(base);
}

static void playRandom(void) {
  while (liveCount < mostLive - 1) takeOne(someSize(8));
  while (record->calls < mostCalls) {
    if (liveCount == mostLive || (liveCount > mostLive / 2 && below(2) == 0)) {
      giveOne(below(liveCount));
    } else {
      takeOne(someSize(8));
    }
  }
}

static void shuffle(size_t from, size_t to) {
  for (size_t i = to; i > from + 1; i--) {
    size_t k = from + below(i - from);
    void *ptr = live[i - 1];
    live[i - 1] = live[k];
    live[k] = ptr;
  }
}

/* Sorts every second one to the end. */
static void partEverySecond(void) {
  static void *odd[mostLive];
  size_t even = 0, count = 0;
  for (size_t i = 0; i < liveCount; i++) {
    if (i % 2 == 0) {
      live[even++] = live[i];
    } else {
      odd[count++] = live[i];
    }
  }
  memcpy(live + even, odd, count * sizeof *odd);
  shuffle(0, even);
  shuffle(even, liveCount);
}

static void playAdversary(void) {
  while (record->calls < mostCalls) {
    while (liveCount < 600) takeOne(someSize(9));
    partEverySecond();
    while (liveCount > 300) giveOne(liveCount - 1);
    for (int i = 0; i < 100; i++) takeOne(someSize(7) + 16);
    shuffle(0, liveCount);
    while (liveCount > 0) giveOne(liveCount - 1);
  }
}

typedef struct {
  const char *name;
  void (*play)(void);
} Run;
static const Run runs[] = {{"random", playRandom}, {"adversarial", playAdversary}};
enum { runCount = sizeof runs / sizeof *runs };

static void play(const Run *run, bool untracked) {
  mema_Options options = {.untracked = untracked, .engine = MEMA_FIXED, .buffer = buffer, .bufferSize = bufferBytes};
  seed = 1;
  liveCount = record->calls = 0;
  if (!mema_initPoolWith(&pool, &options)) exit(5);
  run->play();
  if (!mema_checkPool(&pool) || !mema_freePool(&pool)) exit(6);
}

/* ---- instructions ---------------------------------------------------------------------------------------------------------- */

/* Steps the child until it is no more inside; false where it has ended. */
static bool stepCall(pid_t child, double *steps) {
  int status;
  for (*steps = 0; record->inside != 0; ++*steps) {
    if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0 || waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status))
      return false;
  }
  return true;
}

/* Follows a child that runs `body` and traps at each call. Its figures are entered one after the other. False iff that is not permitted. */
static bool follow(void body(const Run *, bool), const Run *run, bool untracked) {
  pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(9);
    stepping = true;
    body(run, untracked);
    _exit(0);
  }
  int status;
  size_t call = 0;
  while (waitpid(child, &status, 0) >= 0 && WIFSTOPPED(status)) {
    double steps = 0;
    if (WSTOPSIG(status) == SIGTRAP && record->inside != 0 && !stepCall(child, &steps)) return false;
    if (call < mostCalls) record->figures[call] = steps;
    call += every;
    if (ptrace(PTRACE_CONT, child, NULL, NULL) != 0) return false;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void playNothing(const Run *run, bool untracked) {
  (void)run, (void)untracked;
  record->calls = 0;
  measured(nothing, NULL, 0);
}

/* ---- figures ---------------------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Returns the most in units of the median. */
static double show(const char *unit, const char *kind, const Run *run, CallKind call, double empty, size_t step) {
  static double sorted[mostCalls];
  size_t count = 0;
  for (size_t i = 0; i < record->calls; i += step)
    if (record->kinds[i] == call) sorted[count++] = record->figures[i] - empty;
  qsort(sorted, count, sizeof *sorted, compare);
  double median = sorted[count / 2], longest = sorted[count - 1];
  printf("%-12s %-10s %-12s %-7s %7.0f %7.0f %7.0f %7.0f   %5.2f\n", unit, kind, run->name, callNames[call], median,
         sorted[count * 99 / 100], sorted[count * 999 / 1000], longest, longest / median);
  return longest / median;
}

static double showCalls(const char *unit, const char *kind, const Run *run, double empty, size_t step) {
  double most = 0;
  for (CallKind call = 0; call < CALL_COUNT; call++) {
    double ratio = show(unit, kind, run, call, empty, step);
    if (ratio > most) most = ratio;
  }
  return most;
}

static double countRuns(bool untracked) {
  const char *kind = untracked ? "untracked" : "tracked";
  double most = 0;
  if (!follow(playNothing, NULL, untracked)) return -1;
  double empty = record->figures[0];
  for (size_t i = 0; i < runCount; i++) {
    if (!follow(play, &runs[i], untracked)) return -1;
    double ratio = showCalls("instructions", kind, &runs[i], empty, every);
    if (ratio > most) most = ratio;
  }
  return most;
}

static void timeRuns(bool untracked) {
  double empty = 1e9;
  for (int i = 0; i < 1000; i++) {
    record->calls = 0;
    record->figures[0] = 1e9;
    measured(nothing, NULL, 0);
    if (record->figures[0] < empty) empty = record->figures[0];
  }
  for (size_t i = 0; i < runCount; i++) {
    for (size_t k = 0; k < mostCalls; k++) record->figures[k] = 1e9;
    for (int again = 0; again < repeats; again++) play(&runs[i], untracked);
    showCalls("nanoseconds", untracked ? "untracked" : "tracked", &runs[i], empty, 1);
  }
}

int main(int count, char **arguments) {
  double limit = count > 2 ? strtod(arguments[2], NULL) : 0, most = 0;
  if (count > 1) every = strtoul(arguments[1], NULL, 10);
  if (every == 0) return 2;
  record = mmap(NULL, sizeof *record, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (record == MAP_FAILED) return 2;
  memset(buffer, 0, sizeof buffer);
  printf("%-12s %-10s %-12s %-7s %7s %7s %7s %7s   %s\n", "unit", "pool", "run", "call", "median", "99 %", "99.9 %", "most",
         "most/median");
  fflush(stdout);
#if defined(__x86_64__)
  for (int tracked = 0; tracked < 2; tracked++) {
    double ratio = countRuns(tracked == 0);
    if (ratio < 0) {
      printf("instructions: not counted: no process may be stepped here\n");
      return limit > 0 ? 77 : 0;
    }
    if (ratio > most) most = ratio;
  }
#else
  printf("instructions: not counted: only on x86-64\n");
  if (limit > 0) return 77;
#endif
  if (limit > 0) return most > limit;
  calibrate();
  timeRuns(true);
  timeRuns(false);
  return 0;
}
