/* rangeSet - the set of charged ranges (preload/ranges.h) against a byte for each address: its members, their number, the parts in order,
 * and that ranges which touch are one. */
#define _GNU_SOURCE
#define RANGES_A_BLOCK 5 /* so that blocks are split and dropped */
#include "../../preload/ranges.c"
#include "check.h"

enum { SPAN = 500, STEPS = 40000, BASE = 1000 };

static bool in[SPAN];
static Ranges set;
static uint64_t state = 99;

static size_t below(size_t limit) {
  return (size_t)(nextRandom(&state) % limit);
}

static Range rangeOf(size_t first, size_t length) {
  return (Range){BASE + first, BASE + first + length};
}

static size_t count(size_t first, size_t length) {
  size_t sum = 0;
  for (size_t i = first; i < first + length; i++) sum += in[i];
  return sum;
}

static void compare(void) {
  size_t runs = 0;
  for (size_t i = 0; i < SPAN; i++) runs += in[i] && (i == 0 || !in[i - 1]);
  CHECK(set.count == runs && set.bytes == count(0, SPAN));
  uintptr_t end = 0;
  size_t seen = 0;
  for (Place place = {0, 0}; !isEnd(&set, place); place = next(&set, place), seen++) {
    const Range *range = at(&set, place);
    CHECK(countIn(&set, place.block) > 0 && range->start < range->end && range->start > end);
    end = range->end;
  }
  CHECK(seen == set.count);
  size_t first = below(SPAN), length = below(SPAN - first + 1), here = first;
  CHECK(rangesOverlap(&set, rangeOf(first, length)) == count(first, length));
  Range part;
  bool found = rangesFirst(&set, rangeOf(first, length), &part);
  while (here < first + length && !in[here]) here++;
  CHECK(found == (here < first + length));
  if (!found) return;
  CHECK(part.start == BASE + here);
  while (here < first + length && in[here]) here++;
  CHECK(part.end == BASE + here);
}

int main(void) {
  for (int i = 0; i < STEPS; i++) {
    size_t first = below(SPAN), length = 1 + below(i % 5 == 0 ? SPAN - first : 4);
    if (first + length > SPAN) length = SPAN - first;
    CHECK(rangesReserve(&set, 2));
    CHECK(i % 3 != 0 || count(first, length) == rangesOverlap(&set, rangeOf(first, length)));
    size_t there = count(first, length);
    if (i % 2 == 0 || there != 0) {
      CHECK(rangesRemove(&set, rangeOf(first, length)) == there);
      memset(in + first, false, length);
    }
    if (i % 2 == 1) {
      rangesAdd(&set, rangeOf(first, length));
      memset(in + first, true, length);
    }
    compare();
  }
  return 0;
}
