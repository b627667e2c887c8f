/* kin.c - records of families. They lie in segments, each twice as long as the one before, that are never unmapped; free ones are on a
 * stack (base/stack.h), by their ids. */
#include "kin.h"

#include <string.h>

#include "../memory/os.h"

enum { firstSegment = 512, segments = 16 };

static _Atomic(mema_Kin *) table[segments];
static _Atomic uint32_t used; /* ids up to here were handed out */
static mema_Stack freeKin;
static _Atomic uintptr_t lives;

static unsigned segmentOf(uint32_t index) {
  return 31 - (unsigned)__builtin_clz(index / firstSegment + 1);
}

/* NULL iff its segment is not there. */
static mema_Kin *kinAt(uint32_t id) {
  unsigned segment = segmentOf(id - 1);
  mema_Kin *base = atomic_load_explicit(&table[segment], memory_order_acquire);
  return base == NULL ? NULL : base + (id - 1) - firstSegment * ((UINT32_C(1) << segment) - 1);
}

/* Leaves the record in *found: the last one that is looked at is the one that is popped. */
static mema_StackLink *linkOf(void *found, uint32_t id) {
  mema_Kin *kin = kinAt(id);
  *(mema_Kin **)found = kin;
  return &kin->nextFree;
}

static mema_Kin *popFree(void) {
  mema_Kin *kin = NULL;
  return mema_popNumber(&freeKin, linkOf, &kin) == 0 ? NULL : kin;
}

static bool mapSegment(unsigned segment) {
  size_t page = mema_osPageSize(), size = mema_roundUp((firstSegment << segment) * sizeof(mema_Kin), page);
  mema_Kin *base = mema_osReserve(size, page), *none = NULL;
  if (base == NULL) return false;
  if (!atomic_compare_exchange_strong_explicit(&table[segment], &none, base, memory_order_acq_rel, memory_order_acquire))
    mema_osRelease(base, size); /* another thread was first */
  return true;
}

/* An id once taken stays so, even where its segment cannot be had: that costs a number, of sixteen million. */
static mema_Kin *takeFresh(void) {
  uint32_t index = atomic_load_explicit(&used, memory_order_relaxed);
  do {
    if (index == mema_kinMost || segmentOf(index) == segments) return NULL;
  } while (!atomic_compare_exchange_weak_explicit(&used, &index, index + 1, memory_order_relaxed, memory_order_relaxed));
  if (kinAt(index + 1) == NULL && !mapSegment(segmentOf(index))) return NULL;
  mema_Kin *kin = kinAt(index + 1);
  kin->id = index + 1;
  return kin;
}

mema_Kin *mema_takeKin(void) {
  mema_Kin *kin = popFree();
  if (kin == NULL) kin = takeFresh();
  if (kin == NULL) return NULL;
  kin->parentPool = NULL;
  kin->parent = kin->newest = kin->older = kin->younger = NULL;
  kin->guard = kin->nearGuard = kin->guaranteed = kin->born = 0;
  kin->usesParentHeap = false;
  return kin;
}

void mema_ownKin(mema_Pool *pool, mema_Kin *kin) {
  pool->life = atomic_fetch_add_explicit(&lives, 1, memory_order_relaxed) + 1;
  kin->pool = pool;
  mema_storeWord(&kin->life, pool->life);
  __atomic_store_n(&pool->kin, kin, __ATOMIC_RELEASE); /* of a shared root others may be looking */
}

bool mema_isKin(const mema_Pool *pool) {
  return mema_kinLives(pool);
}

void mema_dropKin(mema_Kin *kin) {
  mema_storeWord(&kin->life, 0);
  kin->pool = NULL;
  mema_pushNumber(&freeKin, kin->id, &kin->nextFree);
}
