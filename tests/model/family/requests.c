/* Requests, in the model and then for real: chunks, charges and moves. */
#include "tree.h"

static unsigned nextFill;

static size_t roomFor(const Node *node, size_t size) {
  if (node->arena) return (size + 15) / 16 * 16;
  void *ptr = palloc(&oracle, size);
  size_t charge = mema_chunkSize(&oracle, ptr);
  MUST(pfree(&oracle, ptr));
  return charge;
}

static size_t chargeFor(const Node *node, size_t size) {
  if (!node->untracked && !node->bound) return size;
  size_t bytes = roomFor(node, size);
  return node->bound ? bytes + bytes / 32 + sizeof(Block) + 1 : bytes;
}

static size_t someSize(Node *node) {
  bool any = !chargesSlots(node);
  size_t most = !any && run.setting->usual > 500 ? 500 : run.setting->usual, free = largest(node);
  if (any && free != 0 && below(16) == 0) return free + below(2);
  return 1 + (below(3) == 0 ? below(most) : below(1 + most / 16));
}

static void addItem(Node *node, void *ptr, size_t size, size_t charge) {
  node->items[node->count++] = (Item){.ptr = ptr,
                                      .size = size,
                                      .charge = charge,
                                      .seed = ++nextFill,
                                      .made = ++run.now,
                                      .ballast = node->exhausts && below(3) == 0};
  fillBytes(ptr, size, nextFill);
}

bool allocateIn(Node *node, size_t size) {
  static unsigned char *ptr;
  size_t alignment = chargesSlots(node) ? 0 : (size_t)1 << below(14), kind = below(4), charge = chargeFor(node, size);
  mema_Reason reason = MEMA_OK;
  Rooms before = {{0}};
  if (isInjected(node)) {
    reason = MEMA_INJECTED;
  } else if (!isGranted(node, charge)) {
    reason = MEMA_OVER_BUDGET;
  } else {
    before = roomsOf(node);
    node->items[node->count++] = (Item){.charge = charge};
    expectLows(node, before);
    node->count--;
  }
  forgetError(reason);
  ptr = kind == 0                     ? mema_pcalloc(&node->pool, 1, size)
        : kind == 1 && alignment != 0 ? mema_pmemalign(&node->pool, alignment, size)
                                      : palloc(&node->pool, size);
  MUST((ptr != NULL) == (reason == MEMA_OK));
  if (ptr == NULL) {
    MUST_WELL(errorIsNot(reason));
    return false;
  }
  MUST((errno == untouchedErrno || callbacksCame()) && (kind != 0 || bytesZero(ptr, size)));
  if (kind == 1 && alignment != 0) MUST(isAligned(ptr, alignment));
  addItem(node, ptr, size, charge);
  return true;
}

void allocateSome(void) {
  Node *node = someNode();
  if (node->count < itemMost - 2) allocateIn(node, someSize(node));
}

void freeSome(void) {
  Node *node = someNode();
  if (node->count == 0) return;
  size_t index = below(3) == 0 ? node->count - 1 : below(node->count);
  void *ptr = node->items[index].ptr;
  removeItem(node, index);
  MUST(pfree(&node->pool, ptr));
}

/* Every other pool of the family refuses a chunk of this one, and this one refuses addresses inside its chunk. */
void misuseSome(void) {
  Node *node = someNode(), *other = someNode();
  if (node->count == 0) return;
  const Item *item = &node->items[below(node->count)];
  unsigned char *inner = item->ptr + below(item->size) / 16 * 16;
  if (other != node) REFUSES(pfree(&other->pool, item->ptr), MEMA_BAD_POINTER);
  if (other != node) REFUSES(mema_repalloc(&other->pool, item->ptr, item->size + 1) != NULL, MEMA_BAD_POINTER);
  if (other != node) MUST(!mema_ownsChunk(&other->pool, item->ptr));
  if (inner != item->ptr) REFUSES(pfree(&node->pool, inner), MEMA_BAD_POINTER);
}

/* Says whether a chunk of an untracked arena lies in its area. The address of such a chunk gives its age. */
static bool isInArea(const Node *node, const unsigned char *ptr) {
  return addressOf(ptr) - addressOf(node->pool.mem) < arenaArea;
}

/* A chunk of an untracked arena is as young as its last move, unless the move led from one address outside its area to another. */
static void rejuvenate(Node *node, size_t index, const unsigned char *from) {
  Item item = node->items[index];
  if (item.ptr == from || !(isInArea(node, from) || isInArea(node, item.ptr))) return;
  removeItem(node, index);
  item.made = ++run.now;
  node->items[node->count++] = item;
}

void repallocSome(void) {
  Node *node = someNode();
  if (node->count == 0) return;
  size_t index = below(node->count), size = someSize(node), before = node->items[index].charge;
  Item item = node->items[index];
  size_t after = chargeFor(node, size), kept = item.size < size ? item.size : size;
  if (chargesSlots(node) && after <= before) return; /* the model does not know whether the chunk keeps its slot */
  if (item.ballast) return;                          /* a callback could free it during the call */
  if (isBare(node) && chunksArePlain()) return; /* its address does not tell whether its place, which gives its age, stays */
  mema_Reason reason = MEMA_OK;
  if (size > (node->bound ? item.size : before) && isInjected(node)) {
    reason = MEMA_INJECTED;
  } else if (after > before && !isGranted(node, after - before)) {
    reason = MEMA_OVER_BUDGET;
  }
  for (index = 0; node->items[index].ptr != item.ptr;) index++; /* callbacks may have freed older ones */
  if (reason == MEMA_OK) {
    Rooms rooms = roomsOf(node);
    node->items[index].charge = after;
    expectLows(node, rooms);
  }
  forgetError(reason);
  unsigned char *ptr = mema_repalloc(&node->pool, item.ptr, size);
  MUST((ptr != NULL) == (reason == MEMA_OK));
  if (ptr == NULL) {
    MUST_WELL(errorIsNot(reason));
    return;
  }
  MUST((errno == untouchedErrno || callbacksCame()) && bytesFilled(ptr, kept, item.seed));
  node->items[index].ptr = ptr;
  node->items[index].size = size;
  fillBytes(ptr, size, item.seed);
  if (isBare(node)) rejuvenate(node, index, item.ptr);
}

void chargeSome(void) {
  Node *node = someNode();
  size_t bytes = 1 + below(run.setting->usual);
  if (node->charged != 0 && below(2) == 0) {
    bytes = 1 + below(node->charged);
    node->charged -= bytes;
    MUST(mema_creditPool(&node->pool, bytes));
    REFUSES(mema_creditPool(&node->pool, node->charged + 1), MEMA_BAD_ARGUMENT);
    return;
  }
  mema_Reason reason = isInjected(node) ? MEMA_INJECTED : isGranted(node, bytes) ? MEMA_OK : MEMA_OVER_BUDGET;
  if (reason != MEMA_OK) {
    REFUSES(mema_chargePool(&node->pool, bytes), reason);
    return;
  }
  Rooms before = roomsOf(node);
  node->charged += bytes;
  expectLows(node, before);
  MUST(mema_chargePool(&node->pool, bytes));
}

void moveSome(void) {
  Node *from = someNode(), *to = someNode();
  if (from->count == 0 || to->count > itemMost - 3) return;
  size_t index = below(from->count);
  Item item = from->items[index];
  if (from->untracked || from->shared || to->lender != from->lender) {
    if (to != from) REFUSES(mema_moveChunk(&to->pool, &from->pool, item.ptr), MEMA_NOT_KIN);
    return;
  }
  REFUSES(mema_moveChunk(&to->pool, &from->pool, item.ptr + 1), MEMA_BAD_POINTER);
  if (to != from) REFUSES(mema_moveChunk(&from->pool, &to->pool, item.ptr), MEMA_BAD_POINTER);
  Rooms before = roomsOf(to);
  removeItem(from, index);
  bool fits = limitingPool(to, item.charge) == NULL;
  if (fits) {
    to->items[to->count] = item;
    to->items[to->count++].made = ++run.now;
    expectLows(to, before);
    MUST(mema_moveChunk(&to->pool, &from->pool, item.ptr));
    return;
  }
  memmove(from->items + index + 1, from->items + index, (from->count++ - index) * sizeof item);
  from->items[index] = item;
  REFUSES(mema_moveChunk(&to->pool, &from->pool, item.ptr), MEMA_OVER_BUDGET);
}
