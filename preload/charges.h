/* charges.h - charges to the heap's budget for bytes that are no chunks: memory that the program maps by itself.
 *
 * Every function may be called from any thread, from a signal handler and around fork. If a signal handler interrupted
 * the heap in the same thread, a charge is refused, and a credit waits until the heap is at rest. */
#ifndef MEMA_PRELOAD_CHARGES_H
#define MEMA_PRELOAD_CHARGES_H

#include <stdbool.h>
#include <stddef.h>

/* True if memory that the program maps by itself is charged. False as long as the C library has no
 * environment to read. */
bool heapCountsMappings(void);

/* Charges mapped bytes to the budget. False iff the budget has no room; 0 bytes always succeed. Keeps errno. */
bool heapCharge(size_t bytes);

/* Credits charged bytes to the budget. Keeps errno. */
void heapCredit(size_t bytes);

#endif
