/* Reports of families whose pools other threads make, use and end meanwhile, and which forks look for, too. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "threads.h"

enum { workers = 3, rounds = 400, forks = 20, budget = 20000 };

static Pool root;
static atomic_uint failures, working;
static atomic_bool enough; /* reports were made that had sub-pools */
static mema_Site site = {"f.c", "worker", 1, 0};

static void *mapPage(void) {
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? NULL : page;
}

/* The struct of a sub-pool goes at once when the pool has ended: who reads it later than that, faults. */
static void liveOnce(unsigned round) {
  bool shared = round % 2 == 0;
  Pool *pool = mapPage(), *below = mapPage();
  mema_Options options = {
      .poolSize = budget, .guaranteed = shared ? budget : round % 3 * 1000, .shared = shared, .sites = true};
  const mema_Options under = {.poolSize = budget / 2, .untracked = round % 4 == 0};
  if (pool == NULL || below == NULL || !mema_initSubPool(pool, &root, &options) || !mema_initSubPool(below, pool, &under)) {
    failures++;
    return;
  }
  for (unsigned i = 1; i < 20; i++) {
    void *chunk = mema_noteSite(pool, palloc(pool, 100), &site), *other = palloc(below, 100);
    if (chunk == NULL || other == NULL || (i % 4 != 0 && !pfree(pool, chunk)) || !pfree(below, other)) failures++;
  }
  if ((round % 5 == 0 && !mema_resizePool(below, budget / 3)) || (round % 3 == 0 && !freePool(below))) failures++;
  if (!mema_checkPool(pool) || !freePool(pool)) failures++;
  munmap(pool, 4096);
  munmap(below, 4096);
}

static void *work(void *arg) {
  (void)arg;
  for (unsigned round = 0; round < rounds || !enough; round++) liveOnce(round);
  working--;
  return NULL;
}

/* A fork takes the locks of all shared pools, in its own order. */
static void *forkOften(void *arg) {
  (void)arg;
  for (int i = 0; i < forks; i++) {
    int status;
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) failures++;
  }
  working--;
  return NULL;
}

typedef struct Sheet {
  size_t length;
  char text[100000];
} Sheet;

static bool writeOn(void *user, const char *bytes, size_t length) {
  Sheet *sheet = user;
  if (sheet->length + length >= sizeof sheet->text) return false;
  memcpy(sheet->text + sheet->length, bytes, length);
  sheet->text[sheet->length += length] = '\0';
  return true;
}

static size_t numberBehind(const char *at, const char *key) {
  const char *found = strstr(at, key);
  return found != NULL ? strtoull(found + strlen(key), NULL, 10) : SIZE_MAX;
}

/* With any order of the threads, each budget is that of a pool, and no figure is beyond what its pool can have. */
static bool isSound(const Sheet *sheet, size_t *pools) {
  const char *at = strstr(sheet->text, "{\"id\": ");
  for (*pools = 0; at != NULL; at = strstr(at + 1, "{\"id\": "), ++*pools) {
    size_t poolSize = numberBehind(at, "\"poolSize\": "), freeSize = numberBehind(at, "\"freeSize\": "),
           live = numberBehind(at, "\"liveBytes\": "), peak = numberBehind(at, "\"peakBytes\": "),
           chunks = numberBehind(at, "\"liveChunks\": "), frees = numberBehind(at, "\"frees\": ");
    bool top = *pools == 0;
    if (freeSize > poolSize || live != poolSize - freeSize || peak > poolSize) return false;
    if (!top && poolSize != 0 && poolSize != budget && poolSize != budget / 2 && poolSize != budget / 3) return false;
    if (!top && (chunks > 100 || frees > 100)) return false;
  }
  return *pools > 0;
}

static void reportAll(bool tracked, size_t *most) {
  static Sheet sheet;
  size_t pools = 0;
  sheet.length = 0;
  if (!mema_writeStats(&root, MEMA_JSON, writeOn, &sheet) || !isSound(&sheet, &pools)) {
    failures++;
    fputs(sheet.text, stderr);
  }
  if (pools > *most) *most = pools;
  sheet.length = 0;
  if (tracked && !mema_writeLeaks(&root, writeOn, &sheet)) failures++;
}

static void reportsAreSoundWhateverThreadsDo(bool tracked) {
  pthread_t threads[workers + 1];
  size_t reports = 0, most = 0;
  assert_true(mema_initPoolWith(
      &root, &(mema_Options){.poolSize = MIB, .shared = true, .untracked = !tracked, .sites = tracked, .name = "root"}));
  void *chunk = palloc(&root, 1000);
  working = workers + 1;
  enough = false;
  for (int i = 0; i <= workers; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, i < workers ? work : forkOften, NULL), 0);
  while (working != 0) {
    reportAll(tracked, &most);
    if (++reports >= 10 && most > 1) enough = true;
  }
  for (int i = 0; i <= workers; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
  assert_int_equal(failures, 0);
  assert_true(pfree(&root, chunk));
  assert_int_equal(mema_freeSize(&root), MIB);
  assert_true(mema_checkPool(&root));
  assert_true(freePool(&root));
}

static void reportsOfTrackedFamiliesAreSound(void **state) {
  (void)state;
  reportsAreSoundWhateverThreadsDo(true);
}

static void reportsOfUntrackedFamiliesAreSound(void **state) {
  (void)state;
  reportsAreSoundWhateverThreadsDo(false);
}

int main(void) {
  alarm(hangLimit());
  const struct CMUnitTest tests[] = {cmocka_unit_test(reportsOfTrackedFamiliesAreSound),
                                     cmocka_unit_test(reportsOfUntrackedFamiliesAreSound)};
  return runTests(tests);
}
