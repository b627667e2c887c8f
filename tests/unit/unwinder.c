/* A program that is linked with libunwind: call stacks are found by its unw_backtrace. Here the test has a function of that name. */
#include "support.h"

#include "unit.h"

static int calls;

int unw_backtrace(void **frames, int most);
int unw_backtrace(void **frames, int most) {
  calls++;
  for (int i = 0; i < 2 && i < most; i++) frames[i] = &calls + i;
  return most < 2 ? most : 2;
}

static int ours(void **frames, int most) {
  frames[0] = &calls;
  return most > 0;
}

static void libunwindWalksTheStack(void **state) {
  (void)state;
  Pool pool;
  assert_true(mema_initPoolWith(&pool, &(mema_Options){.poolSize = 10000, .sites = true, .stacks = 1}));
  assert_non_null(palloc(&pool, 10));
  assert_non_null(palloc(&pool, 10));
  assert_int_equal(calls, 2);
  assert_true(freePool(&pool));
}

static void theFunctionOfTheOptionsComesFirst(void **state) {
  (void)state;
  Pool pool;
  calls = 0;
  assert_true(mema_initPoolWith(&pool, &(mema_Options){.poolSize = 10000, .sites = true, .stacks = 1, .unwind = ours}));
  assert_non_null(palloc(&pool, 10));
  assert_int_equal(calls, 0);
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(libunwindWalksTheStack),
      cmocka_unit_test(theFunctionOfTheOptionsComesFirst),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
