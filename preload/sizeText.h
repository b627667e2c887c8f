/* sizeText.h - sizes as people write and read them: "64M" into bytes, bytes into "64.0 MiB".
 *
 * Shared by the preload library (MEMA_POOL_SIZE) and the command line (--pool), so that both accept the same texts. Inline
 * and without the C library: the preload library reads its size before anything may be allocated. */
#ifndef MEMA_SIZE_TEXT_H
#define MEMA_SIZE_TEXT_H

#include <mema.h>

/* Room for the longest text of formatSize, terminator included. */
#define SIZE_TEXT_ROOM 24

/* The power of two that a suffix stands for, or -1. */
static inline int sizeSuffixShift(char suffix) {
  switch (suffix) {
    case '\0':
      return 0;
    case 'k':
    case 'K':
      return 10;
    case 'm':
    case 'M':
      return 20;
    case 'g':
    case 'G':
      return 30;
    case 't':
    case 'T':
      return 40;
    default:
      return -1;
  }
}

/* Reads a decimal number of bytes with at most one suffix, K, M, G or T (powers of 1024).
 * Returns NULL and sets *size, or returns what is wrong with the text as the end of a sentence: "... is <reason>". */
static inline const char *parseSize(const char *text, size_t *size) {
  static const char notSize[] = "not a size: write bytes (65536), or a whole number with K, M, G or T (64M)";
  static const char tooLarge[] = "larger than any budget can be";
  const char *digit = text;
  size_t number = 0;
  bool fits = true;
  for (; *digit >= '0' && *digit <= '9'; digit++) {
    size_t value = (size_t)(*digit - '0');
    if (number > (MEMA_UNLIMITED - value) / 10) fits = false;
    if (fits) number = number * 10 + value;
  }
  int shift = sizeSuffixShift(*digit);
  if (digit == text || shift < 0 || (*digit != '\0' && digit[1] != '\0')) return notSize;
  if (!fits || (size_t)shift >= sizeof(size_t) * 8 || number > MEMA_UNLIMITED >> shift) return tooLarge;
  if (number == 0) return "zero: at least one byte is needed";
  *size = number << shift;
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

/* "812 B", "16.0 KiB", "1.5 GiB", rounded to the nearest tenth; returns out, which has SIZE_TEXT_ROOM bytes. */
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
  /* Ten bits of the fraction are plenty for one digit, and cannot overflow when multiplied. */
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
