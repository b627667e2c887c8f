/* places.h - for a program whose tests look at where an engine puts chunks, which memory serves again, and what goes
 * back to the system. Under a checker (docs/checkers.md) a watched pool has redzones, and keeps freed chunks for a
 * while. A program that includes this has pools as in any other process. The other programs hold with both. */
#ifndef PLACES_H
#define PLACES_H

#include <stdlib.h>

__attribute__((constructor)) static void leaveUnwatched(void) {
  setenv("MEMA_WATCH", "0", 1);
}

#endif
