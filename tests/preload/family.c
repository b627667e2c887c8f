/* family - every function of the malloc family keeps the promises of the C library. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "check.h"

typedef void Free(void *ptr);
typedef void FreeSized(void *ptr, size_t size);
typedef void FreeAlignedSized(void *ptr, size_t alignment, size_t size);

static bool isAligned(const void *chunk, size_t alignment) {
  return (uintptr_t)chunk % alignment == 0;
}

static void checkZero(void) {
  void *first = malloc(0), *second = malloc(0), *third = calloc(0, 7);
  CHECK(first != NULL && second != NULL && third != NULL && first != second && second != third);
  CHECK(realloc(first, 0) == NULL);
  free(second);
  free(third);
  free(NULL);
  void *fresh = realloc(NULL, 0);
  CHECK(fresh != NULL);
  free(fresh);
}

static void checkSizes(void) {
  for (size_t size = 1; size < (size_t)8 << 20; size += 1 + size / 3) {
    unsigned char *chunk = malloc(size);
    CHECK(chunk != NULL && isAligned(chunk, 16) && malloc_usable_size(chunk) >= size);
    fill(chunk, malloc_usable_size(chunk), 0xa5);
    free(chunk);
    unsigned char *zeroed = calloc(1, size);
    CHECK(zeroed != NULL && isFilled(zeroed, size, 0));
    free(zeroed);
  }
}

static void checkResize(void) {
  unsigned char *chunk = malloc(1);
  size_t size = 1;
  fill(chunk, size, 1);
  for (unsigned char turn = 2; size < (size_t)4 << 20; turn++) {
    size_t larger = size * 2 + 3;
    chunk = realloc(chunk, larger);
    CHECK(chunk != NULL && isFilled(chunk, size, (unsigned char)(turn - 1)));
    size = larger;
    fill(chunk, size, turn);
  }
  unsigned char last = chunk[0];
  while (size > 1) {
    size /= 3;
    chunk = realloc(chunk, size + 1);
    CHECK(chunk != NULL && isFilled(chunk, size + 1, last));
  }
  free(chunk);
  unsigned char *array = reallocarray(NULL, 10, 10);
  array = reallocarray(array, 100, 100);
  CHECK(array != NULL && malloc_usable_size(array) >= 10000);
  free(array);
}

static void checkAlignments(void) {
  for (size_t alignment = 1; alignment <= 1 << 20; alignment <<= 1) {
    void *chunk = aligned_alloc(alignment, 100);
    CHECK(chunk != NULL && isAligned(chunk, alignment));
    fill(chunk, 100, 1);
    free(chunk);
    chunk = memalign(alignment, 100);
    CHECK(chunk != NULL && isAligned(chunk, alignment));
    free(chunk);
    chunk = NULL;
    CHECK(alignment < sizeof(void *) || (posix_memalign(&chunk, alignment, 100) == 0 && isAligned(chunk, alignment)));
    chunk = realloc(chunk, 200000);
    CHECK(chunk != NULL);
    free(chunk);
  }
  volatile size_t odd = 48;
  void *rounded = memalign(odd, 10);
  CHECK(rounded != NULL && isAligned(rounded, 64));
  free(rounded);
}

static void checkPages(void) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  void *chunk = valloc(10);
  CHECK(chunk != NULL && isAligned(chunk, page));
  free(chunk);
  for (size_t pages = 1; pages < 2000; pages += 1 + pages / 3) {
    chunk = pvalloc(pages * page + 1);
    CHECK(chunk != NULL && isAligned(chunk, page) && malloc_usable_size(chunk) >= (pages + 1) * page);
    free(chunk);
  }
  chunk = pvalloc(0);
  CHECK(chunk != NULL && isAligned(chunk, page) && malloc_usable_size(chunk) >= 1);
  free(chunk);
}

/* Looked up at run time: the C library that the test is linked with need not have them. */
static void checkOtherFrees(void) {
  FreeSized *freeSized = (FreeSized *)dlsym(RTLD_DEFAULT, "free_sized");
  FreeAlignedSized *freeAlignedSized = (FreeAlignedSized *)dlsym(RTLD_DEFAULT, "free_aligned_sized");
  Free *oldFree = (Free *)dlsym(RTLD_DEFAULT, "cfree");
  CHECK(freeSized != NULL && freeAlignedSized != NULL && oldFree != NULL);
  void *first = malloc(10), *second = aligned_alloc(64, 64), *third = malloc(30);
  freeSized(first, 10);
  freeAlignedSized(second, 64, 64);
  oldFree(third);
  CHECK(malloc_usable_size(first) == 0 && malloc_usable_size(second) == 0 && malloc_usable_size(third) == 0);
  freeSized(NULL, 0);
  freeAlignedSized(NULL, 0, 0);
  oldFree(NULL);
}

static void checkUsableSize(void) {
  int onStack = 0;
  unsigned char *chunk = malloc(100);
  CHECK(malloc_usable_size(NULL) == 0 && malloc_usable_size(&onStack) == 0 && malloc_usable_size(chunk + 16) == 0);
  free(chunk);
}

int main(void) {
  checkZero();
  checkSizes();
  checkResize();
  checkAlignments();
  checkPages();
  checkOtherFrees();
  checkUsableSize();
  return 0;
}
