/* fixedChunk.h - the common paths of palloc, pfree and repalloc in a caller's buffer. The general path serves all other calls,
 * as for any engine. */
#ifndef MEMA_POOL_FIXED_CHUNK_H
#define MEMA_POOL_FIXED_CHUNK_H

#include "../heap/fixed/fixed.h"
#include "pool.h"

/* The pool is live, and its mode is mema_modeFixed. Its heap comes last: the other arguments stay in their
 * registers. */
MEMA_HIDDEN void *mema_fixedPalloc(mema_Pool *pool, size_t size, mema_Fixed *fixed);
MEMA_HIDDEN bool mema_fixedPfree(mema_Pool *pool, void *ptr, mema_Fixed *fixed);
/* The pool is not alwaysSlow, and ptr is not NULL. */
MEMA_HIDDEN void *mema_fixedRepalloc(mema_Pool *pool, void *ptr, size_t size, mema_Fixed *fixed);

#endif
