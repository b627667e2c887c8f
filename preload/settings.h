/* settings.h - the settings of the preload library, from the environment:
 *
 *   MEMA_POOL_SIZE=64M   The budget; without it there is none. A text that is no size ends the program with status 2
 *                        before it begins: a run without the requested budget would be worse.
 *   MEMA_RESERVE=64K     The part of the budget that is kept back until a request is refused: see reserve.h. It must be
 *                        below the budget.
 *   MEMA_MMAP=0          Memory that the program maps by itself is not charged.
 *   MEMA_STRICT=1        A bad free prints one line and aborts. Within `mema run`, a program that the library cannot
 *                        reach is not started.
 *   MEMA_DEEPBIND=1      Libraries are opened with RTLD_DEEPBIND where the program says so (exec/loading.c).
 *   MEMA_REPORT=FILE     At exit, the library appends one line of JSON to FILE; "-": it prints a line for people on
 *                        stderr. A relative name counts from the program's directory at its exit.
 *   MEMA_INHERIT=0       Within `mema run`, an environment without the library stays unchanged.
 *   MEMA_TABLE=FILE      Set by `mema run`: see runTable.h.
 *
 * A program with raised privileges ignores all of them. */
#ifndef MEMA_PRELOAD_SETTINGS_H
#define MEMA_PRELOAD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Settings {
  size_t poolSize;
  size_t reserve;
  bool countMappings;
  bool strict;
  bool inherit;
  char report[4096]; /* empty: no report. A copy, since programs overwrite their environment. */
} Settings;

/* The settings. Before the environment exists: no budget, no reserve, not strict, no report. */
extern Settings settings;

/* False while the C library has no environment yet: the loader allocates that early. */
bool environmentIsThere(void);

void readSettings(void);

#endif
