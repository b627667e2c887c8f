/* shadow.h - what a checker is told of the bytes of chunks: to the address sanitizer by its functions, which are weak
 * symbols here (sanitizer/asan_interface.h and sanitizer/lsan_interface.h in gcc and clang), to memcheck by client
 * requests (checkers.h). All do nothing if neither checks the process. */
#ifndef MEMA_HEAP_WATCH_SHADOW_H
#define MEMA_HEAP_WATCH_SHADOW_H

#include "../../base/base.h"

/* True if the address sanitizer is in the process. */
MEMA_HIDDEN bool mema_isAsanThere(void);

/* The bytes must not be used from now on; may be used, with undefined contents; may be used as they are. */
MEMA_HIDDEN void mema_shadowHide(const void *at, size_t bytes);
MEMA_HIDDEN void mema_shadowGrant(const void *at, size_t bytes);
MEMA_HIDDEN void mema_shadowReveal(const void *at, size_t bytes);

/* memcheck lists the chunks of a pool, with the stacks of their allocation and their end, under an address that stands
 * for the pool. `redzone`: bytes around each chunk that no chunk has. */
MEMA_HIDDEN void mema_shadowOpen(const void *pool, size_t redzone);
MEMA_HIDDEN void mema_shadowClose(const void *pool);
MEMA_HIDDEN void mema_shadowTake(const void *pool, const void *chunk, size_t bytes);
MEMA_HIDDEN void mema_shadowGive(const void *pool, const void *chunk);
MEMA_HIDDEN void mema_shadowResize(const void *pool, const void *chunk, size_t bytes);
/* All chunks of the pool end. */
MEMA_HIDDEN void mema_shadowClear(const void *pool);

/* The leak sanitizer looks for pointers to blocks of malloc in these bytes, as far as they are mapped, or no longer. */
MEMA_HIDDEN void mema_shadowAddRoot(const void *at, size_t bytes);
MEMA_HIDDEN void mema_shadowRemoveRoot(const void *at, size_t bytes);
/* The leak sanitizer does not report this block of malloc, even if the program loses its Pool. */
MEMA_HIDDEN void mema_shadowOwn(const void *block);

#endif
