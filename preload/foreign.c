/* foreign.c - see foreign.h. The layout is that of glibc's malloc. In front of a chunk lies its size, with
 * three flags in the low bits. The flag for "in use" is in the header of the next chunk. */
#define _GNU_SOURCE
#include "foreign.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdint.h>

#include "rawCalls.h"

enum { HEADER = 2 * sizeof(size_t), SIZE_FIELD = sizeof(size_t), FLAGS = 7, PREVIOUS_IN_USE = 1, NOT_MAIN_HEAP = 6 };

extern void __libc_free(void *ptr) __attribute__((weak));

/* The C library's mallinfo2, which heapInfo.c hides from programs; NULL if it has none. */
static struct mallinfo2 (*libcInfo)(void);
static uintptr_t firstBreak;

void rememberBreak(void) {
  firstBreak = (uintptr_t)rawBreak(0);
}

/* The conversion to a function pointer is the one that POSIX prescribes for dlsym. */
void findLibcHeap(void) {
  *(void **)&libcInfo = dlsym(RTLD_NEXT, "mallinfo2");
}

/* Returns the size field of the chunk with this header. The caller has checked that it lies in the data
 * segment. */
static size_t sizeField(uintptr_t header) {
  return *(const size_t *)(header + SIZE_FIELD);
}

/* True if the data segment holds the C library's heap. Programs extend the segment by themselves too, and may
 * leave any bytes there. */
static bool isLibcHeapInUse(void) {
  return __libc_free != NULL && libcInfo != NULL && libcInfo().arena > 0;
}

size_t foreignSize(const void *ptr) {
  uintptr_t address = (uintptr_t)ptr;
  if (firstBreak == 0 || address <= firstBreak) return 0;
  uintptr_t end = (uintptr_t)rawBreak(0);
  if (address >= end || address - firstBreak < HEADER || address % HEADER != 0 || !isLibcHeapInUse()) return 0;
  uintptr_t header = address - HEADER;
  size_t field = sizeField(header);
  size_t size = field & ~(size_t)FLAGS;
  /* The heap's unused top is a chunk too, so every other chunk has a header behind it. */
  if ((field & NOT_MAIN_HEAP) != 0 || size < (size_t)2 * HEADER || size % HEADER != 0 || end - header < HEADER ||
      size > end - header - HEADER) {
    return 0;
  }
  if ((sizeField(header + size) & PREVIOUS_IN_USE) == 0) return 0;
  return size - SIZE_FIELD;
}

void freeForeign(void *ptr) {
  __libc_free(ptr);
}
