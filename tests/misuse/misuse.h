/* One misuse per program: the file's name is the mistake, or the damage that a mistake does not do. Each program ends with 0 if the misuse was answered
 * as mema.h says: NULL or false, errno and the reason. The pool stays as it was, and a live neighbour keeps its bytes. */
#ifndef MISUSE_H
#define MISUSE_H

#include "support.h"

enum { misuseBudget = 1 << 20, neighbourSize = 300 };
static Pool pool;
static unsigned char *neighbour;

static inline void complainUnless(bool good, const char *what, int line) {
  if (good) return;
  fprintf(stderr, "line %d: %s\n", line, what);
  exit(1);
}

#define CHECK(condition) complainUnless((condition), #condition, __LINE__)

/* The call fails for this reason, on a pool that may be none. */
#define FAILS(call, reason)                                      \
  do {                                                           \
    forgetError(reason);                                         \
    complainUnless(!(call), #call " was not refused", __LINE__); \
    const char *sentence = errorIsNot(reason);                   \
    complainUnless(sentence == NULL, sentence, __LINE__);        \
  } while (0)

/* As above, on `pool`, which is live and must be as before. */
#define REFUSED(call, reason)                          \
  do {                                                 \
    Snapshot before = snapshotOf(&pool);               \
    FAILS(call, reason);                               \
    const char *change = changedSince(&pool, &before); \
    complainUnless(change == NULL, change, __LINE__);  \
  } while (0)

/* And the sentence says what was wrong, with its numbers: a format, and its arguments. */
#define SAYS(...)                                                                                            \
  do {                                                                                                       \
    char expected[200];                                                                                      \
    snprintf(expected, sizeof expected, __VA_ARGS__);                                                        \
    complainUnless(strcmp(mema_lastError()->sentence, expected) == 0, mema_lastError()->sentence, __LINE__); \
  } while (0)

static inline void placeNeighbour(void) {
  neighbour = palloc(&pool, neighbourSize);
  CHECK(neighbour != NULL);
  fillBytes(neighbour, neighbourSize, 77);
}

/* A live pool with one chunk in it. */
static inline void begin(void) {
  CHECK(initPool(&pool, misuseBudget));
  placeNeighbour();
}

/* Like the above, an arena. */
static inline void beginArena(bool untracked) {
  mema_Options options = {.poolSize = misuseBudget, .untracked = untracked, .engine = MEMA_ARENA};
  CHECK(mema_initPoolWith(&pool, &options));
  placeNeighbour();
}

/* As above, in a caller's buffer. */
static inline void beginFixed(void *buffer, size_t size) {
  mema_Options options = {.engine = MEMA_FIXED, .buffer = buffer, .bufferSize = size};
  CHECK(mema_initPoolWith(&pool, &options));
  placeNeighbour();
}

/* The neighbour and `chunks` more of `bytes` are live and well; then all of it goes. */
static inline int end(size_t bytes, size_t chunks) {
  const char *wrong = poolIsWrong(&pool, bytes + neighbourSize, chunks + 1);
  complainUnless(wrong == NULL, wrong, __LINE__);
  CHECK(bytesFilled(neighbour, neighbourSize, 77));
  CHECK(pfree(&pool, neighbour));
  CHECK(freePool(&pool));
  return 0;
}

/* Of an arena, where an untracked neighbour is charged whole grains. */
static inline int endArena(size_t bytes, size_t chunks) {
  size_t charged = mema_chunkSize(&pool, neighbour);
  return end(bytes + charged - neighbourSize, chunks);
}

#endif
