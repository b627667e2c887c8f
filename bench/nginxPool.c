/* nginxPool.c - a pool as nginx has them, for comparison: blocks of 16 KiB, from which small chunks are taken one behind the other; chunks
 * above the page size come from malloc, and are listed; all of it goes at once. Written anew after what nginx does (src/core/ngx_palloc.c):
 * a block in which five requests found no room is not looked at again, the list's entries lie in the pool. Nothing is checked. */
#include <stdint.h>
#include <stdlib.h>

#include "nginxPool.h"

enum { BLOCK_BYTES = 16 * 1024, SMALL_MOST = 4095, ALIGNMENT = 16, FAILURES_MOST = 4, LISTED_TRIES = 3 };

typedef struct PoolBlock {
  char *next, *end; /* what is free in it */
  struct PoolBlock *following;
  unsigned failures;
} PoolBlock;

typedef struct Large {
  void *memory;
  struct Large *following;
} Large;

typedef struct {
  PoolBlock first;
  PoolBlock *current;
  Large *large;
} NginxPool;

static char *aligned(char *address) {
  return address + (-(uintptr_t)address & (ALIGNMENT - 1));
}

static PoolBlock *newBlock(size_t head) {
  PoolBlock *block = malloc(BLOCK_BYTES);
  if (block == NULL) return NULL;
  *block = (PoolBlock){.next = aligned((char *)block + head), .end = (char *)block + BLOCK_BYTES};
  return block;
}

void *nginxMake(void) {
  NginxPool *pool = (NginxPool *)newBlock(sizeof(NginxPool));
  if (pool == NULL) return NULL;
  pool->current = &pool->first;
  pool->large = NULL;
  return pool;
}

static void *takeFrom(PoolBlock *block, size_t size) {
  char *chunk = aligned(block->next);
  if (chunk > block->end || (size_t)(block->end - chunk) < size) return NULL;
  block->next = chunk + size;
  return chunk;
}

static __attribute__((noinline)) void *takeFromNew(NginxPool *pool, size_t size) {
  PoolBlock *block = newBlock(sizeof(PoolBlock)), **link = &pool->current->following;
  if (block == NULL) return NULL;
  for (PoolBlock *at = pool->current; at->following != NULL; at = at->following, link = &at->following)
    if (at->failures++ > FAILURES_MOST) pool->current = at->following;
  *link = block;
  return takeFrom(block, size);
}

static __attribute__((noinline)) void *takeLarge(NginxPool *pool, size_t size) {
  void *memory = malloc(size);
  if (memory == NULL) return NULL;
  Large *entry = pool->large;
  for (int tries = 0; entry != NULL && entry->memory != NULL && tries <= LISTED_TRIES; tries++) entry = entry->following;
  if (entry == NULL || entry->memory != NULL) {
    entry = nginxAlloc(pool, sizeof *entry);
    if (entry == NULL) {
      free(memory);
      return NULL;
    }
    entry->following = pool->large;
    pool->large = entry;
  }
  entry->memory = memory;
  return memory;
}

void *nginxAlloc(void *pool, size_t size) {
  NginxPool *p = pool;
  if (size > SMALL_MOST) return takeLarge(p, size);
  PoolBlock *block = p->current;
  do {
    void *chunk = takeFrom(block, size);
    if (chunk != NULL) return chunk;
    block = block->following;
  } while (block != NULL);
  return takeFromNew(p, size);
}

void nginxFree(void *pool) {
  NginxPool *p = pool;
  for (Large *entry = p->large; entry != NULL; entry = entry->following) free(entry->memory);
  for (PoolBlock *block = &p->first; block != NULL;) {
    PoolBlock *following = block->following;
    free(block);
    block = following;
  }
}
