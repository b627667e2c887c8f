/* freestanding.c - libmema-fixed.a: the public calls for fixed pools alone, without a C library or an
 * operating system.
 *
 * It differs from the hosted library (docs/design.md, "The fixed engine") in these points. It refuses
 * (MEMA_BAD_ARGUMENT) pools with another engine than MEMA_FIXED, pools with a fallback, and mema_initPool. It
 * does not print or draw. It has no errno. The last failure is one for the whole program, not one for each
 * thread. The secret in the seals is a constant, mixed with addresses, so a program can forge a Pool on
 * purpose.
 *
 * gcc and clang generate calls of memcpy, memmove and memset, whatever the flags. For programs without these
 * functions, this file defines weak ones. */
#include "../pool/fixed/fixedPool.h"
#include "../pool/pressure.h"

_Atomic uintptr_t mema_secret = (uintptr_t)0x9E3779B97F4A7C15u;
static _Atomic uintptr_t generations;

/* ---- functions that compilers call --------------------------------------------------------------------------------------- */

#if defined(__GNUC__) && !defined(__clang__)
#define PLAIN_LOOP __attribute__((optimize("no-tree-loop-distribute-patterns")))
#else
#define PLAIN_LOOP
#endif

MEMA_PUBLIC void *memcpy(void *restrict to, const void *restrict from, size_t n);
MEMA_PUBLIC void *memmove(void *to, const void *from, size_t n);
MEMA_PUBLIC void *memset(void *to, int byte, size_t n);

__attribute__((weak)) PLAIN_LOOP void *memcpy(void *restrict to, const void *restrict from, size_t n) {
  volatile char *target = to; /* volatile: else the compiler makes the loop a call of memcpy */
  const char *source = from;
  while (n-- > 0) *target++ = *source++;
  return to;
}

__attribute__((weak)) PLAIN_LOOP void *memmove(void *to, const void *from, size_t n) {
  volatile char *target = to;
  const volatile char *source = from;
  if ((uintptr_t)to <= (uintptr_t)from) {
    for (size_t i = 0; i < n; i++) target[i] = source[i];
  } else {
    while (n-- > 0) target[n] = source[n];
  }
  return to;
}

__attribute__((weak)) PLAIN_LOOP void *memset(void *to, int byte, size_t n) {
  volatile char *target = to;
  while (n-- > 0) *target++ = (char)byte;
  return to;
}

/* ---- pressure ------------------------------------------------------------------------------------------------------------ */

/* This library has no callbacks and no requests that fail on purpose. */
bool mema_failsOnPurpose(mema_Pool *pool) {
  (void)pool;
  return false;
}

bool mema_askExhausted(mema_Pool *pool, size_t wanted) {
  (void)pool;
  (void)wanted;
  return false;
}

void mema_settlePressure(mema_Pool *pool, size_t before) {
  (void)pool;
  (void)before;
}

void mema_refuse(mema_Pool *pool, mema_Reason reason, size_t wanted) {
  pool->refused++;
  mema_failBytes(reason, wanted, reason == MEMA_OVER_BUDGET ? pool->freeSize : MEMA_UNLIMITED);
}

/* ---- there is no outside --------------------------------------------------------------------------------------------------- */

size_t mema_outsideRoom(mema_Pool *pool, mema_Fixed *fixed, size_t size, size_t alignment) {
  (void)pool, (void)fixed, (void)size, (void)alignment;
  return 0;
}
size_t mema_outsideLargest(const mema_Pool *pool, mema_Fixed *fixed) {
  (void)pool, (void)fixed;
  return 0;
}
bool mema_outsideTake(mema_Pool *pool, mema_Fixed *fixed, size_t size, size_t alignment, mema_Chunk *chunk) {
  (void)pool, (void)fixed, (void)size, (void)alignment, (void)chunk;
  return false;
}
bool mema_outsideFind(const mema_Fixed *fixed, const void *ptr, mema_Chunk *chunk) {
  (void)fixed, (void)ptr, (void)chunk;
  return false;
}
void mema_outsideGive(mema_Fixed *fixed, const mema_Chunk *chunk) {
  (void)fixed, (void)chunk;
}
bool mema_outsideStretch(mema_Chunk *chunk, size_t size) {
  (void)chunk, (void)size;
  return false;
}
bool mema_outsideHolds(const mema_Fixed *fixed, const mema_Block *block) {
  (void)fixed, (void)block;
  return false;
}
void mema_outsideClose(mema_Fixed *fixed) {
  (void)fixed;
}
void mema_outsideStats(const mema_Fixed *fixed, mema_Stats *stats) {
  (void)fixed, (void)stats;
}
/* NOLINTNEXTLINE(readability-non-const-parameter): the hosted library writes them */
const char *mema_outsideCheck(const mema_Fixed *fixed, size_t *chunks, size_t *bytes) {
  (void)fixed, (void)chunks, (void)bytes;
  return NULL;
}

/* ---- the calls ------------------------------------------------------------------------------------------------------------- */

static mema_Fixed *open(const mema_Pool *pool) {
  mema_Fixed *fixed = mema_fixedOf(pool);
  if (fixed == NULL) mema_fail(MEMA_BAD_POOL);
  return fixed;
}

/* Like mema_isLivePool, for fixed pools. The shadow of the three words that mema_fixedOf reads is enough. */
static bool isLive(const mema_Pool *pool) {
  enum { looked = offsetof(mema_Pool, heap) + sizeof(void *) - offsetof(mema_Pool, seal) };
  uint8_t shadow[looked];
  bool lifted = mema_liftShadow(&pool->seal, shadow, looked), live = mema_fixedOf(pool) != NULL;
  if (lifted) mema_restoreShadow(&pool->seal, shadow, looked);
  return live;
}

bool mema_initPoolWith(mema_Pool *pool, const mema_Options *options) {
  if (pool == NULL || options == NULL) return mema_failFor(pool == NULL ? mema_poolIsNull : mema_optionsAreNull, 0, 0);
  if (isLive(pool)) return mema_failFor(mema_poolIsLive, 0, 0);
  if (options->engine != MEMA_FIXED) return mema_failFor(mema_engineIsNone, (unsigned)options->engine, 0);
  if (options->fallback) return mema_failFor(mema_noFallback, 0, 0);
  return mema_fixedJudge(options) &&
         mema_fixedInit(pool, options, atomic_fetch_add_explicit(&generations, 1, memory_order_relaxed) + 1);
}

bool mema_initPool(mema_Pool *pool, size_t poolSize) {
  (void)pool, (void)poolSize;
  return mema_failFor(mema_noBuffer, 0, 0);
}

bool mema_freePool(mema_Pool *pool) {
  mema_Fixed *fixed = open(pool);
  return fixed != NULL && mema_fixedFree(pool, fixed);
}

bool mema_resetPool(mema_Pool *pool) {
  mema_Fixed *fixed = open(pool);
  return fixed != NULL && mema_fixedReset(pool, fixed);
}

static bool canResize(const mema_Pool *pool, size_t poolSize) {
  if (open(pool) == NULL) return false;
  if (poolSize == 0) return mema_failFor(mema_poolSizeIsZero, 0, 0);
  return poolSize <= MEMA_UNLIMITED || mema_failFor(mema_sizeIsTooLarge, poolSize, MEMA_UNLIMITED);
}

bool mema_resizePool(mema_Pool *pool, size_t poolSize) {
  return canResize(pool, poolSize) && mema_fixedResize(pool, poolSize, false) != 0;
}

size_t mema_shrinkPool(mema_Pool *pool, size_t poolSize) {
  return canResize(pool, poolSize) ? mema_fixedResize(pool, poolSize, true) : 0;
}

size_t mema_largestChunk(const mema_Pool *pool) {
  mema_Fixed *fixed = mema_fixedOf(pool);
  return fixed != NULL ? mema_fixedLargest(pool, fixed) : 0;
}

size_t mema_trimPool(mema_Pool *pool) {
  if (pool != NULL) open(pool);
  return 0;
}

bool mema_chargePool(mema_Pool *pool, size_t bytes) {
  return open(pool) != NULL && mema_fixedCharge(pool, bytes);
}

bool mema_creditPool(mema_Pool *pool, size_t bytes) {
  return open(pool) != NULL && mema_fixedCredit(pool, bytes);
}

void *mema_palloc(mema_Pool *pool, size_t size) {
  mema_Fixed *fixed = open(pool);
  return fixed != NULL ? mema_fixedPalloc(pool, size, fixed) : NULL;
}

bool mema_pfree(mema_Pool *pool, void *ptr) {
  mema_Fixed *fixed = open(pool);
  return fixed != NULL && mema_fixedPfree(pool, ptr, fixed);
}

void *mema_pcalloc(mema_Pool *pool, size_t count, size_t size) {
  mema_Fixed *fixed = open(pool);
  return fixed != NULL ? mema_fixedPcalloc(pool, count, size, fixed) : NULL;
}

void *mema_repalloc(mema_Pool *pool, void *ptr, size_t size) {
  mema_Fixed *fixed = open(pool);
  return fixed != NULL ? mema_fixedRepalloc(pool, ptr, size, fixed) : NULL;
}

void *mema_pmemalign(mema_Pool *pool, size_t alignment, size_t size) {
  mema_Fixed *fixed = open(pool);
  return fixed != NULL ? mema_fixedPmemalign(pool, alignment, size, fixed) : NULL;
}

size_t mema_chunkSize(const mema_Pool *pool, const void *ptr) {
  mema_Fixed *fixed = mema_fixedOf(pool);
  return fixed != NULL ? mema_fixedChunkSize(fixed, ptr) : 0;
}

bool mema_ownsChunk(const mema_Pool *pool, const void *ptr) {
  return mema_chunkSize(pool, ptr) != 0;
}

size_t mema_freeSize(const mema_Pool *pool) {
  return mema_fixedOf(pool) != NULL ? pool->freeSize : 0;
}

bool mema_poolStats(const mema_Pool *pool, mema_Stats *stats) {
  const mema_Fixed *fixed = open(pool);
  if (fixed == NULL) return false;
  if (stats == NULL) return mema_failFor(mema_statsAreNull, 0, 0);
  mema_fixedStats(pool, fixed, stats);
  return true;
}

bool mema_checkPool(const mema_Pool *pool) {
  mema_Fixed *fixed = open(pool);
  return fixed != NULL && mema_fixedCheckPool(pool, fixed);
}

/* ---- strings ---------------------------------------------------------------------------------------------------------------- */

/* Returns a new chunk with n bytes of `source` and, if asked for, a terminator. */
static char *copy(mema_Pool *pool, const void *source, size_t n, size_t terminator) {
  mema_Fixed *fixed = open(pool);
  if (fixed == NULL) return NULL;
  if (source == NULL) {
    mema_refuseFor(pool, mema_sourceIsNull, 0, 0);
    return NULL;
  }
  char *chunk = mema_fixedPalloc(pool, n > MEMA_UNLIMITED ? n : n + terminator, fixed);
  if (chunk == NULL) return NULL;
  __builtin_memcpy(chunk, source, n);
  if (terminator != 0) chunk[n] = '\0';
  return chunk;
}

static size_t lengthOf(const char *s, size_t most) {
  size_t length = 0;
  while (length < most && s[length] != '\0') length++;
  return length;
}

char *mema_pstrdup(mema_Pool *pool, const char *s) {
  return copy(pool, s, s == NULL ? 0 : lengthOf(s, SIZE_MAX), 1);
}

char *mema_pstrndup(mema_Pool *pool, const char *s, size_t n) {
  return copy(pool, s, s == NULL ? 0 : lengthOf(s, n), 1);
}

void *mema_pmemdup(mema_Pool *pool, const void *source, size_t n) {
  return copy(pool, source, n, 0);
}
