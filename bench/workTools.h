/* workTools.h - what the pieces of work have in common.
 *
 * Every piece runs in a child process of its own, on a heap that nothing else has used. The work's own arrays come from mmap,
 * so that they are no part of any peer's heap, and the random numbers from one generator with one seed, so that all peers see
 * the same sizes in the same order. */
#ifndef BENCH_WORK_TOOLS_H
#define BENCH_WORK_TOOLS_H

#include <stdint.h>
#include <time.h>

#include "peers.h"

/* Of the thread, so that what a thread draws does not depend on the others. */
extern _Thread_local uint64_t seed;

static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A number below n; multiplied, not divided, because a division would cost as much as an allocation. */
static inline size_t randomBelow(size_t n) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (size_t)(((seed >> 32) * n) >> 32);
}

static inline size_t randomSize(size_t least, size_t most) {
  return least + randomBelow(most - least + 1);
}

/* Without memory the child ends at the touch of NULL, and the parent shows a dash. */
static inline void *touched(void *ptr) {
  *(volatile char *)ptr = 1;
  return ptr;
}

/* Each peer is called as its users call it: mema with its pool, the others without. All are asked the same question before. */
static inline void *take(const Peer *p, size_t size) {
  return p->options != NULL ? mema_palloc(&benchPool, size) : p->alloc(size);
}

static inline void give(const Peer *p, void *ptr) {
  if (p->options != NULL) {
    mema_pfree(&benchPool, ptr); /* whether it was refused is asked in closePeer */
  } else {
    p->free(ptr);
  }
}

static inline void *takeZeroed(const Peer *p, size_t count, size_t size) {
  return p->options != NULL ? mema_pcalloc(&benchPool, count, size) : p->zeroed(count, size);
}

static inline void *takeAligned(const Peer *p, size_t alignment, size_t size) {
  return p->options != NULL ? mema_pmemalign(&benchPool, alignment, size) : p->aligned(alignment, size);
}

static inline void *resize(const Peer *p, void *ptr, size_t size) {
  return p->options != NULL ? mema_repalloc(&benchPool, ptr, size) : p->resize(ptr, size);
}

static inline void *allocTouched(const Peer *p, size_t size) {
  return touched(take(p, size));
}

/* One byte of each page from `from` on. */
static inline void touchPages(void *ptr, size_t from, size_t size) {
  volatile char *bytes = ptr;
  for (size_t at = from; at < size; at += 4096) bytes[at] = 1;
}

static inline void freeAll(const Peer *p, void **chunks, size_t n) {
  for (size_t i = 0; i < n; i++) give(p, chunks[i]);
}

/* Zeroed and populated. */
void *newArray(size_t bytes);
void fill(const Peer *p, void **chunks, size_t n, size_t least, size_t most);
void shuffle(size_t *order, size_t n);

/* The numbers 0 to n-1. */
size_t *newOrder(size_t n);

#endif
