/* table.h - the process's slot in the table of `mema run` (runTable.h). Every call is made under the lock of the heap. */
#ifndef MEMA_PRELOAD_TABLE_H
#define MEMA_PRELOAD_TABLE_H

#include <stdbool.h>

#include "runTable.h"

/* The table, or NULL where there is none. */
RunTable *sharedTable(void);

/* Maps the table that MEMA_TABLE names. Where there is none, or the file is something else, nothing is ever published. */
void tableOpen(void);

bool tableIsOpen(void);

/* Stores the figures, after claiming a slot at the first time. */
void tablePublish(const RunFigures *figures);

/* In a forked child: the slot is the parent's. A slot of its own is claimed at the first publication only, because most
 * children that end or exec at once are of no interest. */
void tableForget(void);

/* The process has come to its exit. */
void tableEnd(void);

#endif
