/* errnoRules - ENOMEM and EINVAL where they are due, and errno left alone everywhere else. */
#define _GNU_SOURCE
#include <errno.h>
#include <gnu/libc-version.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "check.h"

/* Hidden from the compiler, which knows that no such request can succeed (and, in one version, crashes over it). */
static volatile size_t huge = SIZE_MAX, half = SIZE_MAX / 2 + 1, beyond = (size_t)PTRDIFF_MAX + 1;
static volatile size_t zero = 0, three = 3, fortyEight = 48, one = 1, halfWord = sizeof(void *) / 2, twentyFour = 24;

#define REFUSED(call, reason) (errno = 0, (call) == NULL && errno == (reason))

/* glibc 2.38 and newer refuse an alignment that is no power of two; older ones round it up. */
static bool isAsInGlibc(size_t alignment) {
  bool refuses = atoi(gnu_get_libc_version() + 2) >= 38;
  if (refuses) return REFUSED(aligned_alloc(alignment, 48), EINVAL);
  errno = 55;
  void *chunk = aligned_alloc(alignment, 48);
  bool good = chunk != NULL && ((uintptr_t)chunk & (alignment > 16 ? 63 : 15)) == 0 && errno == 55;
  free(chunk);
  return good;
}

static void checkRefusals(void) {
  CHECK(REFUSED(malloc(huge), ENOMEM));
  CHECK(REFUSED(malloc(huge - 16), ENOMEM));
  CHECK(REFUSED(malloc(half), ENOMEM));
  CHECK(REFUSED(malloc(beyond), ENOMEM));
  CHECK(REFUSED(calloc(half, 2), ENOMEM));
  CHECK(REFUSED(calloc(huge, huge), ENOMEM));
  CHECK(REFUSED(calloc(1, huge), ENOMEM));
  CHECK(REFUSED(reallocarray(NULL, half, 2), ENOMEM));
  CHECK(REFUSED(valloc(huge), ENOMEM));
  CHECK(REFUSED(pvalloc(huge), ENOMEM));
  CHECK(REFUSED(pvalloc(huge - 4095), ENOMEM));
  CHECK(REFUSED(memalign(64, huge), ENOMEM));
  CHECK(REFUSED(memalign(huge, 1), EINVAL));
  CHECK(REFUSED(aligned_alloc(64, huge), ENOMEM));
  CHECK(REFUSED(aligned_alloc(half, 1), ENOMEM));
  CHECK(isAsInGlibc(zero) && isAsInGlibc(three) && isAsInGlibc(fortyEight));
}

static void checkFailedResize(void) {
  unsigned char *chunk = malloc(1000);
  fill(chunk, 1000, 7);
  CHECK(REFUSED(realloc(chunk, huge), ENOMEM));
  CHECK(REFUSED(realloc(chunk, half), ENOMEM));
  CHECK(REFUSED(reallocarray(chunk, half, 2), ENOMEM));
  CHECK(isFilled(chunk, 1000, 7) && malloc_usable_size(chunk) >= 1000);
  CHECK(REFUSED(realloc(chunk + 16, 10), EINVAL));
  free(chunk);
}

static void checkPosixMemalign(void) {
  int mark;
  void *const before = &mark;
  void *out = before;
  errno = 77;
  CHECK(posix_memalign(&out, zero, 1) == EINVAL && posix_memalign(&out, one, 1) == EINVAL);
  CHECK(posix_memalign(&out, halfWord, 1) == EINVAL && posix_memalign(&out, twentyFour, 1) == EINVAL);
  CHECK(posix_memalign(&out, huge, 1) == EINVAL);
  CHECK(posix_memalign(&out, 64, huge) == ENOMEM && posix_memalign(&out, half, 1) == ENOMEM);
  CHECK(errno == 77 && out == before);
  CHECK(posix_memalign(&out, 64, 0) == 0 && out != before && errno == 77);
  free(out);
}

static void checkSuccess(void) {
  errno = 55;
  void *chunk = malloc(100000);
  chunk = realloc(chunk, 200);
  chunk = realloc(chunk, 2000000);
  free(chunk);
  free(calloc(10, 10));
  free(aligned_alloc(4096, 1));
  free(NULL);
  CHECK(errno == 55);
}

static void checkBadFree(void) {
  int onStack = 0;
  char *volatile chunk = malloc(64);
  errno = 66;
  free(&onStack);
  free(chunk + 16);
  free(chunk);
  free(chunk);
  CHECK(errno == 66);
}

int main(void) {
  checkRefusals();
  checkFailedResize();
  checkPosixMemalign();
  checkSuccess();
  checkBadFree();
  return 0;
}
