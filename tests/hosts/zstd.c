/* zstd in a pool, with worker threads in a shared pool. */
#include "hosts.h"

#define ZSTD_STATIC_LINKING_ONLY /* declares the functions that take an allocator */
#include <mema_host.h>
#include <zstd.h>

#include "opaque.h"

static Pool pool;
static mema_Host host;
static int workers;
static char text[3 << 20], packed[3 << 20], unpacked[3 << 20];

static Outcome packAndUnpack(void) {
  ZSTD_customMem memory = {mema_hostMalloc, mema_hostFree, &host};
  Outcome outcome = REFUSED;
  ZSTD_CCtx *out = ZSTD_createCCtx_advanced(memory);
  ZSTD_DCtx *in = ZSTD_createDCtx_advanced(memory);
  if (out != NULL && in != NULL) {
    size_t set = ZSTD_CCtx_setParameter(out, ZSTD_c_nbWorkers, workers);
    size_t length = ZSTD_isError(set) ? set : ZSTD_compress2(out, packed, sizeof packed, text, sizeof text);
    size_t back = ZSTD_isError(length) ? length : ZSTD_decompressDCtx(in, unpacked, sizeof unpacked, packed, length);
    outcome = ZSTD_isError(back) ? REFUSED : back == sizeof text && memcmp(text, unpacked, sizeof text) == 0 ? DONE : WRONG;
  }
  ZSTD_freeCCtx(out);
  ZSTD_freeDCtx(in);
  return outcome;
}

int main(void) {
  for (size_t i = 0; i < sizeof text; i++) text[i] = (char)(i * i / 1000 % 40 + ' ');
  CHECK(initPool(&pool, 16 << 20) && mema_initHost(&host, &pool));
  CHECK(failEach(&pool, packAndUnpack, NULL) >= 3);
  CHECK(mema_shrinkPool(&pool, 100000) == 100000 && packAndUnpack() == REFUSED);
  CHECK(pool.freeSize == 100000 && badCalls == 0 && freePool(&pool));

  mema_Options shared = {.poolSize = 64 << 20, .shared = true, .untracked = true};
  CHECK(mema_initPoolWith(&pool, &shared) && mema_initHost(&host, &pool) && host.shared);
  workers = 2;
  CHECK(packAndUnpack() == DONE);
  CHECK(mema_freeSize(&pool) == 64 << 20 && badCalls == 0 && freePool(&pool));
  mistakesAreRefused(&(Hooks){mema_hostMalloc, mema_hostFree});
  return report();
}
