/* SQLite in a pool of 8 MiB: a real workload, queries that want more, each request refused, its own limit, mistakes. */
#include "hosts.h"

#include <mema_sqlite.h>
#include <pthread.h>
#include <unistd.h>

enum { BUDGET = 8 << 20 };

static Pool pool;
static sqlite3 *db;
static char path[] = "/tmp/mema-sqlite-XXXXXX";

/* Runs statements; their last value goes into `text`. */
static int ask(const char *statements, char *text, size_t size) {
  const char *rest = statements;
  int status = SQLITE_OK;
  if (size > 0) text[0] = '\0';
  while (*rest != '\0' && status == SQLITE_OK) {
    sqlite3_stmt *statement = NULL;
    status = sqlite3_prepare_v2(db, rest, -1, &statement, &rest);
    if (status != SQLITE_OK || statement == NULL) break;
    while (sqlite3_step(statement) == SQLITE_ROW) {
      const char *value = (const char *)sqlite3_column_text(statement, 0);
      if (size > 0 && value != NULL) snprintf(text, size, "%s", value);
    }
    status = sqlite3_finalize(statement);
  }
  return status;
}

static int run(const char *statements) {
  return ask(statements, NULL, 0);
}

static bool gives(const char *statements, const char *expected) {
  char text[100];
  int status = ask(statements, text, sizeof text);
  if (status != SQLITE_OK) fprintf(stderr, "%s: %s\n", statements, sqlite3_errmsg(db));
  return status == SQLITE_OK && strcmp(text, expected) == 0;
}

static bool isNoMemory(int status) {
  return status == SQLITE_NOMEM || sqlite3_extended_errcode(db) == SQLITE_IOERR_NOMEM;
}

static const char *fill =
    "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, age INT); CREATE INDEX ages ON people(age);"
    "CREATE TABLE visits(person INT, day INT, note TEXT); CREATE INDEX persons ON visits(person);"
    "BEGIN;"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
    " INSERT INTO people SELECT i, 'person number ' || i, i * 7 % 90 FROM n;"
    "INSERT INTO visits SELECT id * 31 % 10000, id % 365, 'a note of ' || name FROM people;"
    "COMMIT;";

static void open8MiB(void) {
  CHECK(initPool(&pool, BUDGET));
  CHECK(mema_sqliteConfigure(&pool) == SQLITE_OK);
  CHECK(sqlite3_open(path, &db) == SQLITE_OK);
  CHECK(run("PRAGMA cache_size = -1000; PRAGMA temp_store = MEMORY;") == SQLITE_OK);
}

static void closeAll(void) {
  CHECK(sqlite3_close(db) == SQLITE_OK);
  CHECK(sqlite3_shutdown() == SQLITE_OK);
  CHECK(pool.freeSize == BUDGET && pool.head == NULL && mema_checkPool(&pool) && freePool(&pool));
}

static void aRealWorkloadFits(void) {
  open8MiB();
  CHECK(run(fill) == SQLITE_OK);
  CHECK(gives("SELECT count(*) FROM people JOIN visits ON person = id WHERE age = 30", "111"));
  CHECK(run("UPDATE people SET age = age + 1 WHERE id % 3 = 0; DELETE FROM visits WHERE day = 7;") == SQLITE_OK);
  CHECK(gives("SELECT count(DISTINCT age) FROM people", "60"));
  CHECK(gives("PRAGMA integrity_check", "ok"));
  CHECK(figures(&pool).refused == 0 && figures(&pool).peakBytes > 900000);
}

static void aQueryAboveTheBudgetIsRefused(void) {
  static const char *greedy[] = {
      "SELECT group_concat(a.note) FROM visits a, (SELECT 1 FROM people LIMIT 50)", "SELECT length(randomblob(20000000))",
      "CREATE TEMP TABLE big AS SELECT a.* FROM visits a, (SELECT 1 FROM people LIMIT 300)",
      "SELECT max(s) FROM (SELECT a.note || b.day AS s FROM visits a, visits b ORDER BY 1 LIMIT 500000)"};
  for (size_t i = 0; i < sizeof greedy / sizeof *greedy; i++) {
    size_t refused = figures(&pool).refused;
    CHECK(isNoMemory(run(greedy[i])) && figures(&pool).refused > refused);
    CHECK(gives("SELECT count(*) FROM people", "10000"));
  }
  CHECK(isNoMemory(run("BEGIN; DELETE FROM people; SELECT length(randomblob(20000000));")));
  CHECK(run("ROLLBACK") == SQLITE_OK && gives("SELECT count(*) FROM people", "10000"));
  CHECK(gives("PRAGMA integrity_check", "ok"));
}

/* Its own limit counts in the same way, and refuses before the pool does. */
static void itsOwnLimitWorksToo(void) {
  size_t refused = figures(&pool).refused;
  sqlite3_hard_heap_limit64(4 << 20);
  CHECK(isNoMemory(run("SELECT length(randomblob(4000000))")) && figures(&pool).refused == refused);
  sqlite3_hard_heap_limit64(0);
  CHECK(gives("SELECT length(randomblob(4000000))", "4000000"));
}

static const char *change =
    "BEGIN; INSERT INTO visits SELECT id, 400, hex(id) FROM people WHERE id <= 200;"
    "UPDATE visits SET note = note || '!' WHERE day = 400; DELETE FROM visits WHERE day = 400; COMMIT;";

/* Refuses request n, or all from there on. Returns true if the statements met it. */
static bool survives(size_t n, bool once) {
  size_t refused = figures(&pool).refused;
  mema_failAfter(&pool, n, once);
  int status = run(change);
  bool isRight = status == SQLITE_OK || isNoMemory(status);
  mema_failAfter(&pool, MEMA_UNLIMITED, true);
  if (!isRight) fprintf(stderr, "request %zu: %s\n", n, sqlite3_errmsg(db));
  CHECK(isRight);
  if (!sqlite3_get_autocommit(db)) CHECK(run("ROLLBACK") == SQLITE_OK);
  CHECK(gives("SELECT count(*) FROM visits WHERE day = 400", "0"));
  return figures(&pool).refused > refused;
}

static void eachRequestMayBeRefused(void) {
  size_t step = getenv("WHOLE") != NULL ? 1 : 7;
  for (size_t n = 0; survives(n, true); n += step) continue;
  for (size_t n = 0; survives(n, false); n += step) continue;
  CHECK(gives("PRAGMA integrity_check", "ok"));
}

/* ---- mistakes ------------------------------------------------------------------------------------------------------------ */

static void *useElsewhere(void *arg) {
  (void)arg;
  CHECK(isNoMemory(run("SELECT length(hex(randomblob(100000)))")));
  CHECK(badCalls > 0 && strstr(badSentence, "in a thread that the host") != NULL);
  return NULL;
}

static void anotherThreadIsRefused(void) {
  pthread_t thread;
  badCalls = 0;
  CHECK(pthread_create(&thread, NULL, useElsewhere, NULL) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(gives("SELECT count(*) FROM people", "10000") && gives("PRAGMA integrity_check", "ok"));
  badCalls = 0;
}

static void theEndOfThePoolIsReported(void) {
  sqlite3_mem_methods methods;
  Pool other = {0};
  CHECK(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &methods) == SQLITE_OK);
  CHECK(methods.xMalloc(10) == NULL && badCalls == 1 && strstr(badSentence, "not a live pool") != NULL);
  CHECK(mema_sqliteConfigure(&pool) == SQLITE_ERROR && mema_lastError()->reason == MEMA_BAD_POOL);
  CHECK(initPool(&other, BUDGET));
  char *chunk = palloc(&other, 10);
  methods.xFree(chunk); /* two pools mixed */
  CHECK(badCalls == 2 && mema_ownsChunk(&other, chunk) && freePool(&other));
}

/* ---- beside SQLite's own limit --------------------------------------------------------------------------------------------- */

enum { SMALL = 512 * 1024 };

/* Returns the rows that a database in memory holds until SQLite has no memory. It is sound then. */
static unsigned rowsUntilFull(void) {
  unsigned rows = 0;
  int status = SQLITE_OK;
  CHECK(sqlite3_open(":memory:", &db) == SQLITE_OK);
  CHECK(run("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT); CREATE INDEX names ON t(name);") == SQLITE_OK);
  for (; status == SQLITE_OK; rows++) {
    char insert[100];
    snprintf(insert, sizeof insert, "INSERT INTO t VALUES(%u, 'person number %u')", rows, rows * 7919 % 100003);
    status = run(insert);
  }
  CHECK(isNoMemory(status));
  sqlite3_hard_heap_limit64(0);
  CHECK(sqlite3_close(db) == SQLITE_OK && sqlite3_shutdown() == SQLITE_OK);
  return rows - 1;
}

static unsigned rowsInPool(const mema_Options *options) {
  CHECK(mema_initPoolWith(&pool, options) && mema_sqliteConfigure(&pool) == SQLITE_OK);
  unsigned rows = rowsUntilFull();
  CHECK(pool.freeSize == SMALL && badCalls == 0 && freePool(&pool));
  return rows;
}

/* A tracked pool holds as many rows as SQLite's own limit of this size, less 8 bytes for each chunk. An untracked one counts slots, and a page
 * does not fill its slot. */
static void aPoolHoldsWhatItsOwnLimitHolds(const sqlite3_mem_methods *defaults) {
  badCalls = 0;
  CHECK(sqlite3_config(SQLITE_CONFIG_MALLOC, defaults) == SQLITE_OK);
  sqlite3_hard_heap_limit64(SMALL);
  unsigned limited = rowsUntilFull();
  unsigned tracked = rowsInPool(&(mema_Options){.poolSize = SMALL});
  unsigned untracked = rowsInPool(&(mema_Options){.poolSize = SMALL, .untracked = true});
  unsigned bound = rowsInPool(&(mema_Options){.poolSize = SMALL, .boundMemory = true});
  printf("rows in 512 KiB: %u by SQLite's own limit, %u tracked, %u untracked, %u with .boundMemory\n", limited, tracked,
         untracked, bound);
  CHECK(limited > 4000 && tracked > limited * 98 / 100 && untracked > limited * 75 / 100 && bound > limited * 70 / 100);
}

static void *countInThread(void *arg) {
  (void)arg;
  sqlite3 *own;
  CHECK(sqlite3_open(path, &own) == SQLITE_OK);
  CHECK(sqlite3_exec(own, "SELECT count(*), group_concat(name) FROM people", NULL, NULL, NULL) == SQLITE_OK);
  CHECK(sqlite3_close(own) == SQLITE_OK);
  return NULL;
}

static void aSharedPoolServesAllThreads(void) {
  mema_Options options = {.poolSize = 2 * BUDGET, .shared = true, .untracked = true};
  pthread_t threads[3];
  badCalls = 0;
  CHECK(mema_initPoolWith(&pool, &options) && mema_sqliteConfigure(&pool) == SQLITE_OK);
  for (int i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, countInThread, NULL) == 0);
  for (int i = 0; i < 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  Pool more = {0};
  CHECK(initPool(&more, BUDGET) && mema_sqliteConfigure(&more) == SQLITE_MISUSE && freePool(&more)); /* it is in use */
  CHECK(sqlite3_shutdown() == SQLITE_OK && mema_freeSize(&pool) == 2 * BUDGET && badCalls == 0 && freePool(&pool));
}

int main(void) {
  sqlite3_mem_methods defaults;
  int file = mkstemp(path);
  CHECK(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &defaults) == SQLITE_OK);
  CHECK(file >= 0 && close(file) == 0);
  aRealWorkloadFits();
  aQueryAboveTheBudgetIsRefused();
  itsOwnLimitWorksToo();
  eachRequestMayBeRefused();
  CHECK(badCalls == 0);
  anotherThreadIsRefused();
  closeAll();
  theEndOfThePoolIsReported();
  aSharedPoolServesAllThreads();
  aPoolHoldsWhatItsOwnLimitHolds(&defaults);
  CHECK(unlink(path) == 0);
  return report();
}
