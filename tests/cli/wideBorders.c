/* wideBorders: products, comparisons and quotients of cli/wide.h at the borders of their halves and words, against long multiplication
 * by bits. It prints the first one that differs. */
#include "../../cli/wide.h"

#include <inttypes.h>
#include <stdio.h>

static const uint64_t borders[] = {
    0,
    1,
    2,
    3,
    9999,
    10000,
    10001,
    UINT32_MAX - 1,
    UINT32_MAX,
    UINT32_MAX + UINT64_C(1),
    UINT32_MAX + UINT64_C(2),
    UINT64_C(1844674407370955),
    UINT64_C(1844674407370956),
    INT64_MAX,
    INT64_MAX + UINT64_C(1),
    UINT64_MAX - UINT32_MAX,
    UINT64_MAX - 1,
    UINT64_MAX,
};
enum { COUNT = sizeof borders / sizeof borders[0] };

static Wide sum(Wide a, Wide b) {
  Wide result = {a.high + b.high, a.low + b.low};
  result.high += result.low < a.low;
  return result;
}

/* The product, one bit of b after the other. */
static Wide productByBits(uint64_t a, uint64_t b) {
  Wide result = {0, 0};
  for (int bit = 63; bit >= 0; bit--) {
    result = sum(result, result);
    if (b >> bit & 1) result = sum(result, (Wide){0, a});
  }
  return result;
}

static bool areEqual(Wide a, Wide b) {
  return a.high == b.high && a.low == b.low;
}

/* True if the quotient of part * times / whole, rounded up, is this one: the smallest one whose product with the whole is not exceeded. */
static bool isQuotientUp(uint64_t quotient, uint64_t part, uint64_t times, uint64_t whole) {
  Wide dividend = productByBits(part, times);
  bool suffices = !wideExceeds(dividend, productByBits(quotient, whole));
  bool lessSuffices = quotient > 0 && !wideExceeds(dividend, productByBits(quotient - 1, whole));
  return !lessSuffices && (suffices || quotient == UINT64_MAX);
}

static int fail(const char *name, uint64_t a, uint64_t b, uint64_t c) {
  printf("%s of %" PRIu64 ", %" PRIu64 ", %" PRIu64 "\n", name, a, b, c);
  return 1;
}

static int testPair(uint64_t a, uint64_t b) {
  Wide product = wideProduct(a, b), more = sum(product, (Wide){0, 1});
  if (!areEqual(product, productByBits(a, b))) return fail("product", a, b, 0);
  if (wideExceeds(product, product) || wideExceeds(product, more) || !wideExceeds(more, product))
    return fail("order", a, b, 0);
  for (int i = 1; i < COUNT; i++)
    if (!isQuotientUp(wideQuotientUp(a, b, borders[i]), a, b, borders[i])) return fail("quotient", a, b, borders[i]);
  return 0;
}

int main(void) {
  Wide largest = wideProduct(UINT64_MAX, UINT64_MAX);
  if (largest.high != UINT64_MAX - 1 || largest.low != 1) return fail("product", UINT64_MAX, UINT64_MAX, 0);
  for (int i = 0; i < COUNT; i++)
    for (int k = 0; k < COUNT; k++)
      if (testPair(borders[i], borders[k]) != 0) return 1;
  puts("exact");
  return 0;
}
