/* The lock-free stack of the library (base/stack.h), from within: the callback of a pop makes the changes that other threads make between
 * the look at the top and the exchange. */
#include "unit.h"

#include "../../src/base/stack.h"

enum { most = 8 };

typedef struct Numbers {
  mema_Stack stack;
  mema_StackLink links[most + 1];
  mema_StackLink stale; /* read by a thread that was then interrupted */
  unsigned looks;
} Numbers;

static mema_StackLink *linkIn(void *owner, uint32_t number) {
  return &((Numbers *)owner)->links[number];
}

static void push(Numbers *numbers, uint32_t number) {
  mema_pushNumber(&numbers->stack, number, linkIn(numbers, number));
}

static uint32_t pop(Numbers *numbers) {
  return mema_popNumber(&numbers->stack, linkIn, numbers);
}

static void theLastInComesFirstOut(void **state) {
  (void)state;
  Numbers numbers = {0};
  assert_int_equal(pop(&numbers), 0);
  for (uint32_t number = 1; number <= most; number++) push(&numbers, number);
  for (uint32_t number = most; number > 0; number--) assert_int_equal(pop(&numbers), number);
  assert_int_equal(pop(&numbers), 0);
}

/* The link was read; then others pop two numbers, and push the first one again. */
static mema_StackLink *interruptedLink(void *owner, uint32_t number) {
  Numbers *numbers = owner;
  if (numbers->looks++ > 0) return linkIn(owner, number);
  atomic_store(&numbers->stale, atomic_load(linkIn(owner, number)));
  assert_int_equal(pop(numbers), 3);
  assert_int_equal(pop(numbers), 2);
  push(numbers, 3);
  return &numbers->stale;
}

static void aTopThatCameBackIsNotTakenForTheSame(void **state) {
  (void)state;
  Numbers numbers = {0};
  for (uint32_t number = 1; number <= 3; number++) push(&numbers, number);
  assert_int_equal(mema_popNumber(&numbers.stack, interruptedLink, &numbers), 3);
  assert_int_equal(numbers.looks, 2);
  assert_int_equal(pop(&numbers), 1); /* not 2: another has that one */
  assert_int_equal(pop(&numbers), 0);
}

/* Others empty the stack meanwhile. */
static mema_StackLink *emptyingLink(void *owner, uint32_t number) {
  Numbers *numbers = owner;
  atomic_store(&numbers->stale, atomic_load(linkIn(owner, number)));
  while (pop(numbers) != 0) numbers->looks++;
  return &numbers->stale;
}

static void anEmptiedStackGivesNothing(void **state) {
  (void)state;
  Numbers numbers = {0};
  push(&numbers, 1);
  push(&numbers, 2);
  assert_int_equal(mema_popNumber(&numbers.stack, emptyingLink, &numbers), 0);
  assert_int_equal(numbers.looks, 2);
}

/* The count takes the upper half, and goes on from 0 after its greatest value. */
static void aWrappedCountDoesNoHarm(void **state) {
  (void)state;
  Numbers numbers = {.stack = UINT64_C(0xFFFFFFFF) << 32};
  push(&numbers, UINT32_C(1));
  assert_int_equal(atomic_load(&numbers.stack), 1);
  assert_int_equal(pop(&numbers), 1);
  assert_int_equal(atomic_load(&numbers.stack), UINT64_C(1) << 32);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(theLastInComesFirstOut),
      cmocka_unit_test(aTopThatCameBackIsNotTakenForTheSame),
      cmocka_unit_test(anEmptiedStackGivesNothing),
      cmocka_unit_test(aWrappedCountDoesNoHarm),
  };
  return runTests(tests);
}
