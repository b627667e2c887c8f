/* family.c - the malloc family on top of the heap, as the C standard, POSIX and glibc define each function.
 *
 *   errno        A refusal sets ENOMEM. Success and free leave errno alone.
 *   zero bytes   A request for 0 bytes gets a chunk of its own. realloc(ptr, 0) frees and returns NULL, as in glibc.
 *   alignment    aligned_alloc takes those that the C library of the process takes.
 *   bad pointer  A pointer to no live chunk: free ignores it, realloc returns NULL with EINVAL, malloc_usable_size
 *                returns 0. The first two count it, and abort the program under MEMA_STRICT. */
#define _GNU_SOURCE
#include "family.h"

#include <errno.h>
#include <unistd.h>

#include "heap.h"

/* glibc has it, other C libraries do not. */
extern const char *gnu_get_libc_version(void) __attribute__((weak));

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

void cfree(void *ptr) {
  free(ptr);
}

void *reallocarray(void *ptr, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return refuse(ENOMEM);
  return realloc(ptr, bytes);
}

/* True if the aligned_alloc of this process's C library takes any alignment, as its memalign does: glibc before 2.38.
 * Newer ones refuse an alignment that is no power of two (the NEWS of glibc 2.38). */
static bool takesAnyAlignment(void) {
  const char *version = gnu_get_libc_version != NULL ? gnu_get_libc_version() : "";
  unsigned minor = 0;
  if (version[0] != '2' || version[1] != '.') return false;
  for (const char *digit = version + 2; *digit >= '0' && *digit <= '9'; digit++)
    minor = minor * 10 + (unsigned)(*digit - '0');
  return minor < 38;
}

/* The alignment is a power of two. */
static void *allocateAligned(size_t alignment, size_t size) {
  void *chunk = takeAligned(alignment, size);
  return chunk != NULL ? chunk : heapAllocateAligned(alignment, size);
}

/* The heap serves all that the C library serves: the program may rely on it. */
void *aligned_alloc(size_t alignment, size_t size) {
  if (isPowerOfTwo(alignment)) return allocateAligned(alignment, size);
  return takesAnyAlignment() ? memalign(alignment, size) : refuse(EINVAL);
}

/* No slot is at hand. */
__attribute__((noinline)) static int memalignElse(void **out, size_t alignment, size_t size) {
  int savedErrno = errno;
  void *chunk = heapAllocateAligned(alignment, size);
  errno = savedErrno;
  if (chunk == NULL) return ENOMEM;
  *out = chunk;
  return 0;
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  if (!isPowerOfTwo(alignment) || alignment % sizeof(void *) != 0) {
    heapCountRefusal();
    return EINVAL;
  }
  void *chunk = takeAligned(alignment, size);
  if (chunk == NULL) return memalignElse(out, alignment, size);
  *out = chunk;
  return 0;
}

/* memalign takes any alignment, as in glibc, and rounds it up to a power of two. */
void *memalign(size_t alignment, size_t size) {
  if (alignment > SIZE_MAX / 2 + 1) return refuse(EINVAL);
  size_t rounded = MEMA_ALIGNMENT;
  while (rounded < alignment) rounded <<= 1;
  return allocateAligned(rounded, size);
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
