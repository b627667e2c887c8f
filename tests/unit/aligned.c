/* Alignment: 16 for every chunk, any power of two up to 1 GiB for mema_pmemalign. */
#include "unit.h"

static void everyChunkIsAlignedTo16(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 8 * MIB));
  for (size_t size = 0; size < 200000; size += 1 + size / 20) {
    assert_true(isAligned(palloc(&pool, size), MEMA_ALIGNMENT));
    assert_true(isAligned(mema_pcalloc(&pool, 1, size), MEMA_ALIGNMENT));
    assert_true(isAligned(mema_repalloc(&pool, palloc(&pool, 1), size), MEMA_ALIGNMENT));
  }
  assert_true(freePool(&pool));
}

static void everyPowerOfTwoUpToOneMebibyteIsServed(void **state) {
  const Kind *kind = *state;
  static const size_t sizes[] = {0, 1, 24, 100, 5000, 70000, 150000};
  enum { count = sizeof sizes / sizeof *sizes };
  Pool pool;
  assert_true(makePool(&pool, kind, 16 * MIB));
  for (size_t alignment = 1; alignment <= MIB; alignment *= 2) {
    unsigned char *chunks[count];
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
      assertWorks((chunks[i] = mema_pmemalign(&pool, alignment, sizes[i])) != NULL);
      assert_true(isAligned(chunks[i], alignment));
      assert_true(isAligned(chunks[i], MEMA_ALIGNMENT));
      size_t charge = mema_chunkSize(&pool, chunks[i]);
      if (!kind->options.untracked) assert_int_equal(charge, sizes[i] == 0 ? 1 : sizes[i]);
      fillBytes(chunks[i], charge, (unsigned)i);
      bytes += charge;
      assertPool(&pool, bytes, i + 1);
      assertRefused(&pool, pfree(&pool, chunks[i] + 1), MEMA_BAD_POINTER);
      unsigned char *ahead = hidePointer(chunks[i] - 16); /* perhaps the chunk before */
      if (!mema_ownsChunk(&pool, ahead)) assertRefused(&pool, pfree(&pool, ahead), MEMA_BAD_POINTER);
    }
    for (size_t i = 0; i < count; i++) {
      size_t charge = mema_chunkSize(&pool, chunks[i]);
      assert_true(bytesFilled(chunks[i], charge, (unsigned)i));
      assertWorks(pfree(&pool, chunks[i]));
      assertRefused(&pool, pfree(&pool, hidePointer(chunks[i])), MEMA_BAD_POINTER);
    }
    assertPool(&pool, 0, 0);
  }
  assert_true(freePool(&pool));
}

/* The alignment is no part of the charge: a budget of a few bytes serves any. */
static void anAlignmentIsNoPartOfTheCharge(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 100));
  for (size_t alignment = 128; alignment <= (wordBits == 64 ? GIB : 64 * MIB); alignment *= 2) {
    unsigned char *chunk;
    assertWorks((chunk = mema_pmemalign(&pool, alignment, 100)) != NULL);
    assert_true(isAligned(chunk, alignment));
    fillBytes(chunk, 100, 1);
    assertPool(&pool, 100, 1);
    assertRefused(&pool, mema_pmemalign(&pool, alignment, hideSize(1)), MEMA_OVER_BUDGET);
    assertWorks(pfree(&pool, chunk));
    assertPool(&pool, 0, 0);
  }
  assert_true(freePool(&pool));
}

static void otherAlignmentsAreRefused(void **state) {
  const Kind *kind = *state;
  static const size_t bad[] = {
      0, 3, 5, 6, 7, 12, 24, 48, 100, 4095, 4097, ((size_t)1 << 30) + 1, ((size_t)1 << (wordBits - 1)) + 1, SIZE_MAX};
  Pool pool;
  assert_true(makePool(&pool, kind, 4 * MIB));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    size_t alignment = hideSize(bad[i]);
    assertRefused(&pool, mema_pmemalign(&pool, alignment, hideSize(100)), MEMA_BAD_ALIGNMENT);
  }
  for (int shift = 31; shift < wordBits; shift++) {
    size_t alignment = hideSize((size_t)1 << shift);
    assertRefused(&pool, mema_pmemalign(&pool, alignment, hideSize(100)), MEMA_NO_MEMORY);
  }
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

/* Aligned and plain chunks mixed, freed in another order, with every byte checked. */
static void alignedAndPlainChunksMix(void **state) {
  const Kind *kind = *state;
  enum { count = 400 };
  static unsigned char *chunks[count];
  static size_t sizes[count];
  Pool pool;
  assert_true(makePool(&pool, kind, 32 * MIB));
  uint64_t random = 3;
  size_t bytes = 0;
  for (unsigned i = 0; i < count; i++) {
    size_t alignment = (size_t)1 << nextRandom(&random) % 17;
    sizes[i] = nextRandom(&random) % (i % 10 == 0 ? 100000 : 3000);
    chunks[i] = i % 2 ? mema_pmemalign(&pool, alignment, sizes[i]) : palloc(&pool, sizes[i]);
    assert_non_null(chunks[i]);
    fillBytes(chunks[i], sizes[i], i);
    bytes += mema_chunkSize(&pool, chunks[i]);
  }
  assertPool(&pool, bytes, count);
  for (unsigned i = 0; i < count; i++) {
    unsigned victim = i * 141 % count;
    assert_true(bytesFilled(chunks[victim], sizes[victim], victim));
    bytes -= mema_chunkSize(&pool, chunks[victim]);
    assertWorks(pfree(&pool, chunks[victim]));
    assertPool(&pool, bytes, count - 1 - i);
  }
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      anyKind(everyChunkIsAlignedTo16),           anyKind(everyPowerOfTwoUpToOneMebibyteIsServed),
      exactKinds(anAlignmentIsNoPartOfTheCharge), anyKind(otherAlignmentsAreRefused),
      anyKind(alignedAndPlainChunksMix),
  };
  return runTests(tests);
}
