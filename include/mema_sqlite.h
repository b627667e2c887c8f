/* mema_sqlite.h - the memory of SQLite in a pool.
 *
 *   mema_sqliteConfigure(&pool);            // before the first use of SQLite in the process
 *   sqlite3_open("file.db", &db);           // …; SQLITE_NOMEM above the budget
 *   sqlite3_close(db);
 *   sqlite3_shutdown();                     // before the pool ends
 *
 * SQLite has one allocator for the whole process, so it has one pool. Each of its chunks has 8 bytes more than SQLite asks for. */
#ifndef MEMA_SQLITE_H
#define MEMA_SQLITE_H

#include <sqlite3.h>

#include "mema_host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes SQLite take all its memory from a pool. One thread alone, the calling one, may use SQLite then, unless the pool is shared:
 * calls of other threads are refused. The struct of the pool must stay in place until sqlite3_shutdown, or for ever. Returns
 *   SQLITE_OK
 *   SQLITE_MISUSE   SQLite is in use already: call sqlite3_shutdown before
 *   SQLITE_ERROR    pool is not a live pool, or is about to end (mema_lastError)
 * Call it in one source file of the program alone. */
static inline int mema_sqliteConfigure(mema_Pool *pool);

/* ---- how it does it ----------------------------------------------------------------------------------------------------- */

/* Returns the host of SQLite's pool. Each source file has one of its own, and one of them configures SQLite. */
static inline mema_Host *mema_sqliteHost(void) {
  static mema_Host host;
  return &host;
}

/* In front of each chunk lies its size, in 8 bytes: SQLite asks for it at each of its own calls. */
static inline void *mema_sqliteMark(void *start, int size) {
  if (start == NULL) return NULL;
  *(sqlite3_int64 *)start = size;
  return (sqlite3_int64 *)start + 1;
}

static inline void *mema_sqliteStart(void *ptr) {
  return ptr != NULL ? (sqlite3_int64 *)ptr - 1 : NULL;
}

static inline void *mema_sqliteMalloc(int size) {
  return mema_sqliteMark(mema_hostMalloc(mema_sqliteHost(), (size_t)size + sizeof(sqlite3_int64)), size);
}

static inline void mema_sqliteFree(void *ptr) {
  mema_hostFree(mema_sqliteHost(), mema_sqliteStart(ptr));
}

static inline void *mema_sqliteRealloc(void *ptr, int size) {
  void *start = mema_sqliteStart(ptr);
  return mema_sqliteMark(mema_hostRealloc(mema_sqliteHost(), start, (size_t)size + sizeof(sqlite3_int64)), size);
}

static inline int mema_sqliteSize(void *ptr) {
  return ptr != NULL ? (int)*(sqlite3_int64 *)mema_sqliteStart(ptr) : 0;
}

static inline int mema_sqliteRoundup(int size) {
  return (size + 7) & ~7;
}

static inline int mema_sqliteInit(void *data) {
  (void)data;
  return SQLITE_OK;
}

static inline void mema_sqliteShutdown(void *data) {
  (void)data;
}

static inline int mema_sqliteConfigure(mema_Pool *pool) {
  static const sqlite3_mem_methods methods = {mema_sqliteMalloc,  mema_sqliteFree, mema_sqliteRealloc,  mema_sqliteSize,
                                              mema_sqliteRoundup, mema_sqliteInit, mema_sqliteShutdown, NULL};
  mema_Host host;
  if (!mema_initHost(&host, pool)) return SQLITE_ERROR;
  int status = sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
  if (status == SQLITE_OK) *mema_sqliteHost() = host;
  return status;
}

#ifdef __cplusplus
}
#endif
#endif
