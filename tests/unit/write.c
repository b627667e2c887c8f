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

/* The object of JSON that has this pool's figures. */
static const char *figuresOf(const char *name) {
  static char object[2000];
  char key[40];
  snprintf(key, sizeof key, "\"name\": \"%s\"", name);
  const char *at = strstr(sheet.text, key);
  if (at == NULL) fail_msg("no %s in:\n%s", key, sheet.text);
  assert_null(strstr(at + 1, key));
  while (*at != '{') at--;
  size_t length = strcspn(at, "}");
  assert_true(length < sizeof object);
  memcpy(object, at, length);
  object[length] = '\0';
  return object;
}

static void assertFigure(const char *name, const char *part) {
  const char *figures = figuresOf(name);
  if (strstr(figures, part) == NULL) fail_msg("no '%s' in:\n%s", part, figures);
}

static unsigned idOf(const char *name) {
  unsigned id;
  assert_int_equal(sscanf(figuresOf(name), "{\"id\": %u,", &id), 1);
  return id;
}

static void assertBelow(const char *name, const char *parent) {
  char part[40];
  snprintf(part, sizeof part, "\"parent\": %u,", idOf(parent));
  assertFigure(name, part);
  assert_true(strstr(sheet.text, name) > strstr(sheet.text, parent));
}

static void subPoolsFollowWithTheirParents(void **state) {
  (void)state;
  Pool root, child, grandchild, other;
  const mema_Options options[] = {
      {.poolSize = MEMA_UNLIMITED, .name = "root", .unwatched = true},
      {.poolSize = 1000, .name = "child"},
      {.poolSize = 500, .untracked = true, .engine = MEMA_ARENA, .plain = true, .name = "below"},
      {.poolSize = 3000, .guaranteed = 3000, .shared = true, .unwatched = true, .name = "other"},
  };
  assert_true(mema_initPoolWith(&root, &options[0]));
  assert_true(mema_initSubPool(&child, &root, &options[1]));
  assert_true(mema_initSubPool(&grandchild, &child, &options[2]));
  assert_true(mema_initSubPool(&other, &root, &options[3]));
  assert_non_null(palloc(&child, 10));
  assert_true(mema_writeStats(&root, MEMA_JSON, writeOn, anew()));
  assertFigure("root",
               "\"parent\": null, \"name\": \"root\", \"untracked\": false, \"committed\": false, \"shared\": false, "
               "\"engine\": \"slab\", \"plain\": false, \"watched\": false, \"exact\": true,\n     \"poolSize\": null, "
               "\"freeSize\": null,");
  assertFigure("child", "\"poolSize\": 1000, \"freeSize\": 990,");
  assertFigure("below",
               "\"untracked\": true, \"committed\": false, \"shared\": false, \"engine\": \"arena\", \"plain\": true,");
  assertFigure("below", "\"poolSize\": 500, \"freeSize\": 500,");
  assertFigure("other", "\"shared\": true,");
  assertFigure("other", "\"poolSize\": 3000, \"freeSize\": 3000,");
  assertBelow("child", "root");
  assertBelow("other", "root");
  assertBelow("below", "child");
  const char *names[] = {"root", "child", "below", "other"};
  for (int i = 0; i < 4; i++)
    for (int k = 0; k < i; k++) assert_int_not_equal(idOf(names[i]), idOf(names[k]));
  unsigned top = idOf("root"), low = idOf("child");
  assert_true(mema_writeStats(&root, MEMA_OPENMETRICS, writeOn, anew()));
  char series[200];
  snprintf(series, sizeof series, "\nmema_budget_bytes{pool=\"root\",id=\"%u\",parent=\"\"} +Inf\n", top);
  assertHas(&sheet, series);
  snprintf(series, sizeof series, "\nmema_live_bytes{pool=\"child\",id=\"%u\",parent=\"%u\"} 10\n", low, top);
  assertHas(&sheet, series);
  snprintf(series, sizeof series,
           "\",parent=\"%u\",engine=\"arena\",tracked=\"false\",committed=\"false\",shared=\"false\",watched=\"plain\","
           "exact=\"true\"} 1\n",
           low);
  assertHas(&sheet, series);
  assert_true(mema_writeStats(&root, MEMA_TEXT, writeOn, anew()));
  snprintf(series, sizeof series, ", below %u, arena, untracked, plain chunks\n", low);
  assertHas(&sheet, series);
  snprintf(series, sizeof series, ", below %u, slab, tracked, shared\n", top);
  assertHas(&sheet, series);
  assert_true(mema_writeStats(&child, MEMA_JSON, writeOn, anew())); /* of a part of the family */
  assertFigure("child", "\"parent\": null");
  assertBelow("below", "child");
  assert_null(strstr(sheet.text, "root"));
  assert_true(freePool(&root));
}

/* Below a shared pool, shared ones are as exact as it, down to the last; the others belong to their threads. */
static void subPoolsOfSharedPoolsAreToldToo(void **state) {
  (void)state;
  Pool root, child, busy, below, deep, gone;
  const mema_Options options[] = {
      {.poolSize = MIB, .shared = true, .name = "root"},
      {.poolSize = 10000, .guaranteed = 10000, .shared = true, .untracked = true, .name = "child"},
      {.poolSize = 5000, .guaranteed = 1000, .name = "busy", .unwatched = true},
      {.poolSize = 3000, .engine = MEMA_ARENA, .plain = true, .name = "below"},
      {.poolSize = 2000, .name = "deep"},
  };
  for (int tracked = 0; tracked < 2; tracked++) {
    mema_Options top = options[0];
    top.untracked = !tracked;
    assert_true(mema_initPoolWith(&root, &top));
    assert_true(mema_initSubPool(&child, &root, &options[1]));
    assert_true(mema_initSubPool(&busy, &root, &options[2]));
    assert_true(mema_initSubPool(&below, &child, &options[3]));
    assert_true(mema_initSubPool(&deep, &busy, &options[4]));
    assert_true(mema_initSubPool(&gone, &root, &options[2]) && freePool(&gone));
    void *freed = palloc(&busy, 700);
    assert_true(pfree(&busy, freed) && palloc(&busy, 100) != NULL && palloc(&below, 48) != NULL &&
                palloc(&child, 64) != NULL);
    assert_null(palloc(&busy, 6000));
    assert_false(pfree(&busy, &busy));
    assert_true(mema_chargePool(&busy, 5));
    assert_true(mema_writeStats(&root, MEMA_JSON, writeOn, anew()));
    assertFigure("root", "\"exact\": true");
    assertFigure("root", "\"subPools\": 2,");
    assertBelow("child", "root");
    assertFigure("child", "\"shared\": true, \"engine\": \"slab\",");
    assertFigure("child", "\"exact\": true");
    assertFigure("child", "\"subPools\": 1, \"allocations\": 1,");
    assertBelow("busy", "root");
    assertFigure("busy",
                 "\"shared\": false, \"engine\": \"slab\", \"plain\": false, \"watched\": false, \"exact\": false,\n"
                 "     \"poolSize\": 5000, \"freeSize\": 4895, \"liveBytes\": 105, \"peakBytes\": 700, "
                 "\"chargedBytes\": 5,\n     \"subPoolBytes\": null, \"reservation\": null, \"footprint\": null, "
                 "\"liveChunks\": 1, \"outsideChunks\": null,\n     \"subPools\": null, \"allocations\": 2, "
                 "\"frees\": 1, \"refused\": 1, \"badFrees\": 1");
    assertBelow("below", "child");
    assertFigure("below", "\"engine\": \"arena\", \"plain\": true, \"watched\": false, \"exact\": false,");
    assertFigure("below", "\"liveBytes\": 48,");
    assert_null(strstr(sheet.text, "deep"));
    assert_true(mema_writeStats(&busy, MEMA_JSON, writeOn, anew())); /* by its own thread */
    assertFigure("busy", "\"exact\": true");
    assertBelow("deep", "busy");
    assert_true(mema_writeStats(&root, MEMA_OPENMETRICS, writeOn, anew()));
    assertHas(&sheet, "mema_live_chunks{pool=\"busy\",");
    assertHas(&sheet, "mema_footprint_bytes{pool=\"child\",");
    assert_null(strstr(sheet.text, "mema_footprint_bytes{pool=\"busy\","));
    assert_true(mema_writeStats(&root, MEMA_TEXT, writeOn, anew()));
    assertHas(&sheet, ", slab, tracked, in use by its thread\n");
    assertHas(&sheet, "\n  footprint                       not known\n");
    assert_true(mema_checkPool(&root));
    assert_true(freePool(&root));
  }
}

/* A mema_Write: notes which budgets from 10,000 on are told. The text comes in parts, so it goes through a line. */
static bool noteBudgets(void *user, const char *bytes, size_t length) {
  static char line[200];
  static size_t used;
  bool *found = user;
  for (size_t i = 0; i < length; i++) {
    if (bytes[i] != '\n') {
      line[used++] = bytes[i];
      continue;
    }
    line[used] = '\0';
    used = 0;
    unsigned budget;
    if (sscanf(line, " budget %u bytes", &budget) == 1 && budget >= 10000 && budget < 10500) found[budget - 10000] = true;
  }
  return true;
}

/* The list of members grows. */
static void manySubPoolsAreTold(void **state) {
  (void)state;
  enum { count = 500 };
  static Pool root, pools[count];
  for (int shared = 0; shared < 2; shared++) {
    assert_true(mema_initPoolWith(&root, &(mema_Options){.poolSize = MIB, .shared = shared, .name = "root"}));
    for (int i = 0; i < count; i++) {
      Pool *parent = i % 2 == 0 || shared ? &root : &pools[i - 1];
      assert_true(mema_initSubPool(&pools[i], parent, &(mema_Options){.poolSize = 10000 + (size_t)i, .name = "some"}));
    }
    static bool found[count];
    memset(found, 0, sizeof found);
    assert_true(mema_writeStats(&root, MEMA_TEXT, noteBudgets, found));
    for (int i = 0; i < count; i++) assert_true(found[i]);
    assert_true(freePool(&root));
  }
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
      cmocka_unit_test(subPoolsOfSharedPoolsAreToldToo),
      cmocka_unit_test(manySubPoolsAreTold),
      cmocka_unit_test(namesAreEscaped),
      cmocka_unit_test(aWriteThatFailsIsTheLast),
      anyKind(theWriteFunctionMayUseThePool),
      anyKind(thePictureIsThatOfDrawPool),
      cmocka_unit_test(streamsAreWrittenTo),
      cmocka_unit_test(badArgumentsAreRefused),
  };
  return runTests(tests);
}
