/* nearest.c - see nearest.h. The distance is that of optimal string alignment (Boytsov, "Indexing methods for approximate dictionary
 * searching", ACM JEA 16, 2011, section 2): Levenshtein's with the exchange of neighbours as one slip. */
#define _GNU_SOURCE
#include "nearest.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { LONGEST = 16 };

static bool isSame(char a, char b) {
  return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

/* slips[i][j]: between the first i letters of one word and the first j letters of the other. Both have LONGEST at most. */
static size_t countSlips(const char *a, const char *b) {
  size_t slips[LONGEST + 1][LONGEST + 1], m = strlen(a), n = strlen(b);
  for (size_t i = 0; i <= m; i++) slips[i][0] = i;
  for (size_t j = 0; j <= n; j++) slips[0][j] = j;
  for (size_t i = 1; i <= m; i++) {
    for (size_t j = 1; j <= n; j++) {
      size_t changed = slips[i - 1][j - 1] + (isSame(a[i - 1], b[j - 1]) ? 0 : 1);
      slips[i][j] = least(changed, least(slips[i - 1][j], slips[i][j - 1]) + 1);
      if (i > 1 && j > 1 && isSame(a[i - 1], b[j - 2]) && isSame(a[i - 2], b[j - 1])) {
        slips[i][j] = least(slips[i][j], slips[i - 2][j - 2] + 1);
      }
    }
  }
  return slips[m][n];
}

bool isNear(const char *typed, const char *word) {
  size_t typedLength = strlen(typed), wordLength = strlen(word);
  if (typedLength == 0 || typedLength > LONGEST || wordLength > LONGEST) return false;
  if (strncasecmp(typed, word, typedLength) == 0) return true;
  size_t longer = typedLength > wordLength ? typedLength : wordLength;
  return countSlips(typed, word) <= longer / 3;
}
