/* 100,000 live pools: more than a process may have mappings, and cheap enough to be a habit. Where addresses have 32 bits: 2,000. So
 * under memcheck, which ends a program with 30,000 mappings. */
#include "unit.h"

enum { budget = 64 * 1024, chunkSize = 100 };

static void aHundredThousandPoolsLiveAtOnce(void **state) {
  const Kind *kind = *state;
  const size_t poolCount = wordBits == 64 && !underMemcheck() ? 100000 : 2000;
  Pool *pools = calloc(poolCount, sizeof *pools);
  unsigned char **chunks = calloc(poolCount, sizeof *chunks);
  assert_non_null(chunks);
  memset(pools, 1, poolCount * sizeof *pools);
  memset(chunks, 1, poolCount * sizeof *chunks);
  mema_trimPool(NULL);
  size_t before = residentBytes();
  for (size_t i = 0; i < poolCount; i++) {
    if (!makePool(&pools[i], kind, budget)) fail_msg("pool %zu: %s", i, mema_lastError()->sentence);
    chunks[i] = palloc(&pools[i], chunkSize);
    assert_non_null(chunks[i]);
    fillBytes(chunks[i], chunkSize, (unsigned)i);
  }
  size_t each = (residentBytes() - before) / poolCount;
  if (!UNDER_ASAN && !underMemcheck() && each > (wordBits == 64 ? 8 : 17) * KIB + sizeof(Pool) + chunkSize)
    fail_msg("%zu bytes for each pool", each);
  for (size_t i = 0; i < poolCount; i++) {
    assert_true(bytesFilled(chunks[i], chunkSize, (unsigned)i));
    assert_false(pfree(&pools[i], chunks[(i + 1) % poolCount]));
    assert_int_equal(pools[i].freeSize, budget - mema_chunkSize(&pools[i], chunks[i]));
    if (i % 100 == 0) assert_true(mema_checkPool(&pools[i]));
  }
  /* Every other one first, so that what is left is full of holes. */
  for (size_t i = 0; i < poolCount; i += 2) assert_true(freePool(&pools[i]));
  for (size_t i = 0; i < poolCount; i += 2) assert_true(makePool(&pools[i], kind, budget));
  for (size_t i = 1; i < poolCount; i += 2) assert_true(bytesFilled(chunks[i], chunkSize, (unsigned)i));
  for (size_t i = 0; i < poolCount; i++) assert_true(freePool(&pools[i]));
  mema_trimPool(NULL);
  size_t after = residentBytes();
  if (!UNDER_ASAN && !underMemcheck() && after > before + 64 * MIB)
    fail_msg("%zu bytes stay when all are freed", after - before);
  free(pools);
  free(chunks);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      withKind(aHundredThousandPoolsLiveAtOnce, kindTracked),
      withKind(aHundredThousandPoolsLiveAtOnce, kindUntracked),
  };
  return runTests(tests);
}
