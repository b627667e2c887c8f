/* identity.c - see identity.h. */
#include "identity.h"

#include "../memory/os.h"

/* Generations that a slab gives by itself, without an atomic addition, before it takes as many more. */
static const uintptr_t livesAtOnce = sizeof(uintptr_t) == 8 ? 1 << 16 : 1;

/* Before the first pool is made; addresses and small numbers, whichever, do not make a seal that fits. */
static const uintptr_t undrawn = (uintptr_t)0x9E3779B97F4A7C15u;

_Atomic uintptr_t mema_secret = (uintptr_t)0x9E3779B97F4A7C15u;
static _Atomic uintptr_t generations;

void *mema_nullForBadPool(void) {
  mema_fail(MEMA_BAD_POOL);
  return NULL;
}

bool mema_falseForBadPool(void) {
  mema_fail(MEMA_BAD_POOL);
  return false;
}

/* ---- a new pool ---------------------------------------------------------------------------------------------------------- */

void mema_drawSecret(void) {
  uintptr_t none = undrawn;
  if (atomic_load_explicit(&mema_secret, memory_order_relaxed) != undrawn) return;
  atomic_compare_exchange_strong_explicit(&mema_secret, &none, mema_osRandom(), memory_order_relaxed, memory_order_relaxed);
}

/* Scattered: see mema_keyOf. */
uintptr_t mema_nextGeneration(uintptr_t *lives) {
  if (*lives % livesAtOnce == 0) *lives = atomic_fetch_add_explicit(&generations, livesAtOnce, memory_order_relaxed);
  return ++*lives * mema_generationStep * undrawn;
}

/* The seal comes last, since other threads may be looking whether a shared pool lives that was here before. */
void mema_identify(mema_Pool *pool, mema_Heap *heap, uintptr_t generation, bool shared) {
  uintptr_t seal = mema_sealOf(pool, heap);
  mema_storeWord(&pool->generation, generation);
  __atomic_store_n(&pool->heap, heap, __ATOMIC_RELAXED);
  mema_storeWord(&pool->seal, shared ? ~seal : seal);
}
