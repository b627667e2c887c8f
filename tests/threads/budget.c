/* Shared pools under many threads at once: each chunk is freed once, the budget is never passed and always reached, nothing is lost. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

enum { threadCount = 3, most = 4000 };

static unsigned scaled(unsigned count) {
  const char *scale = getenv("MEMA_TEST_SCALE");
  return 1 + count / (scale != NULL ? (unsigned)atoi(scale) : 1);
}

static Pool pool;
static pthread_barrier_t barrier;
static _Atomic(const char *) complaint;
static atomic_bool stopping;

static void complain(const char *what) {
  const char *none = NULL;
  atomic_compare_exchange_strong(&complaint, &none, what);
}

static void begin(const Kind *kind, size_t poolSize) {
  assert_true(makePool(&pool, kind, poolSize));
  atomic_store(&complaint, NULL);
  atomic_store(&stopping, false);
  pthread_barrier_init(&barrier, NULL, threadCount);
}

static void runThreads(void *(*work)(void *)) {
  pthread_t threads[threadCount];
  static unsigned numbers[threadCount];
  for (unsigned i = 0; i < threadCount; i++) {
    numbers[i] = i;
    assert_int_equal(pthread_create(&threads[i], NULL, work, &numbers[i]), 0);
  }
  for (unsigned i = 0; i < threadCount; i++) pthread_join(threads[i], NULL);
}

static void end(void) {
  const char *what = atomic_load(&complaint);
  if (what != NULL) fail_msg("%s", what);
  assertPool(&pool, 0, 0);
  void *all = palloc(&pool, pool.poolSize);
  assert_non_null(all);
  assert_true(pfree(&pool, all));
  pthread_barrier_destroy(&barrier);
  assert_true(freePool(&pool));
}

/* ---- two threads free the same chunk ------------------------------------------------------------------------------------- */

static void *chunks[most];
static _Atomic unsigned char taken[most];
static unsigned count, rounds;
static size_t roundSize;

/* In turn one thread allocates all chunks; then all free all of them, the allocating thread and strangers: each chunk goes once. */
static void *freeTheSame(void *number) {
  unsigned self = *(unsigned *)number;
  for (unsigned round = 0; round < rounds; round++) {
    if (round % threadCount == self) {
      for (unsigned i = 0; i < count; i++) {
        if ((chunks[i] = palloc(&pool, roundSize)) == NULL) complain("a request was refused");
        atomic_store_explicit(&taken[i], 0, memory_order_relaxed);
      }
    }
    pthread_barrier_wait(&barrier);
    for (unsigned i = 0; i < count; i++)
      if (pfree(&pool, chunks[i])) atomic_fetch_add_explicit(&taken[i], 1, memory_order_relaxed);
    pthread_barrier_wait(&barrier);
    for (unsigned i = self; i < count; i += threadCount)
      if (atomic_load_explicit(&taken[i], memory_order_relaxed) != 1)
        complain(atomic_load_explicit(&taken[i], memory_order_relaxed) > 1 ? "a chunk was freed twice"
                                                                           : "a chunk was not freed");
    pthread_barrier_wait(&barrier);
    if (self == 0 && !mema_checkPool(&pool)) complain("the pool is broken");
  }
  return NULL;
}

static void ofManyFreesOfAChunkOneSucceeds(void **state) {
  static const size_t sizes[] = {16, 100, 1000, 5000, 10000, 32768, 100000};
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    roundSize = sizes[i];
    count = (unsigned)(8 * MIB / roundSize);
    if (count > most) count = most;
    rounds = scaled(24);
    begin(*state, 16 * MIB);
    runThreads(freeTheSame);
    end();
  }
}

/* Lives short enough that the privilege of the allocating thread is there each time. */
static void ofManyFreesOneSucceedsBeforeThePrivilegeIsRevoked(void **state) {
  for (unsigned life = 0; life < scaled(100); life++) {
    roundSize = 48;
    count = 200;
    rounds = 1;
    begin(*state, MIB);
    runThreads(freeTheSame);
    end();
  }
}

/* ---- an exchange of everything -------------------------------------------------------------------------------------------- */

enum { shelves = 512, exchangeSize = 4 << 20 };
typedef struct Item {
  size_t size;
  unsigned seed;
} Item;
static _Atomic(Item *) magazine[shelves];
static _Atomic size_t live; /* an upper bound of the charges of chunks under way */
static atomic_uint wave;

static Item *makeItem(uint64_t *random) {
  size_t size = sizeof(Item) + nextRandom(random) % 100;
  switch ((atomic_load(&wave) + nextRandom(random) % 4) % 6) {
    case 0:
      size += nextRandom(random) % 3000;
      break;
    case 1:
      size += nextRandom(random) % 30000;
      break;
    case 2:
      size += nextRandom(random) % 16 == 0 ? 100000 : 500;
      break;
    default:
      break;
  }
  Item *item = palloc(&pool, size);
  if (item == NULL) {
    if (mema_lastError()->reason != MEMA_OVER_BUDGET) complain(mema_lastError()->name);
    return NULL;
  }
  if (atomic_fetch_add(&live, mema_chunkSize(&pool, item)) > exchangeSize) complain("the budget was passed");
  item->size = size;
  item->seed = (unsigned)nextRandom(random);
  fillBytes(item + 1, size - sizeof(Item), item->seed);
  return item;
}

static void endItem(Item *item) {
  if (!bytesFilled(item + 1, item->size - sizeof(Item), item->seed)) complain("a chunk was overwritten");
  size_t charge = mema_chunkSize(&pool, item);
  atomic_fetch_sub(&live, charge); /* before the free: so it is never above the charges */
  if (!pfree(&pool, item)) complain("a free was refused");
}

static void freeWildly(uint64_t *random, Item *item) {
  char *at = hidePointer(item);
  if (pfree(&pool, (void *)(uintptr_t)nextRandom(random))) complain("a random value was freed");
  if (at == NULL) return;
  if (pfree(&pool, at + 1) || pfree(&pool, at + 8) || pfree(&pool, at - 1) || pfree(&pool, at - 8))
    complain("an inner address was freed");
}

static void *exchange(void *number) {
  uint64_t random = *(unsigned *)number + 1;
  unsigned steps = scaled(20000);
  for (unsigned n = 0; n < steps; n++) {
    _Atomic(Item *) *place = &magazine[nextRandom(&random) % shelves];
    Item *item = atomic_exchange(place, NULL);
    if (item != NULL) {
      if (n % 16 == 0) freeWildly(&random, item);
      endItem(item);
    } else if ((item = makeItem(&random)) != NULL) {
      if (n % 16 == 1) {
        Item *grown = mema_repalloc(&pool, item, item->size);
        if (grown == NULL) complain(mema_lastError()->name);
        if (grown != NULL) item = grown;
      }
      item = atomic_exchange(place, item);
      if (item != NULL) endItem(item);
    }
    if (n % 4096 == 0) atomic_fetch_add(&wave, 1);
  }
  return NULL;
}

static void *ask(void *unused) {
  (void)unused;
  mema_Stats stats;
  char picture[2000];
  for (unsigned n = 0; !atomic_load(&stopping); n++) {
    switch (n % 6) {
      case 0:
        if (!mema_checkPool(&pool)) complain("the pool is broken");
        break;
      case 1:
        if (!mema_poolStats(&pool, &stats) || stats.poolSize != stats.freeSize + stats.liveBytes)
          complain("stats do not add up");
        break;
      case 2:
        mema_trimPool(&pool);
        break;
      case 3:
        mema_freeSize(&pool);
        break;
      case 4:
        mema_resizePool(&pool, exchangeSize);
        break;
      default:
        mema_drawPool(&pool, picture, sizeof picture, 40, true);
    }
    for (unsigned i = 0; i < 2000; i++) __asm__ volatile("");
  }
  return NULL;
}

static void chunksPassFromThreadToThread(void **state) {
  pthread_t asker;
  begin(*state, exchangeSize);
  atomic_store(&live, 0);
  assert_int_equal(pthread_create(&asker, NULL, ask, NULL), 0);
  runThreads(exchange);
  atomic_store(&stopping, true);
  pthread_join(asker, NULL);
  for (unsigned i = 0; i < shelves; i++) {
    Item *item = atomic_exchange(&magazine[i], NULL);
    if (item != NULL) endItem(item);
  }
  assert_int_equal(atomic_load(&live), 0);
  end();
}

/* ---- stale frees: whatever they hit, nothing is lost ------------------------------------------------------------------------ */

static _Atomic(void *) addresses[1024];
static atomic_size_t allocated, freed;

/* Frees addresses that others may have freed, and been given again, meanwhile; the class mix changes, so that spans change their class. */
static void *freeStale(void *number) {
  uint64_t random = *(unsigned *)number + 1;
  unsigned steps = scaled(100000);
  for (unsigned n = 0; n < steps; n++) {
    _Atomic(void *) *place = &addresses[nextRandom(&random) % 1024];
    if (nextRandom(&random) % 2 == 0) {
      void *chunk = palloc(&pool, (16u << (n >> 13) % 10) + nextRandom(&random) % 16);
      if (chunk != NULL) atomic_fetch_add_explicit(&allocated, 1, memory_order_relaxed);
      void *before = atomic_exchange(place, chunk);
      if (before != NULL && pfree(&pool, before)) atomic_fetch_add_explicit(&freed, 1, memory_order_relaxed);
    } else if (pfree(&pool, atomic_load(place))) {
      atomic_fetch_add_explicit(&freed, 1, memory_order_relaxed);
    }
  }
  return NULL;
}

static void staleFreesLoseNothing(void **state) {
  for (unsigned life = 0; life < 5; life++) {
    begin(*state, 4 * MIB);
    atomic_store(&allocated, 0);
    atomic_store(&freed, 0);
    runThreads(freeStale);
    mema_Stats stats;
    assert_true(mema_poolStats(&pool, &stats));
    assert_int_equal(stats.liveChunks, atomic_load(&allocated) - atomic_load(&freed));
    if (!mema_checkPool(&pool)) fail_msg("%s", mema_lastError()->sentence);
    for (unsigned i = 0; i < 1024; i++) pfree(&pool, atomic_exchange(&addresses[i], NULL));
    assert_true(mema_resetPool(&pool));
    end();
  }
}

/* ---- the budget ------------------------------------------------------------------------------------------------------------ */

/* Each thread has credit and spare slots; then one of them takes all that is left, to the last byte, while the others stand still. */
static void *fillInTurn(void *number) {
  unsigned self = *(unsigned *)number;
  uint64_t random = self;
  void *mine[64];
  for (unsigned round = 0; round < rounds; round++) {
    for (unsigned i = 0; i < 64; i++) mine[i] = palloc(&pool, 1 + nextRandom(&random) % 2000);
    for (unsigned i = 0; i < 64; i++)
      if (mine[i] == NULL || !pfree(&pool, mine[i])) complain("a request was refused though there was room");
    void *kept = palloc(&pool, 64);
    pthread_barrier_wait(&barrier);
    if (round % threadCount == self) {
      size_t room = pool.poolSize - threadCount * 64, taken64 = 0;
      static void *all[MIB / 64];
      while ((all[taken64] = palloc(&pool, 64)) != NULL) taken64++;
      if (mema_lastError()->reason != MEMA_OVER_BUDGET || mema_lastError()->available != 0 || mema_lastError()->wanted != 64)
        complain("the refusal is not exact");
      if (taken64 * 64 != room || mema_freeSize(&pool) != 0) complain("the budget could not be filled");
      while (taken64 > 0)
        if (!pfree(&pool, all[--taken64])) complain("a free was refused");
    }
    pthread_barrier_wait(&barrier);
    if (!pfree(&pool, kept)) complain("a free was refused");
    pthread_barrier_wait(&barrier);
  }
  return NULL;
}

static void theBudgetCanBeFilledToTheLastByte(void **state) {
  rounds = scaled(15);
  begin(*state, MIB);
  runThreads(fillInTurn);
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      withKind(ofManyFreesOfAChunkOneSucceeds, kindShared),
      withKind(ofManyFreesOfAChunkOneSucceeds, kindSharedOutside),
      withKind(ofManyFreesOfAChunkOneSucceeds, kindSharedTracked),
      withKind(ofManyFreesOneSucceedsBeforeThePrivilegeIsRevoked, kindShared),
      withKind(chunksPassFromThreadToThread, kindShared),
      withKind(chunksPassFromThreadToThread, kindSharedOutside),
      withKind(chunksPassFromThreadToThread, kindSharedTracked),
      withKind(staleFreesLoseNothing, kindShared),
      withKind(staleFreesLoseNothing, kindSharedOutside),
      withKind(staleFreesLoseNothing, kindSharedTracked),
      withKind(theBudgetCanBeFilledToTheLastByte, kindShared),
      withKind(theBudgetCanBeFilledToTheLastByte, kindSharedOutside),
      withKind(theBudgetCanBeFilledToTheLastByte, kindSharedTracked),
  };
  return runTests(tests);
}
