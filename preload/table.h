/* table.h - the process's slot in the table of `mema run` (runTable.h).
 *
 * A slot belongs to one process, from its first moment (the start of the program, or the fork) to its end, whatever
 * programs it becomes by exec:
 *
 *   start   The library looks for a slot of this process: with its number, not ended, and claimed since the process began.
 *           A slot that is found goes on under the new program's name; else a new one is claimed. The new program's
 *           figures begin anew. Its counts are added to those before, and the peak is the maximum of all programs. Bytes
 *           that a forked process inherited, and dropped by its exec, are no part of the peak.
 *   fork    The child claims a slot at once, so that it is known even if it is killed soon.
 *   vfork   The child runs in its parent's memory, and has no slot until it becomes another program.
 *
 * If there is no table, or no room in it, the figures are kept in a private slot, for the process's report at exit. Every
 * function is called under the lock of the heap, or in a forked child. Any code may add to the figures of a slot. */
#ifndef MEMA_PRELOAD_TABLE_H
#define MEMA_PRELOAD_TABLE_H

#include <stdbool.h>

#include "runTable.h"

/* Returns the table; NULL: there is none. */
RunTable *sharedTable(void);

/* Returns the process's slot; never NULL. */
RunSlot *ownSlot(void);

/* True if the slot is in the table, where other processes read it. */
bool slotIsShared(void);

/* Maps the table that MEMA_TABLE names, and finds or claims a slot. If there is no such file, or it is no
 * table, the slot stays private. */
void tableOpen(void);

/* In a forked child: claims a slot. Its counts begin with 0, and `mapped` bytes are mapped. The pool's counts
 * go on from `now`, its figures at the fork. */
void tableFork(const RunPool *now, uint64_t mapped);

/* Sets the state of the process. `exact`: its figures are complete, and stay so. */
void tableTell(RunState state, bool exact);

void copyPool(RunPool *to, const RunPool *from);

static inline void countOne(_Atomic uint64_t *figure) {
  atomic_fetch_add_explicit(figure, 1, memory_order_relaxed);
}

#endif
