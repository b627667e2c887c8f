/* heapInfo.h - what glibc's <malloc.h> offers beside the malloc family: malloc_trim, mallopt, and the figures of the heap.
 *
 * Without these functions a program would reach glibc's own, which know nothing of the heap: malloc_trim would give
 * nothing back, and mallinfo2 would tell zeros. The declarations are here since mallinfo2 is newer than some C
 * libraries. */
#ifndef MEMA_PRELOAD_HEAP_INFO_H
#define MEMA_PRELOAD_HEAP_INFO_H

#include <stdio.h>

#include <mema.h>

/* The figures, in glibc's order. Here
 *     arena     bytes held from the system for the heap: an upper bound (mema_Stats.footprint)
 *     uordblks  bytes of live chunks
 *     fordblks  arena - uordblks
 *     keepcost  fordblks: malloc_trim gives back at most that
 * The others are 0: the heap has no mapped chunks, and does not count free ones. */
struct mallinfo2 {
  size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

/* As mallinfo2, in numbers of type int. A figure that does not fit is INT_MAX. */
struct mallinfo {
  int arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

MEMA_PUBLIC struct mallinfo2 mallinfo2(void);
MEMA_PUBLIC struct mallinfo mallinfo(void);

/* Gives free pages of the heap back to the system. Returns 1 if it gave some back, else 0. The heap keeps no memory
 * for `pad` bytes. */
MEMA_PUBLIC int malloc_trim(size_t pad);

/* Returns 0: the heap has none of the settings of glibc's allocator. */
MEMA_PUBLIC int mallopt(int setting, int value);

/* Writes the figures to stderr, in glibc's form. */
MEMA_PUBLIC void malloc_stats(void);

/* Writes the figures to a stream, in glibc's XML, as one heap. `options` must be 0: else EINVAL is returned. Returns 0,
 * or -1 if the stream fails. */
MEMA_PUBLIC int malloc_info(int options, FILE *stream);

#endif
