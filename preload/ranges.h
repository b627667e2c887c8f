/* ranges.h - a set of addresses, kept as ranges: the bytes of the address space that are charged to the budget.
 *
 *   list[0].start < list[0].end < list[1].start < list[1].end < ...        no two ranges overlap or touch
 *
 * A search takes O(log n) time for n ranges; a change also moves the ranges behind. The list lies in memory of its own,
 * from the kernel: the heap is not available while it is being charged. Nothing here takes a lock. */
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
  size_t room;  /* the ranges that the list has room for */
  size_t bytes; /* the bytes of the whole set */
} Ranges;

/* Makes room for `more` ranges. Each change adds one range at most, so `more` changes cannot fail then. False
 * iff the system has no memory. */
bool rangesReserve(Ranges *ranges, size_t more);

/* Finds the first part of [start, end) that is in the set. False iff there is none. */
bool rangesFirst(const Ranges *ranges, Range within, Range *part);

/* Returns the bytes of [start, end) that are in the set. */
size_t rangesOverlap(const Ranges *ranges, Range within);

/* Adds a range that does not overlap the set. It joins the ranges that it touches. */
void rangesAdd(Ranges *ranges, Range added);

/* Takes [start, end) out of the set. Returns the bytes of it that were in the set. */
size_t rangesRemove(Ranges *ranges, Range removed);

#endif
