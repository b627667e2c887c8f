/* The room of a thread's magazines, which follows what the thread does (src/threads/magazine.c). */
#include "../../src/base/poolState.h"

#include "unit.h"

#include <pthread.h>

#include "../../src/memory/os.h"
#include "../../src/threads/share.h"

enum {
  size = 64,
  ordinary = mema_cacheMagazineMost,
  many = 600,
  most = 20000,
  rounds = 8,
  calls = 1 << 20,
  entriesMost = 64 * 1024
};

static Pool pool;
static void *chunks[most];

static void begin(void) {
  freePool(&pool); /* of a test that failed */
  mema_Options options = {.poolSize = 256 * MIB, .shared = true, .untracked = true};
  assert_true(mema_initPoolWith(&pool, &options));
  pfree(&pool, palloc(&pool, size));
  assert_non_null(mema_cacheHere);
}

static const mema_Magazine *magazineOf(size_t bytes) {
  return &mema_cacheHere->magazines[mema_classOf(bytes) + 1];
}

static size_t roomOf(size_t bytes) {
  return (size_t)(magazineOf(bytes)->limit - magazineOf(bytes)->bottom);
}

static size_t levelOf(size_t bytes) {
  return (size_t)(magazineOf(bytes)->top - magazineOf(bytes)->bottom);
}

static void takeMany(size_t count, size_t bytes) {
  for (size_t i = 0; i < count; i++) assert_non_null(chunks[i] = memset(palloc(&pool, bytes), (int)i & 0xff, bytes));
}

static void giveMany(size_t count, size_t bytes) {
  for (size_t i = 0; i < count; i++) {
    const unsigned char *chunk = chunks[i];
    assert_true(chunk[0] == (i & 0xff) && chunk[bytes - 1] == (i & 0xff));
    assert_true(pfree(&pool, chunks[i]));
    assert_false(pfree(&pool, chunks[i]));
  }
}

static void playBursts(size_t count, size_t bytes) {
  for (int i = 0; i < rounds; i++) {
    takeMany(count, bytes);
    giveMany(count, bytes);
  }
}

/* The slots of a class that the slab and the depot have. */
static size_t slotsElsewhere(size_t bytes) {
  const mema_Share *share = mema_cacheHere->share;
  const mema_Depot *depot = &share->depot[mema_classOf(bytes)];
  size_t slots = share->slab->classes[mema_classOf(bytes)].idle;
  for (uint32_t i = 0; i < depot->count; i++) slots += depot->held[i];
  return slots;
}

static size_t footprint(void) {
  mema_Stats stats;
  assert_true(mema_poolStats(&pool, &stats));
  assert_int_equal(stats.liveBytes, 0);
  assert_int_equal(stats.freeSize, 256 * MIB);
  return stats.footprint;
}

static void end(void) {
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

/* ---- the tests ------------------------------------------------------------------------------------------------------------- */

static void aBurstFitsSoon(void **state) {
  (void)state;
  begin();
  assert_int_equal(roomOf(size), ordinary);
  playBursts(many, size);
  assert_true(roomOf(size) >= many && roomOf(size) <= mema_grownMagazineMost);
  assert_true(levelOf(size) >= many);
  size_t before = slotsElsewhere(size);
  takeMany(many, size);
  assert_int_equal(slotsElsewhere(size), before);
  giveMany(many, size);
  assert_int_equal(slotsElsewhere(size), before);
  assert_int_equal(roomOf(2 * size), ordinary);
  end();
}

/* Frees alone are no reason: their slots may never be fetched. */
static void whatOverflowsOnceMakesNoRoom(void **state) {
  (void)state;
  begin();
  takeMany(most, size);
  giveMany(most, size);
  assert_int_equal(roomOf(size), ordinary);
  end();
}

static void playMixedBurst(void) {
  for (size_t i = 0; i < most; i++) assert_non_null(chunks[i] = palloc(&pool, i % 32 * 16 + 16));
  for (size_t i = 0; i < most; i++) assert_true(pfree(&pool, chunks[i]));
}

static void growthIsBounded(void **state) {
  (void)state;
  begin();
  const mema_ThreadCache *cache = mema_cacheHere;
  size_t bytes = 0;
  for (int i = 0; i < rounds; i++) playMixedBurst();
  for (unsigned class = 0; class < mema_classCount; class ++) {
    size_t slotSize = mema_classSize(class), room = roomOf(slotSize);
    assert_true(room <= mema_grownMagazineMost);
    assert_true(room * slotSize <= mema_cacheMagazineBytes || room == mema_magazineLeast);
    if (cache->grown >> class & 1) bytes += (room - ordinary) * slotSize;
  }
  assert_true(bytes > 512 * 1024 && bytes <= MIB);
  assert_int_equal(bytes, cache->grownBytes);
  assert_int_equal(bytes, cache->share->grownBytes);
  end();
}

/* The thread goes on, with other sizes. */
static void roomThatIsNotUsedGoesBack(void **state) {
  (void)state;
  begin();
  if (atomic_load(&mema_cacheHere->key) == 0) skip(); /* the calls take the lock, and are not counted */
  playBursts(many, 2 * size);
  size_t before = footprint();
  playBursts(many, size);
  assert_true(roomOf(size) >= many);
  assert_true(footprint() > before);
  char *entries = (char *)mema_cacheHere->larger;
  assert_int_not_equal(mema_osResident(entries, entriesMost), 0);
  for (int i = 0; i < calls; i++) assert_true(pfree(&pool, palloc(&pool, 4 * size)));
  assert_int_equal(roomOf(size), ordinary);
  assert_true(levelOf(size) <= ordinary);
  assert_int_equal(mema_cacheHere->grownBytes + mema_cacheHere->share->grownBytes, 0);
  assert_int_equal(mema_cacheHere->share->largerBytes, 0);
  assert_null(mema_cacheHere->larger);
  assert_int_equal(mema_osResident(entries, entriesMost), 0);
  playBursts(many, size);
  assert_true(roomOf(size) >= many);
  end();
}

/* It keeps the room of a magazine that is used, however long. */
static void roomThatIsUsedStays(void **state) {
  (void)state;
  begin();
  playBursts(many, size);
  size_t room = roomOf(size);
  for (int i = 0; i < 100; i++) playBursts(many, size);
  assert_int_equal(roomOf(size), room);
  end();
}

static void trimmingTakesTheRoomBack(void **state) {
  (void)state;
  begin();
  mema_trimPool(&pool);
  size_t before = footprint();
  playBursts(many, size);
  mema_trimPool(&pool);
  assert_int_equal(roomOf(size), ordinary);
  assert_int_equal(levelOf(size), 0);
  assert_null(mema_cacheHere->larger);
  assert_true(footprint() <= before + 64 * 1024);
  playBursts(many, size);
  end();
}

static void *playAndEnd(void *unused) {
  playBursts(many, size);
  assert_true(roomOf(size) >= many);
  return unused;
}

static void aThreadLeavesOrdinaryMagazines(void **state) {
  pthread_t other;
  (void)state;
  begin();
  const mema_Share *share = mema_cacheHere->share;
  assert_int_equal(pthread_create(&other, NULL, playAndEnd, NULL), 0);
  pthread_join(other, NULL);
  assert_int_equal(share->orphans, 1);
  assert_int_equal(share->orphan[0]->grown, 0);
  assert_null(share->orphan[0]->larger);
  assert_int_equal(share->grownBytes + share->largerBytes, 0);
  end();
}

/* The thread's cache serves it in its next pool. */
static void aPoolEndsWithItsGrownMagazines(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++) {
    begin();
    assert_int_equal(roomOf(size), ordinary);
    playBursts(many, size);
    assert_true(roomOf(size) >= many);
    takeMany(many, size);
    assert_true(freePool(&pool));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(aBurstFitsSoon),
      cmocka_unit_test(whatOverflowsOnceMakesNoRoom),
      cmocka_unit_test(growthIsBounded),
      cmocka_unit_test(roomThatIsNotUsedGoesBack),
      cmocka_unit_test(roomThatIsUsedStays),
      cmocka_unit_test(trimmingTakesTheRoomBack),
      cmocka_unit_test(aThreadLeavesOrdinaryMagazines),
      cmocka_unit_test(aPoolEndsWithItsGrownMagazines),
  };
  return runTests(tests);
}
