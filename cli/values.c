/* values.c - see values.h. */
#define _GNU_SOURCE
#include "values.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../preload/sizeText.h"
#include "complain.h"

bool setFlag(const Option *option, const char *value, void *field) {
  (void)option, (void)value;
  *(bool *)field = true;
  return true;
}

bool clearFlag(const Option *option, const char *value, void *field) {
  (void)option, (void)value;
  *(bool *)field = false;
  return true;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------ */

bool readSize(const Option *option, const char *value, void *field) {
  const char *reason = parseSize(value, field);
  if (reason != NULL) complain("--%s '%s' is %s", option->name, value, reason);
  return reason == NULL;
}

bool readLimit(const Option *option, const char *value, void *field) {
  size_t size = 0;
  const char *reason = parseBytes(value, &size);
  if (reason == NULL) {
    *(uint64_t *)field = size;
  } else {
    complain("--%s '%s' is %s", option->name, value, reason);
  }
  return reason == NULL;
}

bool readCount(const Option *option, const char *value, void *field) {
  char *end;
  errno = 0;
  unsigned long long number = strtoull(value, &end, 10);
  if (isSizeDigit(*value) && *end == '\0' && errno == 0 && number >= 1 && number <= option->most) {
    *(size_t *)field = (size_t)number;
    return true;
  }
  complain("--%s '%s' is no number from 1 to %zu", option->name, value, option->most);
  return false;
}

/* Reads digits. Returns NULL if there are none, or the number is not below UINT64_MAX; else the end. */
static const char *readDigits(const char *text, uint64_t *number) {
  uint64_t sum = 0;
  if (!isSizeDigit(*text)) return NULL;
  for (; isSizeDigit(*text); text++) {
    uint64_t value = (uint64_t)(*text - '0');
    if (sum > (UINT64_MAX - 1 - value) / 10) return NULL;
    sum = sum * 10 + value;
  }
  *number = sum;
  return text;
}

bool readNumber(const Option *option, const char *value, void *field) {
  const char *end = readDigits(value, field);
  if (end != NULL && *end == '\0') return true;
  complain("--%s '%s' is not a number that can be: write digits (250000)", option->name, value);
  return false;
}

/* "12", "12.5" and "0.25", each with or without "%". */
bool readPercent(const Option *option, const char *value, void *field) {
  const uint64_t most = 1000000;
  uint64_t whole = 0, tenth = 0, hundredth = 0;
  const char *at = readDigits(value, &whole);
  if (at != NULL && *at == '.') {
    at = isSizeDigit(at[1]) ? at + 1 : NULL;
    if (at != NULL) tenth = (uint64_t)(*at++ - '0');
    if (at != NULL && isSizeDigit(*at)) hundredth = (uint64_t)(*at++ - '0');
  }
  if (at != NULL && *at == '%') at++;
  if (at != NULL && *at == '\0' && whole <= most) {
    *(uint64_t *)field = whole * 100 + tenth * 10 + hundredth;
    return true;
  }
  complain("--%s '%s' is not a percentage: write 0 to 1000000, with at most two decimals (10, 2.5)", option->name, value);
  return false;
}

/* ---- texts -------------------------------------------------------------------------------------------------------- */

bool readAnything(const Option *option, const char *value, void *field) {
  (void)option;
  *(const char **)field = value;
  return true;
}

bool readText(const Option *option, const char *value, void *field) {
  *(const char **)field = value;
  if (*value != '\0') return true;
  complain("--%s needs a value that is not empty", option->name);
  return false;
}

bool readFileName(const Option *option, const char *value, void *field) {
  *(const char **)field = value;
  if (*value != '\0') return true;
  complain("--%s needs the name of a file", option->name);
  return false;
}

bool readRealFile(const Option *option, const char *value, void *field) {
  return readFileName(option, strcmp(value, "-") == 0 ? "" : value, field);
}
