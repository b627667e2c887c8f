/* engines.h - the engines, by the name that mema_Options gives them. */
#ifndef MEMA_HEAP_ENGINES_H
#define MEMA_HEAP_ENGINES_H

#include "heap.h"

enum { mema_engineCount = MEMA_ARENA + 1 };

MEMA_HIDDEN extern const mema_HeapOps *const mema_engines[mema_engineCount];

#endif
