#!/usr/bin/env bash
# include/mema_test.h in programs of test frameworks: a block that holds its promise passes, one that does not fails the test by the means of its
# framework, with the line of the macro and the figures. tests/unit/expectations.c tests the macros themselves.
. "$(dirname "$0")/checks.sh"

# The two tests of each program. The line of the macro that fails is the 13th.
cat >"$scratch/cases.h" <<'C'
#include <mema_test.h>
static Pool pool;
static void holds(void) {
  if (!initPool(&pool, 1000)) abort();
  MEMA_FAIL_EACH(&pool) MEMA_EXPECT_NO_LEAK(&pool) MEMA_EXPECT_PEAK(&pool, 100) {
    void *chunk = palloc(&pool, 100);
    if (chunk != NULL) pfree(&pool, chunk);
  }
  if (!freePool(&pool)) abort();
}
static void leaks(void) {
  if (!initPool(&pool, 1000)) abort();
  MEMA_EXPECT_NO_LEAK(&pool) palloc(&pool, 100);
  printf("went on\n");
}
C
said='leak: 1 more chunk and 100 more bytes live after the block than before'
where=cases.h:13

program() { # NAME FLAG… <source
  local name=$1
  shift
  "$CC" -std=gnu11 -O1 -Wall -Wextra -Werror -Wno-unused-result -Iinclude -I"$scratch" -x c - -x none -o "$scratch/$name" "$@" "$BUILD/libmema.a" -pthread
}

# Both tests ran: the first passed, the second failed where and with what it should, and did not go on.
failsOnce() { # PATTERN-OF-RESULT COMMAND…
  local pattern=$1
  shift
  guarded "$@" >"$scratch/printed" 2>&1 && return 1
  cat "$scratch/printed"
  grep -q "$said" "$scratch/printed" && grep -Eq "$pattern" "$scratch/printed" && ! grep -q 'went on' "$scratch/printed"
}

plain() { # FLAG…
  printf '#include "cases.h"\nint main(int argc, char **argv) { (void)argv; argc > 1 ? leaks() : holds(); return 0; }\n' |
    program plain "$@" && guarded "$scratch/plain" && failsOnce "^.*$where: $said$" "$scratch/plain" fail && [ "$(grep -c "$where" "$scratch/printed")" -eq 1 ]
}

withCmocka() {
  program cmocka -lcmocka <<'C' && failsOnce "$where: error: Failure!" "$scratch/cmocka" && grep -q 'PASSED  . 1 test' "$scratch/printed"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "cases.h"
static void first(void **state) { (void)state; holds(); }
static void second(void **state) { (void)state; leaks(); }
int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(first), cmocka_unit_test(second)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
C
}

withCheck() {
  # shellcheck disable=SC2046 # words
  program check $(pkg-config --cflags check) <<'C' $(pkg-config --libs check) && failsOnce "^50%: Checks: 2, Failures: 1, Errors: 0" "$scratch/check" && grep -q "$where:" "$scratch/printed"
#include <check.h>
#include "cases.h"
START_TEST(first) { holds(); }
END_TEST
START_TEST(second) { leaks(); }
END_TEST
int main(void) {
  Suite *suite = suite_create("cases");
  TCase *both = tcase_create("both");
  tcase_add_test(both, first);
  tcase_add_test(both, second);
  suite_add_tcase(suite, both);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
C
}

# UNITY is a directory with the sources of Unity, as tests/unity.sh makes it (make test-unity).
withUnity() {
  "$CC" -O1 -w -c -o "$scratch/unity.o" "$UNITY/src/unity.c" || return
  program unity -I"$UNITY/src" "$scratch/unity.o" <<'C' && failsOnce ":13:second:FAIL: *" "$scratch/unity" && grep -q ':first:PASS' "$scratch/printed" &&
#include <unity.h>
#include "cases.h"
void setUp(void) {}
void tearDown(void) {}
static void first(void) { holds(); }
static void second(void) { leaks(); }
int main(void) {
  UNITY_BEGIN();
  RUN_TEST(first);
  RUN_TEST(second);
  return UNITY_END();
}
C
    grep -q '^2 Tests 1 Failures 0 Ignored' "$scratch/printed"
}

# Debian has no package of Unity. These are the names of it that the header uses.
withUnitysNames() {
  mkdir "$scratch/names" && cat >"$scratch/names/unity.h" <<'C'
#ifndef UNITY_FRAMEWORK_H
#define UNITY_FRAMEWORK_H
void UnityFail(const char *message, unsigned line);
#define UNITY_TEST_FAIL(line, message) UnityFail((message), (unsigned)(line))
#endif
C
  program named -I"$scratch/names" <<'C' && failsOnce '^line 13: ' "$scratch/named"
#include <setjmp.h>
#include <unity.h>
#include "cases.h"
static jmp_buf end;
void UnityFail(const char *message, unsigned line) {
  printf("line %u: %s\n", line, message);
  longjmp(end, 1);
}
int main(void) {
  if (setjmp(end) != 0) return 1;
  holds();
  leaks();
  return 0;
}
C
}

quiet() { # COMPILER LANGUAGE FLAG…
  local compiler=$1 language=$2
  shift 2
  printf '#include "mema_test.h"\nint used(mema_Pool *pool);\nint used(mema_Pool *pool) {\n  MEMA_FAIL_EACH(pool) MEMA_EXPECT_NO_LEAK(pool) MEMA_EXPECT_PEAK(pool, 5) {\n    mema_pfree(pool, mema_palloc(pool, 5));\n  }\n  return 0;\n}\n' >"$scratch/used.$language"
  "$compiler" -x "$language" "$@" -O2 -Wall -Wextra -Werror -pedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Iinclude \
    -c "$scratch/used.$language" -o "$scratch/used.o"
}

check 'without a framework: a line and abort' plain
check 'without a framework and with NDEBUG: a line and abort' plain -DNDEBUG
check 'cmocka' withCmocka
if command -v pkg-config >/dev/null && pkg-config --exists check; then
  check 'Check' withCheck
else
  skip 'Check' 'check is not installed'
fi
check 'the names of Unity' withUnitysNames
if [ -n "${UNITY:-}" ]; then check 'Unity itself' withUnity; fi
for compiler in gcc clang g++ clang++; do
  case $compiler in *++) language=c++ standards='c++11 c++20' ;; *) language=c standards='c11 c17 gnu2x' ;; esac
  if ! command -v $compiler >/dev/null; then
    skip "$compiler" "no $compiler"
    continue
  fi
  for standard in $standards; do check "$compiler -std=$standard is quiet" quiet $compiler $language "-std=$standard"; done
done
finish
