/* A program that makes the four calls of a small device: init, palloc, pfree, check. tests/cortexM4.sh measures what the linker takes for them. */
#define MEMA_NO_SHORT_NAMES
#include "mema.h"

static char buffer[16 * 1024];
static mema_Pool pool;

int run(void);
int run(void) {
  const mema_Options options = {.engine = MEMA_FIXED, .untracked = true, .buffer = buffer, .bufferSize = sizeof buffer};
  if (!mema_initPoolWith(&pool, &options)) return 1;
  void *chunk = mema_palloc(&pool, 100);
  return chunk != NULL && mema_checkPool(&pool) && mema_pfree(&pool, chunk) && mema_checkPool(&pool) ? 0 : 2;
}
