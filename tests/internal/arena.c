/* An arena from inside: the library's own marks, and damage to its bits, which mema_checkPool must see. */
#include "../../src/base/poolState.h"

#include "places.h"
#include "unit.h"

#include "../../src/heap/arena/arena.h"

enum { budget = 1 << 16 };

/* ---- marks: of untracked arenas, for the library's own use ------------------------------------------------------------- */

static void rewindTo(Pool *pool, uint32_t mark, size_t bytes, size_t chunks) {
  size_t forgottenBytes, forgottenChunks;
  mema_arenaRewind(pool->heap, mark, &forgottenBytes, &forgottenChunks);
  assert_int_equal(forgottenBytes, bytes);
  assert_int_equal(forgottenChunks, chunks);
  pool->freeSize += bytes;
  pool->frees += chunks;
  assert_true(mema_checkPool(pool));
}

static void aRewindGoesBackToAMark(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, 16 * budget));
  char *old = palloc(&pool, 100), *youngest = palloc(&pool, 40);
  uint32_t outer = mema_arenaMark(pool.heap);
  assert_true(pfree(&pool, youngest)); /* it stays where it is: behind the mark nothing goes back */
  char *first = palloc(&pool, 32);
  assert_true(samePlace(first, youngest + 48));
  assert_true(pfree(&pool, first)); /* the bump goes back to the mark, but not over dead chunks before it */
  char *inside[500];
  for (int i = 0; i < 500; i++) inside[i] = palloc(&pool, 16 * (1 + (size_t)i % 9));
  uint32_t inner = mema_arenaMark(pool.heap);
  char *within = palloc(&pool, 5000), *large = palloc(&pool, 70000);
  assert_true(pfree(&pool, within));
  size_t bytes = 0;
  for (int i = 0; i < 500; i += 2) assert_true(pfree(&pool, inside[i]));
  for (int i = 1; i < 500; i += 2) bytes += mema_chunkSize(&pool, inside[i]);
  rewindTo(&pool, inner, 70000, 1);
  assert_false(mema_ownsChunk(&pool, large));
  rewindTo(&pool, inner, 0, 0);
  assert_true(mema_ownsChunk(&pool, inside[499]));
  rewindTo(&pool, outer, bytes, 250);
  for (int i = 0; i < 500; i++) assert_false(mema_ownsChunk(&pool, inside[i]));
  assert_true(mema_ownsChunk(&pool, old));
  assert_true(samePlace(inside[0], first) && samePlace(palloc(&pool, 1), first));
  assert_true(freePool(&pool));
}

/* A chunk from before the mark does not grow across it. */
static void noChunkGrowsAcrossAMark(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, budget));
  char *old = palloc(&pool, 100);
  uint32_t mark = mema_arenaMark(pool.heap);
  char *grown = mema_repalloc(&pool, old, 200);
  assert_false(samePlace(old, grown));
  rewindTo(&pool, mark, 208, 1);
  assert_true(freePool(&pool));
}

/* ---- damage ------------------------------------------------------------------------------------------------------------ */

static void theCheckSeesDamage(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, budget));
  char *chunks[100];
  for (int i = 0; i < 100; i++) chunks[i] = palloc(&pool, 100);
  assert_true(pfree(&pool, chunks[50]) && pfree(&pool, chunks[51]));
  mema_Arena *arena = mema_arenaOf(mema_slabIn(pool.heap));
  uint64_t *words[] = {&arena->words[0].live, &arena->words[0].dead, &arena->words[8].live, &arena->words[11].live};
  assert_true(mema_checkPool(&pool));
  for (int i = 0; i < 4; i++) {
    for (int bit = 0; bit < 64; bit++) {
      *words[i] ^= UINT64_C(1) << bit;
      assertFails(mema_checkPool(&pool), MEMA_BROKEN);
      *words[i] ^= UINT64_C(1) << bit;
    }
  }
  uint32_t *numbers[] = {&arena->bump, &arena->deadGrains, &arena->words[3].end};
  for (int i = 0; i < 3; i++) {
    *numbers[i] += 1;
    assertFails(mema_checkPool(&pool), MEMA_BROKEN);
    *numbers[i] -= 1;
  }
  if (!pool.untracked) {
    arena->words[2].last += 1;
    assertFails(mema_checkPool(&pool), MEMA_BROKEN);
    arena->words[2].last -= 1;
  }
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
}

/* The count of marks begins anew: chunks outside are then older than any mark to come. */
static void agesBeginAnewWhenTheyRunOut(void **unused) {
  Pool pool;
  (void)unused;
  assert_true(makePool(&pool, &kindArenaUntrackedOutside, MIB));
  mema_Mark over = mema_markPool(&pool);
  pool.ownerAndAge |= (uint64_t)UINT32_MAX << 32;
  void *slots[50];
  assert_non_null(palloc(&pool, 65000));
  for (size_t i = 0; i < 50; i++) slots[i] = palloc(&pool, 1000);
  void *large = palloc(&pool, 70000);
  mema_Mark mark = mema_markPool(&pool);
  assert_int_equal(mark.age, 1);
  assertRefused(&pool, mema_rewindPool(&pool, over), MEMA_STALE_MARK);
  void *young = palloc(&pool, 70000);
  assertWorks(mema_rewindPool(&pool, mark));
  assert_true(mema_ownsChunk(&pool, large) && !mema_ownsChunk(&pool, young));
  for (size_t i = 0; i < 50; i++) assert_true(mema_ownsChunk(&pool, slots[i]));
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      withKind(aRewindGoesBackToAMark, kindArenaUntracked),
      withKind(noChunkGrowsAcrossAMark, kindArenaUntracked),
      withKind(theCheckSeesDamage, kindArena),
      withKind(theCheckSeesDamage, kindArenaUntracked),
      cmocka_unit_test(agesBeginAnewWhenTheyRunOut),
  };
  return runTests(tests);
}
