/* reserve.c - see reserve.h. */
#include "reserve.h"

#include <errno.h>

bool reserveIsOpen;

static size_t reserve, held;
/* The minimum of free bytes after a loan, or at the begin of the peak if the reserve was in use then; else
 * SIZE_MAX. */
static size_t leastFree = SIZE_MAX;

static size_t lesser(size_t a, size_t b) {
  return a < b ? a : b;
}

/* Returns the free bytes, held bytes included. */
static size_t freeBytes(const mema_Pool *pool) {
  return mema_freeSize(pool) + held;
}

/* Holds `bytes`, or as many as are free. Threads that called the pool before the reserve opened may still
 * take some of the free bytes, so a charge can fail. */
static void hold(mema_Pool *pool, size_t bytes) {
  int savedErrno = errno;
  if (bytes < held && mema_creditPool(pool, held - bytes)) held = bytes;
  while (bytes > held) {
    if (mema_chargePool(pool, bytes - held)) {
      held = bytes;
    } else {
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
  hold(pool, 0);
  return true;
}

void endLoan(mema_Pool *pool) {
  size_t left = mema_freeSize(pool);
  if (left < leastFree) leastFree = left;
  hold(pool, lesser(reserve, left));
}

void describeReserve(RunReserve *figures) {
  putFigure(&figures->size, reserve);
  putFigure(&figures->held, held);
  putFigure(&figures->leastFree, leastFree == SIZE_MAX ? UINT64_MAX : leastFree);
}

void forgetReservePeak(const mema_Pool *pool) {
  leastFree = freeBytes(pool) < reserve ? freeBytes(pool) : SIZE_MAX;
}
