/* hosts.h - what the tests of hosts share. A check that fails prints its line, and the program ends with status 1. */
#ifndef MEMA_TESTS_HOSTS_H
#define MEMA_TESTS_HOSTS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mema.h>

static int failures;

#define CHECK(condition) \
  ((condition) ? (void)0 : (void)(failures++, fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition)))

/* The adapters call this if a call can only be a mistake. The tests count these calls, and keep the last sentence. */
static unsigned badCalls;
static char badSentence[256];
static void noteBadCall(const char *sentence) {
  badCalls++;
  snprintf(badSentence, sizeof badSentence, "%s", sentence);
}
#define MEMA_BAD_CALL(pointer, sentence) ((void)(pointer), noteBadCall(sentence))

static inline mema_Stats figures(const Pool *pool) {
  mema_Stats stats = {.liveChunks = 999999};
  CHECK(mema_poolStats(pool, &stats));
  return stats;
}

/* The results of a piece of work while memory was refused. */
typedef enum Outcome {
  DONE,    /* it succeeded, and its result is right */
  REFUSED, /* it reported that it has no memory */
  WRONG    /* anything else */
} Outcome;

/* Runs the work once for each of its requests for memory, which fails, then once without a failure. Each run must leave as
 * many chunks as `left` before the first one, at most. Returns the number of runs that ended with REFUSED. No run may end
 * with WRONG, unless `silent` counts these runs: some libraries lose a part of their result without a word, and the pool's
 * count of refused requests tells of it. */
static inline size_t failEach(Pool *pool, Outcome (*work)(void), size_t *silent) {
  size_t refused = 0, requests = 0, left = figures(pool).liveChunks;
  for (;; requests++) {
    size_t before = figures(pool).refused;
    mema_failAfter(pool, requests, true);
    Outcome outcome = work();
    mema_failAfter(pool, MEMA_UNLIMITED, true);
    bool failed = figures(pool).refused > before;
    if (outcome == WRONG && failed && silent != NULL) {
      (*silent)++;
    } else if (outcome == WRONG) {
      fprintf(stderr, "wrong result while request %zu failed\n", requests);
      failures++;
    }
    CHECK(figures(pool).liveChunks <= left);
    if (outcome == REFUSED) refused++;
    if (!failed) {
      CHECK(outcome == DONE);
      return refused;
    }
  }
}

static inline int report(void) {
  return failures == 0 ? 0 : 1;
}

#endif
