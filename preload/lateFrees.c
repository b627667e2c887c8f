/* lateFrees.c - see lateFrees.h. Each place holds a pointer, or NULL. */
#include "lateFrees.h"

#include <stdatomic.h>
#include <stddef.h>

enum { PLACES = 4096 };

static _Atomic(void *) places[PLACES];
static atomic_int kept; /* pointers in the places, or about to be there */
static atomic_uint next;
static void (*releaseKept)(void *ptr);

void startLateFrees(void (*release)(void *ptr)) {
  releaseKept = release;
}

bool keepLateFree(void *ptr) {
  if (releaseKept == NULL) return false;
  atomic_fetch_add_explicit(&kept, 1, memory_order_relaxed);
  for (int i = 0; i < PLACES; i++) {
    void *none = NULL;
    unsigned at = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed) % PLACES;
    if (atomic_compare_exchange_strong_explicit(&places[at], &none, ptr, memory_order_release, memory_order_relaxed))
      return true;
  }
  atomic_fetch_sub_explicit(&kept, 1, memory_order_relaxed);
  return false;
}

/* Looks at each place once: a pointer that is kept again meanwhile may stay for the next time. */
static void settleAll(void) {
  for (int i = 0; i < PLACES && atomic_load_explicit(&kept, memory_order_relaxed) > 0; i++) {
    void *ptr = atomic_exchange_explicit(&places[i], NULL, memory_order_acquire);
    if (ptr == NULL) continue;
    atomic_fetch_sub_explicit(&kept, 1, memory_order_relaxed);
    releaseKept(ptr);
  }
}

void settleLateFrees(void) {
  if (atomic_load_explicit(&kept, memory_order_relaxed) > 0) settleAll();
}
