/* foreign.h - chunks of the C library's own heap (from __libc_malloc, for example) that the program passes to
 * free or realloc here. They are recognised by their place: the data segment behind the program, which no
 * pool ever uses. */
#ifndef MEMA_PRELOAD_FOREIGN_H
#define MEMA_PRELOAD_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

/* Notes the end of the data segment before any allocation from it. */
void rememberBreak(void);

/* Finds the C library's function that tells the size of its heap. Until then no chunk is taken for one of that heap.
 * dlsym may allocate, so this is called outside the heap. */
void findLibcHeap(void);

/* Returns the usable bytes of a live chunk of the C library's heap; 0 if ptr is none. ptr may have any value:
 * memory is read only inside the data segment. */
size_t foreignSize(const void *ptr);

/* Gives a chunk back to the C library's heap. */
void freeForeign(void *ptr);

#endif
