/* chargedSet.h - the set of addresses that the program maps by itself and is charged for, the growth of the break, and
 * their lock.
 *
 * All signals are blocked while the lock is held (mappings.c), so no handler finds the set half changed. A fork holds
 * the lock, with the set at rest. */
#ifndef MEMA_PRELOAD_CHARGED_SET_H
#define MEMA_PRELOAD_CHARGED_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "ranges.h"

typedef struct ChargedSet {
  Ranges ranges;
  size_t breakBytes; /* bytes charged for the growth of the break */
} ChargedSet;

/* Read and written under the lock only. */
extern ChargedSet chargedSet;

/* Waits for the lock. False if the calling thread holds it already, for a fork. */
bool lockChargedSet(void);
void unlockChargedSet(void);

/* Registers the fork handlers, once. In the child they call `settle` with the bytes of the set. Only these
 * are charged there: threads that were about to map or to give back do not exist. Call it before the heap and
 * its pool register theirs. A fork then takes this lock last. So no handler that interrupted the heap waits
 * for this lock while a fork waits for the heap. */
void startChargedSet(void (*settle)(size_t bytes));

#endif
