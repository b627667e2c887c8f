/* family.c - the malloc family on top of the heap, as the C standard, POSIX and glibc define each function.
 *
 *   errno        A refusal sets ENOMEM. Success and free leave errno alone.
 *   zero bytes   A request for 0 bytes gets a chunk of its own. realloc(ptr, 0) frees and returns NULL, as in glibc.
 *   bad pointer  A pointer to no live chunk: free ignores it, realloc returns NULL with EINVAL, malloc_usable_size
 *                returns 0. The first two count it, and abort the program under MEMA_STRICT. */
#define _GNU_SOURCE
#include "family.h"

#include <errno.h>
#include <unistd.h>

#include "heap.h"
#include "report.h"

static bool isPowerOfTwo(size_t number) {
  return number != 0 && (number & (number - 1)) == 0;
}

static size_t pageSize(void) {
  return (size_t)sysconf(_SC_PAGESIZE);
}

static void *refuse(int reason) {
  heapCountRefusal();
  errno = reason;
  return NULL;
}

void *malloc(size_t size) {
  return heapAllocate(size);
}

void *calloc(size_t count, size_t size) {
  return heapAllocateZeroed(count, size);
}

void free(void *ptr) {
  heapRelease(ptr);
}

/* The size is ignored: the heap knows the chunk's size. */
void free_sized(void *ptr, size_t size) {
  (void)size;
  free(ptr);
}

void free_aligned_sized(void *ptr, size_t alignment, size_t size) {
  (void)alignment;
  (void)size;
  free(ptr);
}

void cfree(void *ptr) {
  free(ptr);
}

void *realloc(void *ptr, size_t size) {
  if (ptr == NULL) return heapAllocate(size);
  if (size == 0) {
    free(ptr);
    return NULL;
  }
  void *bad = ptr;
  switch (heapResize(&ptr, size)) {
    case HEAP_DONE:
      return ptr;
    case HEAP_BAD_POINTER:
      reportBadPointer("realloc", bad);
      errno = EINVAL;
      return NULL;
    case HEAP_REFUSED:
    default:
      errno = ENOMEM;
      return NULL;
  }
}

void *reallocarray(void *ptr, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return refuse(ENOMEM);
  return realloc(ptr, bytes);
}

void *aligned_alloc(size_t alignment, size_t size) {
  if (!isPowerOfTwo(alignment)) return refuse(EINVAL);
  return heapAllocateAligned(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  if (!isPowerOfTwo(alignment) || alignment % sizeof(void *) != 0) {
    heapCountRefusal();
    return EINVAL;
  }
  int savedErrno = errno;
  void *chunk = heapAllocateAligned(alignment, size);
  errno = savedErrno;
  if (chunk == NULL) return ENOMEM;
  *out = chunk;
  return 0;
}

/* memalign takes any alignment, as in glibc, and rounds it up to a power of two. */
void *memalign(size_t alignment, size_t size) {
  if (alignment > SIZE_MAX / 2 + 1) return refuse(EINVAL);
  size_t rounded = MEMA_ALIGNMENT;
  while (rounded < alignment) rounded <<= 1;
  return heapAllocateAligned(rounded, size);
}

void *valloc(size_t size) {
  return heapAllocateAligned(pageSize(), size);
}

void *pvalloc(size_t size) {
  size_t page = pageSize();
  if (size > SIZE_MAX - page) return refuse(ENOMEM);
  size_t rounded = (size + page - 1) & ~(page - 1);
  return heapAllocateAligned(page, rounded > 0 ? rounded : page);
}

size_t malloc_usable_size(void *ptr) {
  return ptr == NULL ? 0 : heapChunkSize(ptr);
}
