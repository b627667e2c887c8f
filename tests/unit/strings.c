/* Copies and formatted text. */
#include "unit.h"

#include <wchar.h>

static void pstrdupCopies(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 1000));
  char source[] = "a pool of one's own";
  char *copy, *empty;
  assertWorks((copy = mema_pstrdup(&pool, source)) != NULL);
  assert_string_equal(copy, "a pool of one's own");
  source[0] = 'A';
  assert_string_equal(copy, "a pool of one's own");
  size_t charge = mema_chunkSize(&pool, copy);
  if (!kind->options.untracked) assert_int_equal(charge, sizeof source);
  assertWorks((empty = mema_pstrdup(&pool, "")) != NULL);
  assert_string_equal(empty, "");
  assertPool(&pool, charge + mema_chunkSize(&pool, empty), 2);
  assertRefused(&pool, mema_pstrdup(&pool, NULL), MEMA_BAD_ARGUMENT);
  assert_true(freePool(&pool));
}

static void pstrndupStopsInTime(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 1000));
  static const struct {
    size_t n;
    const char *copy;
  } rows[] = {{0, ""}, {1, "a"}, {4, "abcd"}, {5, "abcde"}, {6, "abcde"}, {1000000, "abcde"}, {SIZE_MAX, "abcde"}};
  size_t bytes = 0;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char *copy;
    assertWorks((copy = mema_pstrndup(&pool, "abcde", rows[i].n)) != NULL);
    assert_string_equal(copy, rows[i].copy);
    if (!kind->options.untracked) assert_int_equal(mema_chunkSize(&pool, copy), strlen(rows[i].copy) + 1);
    bytes += mema_chunkSize(&pool, copy);
    assertPool(&pool, bytes, i + 1);
  }
  /* No terminator within n: the bytes behind are not read (the sanitizers watch). */
  char *bare = malloc(3), *copy;
  for (int i = 0; i < 3; i++) bare[i] = (char)('x' + i);
  assertWorks((copy = mema_pstrndup(&pool, bare, 3)) != NULL);
  assert_string_equal(copy, "xyz");
  free(bare);
  assertRefused(&pool, mema_pstrndup(&pool, NULL, 0), MEMA_BAD_ARGUMENT);
  assertRefused(&pool, mema_pstrndup(&pool, NULL, 5), MEMA_BAD_ARGUMENT);
  assert_true(freePool(&pool));
}

static void pmemdupCopiesBytes(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  static unsigned char source[100000];
  fillBytes(source, sizeof source, 1);
  size_t bytes = 0, chunks = 0;
  for (size_t n = 0; n <= sizeof source; n = n * 3 + 1) {
    unsigned char *copy;
    assertWorks((copy = mema_pmemdup(&pool, source, n)) != NULL);
    assert_true(bytesFilled(copy, n, 1));
    bytes += mema_chunkSize(&pool, copy);
    assertPool(&pool, bytes, ++chunks);
  }
  assertRefused(&pool, mema_pmemdup(&pool, NULL, hideSize(5)), MEMA_BAD_ARGUMENT);
  assertRefused(&pool, mema_pmemdup(&pool, NULL, hideSize(0)), MEMA_BAD_ARGUMENT);
  assertRefused(&pool, mema_pmemdup(&pool, source, 2 * MIB), MEMA_OVER_BUDGET);
  assertRefused(&pool, mema_pmemdup(&pool, source, hideSize(SIZE_MAX)), MEMA_TOO_LARGE);
  assert_true(freePool(&pool));
}

static char *printVia(Pool *pool, const char *format, ...) MEMA_ATTRIBUTE((format(printf, 2, 3)));
static char *printVia(Pool *pool, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = mema_pvsprintf(pool, format, args);
  va_end(args);
  return text;
}

static void psprintfPrints(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  char *text;
  assertWorks((text = mema_psprintf(&pool, "%d %s %5.2f|%-4c|", -7, "seven", 3.14159, 'x')) != NULL);
  assert_string_equal(text, "-7 seven  3.14|x   |");
  if (!kind->options.untracked) assert_int_equal(mema_chunkSize(&pool, text), strlen(text) + 1);
  assertWorks((text = printVia(&pool, "%s%%%zu", "via ", (size_t)12)) != NULL);
  assert_string_equal(text, "via %12");
  assertWorks((text = mema_psprintf(&pool, "%s", "")) != NULL);
  assert_string_equal(text, "");
  /* Around every size that an internal buffer may have. */
  for (int width = 1; width < 9000; width += 1 + width / 40) {
    assertWorks((text = mema_psprintf(&pool, "%*d", width, 5)) != NULL);
    assert_int_equal(strlen(text), width);
    assert_int_equal(text[width - 1], '5');
    if (!kind->options.untracked) assert_int_equal(mema_chunkSize(&pool, text), width + 1);
    assertWorks(pfree(&pool, text));
  }
  const char *noFormat = hidePointer(NULL);
  assertRefused(&pool, mema_psprintf(&pool, noFormat, 1), MEMA_BAD_ARGUMENT);
  /* A wide character that the "C" locale cannot print makes vsnprintf fail. */
  wchar_t wide[] = {0x20ac, 0};
  assertRefused(&pool, mema_psprintf(&pool, "%ls", wide), MEMA_BAD_FORMAT);
  assertRefused(&pool, printVia(&pool, "%ls", wide), MEMA_BAD_FORMAT);
  assert_true(freePool(&pool));
}

/* A null for %s is the C library's business: its text, or a failure, but nothing lost. */
static void psprintfOfANullStringLosesNothing(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 1000));
  const char *nothing = hidePointer(NULL);
  char *text = mema_psprintf(&pool, "<%s>", nothing);
  assert_string_equal(text, "<(null)>");
  assertPool(&pool, mema_chunkSize(&pool, text), 1);
  assert_true(freePool(&pool));
}

static void textsFillTheBudgetExactly(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 10));
  char *text;
  assertRefused(&pool, mema_pstrdup(&pool, "0123456789"), MEMA_OVER_BUDGET);
  assert_int_equal(mema_lastError()->wanted, 11);
  assertRefused(&pool, mema_pstrndup(&pool, "0123456789abc", 10), MEMA_OVER_BUDGET);
  assertRefused(&pool, mema_psprintf(&pool, "%s", "0123456789"), MEMA_OVER_BUDGET);
  assert_int_equal(mema_lastError()->wanted, 11);
  assertWorks((text = mema_pstrdup(&pool, "012345678")) != NULL);
  assertPool(&pool, 10, 1);
  assertWorks(pfree(&pool, text));
  assertWorks((text = mema_pstrndup(&pool, "0123456789abc", 9)) != NULL);
  assert_string_equal(text, "012345678");
  assertWorks(pfree(&pool, text));
  assertWorks((text = mema_psprintf(&pool, "%s", "012345678")) != NULL);
  assert_string_equal(text, "012345678");
  assertPool(&pool, 10, 1);
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      anyKind(pstrdupCopies),
      anyKind(pstrndupStopsInTime),
      anyKind(pmemdupCopiesBytes),
      anyKind(psprintfPrints),
      anyKind(psprintfOfANullStringLosesNothing),
      exactKinds(textsFillTheBudgetExactly),
      withKind(textsFillTheBudgetExactly, kindFixed),
  };
  return runTests(tests);
}
