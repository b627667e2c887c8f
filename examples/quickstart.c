/* quickstart.c - a small pool through its life: init, allocations, a request over the budget, a bad free, frees.
 * After each step the pool is drawn. Build and run: make run */
#include <mema.h>

#include <stdio.h>
#include <string.h>

static void show(const Pool *pool, const char *step) {
  char picture[4096];
  mema_drawPool(pool, picture, sizeof picture, 72, false);
  printf("\n%s\n%s", step, picture);
}

int main(void) {
  Pool pool;
  if (!initPool(&pool, 64 * 1024)) {
    fprintf(stderr, "initPool: %s\n", mema_lastError()->sentence);
    return 1;
  }
  show(&pool, "initPool(&pool, 65536): nothing is touched yet");

  char *text = palloc(&pool, 100);
  if (text == NULL) return 1;
  strcpy(text, "chunks are ordinary memory");
  void *table = palloc(&pool, 40000);
  show(&pool, "palloc 100 and 40000 bytes");

  void *records[100];
  for (int i = 0; i < 100; i++) records[i] = palloc(&pool, 64);
  show(&pool, "a hundred chunks of 64 bytes");

  if (palloc(&pool, 20000) == NULL) printf("\npalloc(&pool, 20000) -> NULL: %s\n", mema_lastError()->sentence);
  if (!pfree(&pool, text + 1)) printf("pfree(&pool, text + 1) -> false: %s\n", mema_lastError()->sentence);

  for (int i = 0; i < 100; i += 2) pfree(&pool, records[i]);
  pfree(&pool, table);
  show(&pool, "the table and every other record freed");

  void *last = palloc(&pool, pool.freeSize);
  printf("\npalloc(&pool, pool.freeSize) -> %s; freeSize is now %zu\n", last != NULL ? "a chunk" : "NULL", pool.freeSize);
  printf("oldest chunk: %zu bytes; youngest: %zu bytes\n", pool.head->size, pool.tail->size);
  printf("freePool -> %s\n", freePool(&pool) ? "true" : "false");
  bool freed = pfree(&pool, text);
  printf("pfree afterwards -> %s: %s\n", freed ? "true" : "false", mema_lastError()->sentence);
  return 0;
}
