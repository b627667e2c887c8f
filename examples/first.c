/* first.c - the README's first example, as it stands there. */
#include <mema.h>
#include <stdio.h>

int main(void) {
  Pool pool;
  if (!initPool(&pool, 64 * 1024)) return 1;
  char *text = palloc(&pool, 100);
  printf("%zu bytes are left\n", pool.freeSize);
  if (palloc(&pool, 1000000) == NULL) puts(mema_lastError()->sentence);
  if (!pfree(&pool, text + 1)) puts(mema_lastError()->sentence);
  if (pfree(&pool, text)) printf("%zu bytes are left\n", pool.freeSize);
  return freePool(&pool) ? 0 : 1;
}
