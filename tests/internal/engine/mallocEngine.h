/* mallocEngine.h - the number of a further engine, which a real one has in mema_Engine, and its row of operations. */
#ifndef MALLOC_ENGINE_H
#define MALLOC_ENGINE_H

#include "../../../src/heap/heap.h"

enum { mallocEngine = MEMA_FIXED + 1 };

extern const mema_HeapOps mallocOps;

#endif
