/* mema_Options.boundMemory: a chunk is charged the bytes that it occupies, its Block included, so that the budget bounds the pool's memory. */
#include "family.h"

#include "hooked.h"

#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

enum { recordBytes = sizeof(Block) + 1, tablesPart = 32, pieceBytes = (sizeof(Block) + 15) / 16 * 16 };

static Kind bound = {"bound", {.boundMemory = true}},
            boundOutside = {"bound, outside", {.boundMemory = true, .reservation = 64 * 1024}},
            boundShared = {"bound, shared", {.boundMemory = true, .shared = true}},
            boundHooked = {"bound, hooked", {.boundMemory = true, .memory = &hookedDirty}},
            boundCommitted = {"bound, committed", {.boundMemory = true, .committed = true}},
            boundArena = {"bound, arena", {.boundMemory = true, .engine = MEMA_ARENA}},
            boundArenaOutside = {"bound, arena, outside",
                                 {.boundMemory = true, .engine = MEMA_ARENA, .reservation = 64 * 1024}},
            boundFixed = {"bound, fixed", {.boundMemory = true, .engine = MEMA_FIXED}};

#define unsharedKinds(test)                                                                                         \
  withKind(test, bound), withKind(test, boundOutside), withKind(test, boundHooked), withKind(test, boundCommitted), \
      withKind(test, boundArena), withKind(test, boundArenaOutside), withKind(test, boundFixed)
#define boundKinds(test) unsharedKinds(test), withKind(test, boundShared)

static const size_t sizes[] = {1, 16, 17, 100, 1000, 5000, 100000};
enum { sizeCount = sizeof sizes / sizeof *sizes };

/* The charge of a chunk: an untracked pool of the same kind charges the room alone. */
static size_t chargeOf(const Kind *kind, size_t poolSize, size_t size) {
  Kind twin = *kind;
  Pool pool;
  twin.options.boundMemory = twin.options.shared = false;
  twin.options.untracked = true;
  twin.options.reservation = 0; /* the sizes of slots go by the budget */
  assert_true(makePool(&pool, &twin, poolSize));
  void *chunk = palloc(&pool, size);
  assert_non_null(chunk);
  size_t room = mema_chunkSize(&pool, chunk);
  assert_true(freePool(&pool));
  return kind->options.engine == MEMA_FIXED ? room + pieceBytes : room + room / tablesPart + recordBytes;
}

static size_t sumOfSizes(const Pool *pool) {
  size_t bytes = 0;
  for (const Block *block = pool->head; block != NULL; block = block->next) bytes += block->size;
  return bytes;
}

static void aChargeIsTheBytesAChunkOccupies(void **state) {
  const Kind *kind = *state;
  Pool pool;
  void *chunks[sizeCount];
  size_t bytes = 0, charges = 0;
  assert_true(makePool(&pool, kind, MIB));
  for (size_t i = 0; i < sizeCount; i++) {
    size_t charge = chargeOf(kind, MIB, sizes[i]);
    assertWorks((chunks[i] = palloc(&pool, sizes[i])) != NULL);
    memset(chunks[i], 1, sizes[i]);
    bytes += sizes[i];
    charges += charge;
    assert_int_equal(mema_freeSize(&pool), MIB - charges);
    assert_int_equal(pool.tail->size, sizes[i]);
    assert_int_equal(mema_chunkSize(&pool, chunks[i]), sizes[i]);
    assert_int_equal(sumOfSizes(&pool), bytes);
    assert_true(mema_checkPool(&pool));
  }
  for (size_t i = 0; i < sizeCount; i++) {
    assertRefused(&pool, pfree(&pool, (char *)chunks[i] + 1), MEMA_BAD_POINTER);
    assertWorks(pfree(&pool, chunks[i]));
    charges -= chargeOf(kind, MIB, sizes[i]);
    assert_int_equal(mema_freeSize(&pool), MIB - charges);
    assertRefused(&pool, pfree(&pool, chunks[i]), MEMA_BAD_POINTER);
  }
  assert_true(freePool(&pool));
}

/* Of charges as of bytes elsewhere: the last one fits, and one more does not. */
static void exactFillSucceedsAndOneMoreFails(void **state) {
  const Kind *kind = *state;
  for (size_t i = 0; i < sizeCount; i++) {
    Pool pool;
    size_t count = 20, charge = chargeOf(kind, 4 * MIB, sizes[i]);
    assert_true(makePool(&pool, kind, 4 * MIB));
    assertWorks(mema_resizePool(&pool, count * charge));
    for (size_t k = 0; k < count; k++) assertWorks(palloc(&pool, sizes[i]) != NULL);
    assert_int_equal(mema_freeSize(&pool), 0);
    assertRefused(&pool, palloc(&pool, sizes[i]), MEMA_OVER_BUDGET);
    assert_int_equal(mema_lastError()->wanted, charge);
    assert_int_equal(mema_lastError()->available, 0);
    assertWorks(mema_resizePool(&pool, (count + 1) * charge - 1));
    assertRefused(&pool, palloc(&pool, sizes[i]), MEMA_OVER_BUDGET);
    assertRefused(&pool, mema_resizePool(&pool, count * charge - 1), MEMA_BELOW_USE);
    assert_int_equal(mema_lastError()->available, count * charge);
    assertWorks(mema_shrinkPool(&pool, 1) == count * charge);
    assertWorks(mema_resetPool(&pool));
    assert_int_equal(mema_freeSize(&pool), count * charge);
    assert_true(freePool(&pool));
  }
}

static void theLargestChunkIsGranted(void **state) {
  const Kind *kind = *state;
  for (size_t budget = 40; budget < 300000; budget = budget * 5 / 4 + 1) {
    Pool pool;
    assert_true(makePool(&pool, kind, MIB) && mema_resizePool(&pool, budget));
    size_t largest = mema_largestChunk(&pool);
    assertRefused(&pool, palloc(&pool, largest + 1), MEMA_OVER_BUDGET);
    if (largest != 0) assertWorks(palloc(&pool, largest) != NULL);
    assert_true(freePool(&pool));
  }
}

/* Contents, place in the chain, and charge. */
static void resizedChunksAreRecharged(void **state) {
  const Kind *kind = *state;
  static const size_t steps[] = {1, 16, 17, 40, 30, 100, 3000, 2900, 1000, 40000, 200000, 120000, 5000, 70};
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  char *first = palloc(&pool, 10), *chunk = mema_pcalloc(&pool, 1, 1), *last = palloc(&pool, 10);
  size_t size = 1, others = 2 * chargeOf(kind, MIB, 10);
  assert_true(bytesZero(chunk, 1));
  fillBytes(chunk, 1, 3);
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    assertWorks((chunk = mema_repalloc(&pool, chunk, steps[i])) != NULL);
    assert_true(bytesFilled(chunk, size < steps[i] ? size : steps[i], 3));
    size = steps[i];
    fillBytes(chunk, size, 3);
    assert_int_equal(mema_chunkSize(&pool, chunk), size);
    assert_int_equal(sumOfSizes(&pool), size + 20);
    assert_true(samePlace(pool.head->ptr, first) && samePlace(pool.tail->ptr, last));
    size_t charge = MIB - mema_freeSize(&pool) - others;
    assert_true(charge >= chargeOf(kind, MIB, size) && charge <= 2 * chargeOf(kind, MIB, size));
    assert_true(mema_checkPool(&pool));
  }
  assertRefused(&pool, mema_repalloc(&pool, chunk, MIB), MEMA_OVER_BUDGET);
  assertWorks(pfree(&pool, chunk) && pfree(&pool, first) && pfree(&pool, last));
  assert_int_equal(mema_freeSize(&pool), MIB);
  assert_true(freePool(&pool));
}

static void stringsAndAlignedChunksAreChargedTheSameWay(void **state) {
  const Kind *kind = *state;
  Pool pool;
  mema_Stats stats;
  assert_true(makePool(&pool, kind, MIB));
  assertWorks(mema_pstrdup(&pool, "fifteen letters") != NULL && mema_psprintf(&pool, "%d", 7) != NULL);
  char *aligned = mema_pmemalign(&pool, 256, 10);
  assert_true(isAligned(aligned, 256));
  assertWorks(mema_chargePool(&pool, 1000) && mema_creditPool(&pool, 1));
  assertWorks(mema_poolStats(&pool, &stats));
  assert_int_equal(stats.liveBytes, MIB - mema_freeSize(&pool));
  assert_int_equal(stats.liveChunks, 3);
  assert_int_equal(stats.chargedBytes, 999);
  assert_true(stats.liveBytes - stats.chargedBytes >= 2 * chargeOf(kind, MIB, 16) + chargeOf(kind, MIB, 10));
  assertWorks(pfree(&pool, aligned));
  assertWorks(mema_resetPool(&pool));
  assert_int_equal(mema_freeSize(&pool), MIB - 999);
  assert_true(mema_checkPool(&pool) && freePool(&pool));
}

/* ---- marks, callbacks, failures on purpose ------------------------------------------------------------------------------- */

static size_t lows;

static void countLow(Pool *pool, void *arg) {
  (void)arg;
  lows++;
  assert_true(mema_freeSize(pool) < MIB / 2);
}

static bool makeRoom(Pool *pool, size_t wanted, void *arg) {
  assert_int_equal(wanted, *(size_t *)arg);
  return pool->head != NULL && pfree(pool, pool->head->ptr);
}

static void callbacksFollowTheCharges(void **state) {
  const Kind *kind = *state;
  Pool pool;
  size_t charge = chargeOf(kind, MIB, 100), count = 0;
  assert_true(makePool(&pool, kind, MIB));
  mema_Mark mark = mema_markPool(&pool);
  assertWorks(mema_onLowWater(&pool, MIB / 2, countLow, NULL) && mema_onExhausted(&pool, makeRoom, &charge));
  for (lows = 0; lows == 0; count++) assertWorks(palloc(&pool, 100) != NULL);
  assert_true((count - 1) * charge <= MIB / 2 && count * charge > MIB / 2);
  for (; (count + 1) * charge <= MIB; count++) assertWorks(palloc(&pool, 100) != NULL);
  assertWorks(palloc(&pool, 100) != NULL); /* the oldest one made room */
  assert_int_equal(mema_freeSize(&pool), MIB - count * charge);
  assertWorks(mema_onExhausted(&pool, NULL, NULL) && mema_failAfter(&pool, 1, true));
  void *youngest = pool.tail->ptr;
  assertRefused(&pool, palloc(&pool, 100), MEMA_OVER_BUDGET);
  assertWorks((youngest = mema_repalloc(&pool, youngest, 99)) != NULL); /* no request */
  assertRefused(&pool, mema_repalloc(&pool, youngest, 100), MEMA_INJECTED);
  assertWorks(mema_keepChunk(&pool, mark, youngest) && mema_rewindPool(&pool, mark));
  assert_int_equal(mema_freeSize(&pool), MIB - charge);
  assert_true(mema_checkPool(&pool) && freePool(&pool));
}

/* ---- families ------------------------------------------------------------------------------------------------------------ */

static void subPoolsInheritTheBound(void **unused) {
  static Kind *const kinds[] = {&kindTracked, &kindOutside, &kindArena, &kindSharedTracked};
  (void)unused;
  for (size_t k = 0; k < 4; k++) {
    Pool parent, child;
    size_t charge = chargeOf(kinds[k] == &kindArena ? &boundArena : &bound, MIB, 100);
    assert_true(makePool(&parent, &bound, MIB));
    assertWorks(makeChildOf(&child, &parent, kinds[k], MIB / 2, 0));
    size_t held = kinds[k] == &kindSharedTracked ? MIB / 2 : charge; /* one that threads share has all of it guaranteed */
    assertWorks(palloc(&child, 100) != NULL);
    assert_int_equal(mema_freeSize(&child), MIB / 2 - charge);
    assert_int_equal(mema_freeSize(&parent), MIB - held);
    assert_true(mema_checkPool(&parent) && mema_checkPool(&child));
    assert_true(freePool(&child));
    assert_int_equal(mema_freeSize(&parent), MIB);
    assert_true(freePool(&parent));
  }
}

/* Under a parent that charges sizes it has memory of its own, so that its chunks are not the parent's to have. */
static void aBoundSubPoolHasItsOwnMemory(void **unused) {
  Pool parent, child;
  (void)unused;
  assert_true(makePool(&parent, &kindTracked, MIB));
  assertWorks(makeChildOf(&child, &parent, &bound, MIB / 2, 0));
  void *ptr = palloc(&child, 100), *above = palloc(&parent, 100);
  assert_int_equal(child.freeSize, MIB / 2 - chargeOf(&bound, MIB / 2, 100));
  assert_int_equal(parent.freeSize, MIB - 100 - chargeOf(&bound, MIB / 2, 100));
  assertRefused(&parent, mema_moveChunk(&parent, &child, ptr), MEMA_NOT_KIN);
  assertRefused(&child, mema_moveChunk(&child, &parent, above), MEMA_NOT_KIN);
  assert_true(freePool(&parent));
}

static void chunksMoveWithTheirCharges(void **unused) {
  Pool parent, child, sibling;
  size_t charge = chargeOf(&bound, MIB, 1000);
  (void)unused;
  assert_true(makePool(&parent, &bound, MIB));
  assertWorks(makeChild(&child, &parent, charge, 0) && makeChild(&sibling, &parent, charge - 1, 0));
  void *ptr = palloc(&parent, 1000);
  assertRefused(&sibling, mema_moveChunk(&sibling, &parent, ptr), MEMA_OVER_BUDGET);
  assert_int_equal(mema_lastError()->wanted, charge);
  assertWorks(mema_moveChunk(&child, &parent, ptr));
  assert_int_equal(child.freeSize, 0);
  assert_int_equal(parent.freeSize, MIB - charge);
  assertWorks(mema_moveChunk(&parent, &child, ptr) && pfree(&parent, ptr));
  assert_int_equal(child.freeSize, charge);
  assert_int_equal(parent.freeSize, MIB);
  assert_true(mema_checkPool(&parent) && freePool(&parent));
}

/* The charges of a sub-pool whose Pool was written over come back when its parent is reset. */
static void aLostSubPoolsChargesComeBack(void **unused) {
  Pool parent, child;
  (void)unused;
  assert_true(makePool(&parent, &bound, MIB));
  assertWorks(makeChild(&child, &parent, MIB / 2, 0));
  for (int i = 0; i < 10; i++) assert_non_null(palloc(&parent, 100));
  for (int i = 0; i < 7; i++) assert_non_null(palloc(&child, 300));
  memset(&child, 0, sizeof child);
  assertWorks(mema_resetPool(&parent));
  assert_int_equal(parent.freeSize, MIB);
  assert_true(freePool(&parent));
}

static void theOptionChangesNoUntrackedPool(void **unused) {
  Pool pool, other;
  Kind untracked = {"untracked", {.untracked = true, .boundMemory = true}};
  (void)unused;
  assert_true(makePool(&pool, &untracked, MIB) && makePool(&other, &kindUntracked, MIB));
  for (size_t i = 0; i < sizeCount; i++) assertWorks(palloc(&pool, sizes[i]) != NULL && palloc(&other, sizes[i]) != NULL);
  assert_int_equal(pool.freeSize, other.freeSize);
  assert_true(freePool(&pool) && freePool(&other));
}

/* ---- threads ------------------------------------------------------------------------------------------------------------- */

static void *freeLater(void *pool) {
  const struct timespec moment = {.tv_nsec = 20000000};
  nanosleep(&moment, NULL);
  return pfree(pool, ((Pool *)pool)->head->ptr) ? pool : NULL;
}

static void waitersAskForTheirCharge(void **unused) {
  Pool pool;
  pthread_t thread;
  void *done;
  size_t charge = chargeOf(&boundShared, 2000, 1000);
  (void)unused;
  assert_true(makePool(&pool, &boundShared, 2000) && mema_resizePool(&pool, charge));
  assertRefused(&pool, mema_pallocWait(&pool, 1100, -1), MEMA_OVER_BUDGET); /* it could never have the room */
  assertWorks(palloc(&pool, 1000) != NULL);
  assert_int_equal(pthread_create(&thread, NULL, freeLater, &pool), 0);
  assert_non_null(mema_pallocWait(&pool, 1000, -1));
  assert_int_equal(pthread_join(thread, &done), 0);
  assert_ptr_equal(done, &pool);
  assert_int_equal(mema_freeSize(&pool), 0);
  assert_true(freePool(&pool));
}

/* ---- memory -------------------------------------------------------------------------------------------------------------- */

enum { beside = 1024 * 1024 }; /* bytes that a pool may have besides its budget */

/* Chunks of one size, written to, until there is no budget. */
static size_t fill(Pool *pool, size_t size) {
  size_t count = 0;
  for (char *chunk; (chunk = palloc(pool, size)) != NULL; count++) memset(chunk, 1, size);
  assert_int_equal(mema_lastError()->reason, MEMA_OVER_BUDGET);
  return count;
}

static size_t residentNow(void) {
  mema_trimPool(NULL); /* other tests left memory warm */
  return residentBytes();
}

static void requireBelow(const char *what, size_t size, size_t bytes, size_t most) {
  if (bytes > most) fail_msg("%s, chunks of %zu: %zu bytes, %zu at most", what, size, bytes, most);
}

static void theBudgetBoundsMemory(void **state) {
  const Kind *kind = *state;
  static const size_t budgets[] = {64 * KIB, 10 * MIB, 40 * MIB}; /* huge pages would be asked for from 32 MiB on */
  for (size_t b = 0; b < 3; b++) {
    for (size_t i = 0; i < sizeCount; i++) {
      Pool pool;
      size_t before = residentNow(), budget = budgets[b];
      assert_true(makePool(&pool, kind, budget));
      fill(&pool, sizes[i]);
      size_t resident = residentBytes();
      resident = resident > before ? resident - before : 0;
      if (!UNDER_ASAN && !underMemcheck()) requireBelow("resident", sizes[i], resident, budget + beside + countingError);
      assert_true(freePool(&pool));
    }
  }
}

/* In a buffer the records of the buffer itself are as large as they are: a sixty-fourth of it. */
static void theBudgetBoundsTheUsedPartOfABuffer(void **unused) {
  enum { bufferSize = 32 * 1024 * 1024, budget = 10 * 1024 * 1024 };
  (void)unused;
  for (size_t i = 0; i < sizeCount; i++) {
    Pool pool;
    size_t before = residentNow();
    char *buffer = mmap(NULL, bufferSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(buffer != MAP_FAILED);
    (void)madvise(buffer, bufferSize, MADV_NOHUGEPAGE); /* some systems would give more memory than was written to */
    mema_Options options = {
        .poolSize = budget, .boundMemory = true, .engine = MEMA_FIXED, .buffer = buffer, .bufferSize = bufferSize};
    assert_true(mema_initPoolWith(&pool, &options));
    fill(&pool, sizes[i]);
    size_t resident = residentBytes() - before;
    if (!UNDER_ASAN && !underMemcheck()) requireBelow("resident", sizes[i], resident, budget + beside + countingError);
    assert_true(freePool(&pool) && munmap(buffer, bufferSize) == 0);
  }
}

/* A whole buffer is used up, with nothing left over. */
static void aWholeBufferIsFilledExactly(void **unused) {
  static char buffer[100 * 1024];
  Pool pool;
  mema_Options options = {.boundMemory = true, .engine = MEMA_FIXED, .buffer = buffer, .bufferSize = sizeof buffer};
  (void)unused;
  assert_true(mema_initPoolWith(&pool, &options));
  assert_int_equal(fill(&pool, 16), pool.poolSize / (16 + pieceBytes));
  assert_true(pool.freeSize < 16 + pieceBytes);
  assert_true(mema_resetPool(&pool));
  assertWorks(palloc(&pool, pool.poolSize - pieceBytes) != NULL);
  assert_int_equal(pool.freeSize, 0);
  assert_true(freePool(&pool));
}

/* Sub-pools in their parent's memory, and in their own. */
static void theRootsBudgetBoundsItsFamily(void **state) {
  const Kind *kind = *state;
  enum { budget = 10 * 1024 * 1024, children = 4 };
  for (size_t i = 0; i < sizeCount; i++) {
    static Kind *const kinds[children] = {&kindTracked, &kindTracked, &kindOutside, &kindArena};
    Pool root, pools[children];
    size_t before = residentNow(), own = kind->options.shared ? 4 : 2;
    assert_true(makePool(&root, kind, budget));
    for (size_t c = 0; c < children; c++)
      assertWorks(makeChildOf(&pools[c], &root, kinds[c], budget / (c + 3), 0)); /* the last one finds the rest */
    for (size_t c = 0; c < children; c++) fill(&pools[c], sizes[i]);
    fill(&root, sizes[i]);
    size_t resident = residentBytes();
    resident = resident > before ? resident - before : 0;
    if (!UNDER_ASAN && !underMemcheck())
      requireBelow("resident", sizes[i], resident, budget + (1 + own) * beside + countingError);
    assert_true(freePool(&root));
  }
}

/* Without the option the same figures are far beyond the bound. So the tests above can fail. */
static void otherBudgetsDoNotBoundMemory(void **unused) {
  Pool pool;
  (void)unused;
  size_t before = residentNow(), budget = MIB;
  assert_true(makePool(&pool, &kindTracked, budget));
  fill(&pool, 1);
  assert_true(UNDER_ASAN || residentBytes() - before > 20 * budget);
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      boundKinds(aChargeIsTheBytesAChunkOccupies),
      boundKinds(exactFillSucceedsAndOneMoreFails),
      boundKinds(theLargestChunkIsGranted),
      boundKinds(resizedChunksAreRecharged),
      boundKinds(stringsAndAlignedChunksAreChargedTheSameWay),
      unsharedKinds(callbacksFollowTheCharges),
      cmocka_unit_test(subPoolsInheritTheBound),
      cmocka_unit_test(aBoundSubPoolHasItsOwnMemory),
      cmocka_unit_test(chunksMoveWithTheirCharges),
      cmocka_unit_test(aLostSubPoolsChargesComeBack),
      cmocka_unit_test(theOptionChangesNoUntrackedPool),
      cmocka_unit_test(waitersAskForTheirCharge),
      withKind(theBudgetBoundsMemory, bound),
      withKind(theBudgetBoundsMemory, boundOutside),
      withKind(theBudgetBoundsMemory, boundShared),
      withKind(theBudgetBoundsMemory, boundArena),
      withKind(theBudgetBoundsMemory, boundArenaOutside),
      cmocka_unit_test(theBudgetBoundsTheUsedPartOfABuffer),
      cmocka_unit_test(aWholeBufferIsFilledExactly),
      withKind(theRootsBudgetBoundsItsFamily, bound),
      withKind(theRootsBudgetBoundsItsFamily, boundShared),
      cmocka_unit_test(otherBudgetsDoNotBoundMemory),
  };
  return runTests(tests);
}
