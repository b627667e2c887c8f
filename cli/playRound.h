/* playRound.h - one process of a trace played against one heap, in a child made for it: the heap is fresh, and what becomes of
 * it becomes of nothing else. */
#ifndef MEMA_CLI_PLAY_ROUND_H
#define MEMA_CLI_PLAY_ROUND_H

#include "contender.h"

typedef struct Played {
  double nanoseconds;
  uint64_t footprint; /* the most that was resident, beyond what was before the first operation */
  PlayCounts counts;
} Played;

/* False after complaining: the heap could not be opened, or the child came to a bad end. */
bool playRound(const TraceProcess *process, const Contender *contender, Played *played);

#endif
