/* start.c - the start of the library in a process: the parts are made ready, each before its first use by others. */
#include <errno.h>

#include "ending.h"
#include "gate.h"
#include "owner.h"
#include "settings.h"
#include "table.h"

/* As early as a library can: handlers registered before those of others hold the lock for the shortest time, and their fork
 * handlers find the heap usable in the child. */
__attribute__((constructor(101))) static void startHeap(void) {
  int savedErrno = errno;
  noteOwner();
  noteOwnerName();
  bool entered = enterHeap();
  /* Behind the pool's own handlers, since its locks are taken under this one. */
  guardForks();
  startEndings();
  if (entered) {
    tableOpen();
    putFigure(&ownSlot()->poolSize, settings.poolSize);
    noteMapped();
    watchPool();
    leaveHeap();
  }
  errno = savedErrno;
}
