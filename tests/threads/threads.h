/* Parts that tests of pools and threads share: a scale for slow checkers, shared pools in a line, and a complaint that any thread may make. */
#ifndef THREADS_H
#define THREADS_H

#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

/* MEMA_TEST_SCALE divides the rounds of a test. */
static inline unsigned scaled(unsigned count) {
  const char *scale = getenv("MEMA_TEST_SCALE");
  return 1 + count / (scale != NULL ? (unsigned)atoi(scale) : 1);
}

static inline bool makeShared(Pool *pool, bool untracked, size_t poolSize) {
  mema_Options options = {.poolSize = poolSize, .untracked = untracked, .shared = true};
  return mema_initPoolWith(pool, &options);
}

/* A random seed for each thread, the same in each run. */
static inline void *seedOf(unsigned thread) {
  return (void *)(uintptr_t)(thread + 1);
}

/* The first complaint is kept: only the test's own thread may end the test. */
static _Atomic(const char *) firstComplaint;

static inline void complain(const char *complaint) {
  const char *none = NULL;
  atomic_compare_exchange_strong(&firstComplaint, &none, complaint);
}

static inline void forgetComplaints(void) {
  atomic_store(&firstComplaint, NULL);
}

static inline void assertNoComplaint(void) {
  const char *complaint = atomic_load(&firstComplaint);
  if (complaint != NULL) fail_msg("%s", complaint);
}

#endif
