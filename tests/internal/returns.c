/* Slots that go back to the thread that owns them, by the batch (src/threads/returns.c). */
#include "../../src/base/poolState.h"

#include "unit.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/threads/share.h"

enum { size = 64, full = mema_inboxMost * mema_returnsMost, many = 2 * full, classes = 24, all = classes * full };

static Pool pool;
static mema_Share *share;
static uint8_t ownerId;
static void *chunks[all];
static size_t count;

/* ---- another thread, which does one thing after the other -------------------------------------------------------------------- */

static pthread_t other;
static sem_t asked, done;
static void (*task)(void);

static void *work(void *unused) {
  for (sem_wait(&asked); task != NULL; sem_wait(&asked)) {
    task();
    sem_post(&done);
  }
  return unused;
}

static void letOther(void (*what)(void)) {
  task = what;
  sem_post(&asked);
  sem_wait(&done);
}

static void endOther(void) {
  task = NULL;
  sem_post(&asked);
  pthread_join(other, NULL);
}

static void *volatile own;

/* It has a quota from then on, so that its frees need not give budget back. */
static void takeQuota(void) {
  own = palloc(&pool, size);
}

static void giveQuota(void) {
  pfree(&pool, own);
}

static size_t freed;

static void giveAll(void) {
  for (size_t i = 0; i < count; i++) freed += pfree(&pool, chunks[i]);
}

static void giveOne(void) {
  freed += pfree(&pool, chunks[0]);
}

static void takeTheLock(void) {
  mema_takeLock(&share->lock);
}

static void releaseTheLock(void) {
  mema_releaseLock(&share->lock);
}

/* ---- the beginning and the end --------------------------------------------------------------------------------------------- */

static void take(size_t wanted, size_t bytes) {
  count = wanted;
  for (size_t i = 0; i < wanted; i++) assert_non_null(chunks[i] = palloc(&pool, bytes));
}

/* The other thread has freed a chunk of the class, so the owner has no privilege. */
static void begin(void) {
  mema_Options options = {.poolSize = 256 * MIB, .untracked = true, .shared = true};
  freePool(&pool); /* of a test that failed */
  assert_true(mema_initPoolWith(&pool, &options));
  take(1, size);
  if (mema_cacheHere == NULL || mema_cacheHere->ownerId == 0) { /* no barrier, so no batches */
    skip();
    abort(); /* skip does not return */
  }
  share = mema_cacheHere->share;
  ownerId = mema_cacheHere->ownerId;
  sem_init(&asked, 0, 0);
  sem_init(&done, 0, 0);
  assert_int_equal(pthread_create(&other, NULL, work, NULL), 0);
  letOther(takeQuota);
  letOther(giveOne);
  freed = 0;
}

static void end(void) {
  letOther(giveQuota);
  endOther();
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

static unsigned batchesInInbox(size_t bytes) {
  return atomic_load(&share->inboxes[ownerId][mema_classOf(bytes)]) >> 8;
}

static int compare(const void *a, const void *b) {
  uintptr_t x = (uintptr_t) * (void *const *)a, y = (uintptr_t) * (void *const *)b;
  return (x > y) - (x < y);
}

/* ---- the tests ------------------------------------------------------------------------------------------------------------- */

/* The lock is held by the thread that does nothing, while the other one frees, or takes. */
static void slotsGoBackWithoutTheLock(void **state) {
  static void *before[full + 1];
  (void)state;
  begin();
  before[full] = chunks[0];
  take(full, size);
  memcpy(before, chunks, full * sizeof *before);
  takeTheLock();
  letOther(giveAll);
  releaseTheLock();
  assert_int_equal(freed, full);
  assert_int_equal(batchesInInbox(size), mema_inboxMost);
  while (mema_cacheHere->magazines[mema_classOf(size) + 1].top != mema_cacheHere->magazines[mema_classOf(size) + 1].bottom)
    assert_non_null(palloc(&pool, size));
  letOther(takeTheLock);
  take(full, size);
  letOther(releaseTheLock);
  qsort(before, full + 1, sizeof *before, compare);
  for (size_t i = 0; i < count; i++) assert_non_null(bsearch(&chunks[i], before, full + 1, sizeof *before, compare));
  assert_true(mema_resetPool(&pool));
  endOther();
  assert_true(freePool(&pool));
}

/* A chunk counts as free as soon as it was freed, wherever its slot is. */
static void aFreeIsExactAtOnce(void **state) {
  mema_Stats stats;
  (void)state;
  begin();
  take(full, size);
  letOther(giveAll);
  assert_int_equal(freed, full);
  for (size_t i = 0; i < count; i++) assert_false(pfree(&pool, chunks[i]));
  letOther(giveAll);
  assert_int_equal(freed, full);
  assert_true(mema_poolStats(&pool, &stats));
  assert_int_equal(stats.liveBytes, size); /* the other thread's */
  assert_int_equal(stats.freeSize, 256 * MIB - size);
  end();
}

/* The owner has regained its privilege, so the next free by the other thread revokes it again. */
static void theOtherThreadLooksAgainOnceThePrivilegeIsBack(void **state) {
  (void)state;
  begin();
  const mema_Magazine *magazine = &mema_cacheHere->magazines[mema_classOf(size) + 1];
  take(3, size);
  count = 2;
  letOther(giveAll); /* the second free looks at nothing any more */
  for (uint32_t i = 0; i < mema_patience; i++) assert_true(pfree(&pool, palloc(&pool, size)));
  assert_int_not_equal(magazine->own, 0);
  chunks[0] = chunks[2];
  letOther(giveOne);
  assert_int_equal(freed, 3);
  assert_int_equal(magazine->own, 0);
  end();
}

/* An owner that does not come for its slots is sent no more. */
static void aFullInboxEndsTheReturns(void **state) {
  (void)state;
  begin();
  take(full, size);
  letOther(giveAll);
  assert_int_equal(batchesInInbox(size), mema_inboxMost);
  assert_int_equal(atomic_load(&share->revoked[ownerId]) & mema_nobodys, 0);
  take(full + 3 * mema_returnsMost, size); /* the owner comes first */
  letOther(giveAll);
  assert_int_not_equal(atomic_load(&share->revoked[ownerId]) & mema_nobodys, 0);
  assert_int_equal(batchesInInbox(size), 0);
  end();
}

/* Chunks of so many classes that they need more batches than there are. */
static void takeOfAllClasses(void) {
  for (size_t i = 0; i < all; i++) assert_non_null(chunks[i] = palloc(&pool, mema_classSize(i / full)));
  count = all;
}

static void slotsGoBackByTheLockIfNoBatchIsUnused(void **state) {
  (void)state;
  begin();
  takeOfAllClasses();
  letOther(giveAll);
  assert_int_equal(freed, all);
  assert_true(atomic_load(&share->madeBatches) >= mema_returnBatches);
  takeOfAllClasses();
  for (size_t i = 0; i < all; i++) assert_true(pfree(&pool, chunks[i]));
  end();
}

static void trimmingTakesSlotsOutOfAllInboxes(void **state) {
  (void)state;
  begin();
  take(full / 2, size);
  letOther(giveAll);
  assert_int_not_equal(batchesInInbox(size), 0);
  mema_trimPool(&pool);
  assert_int_equal(batchesInInbox(size), 0);
  end();
}

/* The ends of both threads leave nothing that the pool would miss. */
static void slotsOnTheirWayOutliveTheirThreads(void **state) {
  (void)state;
  begin();
  take(full, size);
  letOther(giveAll);
  letOther(giveQuota);
  endOther();
  assertPool(&pool, 0, 0);
  take(many, size);
  for (size_t i = 0; i < count; i++) assert_true(pfree(&pool, chunks[i]));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

static void aForkedChildHasSlotsThatWereOnTheirWay(void **state) {
  (void)state;
  begin();
  take(full, size);
  letOther(giveAll);
  pid_t child = fork();
  if (child == 0) {
    alarm(hangLimit());
    for (size_t i = 0; i < many; i++)
      if (palloc(&pool, size) == NULL) _exit(2);
    mema_Stats stats;
    if (!mema_poolStats(&pool, &stats) || stats.liveBytes != (many + 1) * size) _exit(3);
    _exit(mema_checkPool(&pool) ? 0 : 4);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(slotsGoBackWithoutTheLock),
      cmocka_unit_test(aFreeIsExactAtOnce),
      cmocka_unit_test(theOtherThreadLooksAgainOnceThePrivilegeIsBack),
      cmocka_unit_test(aFullInboxEndsTheReturns),
      cmocka_unit_test(slotsGoBackByTheLockIfNoBatchIsUnused),
      cmocka_unit_test(trimmingTakesSlotsOutOfAllInboxes),
      cmocka_unit_test(slotsOnTheirWayOutliveTheirThreads),
      cmocka_unit_test(aForkedChildHasSlotsThatWereOnTheirWay),
  };
  return runTests(tests);
}
