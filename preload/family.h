/* family.h - the malloc family. The declarations are here since <stdlib.h> lacks some of them: a few are
 * newer, and a few older, than the C library that the program runs with. */
#ifndef MEMA_PRELOAD_FAMILY_H
#define MEMA_PRELOAD_FAMILY_H

#include "atHand.h"

MEMA_PUBLIC void *reallocarray(void *ptr, size_t count, size_t size);
MEMA_PUBLIC void free_sized(void *ptr, size_t size);
MEMA_PUBLIC void free_aligned_sized(void *ptr, size_t alignment, size_t size);
MEMA_PUBLIC void cfree(void *ptr);
MEMA_PUBLIC void *aligned_alloc(size_t alignment, size_t size);
MEMA_PUBLIC int posix_memalign(void **out, size_t alignment, size_t size);
MEMA_PUBLIC void *memalign(size_t alignment, size_t size);
MEMA_PUBLIC void *valloc(size_t size);
MEMA_PUBLIC void *pvalloc(size_t size);

#endif
