/* A program with a palloc, a pfree, a Pool and a Block of its own, as PostgreSQL has, linked with mema all the same. */
#define MEMA_NO_SHORT_NAMES
#include "mema.h"

typedef struct Pool {
  int swimmers;
} Pool;
typedef struct Block {
  int houses;
} Block;

int palloc(Pool *pool);
int pfree(Pool *pool);
int initPool(int swimmers);
int freePool(void);
int useShortNames(void);

int palloc(Pool *pool) {
  return ++pool->swimmers;
}
int pfree(Pool *pool) {
  return --pool->swimmers;
}
int initPool(int swimmers) {
  return swimmers;
}
int freePool(void) {
  return 77;
}

int main(void) {
  Pool pool = {initPool(4)};
  Block block = {2};
  mema_Pool real;
  if (!mema_initPool(&real, 100) || mema_palloc(&real, 60) == NULL || mema_freeSize(&real) != 40) return 1;
  mema_Block *oldest = real.head;
  if (oldest == NULL || oldest->size != 60 || !mema_freePool(&real)) return 2;
  if (palloc(&pool) != 5 || pfree(&pool) != 4 || freePool() != 77 || block.houses != 2) return 3;
  return useShortNames();
}
