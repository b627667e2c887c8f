#include "misuse.h"

int main(void) {
  begin();
  int local;
  forgetError(MEMA_OK);
  CHECK(mema_chunkSize(&pool, &local) == 0 && mema_chunkSize(&pool, NULL) == 0);
  CHECK(mema_chunkSize(&pool, neighbour + 1) == 0 && mema_chunkSize(NULL, neighbour) == 0);
  CHECK(!mema_ownsChunk(&pool, neighbour + 16) && !mema_ownsChunk(NULL, neighbour));
  CHECK(errno == untouchedErrno && mema_lastError()->reason == MEMA_BAD_ARGUMENT); /* questions set no error */
  return end(0, 0);
}
