/* start.c - the start of the library in a process: makes each part ready before another part uses it. */
#include <errno.h>

#include "ending.h"
#include "foreign.h"
#include "gate.h"
#include "heap.h"
#include "jumps.h"
#include "lateFrees.h"
#include "owner.h"
#include "points.h"
#include "sandbox.h"
#include "settings.h"
#include "table.h"
#include "total.h"

/* Runs as early as a library can. Fork handlers registered before others hold the lock for the shortest time,
 * and the fork handlers of others find the heap usable in the child. */
__attribute__((constructor(101))) static void startHeap(void) {
  int savedErrno = errno;
  noteOwner();
  noteOwnerName();
  findLibcHeap();
  startSandbox();
  startJumps();
  startLateFrees(heapRelease);
  bool entered = enterHeap();
  /* after the pool registers its handlers: a fork then takes this lock first, and the pool's locks under it */
  guardForks();
  startEndings();
  if (entered) {
    tableOpen();
    putFigure(&ownSlot()->poolSize, settings.poolSize);
    noteMapped();
    beginTotal(&heapPool);
    watchPool();
    leaveHeap();
  }
  mema_sharedOnCalls(publishNowAndThen);
  startPoints();
  if (countsPoints) serveSlowly();
  mema_sharedTime(&heapPool);
  errno = savedErrno;
}
