/* finish.c - see finish.h. */
#define _GNU_SOURCE
#include "finish.h"

#include <errno.h>
#include <unistd.h>

#include "gate.h"
#include "lateFrees.h"
#include "owner.h"
#include "sandbox.h"
#include "table.h"
#include "total.h"

/* Completes the figures. From now on each call updates them, since other threads and exit handlers go on. */
static bool tellLast(RunState how) {
  bool told = mema_sharedTellAll(&heapPool, gaugeOf(&ownSlot()->pool), true);
  tableTell(how, told && watchesPool());
  return told;
}

/* False in a child of vfork. In a sandbox the question might end the process. */
static bool isOwner(void) {
  return isInSandbox() || getpid() == heapOwner.pid;
}

bool heapEnd(RunState how) {
  int savedErrno = errno;
  bool ends = isOwner();
  if (ends) settleLateFrees();
  ends = ends && enterHeapSoon();
  if (ends) {
    takeLateCredit();
    noteReserve();
    if (!tellLast(how)) mema_sharedTell(&heapPool);
    if (how != RUN_REPLACED) endTotal();
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
  if (isOwner() && enterHeap()) {
    tableTell(RUN_RUNNING, false);
    watchPool();
    leaveHeap();
  }
  errno = savedErrno;
}
