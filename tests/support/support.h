/* Parts that all test programs share: values that the compiler cannot see through, and a second opinion on a pool. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include "mema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif
/* False if a new thread may hang in the child of a fork beside other threads: the address sanitizer of gcc 12 takes none of its own locks for
 * a fork. A thread of the parent that begins or ends may hold one, and a new thread of the child waits for it. */
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#else
#define UNDER_TSAN 0
#endif
#define CHILD_MAY_START_THREADS (!UNDER_ASAN && !UNDER_TSAN)

enum { wordBits = 8 * sizeof(uintptr_t) }; /* of a pointer, and of a size */
#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

/* True if each chunk is a malloc of its own, so that its address says nothing of its place in the pool (docs/checkers.md). */
static inline bool chunksArePlain(void) {
  const char *plain = getenv("MEMA_PLAIN");
  return plain != NULL && plain[0] == '1';
}

/* The header's attributes let a compiler warn of sizes and alignments that are wrong on purpose, and take a chunk's address
 * for one that no other pointer can have. Values that pass through here are unknown to it. */
static inline size_t hideSize(size_t value) {
  __asm__ volatile("" : "+r"(value));
  return value;
}
static inline void *hidePointer(const void *pointer) {
  uintptr_t value = (uintptr_t)pointer;
  __asm__ volatile("" : "+r"(value));
  return (void *)value;
}
static inline uintptr_t addressOf(const void *pointer) {
  return (uintptr_t)hidePointer(pointer);
}
/* As its statistics say. */
static inline bool poolIsUntracked(const Pool *pool) {
  mema_Stats stats;
  return mema_poolStats(pool, &stats) && stats.untracked;
}
static inline bool samePlace(const void *a, const void *b) {
  return addressOf(a) == addressOf(b);
}
static inline bool isAligned(const void *pointer, size_t alignment) {
  return (addressOf(pointer) & (alignment - 1)) == 0;
}

/* The kinds of pool that most tests are repeated for. */
typedef struct Kind {
  const char *name;
  mema_Options options; /* poolSize is filled in by makePool */
} Kind;
extern Kind kindTracked, kindUntracked, kindCommitted, kindOutside, kindUntrackedOutside, kindShared, kindSharedOutside,
    kindSharedTracked, kindHooked, kindHookedUntracked, kindHookedOutside, kindHookedShared, kindArena, kindArenaUntracked,
    kindArenaCommitted, kindArenaOutside, kindArenaUntrackedOutside, kindFixed, kindFixedUntracked;
bool makePool(Pool *pool, const Kind *kind, size_t poolSize);
/* For a test that looks at where chunks lie: no checker is told of them, so that they lie as in any other process. */
bool makeUnwatched(Pool *pool, const Kind *kind, size_t poolSize);

/* Memory between two pages that must not be touched; it ends where the second begins. */
typedef struct GuardedBuffer {
  char *map;
  size_t size;
} GuardedBuffer;
char *guardedBuffer(GuardedBuffer *guarded, size_t size); /* NULL: the system has none */
void dropBuffer(GuardedBuffer *guarded);

/* Everything public about a pool, to be compared after a call that must not change it. */
typedef struct Snapshot {
  Pool pool;
  mema_Stats stats;
} Snapshot;
Snapshot snapshotOf(const Pool *pool);

/* The following answer NULL when all is well, else a sentence. */
/* One refused call since the snapshot: it may have counted itself, and nothing else may differ. */
const char *changedSince(const Pool *pool, const Snapshot *snapshot);
/* Compares P1 and the chain with the live bytes (charged ones included) and chunks that the caller knows, each number with each call that gives it, and
 * asks mema_checkPool. */
const char *poolIsWrong(const Pool *pool, size_t liveBytes, size_t liveChunks);
/* errno and mema_lastError() against the header's table. */
const char *errorIsNot(mema_Reason reason);

/* Leaves another failure than `reason` in mema_lastError and a number in errno that no reason has, so that neither can be
 * right by accident. */
enum { untouchedErrno = 4242 };
void forgetError(mema_Reason reason);

void fillBytes(void *bytes, size_t size, unsigned seed);
bool bytesFilled(const void *bytes, size_t size, unsigned seed);
bool bytesZero(const void *bytes, size_t size);

uint64_t nextRandom(uint64_t *state);
/* Seconds after which a wait is taken for a hang: a part of the limit of a whole program (MEMA_TEST_LIMIT, see tests/environment.sh). */
unsigned hangLimit(void);
/* This process's anonymous memory. The system counts it in batches: within countingError of the truth. */
enum { countingError = 512 * 1024 };
size_t residentBytes(void);
/* False if the system says that it makes memory present, and does not: an emulator takes any advice. */
bool systemPopulates(void);
/* True in a program under memcheck, whose own memory is counted there. It needs some for each mapping. */
bool underMemcheck(void);

/* The bytes from an address on that are in memory, of `bytes` bytes: whole pages. Pages that are not mapped are not. */
size_t residentIn(const void *from, size_t bytes);

#endif
