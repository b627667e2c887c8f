/* gate.c - see gate.h. */
#define _GNU_SOURCE
#include "gate.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "chargedSet.h"
#include "foreign.h"
#include "lateFrees.h"
#include "lock.h"
#include "owner.h"
#include "reserve.h"
#include "settings.h"
#include "table.h"
#include "text.h"
#include "total.h"

/* The calls of a thread, without the pool's lock, from one publication of its figures to the next:
 * PUBLISH_EVERY for each thread that uses the heap, and PUBLISH_MOST at most. The interval begins with one
 * call and doubles, so that the figures of programs with few calls are known too. */
#define PUBLISH_EVERY 64
#define PUBLISH_MOST (256 * PUBLISH_EVERY)

/* The publications of a thread from one look at the clock to the next. */
#define TIME_EVERY 8

/* Tries for the heap's lock at the end of a process: with takeLockSoon they take two seconds. */
#define END_TRIES 100

/* Bytes at most between two frames of one stack. */
#define STACK_MOST ((uintptr_t)64 << 20)

typedef enum HeapState {
  HEAP_COLD,  /* no pool yet */
  HEAP_EARLY, /* a pool, but the environment has not been applied to it */
  HEAP_READY
} HeapState;

mema_Pool heapPool;
atomic_bool heapIsPlain;
_Atomic uintptr_t heapOffset;

static Lock lock;
/* All variables from here on are read and written under the lock only, except the atomic ones. */
static HeapState state;
/* True if the environment was read. Also read without the lock. */
static atomic_bool settingsRead;
static _Atomic int publicationInterval = 1;
/* The pool's gauge is in the process's slot, which others read: each call that takes the pool's lock updates
 * it. Also read without the lock. */
static atomic_bool watching;
/* Bytes that a signal handler gave back while it interrupted the heap, which could not take them then. */
static _Atomic size_t lateCredit;
static size_t mapped, peakMapped; /* charged bytes that the program maps by itself: now, and at most */

_Thread_local int heapCallsLeft;
/* serveSlowly was called. */
static atomic_bool slow;
static _Thread_local unsigned publications;
static _Thread_local bool counted; /* heapCallsLeft has been set for the thread */

/* A fork holds the lock from its first handler to its last, and other handlers of the fork may allocate in
 * between. The pool is at rest then, unless a signal handler interrupts such a call: `borrowed` marks that
 * call. */
static volatile unsigned forkDepth;
/* The frame that took the lock. */
static volatile uintptr_t holderFrame;
static uint32_t forksSeen; /* mema_sharedForks, when this process began */
static volatile bool borrowed;

/* ---- memory that the program maps by itself --------------------------------------------------------------------- */

void noteMapped(void) {
  putFigure(&ownSlot()->mappedBytes, mapped);
  putFigure(&ownSlot()->peakMapped, peakMapped);
}

void addMapped(size_t bytes) {
  mapped += bytes;
  if (mapped > peakMapped) peakMapped = mapped;
  noteMapped();
}

static void giveBack(size_t bytes) {
  if (mema_creditPool(&heapPool, bytes)) mapped -= bytes;
}

void creditMapped(size_t bytes) {
  giveBack(bytes);
  noteMapped();
}

void creditLate(size_t bytes) {
  atomic_fetch_add_explicit(&lateCredit, bytes, memory_order_relaxed);
}

void takeLateCredit(void) {
  if (atomic_load_explicit(&lateCredit, memory_order_relaxed) == 0) return;
  creditMapped(atomic_exchange_explicit(&lateCredit, 0, memory_order_relaxed));
}

/* In a forked child: reduces the charges to `bytes`. */
static void settleCharges(size_t bytes) {
  if (!enterHeap()) return;
  atomic_store_explicit(&lateCredit, 0, memory_order_relaxed);
  if (mapped > bytes) giveBack(mapped - bytes);
  peakMapped = bytes;
  leaveHeap();
}

/* ---- life --------------------------------------------------------------------------------------------------------- */

bool knowsSettings(void) {
  return atomic_load_explicit(&settingsRead, memory_order_acquire);
}

static void readSettingsOnce(void) {
  if (knowsSettings()) return;
  readSettings();
  atomic_store_explicit(&settingsRead, true, memory_order_release);
}

static void applySettings(void) {
  if (!environmentIsThere()) return;
  readSettingsOnce();
  state = HEAP_READY;
  if (heapPool.poolSize == settings.poolSize || mema_resizePool(&heapPool, settings.poolSize)) {
    startReserve(&heapPool, settings.reserve);
    return;
  }
  /* The loader's chunks exceed the budget already. The pool grants no more until the excess is freed. */
  mema_Stats stats;
  if (mema_poolStats(&heapPool, &stats) && mema_resizePool(&heapPool, stats.liveBytes)) state = HEAP_EARLY;
}

__attribute__((noinline)) static void warmHeap(void) {
  if (state == HEAP_COLD) {
    rememberBreak();
    startChargedSet(settleCharges);
    if (environmentIsThere()) readSettingsOnce();
    mema_Options options = {
        .poolSize = settings.poolSize, .untracked = true, .name = "heap", .shared = true, .unwatched = true};
    if (!mema_initPoolWith(&heapPool, &options)) return;
    state = HEAP_EARLY;
  }
  if (state != HEAP_READY) applySettings();
  if (reserveIsOpen) settleReserve(&heapPool);
}

static void tellPlain(bool isPlain) {
  atomic_store_explicit(&heapIsPlain, isPlain, memory_order_release);
  atomic_store_explicit(&heapOffset, isPlain ? mema_sharedOffset() : 0, memory_order_release);
}

static void setPlain(void) {
  tellPlain(state == HEAP_READY && !reserveIsOpen && !atomic_load_explicit(&slow, memory_order_relaxed));
}

void serveSlowly(void) {
  atomic_store_explicit(&slow, true, memory_order_relaxed);
  tellPlain(false);
}

/* A copy of the process that no fork handler announced (a raw clone, _Fork) begins here. Other threads may have had the
 * lock when it was made. */
static void adoptCopy(void) {
  uint32_t forks = mema_sharedForks();
  if (forks == forksSeen || forkDepth > 0) return;
  forksSeen = forks;
  if (state == HEAP_COLD || holdsLock(&lock)) return;
  RunPool now;
  borrowed = false;
  resetLock(&lock);
  noteOwner();
  copyPool(&now, &ownSlot()->pool);
  tableFork(&now, mapped);
  watchPool();
}

/* True if the caller is a signal handler that interrupted a call of its own thread to the pool. It must not
 * even wait for the heap's lock, whose holder may wait for that call. A credit of 0 bytes tests this and
 * changes nothing. */
static bool interruptsPool(void) {
  int savedErrno = errno;
  bool interrupts = !mema_creditPool(&heapPool, 0) && mema_lastError()->reason == MEMA_REENTERED;
  errno = savedErrno;
  return interrupts;
}

bool isMakingHeap(void) {
  return state == HEAP_COLD && holdsLock(&lock);
}

/* Returns false iff the calling thread is inside the heap, or its pool, already. */
bool enterHeap(void) {
  adoptCopy();
  if (interruptsPool()) return false;
  if (!takeLock(&lock)) {
    if (forkDepth == 0 || borrowed) return false;
    borrowed = true;
  }
  holderFrame = (uintptr_t)__builtin_frame_address(0);
  if (state != HEAP_READY || reserveIsOpen) {
    warmHeap();
    setPlain();
  }
  return true;
}

/* A call that is left under the lock has changed counters, or the reserve, which is settled before the next request. */
void leaveHeapFor(uintptr_t target) {
  static atomic_bool told;
  if (holdsLock(&lock) && forkDepth == 0 && target > holderFrame && target - holderFrame < STACK_MOST) {
    borrowed = false;
    releaseLock(&lock);
  }
  if (mema_sharedLeave(&heapPool, target) || atomic_exchange_explicit(&told, true, memory_order_relaxed)) return;
  Text line = {0};
  addString(&line,
            "mema: a signal handler left the heap by a jump, in the middle of a change: no more memory is handed out\n");
  writeText(STDERR_FILENO, &line);
}

/* As enterHeap, but waits for a limited time: the process must end even if another thread keeps the lock. */
bool enterHeapSoon(void) {
  bool taken = false;
  if (interruptsPool() || holdsLock(&lock)) return false;
  for (int i = 0; i < END_TRIES && !taken; i++) taken = takeLockSoon(&lock);
  return taken;
}

/* ---- figures ------------------------------------------------------------------------------------------------------ */

_Static_assert(sizeof(mema_Gauge) == sizeof(RunPool) && offsetof(mema_Gauge, footprint) == offsetof(RunPool, footprint) &&
                   offsetof(mema_Gauge, allocations) == offsetof(RunPool, allocations),
               "a slot has a gauge of the pool's in it");

bool watchPool(void) {
  bool done = slotIsShared() && mema_sharedWatch(&heapPool, gaugeOf(&ownSlot()->pool));
  atomic_store_explicit(&watching, done, memory_order_relaxed);
  return done;
}

bool watchesPool(void) {
  return atomic_load_explicit(&watching, memory_order_relaxed);
}

void noteReserve(void) {
  if (settings.reserve > 0) describeReserve(&ownSlot()->reserve);
}

void leaveHeap(void) {
  if (reserveIsOpen) setPlain(); /* this call may have opened the reserve */
  noteReserve();
  if (borrowed) {
    borrowed = false;
  } else {
    releaseLock(&lock);
  }
}

static void settleLateCredit(void) {
  if (atomic_load_explicit(&lateCredit, memory_order_relaxed) == 0 || !enterHeap()) return;
  takeLateCredit();
  leaveHeap();
}

static void settleExcess(void) {
  if (!hasExcess(&heapPool) || !enterHeap()) return;
  returnExcess(&heapPool);
  leaveHeap();
}

/* Returns the calls of a thread until its next publication, by the number of threads that use the heap. */
static int nextInterval(uint32_t threads) {
  int interval = atomic_load_explicit(&publicationInterval, memory_order_relaxed);
  int most = threads < PUBLISH_MOST / PUBLISH_EVERY ? PUBLISH_EVERY * (int)threads : PUBLISH_MOST;
  if (interval < most) atomic_store_explicit(&publicationInterval, 2 * interval, memory_order_relaxed);
  return interval < most ? interval : most;
}

/* The cache's own count has begun anew, or goes on: it is set if the interval is another one. */
static void beginInterval(int calls) {
  static _Thread_local int interval;
  heapCallsLeft = calls;
  if (calls != interval && mema_sharedCallsUntil(&heapPool, calls)) interval = calls;
}

/* A library that replaces the clock may allocate: the next publication is then not due yet. */
static void tellTime(void) {
  beginInterval(PUBLISH_EVERY);
  mema_sharedTime(&heapPool);
}

static void publish(void) {
  uint32_t threads = 0;
  if (++publications % TIME_EVERY == 0) tellTime();
  if (watchesPool()) threads = mema_sharedTell(&heapPool);
  beginInterval(threads > 0 ? nextInterval(threads) : PUBLISH_EVERY);
}

/* A thread's first call is not published here: it took the pool's lock, and many threads make few more. */
__attribute__((noinline)) void publishNowAndThen(void) {
  int savedErrno = errno;
  if (counted) {
    settleLateCredit();
    settleExcess();
    publish();
  } else {
    counted = true;
    beginInterval(atomic_load_explicit(&publicationInterval, memory_order_relaxed));
  }
  settleLateFrees();
  errno = savedErrno;
}

__attribute__((noinline)) void noteRefusal(mema_Reason reason) {
  countOne(&ownSlot()->refused);
  bool byTotal = wasRefusedByTotal();
  if (reason == MEMA_OVER_BUDGET && !byTotal) countOne(&ownSlot()->overBudget);
}

/* ---- fork --------------------------------------------------------------------------------------------------------- */

/* Takes the lock for a fork. If a signal handler forks that interrupted a call to the pool, the lock's holder
 * may be waiting for that call, or for a thread that does. The fork then goes on without the lock. The holder
 * changes only counters and the reserve, which is settled before the next request. */
static bool takeLockToFork(bool late) {
  if (holdsLock(&lock)) {
    if (forkDepth > 0) forkDepth++;
    /* Else a signal handler that interrupted the heap forks. The interrupted call goes on in both processes,
     * and releases the lock. */
    return true;
  }
  if (!tryLock(&lock)) return late;
  forkDepth = 1;
  return true;
}

static bool forkIsOver(void) {
  return holdsLock(&lock) && forkDepth > 0 && --forkDepth == 0;
}

static void giveLockBack(void) {
  if (forkIsOver()) releaseLock(&lock);
}

/* The pool's counts go on from the parent's (*now), and a new peak begins. */
static void startCounting(RunPool *now) {
  /* a resize to the present size begins a new peak */
  if (state == HEAP_READY) mema_resizePool(&heapPool, heapPool.poolSize);
  forgetReservePeak(&heapPool);
  mema_sharedTellAll(&heapPool, gaugeOf(now), false);
}

/* The child begins with the parent's chunks, but with counts of its own. */
static void afterForkInChild(void) {
  bool over = forkIsOver();
  RunPool now;
  forksSeen = mema_sharedForks();
  if (lockChargedSet()) unlockChargedSet(); /* the set notes the fork, too */
  noteOwner();
  copyPool(&now, &ownSlot()->pool);
  if (over) startCounting(&now);
  tableFork(&now, mapped);
  forkTotal(&heapPool, over && state == HEAP_READY);
  if (over) noteReserve();
  watchPool();
  atomic_store_explicit(&publicationInterval, 1, memory_order_relaxed);
  beginInterval(1);
  if (!over && holdsLock(&lock)) return;
  forkDepth = 0;
  borrowed = false;
  resetLock(&lock); /* its holder may be a thread that does not exist here */
}

void guardForks(void) {
  static const mema_ForkLock forkLock = {takeLockToFork, giveLockBack};
  mema_sharedForkWith(&forkLock);
  pthread_atfork(NULL, giveLockBack, afterForkInChild);
}
