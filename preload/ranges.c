/* ranges.c - see ranges.h. */
#define _GNU_SOURCE
#include "ranges.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "rawCalls.h"

/* The ranges of one page. */
enum { LEAST_ROOM = 4096 / sizeof(Range) };

static bool growTo(Ranges *ranges, size_t room) {
  int savedErrno = errno;
  void *list = ranges->list == NULL
                   ? rawMap(NULL, room * sizeof(Range), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                   : rawRemap(ranges->list, ranges->room * sizeof(Range), room * sizeof(Range), MREMAP_MAYMOVE, NULL);
  errno = savedErrno;
  if (list == MAP_FAILED) return false;
  ranges->list = list;
  ranges->room = room;
  return true;
}

bool rangesReserve(Ranges *ranges, size_t more) {
  size_t room = ranges->room > 0 ? ranges->room : LEAST_ROOM;
  while (room - ranges->count < more) room *= 2;
  return room == ranges->room || growTo(ranges, room);
}

/* Returns the number of the first range that ends behind the address, or count. */
static size_t firstBehind(const Ranges *ranges, uintptr_t address) {
  size_t low = 0, high = ranges->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (ranges->list[middle].end > address) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

static Range common(Range a, Range b) {
  return (Range){a.start > b.start ? a.start : b.start, a.end < b.end ? a.end : b.end};
}

bool rangesFirst(const Ranges *ranges, Range within, Range *part) {
  size_t index = firstBehind(ranges, within.start);
  if (within.start >= within.end || index == ranges->count || ranges->list[index].start >= within.end) return false;
  *part = common(ranges->list[index], within);
  return true;
}

size_t rangesOverlap(const Ranges *ranges, Range within) {
  size_t bytes = 0;
  for (size_t i = firstBehind(ranges, within.start); i < ranges->count && ranges->list[i].start < within.end; i++) {
    Range part = common(ranges->list[i], within);
    bytes += part.end - part.start;
  }
  return bytes;
}

/* Puts `count` ranges in the place of those numbered [from, to). */
static void replace(Ranges *ranges, size_t from, size_t to, const Range *with, size_t count) {
  memmove(ranges->list + from + count, ranges->list + to, (ranges->count - to) * sizeof(Range));
  for (size_t i = 0; i < count; i++) ranges->list[from + i] = with[i];
  ranges->count = ranges->count - (to - from) + count;
}

void rangesAdd(Ranges *ranges, Range added) {
  size_t from = firstBehind(ranges, added.start), to = from;
  ranges->bytes += added.end - added.start;
  if (from > 0 && ranges->list[from - 1].end == added.start) added.start = ranges->list[--from].start;
  if (to < ranges->count && ranges->list[to].start == added.end) added.end = ranges->list[to++].end;
  replace(ranges, from, to, &added, 1);
}

size_t rangesRemove(Ranges *ranges, Range removed) {
  size_t bytes = rangesOverlap(ranges, removed);
  if (bytes == 0) return 0;
  size_t from = firstBehind(ranges, removed.start), to = firstBehind(ranges, removed.end - 1), rest = 0;
  bool endsInside = to < ranges->count && ranges->list[to].start < removed.end;
  Range left[2];
  if (ranges->list[from].start < removed.start) left[rest++] = (Range){ranges->list[from].start, removed.start};
  if (endsInside && ranges->list[to].end > removed.end) left[rest++] = (Range){removed.end, ranges->list[to].end};
  replace(ranges, from, to + (endsInside ? 1 : 0), left, rest);
  ranges->bytes -= bytes;
  return bytes;
}
