/* points.h - the points of a run: the requests for memory that may fail on purpose (runTable.h).
 *
 * The table of a run may ask that requests are counted, that one fails, or all from one on, and that the call stacks of all
 * requests are written to a file. Counted requests take the general path of the heap, so that a process without such a table
 * has no more to do than before.
 *
 * A stack holds the addresses of return, as libgcc's unwinder finds them. The unwinder is loaded at the start of a process
 * that counts, since its loading allocates; without it the stacks are empty. */
#ifndef MEMA_PRELOAD_POINTS_H
#define MEMA_PRELOAD_POINTS_H

#include <stdbool.h>
#include <stddef.h>

/* Hidden, so that code reaches these without the table of addresses. */
#pragma GCC visibility push(hidden)

/* True if the table asks to count requests. */
extern bool countsPoints;

/* Called once, after the table was opened. Loads the unwinder if the table asks to count; the loading itself is not counted. */
void startPoints(void);

/* Counts a request. True if it must be refused. Called without any lock. Keeps errno. */
bool failsAtPoint(size_t size);

#pragma GCC visibility pop

#endif
