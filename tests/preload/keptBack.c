/* keptBack - the reserve: ordinary requests stop short of it, small ones may have it once one was refused, and it closes again when
 * enough was given back. The caller sets MEMA_POOL_SIZE=2M and MEMA_RESERVE=64K, and looks for a peak of all but a little. */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>

#include "probe.h"

enum { RESERVE = 64 << 10, SMALL = 512 };

typedef struct Link {
  struct Link *next;
} Link;

static Link *links;

static bool take(size_t size) {
  Link *link = malloc(size);
  if (link == NULL) {
    CHECK(errno == ENOMEM);
    return false;
  }
  fill(link, size, 1);
  link->next = links;
  links = link;
  return true;
}

static void give(size_t bytes) {
  size_t given = 0;
  while (given < bytes && links != NULL) {
    Link *link = links;
    links = link->next;
    given += malloc_usable_size(link);
    free(link);
  }
}

/* The reserve, from the first refusal to the last byte of it, in small requests of every kind. */
static size_t useReserve(void) {
  size_t taken = 0;
  for (int kind = 0;; kind = (kind + 1) % 4) {
    Link *link = kind == 0   ? malloc(SMALL)
                 : kind == 1 ? calloc(SMALL / 16, 16)
                 : kind == 2 ? aligned_alloc(SMALL, SMALL)
                             : realloc(NULL, SMALL);
    if (link == NULL) return taken;
    taken += malloc_usable_size(link);
    link->next = links;
    links = link;
  }
}

int main(void) {
  /* One size throughout, so that the rest is known: it is smaller than one of them. */
  while (take(SMALL)) continue;
  /* That was the first refusal; larger requests do not get it. */
  CHECK(malloc(RESERVE / 2) == NULL && malloc(4097) == NULL && calloc(2, 4096) == NULL && mapPages(2) == MAP_FAILED);
  void *page = malloc(4096);
  CHECK(page != NULL);
  free(page);
  size_t first = useReserve();
  CHECK(first > RESERVE - SMALL && first < RESERVE + SMALL);
  CHECK(malloc(SMALL) == NULL && links != NULL && realloc(links, 4096) == NULL);
  /* Something is given back, which is less than the reserve: small requests have it, others do not. */
  give(RESERVE / 2);
  CHECK(malloc(8192) == NULL && take(SMALL));
  /* Free bytes beyond the reserve serve all requests. */
  give(RESERVE + 3 * 8192 - RESERVE / 2);
  void *large = malloc(8192);
  CHECK(large != NULL);
  free(large);
  CHECK(malloc(RESERVE) == NULL);
  /* Twice the reserve is free: it closes, and the next to be refused is a small request. */
  give(3 * RESERVE);
  free(malloc(1));
  while (take(SMALL)) continue;
  size_t again = useReserve();
  CHECK(again > RESERVE - SMALL && again < RESERVE + SMALL);
  give(SIZE_MAX);
  return 0;
}
