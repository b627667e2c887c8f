/* The program has taken all keys of thread data. A shared pool is made all the same, and threads use it; once keys are free again, so do the threads
 * of the next pool, with caches. */
#define _GNU_SOURCE
#include <limits.h>
#include <linux/membarrier.h>
#include <mema.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { threads = 200, rounds = 100 };

static Pool pool;

static bool fail(const char *call) {
  fprintf(stderr, "%s: %s\n", call, mema_lastError()->sentence);
  return false;
}

static void *use(void *unused) {
  for (int i = 0; i < rounds; i++) {
    char *chunk = palloc(&pool, 64);
    if (chunk == NULL) return &pool;
    memset(chunk, i, 64);
    if (!pfree(&pool, chunk) || pfree(&pool, chunk)) return &pool;
  }
  return unused;
}

/* True if a thread keeps quota for itself while it lives: the field is then below the sum that mema_freeSize asks for. */
static bool keepsQuota(void) {
  void *chunk = palloc(&pool, 64);
  size_t field = pool.freeSize;
  return pfree(&pool, chunk) && field < mema_freeSize(&pool) - 64;
}

/* Without the barrier no thread has a cache. */
static bool hasBarrier(void) {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) > 0;
}

static bool live(bool tracked, bool *cached) {
  mema_Options options = {.poolSize = 1 << 20, .untracked = !tracked, .shared = true};
  mema_Stats stats;
  pthread_t thread;
  void *answer;
  if (!mema_initPoolWith(&pool, &options)) return fail("mema_initPoolWith");
  *cached = keepsQuota();
  for (int i = 0; i < threads; i++) {
    if (pthread_create(&thread, NULL, use, NULL) != 0 || pthread_join(thread, &answer) != 0) return false;
    if (answer != NULL) return fail("a thread");
  }
  if (!mema_checkPool(&pool) || mema_freeSize(&pool) != pool.poolSize) return fail("mema_checkPool");
  if (!mema_poolStats(&pool, &stats) || stats.liveChunks != 0 || stats.footprint > 1 << 20) return fail("mema_poolStats");
  return freePool(&pool) || fail("freePool");
}

int main(void) {
  static pthread_key_t keys[PTHREAD_KEYS_MAX];
  int count = 0;
  bool cached = false;
  while (count < PTHREAD_KEYS_MAX && pthread_key_create(&keys[count], NULL) == 0) count++;
  if (count == 0) return 2;
  for (int tracked = 0; tracked < 2; tracked++)
    if (!live(tracked == 1, &cached)) return 1;
  if (cached) return fail("a cache without a key");
  while (count-- > 0) pthread_key_delete(keys[count]);
  if (!live(false, &cached)) return 1;
  return cached || !hasBarrier() ? 0 : 3;
}
