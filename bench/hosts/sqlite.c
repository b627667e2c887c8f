/* sqlite.c - SQLite with its memory in a pool, beside its default allocator: a database in memory made, filled, asked, changed and closed.
 * make bench-hosts runs it. */
#include <mema_sqlite.h>

#include "paired.h"

enum { BUDGET = 256 << 20 };

static const Work jobs[] = {
    {"rows put in, with two indexes",
     "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, age INT); CREATE INDEX names ON t(name); CREATE INDEX ages ON "
     "t(age);"
     "BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)"
     " INSERT INTO t SELECT i, 'person number ' || (i * 7919 % 60000), i * 7 % 90 FROM n; COMMIT;"},
    {"joins and groups",
     "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, age INT); CREATE TABLE v(person INT, day INT); BEGIN;"
     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
     " INSERT INTO t SELECT i, 'person number ' || i, i * 7 % 90 FROM n;"
     "INSERT INTO v SELECT id * 31 % 20000, id % 365 FROM t; COMMIT; CREATE INDEX persons ON v(person);"
     "SELECT age, count(*), group_concat(name) FROM t JOIN v ON person = id GROUP BY age ORDER BY 2 DESC;"
     "SELECT day, max(name) FROM v JOIN t ON person = id GROUP BY day HAVING count(*) > 3;"},
    {"texts and JSON",
     "CREATE TABLE t(id INTEGER PRIMARY KEY, doc TEXT); BEGIN;"
     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15000)"
     " INSERT INTO t SELECT i, json_object('id', i, 'name', printf('%08d-%s', i, hex(i)), 'list', json_array(i, i + 1)) "
     "FROM n;"
     "UPDATE t SET doc = json_set(doc, '$.more', upper(json_extract(doc, '$.name')) || replace(doc, '1', 'one'));"
     "SELECT sum(length(doc)) FROM t; COMMIT;"},
    {"a connection, 20 small statements",
     "CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 'x'); INSERT INTO t VALUES(2, 'y'); SELECT * FROM t WHERE a = 1;"
     "SELECT b FROM t ORDER BY a; UPDATE t SET b = b || a; SELECT max(a) FROM t; DELETE FROM t WHERE a = 2;"
     "CREATE INDEX i ON t(a); SELECT count(*) FROM t;"},
};

static void perform(const char *statements) {
  int times = statements == jobs[3].what ? 300 : 1;
  while (times-- > 0) {
    sqlite3 *db;
    char *message = NULL;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK || sqlite3_exec(db, statements, NULL, NULL, &message) != SQLITE_OK) {
      fprintf(stderr, "%s\n", message != NULL ? message : "sqlite3_open");
      exit(1);
    }
    sqlite3_close(db);
  }
  sqlite3_shutdown();
}

static sqlite3_mem_methods defaults;

static void byDefault(const void *statements) {
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &defaults) != SQLITE_OK) exit(1);
  perform(statements);
}

static void inPool(const void *statements, bool untracked) {
  mema_Pool pool;
  mema_Options options = {.poolSize = BUDGET, .untracked = untracked};
  if (!mema_initPoolWith(&pool, &options) || mema_sqliteConfigure(&pool) != SQLITE_OK) exit(1);
  perform(statements);
  if (!mema_freePool(&pool)) exit(1);
}

static void untracked(const void *statements) {
  inPool(statements, true);
}

static void tracked(const void *statements) {
  inPool(statements, false);
}

int main(int argc, char **argv) {
  const Contender contenders[] = {{"default", byDefault}, {"untracked", untracked}, {"tracked", tracked}};
  const Comparison all = {contenders, sizeof contenders / sizeof *contenders, jobs, sizeof jobs / sizeof *jobs};
  if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &defaults) != SQLITE_OK) return 1;
  comparePaired(&all, argc, argv);
  return 0;
}
