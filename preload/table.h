/* table.h - the process's slot in the table of `mema run` (runTable.h).
 *
 * A slot is a process's, from its first moment (the start of the program, or the fork) to its end, whatever programs it becomes by exec
 * on the way:
 *
 *   start   the library looks for a slot of this process: of its number, not ended, and claimed since the process began. That one goes
 *           on under the new program's name; else a new one is claimed. The new program's figures begin anew, its counts are added to
 *           those before, and the peak is the most of all. What a forked process inherited and dropped by its exec is no part of it.
 *   fork    the child claims one at once, so that it is known however soon it is killed.
 *   vfork   the child, in its parent's memory, has none until it becomes another program.
 *
 * Where there is no table, or no room in it, the figures are kept in a slot of the process's own, for its report at exit. Every call is made
 * under the lock of the heap, or in a forked child; what is in a slot may be added to from anywhere. */
#ifndef MEMA_PRELOAD_TABLE_H
#define MEMA_PRELOAD_TABLE_H

#include <stdbool.h>

#include "runTable.h"

/* The table, or NULL where there is none. */
RunTable *sharedTable(void);

/* The process's slot; never NULL. */
RunSlot *ownSlot(void);

/* Whether others will read it. */
bool slotIsShared(void);

/* Maps the table that MEMA_TABLE names, and finds or claims a slot. Where there is none, or the file is something else, nothing is shared. */
void tableOpen(void);

/* In a forked child: claims a slot. Its counts begin with 0, and so many bytes are mapped. The pool counts on: `now` is what it had
 * counted, and held, at the fork. */
void tableFork(const RunPool *now, uint64_t mapped);

/* The state of the process from now on; `exact`: its figures are complete, and will stay so. */
void tableTell(RunState state, bool exact);

void copyPool(RunPool *to, const RunPool *from);

static inline void countOne(_Atomic uint64_t *figure) {
  atomic_fetch_add_explicit(figure, 1, memory_order_relaxed);
}

#endif
