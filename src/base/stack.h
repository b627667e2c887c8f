/* stack.h - a lock-free stack of numbers that any thread, signal handler or forked child may use at any time
 * (Treiber, "Systems programming: coping with parallelism", IBM RJ 5118, 1986).
 *
 *   top   count of changes << 32 | the top number; number 0: the stack is empty
 *   link  of each number on the stack: the number below it, 0 for none
 *
 * Another thread may pop a number and push it again between a look at its link and the exchange of the top. The
 * link is then stale, but the count has changed, so the exchange fails. Links therefore are atomic, and lie in
 * memory that is never unmapped. A thread that pops a number sees all that was written before its push.
 */
#ifndef MEMA_BASE_STACK_H
#define MEMA_BASE_STACK_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t mema_Stack;
typedef _Atomic uint32_t mema_StackLink;

/* Returns the place of a number's link; `owner` is the last argument of mema_popNumber. */
typedef mema_StackLink *mema_LinkOf(void *owner, uint32_t number);

static inline __attribute__((always_inline)) uint64_t mema_nextTop(uint64_t top, uint32_t number) {
  return ((top >> 32) + 1) << 32 | number;
}

static inline __attribute__((always_inline)) void mema_pushNumber(mema_Stack *stack, uint32_t number, mema_StackLink *link) {
  uint64_t top = atomic_load_explicit(stack, memory_order_relaxed);
  do {
    atomic_store_explicit(link, (uint32_t)top, memory_order_relaxed);
  } while (!atomic_compare_exchange_weak_explicit(stack, &top, mema_nextTop(top, number), memory_order_release,
                                                  memory_order_relaxed));
}

/* Pops the top number; 0 iff the stack is empty. The last call of linkOf is for the popped number. */
static inline __attribute__((always_inline)) uint32_t mema_popNumber(mema_Stack *stack, mema_LinkOf *linkOf, void *owner) {
  uint64_t top = atomic_load_explicit(stack, memory_order_acquire), next;
  do {
    if ((uint32_t)top == 0) return 0;
    next = mema_nextTop(top, atomic_load_explicit(linkOf(owner, (uint32_t)top), memory_order_relaxed));
  } while (!atomic_compare_exchange_weak_explicit(stack, &top, next, memory_order_acquire, memory_order_acquire));
  return (uint32_t)top;
}

#endif
