/* alignedAlloc: the answers of aligned_alloc, memalign and posix_memalign for alignments that are no power of two, one line each. Under mema the lines are
 * those of the C library alone. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The alignment that is meant: the next power of two, and no less than malloc's. */
static size_t rounded(size_t alignment) {
  size_t power = 16;
  while (power < alignment) power *= 2;
  return power;
}

static void say(const char *call, size_t alignment, void *chunk, int reason) {
  const char *answer = chunk == NULL ? "refused" : (uintptr_t)chunk % rounded(alignment) == 0 ? "aligned" : "not aligned";
  printf("%s(%zu): %s %d\n", call, alignment, answer, reason);
  if (chunk != NULL) memset(chunk, 1, 100);
  free(chunk);
}

int main(void) {
  static const size_t alignments[] = {0, 1, 3, 8, 24, 48, 100, 3000, 5000, 70000};
  for (size_t i = 0; i < sizeof alignments / sizeof *alignments; i++) {
    volatile size_t alignment = alignments[i];
    void *chunk;
    errno = 0;
    chunk = aligned_alloc(alignment, 100);
    say("aligned_alloc", alignment, chunk, errno);
    errno = 0;
    chunk = memalign(alignment, 100);
    say("memalign", alignment, chunk, errno);
    chunk = NULL;
    int reason = posix_memalign(&chunk, alignment, 100);
    say("posix_memalign", alignment, chunk, reason);
  }
  return 0;
}
