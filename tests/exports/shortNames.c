/* The other half of ownNames.c: the specification's names, in the same program. */
#include "mema.h"

int useShortNames(void);

int useShortNames(void) {
  Pool pool;
  struct Pool *same = &pool;
  if (!initPool(same, 100)) return 10;
  void *chunk = palloc(&pool, 60);
  struct Block *block = pool.head;
  if (chunk == NULL || block->ptr != chunk || pool.freeSize != 40) return 11;
  if (!pfree(&pool, chunk) || !freePool(&pool)) return 12;
  return 0;
}
