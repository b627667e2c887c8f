/* reserve.c - see reserve.h. */
#include "reserve.h"

#include <errno.h>

bool reserveIsOpen;

static size_t reserve, held;
/* Requests that the pool refused and that were then made again; and charges for the reserve itself. */
static size_t repeated;
/* The least that was free after a loan, or when the peak began with the reserve in use; else SIZE_MAX. */
static size_t leastFree = SIZE_MAX;

static size_t lesser(size_t a, size_t b) {
  return a < b ? a : b;
}

/* What is free, held bytes included. */
static size_t freeBytes(const mema_Pool *pool) {
  return mema_freeSize(pool) + held;
}

/* Holds so many bytes, or what is there of them: threads that asked the pool before the reserve was opened may still be taking of what was
 * seen to be free. */
static void hold(mema_Pool *pool, size_t bytes) {
  int savedErrno = errno;
  if (bytes < held && mema_creditPool(pool, held - bytes)) held = bytes;
  while (bytes > held) {
    if (mema_chargePool(pool, bytes - held)) {
      held = bytes;
    } else {
      repeated++;
      bytes = lesser(bytes, freeBytes(pool));
    }
  }
  errno = savedErrno;
}

void startReserve(mema_Pool *pool, size_t bytes) {
  reserve = bytes;
  hold(pool, lesser(reserve, freeBytes(pool)));
  reserveIsOpen = held < reserve;
  forgetReservePeak(pool);
}

void settleReserve(mema_Pool *pool) {
  hold(pool, lesser(reserve, freeBytes(pool)));
  if (held == reserve && freeBytes(pool) / 2 >= reserve) reserveIsOpen = false;
}

bool lendReserve(mema_Pool *pool, size_t size) {
  if (reserve == 0) return false;
  bool lends = reserveIsOpen && held > 0 && size <= RESERVE_REQUEST;
  reserveIsOpen = true;
  if (!lends) return false;
  repeated++;
  hold(pool, 0);
  return true;
}

void endLoan(mema_Pool *pool) {
  size_t left = mema_freeSize(pool);
  if (left < leastFree) leastFree = left;
  hold(pool, lesser(reserve, left));
}

/* Where nothing was ever lent, the low water of the pool is that of the whole, less the reserve. Where something was, the whole's low
 * water lies below the reserve, and is the least that a loan left. */
void correctStats(mema_Stats *stats) {
  size_t low = lesser(stats->poolSize - stats->peakBytes + reserve, leastFree);
  stats->freeSize += held;
  stats->liveBytes -= held;
  stats->chargedBytes -= held;
  stats->peakBytes = stats->poolSize - lesser(low, stats->poolSize);
  stats->refused -= repeated;
}

void forgetReservePeak(const mema_Pool *pool) {
  leastFree = freeBytes(pool) < reserve ? freeBytes(pool) : SIZE_MAX;
}
