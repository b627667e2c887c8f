/* engines.h - the engines, by the name that mema_Options gives them. */
#ifndef MEMA_HEAP_ENGINES_H
#define MEMA_HEAP_ENGINES_H

#include "heap.h"

MEMA_HIDDEN extern const mema_HeapOps *const mema_engines[];
MEMA_HIDDEN extern const unsigned mema_engineCount;

/* Returns the operations of an engine; NULL: there is none of this number. */
static inline const mema_HeapOps *mema_engineOf(mema_Engine engine) {
  return (unsigned)engine < mema_engineCount ? mema_engines[engine] : NULL;
}

/* Returns the name that reports give an engine. */
MEMA_HIDDEN const char *mema_nameOfEngine(mema_Engine engine);

#endif
