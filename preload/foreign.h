/* foreign.h - memory that the C library's own heap handed out (through __libc_malloc, for example) and that is now given to
 * us. It is recognised where that heap lies: in the data segment behind the program, which no pool ever uses. */
#ifndef MEMA_PRELOAD_FOREIGN_H
#define MEMA_PRELOAD_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

/* Notes where the data segment ends before anyone has allocated from it. */
void rememberBreak(void);

/* The usable bytes of a live chunk of the C library's heap, or 0 where ptr is none. Any value of ptr is answered; memory is
 * read only inside the data segment. */
size_t foreignSize(const void *ptr);

/* Gives a chunk back to where it came from. */
void freeForeign(void *ptr);

#endif
