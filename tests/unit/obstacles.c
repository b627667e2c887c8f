/* Other mappings of the process that lie where a pool would go on: a request is granted as ever, and the mappings are left alone. */
#include "unit.h"

#include <pthread.h>
#include <sys/mman.h>

enum { most = 4096 };

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static void *obstacles[most];
static size_t obstacleCount;
static const size_t page = 64 * KIB;

/* Maps what is not mapped yet, every `step` bytes from `from` to `to`, and writes to it. */
static void obstruct(uintptr_t from, uintptr_t to, size_t step) {
  for (uintptr_t at = from & ~(uintptr_t)(page - 1); at < to && obstacleCount < most; at += step) {
    char *map = mmap((void *)at, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (map == MAP_FAILED) continue;
    if ((uintptr_t)map != at) {
      munmap(map, page);
      continue;
    }
    map[0] = map[page - 1] = 77;
    obstacles[obstacleCount++] = map;
  }
}

/* Each obstacle is there, with its contents. */
static void removeObstacles(void) {
  for (size_t i = 0; i < obstacleCount; i++) {
    char *map = obstacles[i];
    assert_true(map[0] == 77 && map[page - 1] == 77);
    assert_int_equal(munmap(map, page), 0);
  }
  obstacleCount = 0;
}

static void fillExactly(Pool *pool, size_t size) {
  size_t granted = 0;
  for (unsigned char *bytes; (bytes = palloc(pool, size)) != NULL; granted++) {
    fillBytes(bytes, size, 3);
    if (granted % 4096 == 0 && !mema_checkPool(pool)) fail_msg("%s", mema_lastError()->sentence);
  }
  assert_int_equal(mema_lastError()->reason, MEMA_OVER_BUDGET);
  assert_true(granted > 0 && pool->freeSize < (size + 4096) * 2);
  assert_true(mema_checkPool(pool));
}

/* In the way of the area, near or far; and all around, so that the tables meet some as well. */
static void aPoolGoesOnElsewhere(void **state) {
  const Kind *kind = *state;
  static const size_t budgets[] = {64 * KIB, 700 * KIB, 6 * MIB};
  for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++)
    for (int around = 0; around < 2; around++)
      for (size_t size = 100; size <= 30000; size *= 170) {
        Pool pool;
        mema_trimPool(NULL);
        assert_true(makePool(&pool, kind, budgets[i]));
        uintptr_t area = addressOf(pool.mem), before = around ? 96 * MIB : 0;
        obstruct(area - before, area + budgets[i] * (around ? 1 : 16), around ? page * 3 : budgets[i] / 4 + page);
        assert_true(obstacleCount > 0);
        fillExactly(&pool, size);
        assert_true(mema_resetPool(&pool));
        fillExactly(&pool, size);
        assert_true(freePool(&pool));
        mema_trimPool(NULL);
        removeObstacles();
      }
}

/* Returns its argument if a pool or a chunk was refused. */
static void *makePools(void *refused) {
  for (int i = 0; i < 300; i++) {
    Pool pool;
    memset(&pool, 0, sizeof pool);
    mema_Options options = {.poolSize = 4 * MIB, .reservation = 64 * KIB, .untracked = i % 2 == 0};
    if (!mema_initPoolWith(&pool, &options) || palloc(&pool, MIB) == NULL || palloc(&pool, 2 * MIB) == NULL ||
        !freePool(&pool))
      return refused;
  }
  return NULL;
}

/* Each looks for room while the others do. */
static void threadsFindRoomAtOnce(void **state) {
  (void)state;
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, makePools, threads), 0);
  for (int i = 0; i < 4; i++) {
    void *refused = NULL;
    assert_int_equal(pthread_join(threads[i], &refused), 0);
    assert_null(refused);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      withKind(aPoolGoesOnElsewhere, kindTracked), withKind(aPoolGoesOnElsewhere, kindUntracked),
      withKind(aPoolGoesOnElsewhere, kindShared),  withKind(aPoolGoesOnElsewhere, kindSharedTracked),
      withKind(aPoolGoesOnElsewhere, kindArena),   withKind(aPoolGoesOnElsewhere, kindArenaUntracked),
      cmocka_unit_test(threadsFindRoomAtOnce),
  };
  return runTests(tests);
}
