/* foreign.h - chunks of the C library's own heap (from __libc_malloc, for example) that the program passes to free or
 * realloc here. They go back to that heap if they are known to be live chunks of it; the C library ends the process for
 * any other pointer.
 *
 * Every function but noteProgramBreak is called under the lock of the heap, or before there are threads. */
#ifndef MEMA_PRELOAD_FOREIGN_H
#define MEMA_PRELOAD_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

/* Notes the end of the data segment before any allocation from it. */
void rememberBreak(void);

/* Finds the functions of the C library's heap, and keeps that heap in the data segment, where its chunks can be told from
 * other memory. Until then no pointer is taken for a chunk of it. Called by the constructor. */
void findLibcHeap(void);

/* The program has moved the end of the data segment by itself. */
void noteProgramBreak(void);

typedef enum ForeignKind {
  FOREIGN_NONE,    /* no live chunk of the C library's heap */
  FOREIGN_LIVE,    /* certainly one */
  FOREIGN_UNKNOWN, /* perhaps one */
} ForeignKind;

typedef struct Foreign {
  ForeignKind kind;
  size_t size; /* the usable bytes of a live chunk */
} Foreign;

/* Says what is known of a pointer of any value that is no chunk of the pool. Takes time in proportion to the chunks of
 * the C library's heap, if that is in use. */
Foreign lookForeign(const void *ptr);

/* Gives a live chunk back to the C library's heap. Keep the lock from lookForeign to here, or two threads may give one
 * chunk. */
void freeForeign(void *ptr);

#endif
