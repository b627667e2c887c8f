/* wait.c - palloc that waits for budget, in a shared pool. */
#include "../memory/os.h"
#include "../threads/wait.h"

void *mema_pallocWait(mema_Pool *pool, size_t size, int milliseconds) {
  int64_t end = milliseconds > 0 ? mema_osMilliseconds() + milliseconds : 0;
  for (;;) {
    void *ptr = mema_palloc(pool, size);
    if (ptr != NULL || mema_lastReason() != MEMA_OVER_BUDGET || milliseconds == 0 || mema_isUnshared(pool)) return ptr;
    int64_t left = milliseconds > 0 ? end - mema_osMilliseconds() : -1;
    if (milliseconds > 0 && left <= 0) {
      mema_failFor(mema_plainTimeOut, size, (size_t)milliseconds);
      return NULL;
    }
    mema_Wait wait;
    if (!mema_beginWait(pool, size, &wait)) return NULL;
    mema_sleepForBudget(&wait, left);
    mema_endWait(&wait);
  }
}
