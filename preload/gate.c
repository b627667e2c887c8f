/* gate.c - see gate.h. */
#define _GNU_SOURCE
#include "gate.h"

#include <errno.h>
#include <pthread.h>

#include "chargedSet.h"
#include "foreign.h"
#include "lock.h"
#include "owner.h"
#include "reserve.h"
#include "settings.h"
#include "table.h"

/* How many calls of a thread may pass that take no lock of the pool, until the figures are told: so many for each thread that uses the
 * heap. It begins with one and doubles, so that what a program does that makes but few calls is known as well. */
#define PUBLISH_EVERY 64
#define PUBLISH_MOST (256 * PUBLISH_EVERY)

/* The end of a process waits for the heap's lock so often as takeLockSoon waits: two seconds. */
#define END_TRIES 100

typedef enum HeapState {
  HEAP_COLD,  /* no pool yet */
  HEAP_EARLY, /* a pool, but the environment has not been applied to it */
  HEAP_READY
} HeapState;

mema_Pool heapPool;
atomic_bool heapIsPlain;

static Lock lock;
/* Everything from here on is read and written under the lock only, the atomics excepted. */
static HeapState state;
/* Also read without the lock. */
static atomic_bool settingsRead;
static _Atomic int publicationInterval = 1;
/* Each call of the pool that takes its lock stores its figures in the process's slot, which others read. Also read without the lock. */
static atomic_bool watching;
/* Bytes that a signal handler gave back while the heap that it had interrupted could not take them. */
static _Atomic size_t lateCredit;
static size_t mapped, peakMapped; /* by the program itself, of what is charged */

_Thread_local int heapCallsLeft;
static _Thread_local bool counted; /* the thread has a number of calls left */

/* While forking the lock is held from the first thing to the last, and yet other handlers of the same fork may allocate. The
 * pool is then at rest, unless a signal handler interrupts such a call: hence the second flag. */
static volatile unsigned forkDepth;
static volatile bool borrowed;

/* ---- what the program maps by itself ------------------------------------------------------------------------------ */

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

/* In a forked child: so many bytes are charged, and no more. */
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
  /* The loader holds more already. Nothing more is handed out until it has given back what is too much. */
  mema_Stats stats;
  if (mema_poolStats(&heapPool, &stats) && mema_resizePool(&heapPool, stats.liveBytes)) state = HEAP_EARLY;
}

__attribute__((noinline)) static void warmHeap(void) {
  if (state == HEAP_COLD) {
    rememberBreak();
    startChargedSet(settleCharges);
    if (environmentIsThere()) readSettingsOnce();
    mema_Options options = {.poolSize = settings.poolSize, .untracked = true, .name = "heap", .shared = true};
    if (!mema_initPoolWith(&heapPool, &options)) return;
    state = HEAP_EARLY;
  }
  if (state != HEAP_READY) applySettings();
  if (reserveIsOpen) settleReserve(&heapPool);
}

static void setPlain(void) {
  atomic_store_explicit(&heapIsPlain, state == HEAP_READY && !reserveIsOpen, memory_order_release);
}

/* Whether this is a signal handler that interrupted a call of its own thread to the pool. It must not even wait for the heap's lock: whoever
 * has that may be waiting for that call. To give nothing back is a question that changes nothing. */
static bool interruptsPool(void) {
  int savedErrno = errno;
  bool interrupts = !mema_creditPool(&heapPool, 0) && mema_lastError()->reason == MEMA_REENTERED;
  errno = savedErrno;
  return interrupts;
}

/* Returns false iff the calling thread is inside the heap, or its pool, already. */
bool enterHeap(void) {
  if (interruptsPool()) return false;
  if (!takeLock(&lock)) {
    if (forkDepth == 0 || borrowed) return false;
    borrowed = true;
  }
  if (state != HEAP_READY || reserveIsOpen) {
    warmHeap();
    setPlain();
  }
  return true;
}

/* As enterHeap, but not for ever: the process is to end though another thread keeps the lock. */
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
  if (reserveIsOpen) setPlain(); /* it may have been opened in this call */
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

/* Calls until the next publication, where so many threads use the heap. */
static int nextInterval(uint32_t threads) {
  int interval = atomic_load_explicit(&publicationInterval, memory_order_relaxed);
  int most = threads < PUBLISH_MOST / PUBLISH_EVERY ? PUBLISH_EVERY * (int)threads : PUBLISH_MOST;
  if (interval < most) atomic_store_explicit(&publicationInterval, 2 * interval, memory_order_relaxed);
  return interval < most ? interval : most;
}

static void publish(void) {
  uint32_t threads = 0;
  if (watchesPool()) threads = mema_sharedTell(&heapPool);
  heapCallsLeft = threads > 0 ? nextInterval(threads) : PUBLISH_EVERY;
}

/* A thread's first call went by the pool's lock anyway: many do little more. */
__attribute__((noinline)) void publishNowAndThen(void) {
  int savedErrno = errno;
  if (counted) {
    settleLateCredit();
    publish();
  } else {
    counted = true;
    heapCallsLeft = atomic_load_explicit(&publicationInterval, memory_order_relaxed);
  }
  errno = savedErrno;
}

__attribute__((noinline)) void noteRefusal(mema_Reason reason) {
  countOne(&ownSlot()->refused);
  if (reason == MEMA_OVER_BUDGET) countOne(&ownSlot()->overBudget);
}

/* ---- fork --------------------------------------------------------------------------------------------------------- */

/* Where a signal handler forks that interrupted a call to the pool, the lock's holder may be waiting for just that call, or for one who does: then the
 * fork goes on without the lock. All that the holder changes are counters, and the reserve, which is settled before the next request. */
static bool takeLockToFork(void) {
  return interruptsPool() ? takeLockSoon(&lock) : takeLock(&lock);
}

static void beforeFork(void) {
  if (holdsLock(&lock)) {
    if (forkDepth > 0) forkDepth++;
    /* Else a signal handler that interrupted the heap forks: the interrupted call goes on in both processes, and lets go. */
  } else if (takeLockToFork()) {
    forkDepth = 1;
  }
}

static bool forkIsOver(void) {
  return holdsLock(&lock) && forkDepth > 0 && --forkDepth == 0;
}

static void afterForkInParent(void) {
  if (forkIsOver()) releaseLock(&lock);
}

/* The pool counts on, from what it had counted in the parent, and begins a new peak. */
static void startCounting(RunPool *now) {
  /* Resizing to the same size begins a new peak. */
  if (state == HEAP_READY) mema_resizePool(&heapPool, heapPool.poolSize);
  forgetReservePeak(&heapPool);
  mema_sharedTellAll(&heapPool, gaugeOf(now), false);
}

/* The child begins with the parent's chunks, but with counts of its own. */
static void afterForkInChild(void) {
  bool over = forkIsOver();
  RunPool now;
  noteOwner();
  copyPool(&now, &ownSlot()->pool);
  if (over) startCounting(&now);
  tableFork(&now, mapped);
  if (over) noteReserve();
  watchPool();
  atomic_store_explicit(&publicationInterval, 1, memory_order_relaxed);
  heapCallsLeft = 1;
  if (!over && holdsLock(&lock)) return;
  forkDepth = 0;
  borrowed = false;
  resetLock(&lock); /* it may be that of a thread that does not exist here */
}

void guardForks(void) {
  pthread_atfork(beforeFork, afterForkInParent, afterForkInChild);
}
