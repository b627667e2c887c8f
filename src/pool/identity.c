/* identity.c - see identity.h. */
#include "identity.h"

#include "../memory/os.h"

/* Generations that a slab gives by itself, without an atomic addition, before it takes as many more. */
static const uintptr_t livesAtOnce = sizeof(uintptr_t) == 8 ? 1 << 16 : 1;

/* Before the first pool is made; addresses and small numbers, whichever, do not make a seal that fits. */
static const uintptr_t undrawn = (uintptr_t)0x9E3779B97F4A7C15u;

_Atomic uintptr_t mema_secret = (uintptr_t)0x9E3779B97F4A7C15u;
_Atomic bool mema_isSettled;
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

static void drawSecret(void) {
  uintptr_t none = undrawn;
  if (atomic_load_explicit(&mema_secret, memory_order_relaxed) != undrawn) return;
  atomic_compare_exchange_strong_explicit(&mema_secret, &none, mema_osRandom(), memory_order_relaxed, memory_order_relaxed);
}

/* The question before the first pool is made, and every question under memcheck. */
bool mema_isLiveUnsettled(const mema_Pool *pool) {
  uint8_t shadow[sizeof *pool];
  drawSecret();
  if (!mema_isMemcheckThere()) atomic_store_explicit(&mema_isSettled, true, memory_order_release);
  bool lifted = mema_liftShadow(pool, shadow, sizeof *pool), live = mema_kindOf(pool) != mema_noPool;
  if (lifted) mema_restoreShadow(pool, shadow, sizeof *pool);
  return live;
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
