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
static unsigned publicationInterval = 1, callsUntilPublication = 1;
static uint64_t overBudget, badPointers, foreignFrees;
/* Of calls that the pool never saw: bad arguments, and what a signal handler asked of the heap it had interrupted. */
static _Atomic uint64_t unseenRefusals, droppedFrees;
/* What the counters were when this process was forked. */
static RunFigures inherited;

/* While forking the lock is held from the first thing to the last, and yet other handlers of the same fork may allocate. The
 * pool is then at rest, unless a signal handler interrupts such a call: hence the second flag. */
static volatile unsigned forkDepth;
static volatile bool borrowed;

/* ---- life --------------------------------------------------------------------------------------------------------- */

static void applySettings(void) {
  if (!environmentIsThere()) return;
  if (!settingsRead) readSettings();
  settingsRead = true;
  state = HEAP_READY;
  if (pool.poolSize == settings.poolSize || mema_resizePool(&pool, settings.poolSize)) return;
  /* The loader holds more already. Nothing more is handed out until it has given back what is too much. */
  mema_Stats stats;
  if (mema_poolStats(&pool, &stats) && mema_resizePool(&pool, stats.liveBytes)) state = HEAP_EARLY;
}

__attribute__((noinline)) static void warmHeap(void) {
  if (state == HEAP_COLD) {
    rememberBreak();
    if (environmentIsThere() && !settingsRead) {
      readSettings();
      settingsRead = true;
    }
    mema_Options options = {.poolSize = settings.poolSize, .untracked = true, .name = "heap"};
    if (!mema_initPoolWith(&pool, &options)) return;
    state = HEAP_EARLY;
  }
  applySettings();
}

/* Returns false iff the calling thread is inside the heap already. */
static bool enterHeap(void) {
  if (!takeLock(&lock)) {
    if (forkDepth == 0 || borrowed) return false;
    borrowed = true;
  }
  if (state != HEAP_READY) warmHeap();
  return true;
}

static void collectFigures(RunFigures *figures) {
  mema_Stats stats;
  *figures = (RunFigures){0};
  if (!mema_poolStats(&pool, &stats)) return;
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
  figures->footprint = stats.footprint;
}

static void publishNow(void) {
  callsUntilPublication = publicationInterval;
  if (publicationInterval < PUBLISH_EVERY) publicationInterval *= 2;
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

static void *leaveWith(void *chunk) {
  if (chunk == NULL) noteRefusal();
  leaveHeap();
  if (chunk == NULL) errno = ENOMEM;
  return chunk;
}

void *heapAllocate(size_t size) {
  if (!enterHeap()) return refuseInterrupted();
  return leaveWith(mema_palloc(&pool, size));
}

void *heapAllocateZeroed(size_t count, size_t size) {
  if (!enterHeap()) return refuseInterrupted();
  return leaveWith(mema_pcalloc(&pool, count, size));
}

void *heapAllocateAligned(size_t alignment, size_t size) {
  if (!enterHeap()) return refuseInterrupted();
  return leaveWith(mema_pmemalign(&pool, alignment, size));
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
  if (enterHeap()) {
    tableOpen();
    publishNow();
    leaveHeap();
  }
  errno = savedErrno;
}
