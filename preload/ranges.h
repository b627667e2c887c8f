/* ranges.h - a set of addresses, kept as ranges: which bytes of the address space are charged to the budget.
 *
 *   list[0].start < list[0].end < list[1].start < list[1].end < ...        no two ranges overlap or touch
 *
 * Searches take the logarithm of the number of ranges, changes move those behind. The list lies in memory of its own, from the
 * kernel: the heap cannot be asked while it is being charged. Nothing here takes a lock. */
#ifndef MEMA_PRELOAD_RANGES_H
#define MEMA_PRELOAD_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* [start, end) */
typedef struct Range {
  uintptr_t start;
  uintptr_t end;
} Range;

/* Zeroed: the empty set. */
typedef struct Ranges {
  Range *list;
  size_t count;
  size_t room;  /* for so many ranges */
  size_t bytes; /* in the whole set */
} Ranges;

/* Makes room for `more` ranges, so that as many changes cannot fail: each adds one at most. False iff the system has no memory. */
bool rangesReserve(Ranges *ranges, size_t more);

/* The first part of [start, end) that is in the set. False iff there is none. */
bool rangesFirst(const Ranges *ranges, Range within, Range *part);

/* The bytes of [start, end) that are in the set. */
size_t rangesOverlap(const Ranges *ranges, Range within);

/* Adds a range of which nothing is in the set; where it touches others they become one. */
void rangesAdd(Ranges *ranges, Range added);

/* Takes [start, end) out of the set, and returns how many bytes of it were there. */
size_t rangesRemove(Ranges *ranges, Range removed);

#endif
