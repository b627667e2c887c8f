/* A shared pool that ends, and begins anew, while other threads are inside. */
#include "threads.h"

#include <unistd.h>

static Pool pool; /* static: it is zero, and its memory stays */
static atomic_bool stopping;
static atomic_uint inside, gone;

static void begin(void) {
  atomic_store(&stopping, false);
  forgetComplaints();
  atomic_store(&gone, 0);
}

static bool isGone(void) {
  if (mema_lastError()->reason == MEMA_BAD_POOL || mema_lastError()->reason == MEMA_BAD_POINTER) return true;
  complain(mema_lastError()->name);
  return false;
}

/* Makes all calls on a pool that may end and begin anew at any time. It looks into no chunk, since the chunk may be gone. */
static void *callAnything(void *seed) {
  uint64_t random = addressOf(seed);
  void *chunks[16] = {NULL};
  mema_Stats stats;
  char picture[200];
  while (!atomic_load(&stopping)) {
    unsigned i = (unsigned)(nextRandom(&random) % 16);
    size_t size = nextRandom(&random) % 3000;
    switch (nextRandom(&random) % 16) {
      case 0:
        mema_chunkSize(&pool, chunks[i]);
        break;
      case 1:
        mema_ownsChunk(&pool, chunks[i]);
        break;
      case 2:
        mema_freeSize(&pool);
        break;
      case 3:
        mema_trimPool(&pool);
        break;
      case 4:
        (void)(mema_poolStats(&pool, &stats) || isGone());
        break;
      case 5:
        (void)(mema_checkPool(&pool) || isGone());
        break;
      case 6:
        mema_drawPool(&pool, picture, sizeof picture, 40, true);
        break;
      case 7:
        (void)(mema_pmemalign(&pool, 64, 1000) != NULL || isGone());
        break;
      case 8:
        mema_resizePool(&pool, (8 + i) * MIB);
        break; /* below what is in use, perhaps */
      case 9:
        (void)(mema_resetPool(&pool) || isGone());
        break;
      case 10:
      case 11: {
        void *to = mema_repalloc(&pool, chunks[i], size);
        if (to != NULL || isGone()) chunks[i] = to;
        break;
      }
      case 12:
        (void)(mema_pallocWait(&pool, 100000, 1) != NULL || mema_lastError()->reason == MEMA_TIMED_OUT || isGone());
        break;
      default:
        if (chunks[i] != NULL) {
          (void)(pfree(&pool, chunks[i]) || isGone());
          chunks[i] = NULL;
        } else if ((chunks[i] = palloc(&pool, size)) == NULL) {
          isGone();
        }
    }
    atomic_fetch_add(&inside, 1);
  }
  return NULL;
}

/* Another pool, of another kind, takes over the memory that the shared one leaves. */
static void useAnother(bool untracked) {
  Pool other;
  mema_Options options = {.poolSize = 8 * MIB, .untracked = untracked};
  assert_true(mema_initPoolWith(&other, &options));
  unsigned char *chunks[50];
  for (unsigned i = 0; i < 50; i++) {
    assert_non_null(chunks[i] = palloc(&other, 1 + i * 37));
    fillBytes(chunks[i], 1 + i * 37, i);
  }
  for (unsigned i = 0; i < 50; i++) {
    assert_true(bytesFilled(chunks[i], 1 + i * 37, i));
    assert_true(pfree(&other, chunks[i]));
  }
  assert_true(freePool(&other));
}

static void aPoolMayEndWhileOthersAreInside(void **state) {
  const Kind *kind = *state;
  enum { threadCount = 3 };
  pthread_t threads[threadCount];
  begin();
  assert_true(makeShared(&pool, kind->options.untracked, 8 * MIB));
  for (unsigned i = 0; i < threadCount; i++) assert_int_equal(pthread_create(&threads[i], NULL, callAnything, seedOf(i)), 0);
  for (unsigned life = 0; life < scaled(100); life++) {
    unsigned seen = atomic_load(&inside);
    while (atomic_load(&inside) - seen < 50) usleep(10);
    assert_true(freePool(&pool));
    assertFails(freePool(&pool), MEMA_BAD_POOL);
    if (life % 2 == 0) mema_trimPool(NULL); /* unmaps the memory of the pool */
    useAnother(kind->options.untracked);
    assert_true(makeShared(&pool, kind->options.untracked, 8 * MIB));
  }
  atomic_store(&stopping, true);
  for (unsigned i = 0; i < threadCount; i++) pthread_join(threads[i], NULL);
  assertNoComplaint();
  assert_true(mema_resetPool(&pool));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

static pthread_barrier_t barrier;

static void *freeAtOnce(void *unused) {
  (void)unused;
  pthread_barrier_wait(&barrier);
  if (freePool(&pool)) {
    atomic_fetch_add(&gone, 1);
  } else if (mema_lastError()->reason != MEMA_BAD_POOL) {
    complain(mema_lastError()->name);
  }
  return NULL;
}

static void ofTwoFreesOfAPoolOneSucceeds(void **state) {
  const Kind *kind = *state;
  pthread_t threads[2];
  begin();
  pthread_barrier_init(&barrier, NULL, 2);
  unsigned lives = scaled(200);
  for (unsigned life = 0; life < lives; life++) {
    assert_true(makeShared(&pool, kind->options.untracked, MIB));
    assert_non_null(palloc(&pool, 100));
    for (unsigned i = 0; i < 2; i++) pthread_create(&threads[i], NULL, freeAtOnce, NULL);
    for (unsigned i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&gone), life + 1);
  }
  pthread_barrier_destroy(&barrier);
  assertNoComplaint();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      withKind(aPoolMayEndWhileOthersAreInside, kindShared),
      withKind(aPoolMayEndWhileOthersAreInside, kindSharedTracked),
      withKind(ofTwoFreesOfAPoolOneSucceeds, kindShared),
      withKind(ofTwoFreesOfAPoolOneSucceeds, kindSharedTracked),
  };
  return runTests(tests);
}
