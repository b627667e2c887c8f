/* libcHeap - memory from the C library's own heap is passed on to it, and is no bad pointer. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "check.h"

extern void *__libc_malloc(size_t size);

enum { COUNT = 100 };

int main(void) {
  unsigned char *chunks[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    chunks[i] = __libc_malloc(i * 37 + 1);
    CHECK(chunks[i] != NULL && malloc_usable_size(chunks[i]) >= i * 37 + 1);
    fill(chunks[i], i * 37 + 1, (unsigned char)i);
  }
  for (size_t i = 0; i < COUNT; i += 2) {
    chunks[i] = realloc(chunks[i], 5000);
    CHECK(chunks[i] != NULL && isFilled(chunks[i], i * 37 + 1, (unsigned char)i));
  }
  errno = 44;
  for (size_t i = 0; i < COUNT; i++) free(chunks[i]);
  CHECK(errno == 44);
  /* The freed chunk is handed out again, so it did arrive there. */
  bool again = false;
  for (size_t i = 0; i < COUNT; i++) again = again || __libc_malloc(38) == chunks[1];
  CHECK(again);
  CHECK(realloc(__libc_malloc(10), 0) == NULL);
  return 0;
}
