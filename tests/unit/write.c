/* mema_writeStats and mema_writePicture: what they write, and what a write function that fails does. That the formats are valid is shown in
 * tests/metrics.sh. */
#include "unit.h"

/* The text written. Writing fails at the call `failAt`, counted from 1; 0: never. */
typedef struct Sheet {
  char text[65536];
  size_t length;
  unsigned calls, failAt;
  Pool *used; /* the write function takes a chunk of it and frees it */
} Sheet;

static bool writeOn(void *user, const char *bytes, size_t length) {
  Sheet *sheet = user;
  sheet->calls++;
  assert_true(length > 0);
  assert_true(sheet->length + length < sizeof sheet->text);
  if (sheet->used != NULL) assert_true(pfree(sheet->used, palloc(sheet->used, 10)));
  if (sheet->calls == sheet->failAt) return false;
  memcpy(sheet->text + sheet->length, bytes, length);
  sheet->length += length;
  sheet->text[sheet->length] = '\0';
  return true;
}

static Sheet sheet;

static Sheet *anew(void) {
  memset(&sheet, 0, sizeof sheet);
  return &sheet;
}

#define assertHas(sheet, part)                                                                     \
  do {                                                                                             \
    if (strstr((sheet)->text, (part)) == NULL) fail_msg("no '%s' in:\n%s", (part), (sheet)->text); \
  } while (0)

/* The number behind the only place of `before`. */
static size_t numberBehind(const Sheet *page, const char *before) {
  const char *at = strstr(page->text, before);
  if (at == NULL) {
    fail_msg("no '%s' in:\n%s", before, page->text);
    return 0;
  }
  assert_null(strstr(at + 1, before));
  return (size_t)strtoull(at + strlen(before), NULL, 10);
}

/* Of each format, a figure as it is written of a single pool without a name. */
typedef struct Written {
  const char *json, *metric, *label;
  size_t number;
} Written;

static void everyFigureIsThatOfPoolStats(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 123457));
  void *chunk = palloc(&pool, 1000), *freed = palloc(&pool, 20000);
  assert_non_null(chunk);
  assert_true(pfree(&pool, freed));
  assert_true(mema_chargePool(&pool, 77));
  assert_null(palloc(&pool, 1000000));
  assert_false(pfree(&pool, (char *)hidePointer(chunk) + 1));
  mema_Stats stats;
  assert_true(mema_poolStats(&pool, &stats));
  const Written figures[] = {
      {"poolSize", "budget_bytes", "budget", stats.poolSize},
      {"freeSize", "free_bytes", "free", stats.freeSize},
      {"liveBytes", "live_bytes", "live", stats.liveBytes},
      {"peakBytes", "peak_bytes", "peak", stats.peakBytes},
      {"chargedBytes", "charged_bytes", "charged", 77},
      {"subPoolBytes", "sub_pool_bytes", "held by sub-pools", 0},
      {"reservation", "reservation_bytes", "reservation", stats.reservation},
      {"footprint", "footprint_bytes", "footprint", stats.footprint},
      {"liveChunks", "live_chunks", "live chunks", 1},
      {"outsideChunks", "outside_chunks", "live chunks outside", stats.outsideChunks},
      {"subPools", "sub_pools", "sub-pools", 0},
      {"allocations", "allocations_total", "allocations", 2},
      {"frees", "frees_total", "frees", 1},
      {"refused", "refused_requests_total", "refused requests", 1},
      {"badFrees", "bad_frees_total", "bad frees", 1},
  };
  for (mema_Format format = MEMA_TEXT; format <= MEMA_OPENMETRICS; format++) {
    assertWorks(mema_writeStats(&pool, format, writeOn, anew()));
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
      char before[100];
      if (format == MEMA_TEXT) snprintf(before, sizeof before, "\n  %-20s", figures[i].label);
      if (format == MEMA_JSON) snprintf(before, sizeof before, "\"%s\": ", figures[i].json);
      if (format == MEMA_OPENMETRICS)
        snprintf(before, sizeof before, "\nmema_%s{pool=\"\",id=\"0\",parent=\"\"} ", figures[i].metric);
      assert_int_equal(numberBehind(&sheet, before), figures[i].number);
    }
  }
  assert_true(freePool(&pool));
}

static void subPoolsFollowWithTheirParents(void **state) {
  (void)state;
  Pool root, child, grandchild, other;
  assert_true(mema_initPoolWith(&root, &(mema_Options){.poolSize = MEMA_UNLIMITED, .name = "root"}));
  assert_true(mema_initSubPool(&child, &root, &(mema_Options){.poolSize = 1000, .name = "same"}));
  assert_true(mema_initSubPool(&grandchild, &child, &(mema_Options){.poolSize = 500, .untracked = true}));
  assert_true(mema_initSubPool(&other, &root,
                               &(mema_Options){.poolSize = 3000, .guaranteed = 3000, .shared = true, .name = "same"}));
  assert_non_null(palloc(&child, 10));
  assert_true(mema_writeStats(&root, MEMA_JSON, writeOn, anew()));
  assertHas(&sheet,
            "\"parent\": null, \"name\": \"root\", \"untracked\": false, \"committed\": false,\n     \"poolSize\": null, "
            "\"freeSize\": null,");
  assertHas(&sheet, "\"poolSize\": 1000, \"freeSize\": 990,");
  assertHas(&sheet, "\"untracked\": true, \"committed\": false,\n     \"poolSize\": 500, \"freeSize\": 500,");
  assertHas(&sheet, "\"poolSize\": 3000, \"freeSize\": 3000,");
  unsigned id[4], above[4];
  const char *at = sheet.text;
  for (int i = 0; i < 4; i++, at++) {
    assert_non_null(at = strstr(at, "{\"id\": "));
    if (i == 0) {
      assert_int_equal(sscanf(at, "{\"id\": %u, \"parent\": null,", &id[i]), 1);
    } else {
      assert_int_equal(sscanf(at, "{\"id\": %u, \"parent\": %u,", &id[i], &above[i]), 2);
    }
    for (int k = 0; k < i; k++) assert_int_not_equal(id[i], id[k]);
  }
  assert_null(strstr(at, "{\"id\": "));
  assert_int_equal(above[1], id[0]); /* the youngest first */
  assert_int_equal(above[2], id[0]);
  assert_int_equal(above[3], id[2]);
  assert_true(mema_writeStats(&root, MEMA_OPENMETRICS, writeOn, anew()));
  char series[100];
  snprintf(series, sizeof series, "\nmema_budget_bytes{pool=\"root\",id=\"%u\",parent=\"\"} +Inf\n", id[0]);
  assertHas(&sheet, series);
  snprintf(series, sizeof series, "\nmema_live_bytes{pool=\"same\",id=\"%u\",parent=\"%u\"} 10\n", id[2], id[0]);
  assertHas(&sheet, series);
  assert_true(mema_writeStats(&child, MEMA_JSON, writeOn, anew())); /* of a part of the family */
  assertHas(&sheet, "\"parent\": null, \"name\": \"same\"");
  assert_null(strstr(sheet.text, "root"));
  assert_true(freePool(&root));
}

static void subPoolsOfASharedPoolAreLeftOut(void **state) {
  (void)state;
  Pool root, child;
  assert_true(mema_initPoolWith(&root, &(mema_Options){.poolSize = 10000, .shared = true, .name = "root"}));
  assert_true(mema_initSubPool(&child, &root, &(mema_Options){.poolSize = 1000, .guaranteed = 1000, .name = "child"}));
  assert_true(mema_writeStats(&root, MEMA_JSON, writeOn, anew()));
  assert_int_equal(numberBehind(&sheet, "\"subPoolBytes\": "), 1000);
  assert_int_equal(numberBehind(&sheet, "\"subPools\": "), 1);
  assert_null(strstr(sheet.text, "child"));
  assert_true(freePool(&root));
}

static void namesAreEscaped(void **state) {
  (void)state;
  static const struct {
    const char *name, *json, *label;
  } names[] = {
      {"a\"b\\c\n", "\"a\\\"b\\\\c\\n\"", "\"a\\\"b\\\\c\\n\""},
      {"\x01\x1f\t", "\"\\u0001\\u001f\\u0009\"", "\"\x01\x1f\t\""},
      {"\xff\xc3\xa4\xc3", "\"\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\"", "\"\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\""},
      {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "\"\xef\xbf\xbd\xef\xbf\xbd\""}, /* not the shortest form */
      {"\xf0\x9f\x8c\x8a", "\"\xf0\x9f\x8c\x8a\"", "\"\xf0\x9f\x8c\x8a\""},
      {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
       "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* a surrogate */
  };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    Pool pool;
    char part[100];
    assert_true(mema_initPoolWith(&pool, &(mema_Options){.poolSize = 10, .name = names[i].name}));
    assert_true(mema_writeStats(&pool, MEMA_JSON, writeOn, anew()));
    snprintf(part, sizeof part, "\"name\": %s,", names[i].json);
    assertHas(&sheet, part);
    assert_true(mema_writeStats(&pool, MEMA_OPENMETRICS, writeOn, anew()));
    snprintf(part, sizeof part, "\nmema_live_bytes{pool=%s,id=\"0\",parent=\"\"} 0\n", names[i].label);
    assertHas(&sheet, part);
    assert_true(freePool(&pool));
  }
}

/* The calls that write something of this pool. */
static bool writeBy(unsigned call, const Pool *pool, mema_Write *write, void *user) {
  return call < 3 ? mema_writeStats(pool, (mema_Format)call, write, user) : mema_writePicture(pool, 200, false, write, user);
}
enum { calls = 4 };

static void aWriteThatFailsIsTheLast(void **state) {
  (void)state;
  Pool pool, child;
  assert_true(mema_initPoolWith(&pool, &(mema_Options){.poolSize = MIB, .name = "written"}));
  assert_true(mema_initSubPool(&child, &pool, &(mema_Options){.poolSize = 1000}));
  static char whole[sizeof sheet.text];
  for (unsigned call = 0; call < calls; call++) {
    assert_true(writeBy(call, &pool, writeOn, anew()));
    strcpy(whole, sheet.text);
    unsigned turns = sheet.calls;
    for (unsigned turn = 1; turn <= turns; turn++) {
      anew()->failAt = turn;
      assertRefused(&pool, writeBy(call, &pool, writeOn, &sheet), MEMA_NOT_WRITTEN);
      assert_int_equal(sheet.calls, turn);
      assert_memory_equal(sheet.text, whole, sheet.length); /* the beginning of it */
    }
  }
  assert_true(freePool(&pool));
}

static void theWriteFunctionMayUseThePool(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 100000));
  for (unsigned call = 0; call < calls; call++) {
    anew()->used = &pool;
    assertWorks(writeBy(call, &pool, writeOn, &sheet));
  }
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

static void thePictureIsThatOfDrawPool(void **state) {
  const Kind *kind = *state;
  Pool pool;
  static char picture[65536];
  assert_true(makePool(&pool, kind, MIB));
  for (int i = 0; i < 100; i++) assert_non_null(palloc(&pool, 1000));
  for (unsigned columns = 0; columns <= 210; columns += 30)
    for (int ascii = 0; ascii < 2; ascii++) {
      size_t length = mema_drawPool(&pool, picture, sizeof picture, columns, ascii);
      assertWorks(mema_writePicture(&pool, columns, ascii, writeOn, anew()));
      assert_int_equal(sheet.length, length);
      assert_string_equal(sheet.text, picture);
    }
  assert_true(freePool(&pool));
}

static void streamsAreWrittenTo(void **state) {
  (void)state;
  Pool pool;
  char text[5000] = "";
  assert_true(mema_initPool(&pool, 1000));
  assert_true(mema_writeStats(&pool, MEMA_TEXT, writeOn, anew()));
  FILE *file = fmemopen(text, sizeof text, "w");
  assertWorks(mema_writeStats(&pool, MEMA_TEXT, mema_writeToFile, file));
  assert_int_equal(fclose(file), 0);
  assert_string_equal(text, sheet.text);
  file = fopen("/dev/full", "w");
  assert_int_equal(setvbuf(file, NULL, _IONBF, 0), 0);
  assertRefused(&pool, mema_writeStats(&pool, MEMA_JSON, mema_writeToFile, file), MEMA_NOT_WRITTEN);
  assert_int_equal(mema_lastError()->errnoBefore, ENOSPC);
  fclose(file);
  assert_true(freePool(&pool));
}

static void badArgumentsAreRefused(void **state) {
  (void)state;
  Pool pool, none;
  memset(&none, 0, sizeof none);
  assert_true(mema_initPool(&pool, 1000));
  for (unsigned call = 0; call < calls; call++) {
    assertRefused(&pool, writeBy(call, &pool, NULL, NULL), MEMA_BAD_ARGUMENT);
    assertFails(writeBy(call, &none, writeOn, anew()), MEMA_BAD_POOL);
    assertFails(writeBy(call, NULL, writeOn, &sheet), MEMA_BAD_POOL);
  }
  assertRefused(&pool, mema_writeStats(&pool, (mema_Format)hideSize(3), writeOn, &sheet), MEMA_BAD_ARGUMENT);
  assertRefused(&pool, mema_writeStats(&pool, (mema_Format)hideSize(UINT32_MAX), writeOn, &sheet), MEMA_BAD_ARGUMENT);
  assert_int_equal(sheet.calls, 0);
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      anyKind(everyFigureIsThatOfPoolStats),
      cmocka_unit_test(subPoolsFollowWithTheirParents),
      cmocka_unit_test(subPoolsOfASharedPoolAreLeftOut),
      cmocka_unit_test(namesAreEscaped),
      cmocka_unit_test(aWriteThatFailsIsTheLast),
      anyKind(theWriteFunctionMayUseThePool),
      anyKind(thePictureIsThatOfDrawPool),
      cmocka_unit_test(streamsAreWrittenTo),
      cmocka_unit_test(badArgumentsAreRefused),
  };
  return runTests(tests);
}
