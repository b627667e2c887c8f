/* atHand.h - malloc, calloc and free: the rest of their family is in family.h. */
#ifndef MEMA_PRELOAD_AT_HAND_H
#define MEMA_PRELOAD_AT_HAND_H

#include <mema.h>

MEMA_PUBLIC void *malloc(size_t size);
MEMA_PUBLIC void *calloc(size_t count, size_t size);
MEMA_PUBLIC void free(void *ptr);

#endif
