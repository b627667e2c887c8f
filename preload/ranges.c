/* ranges.c - see ranges.h. */
#define _GNU_SOURCE
#include "ranges.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "rawCalls.h"

/* Address space for so many blocks is taken at once: the program may map over a hole between its own mappings later. */
#define LEAST_ROOM 128
#define HALF (RANGES_A_BLOCK / 2)

/* The place of a range: a number in `order`, and one in that block. */
typedef struct Place {
  size_t block, item;
} Place;

/* ---- room --------------------------------------------------------------------------------------------------------- */

/* Makes an array larger. NULL iff the system has no memory: the array is as it was. */
static void *grow(void *array, size_t before, size_t after) {
  int savedErrno = errno;
  void *grown = array == NULL ? rawMap(NULL, after, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                              : rawRemap(array, before, after, MREMAP_MAYMOVE, NULL);
  errno = savedErrno;
  return grown == MAP_FAILED ? NULL : grown;
}

static bool growTo(Ranges *ranges, size_t room) {
  void *order = grow(ranges->order, ranges->orderRoom * sizeof(RangeOrder), room * sizeof(RangeOrder));
  if (order == NULL) return false;
  ranges->order = order;
  ranges->orderRoom = room;
  void *blocks = grow(ranges->blocks, ranges->room * sizeof(RangeBlock), room * sizeof(RangeBlock));
  if (blocks == NULL) return false;
  ranges->blocks = blocks;
  for (size_t i = ranges->room; i < room; i++) ranges->order[i] = (RangeOrder){.number = (uint32_t)i};
  ranges->room = room;
  return true;
}

bool rangesReserve(Ranges *ranges, size_t more) {
  size_t room = ranges->room > 0 ? ranges->room : LEAST_ROOM;
  while (room - ranges->used < more) room *= 2;
  return room == ranges->room || growTo(ranges, room);
}

/* ---- places ------------------------------------------------------------------------------------------------------- */

static Range *listOf(const Ranges *ranges, size_t block) {
  return ranges->blocks[ranges->order[block].number].list;
}

static Range *at(const Ranges *ranges, Place place) {
  return listOf(ranges, place.block) + place.item;
}

static bool isEnd(const Ranges *ranges, Place place) {
  return place.block == ranges->used;
}

/* Behind the last range of a block is the first of the next. */
static Place settled(const Ranges *ranges, Place place) {
  bool behind = place.block < ranges->used && place.item == ranges->order[place.block].count;
  return behind ? (Place){place.block + 1, 0} : place;
}

static Place next(const Ranges *ranges, Place place) {
  return settled(ranges, (Place){place.block, place.item + 1});
}

/* Finds the range before a place. False iff there is none. */
static bool before(const Ranges *ranges, Place place, Place *found) {
  if (place.item > 0) {
    *found = (Place){place.block, place.item - 1};
  } else if (place.block > 0) {
    *found = (Place){place.block - 1, ranges->order[place.block - 1].count - 1};
  }
  return place.item > 0 || place.block > 0;
}

static size_t countIn(const Ranges *ranges, size_t block) {
  return ranges->order[block].count;
}

/* Returns the first block whose last range ends behind the address. */
static size_t blockBehind(const Ranges *ranges, uintptr_t address) {
  size_t low = 0, high = ranges->used;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (listOf(ranges, middle)[countIn(ranges, middle) - 1].end > address) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

/* Returns the place of the first range that ends behind the address. */
static Place firstBehind(const Ranges *ranges, uintptr_t address) {
  Place place = {.block = blockBehind(ranges, address)};
  if (isEnd(ranges, place)) return place;
  const Range *list = listOf(ranges, place.block);
  size_t high = countIn(ranges, place.block);
  while (place.item < high) {
    size_t middle = place.item + (high - place.item) / 2;
    if (list[middle].end > address) {
      high = middle;
    } else {
      place.item = middle + 1;
    }
  }
  return place;
}

/* ---- blocks ------------------------------------------------------------------------------------------------------- */

/* Puts an empty block into the order. rangesReserve has made room for it. */
static void addBlock(Ranges *ranges, size_t block) {
  RangeOrder added = ranges->order[ranges->used];
  memmove(ranges->order + block + 1, ranges->order + block, (ranges->used - block) * sizeof(RangeOrder));
  added.count = 0;
  ranges->order[block] = added;
  ranges->used++;
}

static void dropBlock(Ranges *ranges, size_t block) {
  RangeOrder dropped = ranges->order[block];
  ranges->used--;
  memmove(ranges->order + block, ranges->order + block + 1, (ranges->used - block) * sizeof(RangeOrder));
  ranges->order[ranges->used] = dropped;
}

/* Moves the upper half of a full block to a new one. Returns the place that then is the given one. */
static Place split(Ranges *ranges, Place place) {
  addBlock(ranges, place.block + 1);
  memcpy(listOf(ranges, place.block + 1), listOf(ranges, place.block) + HALF, (RANGES_A_BLOCK - HALF) * sizeof(Range));
  ranges->order[place.block].count = HALF;
  ranges->order[place.block + 1].count = RANGES_A_BLOCK - HALF;
  return place.item <= HALF ? place : (Place){place.block + 1, place.item - HALF};
}

static void insert(Ranges *ranges, Place place, Range added) {
  Place last;
  if (isEnd(ranges, place) && before(ranges, place, &last)) place = (Place){last.block, last.item + 1};
  if (isEnd(ranges, place)) addBlock(ranges, place.block);
  if (countIn(ranges, place.block) == RANGES_A_BLOCK) place = split(ranges, place);
  Range *to = at(ranges, place);
  memmove(to + 1, to, (countIn(ranges, place.block) - place.item) * sizeof(Range));
  *to = added;
  ranges->order[place.block].count++;
  ranges->count++;
}

/* Returns the place of the range that followed. */
static Place takeOut(Ranges *ranges, Place place) {
  Range *from = at(ranges, place);
  memmove(from, from + 1, (countIn(ranges, place.block) - place.item - 1) * sizeof(Range));
  ranges->order[place.block].count--;
  ranges->count--;
  if (countIn(ranges, place.block) > 0) return settled(ranges, place);
  dropBlock(ranges, place.block);
  return (Place){place.block, 0};
}

/* ---- the set ------------------------------------------------------------------------------------------------------ */

static Range common(Range a, Range b) {
  return (Range){a.start > b.start ? a.start : b.start, a.end < b.end ? a.end : b.end};
}

bool rangesFirst(const Ranges *ranges, Range within, Range *part) {
  Place place = firstBehind(ranges, within.start);
  if (within.start >= within.end || isEnd(ranges, place) || at(ranges, place)->start >= within.end) return false;
  *part = common(*at(ranges, place), within);
  return true;
}

size_t rangesOverlap(const Ranges *ranges, Range within) {
  size_t bytes = 0;
  for (Place place = firstBehind(ranges, within.start); !isEnd(ranges, place) && at(ranges, place)->start < within.end;
       place = next(ranges, place)) {
    Range part = common(*at(ranges, place), within);
    bytes += part.end - part.start;
  }
  return bytes;
}

void rangesAdd(Ranges *ranges, Range added) {
  Place behind = firstBehind(ranges, added.start), below;
  bool joinsBelow = before(ranges, behind, &below) && at(ranges, below)->end == added.start;
  bool joinsBehind = !isEnd(ranges, behind) && at(ranges, behind)->start == added.end;
  ranges->bytes += added.end - added.start;
  if (joinsBelow && joinsBehind) {
    at(ranges, below)->end = at(ranges, behind)->end;
    takeOut(ranges, behind);
  } else if (joinsBelow) {
    at(ranges, below)->end = added.end;
  } else if (joinsBehind) {
    at(ranges, behind)->start = added.start;
  } else {
    insert(ranges, behind, added);
  }
}

/* Takes a part out of one range. Returns the place of the next range to look at. */
static Place cut(Ranges *ranges, Place place, Range removed) {
  Range *range = at(ranges, place), rest = {removed.end, range->end};
  bool keepsLower = range->start<removed.start, keepsUpper = range->end> removed.end;
  if (!keepsLower && !keepsUpper) return takeOut(ranges, place);
  if (!keepsLower) {
    range->start = removed.end;
  } else {
    range->end = removed.start;
    if (keepsUpper) insert(ranges, next(ranges, place), rest);
  }
  return next(ranges, firstBehind(ranges, keepsLower ? removed.start - 1 : removed.end));
}

size_t rangesRemove(Ranges *ranges, Range removed) {
  size_t bytes = rangesOverlap(ranges, removed);
  if (bytes == 0) return 0;
  for (Place place = firstBehind(ranges, removed.start); !isEnd(ranges, place) && at(ranges, place)->start < removed.end;)
    place = cut(ranges, place, removed);
  ranges->bytes -= bytes;
  return bytes;
}
