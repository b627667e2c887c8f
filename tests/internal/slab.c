/* Damage to a slab's own records: mema_checkPool sees it, and follows none of the damaged links. */
#include "../../src/base/poolState.h"

#include "places.h"
#include "unit.h"

#include "../../src/heap/slab/slab.h"

#define assertDamageFound(pool, place, value)                \
  do {                                                       \
    __typeof__(place) whole = (place);                       \
    (place) = (value);                                       \
    if (mema_checkPool(pool)) fail_msg("%s", #place);        \
    assert_int_equal(mema_lastError()->reason, MEMA_BROKEN); \
    (place) = whole;                                         \
    assert_true(mema_checkPool(pool));                       \
  } while (0)

static void damagedSpansAreFound(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, 64 * MIB));
  char *small = palloc(&pool, 16), *large = palloc(&pool, 100000);
  mema_Slab *slab = mema_slabIn(pool.heap);
  mema_Chunk chunk;
  assert_true(mema_slabFind(&slab->heap, small, &chunk));
  mema_Span *slots = chunk.span;
  assert_true(mema_slabFind(&slab->heap, large, &chunk));
  mema_Span *run = chunk.span;
  assertDamageFound(&pool, slots->bitmap, NULL);
  assertDamageFound(&pool, slots->bitmap, slots->bitmap + 1);
  assertDamageFound(&pool, slots->bitmap, (uint64_t *)hidePointer((void *)(uintptr_t)8));
  assertDamageFound(&pool, slots->slots, UINT16_MAX);
  assertDamageFound(&pool, slots->slots, 0);
  assertDamageFound(&pool, slots->units, UINT32_MAX);
  assertDamageFound(&pool, slots->units, 0);
  assertDamageFound(&pool, slots->class, UINT8_MAX);
  assertDamageFound(&pool, slots->kind, mema_unitNone);
  assertDamageFound(&pool, slots->clean, 1);
  assertDamageFound(&pool, slab->runs.cleanBytes, 4096);
  assertDamageFound(&pool, run->bytes, SIZE_MAX);
  if (slab->records == NULL) return (void)assert_true(freePool(&pool));
  assertDamageFound(&pool, slots->firstRecord, UINT32_MAX);
  assertDamageFound(&pool, run->firstRecord, UINT32_MAX);
  assert_true(freePool(&pool));
}

/* Of three free runs between chunks two are of the same length, and so on one list. */
static void damagedListsOfRunsAreFound(void **state) {
  Pool pool;
  enum { count = 7, unit = 64 * 1024 };
  char *chunks[count];
  assert_true(makePool(&pool, *state, 64 * MIB));
  for (size_t i = 0; i < count; i++) assert_non_null(chunks[i] = palloc(&pool, (i == 5 ? 3 : 1) * unit));
  mema_Span *spans[count];
  mema_Slab *slab = mema_slabIn(pool.heap);
  for (size_t i = 1; i < count; i += 2) {
    mema_Chunk chunk;
    assert_true(mema_slabFind(&slab->heap, chunks[i], &chunk));
    spans[i] = chunk.span;
    assert_true(pfree(&pool, chunks[i]));
  }
  uint32_t first = mema_unitOf(slab, spans[1]), other = mema_unitOf(slab, spans[5]);
  assert_int_equal(spans[3]->next, first);
  assertDamageFound(&pool, spans[3]->next, mema_noUnit);
  assertDamageFound(&pool, spans[3]->next, other);
  assertDamageFound(&pool, spans[3]->next, slab->runs.units);
  assertDamageFound(&pool, spans[3]->next, mema_unitOf(slab, spans[3]));
  assertDamageFound(&pool, spans[1]->next, mema_unitOf(slab, spans[3])); /* a ring: the walk must end */
  assertDamageFound(&pool, spans[1]->prev, mema_noUnit);
  assertDamageFound(&pool, slab->runs.bins[1], first);
  assertDamageFound(&pool, slab->runs.bins[2], first);
  assertDamageFound(&pool, slab->runs.bins[3], mema_noUnit);
  assertDamageFound(&pool, slab->runs.binMap[0], slab->runs.binMap[0] & ~(UINT64_C(1) << 3));
  assertDamageFound(&pool, slab->runs.binMap[1], 1);
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      withKind(damagedSpansAreFound, kindTracked),
      withKind(damagedSpansAreFound, kindUntracked),
      withKind(damagedListsOfRunsAreFound, kindTracked),
      withKind(damagedListsOfRunsAreFound, kindUntracked),
  };
  return runTests(tests);
}
