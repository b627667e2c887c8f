/* returns.c - slots on their way from the thread that frees them to the cache that owns their spans, by the batch.
 *
 *   returns of a cache -> batch -> inbox of an owner id and class -> the owner's magazine; further batches wait beside it
 *
 * The slots were claimed one by one when they were freed, so each free has its exact answer at once. A thread collects
 * them in the returns of their class. Full returns become a batch, which goes into the inbox by one exchange. The owner
 * takes its whole inbox by one exchange, when the magazine of the class is empty. Neither needs the lock.
 *
 * An inbox is a stack that is emptied as a whole, so no thread follows a link that another changes. Unused batches are a
 * stack of numbers (stack.h). If an inbox is full, or no batch is unused, the returns go by the lock (exchange.c). A
 * full inbox shows that the owner does not come for its slots: from then on they stay with the threads that free them. */
#include <string.h>

#include "slotRef.h"

static mema_ReturnBatch *batchOf(mema_Share *share, uint32_t number) {
  return &share->returnBatches[number - 1];
}

static mema_StackLink *linkOf(void *share, uint32_t number) {
  return &batchOf(share, number)->link;
}

static uint32_t nextOf(mema_Share *share, uint32_t number) {
  return atomic_load_explicit(linkOf(share, number), memory_order_relaxed);
}

static void dropBatch(mema_Share *share, uint32_t number) {
  mema_pushNumber(&share->unusedBatches, number, linkOf(share, number));
}

/* Returns the number of a batch that no thread has used yet; 0: there is none. */
static uint32_t freshBatch(mema_Share *share) {
  if (atomic_load_explicit(&share->madeBatches, memory_order_relaxed) >= mema_returnBatches) return 0;
  uint32_t number = atomic_fetch_add_explicit(&share->madeBatches, 1, memory_order_relaxed) + 1;
  return number <= mema_returnBatches ? number : 0;
}

static uint32_t takeUnused(mema_Share *share) {
  uint32_t number = mema_popNumber(&share->unusedBatches, linkOf, share);
  return number != 0 ? number : freshBatch(share);
}

void mema_resetReturns(mema_Share *share) {
  if (!mema_hasReturns(share)) return;
  for (uint32_t ownerId = 0; ownerId <= share->usedIds; ownerId++)
    for (unsigned class = 0; class < mema_classCount; class ++)
      atomic_store_explicit(&share->inboxes[ownerId][class], 0, memory_order_relaxed);
  atomic_store_explicit(&share->unusedBatches, 0, memory_order_relaxed);
  atomic_store_explicit(&share->madeBatches, 0, memory_order_relaxed);
}

/* ---- into an inbox ------------------------------------------------------------------------------------------------ */

static uint8_t tagOf(const mema_ThreadCache *cache, const mema_CachedSlot *cached) {
  size_t unit = (size_t)((const char *)cached->ptr - cache->area) >> mema_unitShiftMax;
  return mema_entryOwner(atomic_load_explicit(&cache->pageMap[unit], memory_order_relaxed));
}

mema_CachedSlot *mema_lastReturns(const mema_ThreadCache *cache, const mema_Magazine *returns) {
  mema_CachedSlot *first = returns->top;
  if (returns->fill == 0) return returns->bottom;
  uint8_t ownerId = tagOf(cache, first - 1);
  for (mema_CachedSlot *at = returns->top; at-- > returns->bottom;) {
    if (tagOf(cache, at) != ownerId) continue;
    mema_CachedSlot cached = *at;
    *at = *--first;
    *first = cached;
  }
  return first;
}

static bool isFull(uint16_t top) {
  return top >> 8 >= mema_inboxMost;
}

/* Puts a batch into an inbox. False, with nothing changed, iff the inbox is full. */
static bool mail(mema_Share *share, mema_Inbox *inbox, uint32_t number) {
  uint16_t top = atomic_load_explicit(inbox, memory_order_relaxed), next;
  do {
    if (isFull(top)) return false;
    atomic_store_explicit(linkOf(share, number), top & 0xff, memory_order_relaxed);
    next = (uint16_t)(((top >> 8) + 1) << 8 | number);
  } while (!atomic_compare_exchange_weak_explicit(inbox, &top, next, memory_order_release, memory_order_relaxed));
  return true;
}

/* Sends slots of one owner id. False, with nothing changed, if they must go by the lock. */
static bool sendSlots(mema_Share *share, uint8_t ownerId, unsigned class, const mema_CachedSlot *cachedSlots, size_t count) {
  if (mema_isNobodys(share->revoked, ownerId)) return false;
  uint32_t number = takeUnused(share);
  if (number == 0) return false;
  mema_ReturnBatch *batch = batchOf(share, number);
  batch->count = (uint32_t)count;
  memcpy(batch->cachedSlots, cachedSlots, count * sizeof *cachedSlots);
  if (mail(share, &share->inboxes[ownerId][class], number)) return true;
  dropBatch(share, number);
  return false;
}

bool mema_mailReturns(mema_ThreadCache *cache, unsigned class) {
  mema_Magazine *returns = &cache->returns[class + 1];
  while (returns->top != returns->bottom) {
    mema_CachedSlot *first = mema_lastReturns(cache, returns);
    if (!sendSlots(cache->share, tagOf(cache, first), class, first, (size_t)(returns->top - first))) return false;
    returns->top = first;
  }
  returns->fill = 0;
  return true;
}

/* ---- out of an inbox ---------------------------------------------------------------------------------------------- */

/* Takes all batches of an inbox. Returns the number of the last one that was put in; 0: it is empty. */
static uint32_t takeAll(mema_Inbox *inbox) {
  if (atomic_load_explicit(inbox, memory_order_relaxed) == 0) return 0;
  return atomic_exchange_explicit(inbox, 0, memory_order_acquire) & 0xff;
}

/* Moves the first batch that waits beside an empty magazine into it: half a magazine at most. */
static void unpack(mema_ThreadCache *cache, unsigned class) {
  mema_Magazine *magazine = &cache->magazines[class + 1];
  uint32_t number = cache->arrived[class];
  const mema_ReturnBatch *batch = batchOf(cache->share, number);
  memcpy(magazine->bottom, batch->cachedSlots, batch->count * sizeof *batch->cachedSlots);
  magazine->top = magazine->bottom + batch->count;
  cache->arrived[class] = (uint8_t)nextOf(cache->share, number);
  dropBatch(cache->share, number);
}

bool mema_takeReturns(mema_ThreadCache *cache, unsigned class) {
  const mema_Magazine *magazine = &cache->magazines[class + 1];
  if (magazine->top != magazine->bottom) return true;
  if (cache->arrived[class] == 0) cache->arrived[class] = (uint8_t)takeAll(&cache->share->inboxes[cache->ownerId][class]);
  if (cache->arrived[class] == 0) return false;
  unpack(cache, class);
  return true;
}

/* ---- with the lock held ------------------------------------------------------------------------------------------- */

/* Moves a list of batches to the depot. */
static void putAwayAll(mema_Share *share, uint32_t number, unsigned class, uint8_t ownerId) {
  while (number != 0) {
    const mema_ReturnBatch *batch = batchOf(share, number);
    uint32_t next = nextOf(share, number);
    mema_putAway(share, class, batch->cachedSlots, batch->count, ownerId);
    dropBatch(share, number);
    number = next;
  }
}

static void clearInbox(mema_Share *share, uint8_t ownerId, unsigned class) {
  putAwayAll(share, takeAll(&share->inboxes[ownerId][class]), class, ownerId);
}

bool mema_clearFullInbox(mema_Share *share, uint8_t ownerId, unsigned class) {
  if (!isFull(atomic_load_explicit(&share->inboxes[ownerId][class], memory_order_relaxed))) return false;
  clearInbox(share, ownerId, class);
  return true;
}

void mema_clearInboxes(mema_Share *share, uint8_t ownerId) {
  for (unsigned class = 0; class < mema_classCount && mema_hasReturns(share); class ++) clearInbox(share, ownerId, class);
}

void mema_clearArrivals(mema_Share *share, mema_ThreadCache *cache) {
  for (unsigned class = 0; class < mema_classCount && mema_hasReturns(share); class ++) {
    putAwayAll(share, cache->arrived[class], class, cache->ownerId);
    cache->arrived[class] = 0;
  }
}

void mema_provideBatches(mema_Share *share) {
  if ((uint32_t)atomic_load_explicit(&share->unusedBatches, memory_order_relaxed) != 0) return;
  if (atomic_load_explicit(&share->madeBatches, memory_order_relaxed) < mema_returnBatches) return;
  for (unsigned ownerId = 1; ownerId <= share->usedIds; ownerId++)
    if (mema_isNobodys(share->revoked, (uint8_t)ownerId)) mema_clearInboxes(share, (uint8_t)ownerId);
  for (uint32_t i = 0; i < share->orphans; i++) mema_clearArrivals(share, share->orphan[i]);
}
