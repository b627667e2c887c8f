/* heap.c - see heap.h. */
#include "heap.h"

#include <errno.h>
#include <string.h>

#include "foreign.h"
#include "gate.h"
#include "lateFrees.h"
#include "points.h"
#include "report.h"
#include "reserve.h"
#include "table.h"
#include "total.h"

static void *refuseInterrupted(void) {
  countOne(&ownSlot()->refused);
  errno = ENOMEM;
  return NULL;
}

/* A refusal that the run asked for (points.h). */
static void *refuseAtPoint(void) {
  errno = ENOMEM;
  return NULL;
}

typedef enum HeapAnswer { HEAP_DONE, HEAP_REFUSED, HEAP_BAD_POINTER } HeapAnswer;

typedef enum RequestKind { PLAIN, ZEROED, ALIGNED, RESIZED } RequestKind;

/* A request to the heap, in a form that can be repeated. */
typedef struct Request {
  RequestKind kind;
  size_t size;
  size_t factor; /* ZEROED: the count of elements; ALIGNED: the alignment */
  void *ptr;     /* RESIZED: the chunk */
} Request;

/* The calls of shared pools alone may be made before the loader is done: those of the interface read the address of a cache. */
static inline void *grant(const Request *request) {
  switch (request->kind) {
    case PLAIN:
      return mema_sharedPalloc(&heapPool, request->size);
    case ZEROED:
      return mema_pcalloc(&heapPool, request->factor, request->size);
    case ALIGNED:
      return mema_pmemalign(&heapPool, request->factor, request->size);
    case RESIZED:
    default:
      return mema_sharedRepalloc(&heapPool, request->ptr, request->size);
  }
}

/* Repeats a request that the pool refused a moment ago, as often as the total allows more. *reason is that of the last refusal. */
__attribute__((noinline)) static void *grantFromTotal(Request request, mema_Reason *reason) {
  void *chunk = NULL;
  bool repeated = false;
  while (chunk == NULL && leaseMore(&heapPool)) {
    chunk = grant(&request);
    repeated = true;
  }
  if (chunk != NULL || !repeated) return chunk;
  *reason = mema_lastError()->reason;
  returnExcess(&heapPool);
  return NULL;
}

/* Repeats a refused request with the reserve, if the reserve may be lent. */
__attribute__((noinline)) static void *grantFromReserve(Request request, mema_Reason refusal) {
  size_t size = request.size;
  if (request.kind == ZEROED && __builtin_mul_overflow(size, request.factor, &size)) return NULL;
  if (refusal != MEMA_OVER_BUDGET || !lendReserve(&heapPool, size)) return NULL;
  void *chunk = grant(&request);
  endLoan(&heapPool);
  return chunk;
}

/* musl's pthread_atfork asks for memory, which it never frees, while the pool is being made. */
static void *serveWhileMaking(const Request *request) {
  static _Alignas(16) char bytes[1024];
  static atomic_size_t used;
  if (request->kind > ZEROED || request->size > sizeof bytes || request->factor > 1 || !isMakingHeap()) return NULL;
  size_t size = (request->size + 15) & ~(size_t)15, at = atomic_fetch_add_explicit(&used, size, memory_order_relaxed);
  return at + size <= sizeof bytes ? bytes + at : NULL;
}

/* The general path of an allocation, under the lock. `refused`: the pool refused the request a moment ago. */
__attribute__((noinline)) static void *allocateSlowly(Request request, bool refused) {
  mema_Reason reason = refused ? mema_lastError()->reason : MEMA_OK;
  int before = refused ? mema_lastError()->errnoBefore : errno;
  if (reason == MEMA_REENTERED || !enterHeap()) {
    void *given = serveWhileMaking(&request);
    return given != NULL ? given : refuseInterrupted();
  }
  void *chunk = refused ? NULL : grant(&request);
  if (!refused && chunk == NULL) reason = mema_lastError()->reason;
  if (chunk == NULL) chunk = grantFromTotal(request, &reason);
  if (chunk == NULL) chunk = grantFromReserve(request, reason);
  if (chunk == NULL) noteRefusal(reason);
  leaveHeap();
  errno = chunk != NULL ? before : ENOMEM;
  return chunk;
}

/* The next three functions are tail calls of `allocate`, so that the common path uses little stack. */
__attribute__((noinline, cold)) void *heapPublishFor(void *ptr) {
  publishNowAndThen();
  return ptr;
}

__attribute__((noinline, cold)) static void *allocateUnready(RequestKind kind, size_t size, size_t factor) {
  if (failsAtPoint(kind == ZEROED ? size * factor : size)) return refuseAtPoint();
  return allocateSlowly((Request){kind, size, factor, NULL}, false);
}

__attribute__((noinline, cold)) static void *allocateRefused(RequestKind kind, size_t size, size_t factor) {
  return allocateSlowly((Request){kind, size, factor, NULL}, true);
}

static inline __attribute__((always_inline)) void *allocate(RequestKind kind, size_t size, size_t factor) {
  if (!heapIsReady()) return allocateUnready(kind, size, factor);
  void *chunk = kind == PLAIN    ? mema_sharedPalloc(&heapPool, size)
                : kind == ZEROED ? mema_pcalloc(&heapPool, factor, size)
                                 : mema_pmemalign(&heapPool, factor, size);
  if (__builtin_expect(chunk == NULL, 0)) return allocateRefused(kind, size, factor);
  return countCall() ? heapPublishFor(chunk) : chunk;
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

/* Moves a live chunk of the C library into the pool, and resizes it. Called under the lock. */
static HeapAnswer adoptForeign(void **ptr, size_t oldSize, size_t size) {
  mema_Reason reason = MEMA_OK;
  void *chunk = mema_sharedPalloc(&heapPool, size);
  if (chunk == NULL) reason = mema_lastError()->reason;
  if (chunk == NULL) chunk = grantFromTotal((Request){PLAIN, size, 0, NULL}, &reason);
  if (chunk == NULL) {
    noteRefusal(reason);
    return HEAP_REFUSED;
  }
  memcpy(chunk, *ptr, oldSize < size ? oldSize : size);
  countOne(&ownSlot()->foreignFrees);
  freeForeign(*ptr);
  *ptr = chunk;
  return HEAP_DONE;
}

/* Resizes what is no chunk of the pool. Called under the lock. What may be a chunk of the C library stays as it is. */
static HeapAnswer resizeStranger(void **ptr, size_t size) {
  Foreign foreign = lookForeign(*ptr);
  switch (foreign.kind) {
    case FOREIGN_LIVE:
      return adoptForeign(ptr, foreign.size, size);
    case FOREIGN_UNKNOWN:
      countOne(&ownSlot()->unknownFrees);
      return HEAP_REFUSED;
    case FOREIGN_NONE:
    default:
      countOne(&ownSlot()->badFrees);
      return HEAP_BAD_POINTER;
  }
}

/* The general path of a resize. `refused`: the pool refused a moment ago. */
__attribute__((noinline)) static HeapAnswer resizeSlowly(void **ptr, size_t size, bool refused) {
  mema_Reason reason = refused ? mema_lastError()->reason : MEMA_OK;
  if (reason == MEMA_REENTERED || !enterHeap()) {
    refuseInterrupted();
    return HEAP_REFUSED;
  }
  if (refused ? reason == MEMA_BAD_POINTER : !mema_ownsChunk(&heapPool, *ptr)) {
    HeapAnswer answer = resizeStranger(ptr, size);
    leaveHeap();
    return answer;
  }
  Request request = {RESIZED, size, 0, *ptr};
  void *chunk = refused ? NULL : grant(&request);
  if (!refused && chunk == NULL) reason = mema_lastError()->reason;
  if (chunk == NULL) chunk = grantFromTotal(request, &reason);
  if (chunk == NULL) chunk = grantFromReserve(request, reason);
  if (chunk == NULL) noteRefusal(reason);
  leaveHeap();
  if (chunk == NULL) return HEAP_REFUSED;
  *ptr = chunk;
  return HEAP_DONE;
}

/* A chunk that shrinks is no point: no allocator is known that refuses it. */
static bool failsToGrow(const void *ptr, size_t size) {
  return countsPoints && size > mema_sharedChunkSize(&heapPool, ptr) && failsAtPoint(size);
}

/* `refused`: the pool refused a moment ago. */
__attribute__((noinline, cold)) static void *resizeElse(void *ptr, size_t size, bool refused) {
  void *chunk = ptr;
  int before = refused ? mema_lastError()->errnoBefore : errno;
  HeapAnswer answer = !refused && failsToGrow(ptr, size) ? HEAP_REFUSED : resizeSlowly(&chunk, size, refused);
  if (answer == HEAP_BAD_POINTER) reportBadPointer("realloc", ptr);
  errno = answer == HEAP_DONE ? before : answer == HEAP_REFUSED ? ENOMEM : EINVAL;
  return answer == HEAP_DONE ? chunk : NULL;
}

void *heapResize(void *ptr, size_t size) {
  if (size == 0) {
    heapRelease(ptr);
    return NULL;
  }
  if (!heapIsReady()) return resizeElse(ptr, size, false);
  void *chunk = mema_sharedRepalloc(&heapPool, ptr, size);
  if (__builtin_expect(chunk == NULL, 0)) return resizeElse(ptr, size, true);
  return countCall() ? heapPublishFor(chunk) : chunk;
}

/* Frees what is no chunk of the pool. Called under the lock. What may be a chunk of the C library is kept. */
static HeapAnswer releaseStranger(void *ptr) {
  switch (lookForeign(ptr).kind) {
    case FOREIGN_LIVE:
      countOne(&ownSlot()->foreignFrees);
      freeForeign(ptr);
      return HEAP_DONE;
    case FOREIGN_UNKNOWN:
      countOne(&ownSlot()->unknownFrees);
      return HEAP_DONE;
    case FOREIGN_NONE:
    default:
      countOne(&ownSlot()->badFrees);
      return HEAP_BAD_POINTER;
  }
}

/* The caller is a signal handler that interrupted the heap. The thread's next call to the heap frees the pointer. */
static HeapAnswer postponeFree(void *ptr) {
  if (keepLateFree(ptr)) {
    heapCallsLeft = 0;
    mema_sharedCallSoon();
  } else {
    countOne(&ownSlot()->droppedFrees);
  }
  return HEAP_DONE;
}

static HeapAnswer releaseUnready(void *ptr, bool refused) {
  if (refused && mema_lastError()->reason == MEMA_REENTERED) return postponeFree(ptr);
  if (!enterHeap()) return postponeFree(ptr);
  HeapAnswer answer = refused || !mema_sharedPfree(&heapPool, ptr) ? releaseStranger(ptr) : HEAP_DONE;
  leaveHeap();
  return answer;
}

/* The general path of a free. `refused`: the pool refused the pointer a moment ago. */
__attribute__((noinline, cold)) static void releaseSlowly(void *ptr, bool refused) {
  int before = refused ? mema_lastError()->errnoBefore : errno;
  if (releaseUnready(ptr, refused) == HEAP_BAD_POINTER) reportBadPointer("free", ptr);
  errno = before;
}

static inline __attribute__((always_inline)) void release(void *ptr, bool (*give)(mema_Pool *pool, void *ptr)) {
  if (ptr == NULL) return;
  if (!heapIsReady()) {
    releaseSlowly(ptr, false);
  } else if (__builtin_expect(!give(&heapPool, ptr), 0)) {
    releaseSlowly(ptr, true);
  } else if (countCall()) {
    publishNowAndThen();
  }
}

void heapRelease(void *ptr) {
  release(ptr, mema_sharedPfree);
}

void heapReleaseElse(void *ptr) {
  release(ptr, mema_sharedPfreeElse);
}

void heapReleaseRefused(void *ptr) {
  releaseSlowly(ptr, true);
}

static inline __attribute__((always_inline)) size_t chunkSize(const void *ptr,
                                                              size_t (*sizeOf)(const mema_Pool *, const void *)) {
  if (ptr == NULL) return 0;
  size_t size = sizeOf(&heapPool, ptr);
  if (size != 0 || !enterHeap()) return size;
  size = lookForeign(ptr).size;
  leaveHeap();
  return size;
}

size_t heapChunkSize(const void *ptr) {
  return chunkSize(ptr, mema_sharedChunkSize);
}

size_t heapChunkSizeElse(const void *ptr) {
  return chunkSize(ptr, mema_sharedChunkSizeElse);
}

size_t heapOwnSize(const void *ptr) {
  return heapIsReady() ? mema_sharedChunkSize(&heapPool, ptr) : 0;
}

size_t heapRoomFor(size_t size) {
  return heapIsReady() ? mema_sharedRoom(&heapPool, size) : 0;
}

void heapCountRefusal(void) {
  countOne(&ownSlot()->refused);
}
