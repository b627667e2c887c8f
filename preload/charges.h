/* charges.h - the budget of the heap, for bytes that are no chunks of it: what the program maps by itself.
 *
 * Every function may be called from any thread, from a signal handler and around fork. Where a signal handler interrupted the heap in the
 * same thread, a charge is refused, and a credit waits until the heap is at rest. */
#ifndef MEMA_PRELOAD_CHARGES_H
#define MEMA_PRELOAD_CHARGES_H

#include <stdbool.h>
#include <stddef.h>

/* Whether what the program maps by itself is to be charged. False as long as there is no environment to ask. */
bool heapCountsMappings(void);

/* Charges bytes that the program maps by itself to the budget. False iff it has not got them; 0 bytes are no question. Keeps errno. */
bool heapCharge(size_t bytes);

/* Gives charged bytes back. Keeps errno. */
void heapCredit(size_t bytes);

#endif
