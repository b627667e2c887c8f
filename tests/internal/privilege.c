/* The ways in which a thread of a shared pool frees its own chunks: with its privilege, or without (src/threads/slotRef.h). */
#include "../../src/base/poolState.h"

#include "places.h"
#include "unit.h"

#include <pthread.h>

#include "../../src/threads/share.h"

enum { sizes = 3 };

static Pool pool;
static void *chunks[sizes];
static const size_t sizeOf[sizes] = {64, 128, 256};

static bool isPlain(size_t size) {
  return mema_cacheHere->magazines[mema_classOf(size) + 1].own != 0;
}

static void assertPlain(bool first, bool second, bool third) {
  assert_int_equal(isPlain(sizeOf[0]), first);
  assert_int_equal(isPlain(sizeOf[1]), second);
  assert_int_equal(isPlain(sizeOf[2]), third);
}

static void pairs(size_t size, uint32_t times) {
  for (uint32_t i = 0; i < times; i++) assert_true(pfree(&pool, palloc(&pool, size)));
}

static void *giveChunk(void *chunk) {
  return pfree(&pool, chunk) ? NULL : &pool;
}

static void letAnotherFree(unsigned which) {
  pthread_t thread;
  void *answer;
  assert_int_equal(pthread_create(&thread, NULL, giveChunk, chunks[which]), 0);
  pthread_join(thread, &answer);
  assert_null(answer);
  assert_non_null(chunks[which] = palloc(&pool, sizeOf[which]));
}

static void begin(void) {
  mema_Options options = {.poolSize = 16 * MIB, .untracked = true, .shared = true};
  freePool(&pool); /* of a test that failed */
  assert_true(mema_initPoolWith(&pool, &options));
  for (unsigned i = 0; i < sizes; i++) assert_non_null(chunks[i] = palloc(&pool, sizeOf[i]));
  if (mema_cacheHere == NULL || mema_cacheHere->ownerId == 0) skip(); /* no barrier, so no privileges */
}

static void end(void) {
  for (unsigned i = 0; i < sizes; i++) assert_true(pfree(&pool, chunks[i]));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

static void aFreeByAnotherThreadRevokesThePrivilege(void **state) {
  (void)state;
  begin();
  assertPlain(true, true, true);
  letAnotherFree(0);
  assertPlain(false, true, true);
  letAnotherFree(1);
  assertPlain(false, false, true);
  end();
}

static void aRevokedPrivilegeComesBack(void **state) {
  (void)state;
  begin();
  letAnotherFree(0);
  pairs(sizeOf[1], 2 * mema_patience); /* plain frees do not count */
  pairs(sizeOf[0], mema_patience - 1);
  assertPlain(false, true, true);
  pairs(sizeOf[0], 1);
  assertPlain(true, true, true);
  end();
}

static void privilegesRevokedAgainGoTogetherAndForLonger(void **state) {
  (void)state;
  begin();
  letAnotherFree(0);
  letAnotherFree(1);
  pairs(sizeOf[0], mema_patience);
  assertPlain(true, true, true);
  letAnotherFree(2); /* one that never went */
  assertPlain(true, true, false);
  letAnotherFree(1);
  assertPlain(false, false, false);
  pairs(sizeOf[2], mema_patience);
  assertPlain(false, false, false);
  pairs(sizeOf[1], mema_patience);
  assertPlain(true, true, true);
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(aFreeByAnotherThreadRevokesThePrivilege),
      cmocka_unit_test(aRevokedPrivilegeComesBack),
      cmocka_unit_test(privilegesRevokedAgainGoTogetherAndForLonger),
  };
  return runTests(tests);
}
