/* mema_fixedBufferSize: the size that it gives suffices, against adversaries of different kinds; and less does not.
 *
 *   Robson's   the program of his lower bound (J. M. Robson, "An estimate of the store size necessary for dynamic storage allocation", JACM
 *              18(3), 1971), which makes any allocator that never moves a chunk need peak/2 * log2(largest) + peak - largest + 1 grains
 *   comb       single grains at a distance, placed by alignment: they make good fit need the bound itself
 *   random     whatever comes, at the limits
 */
#include "places.h"
#include "unit.h"

enum { grain = 16, mostGrains = 1 << 16 };

static char *chunks[mostGrains];
static size_t lengths[mostGrains]; /* grains */
static size_t count, live;

/* A pool whose heap has just so many grains; it is the buffer's size that is looked for. */
static void openHeap(Pool *pool, GuardedBuffer *guarded, size_t grains) {
  size_t least = 256, most = grains * grain * 2 + 4096; /* the first is too small, or right */
  mema_Options options = {.untracked = true, .engine = MEMA_FIXED};
  memset(pool, 0, sizeof *pool);
  options.buffer = guardedBuffer(guarded, most);
  assert_non_null(options.buffer);
  for (;;) {
    options.bufferSize = (least + most) / 2;
    assert_true(mema_initPoolWith(pool, &options));
    if (pool->poolSize == grains * grain) break;
    *(pool->poolSize < grains * grain ? &least : &most) = options.bufferSize;
    assert_true(freePool(pool) && most - least > 1);
  }
  count = live = 0;
}

static void openBuffer(Pool *pool, GuardedBuffer *guarded, size_t size) {
  mema_Options options = {.untracked = true, .engine = MEMA_FIXED, .bufferSize = size};
  memset(pool, 0, sizeof *pool);
  options.buffer = guardedBuffer(guarded, size);
  assert_non_null(options.buffer);
  assert_true(mema_initPoolWith(pool, &options));
  count = live = 0;
}

static void closeHeap(Pool *pool, GuardedBuffer *guarded) {
  assert_true(mema_checkPool(pool));
  assert_true(freePool(pool));
  dropBuffer(guarded);
}

static bool take(Pool *pool, size_t grains) {
  char *ptr = palloc(pool, grains * grain);
  if (ptr == NULL) {
    assert_int_equal(mema_lastError()->reason, MEMA_FRAGMENTED);
    return false;
  }
  chunks[count] = ptr;
  lengths[count++] = grains;
  live += grains;
  return true;
}

static void giveAt(Pool *pool, size_t i) {
  assert_true(pfree(pool, chunks[i]));
  live -= lengths[i];
  chunks[i] = chunks[--count];
  lengths[i] = lengths[count];
}

/* ---- Robson's adversary --------------------------------------------------------------------------------------------------- */

static size_t placeOf(const Pool *pool, size_t i) {
  return (addressOf(chunks[i]) - addressOf(pool->mem)) / grain;
}

/* Whether the chunk has a grain whose place is `offset` modulo `step`. */
static bool isKept(const Pool *pool, size_t i, size_t offset, size_t step) {
  return (offset + step - placeOf(pool, i) % step) % step < lengths[i];
}

/* The chunks that a program keeps hold an offset in windows of `step` grains: each leaves a window of little use. */
static size_t spoils(const Pool *pool, size_t offset, size_t step) {
  size_t sum = 0;
  for (size_t i = 0; i < count; i++) sum += isKept(pool, i, offset, step) ? step - lengths[i] : 0;
  return sum;
}

/* False iff a request was refused. */
static bool playRobson(Pool *pool, size_t peak, size_t largest) {
  size_t offset = 0;
  while (live < peak)
    if (!take(pool, 1)) return false;
  for (size_t step = 2; step <= largest; step *= 2) {
    if (spoils(pool, offset + step / 2, step) > spoils(pool, offset, step)) offset += step / 2;
    for (size_t i = count; i-- > 0;)
      if (!isKept(pool, i, offset, step)) giveAt(pool, i);
    while (live + step <= peak)
      if (!take(pool, step)) return false;
  }
  return true;
}

static size_t robsonBound(size_t peak, size_t largest) {
  size_t log = 0;
  while ((size_t)1 << (log + 1) <= largest) log++;
  return peak * log / 2 + peak - largest + 1;
}

static void robsonsAdversaryIsServed(void **state) {
  (void)state;
  for (size_t peak = 64; peak <= 4096; peak *= 4) {
    for (size_t largest = 1; largest <= 64 && largest <= peak; largest *= 2) {
      Pool pool;
      GuardedBuffer guarded;
      openBuffer(&pool, &guarded, mema_fixedBufferSize(peak * grain, largest * grain));
      assert_true(playRobson(&pool, peak, largest));
      closeHeap(&pool, &guarded);
    }
  }
}

/* No allocator whatever is served with less than his bound. */
static void lessThanRobsonsBoundIsNotEnough(void **state) {
  (void)state;
  for (size_t peak = 256; peak <= 4096; peak *= 4) {
    for (size_t largest = 4; largest <= 64; largest *= 4) {
      Pool pool;
      GuardedBuffer guarded;
      openHeap(&pool, &guarded, robsonBound(peak, largest) - 1);
      assert_false(playRobson(&pool, peak, largest));
      closeHeap(&pool, &guarded);
    }
  }
}

/* ---- the comb --------------------------------------------------------------------------------------------------------------- */

/* Single grains, each at a multiple of `largest`: as a request for `largest` grains at the moment, which is within the peak. Then as many
 * are live as leave room for one of `largest`. False iff that is refused. */
static bool playComb(Pool *pool, size_t peak, size_t largest) {
  for (size_t i = 0; i + largest <= peak; i++) {
    char *tooth = mema_pmemalign(pool, largest * grain, grain);
    if (tooth == NULL) {
      assert_int_equal(mema_lastError()->reason, MEMA_FRAGMENTED);
      return false;
    }
  }
  return palloc(pool, largest * grain) != NULL;
}

static void theCombNeedsTheWholeBound(void **state) {
  (void)state;
  for (size_t peak = 64; peak <= 1024; peak *= 4) {
    for (size_t largest = 2; largest <= 16; largest *= 2) {
      Pool pool;
      GuardedBuffer guarded;
      size_t bound = (peak - largest + 1) * largest;
      /* One tooth less than there may be, so that the last request is within the peak. */
      openBuffer(&pool, &guarded, mema_fixedBufferSize(peak * grain, largest * grain));
      assert_true(pool.poolSize / grain >= bound);
      assert_true(playComb(&pool, peak - 1, largest));
      closeHeap(&pool, &guarded);
      openHeap(&pool, &guarded, bound - 2 * largest);
      assert_false(playComb(&pool, peak - 1, largest));
      closeHeap(&pool, &guarded);
    }
  }
}

/* ---- anything ------------------------------------------------------------------------------------------------------------------- */

static void randomProgramsAreServed(void **state) {
  (void)state;
  uint64_t seed = 11;
  for (int round = 0; round < 60; round++) {
    Pool pool;
    GuardedBuffer guarded;
    size_t peak = 20 + nextRandom(&seed) % 1000, largest = 1 + nextRandom(&seed) % (peak < 100 ? peak : 100);
    openBuffer(&pool, &guarded, mema_fixedBufferSize(peak * grain, largest * grain));
    for (int step = 0; step < 5000; step++) {
      size_t grains = 1 + nextRandom(&seed) % (step % 500 < 250 ? largest : (largest + 3) / 4);
      if (live + grains <= peak) {
        assert_true(take(&pool, grains));
      } else {
        giveAt(&pool, nextRandom(&seed) % count);
      }
    }
    closeHeap(&pool, &guarded);
  }
}

/* ---- the figures ------------------------------------------------------------------------------------------------------------------ */

static void theFiguresAreSane(void **state) {
  (void)state;
  assert_true(mema_fixedBufferSize(1, 1) >= 256 && mema_fixedBufferSize(0, 0) >= 256);
  assert_int_equal(mema_fixedBufferSize(100, 1000),
                   mema_fixedBufferSize(1000, 1000)); /* the largest chunks are all that is live at the peak */
  size_t before = 0;
  for (size_t peak = 1; peak < 3 * MIB; peak += 1 + peak / 3) {
    size_t size = mema_fixedBufferSize(peak, peak < 1000 ? peak : 1000);
    assert_true(size >= before && size >= peak);
    before = size;
  }
  /* Equal sizes never fragment: no more than they are, and the records. */
  assert_true(mema_fixedBufferSize(MIB, 16) <= MIB + MIB / 64 + 2048);
  assert_int_equal(mema_fixedBufferSize(SIZE_MAX, SIZE_MAX), 0);
  assert_int_equal(mema_fixedBufferSize(MEMA_UNLIMITED, MIB), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(robsonsAdversaryIsServed),  cmocka_unit_test(lessThanRobsonsBoundIsNotEnough),
      cmocka_unit_test(theCombNeedsTheWholeBound), cmocka_unit_test(randomProgramsAreServed),
      cmocka_unit_test(theFiguresAreSane),
  };
  return runTests(tests);
}
