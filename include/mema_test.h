/* mema_test.h - three macros for test programs, over the figures of a pool (mema_poolStats) and failures on purpose
 * (mema_failAfter). Each of them stands in front of a block:
 *
 *   MEMA_EXPECT_NO_LEAK(&pool) { parse(&pool, text); }          every chunk of the block is freed at its end
 *   MEMA_EXPECT_PEAK(&pool, 4096) { parse(&pool, text); }       the block has at most 4,096 bytes live at once
 *   MEMA_FAIL_EACH(&pool) { parse(&pool, text); }               the block runs again and again; each run, another request fails
 *
 * An expectation that does not hold fails the test by the means of its framework. Include cmocka.h, unity.h or check.h
 * before this header; without one, a line goes to stderr and abort ends the program, as with assert (also under NDEBUG).
 * For another framework, define MEMA_TEST_FAIL(file, line, message) before the include.
 *
 * The end of a block is checked however the block is left: at its last line, by continue, break, goto or return. It is not
 * checked after longjmp, by which most frameworks end a failed test. Blocks of two macros may stand one in the other. The
 * header needs gcc or clang; docs/guide.md, "Tests with mema_test.h", has a program. */
#ifndef MEMA_TEST_H
#define MEMA_TEST_H

#include <stdio.h>
#include <stdlib.h>

#include "mema.h"

/* Fails if the block leaves more chunks, or more bytes, live in the pool than it found: chunks, charged bytes, and what
 * sub-pools hold. */
#define MEMA_EXPECT_NO_LEAK(pool) MEMA_TEST_ONCE(mema_testNoLeak, pool, 0)

/* Fails if the block has, at any moment, more than `bytes` live beyond the bytes that were live at its start. It begins
 * mema_Stats.peakBytes anew; so a block within it must not do this again for the same pool. In a shared pool the figure may
 * be too high, by unused credit of the threads. */
#define MEMA_EXPECT_PEAK(pool, bytes) MEMA_TEST_ONCE(mema_testPeak, pool, bytes)

/* Runs the block with its first request made to fail, then with its second, and so on; and a last time with no failure,
 * which shows that there are no more. Requests are those of mema_failAfter. `break` ends the runs early. Fails if the pool
 * is not live or is shared, or ends within the block. */
#define MEMA_FAIL_EACH(pool)                                                                                        \
  for (mema_TestBlock MEMA_TEST_NAME(mema_testRuns)                                                                 \
           __attribute__((cleanup(mema_testEnd))) = mema_testBegin(mema_testFailEach, pool, 0, __FILE__, __LINE__); \
       mema_testRunsAgain(&MEMA_TEST_NAME(mema_testRuns));)

/* ---- how a test fails --------------------------------------------------------------------------------------------- */

#if defined(MEMA_TEST_FAIL)
/* the program's own */
#elif defined(CMOCKA_H_)
#define MEMA_TEST_FAIL(file, line, message) _assert_true(0, message, file, line)
#elif defined(UNITY_FRAMEWORK_H)
#define MEMA_TEST_FAIL(file, line, message) UNITY_TEST_FAIL(line, message)
#elif defined(CHECK_H)
#define MEMA_TEST_FAIL(file, line, message) _ck_assert_failed(file, line, "Failed", "%s", message)
#else
#define MEMA_TEST_FAIL(file, line, message) (fprintf(stderr, "%s:%d: %s\n", file, line, message), abort())
#endif

/* ---- the rest is private ------------------------------------------------------------------------------------------ */

typedef enum mema_TestKind { mema_testNoLeak, mema_testPeak, mema_testFailEach } mema_TestKind;

typedef struct mema_TestBlock {
  mema_TestKind kind;
  mema_Pool *pool; /* NULL: nothing is left to check */
  const char *file;
  int line;
  bool began;      /* the block has run, or runs */
  size_t limit;    /* of a peak */
  size_t request;  /* the number of the request that fails, from 0 */
  mema_Stats then; /* the figures before the block */
} mema_TestBlock;

#define MEMA_TEST_GLUE(a, b) a##b
#define MEMA_TEST_NAMED(name, line) MEMA_TEST_GLUE(name, line)
#define MEMA_TEST_NAME(name) MEMA_TEST_NAMED(name, __LINE__)

#define MEMA_TEST_ONCE(kind, pool, limit)                                                                  \
  for (mema_TestBlock MEMA_TEST_NAME(kind)                                                                 \
           __attribute__((cleanup(mema_testEnd))) = mema_testBegin(kind, pool, limit, __FILE__, __LINE__); \
       mema_testRunsOnce(&MEMA_TEST_NAME(kind));)

static inline void mema_testFail(mema_TestBlock *block, const char *message) {
  block->pool = NULL;
  MEMA_TEST_FAIL(block->file, block->line, message);
}

/* Fails with the sentence of the call that failed. */
static inline void mema_testFailBy(mema_TestBlock *block, const char *call) {
  char message[256];
  snprintf(message, sizeof message, "%s: %s", call, mema_lastError()->sentence);
  mema_testFail(block, message);
}

static inline mema_TestBlock mema_testBegin(mema_TestKind kind, mema_Pool *pool, size_t limit, const char *file, int line) {
  mema_TestBlock block;
  block.kind = kind;
  block.pool = pool;
  block.file = file;
  block.line = line;
  block.began = false;
  block.limit = limit;
  block.request = 0;
  if (!mema_poolStats(pool, &block.then)) {
    mema_testFailBy(&block, "before the block");
  } else if (kind == mema_testPeak) {
    mema_resizePool(pool, block.then.poolSize); /* the peak begins anew; of a shared sub-pool it goes on, and is no lower */
  }
  return block;
}

static inline bool mema_testRunsOnce(mema_TestBlock *block) {
  bool runs = block->pool != NULL && !block->began;
  block->began = true;
  return runs;
}

/* True if the failure that was set came. Else it is still set, and comes to one of as many requests of ours. A refusal can
 * have other reasons, and a later one can hide that of the failure. */
static inline bool mema_testFailureCame(mema_TestBlock *block, const mema_Stats *now) {
  if (now->refused == block->then.refused) return false;
  for (size_t i = 0; i <= block->request; i++)
    if (!mema_chargePool(block->pool, 0) && mema_lastError()->reason == MEMA_INJECTED) return false;
  return true;
}

static inline bool mema_testRunsAgain(mema_TestBlock *block) {
  mema_Stats now;
  if (block->pool == NULL) return false;
  if (!mema_poolStats(block->pool, &now)) {
    mema_testFailBy(block, "after the block");
    return false;
  }
  if (block->began && !mema_testFailureCame(block, &now)) return false;
  if (block->began) block->request++;
  block->began = true;
  if (!mema_poolStats(block->pool, &block->then) || !mema_failAfter(block->pool, block->request, true)) {
    mema_testFailBy(block, "before the block");
    return false;
  }
  return true;
}

static inline void mema_testCheckLeak(mema_TestBlock *block, const mema_Stats *now) {
  char message[160];
  size_t chunks = now->liveChunks > block->then.liveChunks ? now->liveChunks - block->then.liveChunks : 0;
  size_t bytes = now->liveBytes > block->then.liveBytes ? now->liveBytes - block->then.liveBytes : 0;
  if (chunks == 0 && bytes == 0) return;
  snprintf(message, sizeof message, "leak: %zu more chunk%s and %zu more byte%s live after the block than before", chunks,
           chunks == 1 ? "" : "s", bytes, bytes == 1 ? "" : "s");
  mema_testFail(block, message);
}

static inline void mema_testCheckPeak(mema_TestBlock *block, const mema_Stats *now) {
  char message[160];
  size_t peak = now->peakBytes > block->then.liveBytes ? now->peakBytes - block->then.liveBytes : 0;
  if (peak <= block->limit) return;
  snprintf(message, sizeof message, "peak: the block had %zu bytes live at once, %zu more than the %zu expected", peak,
           peak - block->limit, block->limit);
  mema_testFail(block, message);
}

/* Runs where the block is left, in whatever way. */
static inline void mema_testEnd(mema_TestBlock *block) {
  mema_Stats now;
  if (block->pool == NULL) return;
  if (!mema_poolStats(block->pool, &now)) {
    mema_testFailBy(block, "after the block");
  } else if (block->kind == mema_testNoLeak) {
    mema_testCheckLeak(block, &now);
  } else if (block->kind == mema_testPeak) {
    mema_testCheckPeak(block, &now);
  } else {
    mema_failAfter(block->pool, MEMA_UNLIMITED, true);
  }
}

#endif
