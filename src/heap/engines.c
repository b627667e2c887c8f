/* engines.c - the engines, by the name that mema_Options gives them. */
#include "engines.h"

#include "arena/arena.h"

const mema_HeapOps *const mema_engines[mema_engineCount] = {
    [MEMA_SLAB] = &mema_slabOps,
    [MEMA_ARENA] = &mema_arenaOps,
};
