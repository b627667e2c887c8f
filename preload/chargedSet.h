/* chargedSet.h - what the program maps by itself and is charged for: the set of its addresses, the growth of the break, and their lock.
 *
 * Under the lock all signals are blocked (mappings.c), so that no handler can find the set half changed. While the process forks the lock is
 * held, and the set at rest. */
#ifndef MEMA_PRELOAD_CHARGED_SET_H
#define MEMA_PRELOAD_CHARGED_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "ranges.h"

typedef struct ChargedSet {
  Ranges ranges;
  size_t breakBytes; /* charged for the growth of the break */
} ChargedSet;

/* Read and written under the lock only. */
extern ChargedSet chargedSet;

/* Waits for the lock. False where the calling thread holds it already: it forks. */
bool lockChargedSet(void);
void unlockChargedSet(void);

/* Registers what is to be done at a fork, once. `settle` is called in the child with the bytes of the set: those are charged there, and no more,
 * since threads that were about to map or to give back do not exist. To be called before the heap and its pool register theirs: so a
 * fork takes this lock last, and no handler that interrupted the heap waits for it while a fork waits for the heap. */
void startChargedSet(void (*settle)(size_t bytes));

#endif
