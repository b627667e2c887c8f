/* Callbacks and clean-ups that a jump leaves: the pool is as if they had returned. While one is under way, on whichever stack, the pool stays busy. */
#include "family.h"
#include "threads.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { budget = 10000 };

static jmp_buf out;
static unsigned calls;

static bool leaveExhausted(Pool *pool, size_t wanted, void *arg) {
  (void)pool, (void)wanted, (void)arg;
  calls++;
  longjmp(out, 1);
}

static void leaveLow(Pool *pool, void *arg) {
  (void)pool, (void)arg;
  calls++;
  longjmp(out, 1);
}

static void leaveCleanup(void *arg) {
  (void)arg;
  calls++;
  longjmp(out, 1);
}

static void runCleanup(void *arg) {
  ++*(unsigned *)arg;
}

/* Makes a request that is refused, many frames below the caller. */
static __attribute__((noinline)) void *askBelow(Pool *pool, size_t size, unsigned frames) {
  volatile char frame[512];
  frame[0] = 1;
  void *chunk = frames == 0 ? palloc(pool, hideSize(size)) : askBelow(pool, size, frames - 1);
  frame[1] = frame[0];
  return chunk;
}

/* ---- the end of a callback ------------------------------------------------------------------------------------------------ */

static void leftCallbacksDoNotKeepAPool(void **state) {
  for (volatile int way = 0; way < 4; way++) {
    Pool pool;
    calls = 0;
    assert_true(makeRoot(&pool, state, budget));
    if (way < 2) assertWorks(mema_onExhausted(&pool, leaveExhausted, NULL));
    if (way >= 2) assertWorks(mema_onLowWater(&pool, budget, leaveLow, NULL));
    for (volatile unsigned turn = 1; turn < 4; turn++) {
      if (setjmp(out) == 0) askBelow(&pool, way < 2 ? budget + 1 : budget / 2, way % 2 == 0 ? 0 : 30);
      assert_int_equal(calls, turn);
      if (turn == 1) assert_int_equal(pool.freeSize < budget, way >= 2); /* told at the end of the call */
      assertWorks(mema_resetPool(&pool));
      assert_int_equal(pool.freeSize, budget);
    }
    assertWorks(freePool(&pool));
  }
}

/* The pool is the callback's until it has returned, also after it has jumped out of another one. */
static Pool inner;

static bool leaveAnother(Pool *pool, size_t wanted, void *arg) {
  static jmp_buf before;
  (void)wanted, (void)arg;
  memcpy(before, out, sizeof out);
  assertWorks(mema_onExhausted(&inner, leaveExhausted, NULL));
  for (volatile int again = 0; again < 2; again++)
    if (setjmp(out) == 0) palloc(&inner, hideSize(budget));
  assertFails(freePool(pool), MEMA_BUSY);
  assertFails(mema_resetPool(pool), MEMA_BUSY);
  assertWorks(freePool(&inner));
  assertWorks(makeChild(&inner, pool, budget / 2, 0));
  memcpy(out, before, sizeof out);
  return false;
}

static void anOuterCallbackStaysUnderWay(void **unused) {
  Pool pool;
  (void)unused;
  assert_true(initPool(&pool, budget) && makeChild(&inner, &pool, budget / 2, 0));
  assertWorks(mema_onExhausted(&pool, leaveAnother, NULL));
  for (volatile int again = 0; again < 3; again++) assert_null(palloc(&pool, hideSize(budget + 1)));
  assertWorks(freePool(&pool));
}

static void leftCallbacksOfSubPoolsKeepNoPoolAbove(void **unused) {
  static const bool shared[] = {false, true};
  (void)unused;
  for (volatile size_t i = 0; i < 2; i++) {
    Pool root, child, below;
    assert_true(shared[i] ? makeShared(&root, true, MIB) : initPool(&root, MIB));
    for (volatile int way = 0; way < 4; way++) {
      calls = 0;
      assertWorks(makeChild(&child, &root, budget, 100) && makeChild(&below, &child, budget, 0));
      assertWorks(mema_onExhausted(&below, leaveExhausted, NULL));
      if (setjmp(out) == 0) askBelow(&below, budget + 1, 20);
      assert_int_equal(calls, 1);
      if (way == 0) assertWorks(freePool(&below) && freePool(&child));
      if (way == 1) assertWorks(freePool(&child));
      if (way == 2) assertWorks(mema_resetPool(&root));
      if (way < 3) assertLevels(&root, 1);
    }
    assertWorks(freePool(&root));
  }
}

/* ---- the end of a clean-up ------------------------------------------------------------------------------------------------ */

static bool endIt(Pool *pool, int way, mema_Mark mark) {
  return way == 0 ? freePool(pool) : way == 1 ? mema_resetPool(pool) : mema_rewindPool(pool, mark);
}

static void aLeftCleanUpDoesNotKeepAPool(void **state) {
  for (volatile int way = 0; way < 3; way++) {
    Pool pool;
    unsigned ran = 0;
    mema_Cleanup first = {0}, second = {0}, third = {0};
    assert_true(makeRoot(&pool, state, budget));
    mema_Mark mark = mema_markPool(&pool);
    char *chunk = palloc(&pool, 100);
    chunk[0] = 7;
    assertWorks(mema_addCleanup(&pool, &first, runCleanup, &ran, MEMA_AFTER_SUB_POOLS));
    assertWorks(mema_addCleanup(&pool, &second, leaveCleanup, NULL, MEMA_BEFORE_SUB_POOLS));
    if (setjmp(out) == 0) endIt(&pool, way, mark);
    assert_int_equal(ran, 0);
    assert_true(mema_ownsChunk(&pool, chunk) && chunk[0] == 7);
    assertWorks(mema_addCleanup(&pool, &third, runCleanup, &ran, MEMA_AFTER_SUB_POOLS));
    assertWorks(endIt(&pool, way, mark)); /* goes on where the first one was left */
    assert_int_equal(ran, 2);
    if (way != 0) assertWorks(freePool(&pool));
  }
}

static void aLeftCleanUpOfASubPoolDoesNotKeepItsFamily(void **unused) {
  static const bool shared[] = {false, true};
  (void)unused;
  for (volatile size_t i = 0; i < 2; i++) {
    for (volatile int way = 0; way < 2; way++) {
      Pool root, child, other;
      mema_Cleanup cleanup = {0}, another = {0};
      unsigned ran = 0;
      assert_true(shared[i] ? makeShared(&root, true, MIB) : initPool(&root, MIB));
      assertWorks(makeChild(&child, &root, budget, 0) && palloc(&child, 100) != NULL);
      assertWorks(mema_addCleanup(&child, &another, runCleanup, &ran, MEMA_AFTER_SUB_POOLS));
      assertWorks(mema_addCleanup(&child, &cleanup, leaveCleanup, NULL, MEMA_AFTER_SUB_POOLS));
      if (setjmp(out) == 0) endIt(&root, way, (mema_Mark){0});
      assertLevels(&root, 1);
      assertWorks(makeChild(&other, &root, budget, 0) && freePool(&other));
      if (way == 1) assertWorks(freePool(&child));
      assertWorks(freePool(&root));
      assert_int_equal(ran, 1);
      assertFails(palloc(&child, 1), MEMA_BAD_POOL);
    }
  }
}

/* ---- other stacks --------------------------------------------------------------------------------------------------------- */

/* The pool is busy for sure: the call may lie above the callback, but on another stack. */
static unsigned refusals;

static void expectBusy(Pool *pool) {
  if (freePool(pool) || mema_lastError()->reason != MEMA_BUSY) complain("a pool was freed while its callback was under way");
  refusals++;
}

static Pool *handled;

static void inHandler(int number) {
  (void)number;
  expectBusy(handled);
}

static bool raiseExhausted(Pool *pool, size_t wanted, void *arg) {
  (void)wanted, (void)arg;
  handled = pool;
  raise(SIGUSR1);
  return false;
}

static void aHandlerOnAnotherStackFindsThePoolBusy(void **unused) {
  enum { stackSize = 256 * KIB };
  char within[stackSize]; /* above the frame of the callback */
  char *apart = mmap(NULL, stackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct sigaction action = {.sa_handler = inHandler, .sa_flags = SA_ONSTACK};
  (void)unused;
  refusals = 0;
  assert_true(apart != MAP_FAILED && sigaction(SIGUSR1, &action, NULL) == 0);
  for (unsigned i = 0; i < 2; i++) {
    Pool pool;
    stack_t other = {.ss_sp = i == 0 ? within : apart, .ss_size = stackSize}, none = {.ss_flags = SS_DISABLE};
    assert_true(initPool(&pool, budget) && mema_onExhausted(&pool, raiseExhausted, NULL));
    assert_int_equal(sigaltstack(&other, NULL), 0);
    assert_null(askBelow(&pool, budget + 1, 3));
    assert_int_equal(sigaltstack(&none, NULL), 0);
    assertNoComplaint();
    assert_int_equal(refusals, i + 1);
    assertWorks(freePool(&pool));
  }
  munmap(apart, stackSize);
}

static ucontext_t mainContext, coroutine;
static Pool *yielding;

static bool yieldExhausted(Pool *pool, size_t wanted, void *arg) {
  (void)pool, (void)wanted, (void)arg;
  swapcontext(&coroutine, &mainContext);
  return false;
}

static void callInCoroutine(void) {
  palloc(yielding, hideSize(budget + 1));
}

static void freeInCoroutine(void) {
  expectBusy(yielding);
}

static bool switchExhausted(Pool *pool, size_t wanted, void *arg) {
  (void)pool, (void)wanted, (void)arg;
  swapcontext(&mainContext, &coroutine);
  return false;
}

static void makeCoroutine(char *stack, size_t size, void (*run)(void)) {
  assert_int_equal(getcontext(&coroutine), 0);
  coroutine.uc_stack.ss_sp = stack;
  coroutine.uc_stack.ss_size = size;
  coroutine.uc_link = &mainContext;
  makecontext(&coroutine, run, 0);
}

static void aCoroutineFindsThePoolBusy(void **unused) {
  static char far[256 * KIB];
  (void)unused;
  refusals = 0;
  for (unsigned i = 0; i < 2; i++) {
    Pool pool;
    yielding = &pool;
    assert_true(initPool(&pool, budget) && mema_onExhausted(&pool, i == 0 ? yieldExhausted : switchExhausted, NULL));
    makeCoroutine(far, sizeof far, i == 0 ? callInCoroutine : freeInCoroutine);
    if (i == 0) {
      swapcontext(&mainContext, &coroutine);
      expectBusy(&pool);
      swapcontext(&mainContext, &coroutine);
    } else {
      assert_null(palloc(&pool, hideSize(budget + 1)));
    }
    assertNoComplaint();
    assert_int_equal(refusals, i + 1);
    assertWorks(freePool(&pool));
  }
}

static pthread_barrier_t met;

static bool waitExhausted(Pool *pool, size_t wanted, void *arg) {
  (void)pool, (void)wanted, (void)arg;
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  longjmp(out, 1);
}

static void *freeElsewhere(void *pool) {
  pthread_barrier_wait(&met);
  expectBusy(pool);
  pthread_barrier_wait(&met);
  return NULL;
}

static void anotherThreadFindsThePoolBusy(void **unused) {
  Pool pool;
  pthread_t thread;
  (void)unused;
  refusals = 0;
  pthread_barrier_init(&met, NULL, 2);
  assert_true(initPool(&pool, budget) && mema_onExhausted(&pool, waitExhausted, NULL));
  assert_int_equal(pthread_create(&thread, NULL, freeElsewhere, &pool), 0);
  if (setjmp(out) == 0) palloc(&pool, hideSize(budget + 1));
  pthread_join(thread, NULL);
  assertNoComplaint();
  assert_int_equal(refusals, 1);
  assertWorks(freePool(&pool)); /* in the thread that left it */
  pthread_barrier_destroy(&met);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      aloneKinds(leftCallbacksDoNotKeepAPool),
      cmocka_unit_test(anOuterCallbackStaysUnderWay),
      cmocka_unit_test(leftCallbacksOfSubPoolsKeepNoPoolAbove),
      aloneKinds(aLeftCleanUpDoesNotKeepAPool),
      cmocka_unit_test(aLeftCleanUpOfASubPoolDoesNotKeepItsFamily),
      cmocka_unit_test(aHandlerOnAnotherStackFindsThePoolBusy),
      cmocka_unit_test(aCoroutineFindsThePoolBusy),
      cmocka_unit_test(anotherThreadFindsThePoolBusy),
  };
  return runTests(tests);
}
