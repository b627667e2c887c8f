/* Memory that is not in use goes back to the system by itself, as time passes. The program has a clock of its own, which the tests move on. */
#include "places.h"
#include "unit.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum {
  budget = 1024 * 1024 * 1024,
  peakBytes = 100 * 1024 * 1024, /* less than what makes free memory go at once, more than what is allowed to stay */
  awhile = 1500,                 /* milliseconds: longer than memory is idle before it goes */
};

static _Atomic int64_t milliseconds = 1000;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the C library's names have underscores within */
int clock_gettime(clockid_t clock, struct timespec *now) {
  int64_t time = atomic_load(&milliseconds);
  (void)clock;
  *now = (struct timespec){.tv_sec = (time_t)(time / 1000), .tv_nsec = (long)(time % 1000) * 1000000};
  return 0;
}

static void passTime(int64_t time) {
  atomic_fetch_add(&milliseconds, time);
}

/* The bytes of the first `bytes` of a pool's memory that are resident. */
static size_t residentOf(const Pool *pool, size_t bytes) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), resident = 0;
  unsigned char *known = malloc(bytes / page);
  assert_int_equal(mincore(hidePointer(pool->mem), bytes, known), 0);
  for (size_t i = 0; i < bytes / page; i++) resident += (known[i] & 1) * page;
  free(known);
  return resident;
}

enum { countMost = 2 * 1024 * 1024 };
static char *chunks[countMost];

static size_t fill(Pool *pool, size_t size, size_t bytes) {
  size_t count = bytes / size;
  assert_true(count <= countMost);
  for (size_t i = 0; i < count; i++) {
    assert_non_null(chunks[i] = palloc(pool, size));
    memset(chunks[i], 1, size);
  }
  return count;
}

static void freeAllBut(Pool *pool, size_t count, size_t kept) {
  for (size_t i = 0; i < count; i++)
    if (kept == 0 || i % kept != 0) assert_true(pfree(pool, chunks[i]));
}

/* Some calls, of several kinds, that need little memory. */
static void goOn(Pool *pool, int calls) {
  char *small[200];
  for (int i = 0; i < calls; i++) {
    for (int j = 0; j < 200; j++) assert_non_null(small[j] = palloc(pool, 40));
    for (int j = 0; j < 200; j++) assert_true(pfree(pool, small[j]));
    assert_true(pfree(pool, palloc(pool, 100000)));
  }
}

/* A peak is freed. Nothing goes as long as no time passes, and most of it after a pause. */
static void freeMemoryGoesAfterAPause(void **state) {
  static const size_t sizes[] = {100, 5000, 100000, 1024 * 1024};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Pool pool;
    assert_true(makePool(&pool, *state, budget));
    freeAllBut(&pool, fill(&pool, sizes[i], peakBytes), 0);
    goOn(&pool, 20);
    size_t before = residentOf(&pool, peakBytes);
    if (before < peakBytes / 4 * 3) fail_msg("size %zu: only %zu bytes stay at first", sizes[i], before);
    passTime(awhile);
    goOn(&pool, 40);
    size_t after = residentOf(&pool, peakBytes);
    if (after > 8 * MIB) fail_msg("size %zu: %zu bytes stay", sizes[i], after);
    assert_int_equal(mema_checkPool(&pool), true);
    assert_true(freePool(&pool));
    mema_trimPool(NULL);
  }
}

/* As above, without a pause: the program works on, and the seconds pass. */
static void freeMemoryGoesWhileTheProgramWorks(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, budget));
  freeAllBut(&pool, fill(&pool, 5000, peakBytes), 0);
  for (int i = 0; i < 100; i++) {
    passTime(100);
    goOn(&pool, 20);
  }
  size_t after = residentOf(&pool, peakBytes);
  if (after > 12 * MIB) fail_msg("%zu bytes stay", after);
  assert_true(freePool(&pool));
  mema_trimPool(NULL);
}

/* Each chunk that is left may keep two pages. */
static void pagesOfFreeSlotsGoAfterAPause(void **state) {
  static const size_t sizes[] = {100, 1000, 5000, 20000};
  enum { kept = 100 };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Pool pool;
    assert_true(makePool(&pool, *state, budget));
    size_t count = fill(&pool, sizes[i], peakBytes);
    freeAllBut(&pool, count, kept);
    passTime(awhile);
    goOn(&pool, 150);
    size_t pages = (sizes[i] / 4096 + 2) * 4096, most = count / kept * pages + 8 * MIB, after = residentOf(&pool, peakBytes);
    if (after > most) fail_msg("size %zu: %zu bytes stay, more than %zu", sizes[i], after, most);
    for (size_t j = 0; j < count; j += kept) {
      for (size_t at = 0; at < sizes[i]; at += 99) assert_int_equal(chunks[j][at], 1);
      assert_true(pfree(&pool, chunks[j]));
    }
    assert_int_equal(mema_checkPool(&pool), true);
    assert_true(freePool(&pool));
    mema_trimPool(NULL);
  }
}

/* As above, without a pause, and with a span or two in use. */
static void pagesOfFreeSlotsGoWhileTheProgramWorks(void **state) {
  enum { size = 1000, kept = 100 };
  Pool pool;
  assert_int_equal(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0); /* one call would bring back 2 MiB at a time */
  assert_true(makePool(&pool, *state, budget));
  size_t count = fill(&pool, size, peakBytes);
  freeAllBut(&pool, count, kept);
  for (int i = 0; i < 100; i++) {
    passTime(100);
    goOn(&pool, 20);
  }
  size_t most = count / kept * 8192 + 12 * MIB, after = residentOf(&pool, peakBytes);
  if (after > most) fail_msg("%zu bytes stay, more than %zu", after, most);
  for (size_t j = 0; j < count; j += kept) assert_true(pfree(&pool, chunks[j]));
  assert_int_equal(mema_checkPool(&pool), true);
  assert_true(freePool(&pool));
  mema_trimPool(NULL);
  assert_int_equal(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0), 0);
}

static void pagesBehindLargeChunksGo(void **state) {
  enum { size = 33000, large = 65536 };
  Pool pool;
  assert_true(makePool(&pool, *state, budget));
  freeAllBut(&pool, fill(&pool, large, peakBytes), 0);
  size_t count = fill(&pool, size, peakBytes / 2 - peakBytes / 2 % size), live = count * size;
  passTime(awhile);
  goOn(&pool, 150);
  size_t after = residentOf(&pool, peakBytes);
  if (after > live + live / 7 + 4 * MIB) fail_msg("%zu bytes stay for %zu live ones", after, live);
  freeAllBut(&pool, count, 0);
  assert_int_equal(mema_checkPool(&pool), true);
  assert_true(freePool(&pool));
  mema_trimPool(NULL);
}

/* A program that pauses, and then needs all of its memory again, pays for page faults a few times only. */
static void aSteadyProgramKeepsItsPages(void **state) {
  static const size_t sizes[] = {5000, 1024 * 1024};
  enum { turns = 40, lossesMost = 8 };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Pool pool;
    int losses = 0;
    assert_true(makePool(&pool, *state, budget));
    for (int turn = 0; turn < turns; turn++) {
      if (turn > 0 && residentOf(&pool, peakBytes) < peakBytes / 2) losses++;
      freeAllBut(&pool, fill(&pool, sizes[i], peakBytes), 0);
      passTime(awhile);
      goOn(&pool, 40);
    }
    if (losses == 0 || losses > lossesMost) fail_msg("size %zu: the pages went %d times", sizes[i], losses);
    assert_true(freePool(&pool));
    mema_trimPool(NULL);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      withKind(freeMemoryGoesAfterAPause, kindTracked),
      withKind(freeMemoryGoesAfterAPause, kindUntracked),
      withKind(freeMemoryGoesAfterAPause, kindShared),
      withKind(freeMemoryGoesWhileTheProgramWorks, kindTracked),
      withKind(freeMemoryGoesWhileTheProgramWorks, kindUntracked),
      withKind(freeMemoryGoesWhileTheProgramWorks, kindShared),
      withKind(pagesOfFreeSlotsGoAfterAPause, kindTracked),
      withKind(pagesOfFreeSlotsGoAfterAPause, kindUntracked),
      withKind(pagesOfFreeSlotsGoAfterAPause, kindShared),
      withKind(pagesOfFreeSlotsGoWhileTheProgramWorks, kindTracked),
      withKind(pagesOfFreeSlotsGoWhileTheProgramWorks, kindUntracked),
      withKind(pagesOfFreeSlotsGoWhileTheProgramWorks, kindShared),
      withKind(pagesBehindLargeChunksGo, kindTracked),
      withKind(pagesBehindLargeChunksGo, kindUntracked),
      withKind(pagesBehindLargeChunksGo, kindShared),
      withKind(aSteadyProgramKeepsItsPages, kindTracked),
      withKind(aSteadyProgramKeepsItsPages, kindUntracked),
      withKind(aSteadyProgramKeepsItsPages, kindShared),
  };
  return runTests(tests);
}
