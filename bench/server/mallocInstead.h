/* mallocInstead.h - examples/server without pools, to compare with: gcc -include bench/server/mallocInstead.h. The calls of mema.h that the
 * server makes take their memory from malloc, without a budget. A list of each pool's chunks frees those of a request at its end. */
#ifndef MEMA_H
#define MEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

typedef struct Chunk {
  struct Chunk *next, *prev;
  _Alignas(16) char bytes[];
} Chunk;

typedef struct Pool {
  Chunk *first;
  size_t poolSize, freeSize;
} Pool;

typedef struct mema_Options {
  size_t poolSize, guaranteed;
  int engine;
  bool untracked;
  const char *name;
} mema_Options;

enum { MEMA_ARENA, MEMA_OPENMETRICS };

static inline bool initPool(Pool *pool, size_t size) {
  pool->first = NULL;
  pool->poolSize = pool->freeSize = size;
  return true;
}

static inline bool mema_initSubPool(Pool *pool, Pool *parent, const mema_Options *options) {
  (void)parent;
  return initPool(pool, options->poolSize);
}

static inline void *linkChunk(Pool *pool, Chunk *chunk) {
  if (chunk == NULL) return NULL;
  chunk->prev = NULL;
  chunk->next = pool->first;
  if (pool->first != NULL) pool->first->prev = chunk;
  pool->first = chunk;
  return chunk->bytes;
}

static inline Chunk *unlinkChunk(Pool *pool, void *bytes) {
  Chunk *chunk = (Chunk *)(void *)((char *)bytes - offsetof(Chunk, bytes));
  if (chunk->prev != NULL) {
    chunk->prev->next = chunk->next;
  } else {
    pool->first = chunk->next;
  }
  if (chunk->next != NULL) chunk->next->prev = chunk->prev;
  return chunk;
}

static inline void *palloc(Pool *pool, size_t size) {
  return linkChunk(pool, malloc(sizeof(Chunk) + size));
}

static inline void *mema_repalloc(Pool *pool, void *bytes, size_t size) {
  if (bytes == NULL) return palloc(pool, size);
  return linkChunk(pool, realloc(unlinkChunk(pool, bytes), sizeof(Chunk) + size));
}

static inline bool pfree(Pool *pool, void *bytes) {
  free(unlinkChunk(pool, bytes));
  return true;
}

static inline bool freePool(Pool *pool) {
  for (Chunk *chunk = pool->first, *next; chunk != NULL; chunk = next) {
    next = chunk->next;
    free(chunk);
  }
  pool->first = NULL;
  return true;
}

static inline bool mema_checkPool(const Pool *pool) {
  return pool != NULL;
}

static inline bool mema_writeStats(const Pool *pool, int format, bool (*write)(void *, const char *, size_t), void *user) {
  (void)pool, (void)format;
  return write(user, "no figures\n", 11);
}

typedef struct mema_Error {
  const char *sentence;
} mema_Error;

static inline const mema_Error *mema_lastError(void) {
  static const mema_Error error = {"no memory"};
  return &error;
}

#endif
