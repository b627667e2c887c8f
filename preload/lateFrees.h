/* lateFrees.h - pointers that a signal handler gave to free while it interrupted the heap in the same thread. They wait
 * here until the heap is at rest, and are then freed like any others: a bad one is counted, or ends the program. Every
 * function may be called from any thread and from a signal handler. */
#ifndef MEMA_PRELOAD_LATE_FREES_H
#define MEMA_PRELOAD_LATE_FREES_H

#include <stdbool.h>

/* Sets the function that frees a pointer. */
void startLateFrees(void (*release)(void *ptr));

/* Keeps a pointer for later. False iff there is no room. */
bool keepLateFree(void *ptr);

/* Frees the pointers that were kept. Call it where the heap is at rest in this thread. */
void settleLateFrees(void);

#endif
