/* cmocka, and the assertions that most tests of a pool are made of. */
#ifndef UNIT_H
#define UNIT_H

#include "support.h"

#include <setjmp.h>
#include <cmocka.h>

/* The sentence is NULL when all is well (see support.h). */
#define assertWell(sentence)                              \
  do {                                                    \
    const char *whatIsWrong = (sentence);                 \
    if (whatIsWrong != NULL) fail_msg("%s", whatIsWrong); \
  } while (0)

/* The pool is whole, and exactly these bytes and chunks are live. */
#define assertPool(pool, liveBytes, liveChunks) assertWell(poolIsWrong((pool), (liveBytes), (liveChunks)))

/* The call gives NULL, false or 0, with this reason and its errno, and the live pool is as before. */
#define assertRefused(pool, call, reason)             \
  do {                                                \
    Snapshot beforeCall = snapshotOf(pool);           \
    forgetError(reason);                              \
    if (call) fail_msg("was not refused: %s", #call); \
    assertWell(errorIsNot(reason));                   \
    assertWell(changedSince((pool), &beforeCall));    \
  } while (0)

/* As assertRefused, where there is no live pool to look at. */
#define assertFails(call, reason)                  \
  do {                                             \
    forgetError(reason);                           \
    if (call) fail_msg("did not fail: %s", #call); \
    assertWell(errorIsNot(reason));                \
  } while (0)

/* The call succeeds, and leaves errno and the last failure alone. */
#define assertWorks(call)                                               \
  do {                                                                  \
    forgetError(MEMA_OK);                                               \
    if (!(call)) fail_msg("%s: %s", #call, mema_lastError()->sentence); \
    assert_int_equal(errno, untouchedErrno);                            \
    assert_int_equal(mema_lastError()->reason, MEMA_BAD_ARGUMENT);      \
  } while (0)

/* Ends the test, and says why: the system lacks something that it needs. The sentence is printed with the results. */
#define skipBecause(sentence)                   \
  do {                                          \
    print_message("skipped: %s\n", (sentence)); \
    skip();                                     \
  } while (0)

/* A test with a kind of pool as its state, and the usual sets of kinds. */
#define withKind(test, kind) \
  { #test "(" #kind ")", (test), NULL, NULL, &(kind) }
#define sharedKinds(test) withKind(test, kindShared), withKind(test, kindSharedOutside)
#define arenaKinds(test) withKind(test, kindArena), withKind(test, kindArenaCommitted), withKind(test, kindArenaOutside)
#define exactKinds(test)                                                                   \
  withKind(test, kindTracked), withKind(test, kindCommitted), withKind(test, kindOutside), \
      withKind(test, kindSharedTracked), withKind(test, kindHooked), withKind(test, kindHookedOutside), arenaKinds(test)
#define everyKind(test)                                                                         \
  exactKinds(test), withKind(test, kindUntracked), withKind(test, kindUntrackedOutside),        \
      withKind(test, kindHookedUntracked), withKind(test, kindHookedShared), sharedKinds(test), \
      withKind(test, kindArenaUntracked), withKind(test, kindArenaUntrackedOutside)
/* For tests that hold with and without a reservation that grows. */
#define fixedKinds(test) withKind(test, kindFixed), withKind(test, kindFixedUntracked)
#define anyKind(test) everyKind(test), fixedKinds(test)

/* True if MEMA_TEST_SKIP has the name of a test, which may have a kind of pool in parentheses behind it. */
static inline bool isLeftOut(const char *test) {
  const char *names = getenv("MEMA_TEST_SKIP");
  size_t length = strcspn(test, "(");
  for (const char *at = names; at != NULL && *at != '\0'; at += strcspn(at, " "), at += strspn(at, " "))
    if (strcspn(at, " ") == length && strncmp(at, test, length) == 0) return true;
  return false;
}

/* Runs the tests that MEMA_TEST_SKIP does not name (tests/plain.sh). */
static inline int runThose(struct CMUnitTest *kept, const struct CMUnitTest *tests, size_t count) {
  size_t used = 0;
  for (size_t i = 0; i < count; i++)
    if (!isLeftOut(tests[i].name)) kept[used++] = tests[i];
  return _cmocka_run_group_tests("tests", kept, used, NULL, NULL);
}

#define runTests(tests) \
  runThose((struct CMUnitTest[sizeof(tests) / sizeof(tests)[0]]){{0}}, tests, sizeof(tests) / sizeof(tests)[0])

#endif
