/* mema_pallocWait, and threads that free at the worst moments: before it notes that it waits, and before it sleeps. The test replaces the system
 * calls that it makes there. */
#include "unit.h"

#include <dlfcn.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static Pool pool;
static void *early, *late; /* chunks that are freed at these moments */
static unsigned clockCalls;
static bool watching, wentToSleep;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the C library's names have underscores within */
int clock_gettime(clockid_t clock, struct timespec *time) {
  static int (*real)(clockid_t, struct timespec *);
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
  /* The first call says until when it waits, the second follows the refusal. */
  if (watching && ++clockCalls == 2) assert_true(pfree(&pool, early));
  return real(clock, time);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the C library's names have underscores within */
__attribute__((no_sanitize_address)) long syscall(long number, ...) { /* like the C library's, it reads six arguments */
  static long (*real)(long, ...);
  long a[6];
  va_list list;
  va_start(list, number);
  for (unsigned i = 0; i < 6; i++) a[i] = va_arg(list, long);
  va_end(list);
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "syscall");
  if (watching && number == SYS_futex && a[1] == FUTEX_WAIT_PRIVATE) {
    assert_true(pfree(&pool, late));
    wentToSleep |= atomic_load((_Atomic uint32_t *)a[0]) == (uint32_t)a[2];
    return 0;
  }
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void noThreadSleepsWhereThereIsRoom(void **state) {
  mema_Options options = {.poolSize = 2 * KIB, .untracked = *(bool *)*state, .shared = true};
  freePool(&pool); /* of a test that failed */
  assert_true(mema_initPoolWith(&pool, &options));
  assert_non_null(early = palloc(&pool, KIB));
  assert_non_null(late = palloc(&pool, KIB));
  clockCalls = 0;
  wentToSleep = false;
  watching = true;
  void *chunk = mema_pallocWait(&pool, KIB, INT_MAX);
  watching = false;
  assert_false(wentToSleep);
  assert_true(pfree(&pool, chunk));
  assert_true(freePool(&pool));
}

int main(void) {
  static bool tracked = false, untracked = true;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_prestate(noThreadSleepsWhereThereIsRoom, &tracked),
      cmocka_unit_test_prestate(noThreadSleepsWhereThereIsRoom, &untracked),
  };
  return runTests(tests);
}
