/* mema_drawPool: a picture that fits its buffer and its width. */
#include "unit.h"

enum { roomy = 200000 };

/* The longest line, in characters: bytes of UTF-8 that continue a character do not count. */
static size_t widthOf(const char *text) {
  size_t widest = 0, line = 0;
  for (; *text != '\0'; text++) {
    if (*text == '\n') {
      line = 0;
    } else if (((unsigned char)*text & 0xc0) != 0x80 && ++line > widest) {
      widest = line;
    }
  }
  return widest;
}

static void usePool(Pool *pool) {
  for (size_t i = 0; i < 200; i++) {
    void *chunk = palloc(pool, i * i / 2);
    assert_non_null(chunk);
    if (i % 3 == 0) assert_true(pfree(pool, chunk));
  }
}

static void thePictureFitsItsWidth(void **state) {
  const Kind *kind = *state;
  static const unsigned columns[][2] = {{0, 72}, {20, 20}, {21, 21}, {33, 33}, {72, 72}, {80, 80}, {199, 199}, {200, 200}};
  Pool pool;
  mema_Options options = kind->options;
  options.poolSize = 4 * MIB;
  options.name = "a name of 21 bytes..."; /* the longest must not break a narrow picture */
  assert_true(mema_initPoolWith(&pool, &options));
  char *text = malloc(roomy);
  for (int used = 0; used < 2; used++) {
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
      for (int ascii = 0; ascii < 2; ascii++) {
        size_t length = 0;
        assertWorks((length = mema_drawPool(&pool, text, roomy, columns[i][0], ascii)) > 0);
        assert_true(length < roomy);
        assert_int_equal(strlen(text), length);
        size_t width = widthOf(text);
        if (width > columns[i][1]) fail_msg("%zu columns of %u:\n%s", width, columns[i][1], text);
        if (ascii) {
          for (size_t at = 0; at < length; at++) {
            unsigned char byte = (unsigned char)text[at];
            assert_true(byte == '\n' || (byte >= 32 && byte < 127));
          }
        }
      }
    }
    usePool(&pool);
  }
  assert_true(freePool(&pool));
  free(text);
}

/* Widths out of bounds are no failure: 0 would mean that the pool is not live. */
static void widthsOutOfBoundsGiveAPicture(void **state) {
  (void)state;
  static const unsigned columns[] = {1, 2, 19, 201, 1000, 1u << 31, ~0u};
  Pool pool;
  assert_true(initPool(&pool, MIB));
  char *text = malloc(roomy);
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
    size_t length = mema_drawPool(&pool, text, roomy, columns[i], true);
    assert_true(length > 0 && length < roomy);
    assert_int_equal(strlen(text), length);
    assert_true(widthOf(text) <= 200);
  }
  assert_true(freePool(&pool));
  free(text);
}

static void everyBufferSizeIsRespected(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 4 * MIB));
  usePool(&pool);
  for (int ascii = 0; ascii < 2; ascii++) {
    char *whole = malloc(roomy), *part = malloc(roomy);
    size_t length = mema_drawPool(&pool, whole, roomy, 60, ascii);
    assert_int_equal(mema_drawPool(&pool, NULL, 0, 60, ascii), length);
    for (size_t size = 0; size <= length + 3; size += 1 + size / 50) {
      memset(part, '~', roomy);
      assert_int_equal(mema_drawPool(&pool, part, size, 60, ascii), length);
      if (size > 0) {
        size_t shown = size - 1 < length ? size - 1 : length;
        assert_memory_equal(part, whole, shown);
        assert_int_equal(part[shown], '\0');
      }
      for (size_t at = size; at < size + 64; at++) assert_int_equal(part[at], '~');
    }
    free(whole);
    free(part);
  }
  assert_true(freePool(&pool));
}

static void thePictureShowsTheUse(void **state) {
  (void)state;
  Pool pool;
  assert_true(initPool(&pool, MIB));
  char *empty = malloc(roomy), *full = malloc(roomy);
  mema_drawPool(&pool, empty, roomy, 72, true);
  while (pool.freeSize > 0) assert_non_null(hidePointer(palloc(&pool, 1024)));
  mema_drawPool(&pool, full, roomy, 72, true);
  assert_string_not_equal(empty, full);
  assert_true(freePool(&pool));
  free(empty);
  free(full);
}

/* The key names the cells that the picture is made of; a picture too narrow for it has none. */
static void thePictureHasAKey(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 4 * MIB));
  usePool(&pool);
  char *text = malloc(roomy);
  for (unsigned columns = 20; columns <= 72; columns++) {
    for (int ascii = 0; ascii < 2; ascii++) {
      mema_drawPool(&pool, text, roomy, columns, ascii);
      const char *key =
          ascii ? "  key     . free  -+* partly used  # used\n" : "  key     · free  ░▒▓ partly used  █ used\n";
      assert_int_equal(strstr(text, key) != NULL, columns >= 41);
      assert_non_null(strstr(text, "  1 cell  "));
    }
  }
  assert_true(freePool(&pool));
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      everyKind(thePictureFitsItsWidth),       cmocka_unit_test(widthsOutOfBoundsGiveAPicture),
      anyKind(everyBufferSizeIsRespected),     anyKind(thePictureHasAKey),
      cmocka_unit_test(thePictureShowsTheUse),
  };
  return runTests(tests);
}
