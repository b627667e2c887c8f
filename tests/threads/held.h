/* Slots that threads of a shared pool hold for themselves. */
#ifndef HELD_H
#define HELD_H

#include "unit.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { size = 64, large = 32768, few = 50, batch = 64, span = 1024, most = 5 * span };

static Pool pool;

static inline void beginIn(size_t reservation, size_t poolSize) {
  mema_Options options = {.poolSize = poolSize, .reservation = reservation, .untracked = true, .shared = true};
  freePool(&pool); /* of a test that failed */
  /* Where threads cannot be made to pass a barrier, they hold nothing. */
  if ((syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) & MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0) skip();
  assert_true(mema_initPoolWith(&pool, &options));
}

static inline void begin(size_t poolSize) {
  beginIn(0, poolSize);
}

static inline void end(void) {
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

typedef struct {
  void *chunks[most];
  unsigned count;
} Held;

static inline void take(Held *held, unsigned count) {
  held->count = count;
  for (unsigned i = 0; i < count; i++) assert_non_null(held->chunks[i] = palloc(&pool, size));
}

static inline void giveAll(const Held *held) {
  for (unsigned i = 0; i < held->count; i++) assert_true(pfree(&pool, held->chunks[i]));
}

static inline unsigned common(const Held *a, const Held *b) {
  unsigned found = 0;
  for (unsigned i = 0; i < a->count; i++)
    for (unsigned j = 0; j < b->count; j++) found += a->chunks[i] == b->chunks[j];
  return found;
}

static inline void runThread(void *(*work)(void *), void *argument) {
  pthread_t thread;
  void *answer;
  assert_int_equal(pthread_create(&thread, NULL, work, argument), 0);
  pthread_join(thread, &answer);
  if (answer != NULL) fail_msg("%s", (char *)answer);
}

#endif
