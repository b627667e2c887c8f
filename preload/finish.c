/* finish.c - see finish.h. */
#define _GNU_SOURCE
#include "finish.h"

#include <errno.h>
#include <unistd.h>

#include "gate.h"
#include "owner.h"
#include "table.h"

/* Completes the figures. From now on each call updates them, since other threads and exit handlers go on. */
static bool tellLast(RunState how) {
  bool told = mema_sharedTellAll(&heapPool, gaugeOf(&ownSlot()->pool), true);
  tableTell(how, told && watchesPool());
  return told;
}

bool heapEnd(RunState how) {
  int savedErrno = errno;
  bool ends = getpid() == heapOwner.pid && enterHeapSoon();
  if (ends) {
    takeLateCredit();
    noteReserve();
    if (!tellLast(how)) mema_sharedTell(&heapPool);
    leaveHeap();
  }
  errno = savedErrno;
  return ends;
}

void heapPublish(void) {
  heapEnd(RUN_REPLACED);
}

void heapResume(void) {
  int savedErrno = errno;
  if (getpid() == heapOwner.pid && enterHeap()) {
    tableTell(RUN_RUNNING, false);
    watchPool();
    leaveHeap();
  }
  errno = savedErrno;
}
