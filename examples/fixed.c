/* fixed.c - a pool in a buffer of one's own, as a device without an operating system has it: nothing outside of the buffer is touched, each
 * call takes constant time, and what the buffer can be asked for is known beforehand. Links libmema.a, or libmema-fixed.a, which needs
 * nothing. Leaves with 0 when all went as it should. */
#include <mema.h>
#include <stdio.h>

/* Messages of up to 96 bytes, and at most 1 KiB of them at once: for any sequence of calls within that, this suffices. */
enum { largest = 96, peak = 1024, bufferSize = 7 * 1024 };
static char buffer[bufferSize];

int main(void) {
  Pool pool = {0};
  mema_Options options = {.untracked = true, .engine = MEMA_FIXED, .buffer = buffer, .bufferSize = sizeof buffer};
  if (mema_fixedBufferSize(peak, largest) > sizeof buffer || !mema_initPoolWith(&pool, &options)) return 1;
  printf("%zu bytes of buffer, %zu for chunks\n", sizeof buffer, pool.poolSize);

  char *messages[20] = {0};
  size_t live = 0;
  for (unsigned i = 0; i < 10000; i++) {
    char **slot = &messages[i * 7 % 20];
    size_t size = 1 + i * 31 % largest, charged = (size + 15) / 16 * 16;
    live -= mema_chunkSize(&pool, *slot);
    if (*slot != NULL && !pfree(&pool, *slot)) return 2;
    *slot = NULL;
    if (live + charged > peak) continue;
    *slot = palloc(&pool, size);
    if (*slot == NULL) return 3; /* never */
    live += charged;
  }
  if (pool.freeSize != pool.poolSize - live) return 4;
  if (pfree(&pool, buffer) || pfree(&pool, messages[0] + 1)) return 5; /* no chunks, and refused */

  if (!mema_resizePool(&pool, 1 << 20)) return 6;
  if (palloc(&pool, bufferSize) != NULL) return 7;
  printf("%s\n", mema_lastError()->sentence);
  return freePool(&pool) ? 0 : 8;
}
