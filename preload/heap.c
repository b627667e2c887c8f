/* heap.c - see heap.h. */
#define _GNU_SOURCE
#include "heap.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <mema.h>

#include "foreign.h"
#include "lock.h"
#include "mappings.h"
#include "reserve.h"
#include "settings.h"
#include "table.h"

/* How many calls may pass between two publications of the figures. It begins with one and doubles, so that what a program does
 * that makes but few calls is known as well. */
#define PUBLISH_EVERY 64

typedef enum HeapState {
  HEAP_COLD,  /* no pool yet */
  HEAP_EARLY, /* a pool, but the environment has not been applied to it */
  HEAP_READY
} HeapState;

HeapOwner heapOwner;

static Lock lock;
/* Everything from here on is read and written under the lock only, the atomic counters excepted. */
static mema_Pool pool;
static HeapState state;
static bool settingsRead;
/* Also read without the lock: whether mappings are counted, once the settings are known. */
static _Atomic enum { COUNTING_UNKNOWN, COUNTING_ON, COUNTING_OFF } counting;
static unsigned publicationInterval = 1, callsUntilPublication = 1;
static uint64_t overBudget, badPointers, foreignFrees;
/* Of calls that the pool never saw: bad arguments, and what a signal handler asked of the heap it had interrupted. */
static _Atomic uint64_t unseenRefusals, droppedFrees;
/* Bytes that a signal handler gave back while the heap that it had interrupted could not take them. */
static _Atomic size_t lateCredit;
static uint64_t peakMapped;
/* What the counters were when this process was forked. */
static RunFigures inherited;

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
    if (environmentIsThere()) readSettingsOnce();
    mema_Options options = {.poolSize = settings.poolSize, .untracked = true, .name = "heap"};
    if (!mema_initPoolWith(&pool, &options)) return;
    state = HEAP_EARLY;
  }
  if (state != HEAP_READY) applySettings();
  if (reserveIsOpen) settleReserve(&pool);
}

/* Returns false iff the calling thread is inside the heap already. */
static inline __attribute__((always_inline)) bool enterHeap(void) {
  if (!takeLock(&lock)) {
    if (forkDepth == 0 || borrowed) return false;
    borrowed = true;
  }
  if (state != HEAP_READY || reserveIsOpen) warmHeap();
  return true;
}

static void collectFigures(RunFigures *figures) {
  mema_Stats stats;
  *figures = (RunFigures){0};
  if (!mema_poolStats(&pool, &stats)) return;
  correctStats(&stats);
  uint64_t unseen = atomic_load_explicit(&unseenRefusals, memory_order_relaxed);
  figures->poolSize = settings.poolSize;
  figures->peakBytes = stats.peakBytes;
  figures->liveBytes = stats.liveBytes;
  figures->liveChunks = stats.liveChunks;
  figures->allocations = stats.allocations - inherited.allocations;
  figures->frees = stats.frees - inherited.frees;
  figures->refused = stats.refused + unseen - inherited.refused;
  figures->overBudget = overBudget - inherited.overBudget;
  /* Not the pool's own count, in which the C library's chunks are bad as well. */
  figures->badFrees = badPointers - inherited.badFrees;
  figures->foreignFrees = foreignFrees - inherited.foreignFrees;
  figures->droppedFrees = atomic_load_explicit(&droppedFrees, memory_order_relaxed) - inherited.droppedFrees;
  figures->mappedBytes = stats.chargedBytes;
  figures->peakMapped = peakMapped;
  figures->footprint = stats.footprint;
}

/* What handlers gave back. */
static void takeLateCredit(void) {
  if (atomic_load_explicit(&lateCredit, memory_order_relaxed) == 0) return;
  mema_creditPool(&pool, atomic_exchange_explicit(&lateCredit, 0, memory_order_relaxed));
}

static void publishNow(void) {
  callsUntilPublication = publicationInterval;
  if (publicationInterval < PUBLISH_EVERY) publicationInterval *= 2;
  takeLateCredit();
  if (!tableIsOpen()) return;
  RunFigures figures;
  collectFigures(&figures);
  tablePublish(&figures);
}

static void leaveHeap(void) {
  if (--callsUntilPublication == 0) publishNow();
  if (borrowed) {
    borrowed = false;
  } else {
    releaseLock(&lock);
  }
}

/* ---- chunks ------------------------------------------------------------------------------------------------------- */

static void *refuseInterrupted(void) {
  atomic_fetch_add_explicit(&unseenRefusals, 1, memory_order_relaxed);
  errno = ENOMEM;
  return NULL;
}

__attribute__((noinline)) static void *noteRefusal(void) {
  if (mema_lastError()->reason == MEMA_OVER_BUDGET) overBudget++;
  publishNow();
  return NULL;
}

/* A request of the heap, in a form in which it can be made twice. */
typedef enum RequestKind { PLAIN, ZEROED, ALIGNED, RESIZED } RequestKind;
typedef struct Request {
  RequestKind kind;
  size_t size;
  size_t factor; /* ZEROED: so many times the size; ALIGNED: the alignment */
  void *ptr;     /* RESIZED */
} Request;

static void *grant(const Request *request) {
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
__attribute__((noinline, cold)) static void *grantFromReserve(RequestKind kind, size_t size, size_t factor, void *ptr) {
  Request request = {kind, size, factor, ptr};
  if (kind == ZEROED && __builtin_mul_overflow(size, factor, &size)) return NULL;
  if (mema_lastError()->reason != MEMA_OVER_BUDGET || !lendReserve(&pool, size)) return NULL;
  void *chunk = grant(&request);
  endLoan(&pool);
  return chunk;
}

static void *leaveWith(void *chunk) {
  if (chunk == NULL) noteRefusal();
  leaveHeap();
  if (chunk == NULL) errno = ENOMEM;
  return chunk;
}

void *heapAllocate(size_t size) {
  if (!enterHeap()) return refuseInterrupted();
  void *chunk = mema_palloc(&pool, size);
  if (chunk == NULL) chunk = grantFromReserve(PLAIN, size, 0, NULL);
  return leaveWith(chunk);
}

void *heapAllocateZeroed(size_t count, size_t size) {
  if (!enterHeap()) return refuseInterrupted();
  void *chunk = mema_pcalloc(&pool, count, size);
  if (chunk == NULL) chunk = grantFromReserve(ZEROED, size, count, NULL);
  return leaveWith(chunk);
}

void *heapAllocateAligned(size_t alignment, size_t size) {
  if (!enterHeap()) return refuseInterrupted();
  void *chunk = mema_pmemalign(&pool, alignment, size);
  if (chunk == NULL) chunk = grantFromReserve(ALIGNED, size, alignment, NULL);
  return leaveWith(chunk);
}

/* The C library's chunk moves into the pool when it is resized. Called under the lock, leaves it before giving the old chunk
 * back, because that is another allocator with locks of its own. */
static HeapAnswer adoptForeign(void **ptr, size_t oldSize, size_t size) {
  void *chunk = mema_palloc(&pool, size);
  if (chunk == NULL) {
    noteRefusal();
  } else {
    memcpy(chunk, *ptr, oldSize < size ? oldSize : size);
    foreignFrees++;
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
  badPointers++;
  publishNow();
  leaveHeap();
  return HEAP_BAD_POINTER;
}

HeapAnswer heapResize(void **ptr, size_t size) {
  int savedErrno = errno;
  HeapAnswer answer = HEAP_REFUSED;
  if (!enterHeap()) {
    refuseInterrupted();
  } else if (!mema_ownsChunk(&pool, *ptr)) {
    answer = resizeStranger(ptr, size);
  } else {
    void *chunk = mema_repalloc(&pool, *ptr, size);
    if (chunk == NULL) chunk = grantFromReserve(RESIZED, size, 0, *ptr);
    if (leaveWith(chunk) != NULL) {
      *ptr = chunk;
      answer = HEAP_DONE;
    }
  }
  errno = savedErrno;
  return answer;
}

__attribute__((noinline)) static HeapAnswer releaseStranger(void *ptr) {
  bool foreign = foreignSize(ptr) > 0;
  if (foreign) {
    foreignFrees++;
  } else {
    badPointers++;
    publishNow();
  }
  leaveHeap();
  if (!foreign) return HEAP_BAD_POINTER;
  freeForeign(ptr);
  return HEAP_DONE;
}

HeapAnswer heapRelease(void *ptr) {
  int savedErrno = errno;
  HeapAnswer answer = HEAP_DONE;
  if (!enterHeap()) {
    atomic_fetch_add_explicit(&droppedFrees, 1, memory_order_relaxed);
  } else if (mema_pfree(&pool, ptr)) {
    leaveHeap();
  } else {
    answer = releaseStranger(ptr);
  }
  errno = savedErrno;
  return answer;
}

size_t heapChunkSize(const void *ptr) {
  if (!enterHeap()) return 0;
  size_t size = mema_chunkSize(&pool, ptr);
  if (size == 0) size = foreignSize(ptr);
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

static void notePeakMapped(void) {
  mema_Stats stats;
  if (!mema_poolStats(&pool, &stats)) return;
  correctStats(&stats);
  if (stats.chargedBytes > peakMapped) peakMapped = stats.chargedBytes;
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
      notePeakMapped();
    } else {
      noteRefusal();
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
    mema_creditPool(&pool, bytes);
    leaveHeap();
  }
  errno = savedErrno;
}

void heapSettleCharges(size_t bytes) {
  mema_Stats stats;
  if (!enterHeap()) return;
  atomic_store_explicit(&lateCredit, 0, memory_order_relaxed);
  if (mema_poolStats(&pool, &stats)) {
    correctStats(&stats);
    if (stats.chargedBytes > bytes) mema_creditPool(&pool, stats.chargedBytes - bytes);
  }
  peakMapped = bytes;
  leaveHeap();
}

void heapCountRefusal(void) {
  atomic_fetch_add_explicit(&unseenRefusals, 1, memory_order_relaxed);
}

bool heapEnd(RunFigures *figures) {
  if (!enterHeap()) return false;
  collectFigures(figures);
  publishNow();
  tableEnd();
  leaveHeap();
  return true;
}

/* ---- fork --------------------------------------------------------------------------------------------------------- */

static void beforeFork(void) {
  if (takeLock(&lock)) {
    forkDepth = 1;
  } else if (forkDepth > 0) {
    forkDepth++;
  }
  /* Else a signal handler that interrupted the heap forks: the interrupted call goes on in both processes, and lets go. */
}

static bool forkIsOver(void) {
  return forkDepth > 0 && --forkDepth == 0;
}

static void afterForkInParent(void) {
  if (forkIsOver()) releaseLock(&lock);
}

static void noteOwner(void) {
  heapOwner.pid = getpid();
  heapOwner.parentPid = getppid();
}

/* The child begins with the parent's chunks, but with counts of its own. */
static void startCounting(void) {
  RunFigures figures;
  collectFigures(&figures);
  RunFigures before = inherited;
  inherited = figures;
  inherited.allocations += before.allocations;
  inherited.frees += before.frees;
  inherited.refused += before.refused;
  inherited.overBudget += before.overBudget;
  inherited.badFrees += before.badFrees;
  inherited.foreignFrees += before.foreignFrees;
  inherited.droppedFrees += before.droppedFrees;
  /* Resizing to the same size begins a new peak. */
  if (state == HEAP_READY) mema_resizePool(&pool, pool.poolSize);
  forgetReservePeak(&pool);
  publicationInterval = callsUntilPublication = PUBLISH_EVERY;
}

static void afterForkInChild(void) {
  noteOwner();
  tableForget();
  if (!forkIsOver()) return;
  startCounting();
  resetLock(&lock);
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
  pthread_atfork(beforeFork, afterForkInParent, afterForkInChild);
  startMappings();
  if (enterHeap()) {
    tableOpen();
    publishNow();
    leaveHeap();
  }
  errno = savedErrno;
}
