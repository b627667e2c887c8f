/* budgetFill - the budget can be used to its last 16 bytes and not beyond, and bytes that were given back can be used again.
 * The caller sets MEMA_POOL_SIZE=1M and looks for a peak of exactly that in the report. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "check.h"

enum { BUDGET = 1 << 20 };

/* A chain through the chunks themselves: the test may not own memory that the budget does not know of. */
typedef struct Link {
  struct Link *next;
} Link;

static Link *links;

static size_t takeAll(void) {
  size_t taken = 0;
  for (size_t size = 65536; size >= 16; size /= 2) {
    Link *link;
    errno = 0;
    while ((link = malloc(size)) != NULL) {
      taken += malloc_usable_size(link);
      fill(link, malloc_usable_size(link), 0x5a);
      link->next = links;
      links = link;
    }
    CHECK(errno == ENOMEM);
  }
  return taken;
}

static void giveBack(void) {
  while (links != NULL) {
    Link *link = links;
    links = link->next;
    free(link);
  }
}

int main(void) {
  size_t first = takeAll();
  CHECK(first <= BUDGET && first > BUDGET - 128 * 1024);
  errno = 0;
  CHECK(malloc(1) == NULL && errno == ENOMEM);
  CHECK(calloc(1, 1) == NULL && aligned_alloc(16, 16) == NULL && realloc(links, 1 << 20) == NULL);
  giveBack();
  CHECK(takeAll() == first);
  giveBack();
  return 0;
}
