/* ranges.h - a set of addresses, kept as ranges: the bytes of the address space that are charged to the budget.
 *
 *   first.start < first.end < second.start < second.end < ...        no two ranges overlap or touch
 *
 * A search takes O(log n) time for n ranges. The set lies in memory of its own, from the kernel: the heap is not
 * available while it is being charged. Nothing here takes a lock. */
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

/* The ranges of a block: a page. */
#ifndef RANGES_A_BLOCK
#define RANGES_A_BLOCK 256
#endif

typedef struct RangeBlock {
  Range list[RANGES_A_BLOCK];
} RangeBlock;

typedef struct RangeOrder {
  uint32_t number, count; /* of the block, and of its ranges */
} RangeOrder;

/* Zeroed: the empty set. The ranges lie in blocks, in order. A change moves the rest of one block, and of the order of
 * all: a page each, if a program has as many mappings as the kernel allows by default. */
typedef struct Ranges {
  RangeBlock *blocks;
  RangeOrder *order; /* of the used blocks, which are not empty; behind them the unused ones */
  size_t used, room; /* blocks in use, and in all */
  size_t orderRoom;
  size_t count; /* ranges */
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
