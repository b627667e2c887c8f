/* mema_current.h - functions in the shape of malloc. They act on the pool that is current in the calling thread.
 *
 * They are for libraries whose allocator hooks take no context: libcurl, jansson, cJSON, expat, libxml2, GMP, libuv and
 * others. docs/hosts.md has a program for each.
 *
 *   #define MEMA_CURRENT_IMPLEMENTATION                    // in one source file of the program
 *   #include <mema_current.h>
 *
 *   json_set_alloc_funcs(mema_currentMalloc, mema_currentFree);
 *   mema_pushPool(&request);
 *   json_t *document = json_loads(text, 0, &error);        // charged to `request`
 *   mema_popPool(&request);
 *   json_decref(document);                                 // its chunks go back to `request`, whichever pool is current
 *
 * These rules hold:
 *   stack      Each thread has a stack of pools. The pool pushed last is its current one. Without one, the default pool of
 *              the process takes its place (mema_setDefaultPool).
 *   owners     A chunk is freed into its own pool. The pools of the thread's stack are asked first, from the top, then all
 *              others that this thread may use. The last step takes time that grows with the number of these pools.
 *   threads    A shared pool may be pushed by any thread, and any thread frees its chunks. A pool that is not shared
 *              belongs to the thread that pushed it last, until it ends or mema_forgetPool lets it go. Other threads free
 *              none of its chunks meanwhile. Another thread takes it over by mema_pushPool, while no thread uses it.
 *   the end    A pool may end while its chunks are live, or while it is current. Later calls refuse its chunks. The struct of a
 *              pool on the stack must stay in place until it is popped. The struct of a shared pool must stay in place
 *              until mema_forgetPool.
 *   errors     Calls return NULL or false, set errno, and change nothing; mema_currentError returns a sentence. Requests above
 *              the budget fail silently. All other failures are mistakes of the program, and MEMA_BAD_CALL runs.
 *   signals    A signal handler must not call these functions.
 *
 * The implementation needs the GNU extensions of gcc or clang, POSIX threads, and malloc for one record of 80 bytes per
 * live pool. It compiles as C11 and as C++11. */
#ifndef MEMA_CURRENT_H
#define MEMA_CURRENT_H

#include "mema.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes the pool the calling thread's current one. Returns false if
 *   pool is not a live pool                                   EINVAL
 *   pool is about to end (the caller is a clean-up of it)     EBUSY
 *   MEMA_CURRENT_DEPTH pools are on the stack                 EAGAIN
 *   malloc has no memory for the pool's record                ENOMEM
 * The first push adds a clean-up to a pool that is not shared. Constant on average. */
bool mema_pushPool(mema_Pool *pool);

/* Takes the current pool from the stack, also if it has ended. Returns false if
 *   pool is not the calling thread's current pool             EINVAL */
bool mema_popPool(mema_Pool *pool);

/* Returns the calling thread's current pool, or the default pool; NULL if there is neither. */
mema_Pool *mema_currentPool(void);

/* Sets the pool of all threads without a current one; NULL: none. Returns false in the cases of mema_pushPool, and if
 *   pool is not shared                                        EINVAL */
bool mema_setDefaultPool(mema_Pool *pool);

/* Forgets a pool: no later call looks at it, except through a stack that has it. Call this before the struct of a shared pool goes away,
 * and before another thread frees a pool that the calling thread has pushed. A pool that is not shared is forgotten when it ends. Returns
 * false if
 *   pool was never pushed, or is forgotten already            EINVAL */
bool mema_forgetPool(mema_Pool *pool);

/* As malloc, calloc, strdup, in the current pool. 0 bytes are a request for 1. */
void *mema_currentMalloc(size_t size) MEMA_ATTRIBUTE((malloc, alloc_size(1)));
void *mema_currentCalloc(size_t count, size_t size) MEMA_ATTRIBUTE((malloc, alloc_size(1, 2)));
char *mema_currentStrdup(const char *s) MEMA_ATTRIBUTE((malloc));

/* As realloc, in the pool that the chunk came from; NULL for ptr is a request in the current pool. Size 0 leaves a chunk of 1
 * byte. Shrinking never fails. A pointer that mema_currentFree would refuse gives NULL, EINVAL. */
void *mema_currentRealloc(void *ptr, size_t size) MEMA_ATTRIBUTE((alloc_size(2)));

/* As free, into the pool that the chunk came from. A pointer is refused, never dereferenced, and MEMA_BAD_CALL runs if no
 * pool that this thread may use has a live chunk that starts there. Nothing is lost by that: the thread that may use the
 * chunk's pool can still free it. */
void mema_currentFree(void *ptr);

/* As mema_currentFree, but returns false, EINVAL, where that calls MEMA_BAD_CALL. NULL: true. */
bool mema_currentRelease(void *ptr);

/* Returns mema_chunkSize of a chunk; 0 if mema_currentFree would refuse it. Sets no error. */
size_t mema_currentSize(const void *ptr);

/* Variants for hooks that give the old size and must not return NULL (GMP): memory that is refused ends the program, with one
 * line and abort. */
void *mema_currentMallocOrAbort(size_t size) MEMA_ATTRIBUTE((malloc, alloc_size(1)));
void *mema_currentReallocOrAbort(void *ptr, size_t oldSize, size_t size) MEMA_ATTRIBUTE((alloc_size(3)));
void mema_currentFreeSized(void *ptr, size_t size);

/* Returns why the calling thread's last failing call of this header failed; never NULL. Valid until the next call of it. */
const char *mema_currentError(void);

/* Makes a pool current for one block, which runs once: MEMA_WITH_POOL(&pool) { … }. The pool is popped however the block is left,
 * by break, goto or return too, but not by longjmp. If mema_pushPool fails, the block does not run, and MEMA_BAD_CALL runs. */
#define MEMA_WITH_POOL(pool)                                                                                          \
  for (mema_PoolScope MEMA_CURRENT_NAME(mema_scope_) __attribute__((cleanup(mema_endScope))) = mema_beginScope(pool); \
       mema_scopeRunsOnce(&MEMA_CURRENT_NAME(mema_scope_));)

/* ---- the macro's parts -------------------------------------------------------------------------------------------- */

typedef struct mema_PoolScope {
  mema_Pool *pool; /* NULL: it could not be pushed */
  bool began;
} mema_PoolScope;

#define MEMA_CURRENT_GLUE(a, b) a##b
#define MEMA_CURRENT_NAMED(name, line) MEMA_CURRENT_GLUE(name, line)
#define MEMA_CURRENT_NAME(name) MEMA_CURRENT_NAMED(name, __LINE__)

mema_PoolScope mema_beginScope(mema_Pool *pool);
void mema_endScope(mema_PoolScope *scope);

static inline bool mema_scopeRunsOnce(mema_PoolScope *scope) {
  bool runs = scope->pool != NULL && !scope->began;
  scope->began = true;
  return runs;
}

#ifdef __cplusplus
}

namespace mema {
/* Makes a pool current for a C++ scope. `if (scope)` tells whether mema_pushPool succeeded. */
class current {
 public:
  explicit current(mema_Pool *pool) noexcept : pool_(mema_pushPool(pool) ? pool : nullptr) {
  }
  current(const current &) = delete;
  current &operator=(const current &) = delete;
  ~current() {
    if (pool_ != nullptr) mema_popPool(pool_);
  }
  explicit operator bool() const noexcept {
    return pool_ != nullptr;
  }

 private:
  mema_Pool *pool_;
};
}  // namespace mema
#endif

/* ---- the implementation: in the source file that defines MEMA_CURRENT_IMPLEMENTATION ------------------------------- */

#ifdef MEMA_CURRENT_IMPLEMENTATION

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The most pools on the stack of one thread. */
#ifndef MEMA_CURRENT_DEPTH
#define MEMA_CURRENT_DEPTH 32
#endif

/* Runs if a call can only be a mistake: a bad free, or a request while no pool is current. The call is refused. */
#ifndef MEMA_BAD_CALL
#define MEMA_BAD_CALL(pointer, sentence) fprintf(stderr, "mema: %p: %s\n", pointer, sentence)
#endif

/* One known pool. Records are used again, and never given back, so a stale reference to one can be read: it is
 * of pool P if and only if its field `pool` is P. */
typedef struct mema_KnownPool {
  mema_Pool *pool; /* NULL: the record is free */
  uint64_t holder; /* the number of the thread that may use the pool; 0: any thread may, since it is shared */
  mema_Cleanup cleanup;
  struct mema_KnownPool *next; /* in the row of the hash table, or of free records */
} mema_KnownPool;

typedef struct mema_CurrentSlot {
  mema_Pool *pool;
  mema_KnownPool *known;
} mema_CurrentSlot;

typedef struct mema_CurrentThread {
  uint64_t number; /* 0: not drawn yet */
  unsigned depth;
  const char *error;
  mema_CurrentSlot slots[MEMA_CURRENT_DEPTH];
  mema_CurrentSlot recent; /* the pool that the last search found */
} mema_CurrentThread;

#define MEMA_KNOWN_ROWS 256
#define MEMA_KNOWN_FIRST 64 /* the records of the first block; each further block has twice as many */
#define MEMA_KNOWN_BLOCKS 26
#define MEMA_KNOWN_STEP 32 /* the pools that one step of a search looks at */

static __thread mema_CurrentThread mema_here;
static uint64_t mema_lastThread; /* the last number drawn */
static mema_Pool *mema_defaultPool;
/* Guards the fields below. No call of mema is made under it. */
static pthread_mutex_t mema_knownLock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t mema_knownOnce = PTHREAD_ONCE_INIT;
static mema_KnownPool *mema_knownRows[MEMA_KNOWN_ROWS];
static mema_KnownPool *mema_knownBlocks[MEMA_KNOWN_BLOCKS];
static mema_KnownPool *mema_knownFree;
static size_t mema_knownUsed; /* records that were ever used: the first ones of the blocks */

static void mema_lockKnown(void) {
  pthread_mutex_lock(&mema_knownLock);
}

static void mema_unlockKnown(void) {
  pthread_mutex_unlock(&mema_knownLock);
}

/* A child of fork finds the records at rest. */
static void mema_prepareKnown(void) {
  pthread_atfork(mema_lockKnown, mema_unlockKnown, mema_unlockKnown);
}

static uint64_t mema_threadNumber(void) {
  if (mema_here.number == 0) mema_here.number = __atomic_add_fetch(&mema_lastThread, 1, __ATOMIC_RELAXED);
  return mema_here.number;
}

/* Notes why a call failed. Returns false. */
static bool mema_currentFails(int number, const char *sentence) {
  mema_here.error = sentence;
  errno = number;
  return false;
}

/* As above, where a call of mema failed, and has set errno and its own sentence. */
static bool mema_currentFailsSo(void) {
  mema_here.error = NULL;
  return false;
}

/* Returns a chunk, or NULL with the failure noted. A pool that has ended is a mistake: a shared one, since others are noticed
 * before. */
static void *mema_currentChunk(void *chunk) {
  if (chunk != NULL) return chunk;
  mema_currentFailsSo();
  if (mema_lastError()->reason == MEMA_BAD_POOL) MEMA_BAD_CALL((void *)NULL, mema_lastError()->sentence);
  return NULL;
}

const char *mema_currentError(void) {
  return mema_here.error != NULL ? mema_here.error : mema_lastError()->sentence;
}

static bool mema_slotIsKnown(const mema_CurrentSlot *slot) {
  return slot->known != NULL && __atomic_load_n(&slot->known->pool, __ATOMIC_RELAXED) == slot->pool;
}

/* ---- records: the caller has the lock --------------------------------------------------------------------------------- */

static mema_KnownPool **mema_knownRow(const mema_Pool *pool) {
  return &mema_knownRows[((uintptr_t)pool >> 4 ^ (uintptr_t)pool >> 12) % MEMA_KNOWN_ROWS];
}

static mema_KnownPool *mema_lookUpKnown(const mema_Pool *pool) {
  mema_KnownPool *known = *mema_knownRow(pool);
  while (known != NULL && known->pool != pool) known = known->next;
  return known;
}

/* Returns the index of the block that has a record, by the record's index. Block b has MEMA_KNOWN_FIRST << b records. */
static unsigned mema_blockOfKnown(size_t index) {
  unsigned long long number = index / MEMA_KNOWN_FIRST + 1;
  return 63u - (unsigned)__builtin_clzll(number);
}

static mema_KnownPool *mema_knownAt(size_t index) {
  unsigned block = mema_blockOfKnown(index);
  return &mema_knownBlocks[block][index - MEMA_KNOWN_FIRST * (((size_t)1 << block) - 1)];
}

/* Returns a record that no pool uses, or NULL. */
static mema_KnownPool *mema_takeKnown(void) {
  mema_KnownPool *known = mema_knownFree;
  if (known != NULL) {
    mema_knownFree = known->next;
    return known;
  }
  unsigned block = mema_blockOfKnown(mema_knownUsed);
  if (block == MEMA_KNOWN_BLOCKS) return NULL;
  if (mema_knownBlocks[block] == NULL)
    mema_knownBlocks[block] = (mema_KnownPool *)calloc((size_t)MEMA_KNOWN_FIRST << block, sizeof(mema_KnownPool));
  return mema_knownBlocks[block] != NULL ? mema_knownAt(mema_knownUsed++) : NULL;
}

static void mema_dropKnown(mema_KnownPool *known) {
  mema_KnownPool **link = mema_knownRow(known->pool);
  while (*link != known) link = &(*link)->next;
  *link = known->next;
  __atomic_store_n(&known->pool, (mema_Pool *)NULL, __ATOMIC_RELAXED);
  known->next = mema_knownFree;
  mema_knownFree = known;
}

/* Returns the record of a pool, a new one if it has none, or NULL. Sets its holder. */
static mema_KnownPool *mema_findOrTakeKnown(mema_Pool *pool, uint64_t holder, bool *isNew) {
  mema_KnownPool *known = mema_lookUpKnown(pool);
  *isNew = known == NULL;
  if (known == NULL) {
    known = mema_takeKnown();
    if (known == NULL) return NULL;
    memset(&known->cleanup, 0, sizeof known->cleanup);
    __atomic_store_n(&known->pool, pool, __ATOMIC_RELAXED);
    known->next = *mema_knownRow(pool);
    *mema_knownRow(pool) = known;
  }
  *isNew |= known->holder == 0 && holder != 0; /* the struct of a shared pool has a pool of one thread now */
  __atomic_store_n(&known->holder, holder, __ATOMIC_RELAXED);
  return known;
}

/* ---- learning of pools, and forgetting them ---------------------------------------------------------------------------- */

/* The clean-up of a pool that is not shared: it ends, or is reset. */
static void mema_knownEnds(void *arg) {
  mema_lockKnown();
  mema_dropKnown((mema_KnownPool *)arg);
  mema_unlockKnown();
}

/* Makes this thread the holder of a pool that is known and not shared. Returns false if it is not. */
static bool mema_takeOver(mema_CurrentSlot *slot) {
  mema_lockKnown();
  mema_KnownPool *known = mema_lookUpKnown(slot->pool);
  bool taken = known != NULL && known->holder != 0;
  if (taken) {
    __atomic_store_n(&known->holder, mema_threadNumber(), __ATOMIC_RELAXED);
    slot->known = known;
  }
  mema_unlockKnown();
  return taken;
}

/* Makes a live pool known, with this thread as its holder if it is not shared. Fills in the slot. */
static bool mema_learn(mema_CurrentSlot *slot, mema_Pool *pool, bool *shared) {
  bool isNew;
  slot->pool = pool;
  *shared = mema_isShared(pool);
  if (!mema_chargePool(pool, 0)) return mema_currentFailsSo();
  if (!*shared && mema_takeOver(slot)) return true;
  pthread_once(&mema_knownOnce, mema_prepareKnown);
  mema_lockKnown();
  slot->known = mema_findOrTakeKnown(pool, *shared ? 0 : mema_threadNumber(), &isNew);
  mema_unlockKnown();
  if (slot->known == NULL) return mema_currentFails(ENOMEM, "malloc has no memory for the record of a pool");
  if (*shared || !isNew || mema_addCleanup(pool, &slot->known->cleanup, mema_knownEnds, slot->known, MEMA_AFTER_SUB_POOLS))
    return true;
  mema_knownEnds(slot->known); /* the pool is about to end */
  slot->known = NULL;
  return mema_currentFailsSo();
}

bool mema_forgetPool(mema_Pool *pool) {
  mema_Pool *expected = pool;
  mema_lockKnown();
  mema_KnownPool *known = mema_lookUpKnown(pool);
  bool watched = known != NULL && known->holder != 0;
  if (known != NULL && !watched) mema_dropKnown(known);
  mema_unlockKnown();
  if (known == NULL) return mema_currentFails(EINVAL, "the pool was never pushed, or is forgotten");
  if (watched) {
    mema_cancelCleanup(pool, &known->cleanup);
    mema_knownEnds(known);
  }
  __atomic_compare_exchange_n(&mema_defaultPool, &expected, (mema_Pool *)NULL, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
  return true;
}

/* ---- the stack ---------------------------------------------------------------------------------------------------------- */

bool mema_pushPool(mema_Pool *pool) {
  mema_CurrentThread *here = &mema_here;
  bool shared;
  if (here->depth == MEMA_CURRENT_DEPTH) return mema_currentFails(EAGAIN, "too many pools are on the stack of this thread");
  if (!mema_learn(&here->slots[here->depth], pool, &shared)) return false;
  here->depth++;
  return true;
}

bool mema_popPool(mema_Pool *pool) {
  mema_CurrentThread *here = &mema_here;
  if (here->depth == 0 || here->slots[here->depth - 1].pool != pool)
    return mema_currentFails(EINVAL, "the pool is not the current one of this thread");
  here->depth--;
  return true;
}

bool mema_setDefaultPool(mema_Pool *pool) {
  mema_CurrentSlot slot = {NULL, NULL};
  bool shared;
  if (pool != NULL && !mema_learn(&slot, pool, &shared)) return false;
  if (pool != NULL && !shared) return mema_currentFails(EINVAL, "the default pool is not shared");
  __atomic_store_n(&mema_defaultPool, pool, __ATOMIC_RELEASE);
  return true;
}

mema_Pool *mema_currentPool(void) {
  const mema_CurrentThread *here = &mema_here;
  return here->depth > 0 ? here->slots[here->depth - 1].pool : __atomic_load_n(&mema_defaultPool, __ATOMIC_ACQUIRE);
}

mema_PoolScope mema_beginScope(mema_Pool *pool) {
  mema_PoolScope scope = {pool, false};
  if (!mema_pushPool(pool)) {
    MEMA_BAD_CALL((void *)pool, mema_currentError());
    scope.pool = NULL;
  }
  return scope;
}

void mema_endScope(mema_PoolScope *scope) {
  if (scope->pool != NULL && !mema_popPool(scope->pool)) MEMA_BAD_CALL((void *)scope->pool, mema_currentError());
}

/* ---- memory --------------------------------------------------------------------------------------------------------------- */

/* Returns the current pool for a request; NULL if there is none. A pool that was reset is no longer known, and is learnt again. */
static mema_Pool *mema_poolForRequest(void) {
  mema_CurrentThread *here = &mema_here;
  bool shared;
  if (here->depth > 0) {
    mema_CurrentSlot *top = &here->slots[here->depth - 1];
    if (mema_slotIsKnown(top) || mema_learn(top, top->pool, &shared)) return top->pool;
  } else {
    mema_Pool *pool = __atomic_load_n(&mema_defaultPool, __ATOMIC_ACQUIRE);
    if (pool != NULL) return pool;
    mema_currentFails(EINVAL, "a request for memory, but no pool is current in this thread");
  }
  MEMA_BAD_CALL((void *)NULL, mema_currentError());
  return NULL;
}

/* Collects pools that this thread may use, from the record at *index on, and moves it past them. Returns their number; 0 at the end. */
static unsigned mema_collect(size_t *index, mema_CurrentSlot *found) {
  uint64_t number = mema_threadNumber();
  unsigned count = 0;
  mema_lockKnown();
  for (; *index < mema_knownUsed && count < MEMA_KNOWN_STEP; (*index)++) {
    mema_KnownPool *known = mema_knownAt(*index);
    if (known->pool == NULL || (known->holder != 0 && known->holder != number)) continue;
    found[count].pool = known->pool;
    found[count].known = known;
    count++;
  }
  mema_unlockKnown();
  return count;
}

/* Returns the pool of a live chunk among all that this thread may use, or NULL. */
static mema_Pool *mema_searchOwner(const void *ptr) {
  mema_CurrentSlot found[MEMA_KNOWN_STEP];
  size_t index = 0;
  unsigned count;
  while ((count = mema_collect(&index, found)) > 0) {
    for (unsigned i = 0; i < count; i++) {
      if (!mema_ownsChunk(found[i].pool, ptr)) continue;
      mema_here.recent = found[i];
      return found[i].pool;
    }
  }
  return NULL;
}

/* True if this thread may still use the pool that the last search found. */
static bool mema_mayUseRecent(const mema_CurrentSlot *recent) {
  if (!mema_slotIsKnown(recent)) return false;
  uint64_t holder = __atomic_load_n(&recent->known->holder, __ATOMIC_RELAXED);
  return holder == 0 || holder == mema_here.number;
}

/* Returns the pool of a live chunk, or NULL. */
static mema_Pool *mema_ownerOf(const void *ptr) {
  mema_CurrentThread *here = &mema_here;
  for (unsigned i = here->depth; i-- > 0;)
    if (mema_ownsChunk(here->slots[i].pool, ptr)) return here->slots[i].pool;
  if (mema_mayUseRecent(&here->recent) && mema_ownsChunk(here->recent.pool, ptr)) return here->recent.pool;
  return mema_searchOwner(ptr);
}

/* Notes that a pointer is refused; the current pool counts it. */
static bool mema_refusePointer(void *ptr) {
  mema_pfree(mema_currentPool(), ptr);
  return mema_currentFails(EINVAL, "not the start of a live chunk of a pool that this thread may use");
}

void *mema_currentMalloc(size_t size) {
  mema_Pool *pool = mema_poolForRequest();
  return pool != NULL ? mema_currentChunk(mema_palloc(pool, size)) : NULL;
}

void *mema_currentCalloc(size_t count, size_t size) {
  mema_Pool *pool = mema_poolForRequest();
  return pool != NULL ? mema_currentChunk(mema_pcalloc(pool, count, size)) : NULL;
}

char *mema_currentStrdup(const char *s) {
  mema_Pool *pool = mema_poolForRequest();
  return pool != NULL ? (char *)mema_currentChunk(mema_pstrdup(pool, s)) : NULL;
}

void *mema_currentRealloc(void *ptr, size_t size) {
  if (ptr == NULL) return mema_currentMalloc(size);
  mema_Pool *owner = mema_ownerOf(ptr);
  if (owner != NULL) return mema_currentChunk(mema_repalloc(owner, ptr, size));
  mema_refusePointer(ptr);
  MEMA_BAD_CALL(ptr, mema_currentError());
  return NULL;
}

bool mema_currentRelease(void *ptr) {
  if (ptr == NULL) return true;
  mema_Pool *owner = mema_ownerOf(ptr);
  return owner != NULL ? mema_pfree(owner, ptr) : mema_refusePointer(ptr);
}

void mema_currentFree(void *ptr) {
  if (!mema_currentRelease(ptr)) MEMA_BAD_CALL(ptr, mema_currentError());
}

size_t mema_currentSize(const void *ptr) {
  mema_Pool *owner = ptr != NULL ? mema_ownerOf(ptr) : NULL;
  return owner != NULL ? mema_chunkSize(owner, ptr) : 0;
}

static void *mema_chunkOrAbort(void *chunk, size_t size) {
  if (chunk != NULL) return chunk;
  fprintf(stderr, "mema: no memory for %zu bytes: %s\n", size, mema_currentError());
  abort();
}

void *mema_currentMallocOrAbort(size_t size) {
  return mema_chunkOrAbort(mema_currentMalloc(size), size);
}

void *mema_currentReallocOrAbort(void *ptr, size_t oldSize, size_t size) {
  (void)oldSize;
  return mema_chunkOrAbort(mema_currentRealloc(ptr, size), size);
}

void mema_currentFreeSized(void *ptr, size_t size) {
  (void)size;
  mema_currentFree(ptr);
}

#endif
#endif
