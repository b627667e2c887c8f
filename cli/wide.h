/* wide.h - exact products of two 64-bit numbers, on processors of any width. */
#ifndef MEMA_CLI_WIDE_H
#define MEMA_CLI_WIDE_H

#include <stdbool.h>
#include <stdint.h>

/* high * 2^64 + low */
typedef struct Wide {
  uint64_t high, low;
} Wide;

/* Multiplies by halves. Each sum below fits: the largest product of two halves is 2^64 - 2^33 + 1. */
static inline Wide wideProduct(uint64_t a, uint64_t b) {
  uint64_t aHigh = a >> 32, aLow = a & UINT32_MAX, bHigh = b >> 32, bLow = b & UINT32_MAX;
  uint64_t low = aLow * bLow;
  uint64_t middle = aHigh * bLow + (low >> 32);
  uint64_t other = aLow * bHigh + (middle & UINT32_MAX);
  return (Wide){aHigh * bHigh + (middle >> 32) + (other >> 32), other << 32 | (low & UINT32_MAX)};
}

/* True if a > b. */
static inline bool wideExceeds(Wide a, Wide b) {
  return a.high != b.high ? a.high > b.high : a.low > b.low;
}

/* Returns part * times / whole, rounded up; UINT64_MAX if it is at least that. The whole is not 0.
 *
 * The quotient grows bit by bit of `times`, from the highest one: quotient and rest are doubled, then the part is added.
 * The rest stays below the whole, so that no sum exceeds 64 bits. */
static inline uint64_t wideQuotientUp(uint64_t part, uint64_t times, uint64_t whole) {
  uint64_t quotient = 0, rest = 0, step = part / whole, stepRest = part % whole;
  for (int bit = 63; bit >= 0; bit--) {
    bool carries = rest >= whole - rest;
    if (quotient > (UINT64_MAX - carries) / 2) return UINT64_MAX;
    quotient = 2 * quotient + carries;
    rest = carries ? rest - (whole - rest) : 2 * rest;
    if ((times >> bit & 1) == 0) continue;
    carries = rest >= whole - stepRest;
    rest = carries ? rest - (whole - stepRest) : rest + stepRest;
    if (quotient > UINT64_MAX - carries - step) return UINT64_MAX;
    quotient += step + carries;
  }
  return rest == 0 || quotient == UINT64_MAX ? quotient : quotient + 1;
}

#endif
