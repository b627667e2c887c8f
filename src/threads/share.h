/* share.h - the protocol of shared pools: the state that all threads share, the cache of each thread, and the rules
 * by which one thread stops the others.
 *
 * Parts
 *   share         One for each shared pool: its lock, its thread caches, its depot. The lock guards the slab below,
 *                 the fields of the Pool, and the depot.
 *   thread cache  One for each thread that uses the pool. It has a `quota`, the bytes of the budget that its thread may
 *                 use without the lock, and one magazine of cached slots for each size class. Its thread works on it
 *                 without lock, fence or atomic addition. A cache outlives its thread: another thread adopts it
 *                 (share.c). A slot that the thread frees in a span of another cache joins `returns`, not a magazine,
 *                 and goes back to that cache.
 *   inbox         One for each owner id and size class: batches of slots that other threads freed in spans of the owner
 *                 id. They put batches in, and the owner takes all at once, without the lock (returns.c).
 *   depot         Cached slots between magazines. A slot that one thread frees reaches another thread through the
 *                 depot, without a bitmap.
 *
 *           palloc                    pfree                        a magazine is empty or full, the quota too small or
 *             |                         |                          too large
 *             |                         |                            |
 *           cache: pop, state = live  cache: state -> 0, push      share (locked): depot <-> slab; poolSize, freeSize
 *
 * Invariants
 *   Each slot of the slab is at any time in exactly one place: live, in one magazine, in the returns of one cache, in
 *   one batch of returns, in the depot, or free in the slab's bitmap. A state byte says whether the slot is live (slab.h). palloc sets the byte
 *   by a plain store, since it owns the slot. pfree claims the slot by the byte (slotRef.h): if two threads free one
 *   chunk, exactly one of them succeeds.
 *
 *   Budget, whenever no thread is inside its cache:
 *     poolSize == pool->freeSize + quotas of all caches + charges of live chunks + charged bytes + bytes of sub-pools
 *
 * Entering a cache, and quiescing it
 *   A thread is inside its cache while `busy` is not 0. To enter, it sets `busy`, then compares the cache's `key` with the
 *   pool's. To use the caches of others (to collect their quotas, to flush them, to fork), a thread takes the lock, sets
 *   their keys to 0 and waits until no cache is busy. A cache with a key of 0 is quiesced. Its thread waits for the lock
 *   at its next call, and is not busy while it waits.
 *
 *   Each side writes one flag and reads the other's, so both sides need a full barrier (Dekker). The rare side pays for
 *   both, by mema_osBarrier (asymmetric, as in Dice, Huang and Yang, "Asymmetric Dekker synchronization", 2001). If the
 *   system has no such barrier, caches are always quiesced and each call takes the lock.
 *
 * Low budget
 *   A share is in low-budget mode (`lowBudget`) while its budget is nearly used up, or a thread waits for budget. In this
 *   mode all caches stay quiesced and keep no quota, so each free credits the pool at once and wakes the waiters. In the
 *   normal mode a cache keeps the bytes that its thread freed until the thread takes the lock, or the cache is quiesced.
 *
 * Signal handlers and hooks
 *   A handler is refused (MEMA_REENTERED) if it interrupted its own thread inside the cache or with the lock held: it
 *   never waits. A handler that interrupted a call to another pool waits for other threads, but not for ever, since their
 *   handlers may wait for this thread. It is refused after a fifth of a second, or a little more. The same rules hold for
 *   hooks, which the library calls with a pool's lock held.
 *
 * Forks (fork.c)
 *   A fork holds all locks, and all threads are out of their caches. There is one exception: the fork comes from a
 *   handler that interrupted its thread inside, and the holder of a lock waits for that thread. The fork then keeps the
 *   holder where it waits, and the child gets the lock in its place. A thread that waits for others to leave their
 *   caches therefore leaves no change half done. Two such handlers may wait for each other: after a fifth of a second,
 *   or a little more, they fork all the same.
 *
 * Memory
 *   The memory of shares and caches is never unmapped. A late thread may look at its own cache: it finds a generation
 *   that is no longer the pool's. */
#ifndef MEMA_THREADS_SHARE_H
#define MEMA_THREADS_SHARE_H

#include "../base/stack.h"
#include "../heap/slab/slab.h"
#include "../pool/pool.h"
#include "calls.h"
#include "hold.h"
#include "lock.h"

enum {
  mema_magazineSmall = 512,             /* bytes: the largest slot of a small magazine */
  mema_cacheMagazineMost = 128,         /* slots at most in a magazine of small slots, */
  mema_grownMagazineMost = 1024,        /* and in a grown one: magazine.c */
  mema_magazineMore = 256,              /* slots at most in other magazines: larger slots are fewer to a span */
  mema_cacheMagazineBytes = 192 * 1024, /* bytes at most in a magazine */
  mema_magazineLeast = 4,               /* slots at least in a magazine, whatever their bytes */
  mema_fillFirst = 8,                   /* slots of a magazine's first fill: many threads need few */
  mema_quotaMost = 4096 * 1024,         /* bytes of quota at most in one loan */
  mema_quotaLeast = 1024,               /* bytes of quota at least in one loan; below it the budget is low */
  mema_lowBudgetTurns = 256,            /* releases of the lock at least before low-budget mode ends */
  mema_tagCount = 256,                  /* owner ids; 0 belongs to no cache */
  mema_orphansMost = 16,                /* caches of ended threads that a share keeps */
  mema_sentMost = 4,                    /* returns of slots to a cache without a refill, before they stop */
  mema_patience = 2048,                 /* atomic frees in own spans before a cache first regains its privileges */
  mema_branches = 4,                    /* of a cache, in the tree of its thread */
  mema_returnsMost = 64,                /* slots at most in a batch of returns */
  mema_returnBatches = 128,             /* batches of returns of a share */
  mema_inboxMost = 8,                   /* batches at most in an inbox: more would wait for an owner that does not come */
  mema_fewCaches = 32,                  /* of a share, which is looked at as a whole now and then */
  mema_graceAfter = 16,                 /* ranges of state rows too young for reuse, before a grace period is awaited */
};

/* Two bits of `revoked` beside those of the classes. `mema_unused`: no cache has the owner id.
 * `mema_nobodys`: no cache asks for slots of the spans of the owner id. */
static const uint64_t mema_unused = UINT64_C(1) << 63, mema_nobodys = UINT64_C(1) << 62;

/* A stack of cached slots of one class. In returns `own` has the bits of entries whose slots may join it without a look
 * at `revoked`, and `fill` is 1 if they may be of several owner ids. */
typedef struct mema_Magazine {
  mema_CachedSlot *top; /* the first unused entry */
  mema_CachedSlot *bottom, *limit;
  uint32_t slotSize;
  uint16_t own;  /* the low 16 bits of page map entries whose slots its thread frees by a plain store; 0: none (slotRef.h) */
  uint8_t state; /* the state of its slots while they are live */
  uint8_t fill;  /* slots of the next fill, while the fills grow; then 0: half a magazine */
} mema_Magazine;

/* The counts that tell whether a magazine is to grow, and whether a grown one is used. */
typedef struct mema_Growth {
  uint32_t at;          /* the cache's clock when this last changed */
  uint16_t out;         /* slots that overflowed, */
  uint16_t again;       /* and those that were fetched soon after an overflow */
  uint16_t least, most; /* slots of a grown magazine at the looks of this window */
} mema_Growth;

enum { mema_batches = 4 };

/* Batches of cached slots of one class. A batch has at most half as many slots as a magazine. */
typedef struct mema_Depot {
  mema_CachedSlot *cachedSlots; /* room for all batches, side by side */
  uint32_t room;                /* slots for which a batch has room */
  uint32_t count;               /* batches */
  uint32_t held[mema_batches];
  uint8_t tags[mema_batches]; /* owner ids of the caches that the batches are for (slotRef.h) */
} mema_Depot;

/* Slots of one class that were freed by other threads than the one whose cache owns their spans, on their way to that
 * cache. */
typedef struct mema_ReturnBatch {
  mema_StackLink link; /* in one list: the unused batches, an inbox, or those that a cache keeps */
  uint32_t count;
  mema_CachedSlot cachedSlots[mema_returnsMost];
} mema_ReturnBatch;

/* The count of its batches << 8 | the number of the top one; 0: it is empty. */
typedef _Atomic uint16_t mema_Inbox;

/* The state of a lock's holder. */
typedef enum mema_Pause {
  mema_atWork,
  mema_waitsForOthers, /* the holder waits until other threads are out of their caches */
  mema_keptWaiting,    /* a fork keeps the holder waiting until the fork is done */
} mema_Pause;

typedef struct mema_ThreadCache mema_ThreadCache;

struct mema_ThreadCache {
  /* Not 0: the owner is inside (MEMA_SET_FRAME). Only the owner writes it, and the one thread of a forked child. */
  _Alignas(64) _Atomic uintptr_t busy;
  /* mema_keyOf of its pool. 0 while the cache is quiesced, and after the pool has ended. */
  _Atomic uintptr_t key;
  size_t overLow;            /* quota above lowQuota: one subtraction finds a lack of quota or a new minimum */
  _Atomic size_t lowQuota;   /* the minimum of the quota since its last change under the lock */
  uint32_t calls;            /* calls without the lock, counted down: see mema_countAllocation */
  int32_t callsBefore;       /* calls left when `calls` was last folded */
  size_t allocations, frees; /* without those in `calls` */
  /* Bytes of sub-pools charged here. The count is modulo the range of the word: other caches may have
   * credited bytes that this one charged. */
  size_t held;

  char *area; /* this and the next four: copies, in a cache line that no thread writes */
  size_t quanta;
  const mema_MapEntry *pageMap;
  mema_State *states;
  const _Atomic uint64_t *revoked;
  mema_Share *share;
  uintptr_t generation; /* the pool's; 0: the pool has ended */
  const mema_Pool *pool;
  uint8_t ownerId;
  uintptr_t owner; /* the thread's number; 0: the thread ended, and another may adopt the cache */
  uint32_t wasOut; /* the period (slab.h) in which its thread last took the lock */
  uint32_t epoch;  /* the count of forks (mema_forks): with an older count the owner does not exist in this process */
  uint32_t cellIndex;
  uint32_t processor;               /* of an orphan: the processor where its thread ended */
  uint32_t patience, patienceMost;  /* atomic frees in its spans before it regains its privileges: left, and in all */
  uint64_t lost;                    /* classes whose privilege it ever lost, even if regained since: see mema_regain */
  size_t quotaMost;                 /* the pool takes quota above this back when the thread takes the lock */
  size_t reported;                  /* the quota last reported to the gauge: see gauge.c */
  int32_t interval;                 /* calls between two calls of mema_onCalls; the thread's own */
  uint32_t sentBack;                /* returns of slots to it since its last fill */
  uint8_t arrived[mema_classCount]; /* by class: the first batch that it took from an inbox, and keeps; 0: none */
  mema_ThreadCache *next, *prev;    /* of the pool; a reader without the lock uses `next` alone */
  mema_ThreadCache *nextOfThread;   /* the next of the owner; this and the following: own.c */
  uint64_t path;
  mema_ThreadCache *branches[mema_branches];
  mema_ThreadCache *nextLeftOver, *nextInterrupted;
  bool isLeftOver, isInterrupted;

  uint32_t clock;          /* calls that were folded */
  uint32_t lookedAt;       /* the clock at the last look at its grown magazines; */
  uint32_t looks;          /* looks in this window */
  uint64_t grown;          /* classes whose magazines are larger than the ordinary ones */
  size_t grownBytes;       /* of the slots for which they have more room */
  mema_CachedSlot *larger; /* room for their entries; NULL: none */
  uint32_t largerIndex;    /* of its cell */
  mema_Growth growths[mema_classCount];

  _Alignas(64) mema_Magazine magazines[mema_classCount + 1]; /* indexed by state: class + 1 */
  mema_Magazine returns[mema_classCount + 1]; /* slots freed here in spans of other caches, on their way back */
  uint16_t offsets[mema_tableMax / 16 + 1];   /* indexed by (size + 15) / 16: bytes from the cache to the magazine */
  mema_CachedSlot cachedSlots[];
};

struct mema_Share {
  mema_Lock lock;
  _Atomic uint32_t freed; /* counts the frees that waiters wait for */
  _Atomic uint32_t pause; /* the state of the lock's holder: a mema_Pause */
  uintptr_t generation;   /* the generation of its pool; 0: it has none */
  mema_Pool *pool;
  mema_Slab *slab;
  mema_ThreadCache *caches; /* NULL in a tracked pool, where each call takes the lock */
  uint32_t cacheCount;
  uint32_t orphans; /* caches whose threads ended: orphan[0] and so on */
  uint32_t waiting; /* threads in mema_pallocWait */
  uint32_t turns;   /* lock releases in low-budget mode, without a waiter */
  uint32_t unnoted; /* changes of budget since the least was noted: budget.c */
  size_t rise;      /* and what the sum of all lows may have risen since then */
  uint32_t cellIndex;
  mema_ThreadCache *inside; /* the cache of the lock's holder, busy while the lock is held; NULL: none */
  _Atomic uintptr_t frame;  /* of the lock's holder: see MEMA_SET_FRAME */
  bool quiesced;            /* the lock's holder has quiesced all caches */
  bool lowBudget;           /* low-budget mode: all caches are quiesced */
  bool skipped;             /* the fork in progress skips this share */
  bool takenOver;           /* the fork in progress keeps the lock's holder waiting */
  bool crowded;             /* the fork in progress found threads inside */
  bool unfinished;          /* this process is the child of a crowded fork: see mema_finishForked */
  bool lost;                /* a change of the slab was left in the middle, for good: mema_adoptCopy, mema_sharedLeave */
  bool borrowed;            /* a call between the handlers of a fork uses the lock that the fork holds */
  bool closely;             /* all caches are quiesced, so that each call updates the gauge */
  mema_Gauge *gauge;        /* updated by each call that takes the lock; NULL: no gauge */
  size_t grownBytes;        /* the sum of those of all caches */
  size_t largerBytes;       /* pages of entries of grown magazines */
  size_t reported;          /* the sum of `reported` of all caches */
  size_t reportedHeld;      /* see putFigures: at the last update of the footprint; SIZE_MAX: update it */
  size_t outsideHeld;       /* the footprint of the slabs outside when they were last looked at */
  size_t unseenOutside;     /* updates since then */
  mema_Share *next, *prev;  /* the list of all shares that serve a pool: fork.c */
  mema_Depot depot[mema_classCount];
  mema_ThreadCache *orphan[mema_orphansMost];
  /* Indexed by the owner ids up to usedIds: its cache; NULL: none has it. owners[0] is NULL. */
  mema_ThreadCache *owners[mema_tagCount];
  uint32_t usedIds;    /* the owner ids 1..usedIds were given to caches of this pool */
  uint32_t madeCaches; /* since an owner id was last given a second time */
  /* Indexed by the owner ids up to usedIds: a bit for each class, mema_unused and mema_nobodys. All bits set: no cache
   * has the id. */
  _Atomic uint64_t revoked[mema_tagCount];
  mema_Inbox inboxes[mema_tagCount][mema_classCount];
  mema_Stack unusedBatches;
  _Atomic uint32_t madeBatches; /* batches that were ever used, numbered from 1, or more than there are */
  mema_ReturnBatch returnBatches[mema_returnBatches];
};

/* ---- share.c: lives ---------------------------------------------------------------------------------------------- */

/* As mema_lockPool, but notes no failure. */
MEMA_HIDDEN bool mema_lockQuietly(const mema_Pool *pool, mema_Heap *heap);
/* As mema_lockQuietly, but waits a fifth of a second, or a little more, at most. */
MEMA_HIDDEN bool mema_lockSoon(const mema_Pool *pool, mema_Heap *heap);
/* True if the calling thread is inside a call to a shared pool already: the caller is a signal handler or a
 * hook. It must not wait without limit, since another thread may be in such a call too, and wait for this
 * one. */
MEMA_HIDDEN bool mema_isWithin(void);

/* Returns the cache of the calling thread, and makes it if need be. The lock is held. NULL if the thread is
 * ending, if its end would not be noticed, if a handler interrupted it while it made a cache, or if there is
 * no memory. */
MEMA_HIDDEN mema_ThreadCache *mema_takeCache(mema_Share *share);

/* Gives the contents of a cache back to its pool, and removes it from the pool's list. The lock is held; the
 * owner is out of the cache, or has ended. */
MEMA_HIDDEN void mema_destroyCache(mema_Share *share, mema_ThreadCache *cache);
/* Takes all slots and quotas back from the thread caches. The lock is held. */
MEMA_HIDDEN void mema_revokeSlots(mema_Share *share);
/* In the child of a fork: keeps the caches of the calling thread its own. */
MEMA_HIDDEN void mema_keepOwn(void);

/* ---- exchange.c: between thread caches and the pool; the lock is held -------------------------------------------- */

/* True if the owner of a cache exists, and is not the calling thread. */
MEMA_HIDDEN bool mema_isOthers(const mema_ThreadCache *cache);
/* Asks the system for the barrier, once in each process. */
MEMA_HIDDEN void mema_prepareBarrier(void);
/* Returns the key of a cache while no holder of the lock quiesces it. */
MEMA_HIDDEN uintptr_t mema_keyAtRest(const mema_ThreadCache *cache);
/* Quiesces all caches but the calling thread's: sets their keys to 0, and waits until their owners are out. */
MEMA_HIDDEN void mema_quiesce(mema_Share *share);
/* As mema_quiesce, but gives up after a short while: false, with nothing changed, if an owner stays inside. */
MEMA_HIDDEN bool mema_tryQuiesce(mema_Share *share);
/* As mema_tryQuiesce, but gives up after a fifth of a second, or a little more. */
MEMA_HIDDEN bool mema_quiesceLong(mema_Share *share);
/* Quiesces all other caches for a fork whose handler interrupted the lock's holder at any instruction. It
 * does not rely on any step of an interrupted mema_quiesce, and waits for a short while. False if an owner
 * stays inside. mema_resumeAgain ends it. */
MEMA_HIDDEN bool mema_quiesceAgain(mema_Share *share);
MEMA_HIDDEN void mema_resumeAgain(mema_Share *share);
/* Keeps the lock's holder waiting, for a fork whose handler interrupted the calling thread inside its cache,
 * without the lock. All other threads are out; with `late` they may be anywhere. False, with nothing changed,
 * if the holder does not wait for others, if the calling thread is not inside, or if another thread is.
 * mema_letGoOn ends it. */
MEMA_HIDDEN bool mema_keepWaiting(mema_Share *share, bool late);
MEMA_HIDDEN void mema_letGoOn(mema_Share *share);
/* Drops the unfinished change of a cache whose thread does not exist here, or has left its call for good. */
MEMA_HIDDEN void mema_forgetChange(mema_Share *share, mema_ThreadCache *cache);
/* In the child: drops the unfinished changes of threads that do not exist here. */
MEMA_HIDDEN void mema_forgetUnfinished(mema_Share *share);
/* In the child: makes the calling thread the holder of a lock whose holder was kept waiting. */
MEMA_HIDDEN void mema_takeOver(mema_Share *share);
MEMA_HIDDEN void mema_resume(mema_Share *share);
/* Ends the owner's privilege to free chunks of one class in its spans by plain stores: see slotRef.h. If the
 * owner lost this class before and regained it, all classes it ever lost go too. With many caches all classes go. */
MEMA_HIDDEN void mema_revoke(mema_Share *share, uint8_t ownerId, unsigned class);
/* Gives all privileges back to a cache that did without them for many frees. Each time, the number of frees
 * until the next time doubles. */
MEMA_HIDDEN void mema_regain(mema_Share *share, mema_ThreadCache *cache);
/* Finds an owner id for a new cache, and gives the cache all privileges. The owner id is 0, without
 * privileges, if none is unused, or if each call takes the lock since there is no barrier. */
MEMA_HIDDEN void mema_giveOwnerId(mema_Share *share, mema_ThreadCache *cache);
/* Takes all cached slots out of a cache: into the depot while that has room, then into the slab. */
MEMA_HIDDEN void mema_flushCache(mema_Share *share, mema_ThreadCache *cache);
MEMA_HIDDEN void mema_emptyDepot(mema_Share *share);
/* Called if mema_slabHasGrown. Flushes the cached slots of classes with many free slots, and gives their
 * empty spans back. */
MEMA_HIDDEN void mema_releaseSparse(mema_Share *share);
/* Puts slots into the depot, for the cache with that owner id. Slots without room there go back to the slab. */
MEMA_HIDDEN void mema_putAway(mema_Share *share, unsigned class, const mema_CachedSlot *cachedSlots, uint32_t count,
                              uint8_t ownerId);
/* Sends the returns of one class to the depot, for the caches that own their spans. */
MEMA_HIDDEN void mema_sendBack(mema_Share *share, mema_ThreadCache *cache, unsigned class);
/* Sends the slots that were put into a magazine first to the depot. */
MEMA_HIDDEN void mema_flushOlder(mema_Share *share, mema_ThreadCache *cache, unsigned class, uint32_t count);
/* mema_relieve makes room in a full magazine. mema_fill puts slots into an empty magazine; false iff there
 * is no memory. */
MEMA_HIDDEN void mema_relieve(mema_Share *share, mema_ThreadCache *cache, unsigned class);
MEMA_HIDDEN bool mema_fill(mema_Share *share, mema_ThreadCache *cache, unsigned class);

/* ---- magazine.c: the room of magazines; the lock is held ---------------------------------------------------------- */

/* Decides on the sizes of all rooms. Called once, before any other function here. */
MEMA_HIDDEN void mema_layRooms(void);
/* The bytes of a thread cache, its ordinary magazines included. */
MEMA_HIDDEN size_t mema_cacheBytes(void);
/* The slots of a batch for the depot: half an ordinary magazine. */
MEMA_HIDDEN uint32_t mema_batchRoom(unsigned class);
/* Makes all magazines and returns of a new cache empty. */
MEMA_HIDDEN void mema_layMagazines(mema_ThreadCache *cache);
/* Note that slots overflowed a magazine; or came to an empty one from the depot or the slab. */
MEMA_HIDDEN void mema_noteOverflow(mema_ThreadCache *cache, unsigned class, uint32_t count);
MEMA_HIDDEN void mema_noteFetch(mema_ThreadCache *cache, unsigned class, uint32_t count);
/* Lets a full magazine grow, if its slots were fetched soon after they overflowed. False, with nothing changed, if not. */
MEMA_HIDDEN bool mema_growMagazine(mema_Share *share, mema_ThreadCache *cache, unsigned class);
/* Brings one magazine, or all of a cache, back to the ordinary room. Slots that do not fit go to the depot. */
MEMA_HIDDEN void mema_shrinkMagazine(mema_Share *share, mema_ThreadCache *cache, unsigned class);
MEMA_HIDDEN void mema_shrinkMagazines(mema_Share *share, mema_ThreadCache *cache);
/* Empties all magazines of a cache, one of which may be half changed. */
MEMA_HIDDEN void mema_forgetMagazines(mema_Share *share, mema_ThreadCache *cache);
/* Drops the grown magazines of a pool that ends, with their slots. */
MEMA_HIDDEN void mema_dropMagazines(mema_ThreadCache *cache);
/* mema_isLookDue is true if it is time for mema_lookAtMagazines, which takes room from grown magazines that are not used.
 * mema_isLookDue does not need the lock. */
MEMA_HIDDEN bool mema_isLookDue(const mema_ThreadCache *cache);
MEMA_HIDDEN void mema_lookAtMagazines(mema_Share *share, mema_ThreadCache *cache);

/* ---- returns.c: from the thread that frees a slot to the cache that owns it -------------------------------------- */

/* True if any slot was ever returned in a batch. */
static inline bool mema_hasReturns(const mema_Share *share) {
  return atomic_load_explicit(&share->madeBatches, memory_order_relaxed) != 0;
}
/* The next three are called by the cache's thread, from inside it, with the lock or without. */
/* Puts the returns of one class into the inboxes of their owners. False, with the others gone, if some are left: an
 * owner asks for none, its inbox is full, or no batch is unused. */
MEMA_HIDDEN bool mema_mailReturns(mema_ThreadCache *cache, unsigned class);
/* Takes slots of one class that other threads returned, if the magazine is empty. True if it has a slot now. */
MEMA_HIDDEN bool mema_takeReturns(mema_ThreadCache *cache, unsigned class);
/* Moves the last slots of the returns that are of one owner id to the end, and returns the first of them. */
MEMA_HIDDEN mema_CachedSlot *mema_lastReturns(const mema_ThreadCache *cache, const mema_Magazine *returns);
/* The next five need the lock. */
/* True if the inbox is full. It then is emptied into the depot. */
MEMA_HIDDEN bool mema_clearFullInbox(mema_Share *share, uint8_t ownerId, unsigned class);
/* If no batch is unused: moves what caches that ask for none, or have no thread, hold in batches to the depot. */
MEMA_HIDDEN void mema_provideBatches(mema_Share *share);
/* Moves what is in the inboxes of an owner id to the depot. */
MEMA_HIDDEN void mema_clearInboxes(mema_Share *share, uint8_t ownerId);
/* Moves the batches that a cache keeps to the depot. The calling thread is its owner, or its owner is out. */
MEMA_HIDDEN void mema_clearArrivals(mema_Share *share, mema_ThreadCache *cache);
/* Begins with empty inboxes and unused batches. All threads are out, and no cache keeps a batch. */
MEMA_HIDDEN void mema_resetReturns(mema_Share *share);

/* ---- budget.c: quotas; the lock is held -------------------------------------------------------------------------- */

/* Begins low-budget mode if the budget is nearly used up or a thread waits for budget: no thread then enters
 * its cache without the lock. All threads are quiesced, and their quotas were collected. */
MEMA_HIDDEN void mema_enterLowBudget(mema_Share *share);
/* Ends low-budget mode if there is budget again. */
MEMA_HIDDEN void mema_leaveLowBudget(mema_Share *share);
/* In low-budget mode: gives the quota of the lock's holder back to the pool. */
MEMA_HIDDEN void mema_returnQuota(mema_Share *share);
/* Moves the quota and counts of a cache to the pool. */
MEMA_HIDDEN void mema_collect(mema_Share *share, mema_ThreadCache *cache);
/* As mema_collect, for all caches, which are quiesced. Linear in the caches. */
MEMA_HIDDEN void mema_collectAll(mema_Share *share);
/* Makes sure that `bytes` can be charged to pool->freeSize (cache NULL), or to the cache's quota. False iff
 * the budget has no room. */
MEMA_HIDDEN bool mema_lend(mema_Share *share, mema_ThreadCache *cache, size_t bytes);
/* Charge or credit the pool itself. A charge needs room in pool->freeSize. */
MEMA_HIDDEN void mema_chargeShare(mema_Share *share, size_t bytes);
MEMA_HIDDEN void mema_creditShare(mema_Share *share, size_t bytes);
/* Sets the keys of all caches again, after a change of mode: their threads may now enter, or no longer. */
MEMA_HIDDEN void mema_renewKeys(mema_Share *share);
/* Begins a new minimum for one cache, if it is time to note the minimum of free budget (budget.c). The cache's thread
 * calls this, is out, or ends. So budget that threads used at different times is not added up. */
MEMA_HIDDEN void mema_restartLow(mema_Share *share, mema_ThreadCache *cache);
/* Takes surplus quota back from a cache, and wakes the threads that wait for budget. */
MEMA_HIDDEN void mema_trimQuota(mema_Share *share, mema_ThreadCache *cache);

/* ---- gauge.c ----------------------------------------------------------------------------------------------------- */

/* Updates the share's gauge with the calling thread's counts. The lock is held. The gauge is an argument,
 * since a signal handler that forks may take it off the share meanwhile. */
MEMA_HIDDEN void mema_tellGauge(mema_Share *share, mema_Gauge *gauge);
/* Updates the gauge, if there is one, at the end of a thread. `cache` is the one kept for others; NULL: it
 * was destroyed. The lock is held. */
MEMA_HIDDEN void mema_tellEnd(mema_Share *share, mema_ThreadCache *cache);

/* ---- fork.c ------------------------------------------------------------------------------------------------------ */

MEMA_HIDDEN extern _Atomic uint32_t mema_forks; /* the number of forks between the first process and this one */
/* True if the calling thread is between the first and the last handler of a fork of its own, and holds all
 * locks. */
MEMA_HIDDEN bool mema_isForking(void);
/* Recovers the slots and the budget that mema_forgetUnfinished lost. The lock is held. */
MEMA_HIDDEN void mema_finishForked(mema_Share *share);
/* True if this process is a copy that no fork handler has announced: a child of a raw clone or of _Fork. */
MEMA_HIDDEN bool mema_isCopy(void);
/* Makes the shared pools usable in such a copy. A pool is lost, and refuses each call (MEMA_REENTERED), if another thread
 * was in the middle of a change of its slab when the copy was made. */
MEMA_HIDDEN void mema_adoptCopy(void);
/* Registers the fork handlers. Called once. */
MEMA_HIDDEN bool mema_watchForks(void);
/* Adds a share to the list that a fork goes through. False iff the caller is a signal handler that
 * interrupted a change of the list. */
MEMA_HIDDEN bool mema_listShare(mema_Share *share);
/* True if the caller is a signal handler that interrupted a change of the list. */
MEMA_HIDDEN bool mema_isInList(void);
/* Removes a share from the list. Requires that mema_isInList is false. */
MEMA_HIDDEN void mema_unlistShare(mema_Share *share);

/* ---- shared.c: the calls of shared untracked pools --------------------------------------------------------------- */

/* palloc, pfree and repalloc, from inside the calling thread's cache, which they leave. So the pool is live,
 * shared and untracked. */
MEMA_HIDDEN void *mema_takeHere(mema_Pool *pool, size_t size, mema_ThreadCache *cache);
MEMA_HIDDEN bool mema_giveHere(mema_Pool *pool, void *ptr, mema_ThreadCache *cache);
/* pfree by compare-and-exchange, from inside the cache, which it leaves. The span has another owner id; or it has the
 * cache's, and the privilege of the class was revoked, or the cache has no owner id. */
MEMA_HIDDEN bool mema_giveAtomic(mema_Pool *pool, void *ptr, mema_ThreadCache *cache, mema_State *state, uint16_t entryBits);
MEMA_HIDDEN void *mema_resizeHere(mema_Pool *pool, void *ptr, size_t size, mema_ThreadCache *cache);
/* palloc, pfree and repalloc of a pool with thread caches, under its lock. *zeroed: the bytes of the chunk
 * are known to be 0. */
MEMA_HIDDEN void *mema_sharedTake(mema_Heap *heap, size_t size, size_t alignment, bool *zeroed);
MEMA_HIDDEN bool mema_sharedGive(mema_Heap *heap, void *ptr);
MEMA_HIDDEN void *mema_sharedResize(mema_Heap *heap, void *ptr, size_t size);
/* Charge or credit the pool with bytes of a sub-pool, without the lock. False, with nothing changed: do it
 * under the lock. */
MEMA_HIDDEN bool mema_sharedHold(mema_Pool *pool, size_t bytes);
MEMA_HIDDEN bool mema_sharedLetGo(mema_Pool *pool, size_t bytes);
/* As mema_sharedHold, with the lock held. False iff the budget has no room. */
MEMA_HIDDEN bool mema_sharedHoldLocked(mema_Share *share, size_t bytes);
/* Takes a slot from the calling thread's magazine. NULL is no failure: try under the lock. */
MEMA_HIDDEN void *mema_sharedAligned(mema_Pool *pool, size_t alignment, size_t size);

/* ---- entering and leaving a cache -------------------------------------------------------------------------------- */

/* The calling thread's cache of the pool it used last; NULL: none. (The initial value is NULL, not the
 * address of a cache that no thread can enter, since the preload library reads it before the loader has
 * written any address.) */
MEMA_HIDDEN extern _Thread_local mema_ThreadCache *mema_cacheHere;
/* As mema_cacheHere, but with mema_noCache, which is always busy, in place of NULL. A caller that knows that the loader is
 * done need not test it. */
MEMA_HIDDEN extern _Thread_local mema_ThreadCache *mema_cacheAtHand;
MEMA_HIDDEN extern const uintptr_t mema_noCache[8];
/* Returns the calling thread's cache of a pool, and makes it mema_cacheHere. NULL: it has none. Callers go on
 * with the result, not with mema_cacheHere: a signal handler may use another pool, and change that, at any
 * time. */
MEMA_HIDDEN mema_ThreadCache *mema_cacheOf(const mema_Pool *pool);

/* True if the cache belongs to this pool. The pool is live, unless the cache is quiesced, as all caches of
 * ended pools are. */
static inline bool mema_isCacheOf(const mema_ThreadCache *cache, const mema_Pool *pool) {
  return cache->pool == pool && mema_loadWord(&cache->generation) == mema_loadWord(&pool->generation);
}

/* ---- counts of calls ---------------------------------------------------------------------------------------------
 * A call without the lock changes one word. Its upper half is the number of calls that are left until mema_onCalls is
 * called, its lower half the number of frees since the word was last folded. Folding adds what the word has counted to
 * `allocations` and `frees`. The word is below 0 once no call is left, or if a signal handler set its sign. */
enum { mema_oneCall = 1 << 16, mema_callsMost = 1 << 14 };
static const uint32_t mema_callSoon = UINT32_C(1) << 31;

/* Called outside of the cache each time that the thread's calls have run out. NULL: nothing is. Set once, by the preload
 * library. */
MEMA_HIDDEN extern void (*mema_onCalls)(void);

/* Count a call. True if none is left: mema_callsOut follows. */
static MEMA_INLINE bool mema_countAllocation(mema_ThreadCache *cache) {
  return (int32_t)(cache->calls -= mema_oneCall) < 0;
}
static MEMA_INLINE bool mema_countFree(mema_ThreadCache *cache) {
  return (int32_t)(cache->calls -= mema_oneCall - 1) < 0;
}

/* Counts an allocation and a free. */
static MEMA_INLINE bool mema_countMove(mema_ThreadCache *cache) {
  return (int32_t)(cache->calls -= 2 * mema_oneCall - 1) < 0;
}

static MEMA_INLINE bool mema_hasCallsLeft(const mema_ThreadCache *cache) {
  return (int32_t)cache->calls >= 0;
}

/* Calls are left as a number of 15 bits, beside the sign: at most mema_callsMost, or a few less than none. */
static inline int32_t mema_callsLeft(const mema_ThreadCache *cache) {
  int32_t left = (int32_t)(cache->calls >> 16 & 0x7fff);
  return left > mema_callsMost ? left - 0x8000 : left;
}

/* Folds the word; its sign stays. By the thread itself inside the cache, or while the thread is out. */
static inline void mema_foldCalls(mema_ThreadCache *cache) {
  int32_t left = mema_callsLeft(cache);
  uint32_t frees = cache->calls & (mema_oneCall - 1);
  cache->allocations += (uint32_t)(cache->callsBefore - left) - frees;
  cache->frees += frees;
  cache->clock += (uint32_t)(cache->callsBefore - left);
  cache->callsBefore = left;
  cache->calls -= frees; /* one instruction where a signal handler may set the sign */
}

/* Folds the word, and lets a number of calls follow until the next call of mema_onCalls. */
static inline void mema_renewCalls(mema_ThreadCache *cache) {
  mema_foldCalls(cache);
  cache->callsBefore = cache->interval - 1;
  cache->calls = (uint32_t)cache->callsBefore * mema_oneCall;
}

/* End a call that was the last one left: leave the cache, and call mema_onCalls. Return ptr, or true, for tail calls. */
MEMA_HIDDEN void *mema_callsOut(mema_ThreadCache *cache, void *ptr) __attribute__((returns_nonnull));
MEMA_HIDDEN bool mema_freesOut(mema_ThreadCache *cache);

/* Returns the bytes of the budget that a thread may use without the lock. */
static inline size_t mema_quotaOf(const mema_ThreadCache *cache) {
  return atomic_load_explicit(&cache->lowQuota, memory_order_relaxed) + cache->overLow;
}

/* Returns a number that differs between lives of pools, and between a Pool and its copies. Generations are
 * scattered over all their range, so two keys are equal only by chance, once in 2^57 times. */
static inline uintptr_t mema_keyOf(const mema_Pool *pool) {
  return (uintptr_t)pool + mema_loadWord(&pool->generation);
}

/* Compares an atomic word in memory; with a signal fence behind it, the load is an acquire. gcc would load
 * the word into a register first. */
#if MEMA_X86_64 && defined(__GCC_ASM_FLAG_OUTPUTS__) && !defined(MEMA_THREAD_SANITIZED)
#define MEMA_DIFFERS(suffix, word, value)                                                     \
  __extension__({                                                                             \
    bool differs;                                                                             \
    __asm__ volatile("cmp" suffix " %2, %1" : "=@ccne"(differs) : "m"(*(word)), "qi"(value)); \
    differs;                                                                                  \
  })
#else
#define MEMA_DIFFERS(suffix, word, value) (atomic_load_explicit(word, memory_order_acquire) != (value))
#endif

/* Sets a word to the thread's stack pointer where that takes one instruction, else to 1. A jump out of a signal handler
 * leaves a call for good if it leads above this (mema_sharedLeave). */
#if MEMA_X86_64
#define MEMA_SET_FRAME(word) __asm__ volatile("movq %%rsp, %0" : "=m"(word))
#else
#define MEMA_SET_FRAME(word) atomic_store_explicit(&(word), 1, memory_order_relaxed)
#endif

/* Enters the calling thread's cache. False iff the thread was interrupted inside, the cache is quiesced, or
 * it does not belong to this pool, which is not NULL. The key is compared inside: earlier, a signal handler
 * could still free the pool. */
static MEMA_INLINE bool mema_enter(mema_ThreadCache *cache, const mema_Pool *pool) {
  if (mema_unlikely(MEMA_DIFFERS("q", &cache->busy, 0))) return false;
  MEMA_SET_FRAME(cache->busy);
  atomic_signal_fence(
      memory_order_seq_cst); /* the quiescing thread's mema_osBarrier makes it a barrier between processors */
  bool out = MEMA_DIFFERS("q", &cache->key, mema_keyOf(pool));
  atomic_signal_fence(memory_order_acquire);
  if (mema_likely(!out)) return true;
  atomic_store_explicit(&cache->busy, 0, memory_order_release);
  return false;
}

static inline void mema_leave(mema_ThreadCache *cache) {
  atomic_store_explicit(&cache->busy, 0, memory_order_release);
}

/* Enters the calling thread's cache, if `pool` is the pool that the thread used last. Else NULL. */
static MEMA_INLINE mema_ThreadCache *mema_enterHere(const mema_Pool *pool) {
  mema_ThreadCache *cache = mema_cacheHere;
  return mema_likely(cache != NULL && mema_enter(cache, pool)) ? cache : NULL;
}

/* Enters the calling thread's cache, the one that it used last, for callers with a shared pool: mema_openShare has filled
 * mema_cacheAtHand. False as mema_enter. */
static MEMA_INLINE bool mema_enterAtHand(const mema_Pool *pool, mema_ThreadCache **cache) {
  *cache = mema_cacheAtHand;
  return mema_likely(mema_enter(*cache, pool));
}

/* As mema_enterHere, for any pool that the thread has a cache of. */
MEMA_HIDDEN mema_ThreadCache *mema_enterCache(const mema_Pool *pool);
static MEMA_INLINE mema_ThreadCache *mema_enterAny(const mema_Pool *pool) {
  mema_ThreadCache *cache = mema_enterHere(pool);
  return mema_likely(cache != NULL) ? cache : mema_enterCache(pool);
}

#endif
