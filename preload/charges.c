/* charges.c - see charges.h. */
#include "charges.h"

#include <errno.h>

#include "gate.h"
#include "reserve.h"
#include "settings.h"
#include "table.h"
#include "total.h"

bool heapCountsMappings(void) {
  if (!knowsSettings()) {
    if (!environmentIsThere() || !enterHeap()) return false;
    leaveHeap();
  }
  return knowsSettings() && settings.countMappings;
}

static bool chargeFromReserve(size_t bytes) {
  if (mema_lastError()->reason != MEMA_OVER_BUDGET || !lendReserve(&heapPool, bytes)) return false;
  bool charged = mema_chargePool(&heapPool, bytes);
  endLoan(&heapPool);
  return charged;
}

bool heapCharge(size_t bytes) {
  int savedErrno = errno;
  bool charged = bytes == 0;
  if (charged) return true;
  if (!enterHeap()) {
    countOne(&ownSlot()->refused);
  } else {
    takeLateCredit();
    do charged = mema_chargePool(&heapPool, bytes);
    while (!charged && leaseMore(&heapPool));
    charged = charged || chargeFromReserve(bytes);
    if (charged) {
      addMapped(bytes);
    } else {
      noteRefusal(mema_lastError()->reason);
    }
    leaveHeap();
  }
  errno = savedErrno;
  return charged;
}

void heapCredit(size_t bytes) {
  int savedErrno = errno;
  if (bytes == 0) return;
  if (!enterHeap()) {
    creditLate(bytes);
  } else {
    creditMapped(bytes);
    leaveHeap();
  }
  errno = savedErrno;
}
