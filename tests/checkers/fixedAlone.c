/* A fixed pool of libmema-fixed.a: Pool and buffer are undefined. */
#include <mema.h>
#include <stdlib.h>

static bool use(Pool *pool, void *buffer, size_t size) {
  mema_Options options = {.engine = MEMA_FIXED, .buffer = buffer, .bufferSize = size};
  if (!mema_initPoolWith(pool, &options) || mema_initPoolWith(pool, &options)) return false;
  char *a = palloc(pool, 100), *b = mema_pcalloc(pool, 1, 100);
  bool good = a != NULL && b != NULL && b[99] == 0 && pfree(pool, a) && !pfree(pool, a) && palloc(pool, 50) != NULL;
  return good && mema_checkPool(pool) && freePool(pool) && !freePool(pool);
}

int main(void) {
  enum { bufferSize = 10000 };
  Pool onStack, *inHeap = malloc(sizeof *inHeap);
  char *buffer = malloc(bufferSize);
  bool good = buffer != NULL && inHeap != NULL && use(&onStack, buffer, bufferSize) && use(inHeap, buffer, bufferSize);
  free(buffer);
  free(inHeap);
  return good ? 0 : 1;
}
