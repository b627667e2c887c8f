/* Sub-pools of a shared parent, each used by a thread. The charges of the parent are exact, at the very limit of its budget. */
#include "family.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { threadCount = 4, slots = 40, rootBudget = 256 * 1024 };

static unsigned scaled(unsigned count) {
  const char *scale = getenv("MEMA_TEST_SCALE");
  return 1 + count / (scale != NULL ? (unsigned)atoi(scale) : 1);
}

/* A thread with a sub-pool of the root, and two below that, which move chunks between them. */
typedef struct Worker {
  pthread_t thread;
  Pool *root, pool, below[2];
  size_t number, guaranteed;
  void *chunks[3][slots];
  size_t sizes[3][slots];
  size_t granted, refused;
  const char *wrong;
} Worker;

static _Atomic unsigned ready;

#define WRONG_UNLESS(condition)                 \
  do {                                          \
    if (!(condition)) {                         \
      worker->wrong = #condition ": is not so"; \
      return;                                   \
    }                                           \
  } while (0)

static void takeOne(Worker *worker, Pool *pool, size_t p, size_t i, size_t size) {
  void *ptr = palloc(pool, size);
  if (ptr == NULL) {
    const mema_Error *error = mema_lastError();
    worker->refused++;
    WRONG_UNLESS(error->reason == MEMA_OVER_BUDGET && error->available < error->wanted);
    return;
  }
  worker->granted++;
  fillBytes(ptr, size, (unsigned)(worker->number * 100 + i));
  worker->chunks[p][i] = ptr;
  worker->sizes[p][i] = size;
}

static void resizeOne(Worker *worker, Pool *pool, size_t p, size_t i, size_t size) {
  void *ptr = mema_repalloc(pool, worker->chunks[p][i], size);
  size_t kept = worker->sizes[p][i] < size ? worker->sizes[p][i] : size;
  if (ptr == NULL) {
    worker->refused++;
    WRONG_UNLESS(mema_lastError()->reason == MEMA_OVER_BUDGET);
    WRONG_UNLESS(bytesFilled(worker->chunks[p][i], worker->sizes[p][i], (unsigned)(worker->number * 100 + i)));
    return;
  }
  WRONG_UNLESS(bytesFilled(ptr, kept, (unsigned)(worker->number * 100 + i)));
  fillBytes(ptr, size, (unsigned)(worker->number * 100 + i));
  worker->chunks[p][i] = ptr;
  worker->sizes[p][i] = size;
}

static void freeOne(Worker *worker, Pool *pool, size_t p, size_t i) {
  WRONG_UNLESS(bytesFilled(worker->chunks[p][i], worker->sizes[p][i], (unsigned)(worker->number * 100 + i)));
  WRONG_UNLESS(pfree(pool, worker->chunks[p][i]));
  worker->chunks[p][i] = NULL;
}

/* From one of the two below to the other: no thread's business but this one's, however full the root is; except where what is guaranteed to
 * the one stays behind unused, so that the other's has to come from above. */
static void moveOne(Worker *worker, size_t p, size_t i) {
  size_t q = 3 - p;
  if (worker->chunks[q][i] != NULL) return;
  if (!mema_moveChunk(&worker->below[q - 1], &worker->below[p - 1], worker->chunks[p][i])) {
    WRONG_UNLESS(worker->guaranteed != 0 && mema_lastError()->reason == MEMA_OVER_BUDGET);
    return;
  }
  worker->chunks[q][i] = worker->chunks[p][i];
  worker->sizes[q][i] = worker->sizes[p][i];
  worker->chunks[p][i] = NULL;
}

static void hammer(Worker *worker, unsigned rounds) {
  uint64_t state = worker->number + 1;
  Pool *pools[3] = {&worker->pool, &worker->below[0], &worker->below[1]};
  for (unsigned round = 0; round < rounds && worker->wrong == NULL; round++) {
    size_t p = nextRandom(&state) % 3, i = nextRandom(&state) % slots, what = nextRandom(&state) % 8;
    size_t size = 1 + nextRandom(&state) % (what == 0 ? 60000 : 9000);
    if (worker->chunks[p][i] == NULL) {
      takeOne(worker, pools[p], p, i, size);
    } else if (what < 3) {
      resizeOne(worker, pools[p], p, i, size);
    } else if (what < 5 && p != 0) {
      moveOne(worker, p, i);
    } else {
      freeOne(worker, pools[p], p, i);
    }
    if (round % 512 == 0 && !mema_checkPool(&worker->pool)) worker->wrong = mema_lastError()->sentence;
    if (round % 64 == 0) { /* and sub-pools come and go */
      Pool another = {0};
      mema_Options options = {.poolSize = 5000, .guaranteed = nextRandom(&state) % 5000};
      if (mema_initSubPool(&another, worker->root, &options)) {
        (void)palloc(&another, 1000);
        WRONG_UNLESS(freePool(&another));
      }
      if (mema_chargePool(&worker->below[0], 3000)) WRONG_UNLESS(mema_creditPool(&worker->below[0], 3000));
    }
  }
}

static void *work(void *argument) {
  Worker *worker = argument;
  mema_Options options = {.poolSize = rootBudget, .guaranteed = worker->guaranteed};
  mema_Options below = {.poolSize = rootBudget, .guaranteed = worker->guaranteed / 4};
  if (!mema_initSubPool(&worker->pool, worker->root, &options)) worker->wrong = "the sub-pool was refused";
  for (size_t i = 0; i < 2; i++)
    if (!mema_initSubPool(&worker->below[i], &worker->pool, &below)) worker->wrong = "a sub-pool below was refused";
  atomic_fetch_add(&ready, 1);
  while (atomic_load(&ready) < threadCount) sched_yield();
  if (worker->wrong == NULL) hammer(worker, scaled(60000));
  return NULL;
}

static void play(const Kind *kind, size_t guaranteed) {
  static Worker workers[threadCount];
  Pool root;
  mema_Stats stats;
  memset(workers, 0, sizeof workers);
  atomic_store(&ready, 0);
  assert_true(makePool(&root, kind, rootBudget));
  for (size_t i = 0; i < threadCount; i++) {
    workers[i].root = &root;
    workers[i].number = i;
    workers[i].guaranteed = guaranteed;
    assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
  }
  for (size_t i = 0; i < threadCount; i++) assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
  size_t held = 0, refused = 0;
  for (size_t i = 0; i < threadCount; i++) {
    Worker *worker = &workers[i];
    if (worker->wrong != NULL) fail_msg("thread %zu: %s", i, worker->wrong);
    assertWell(levelIsWrong(&worker->pool));
    assertWell(levelIsWrong(&worker->below[0]));
    assertWell(levelIsWrong(&worker->below[1]));
    held += holdsOf(&worker->pool, guaranteed);
    refused += worker->refused;
    assert_true(worker->granted > 0);
  }
  assert_true(refused > 0); /* else this was no limit */
  assert_true(mema_poolStats(&root, &stats));
  assert_int_equal(stats.subPoolBytes, held);
  assert_int_equal(stats.subPools, threadCount);
  assert_int_equal(mema_freeSize(&root), rootBudget - held);
  assertWell(levelIsWrong(&root));
  for (size_t i = 0; i < threadCount; i += 2) assert_true(freePool(&workers[i].pool));
  assert_true(mema_resetPool(&root));
  assert_int_equal(mema_freeSize(&root), rootBudget);
  assert_true(freePool(&root));
}

static void chargesAreExactAtTheLimitOfASharedRoot(void **unused) {
  (void)unused;
  play(&kindShared, 0);
  play(&kindShared, 20000);
}

static void chargesAreExactAtTheLimitOfASharedTrackedRoot(void **unused) {
  (void)unused;
  play(&kindSharedTracked, 0);
  play(&kindSharedTracked, 20000);
}

/* The root's own chunks are taken by the same threads from the same budget. */
typedef struct Rival {
  pthread_t thread;
  Pool *root, *shared;
  size_t number;
  const char *wrong;
} Rival;

static void *rival(void *argument) {
  Rival *self = argument;
  uint64_t state = self->number + 77;
  Pool *pools[2] = {self->root, self->shared}, own = {0};
  void *chunks[3][8] = {{0}};
  mema_Options options = {.poolSize = rootBudget};
  if (!mema_initSubPool(&own, self->root, &options)) self->wrong = "init";
  for (unsigned round = 0; round < scaled(60000) && self->wrong == NULL; round++) {
    size_t p = nextRandom(&state) % 3, i = nextRandom(&state) % 8;
    Pool *pool = p == 2 ? &own : pools[p];
    if (chunks[p][i] != NULL) {
      if (!pfree(pool, chunks[p][i])) self->wrong = "a chunk was not freed";
      chunks[p][i] = NULL;
    } else {
      chunks[p][i] = palloc(pool, 1 + nextRandom(&state) % 20000);
    }
  }
  for (size_t p = 0; p < 3; p++)
    for (size_t i = 0; i < 8; i++)
      if (chunks[p][i] != NULL && !pfree(p == 2 ? &own : pools[p], chunks[p][i]))
        self->wrong = "a chunk was not freed at the end";
  if (!freePool(&own)) self->wrong = "the sub-pool was not freed";
  return NULL;
}

static void chargesAreExactBesideChunksOfTheRoot(void **state) {
  const Kind *kind = *state;
  Rival rivals[threadCount] = {{0}};
  Pool root, shared;
  assert_true(makePool(&root, kind, rootBudget));
  assert_true(makeChildOf(&shared, &root, &kindShared, 60000, 60000));
  for (size_t i = 0; i < threadCount; i++) {
    rivals[i].root = &root;
    rivals[i].shared = &shared;
    rivals[i].number = i;
    assert_int_equal(pthread_create(&rivals[i].thread, NULL, rival, &rivals[i]), 0);
  }
  for (size_t i = 0; i < threadCount; i++) {
    assert_int_equal(pthread_join(rivals[i].thread, NULL), 0);
    if (rivals[i].wrong != NULL) fail_msg("thread %zu: %s", i, rivals[i].wrong);
  }
  assert_int_equal(mema_freeSize(&shared), 60000);
  assert_int_equal(mema_freeSize(&root), rootBudget - 60000);
  assertWell(levelIsWrong(&root));
  assertWell(levelIsWrong(&shared));
  assert_true(freePool(&root));
  assertFails(palloc(&shared, 1), MEMA_BAD_POOL);
}

/* Families of their own in different threads share nothing but the records. */
static void *ownFamily(void *argument) {
  Worker *worker = argument;
  for (unsigned life = 0; life < scaled(600) && worker->wrong == NULL; life++) {
    Pool pools[4];
    if (!initPool(&pools[0], 100000)) worker->wrong = "init";
    for (size_t i = 1; i < 4; i++)
      if (!makeChild(&pools[i], &pools[i - 1], 50000, 1000 / i) || palloc(&pools[i], 2000) == NULL) worker->wrong = "child";
    if (life % 16 == 0 && !mema_checkPool(&pools[0])) worker->wrong = mema_lastError()->sentence;
    if (life % 2 == 0 && !freePool(&pools[2])) worker->wrong = "free of a child";
    if (!freePool(&pools[0]) || palloc(&pools[3], 1) != NULL) worker->wrong = "the end";
  }
  return NULL;
}

static void familiesOfDifferentThreadsDoNotInterfere(void **unused) {
  static Worker workers[threadCount];
  (void)unused;
  memset(workers, 0, sizeof workers);
  for (size_t i = 0; i < threadCount; i++)
    assert_int_equal(pthread_create(&workers[i].thread, NULL, ownFamily, &workers[i]), 0);
  for (size_t i = 0; i < threadCount; i++) {
    assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    if (workers[i].wrong != NULL) fail_msg("thread %zu: %s", i, workers[i].wrong);
  }
}

/* Of several threads that end a shared parent at once one does so, and with it its sub-pools, once. */
static Pool contested;
static _Atomic unsigned freedBy;

static void *freeIt(void *unused) {
  (void)unused;
  atomic_fetch_add(&ready, 1);
  while (atomic_load(&ready) < threadCount) sched_yield();
  if (freePool(&contested)) atomic_fetch_add(&freedBy, 1);
  return NULL;
}

static void ofManyFreesOfAParentOneSucceeds(void **state) {
  const Kind *kind = *state;
  for (unsigned life = 0; life < scaled(120); life++) {
    pthread_t threads[threadCount];
    Pool children[3];
    atomic_store(&ready, 0);
    atomic_store(&freedBy, 0);
    assert_true(makePool(&contested, kind, rootBudget));
    for (size_t i = 0; i < 3; i++) assert_true(makeChild(&children[i], &contested, 10000, 100));
    assert_non_null(palloc(&children[1], 5000));
    for (size_t i = 0; i < threadCount; i++) assert_int_equal(pthread_create(&threads[i], NULL, freeIt, NULL), 0);
    for (size_t i = 0; i < threadCount; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&freedBy), 1);
    for (size_t i = 0; i < 3; i++) assertFails(palloc(&children[i], 1), MEMA_BAD_POOL);
  }
}

static Pool late;
static mema_Reason lateReason; /* MEMA_OK: it was made */

static void *makeOneMore(void *pauses) {
  mema_Options options = {.poolSize = 10000, .guaranteed = 100};
  atomic_fetch_add(&ready, 1);
  while (atomic_load(&ready) < 2) sched_yield();
  for (volatile unsigned i = *(unsigned *)pauses; i > 0; i--) continue;
  lateReason = mema_initSubPool(&late, &contested, &options) ? MEMA_OK : mema_lastError()->reason;
  return NULL;
}

/* A sub-pool that is made while another thread frees its parent is refused, or ends with it. Both begin together, each a little later in turn. */
static void aSubPoolMadeWhileItsParentEndsIsRefusedOrEnds(void **state) {
  const Kind *kind = *state;
  for (unsigned life = 0; life < scaled(2000); life++) {
    pthread_t thread;
    unsigned pauses = life * 7 % 300;
    memset(&late, 0, sizeof late);
    atomic_store(&ready, 0);
    assert_true(makePool(&contested, kind, rootBudget));
    assert_int_equal(pthread_create(&thread, NULL, makeOneMore, &pauses), 0);
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) < 2) sched_yield();
    for (volatile unsigned i = life * 13 % 2000; i > 0; i--) continue;
    assert_true(freePool(&contested));
    assert_int_equal(pthread_join(thread, NULL), 0);
    if (lateReason != MEMA_OK && lateReason != MEMA_BAD_POOL && lateReason != MEMA_BUSY)
      fail_msg("refused for reason %d", (int)lateReason);
    assertFails(palloc(&late, 1), MEMA_BAD_POOL);
    assertFails(freePool(&late), MEMA_BAD_POOL);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(chargesAreExactAtTheLimitOfASharedRoot),
      cmocka_unit_test(chargesAreExactAtTheLimitOfASharedTrackedRoot),
      withKind(chargesAreExactBesideChunksOfTheRoot, kindShared),
      withKind(chargesAreExactBesideChunksOfTheRoot, kindSharedTracked),
      cmocka_unit_test(familiesOfDifferentThreadsDoNotInterfere),
      withKind(ofManyFreesOfAParentOneSucceeds, kindShared),
      withKind(ofManyFreesOfAParentOneSucceeds, kindSharedTracked),
      withKind(aSubPoolMadeWhileItsParentEndsIsRefusedOrEnds, kindShared),
      withKind(aSubPoolMadeWhileItsParentEndsIsRefusedOrEnds, kindSharedTracked),
  };
  return runTests(tests);
}
