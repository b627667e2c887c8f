/* zlib in a pool. */
#include "hosts.h"

#include <mema_host.h>
#include <zlib.h>

#include "opaque.h"

static Pool pool;
static mema_Host host;
static unsigned char text[100000], packed[100000], unpacked[100000];

static Outcome packAndUnpack(void) {
  z_stream out = {.zalloc = mema_zlibAlloc, .zfree = mema_zlibFree, .opaque = &host}, in = out;
  int status = deflateInit(&out, 6);
  if (status != Z_OK) return status == Z_MEM_ERROR ? REFUSED : WRONG;
  out.next_in = text, out.avail_in = sizeof text, out.next_out = packed, out.avail_out = sizeof packed;
  status = deflate(&out, Z_FINISH);
  deflateEnd(&out);
  if (status != Z_STREAM_END) return WRONG;
  in.next_in = packed, in.avail_in = (uInt)out.total_out, in.next_out = unpacked, in.avail_out = sizeof unpacked;
  status = inflateInit(&in);
  if (status != Z_OK) return status == Z_MEM_ERROR ? REFUSED : WRONG;
  status = inflate(&in, Z_NO_FLUSH); /* without Z_FINISH it makes a window */
  if (status == Z_OK) status = inflate(&in, Z_FINISH);
  inflateEnd(&in);
  return status == Z_MEM_ERROR ? REFUSED : status == Z_STREAM_END && memcmp(text, unpacked, sizeof text) == 0 ? DONE : WRONG;
}

static void *allocate(void *opaque, size_t size) {
  return mema_zlibAlloc(opaque, 1, (unsigned)size);
}

int main(void) {
  for (size_t i = 0; i < sizeof text; i++) text[i] = (unsigned char)(i * i / 1000 % 40 + ' ');
  CHECK(initPool(&pool, 1 << 20) && mema_initHost(&host, &pool));
  CHECK(failEach(&pool, packAndUnpack, NULL) >= 5);
  CHECK(mema_shrinkPool(&pool, 200000) == 200000 && packAndUnpack() == REFUSED); /* deflate wants 268 KB */
  CHECK(pool.freeSize == 200000 && badCalls == 0 && freePool(&pool));
  mistakesAreRefused(&(Hooks){allocate, mema_zlibFree});
  return report();
}
