/* atHand.h - malloc, calloc, realloc, free and malloc_usable_size. The rest of their family is in family.h. */
#ifndef MEMA_PRELOAD_AT_HAND_H
#define MEMA_PRELOAD_AT_HAND_H

#include <mema.h>

MEMA_PUBLIC void *malloc(size_t size);
MEMA_PUBLIC void *calloc(size_t count, size_t size);
MEMA_PUBLIC void *realloc(void *ptr, size_t size);
MEMA_PUBLIC void free(void *ptr);
MEMA_PUBLIC size_t malloc_usable_size(void *ptr);

/* Takes a slot for an alignment that is a power of two. NULL, with errno kept: none is at hand. */
__attribute__((visibility("hidden"))) void *takeAligned(size_t alignment, size_t size);

#endif
