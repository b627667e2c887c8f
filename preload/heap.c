/* heap.c - see heap.h. */
#define _GNU_SOURCE
#include "heap.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <mema.h>

#include "../src/threads/calls.h"
#include "ending.h"
#include "foreign.h"
#include "lock.h"
#include "mappings.h"
#include "report.h"
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

HeapOwner heapOwner;

/* Shared: calls that find what they want there take no lock of the heap's. */
static mema_Pool pool;
/* The state is HEAP_READY and the reserve closed, so that nothing needs to be seen to before a request. */
static atomic_bool isPlain;

static Lock lock;
/* Everything from here on is read and written under the lock only, the atomics excepted. */
static HeapState state;
static bool settingsRead;
/* Also read without the lock: whether mappings are counted, once the settings are known. */
static _Atomic enum { COUNTING_UNKNOWN, COUNTING_ON, COUNTING_OFF } counting;
static _Atomic int publicationInterval = 1;
/* Each call of the pool that takes its lock stores its figures in the process's slot, which others read. Also read without the lock. */
static atomic_bool watching;
/* Bytes that a signal handler gave back while the heap that it had interrupted could not take them. */
static _Atomic size_t lateCredit;
static size_t mapped, peakMapped; /* by the program itself, of what is charged */

/* Of the calling thread: calls until it publishes the figures. */
static _Thread_local int callsLeft;
static _Thread_local bool counted;

/* While forking the lock is held from the first thing to the last, and yet other handlers of the same fork may allocate. The
 * pool is then at rest, unless a signal handler interrupts such a call: hence the second flag. */
static volatile unsigned forkDepth;
static volatile bool borrowed;

/* ---- life --------------------------------------------------------------------------------------------------------- */

static void readSettingsOnce(void) {
  if (settingsRead) return;
  readSettings();
  settingsRead = true;
  atomic_store_explicit(&counting, settings.countMappings ? COUNTING_ON : COUNTING_OFF, memory_order_relaxed);
}

static void applySettings(void) {
  if (!environmentIsThere()) return;
  readSettingsOnce();
  state = HEAP_READY;
  if (pool.poolSize == settings.poolSize || mema_resizePool(&pool, settings.poolSize)) {
    startReserve(&pool, settings.reserve);
    return;
  }
  /* The loader holds more already. Nothing more is handed out until it has given back what is too much. */
  mema_Stats stats;
  if (mema_poolStats(&pool, &stats) && mema_resizePool(&pool, stats.liveBytes)) state = HEAP_EARLY;
}

__attribute__((noinline)) static void warmHeap(void) {
  if (state == HEAP_COLD) {
    rememberBreak();
    startMappings();
    if (environmentIsThere()) readSettingsOnce();
    mema_Options options = {.poolSize = settings.poolSize, .untracked = true, .name = "heap", .shared = true};
    if (!mema_initPoolWith(&pool, &options)) return;
    state = HEAP_EARLY;
  }
  if (state != HEAP_READY) applySettings();
  if (reserveIsOpen) settleReserve(&pool);
}

static void setPlain(void) {
  atomic_store_explicit(&isPlain, state == HEAP_READY && !reserveIsOpen, memory_order_release);
}

/* Whether this is a signal handler that interrupted a call of its own thread to the pool. It must not even wait for the heap's lock: whoever
 * has that may be waiting for that call. To give nothing back is a question that changes nothing. */
static bool interruptsPool(void) {
  int savedErrno = errno;
  bool interrupts = !mema_creditPool(&pool, 0) && mema_lastError()->reason == MEMA_REENTERED;
  errno = savedErrno;
  return interrupts;
}

/* Returns false iff the calling thread is inside the heap, or its pool, already. */
static bool enterHeap(void) {
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

/* ---- figures ------------------------------------------------------------------------------------------------------ */

_Static_assert(sizeof(mema_Gauge) == sizeof(RunPool) && offsetof(mema_Gauge, footprint) == offsetof(RunPool, footprint) &&
                   offsetof(mema_Gauge, allocations) == offsetof(RunPool, allocations),
               "a slot has a gauge of the pool's in it");

static mema_Gauge *gaugeOf(RunPool *figures) {
  return (mema_Gauge *)(void *)figures;
}

/* False where others read no figures of this process, or not now: the pool was interrupted. */
static bool watchPool(void) {
  bool done = slotIsShared() && mema_sharedWatch(&pool, gaugeOf(&ownSlot()->pool));
  atomic_store_explicit(&watching, done, memory_order_relaxed);
  return done;
}

static void noteMapped(void) {
  putFigure(&ownSlot()->mappedBytes, mapped);
  putFigure(&ownSlot()->peakMapped, peakMapped);
}

static void noteReserve(void) {
  if (settings.reserve > 0) describeReserve(&ownSlot()->reserve);
}

static void giveBack(size_t bytes) {
  if (mema_creditPool(&pool, bytes)) mapped -= bytes;
}

/* What handlers gave back. */
static void takeLateCredit(void) {
  if (atomic_load_explicit(&lateCredit, memory_order_relaxed) == 0) return;
  giveBack(atomic_exchange_explicit(&lateCredit, 0, memory_order_relaxed));
  noteMapped();
}

static void leaveHeap(void) {
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
  if (atomic_load_explicit(&watching, memory_order_relaxed)) threads = mema_sharedTell(&pool);
  callsLeft = threads > 0 ? nextInterval(threads) : PUBLISH_EVERY;
}

/* A thread's first call went by the pool's lock anyway: many do little more. */
__attribute__((noinline)) static void publishNowAndThen(void) {
  int savedErrno = errno;
  if (counted) {
    settleLateCredit();
    publish();
  } else {
    counted = true;
    callsLeft = atomic_load_explicit(&publicationInterval, memory_order_relaxed);
  }
  errno = savedErrno;
}

static inline void countCall(void) {
  if (__builtin_expect(--callsLeft <= 0, 0)) publishNowAndThen();
}

static inline bool isReady(void) {
  return __builtin_expect(atomic_load_explicit(&isPlain, memory_order_acquire), 1);
}

/* ---- chunks ------------------------------------------------------------------------------------------------------- */

static void *refuseInterrupted(void) {
  countOne(&ownSlot()->refused);
  errno = ENOMEM;
  return NULL;
}

__attribute__((noinline)) static void noteRefusal(mema_Reason reason) {
  countOne(&ownSlot()->refused);
  if (reason == MEMA_OVER_BUDGET) countOne(&ownSlot()->overBudget);
}

typedef enum RequestKind { PLAIN, ZEROED, ALIGNED, RESIZED } RequestKind;

/* A request of the heap, in a form in which it can be made twice. */
typedef struct Request {
  RequestKind kind;
  size_t size;
  size_t factor; /* ZEROED: so many times the size; ALIGNED: the alignment */
  void *ptr;     /* RESIZED */
} Request;

static inline void *grant(const Request *request) {
  switch (request->kind) {
    case PLAIN:
      return mema_palloc(&pool, request->size);
    case ZEROED:
      return mema_pcalloc(&pool, request->factor, request->size);
    case ALIGNED:
      return mema_pmemalign(&pool, request->factor, request->size);
    case RESIZED:
    default:
      return mema_repalloc(&pool, request->ptr, request->size);
  }
}

/* After a first refusal: from the reserve, if that can be. */
__attribute__((noinline)) static void *grantFromReserve(Request request, mema_Reason refusal) {
  size_t size = request.size;
  if (request.kind == ZEROED && __builtin_mul_overflow(size, request.factor, &size)) return NULL;
  if (refusal != MEMA_OVER_BUDGET || !lendReserve(&pool, size)) return NULL;
  void *chunk = grant(&request);
  endLoan(&pool);
  return chunk;
}

/* The general way to a chunk; `refused`: the pool has just said no. */
__attribute__((noinline)) static void *allocateSlowly(Request request, bool refused) {
  mema_Reason reason = refused ? mema_lastError()->reason : MEMA_OK;
  int before = refused ? mema_lastError()->errnoBefore : errno;
  if (reason == MEMA_REENTERED || !enterHeap()) return refuseInterrupted();
  void *chunk = refused ? NULL : grant(&request);
  if (!refused && chunk == NULL) reason = mema_lastError()->reason;
  if (chunk == NULL) chunk = grantFromReserve(request, reason);
  if (chunk == NULL) noteRefusal(reason);
  leaveHeap();
  errno = chunk != NULL ? before : ENOMEM;
  return chunk;
}

/* The pool granted, or refused; each is a tail call, so that the common way keeps little on the stack. */
__attribute__((noinline, cold)) static void *publishFor(void *chunk) {
  publishNowAndThen();
  return chunk;
}

__attribute__((noinline, cold)) static void *allocateUnready(RequestKind kind, size_t size, size_t factor) {
  return allocateSlowly((Request){kind, size, factor, NULL}, false);
}

__attribute__((noinline, cold)) static void *allocateRefused(RequestKind kind, size_t size, size_t factor) {
  return allocateSlowly((Request){kind, size, factor, NULL}, true);
}

static inline __attribute__((always_inline)) void *allocate(RequestKind kind, size_t size, size_t factor) {
  if (!isReady()) return allocateUnready(kind, size, factor);
  void *chunk = kind == PLAIN    ? mema_sharedPalloc(&pool, size)
                : kind == ZEROED ? mema_pcalloc(&pool, factor, size)
                                 : mema_pmemalign(&pool, factor, size);
  if (__builtin_expect(chunk == NULL, 0)) return allocateRefused(kind, size, factor);
  return __builtin_expect(--callsLeft <= 0, 0) ? publishFor(chunk) : chunk;
}

void *heapAllocate(size_t size) {
  return allocate(PLAIN, size, 0);
}

void *heapAllocateZeroed(size_t count, size_t size) {
  return allocate(ZEROED, size, count);
}

void *heapAllocateAligned(size_t alignment, size_t size) {
  return allocate(ALIGNED, size, alignment);
}

/* The C library's chunk moves into the pool when it is resized. Called under the lock, leaves it before giving the old chunk
 * back, because that is another allocator with locks of its own. */
static HeapAnswer adoptForeign(void **ptr, size_t oldSize, size_t size) {
  void *chunk = mema_palloc(&pool, size);
  if (chunk == NULL) {
    noteRefusal(mema_lastError()->reason);
  } else {
    memcpy(chunk, *ptr, oldSize < size ? oldSize : size);
    countOne(&ownSlot()->foreignFrees);
  }
  leaveHeap();
  if (chunk == NULL) return HEAP_REFUSED;
  freeForeign(*ptr);
  *ptr = chunk;
  return HEAP_DONE;
}

static HeapAnswer resizeStranger(void **ptr, size_t size) {
  size_t oldSize = foreignSize(*ptr);
  if (oldSize > 0) return adoptForeign(ptr, oldSize, size);
  countOne(&ownSlot()->badFrees);
  leaveHeap();
  return HEAP_BAD_POINTER;
}

/* The pool did not resize the chunk, or was not asked yet. */
__attribute__((noinline)) static HeapAnswer resizeSlowly(void **ptr, size_t size, bool refused) {
  mema_Reason reason = refused ? mema_lastError()->reason : MEMA_OK;
  if (reason == MEMA_REENTERED || !enterHeap()) {
    refuseInterrupted();
    return HEAP_REFUSED;
  }
  if (refused ? reason == MEMA_BAD_POINTER : !mema_ownsChunk(&pool, *ptr)) return resizeStranger(ptr, size);
  Request request = {RESIZED, size, 0, *ptr};
  void *chunk = refused ? NULL : grant(&request);
  if (!refused && chunk == NULL) reason = mema_lastError()->reason;
  if (chunk == NULL) chunk = grantFromReserve(request, reason);
  if (chunk == NULL) noteRefusal(reason);
  leaveHeap();
  if (chunk == NULL) return HEAP_REFUSED;
  *ptr = chunk;
  return HEAP_DONE;
}

HeapAnswer heapResize(void **ptr, size_t size) {
  bool ready = isReady();
  void *chunk = ready ? mema_sharedRepalloc(&pool, *ptr, size) : NULL;
  if (__builtin_expect(chunk == NULL, 0)) {
    int before = ready ? mema_lastError()->errnoBefore : errno;
    HeapAnswer answer = resizeSlowly(ptr, size, ready);
    errno = before;
    return answer;
  }
  *ptr = chunk;
  countCall();
  return HEAP_DONE;
}

static HeapAnswer releaseStranger(void *ptr) {
  bool foreign = foreignSize(ptr) > 0;
  countOne(foreign ? &ownSlot()->foreignFrees : &ownSlot()->badFrees);
  leaveHeap();
  if (!foreign) return HEAP_BAD_POINTER;
  freeForeign(ptr);
  return HEAP_DONE;
}

static HeapAnswer dropFree(void) {
  countOne(&ownSlot()->droppedFrees);
  return HEAP_DONE;
}

static HeapAnswer releaseUnready(void *ptr, bool refused) {
  if (refused && mema_lastError()->reason == MEMA_REENTERED) return dropFree();
  if (!enterHeap()) return dropFree();
  if (refused || !mema_pfree(&pool, ptr)) return releaseStranger(ptr);
  leaveHeap();
  return HEAP_DONE;
}

/* The pool refused the pointer, or was not asked yet. */
__attribute__((noinline, cold)) static void releaseSlowly(void *ptr, bool refused) {
  int before = refused ? mema_lastError()->errnoBefore : errno;
  if (releaseUnready(ptr, refused) == HEAP_BAD_POINTER) reportBadPointer("free", ptr);
  errno = before;
}

void heapRelease(void *ptr) {
  if (ptr == NULL) return;
  if (!isReady()) {
    releaseSlowly(ptr, false);
  } else if (__builtin_expect(!mema_sharedPfree(&pool, ptr), 0)) {
    releaseSlowly(ptr, true);
  } else if (__builtin_expect(--callsLeft <= 0, 0)) {
    publishNowAndThen();
  }
}

size_t heapChunkSize(const void *ptr) {
  size_t size = mema_sharedChunkSize(&pool, ptr);
  if (size != 0 || !enterHeap()) return size;
  size = foreignSize(ptr);
  leaveHeap();
  return size;
}

/* ---- what the program maps by itself ------------------------------------------------------------------------------ */

bool heapCountsMappings(void) {
  if (atomic_load_explicit(&counting, memory_order_relaxed) == COUNTING_UNKNOWN) {
    if (!environmentIsThere() || !enterHeap()) return false;
    leaveHeap();
  }
  return atomic_load_explicit(&counting, memory_order_relaxed) == COUNTING_ON;
}

static bool chargeFromReserve(size_t bytes) {
  if (mema_lastError()->reason != MEMA_OVER_BUDGET || !lendReserve(&pool, bytes)) return false;
  bool charged = mema_chargePool(&pool, bytes);
  endLoan(&pool);
  return charged;
}

bool heapCharge(size_t bytes) {
  int savedErrno = errno;
  bool charged = bytes == 0;
  if (charged) return true;
  if (!enterHeap()) {
    refuseInterrupted();
  } else {
    takeLateCredit();
    charged = mema_chargePool(&pool, bytes) || chargeFromReserve(bytes);
    if (charged) {
      mapped += bytes;
      if (mapped > peakMapped) peakMapped = mapped;
      noteMapped();
    } else {
      noteRefusal(mema_lastError()->reason);
    }
    leaveHeap();
  }
  errno = savedErrno;
  return charged;
}

void heapCredit(size_t bytes) {
  int savedErrno = errno;
  if (bytes == 0) return;
  if (!enterHeap()) {
    atomic_fetch_add_explicit(&lateCredit, bytes, memory_order_relaxed);
  } else {
    giveBack(bytes);
    noteMapped();
    leaveHeap();
  }
  errno = savedErrno;
}

void heapSettleCharges(size_t bytes) {
  if (!enterHeap()) return;
  atomic_store_explicit(&lateCredit, 0, memory_order_relaxed);
  if (mapped > bytes) giveBack(mapped - bytes);
  peakMapped = bytes;
  leaveHeap();
}

void heapCountRefusal(void) {
  countOne(&ownSlot()->refused);
}

/* ---- the end ------------------------------------------------------------------------------------------------------ */

/* As enterHeap, but not for ever: the process is to end though another thread keeps the lock. */
static bool enterHeapSoon(void) {
  bool taken = false;
  if (interruptsPool() || holdsLock(&lock)) return false;
  for (int i = 0; i < END_TRIES && !taken; i++) taken = takeLockSoon(&lock);
  return taken;
}

/* From here on each call tells what it does: other threads, and handlers of the end, go on. */
static bool tellLast(RunState how) {
  bool told = mema_sharedTellAll(&pool, gaugeOf(&ownSlot()->pool), true);
  tableTell(how, told && atomic_load_explicit(&watching, memory_order_relaxed));
  return told;
}

bool heapEnd(RunState how) {
  int savedErrno = errno;
  bool ends = getpid() == heapOwner.pid && enterHeapSoon();
  if (ends) {
    takeLateCredit();
    noteReserve();
    if (!tellLast(how)) mema_sharedTell(&pool);
    leaveHeap();
  }
  errno = savedErrno;
  return ends;
}

void heapPublish(void) {
  heapEnd(RUN_REPLACED);
}

void heapResume(void) {
  int savedErrno = errno;
  if (getpid() == heapOwner.pid && enterHeap()) {
    tableTell(RUN_RUNNING, false);
    watchPool();
    leaveHeap();
  }
  errno = savedErrno;
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

static void noteOwner(void) {
  heapOwner.pid = getpid();
  heapOwner.parentPid = getppid();
}

/* The pool counts on, from what it had counted in the parent, and begins a new peak. */
static void startCounting(RunPool *now) {
  /* Resizing to the same size begins a new peak. */
  if (state == HEAP_READY) mema_resizePool(&pool, pool.poolSize);
  forgetReservePeak(&pool);
  mema_sharedTellAll(&pool, gaugeOf(now), false);
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
  callsLeft = 1;
  if (!over && holdsLock(&lock)) return;
  forkDepth = 0;
  borrowed = false;
  resetLock(&lock); /* it may be that of a thread that does not exist here */
}

/* ---- start -------------------------------------------------------------------------------------------------------- */

/* Copied now: programs point the name at memory of their own, and free it. */
static void noteName(void) {
  char thread[16] = "";
  const char *name = program_invocation_short_name;
  if (name == NULL || *name == '\0') {
    prctl(PR_GET_NAME, thread);
    name = thread;
  }
  for (size_t i = 0; i + 1 < sizeof heapOwner.name && name[i] != '\0'; i++) heapOwner.name[i] = name[i];
}

/* As early as a library can: handlers registered before those of others hold the lock for the shortest time, and their fork
 * handlers find the heap usable in the child. */
__attribute__((constructor(101))) static void startHeap(void) {
  int savedErrno = errno;
  noteOwner();
  noteName();
  bool entered = enterHeap();
  /* Behind the pool's own handlers, since its locks are taken under this one. */
  pthread_atfork(beforeFork, afterForkInParent, afterForkInChild);
  startEndings();
  if (entered) {
    tableOpen();
    putFigure(&ownSlot()->poolSize, settings.poolSize);
    noteMapped();
    watchPool();
    leaveHeap();
  }
  errno = savedErrno;
}
