/* unreached.h - the list of programs that were started without the preload library. It lies in a file that the
 * processes of a run share with `mema`: the table of `mema run`, the raw log of `mema record`.
 *
 *   every entry is free, being written, or noted; programs noted == entries noted + beyond */
#ifndef MEMA_EXEC_UNREACHED_H
#define MEMA_EXEC_UNREACHED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "obstacle.h"

#define UNREACHED_ENTRIES 1000u
#define UNREACHED_NAME_ROOM 48

typedef enum UnreachedState {
  UNREACHED_FREE,    /* the next one to be noted may have it */
  UNREACHED_WRITTEN, /* at this moment */
  UNREACHED_STARTED, /* the program runs, or ran */
  UNREACHED_REFUSED  /* the program was not started (--strict) */
} UnreachedState;

typedef struct Unreached {
  _Atomic uint32_t state; /* an UnreachedState; stored last */
  int32_t pid;            /* 0: unknown */
  uint16_t obstacle;      /* an Obstacle */
  uint16_t interpreters;  /* more than 0: the obstacle is that of a script's interpreter */
  uint32_t spare;
  char name[UNREACHED_NAME_ROOM]; /* of the program's file, without its directory; terminated */
} Unreached;

typedef struct UnreachedList {
  _Atomic uint32_t beyond; /* programs that there was no entry for */
  uint32_t unused[15];
  Unreached entries[UNREACHED_ENTRIES];
} UnreachedList;

_Static_assert(sizeof(Unreached) == 64, "an entry is a cache line");

/* Notes a program, of which all fields but the state are given. Returns its entry, or NULL where there was none left. */
Unreached *noteUnreached(UnreachedList *list, const Unreached *program, UnreachedState state);

/* The program could not be started after all: takes the note back. `entry` is what noteUnreached returned. */
void withdrawUnreached(UnreachedList *list, Unreached *entry);

#endif
