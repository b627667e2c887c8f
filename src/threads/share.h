/* share.h - what the threads of a shared pool share, and what each has for itself.
 *
 *   share   one for each shared pool: its lock, its shards, its depot. The slab engine below, the Pool's own fields and the depot are
 *           touched under the lock only.
 *   shard   one for each thread that uses the pool: `credit`, bytes of the budget that it may hand out unasked, and for each size class a
 *           magazine of spare slots. Its thread works on it without lock, fence or atomic addition.
 *           It outlives its thread, for another (share.c). Slots that the thread freed in spans of other shards do not join its magazines, but
 *           `returns`, and go back (exchange.c).
 *   depot   spare slots between magazines, so that what one thread frees another allocates without going through bitmaps.
 *
 *           palloc                  pfree                     a magazine runs empty or full, credit runs out or over
 *             |                       |                         |
 *           shard: pop, state = live  shard: state -> 0, push   share (locked): depot <-> slab; poolSize, freeSize
 *
 * Every slot of the slab is at any time in one place: live, in one magazine, among the returns of a shard, in the depot, or free in the
 * slab's bitmap. A state byte tells whether it is live (slab.h). palloc writes it, since the slot is nobody else's; pfree claims the slot by
 * it (slotRef.h), and so decides which of two threads that free the same chunk is right.
 *
 * Budget, whenever no thread is inside:
 *     poolSize == pool->freeSize + the credit of all shards + charges of live chunks + charged bytes + what sub-pools hold
 *
 * Who keeps whom out. A thread that works on its shard says so in `busy`, then compares the shard's `key` with the pool's; whoever wants the
 * shards of others (to call in their credit, to flush them, to fork) takes the lock, calls them by a key of 0, and waits until none is busy. Each
 * writes one flag and reads the other's, which needs a full barrier on both sides (Dekker); here the rare side pays for both, by
 * mema_osBarrier (asymmetric, as in Dice, Huang and Yang, "Asymmetric Dekker synchronization", 2001). Where the system has none, shards
 * are called for ever, and each call takes the lock. A thread that finds itself called waits for the lock, never while busy.
 *
 * While the share is `tight`, the budget is nearly used up or somebody waits for it: then shards stay called, too, and have no credit. So what
 * is freed is the pool's at once, and those who wait hear of it; else a shard keeps what its thread freed until that comes by the lock, or it is
 * called in.
 *
 * A signal handler that interrupts its own thread while it is busy, or holds the lock, is refused (MEMA_REENTERED): it never waits. One that
 * interrupted a call to another pool may wait for other threads, but not for ever: their handlers may wait for this thread. After a fifth of a
 * second, or a little more, it is refused. The same goes for hooks, which are called with a pool's lock held.
 *
 * A fork has every lock, and all threads are out. But where it comes from a signal handler that interrupted its thread inside, the holder of a lock
 * may be waiting for just that thread: then the holder is kept where it waits, and the child has the lock in its place (fork.c). So whoever
 * waits for others to be out leaves nothing half done meanwhile. And two such handlers may wait for each other: after a fifth of a second, or a
 * little more, they fork even so.
 *
 * Memory of shares and shards is never unmapped: a late thread may look at its own, and finds that its generation is over. */
#ifndef MEMA_THREADS_SHARE_H
#define MEMA_THREADS_SHARE_H

#include "../pool/pool.h"
#include "calls.h"
#include "lock.h"

enum {
  mema_magazineSmall = 512,             /* bytes: slots up to here */
  mema_cacheMagazineMost = 128,         /* of them are in a magazine, */
  mema_magazineMore = 256,              /* or of larger ones, which are fewer to a span, */
  mema_cacheMagazineBytes = 192 * 1024, /* but of no more bytes than this, */
  mema_magazineLeast = 4,               /* except for the largest */
  mema_fillFirst = 8,                   /* slots of its first fill: many threads do not need many */
  mema_quotaMost = 4096 * 1024,         /* bytes lent at a time */
  mema_quotaLeast = 1024,               /* less is not worth it: the budget is nearly used up */
  mema_lowBudgetTurns = 256,            /* turns at least for which shards stay called once the budget is nearly used up */
  mema_tagCount = 256,                  /* of shards with spans of their own; 0 is nobody's */
  mema_orphansMost = 16,                /* shards of threads that ended, which are kept for others */
  mema_sentMost = 4,                    /* times that slots are sent back to a shard that does not come for any */
  mema_patience = 2048, /* atomic frees in own spans before a shard has its privileges back, for the first time */
  mema_graceAfter = 16, /* ranges of rows too young to be used again, before grace is waited for */
};

/* Bits of a tag beside those of the classes: no shard has it; nobody asks for slots of its spans. */
static const uint64_t mema_unused = UINT64_C(1) << 63, mema_nobodys = UINT64_C(1) << 62;

/* A stack of spare slots of one class. */
typedef struct mema_Magazine {
  mema_CachedSlot *top; /* the first unused place */
  mema_CachedSlot *bottom, *limit;
  uint32_t slotSize;
  uint16_t own;  /* the low 16 bits of the homes from which its thread frees by a plain store; 0: none (see slotRef.h) */
  uint8_t state; /* of its slots while they are live */
  uint8_t fill;  /* slots that it asks for the next time, while those are few; then 0 */
} mema_Magazine;

enum { mema_batches = 4 };

/* Bundles of spare slots of one class between magazines, each as many as half a magazine has, or less. */
typedef struct mema_Depot {
  mema_CachedSlot *cachedSlots; /* room for all bundles, side by side */
  uint32_t room;                /* slots of a bundle */
  uint32_t count;               /* of bundles */
  uint32_t held[mema_batches];
  uint8_t tags[mema_batches]; /* of the shards that they are for: see slotRef.h */
} mema_Depot;

/* What the holder of a lock does. */
typedef enum mema_Pause {
  mema_atWork,
  mema_waitsForOthers, /* to be out; it goes on when they are */
  mema_keptWaiting,    /* until a fork is over */
} mema_Pause;

typedef struct mema_Share mema_Share;
typedef struct mema_ThreadCache mema_ThreadCache;

struct mema_ThreadCache {
  _Alignas(64) _Atomic uint32_t busy; /* the owner is at work; written by the owner */
  /* mema_keyOf its pool; 0 while it is called: the holder of the lock wants it, or the pool is gone. */
  _Atomic uintptr_t key;
  size_t overLow; /* credit beyond the next, so that one subtraction tells whether there is enough, and no new low */
  _Atomic size_t lowQuota; /* the least since the lock was last held for this shard */
  size_t quotaMost;        /* more goes back to the pool, when the thread comes by the lock */
  size_t allocations, frees;
  /* By sub-pools, charged here; modulo the word's range, since others may have credited what this one charged. */
  size_t held;

  char *area; /* of the slab: copies, in lines that nobody writes */
  size_t quanta;
  const mema_MapEntry *pageMap;
  mema_State *states;
  const _Atomic uint64_t *revoked;
  mema_Share *share;
  uintptr_t generation; /* the pool's; 0 when the pool is gone */
  const mema_Pool *pool;
  uint8_t ownerId;
  uint32_t owner; /* the thread's number; 0: it ended, and another may have the shard */
  uint32_t epoch; /* the process's count of forks: the owner of an older one does not exist here */
  uint32_t cellIndex;
  uint32_t processor;              /* of an orphan: where its thread ended */
  uint32_t patience, patienceMost; /* atomic frees in spans of its tag, until it asks for its privileges: left, in all */
  uint64_t lost;                   /* classes whose privilege it lost, and may have had back since: see mema_regain */
  size_t told;                     /* the credit that it had when the gauge was last told: see gauge.c */
  uint32_t sentBack;               /* how often slots were sent back to it since it last came for some */
  mema_ThreadCache *next;          /* of the pool */
  mema_ThreadCache *nextOfThread;  /* the owner's next */

  _Alignas(64) mema_Magazine magazines[mema_classCount + 1]; /* by state, class + 1 */
  mema_Magazine returns[mema_classCount + 1];                /* freed here, in spans of other shards: they go back there */
  uint16_t offsets[mema_tableMax / 16 + 1];                  /* by (size + 15) / 16: bytes from the shard to the magazine */
  mema_CachedSlot cachedSlots[];
};

struct mema_Share {
  mema_Lock lock;
  _Atomic uint32_t freed; /* counts what waiting threads wait for */
  _Atomic uint32_t pause; /* a mema_Pause */
  uintptr_t generation;   /* of the pool that it serves; 0: none */
  mema_Pool *pool;
  mema_Slab *slab;
  mema_ThreadCache *caches; /* NULL in a tracked pool: there each call takes the lock */
  uint32_t cacheCount;
  uint32_t orphans; /* of them: their threads ended */
  uint32_t waiting; /* threads in mema_pallocWait */
  uint32_t turns;   /* taken while it is tight, and nobody waits */
  uint32_t cellIndex;
  mema_ThreadCache *inside; /* the shard of the lock's holder, which is busy meanwhile; NULL: it has none */
  bool keepsOut;            /* the lock's holder has called all shards */
  bool lowBudget;           /* all shards are called, until there is more budget, and nobody waits for it */
  bool skipped;             /* by the fork under way */
  bool takenOver;           /* by it: the lock's holder is kept waiting */
  bool crowded;             /* and some may be inside even so; */
  bool unfinished;          /* this is a child of such a fork: see mema_finishForked */
  bool borrowed;            /* a call between the handlers of a fork, which holds the lock */
  bool closely;             /* all shards are called, so that the gauge is told of each call */
  mema_Gauge *gauge;        /* told of each call that takes the lock; NULL: none is */
  size_t told;              /* the sum of the shards' */
  size_t toldUnits;         /* of the slabs, when the footprint was told; SIZE_MAX: it is to be told */
  mema_Share *next, *prev;  /* all that serve a pool: fork.c */
  mema_Depot depot[mema_classCount];
  _Atomic uint64_t revoked[mema_tagCount]; /* by tag: a bit for each class, and two more; all where no shard has the tag */
};

/* ---- share.c: lives ---------------------------------------------------------------------------------------------------- */

/* Lets threads share a pool that was just set up; false iff there is no memory. */
MEMA_HIDDEN bool mema_openShare(mema_Pool *pool, mema_Heap *heap);

/* Takes the lock of a shared pool, if it still is the one that it was when `slab` was looked up. False iff it is not (MEMA_BAD_POOL), or the
 * calling thread is inside already (MEMA_REENTERED); mema_lockPool notes the failure, mema_lockQuietly does not. */
MEMA_HIDDEN bool mema_lockPool(const mema_Pool *pool, mema_Heap *heap);
MEMA_HIDDEN bool mema_lockQuietly(const mema_Pool *pool, mema_Heap *heap);
/* The same, quietly, with a fifth of a second, or a little more, for it. */
MEMA_HIDDEN bool mema_lockSoon(const mema_Pool *pool, mema_Heap *heap);
/* Also ends mema_holdPool; nothing where the pool is not shared. */
MEMA_HIDDEN void mema_unlockPool(mema_Heap *heap);

/* A turn: the slab of a live pool, locked where threads share it. NULL, and the failure noted, iff the pool is not a live pool or
 * mema_lockPool fails. mema_unlockPool or mema_unlockAfterCall ends it. Only then may what the slab says of itself be gone by: without the lock, it
 * may serve another pool by now. */
MEMA_HIDDEN mema_Heap *mema_lockForCall(const mema_Pool *pool);
/* Those who wait for budget look again. */
MEMA_HIDDEN void mema_unlockAfterCall(mema_Heap *heap);

/* Whether the calling thread is inside a call to a shared pool already: it is a signal handler, or a hook. Another thread may be so, too, and wait
 * for this one: so it waits for nobody without end. */
MEMA_HIDDEN bool mema_isWithin(void);

/* For calls about a pool as a whole: locks it, keeps all threads out, and gathers in the Pool's fields what they count; with `slots`,
 * takes back all spare slots too, so that the slab's bitmaps tell the whole truth. mema_unlockPool ends it. NULL, and the
 * failure noted, iff the pool is not a live pool or the calling thread is inside. */
MEMA_HIDDEN mema_Heap *mema_holdPool(const mema_Pool *pool, bool slots);

/* The same without slots for a shared pool whose slab is known; notes no failure. */
MEMA_HIDDEN bool mema_holdQuietly(const mema_Pool *pool, mema_Heap *heap);

/* What the threads of a held pool hold besides slots: at most so many bytes. 0 where it is not shared. */
MEMA_HIDDEN size_t mema_shareBytes(const mema_Heap *heap);

/* Ends the sharing of a held pool, and unlocks it: who comes later finds the pool gone. */
MEMA_HIDDEN void mema_closeShare(mema_Heap *heap);

/* The calling thread's shard, made now if need be. NULL where the thread is ending, its end would not be noticed, it was interrupted while it
 * made one, or there is no memory. The lock is held. */
MEMA_HIDDEN mema_ThreadCache *mema_takeCache(mema_Share *share);

/* Gives what a shard holds back to its pool and takes it out of the pool's list. The lock is held, its owner is out or gone. */
MEMA_HIDDEN void mema_destroyCache(mema_Share *share, mema_ThreadCache *cache);
/* Takes back all that threads hold, their credit included. The lock is held. */
MEMA_HIDDEN void mema_revokeSlots(mema_Share *share);
/* The calling thread, of a child, has what it had before the fork. */
MEMA_HIDDEN void mema_keepOwn(void);

/* ---- exchange.c: between shards and the pool; the lock is held ----------------------------------------------------------- */

/* Asks the system for the barrier, in each process once. */
MEMA_HIDDEN void mema_prepareBarrier(void);
/* A shard's key when the lock's holder does not call. */
MEMA_HIDDEN uintptr_t mema_keyAtRest(const mema_ThreadCache *cache);
/* Calls all shards but the calling thread's, and waits until their owners are out. */
MEMA_HIDDEN void mema_quiesce(mema_Share *share);
/* The same; false, with nothing changed, where one of them stays inside for longer than a short while. */
MEMA_HIDDEN bool mema_tryQuiesce(mema_Share *share);
/* The same with a fifth of a second, or a little more, for it. */
MEMA_HIDDEN bool mema_quiesceLong(mema_Share *share);
/* For a fork of a handler that interrupted the lock's holder at whatever instruction: calls all others, whatever that has done of it, and waits for a
 * short while; false: one stays inside. mema_resumeAgain ends it. */
MEMA_HIDDEN bool mema_quiesceAgain(mema_Share *share);
MEMA_HIDDEN void mema_resumeAgain(mema_Share *share);
/* For one of a handler that interrupted the calling thread inside, without the lock: keeps the lock's holder where it waits for that, with all others
 * out, or, if it is `late`, wherever they are. False, with nothing changed, where that is not so. mema_letGoOn ends it. */
MEMA_HIDDEN bool mema_keepWaiting(mema_Share *share, bool late);
MEMA_HIDDEN void mema_letGoOn(mema_Share *share);
/* In the child: forgets what threads were in the middle of changing, who do not exist here. */
MEMA_HIDDEN void mema_forgetUnfinished(mema_Share *share);
/* In the child: the lock of a holder that was kept waiting is the calling thread's. */
MEMA_HIDDEN void mema_takeOver(mema_Share *share);
MEMA_HIDDEN void mema_resume(mema_Share *share);
/* Where the budget is nearly used up, or somebody waits for it, no thread comes in without the lock. All are kept out, and all credit was gathered. */
MEMA_HIDDEN void mema_enterLowBudget(mema_Share *share);
/* Ends that where there is budget again. */
MEMA_HIDDEN void mema_leaveLowBudget(mema_Share *share);
/* Ends the owner's privilege to free chunks of a class in spans of this tag by plain stores: see slotRef.h. With it go those that went before, and
 * came back. */
MEMA_HIDDEN void mema_revoke(mema_Share *share, uint8_t ownerId, unsigned class);
/* Gives all privileges back to a shard that has done without for long; each time it has to wait twice as long for the next. */
MEMA_HIDDEN void mema_regain(mema_Share *share, mema_ThreadCache *cache);
/* Finds a tag for a new shard, and gives it all privileges. */
MEMA_HIDDEN void mema_giveOwnerId(mema_Share *share, mema_ThreadCache *cache);
/* Gives a shard's credit and counts to the pool. */
MEMA_HIDDEN void mema_collect(mema_Share *share, mema_ThreadCache *cache);
/* Gives all spare slots of a shard back, to the depot while that has room. */
MEMA_HIDDEN void mema_flushCache(mema_Share *share, mema_ThreadCache *cache);
MEMA_HIDDEN void mema_emptyDepot(mema_Share *share);
/* Where the slab mema_slabHasGrown: spare slots of classes that have many free ones leave their magazines, and spans that are empty then are given
 * back. */
MEMA_HIDDEN void mema_releaseSparse(mema_Share *share);
/* Sends what is to return to other shards on its way. */
MEMA_HIDDEN void mema_sendBack(mema_Share *share, mema_ThreadCache *cache, unsigned class);
/* Makes room in a magazine that is full, or puts slots into one that is empty; the latter is false iff there is no memory. */
MEMA_HIDDEN void mema_flushHalf(mema_Share *share, mema_ThreadCache *cache, unsigned class);
MEMA_HIDDEN bool mema_fill(mema_Share *share, mema_ThreadCache *cache, unsigned class);
/* Sees to it that the budget can be charged `bytes` in pool->freeSize (shard NULL), or in the shard's credit. False iff it has no room. */
MEMA_HIDDEN bool mema_lend(mema_Share *share, mema_ThreadCache *cache, size_t bytes);
/* Charges, or credits, the pool itself, which has room for it. */
MEMA_HIDDEN void mema_chargeShare(mema_Share *share, size_t bytes);
MEMA_HIDDEN void mema_creditShare(mema_Share *share, size_t bytes);
/* Of all shards that may work without the lock: they may, or no longer. */
MEMA_HIDDEN void mema_renewKeys(mema_Share *share);
/* Notes the least that was free, and begins anew with a shard, whose thread is here, out, or ends: what others use later is not used at the same
 * time. */
MEMA_HIDDEN void mema_restartLow(mema_Share *share, mema_ThreadCache *cache);
/* Lets those that wait for budget look again. */
MEMA_HIDDEN void mema_wakeWaiting(mema_Share *share);
/* Takes back what a shard has too much of, and lets those that wait for budget look again. */
MEMA_HIDDEN void mema_trimQuota(mema_Share *share, mema_ThreadCache *cache);

/* ---- gauge.c ------------------------------------------------------------------------------------------------------------- */

/* Tells the share's gauge of what the calling thread did; the lock is held. A signal handler that forks may take the gauge off the share meanwhile. */
MEMA_HIDDEN void mema_tellGauge(mema_Share *share, mema_Gauge *gauge);
/* Tells it, if there is one, of a thread that ends: its shard stays for others, or was dissolved (NULL). The lock is held. */
MEMA_HIDDEN void mema_tellEnd(mema_Share *share, mema_ThreadCache *cache);

/* ---- fork.c -------------------------------------------------------------------------------------------------------------- */

MEMA_HIDDEN extern _Atomic uint32_t mema_forks; /* how often this process was forked off another */
/* The calling thread is between the first and the last handler of a fork of its own, and holds all locks. */
MEMA_HIDDEN bool mema_isForking(void);
/* Finds what mema_forgetUnfinished lost: slots, and budget. The lock is held. */
MEMA_HIDDEN void mema_finishForked(mema_Share *share);
/* Registers the handlers, once. */
MEMA_HIDDEN bool mema_watchForks(void);
/* Enters a share in the list of those that a fork must find at rest; false iff the calling thread was interrupted in here. */
MEMA_HIDDEN bool mema_listShare(mema_Share *share);
/* Whether a signal handler asks, and interrupted its thread in here. */
MEMA_HIDDEN bool mema_isInList(void);
/* The caller has seen that it did not. */
MEMA_HIDDEN void mema_unlistShare(mema_Share *share);

/* ---- shared.c: the calls of shared untracked pools ------------------------------------------------------------------------ */

/* palloc, pfree and repalloc of the pool whose shard the calling thread has entered: so it lives, threads share it, and it has no Blocks. */
MEMA_HIDDEN void *mema_takeHere(mema_Pool *pool, size_t size, mema_ThreadCache *cache);
MEMA_HIDDEN bool mema_giveHere(mema_Pool *pool, void *ptr, mema_ThreadCache *cache);
MEMA_HIDDEN void *mema_resizeHere(mema_Pool *pool, void *ptr, size_t size, mema_ThreadCache *cache);
/* The same of one whose lock is held, and which has shards; *zeroed: the chunk's bytes are known to be zero. */
MEMA_HIDDEN void *mema_sharedTake(mema_Heap *heap, size_t size, size_t alignment, bool *zeroed);
MEMA_HIDDEN bool mema_sharedGive(mema_Heap *heap, void *ptr);
MEMA_HIDDEN void *mema_sharedResize(mema_Heap *heap, void *ptr, size_t size);
/* Charges the pool for what a sub-pool comes to hold, or credits it, without the lock. False, with nothing changed: by the lock. */
MEMA_HIDDEN bool mema_sharedHold(mema_Pool *pool, size_t bytes);
MEMA_HIDDEN bool mema_sharedLetGo(mema_Pool *pool, size_t bytes);
/* The first with the lock held, false iff there is no room. */
MEMA_HIDDEN bool mema_sharedHoldLocked(mema_Share *share, size_t bytes);
/* A slot that is at hand; NULL says nothing. */
MEMA_HIDDEN void *mema_sharedAligned(mema_Pool *pool, size_t alignment, size_t size);

/* ---- in and out ---------------------------------------------------------------------------------------------------------- */

/* The calling thread's shard of the pool that it used last; NULL: there is none. (Why not a shard that nobody can enter: the library for
 * LD_PRELOAD asks before the loader has written any address.) */
MEMA_HIDDEN extern _Thread_local mema_ThreadCache *mema_cacheHere;
/* The calling thread's shard of a pool, which becomes mema_cacheHere; NULL: it has none. Callers go on with what this returns: a
 * signal handler may use another pool, and change mema_cacheHere, at any time. */
MEMA_HIDDEN mema_ThreadCache *mema_cacheOf(const mema_Pool *pool);

/* Whether a shard is of this pool, which lives, unless the shard is called (as all are whose pools are gone). */
static inline bool mema_isCacheOf(const mema_ThreadCache *cache, const mema_Pool *pool) {
  return cache->pool == pool && mema_loadWord(&cache->generation) == mema_loadWord(&pool->generation);
}

/* Bytes of the budget that a shard may hand out unasked. */
static inline size_t mema_quotaOf(const mema_ThreadCache *cache) {
  return atomic_load_explicit(&cache->lowQuota, memory_order_relaxed) + cache->overLow;
}

/* Whether threads have shards of the pool: otherwise each call takes the lock. Asked with the lock held. */
static inline bool mema_hasCaches(const mema_Heap *heap) {
  return heap->threads;
}

/* Tells a pool's life from all others, and from copies of the Pool: generations are scattered over all their range, so that two differ as two
 * addresses do only by chance, once in 2^57 times. */
static inline uintptr_t mema_keyOf(const mema_Pool *pool) {
  return (uintptr_t)pool + mema_loadWord(&pool->generation);
}

/* Of an atomic word, which is acquired if a signal fence follows. gcc does not compare those where they lie. */
#if defined(__x86_64__) && defined(__LP64__) && defined(__GCC_ASM_FLAG_OUTPUTS__) && !defined(__SANITIZE_THREAD__)
#define MEMA_DIFFERS(suffix, word, value)                                                     \
  __extension__({                                                                             \
    bool differs;                                                                             \
    __asm__ volatile("cmp" suffix " %2, %1" : "=@ccne"(differs) : "m"(*(word)), "qi"(value)); \
    differs;                                                                                  \
  })
#else
#define MEMA_DIFFERS(suffix, word, value) (atomic_load_explicit(word, memory_order_acquire) != (value))
#endif

/* False iff the calling thread, whose shard this is, must not go on: it was interrupted while busy, the shard is called, or it is not of this pool,
 * which is not NULL. That is asked inside: before, a signal handler may have come and given it up. */
static MEMA_INLINE bool mema_enter(mema_ThreadCache *cache, const mema_Pool *pool) {
  if (mema_unlikely(MEMA_DIFFERS("l", &cache->busy, 0))) return false;
  atomic_store_explicit(&cache->busy, 1, memory_order_relaxed);
  atomic_signal_fence(memory_order_seq_cst); /* mema_osBarrier of whoever calls makes it a barrier between processors */
  bool out = MEMA_DIFFERS("q", &cache->key, mema_keyOf(pool));
  atomic_signal_fence(memory_order_acquire);
  if (mema_likely(!out)) return true;
  atomic_store_explicit(&cache->busy, 0, memory_order_release);
  return false;
}

static inline void mema_leave(mema_ThreadCache *cache) {
  atomic_store_explicit(&cache->busy, 0, memory_order_release);
}

/* The calling thread's shard of the pool, entered, where it is that of the pool that the thread used last; else NULL. */
static MEMA_INLINE mema_ThreadCache *mema_enterHere(const mema_Pool *pool) {
  mema_ThreadCache *cache = mema_cacheHere;
  return mema_likely(cache != NULL && mema_enter(cache, pool)) ? cache : NULL;
}

/* The same of any of its pools. */
MEMA_HIDDEN mema_ThreadCache *mema_enterCache(const mema_Pool *pool);
static MEMA_INLINE mema_ThreadCache *mema_enterAny(const mema_Pool *pool) {
  mema_ThreadCache *cache = mema_enterHere(pool);
  return mema_likely(cache != NULL) ? cache : mema_enterCache(pool);
}

#endif
