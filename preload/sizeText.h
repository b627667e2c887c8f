/* sizeText.h - sizes as people write and read them: "64M", "64MiB" and "1.5 GB" into bytes, bytes into "64.0 MiB".
 *
 * Shared by the preload library (MEMA_POOL_SIZE) and the command line (--pool), so that both accept the same texts. Inline
 * and without the C library: the preload library reads its size before anything may be allocated. */
#ifndef MEMA_SIZE_TEXT_H
#define MEMA_SIZE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <mema.h>

/* Room for the longest text of formatSize, terminator included. */
#define SIZE_TEXT_ROOM 24

/* Returns the power of two of a unit, or -1. Units are "", B, K, KB, Ki, KiB, and likewise with M, G and T,
 * in either case. */
static inline int sizeUnitShift(const char *unit) {
  static const char upper[] = "KMGT", lower[] = "kmgt";
  int shift = 0;
  for (int i = 0; i < 4; i++) {
    if (*unit == upper[i] || *unit == lower[i]) shift = 10 * (i + 1);
  }
  if (shift > 0) unit++;
  if (shift > 0 && (*unit == 'i' || *unit == 'I')) unit++;
  if (*unit == 'b' || *unit == 'B') unit++;
  return *unit == '\0' ? shift : -1;
}

static inline bool isSizeDigit(char character) {
  return character >= '0' && character <= '9';
}

/* Returns the whole bytes in 0.DIGITS << shift. It rounds down at each digit, from the last to the first,
 * which rounds the sum down once. */
static inline uint64_t sizeFraction(const char *digits, const char *end, int shift) {
  uint64_t bytes = 0;
  while (end > digits) bytes = (((uint64_t)(*--end - '0') << shift) + bytes) / 10;
  return bytes;
}

/* The parts of a text: "1.5 GiB" has 1, ".5" and 30. */
typedef struct SizeParts {
  uint64_t whole;
  bool fits; /* whole is at most MEMA_UNLIMITED */
  const char *fraction, *fractionEnd;
  int shift;
} SizeParts;

/* Splits a text into its parts. False if it is no size. */
static inline bool takeSizeApart(const char *text, SizeParts *parts) {
  const char *at = text;
  *parts = (SizeParts){.fits = true};
  for (; isSizeDigit(*at); at++) {
    uint64_t value = (uint64_t)(*at - '0');
    if (parts->whole > (MEMA_UNLIMITED - value) / 10) parts->fits = false;
    if (parts->fits) parts->whole = parts->whole * 10 + value;
  }
  bool hasDigits = at > text, hasPoint = *at == '.';
  if (hasPoint) at++;
  parts->fraction = at;
  while (hasPoint && isSizeDigit(*at)) at++;
  parts->fractionEnd = at;
  bool hasSpace = *at == ' ';
  if (hasSpace) at++;
  parts->shift = sizeUnitShift(at);
  if (hasSpace && *at == '\0') return false;
  /* a fraction of a byte is no size */
  if (hasPoint && (parts->fraction == parts->fractionEnd || parts->shift == 0)) return false;
  return hasDigits && parts->shift >= 0;
}

/* Reads a number of bytes, or of K, M, G or T, with or without "B" or "iB" behind them. These units are
 * powers of 1024. A number of them may have a fraction, rounded down to whole bytes. One space may stand
 * before the unit, so the output of formatSize is accepted. Returns NULL and sets *size, or returns the fault
 * as the end of a sentence: "... is <reason>". */
static inline const char *parseBytes(const char *text, size_t *size) {
  SizeParts parts;
  if (!takeSizeApart(text, &parts)) {
    return "not a size: write bytes (65536), or K, M, G or T, which are powers of 1024 (64M, 64MB, 64MiB, 1.5G)";
  }
  if (!parts.fits || parts.whole > (uint64_t)MEMA_UNLIMITED >> parts.shift) return "larger than any budget can be";
  uint64_t bytes = (parts.whole << parts.shift) + sizeFraction(parts.fraction, parts.fractionEnd, parts.shift);
  if (bytes > MEMA_UNLIMITED) return "larger than any budget can be";
  *size = (size_t)bytes;
  return NULL;
}

/* Reads the size of a budget, which is not 0. */
static inline const char *parseSize(const char *text, size_t *size) {
  size_t bytes;
  const char *reason = parseBytes(text, &bytes);
  if (reason != NULL) return reason;
  if (bytes == 0) return "zero: at least one byte is needed";
  *size = bytes;
  return NULL;
}

static inline size_t formatNumber(char *out, uint64_t number) {
  char digits[20];
  size_t count = 0;
  do digits[count++] = (char)('0' + number % 10);
  while ((number /= 10) != 0);
  for (size_t i = 0; i < count; i++) out[i] = digits[count - 1 - i];
  out[count] = '\0';
  return count;
}

/* Writes a size as "812 B", "16.0 KiB" or "1.5 GiB", rounded to the nearest tenth. Returns out, which has
 * SIZE_TEXT_ROOM bytes. */
static inline const char *formatSize(char *out, uint64_t size) {
  static const char units[] = "KMGTPE";
  if (size < 1024) {
    size_t length = formatNumber(out, size);
    out[length] = ' ';
    out[length + 1] = 'B';
    out[length + 2] = '\0';
    return out;
  }
  unsigned unit = 0;
  while (unit < 5 && size >> (10 * (unit + 2)) != 0) unit++;
  unsigned shift = 10 * (unit + 1);
  uint64_t whole = size >> shift;
  /* ten bits of the fraction suffice for one digit, and their product cannot overflow */
  uint64_t tenths = (((size >> (shift - 10)) & 1023) * 10 + 512) >> 10;
  if (tenths == 10) {
    whole++;
    tenths = 0;
  }
  size_t length = formatNumber(out, whole);
  out[length++] = '.';
  out[length++] = (char)('0' + tenths);
  out[length++] = ' ';
  out[length++] = units[unit];
  out[length++] = 'i';
  out[length++] = 'B';
  out[length] = '\0';
  return out;
}

#endif
