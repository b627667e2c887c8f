/* sites.h - the places in a program that chunks come from. A pool with sites (mema_Options.sites) keeps the number of a
 * place in the Block of each chunk: see mema_Block's last word in pool.h.
 *
 * A place is a line of source, or a call stack, or both: the line from which a stack begins is added once a call at that
 * line returns a chunk with this stack. Places are of the whole process, and last as long as it does; their strings are
 * copies, since the module that they come from may be unloaded. */
#ifndef MEMA_POOL_SITES_H
#define MEMA_POOL_SITES_H

#include "pool.h"

enum { mema_framesMost = 30 };

typedef struct mema_Place mema_Place;
struct mema_Place {
  mema_Place *next;               /* in its bucket */
  _Atomic(const mema_Place *) at; /* of a stack: the line that it begins at; NULL: not known */
  const char *file, *function;    /* of a line; NULL: the place is a stack */
  uint32_t hash;
  uint32_t line;
  uint16_t number; /* 1 to mema_sitesMost */
  uint16_t depth;  /* of a stack: its frames; a line has none */
  void *frames[];  /* the innermost first */
};

/* Returns the number of a line; 0: there are mema_sitesMost places already, or the system has no memory. The record gets
 * the number, so that later calls are constant. Any thread may call this at any time. */
MEMA_HIDDEN uint32_t mema_numberOfLine(mema_Site *site);

/* Returns the place with a number that a Block has; NULL iff the number is 0. */
MEMA_HIDDEN const mema_Place *mema_placeOf(uint32_t number);

/* Returns the number that a Block gets whose chunk was allocated at this line: its own, if that is a stack; the stack then
 * learns its line. */
MEMA_HIDDEN uint32_t mema_numberAt(uint32_t number, mema_Site *site);

/* The highest number that any place has. */
MEMA_HIDDEN uint32_t mema_lastPlace(void);

/* Returns the fault of options with sites. */
MEMA_HIDDEN MEMA_SLOW mema_Fault mema_faultOfSites(const mema_Options *options);
/* Sets the fields of a new pool with sites. */
MEMA_HIDDEN MEMA_SLOW void mema_noteSites(mema_Pool *pool, const mema_Options *options);

/* Notes the calling stack for the next Block, if it is that chunk's turn; else no stack. The pool is alwaysSlow. */
MEMA_HIDDEN MEMA_SLOW void mema_noteStack(mema_Pool *pool);

#endif
