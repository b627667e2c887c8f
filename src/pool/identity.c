/* identity.c - the secret, generations and seals: see identity.h. */
#include "identity.h"

#include "../memory/os.h"

/* A heap takes this many generations at once, and hands them out without an atomic addition. */
static const uintptr_t livesAtOnce = sizeof(uintptr_t) == 8 ? 1 << 16 : 1;

/* The secret before the first pool is made. Addresses and small numbers do not add up to a seal that fits it. */
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

/* Tests whether the Pool lives: before the first pool is made, and for every such test under memcheck. */
bool mema_isLiveUnsettled(const mema_Pool *pool) {
  uint8_t shadow[sizeof *pool];
  drawSecret();
  if (!mema_isMemcheckThere()) atomic_store_explicit(&mema_isSettled, true, memory_order_release);
  bool lifted = mema_liftShadow(pool, shadow, sizeof *pool), live = mema_kindOf(pool) != mema_noPool;
  if (lifted) mema_restoreShadow(pool, shadow, sizeof *pool);
  return live;
}

/* The multiplication scatters generations over all their range: see mema_keyOf. */
uintptr_t mema_nextGeneration(uintptr_t *lives) {
  if (*lives % livesAtOnce == 0) *lives = atomic_fetch_add_explicit(&generations, livesAtOnce, memory_order_relaxed);
  return ++*lives * mema_generationStep * undrawn;
}

/* The seal is written last: another thread may be testing whether the shared pool that was here before is
 * live. */
void mema_identify(mema_Pool *pool, mema_Heap *heap, uintptr_t generation, bool shared) {
  uintptr_t seal = mema_sealOf(pool, heap);
  mema_storeWord(&pool->generation, generation);
  __atomic_store_n(&pool->heap, heap, __ATOMIC_RELAXED);
  mema_storeWord(&pool->seal, shared ? ~seal : seal);
}
