/* Sites that several threads note at once, in pools of their own and in one that they share. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

enum { threadCount = 8, siteCount = 300, rounds = 40 };

static mema_Site sites[threadCount][siteCount];
static Pool shared;
static atomic_uint waiting, failures;

static bool writeOn(void *user, const char *bytes, size_t length) {
  char *text = user;
  size_t end = strlen(text);
  memcpy(text + end, bytes, length);
  text[end + length] = '\0';
  return true;
}

static void note(Pool *pool, mema_Site *site) {
  void *chunk = palloc(pool, 1);
  if (chunk == NULL || !samePlace(mema_noteSite(pool, chunk, site), chunk)) failures++;
}

/* Records of each thread name the same lines: one place each, whichever thread is first. */
static void *noteAll(void *arg) {
  mema_Site *own = arg;
  Pool pool;
  if (!mema_initPoolWith(&pool, &(mema_Options){.poolSize = MIB, .sites = true})) failures++;
  for (waiting--; waiting != 0;) continue;
  for (int round = 0; round < rounds; round++)
    for (int i = 0; i < siteCount; i++) {
      note(&pool, &own[i]);
      note(&shared, &own[i]);
    }
  if (!mema_checkPool(&pool) || !freePool(&pool)) failures++;
  return NULL;
}

static void threadsNoteSitesAtOnce(void **state) {
  (void)state;
  pthread_t threads[threadCount];
  static char text[siteCount * 200], line[100];
  assert_true(mema_initPoolWith(&shared, &(mema_Options){.poolSize = MIB, .shared = true, .sites = true}));
  for (int i = 0; i < threadCount; i++)
    for (int k = 0; k < siteCount; k++) sites[i][k] = (mema_Site){"at.c", "once", k + 1, 0};
  waiting = threadCount;
  for (int i = 0; i < threadCount; i++) assert_int_equal(pthread_create(&threads[i], NULL, noteAll, sites[i]), 0);
  for (int i = 0; i < threadCount; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
  assert_int_equal(failures, 0);
  assert_true(mema_writeLeaks(&shared, writeOn, text));
  for (int k = 0; k < siteCount; k++) {
    snprintf(line, sizeof line, "%12d bytes in%8d chunks of 1: once (at.c:%d)\n", threadCount * rounds, threadCount * rounds,
             k + 1);
    const char *at = strstr(text, line);
    assert_non_null(at);
  }
  assert_true(mema_checkPool(&shared));
  assert_true(freePool(&shared));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(threadsNoteSitesAtOnce)};
  return runTests(tests);
}
