/* fixed.c - a pool in a buffer of the program, as on a device without an operating system. The pool touches no memory
 * outside the buffer, each call takes constant time, and the buffer is large enough for every request within a known
 * limit. Link it with libmema.a, or with libmema-fixed.a, which needs no C library. Exits 0 if everything is as expected. */
#include <mema.h>
#include <stdio.h>

/* Messages of up to 96 bytes, at most 1 KiB of them at once. The buffer suffices for any sequence of such calls. */
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
  if (pfree(&pool, buffer) || pfree(&pool, messages[0] + 1)) return 5; /* refused: they are no chunks */

  if (!mema_resizePool(&pool, 1 << 20)) return 6;
  if (palloc(&pool, bufferSize) != NULL) return 7;
  printf("%s\n", mema_lastError()->sentence);
  return freePool(&pool) ? 0 : 8;
}
