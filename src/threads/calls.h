/* calls.h - the calls of shared pools, for those who know that theirs is one: mema_palloc and its kin come here when they have seen that a pool
 * is none of the others, which takes a tenth of the time. The library for LD_PRELOAD, whose heap is a shared pool, calls them directly. */
#ifndef MEMA_THREADS_CALLS_H
#define MEMA_THREADS_CALLS_H

#include <stdbool.h>
#include <stddef.h>

#include <mema.h>

#define MEMA_SHARED_CALL __attribute__((visibility("hidden")))

/* As mema_palloc, mema_pfree, mema_repalloc and mema_chunkSize, for a shared pool (tracked ones too), not NULL. Any other pool is none to
 * them (MEMA_BAD_POOL; 0), but for fixed ones, in the first two: those come this way too. */
MEMA_SHARED_CALL void *mema_sharedPalloc(mema_Pool *pool, size_t size);
MEMA_SHARED_CALL bool mema_sharedPfree(mema_Pool *pool, void *ptr);
MEMA_SHARED_CALL void *mema_sharedRepalloc(mema_Pool *pool, void *ptr, size_t size);
MEMA_SHARED_CALL size_t mema_sharedChunkSize(const mema_Pool *pool, const void *ptr);

#endif
