/* settings.h - what the environment asks of the preload library:
 *
 *   MEMA_POOL_SIZE=64M   the budget; without it there is none. A text that is no size ends the program with status 2 before it
 *                        begins: running without the budget that was asked for would be worse.
 *   MEMA_RESERVE=64K     of the budget, kept back until a request has been refused: see reserve.h. It must be below the budget.
 *   MEMA_MMAP=0          what the program maps by itself is not counted
 *   MEMA_STRICT=1        a bad free prints one line and aborts; within `mema run` a program that cannot be reached is not started
 *   MEMA_REPORT=FILE     at exit one line of JSON is appended to FILE; "-": a line for people on stderr. A relative name counts
 *                        from the directory that the program is in at its exit.
 *   MEMA_INHERIT=0       within `mema run` an environment without the library stays as it is
 *   MEMA_TABLE=FILE      set by `mema run`: see runTable.h
 *
 * All of them are ignored in a program with raised privileges. */
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
  char report[4096]; /* empty: none. A copy, because programs overwrite their environment. */
} Settings;

/* Until there is an environment: no budget, no reserve, not strict, no report. */
extern Settings settings;

/* The loader allocates before the C library has its environment. */
bool environmentIsThere(void);

void readSettings(void);

#endif
