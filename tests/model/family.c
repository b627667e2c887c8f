/* Random calls to a family of pools, against a model of it.
 *
 *   family [operations [seed]]    SEED=n in the environment does as well
 *
 * The model is a tree. Of each pool it knows its chunks in the order of the chain, when each was made (marks, sub-pools and clean-ups are
 * made at such times too), and what it was charged; all budgets are computed from that, by these two lines:
 *     used(pool)   == charged + its chunks + the sum of holds(child)        freeSize == poolSize - used
 *     holds(child) == max(guaranteed, used(child))
 * Arenas take part, as roots, parents and sub-pools; where an untracked one has its chunks tells how old they are, so its area is of a known size.
 * Each operation first happens in the model, which says what the answer must be and which callbacks come, in which order; then the real call is
 * made; then everything is compared, at every level, each chunk's bytes included. */
#include <time.h>

#include "support.h"

enum {
  arenaArea = 16 * 1024,
  nodeMost = 14,
  itemMost = 80,
  tagMost = 10,
  validTags = 4,
  careMost = 40,
  eventMost = 400,
  depthMost = 6
};

typedef struct Item {
  unsigned char *ptr;
  size_t size, charge;
  unsigned seed;
  uint64_t made;
  bool ballast; /* its pool's onExhausted may free it */
} Item;

typedef struct Tag {
  mema_Mark mark;
  uint64_t made;
  bool valid;
} Tag;

typedef struct Node Node;
struct Node {
  Pool pool;
  Node *parent, *lender;
  uint64_t made;
  size_t poolSize, guaranteed, charged, peak;
  Item items[itemMost];
  size_t count;
  Tag tags[tagMost];
  size_t lowWater, failIn;
  bool live, untracked, bound, shared, arena, exhausts, failsOnce;
  void *toFree[itemMost]; /* by onExhausted, in this order */
  size_t toFreeCount, toFreeAt;
};

/* A clean-up; not in use: node is NULL. */
typedef struct Care {
  mema_Cleanup record;
  Node *node;
  mema_CleanupTime when;
  uint64_t made;
} Care;

typedef struct Setting {
  const char *name;
  mema_Options options;
  size_t usual;
} Setting;

static const Setting settings[] = {
    {"tracked, 16 KiB", {.poolSize = 16 * KIB}, 200},
    {"tracked, 1 MiB", {.poolSize = MIB}, 3000},
    {"tracked, 96 MiB", {.poolSize = 96 * MIB}, 300000},
    {"starved, 1 MiB over 64 KiB", {.poolSize = MIB, .reservation = 64 * KIB}, 5000},
    {"bound, 256 KiB", {.poolSize = 256 * KIB, .boundMemory = true}, 400},
    {"bound, arena, 256 KiB", {.poolSize = 256 * KIB, .engine = MEMA_ARENA, .boundMemory = true}, 800},
    {"bound, shared, 256 KiB", {.poolSize = 256 * KIB, .shared = true, .boundMemory = true}, 400},
    {"untracked, 64 KiB", {.poolSize = 64 * KIB, .untracked = true}, 300},
    {"committed, 256 KiB", {.poolSize = 256 * KIB, .committed = true}, 2000},
    {"arena, 256 KiB", {.poolSize = 256 * KIB, .engine = MEMA_ARENA}, 800},
    {"arena over 16 KiB, 1 MiB", {.poolSize = MIB, .engine = MEMA_ARENA, .reservation = arenaArea}, 5000},
    {"arena over 16 KiB, untracked, 1 MiB",
     {.poolSize = MIB, .engine = MEMA_ARENA, .untracked = true, .reservation = arenaArea},
     3000},
    {"shared, untracked, 256 KiB", {.poolSize = 256 * KIB, .untracked = true, .shared = true}, 500},
    {"shared, tracked, 256 KiB", {.poolSize = 256 * KIB, .shared = true}, 1000},
};

static const Setting *setting;
static uint64_t seed, state, now;
static size_t step, operations;
static unsigned nextFill;
static Node nodes[nodeMost], *root = nodes;
static Care cares[careMost];
static Pool oracle; /* tells what untracked pools charge */
static struct Event {
  char kind;
  const void *whose;
} expected[eventMost], seen[eventMost];
static size_t expectedCount, seenCount;
static unsigned inside; /* callbacks under way; what they do themselves is not in the model */

static void complain(const char *what, int line) {
  fprintf(stderr, "family.c:%d: %s\n  setting \"%s\", step %zu; to repeat: family %zu %llu\n", line, what, setting->name,
          step, operations, (unsigned long long)seed);
  abort();
}
#define MUST(condition) \
  if (!(condition)) complain(#condition ": not so", __LINE__)
#define MUST_WELL(sentence)                                   \
  do {                                                        \
    const char *whatIsWrong = (sentence);                     \
    if (whatIsWrong != NULL) complain(whatIsWrong, __LINE__); \
  } while (0)
/* A call that is refused, for this reason. */
#define REFUSES(call, reason)                        \
  do {                                               \
    forgetError(reason);                             \
    if (call) complain(#call " succeeds", __LINE__); \
    MUST_WELL(errorIsNot(reason));                   \
  } while (0)

static size_t below(size_t limit) {
  return (size_t)(nextRandom(&state) % limit);
}

static size_t larger(size_t a, size_t b) {
  return a > b ? a : b;
}

/* It charges whole grains, wherever a chunk lies; and has marks, though it has no chain. */
static bool isBare(const Node *node) {
  return node->arena && node->untracked;
}

/* It charges slots. Then the test asks for sizes whose slots the oracle knows. */
static bool chargesSlots(const Node *node) {
  return (node->untracked || node->bound) && !node->arena;
}

static bool hasMarks(const Node *node) {
  return !node->shared && (!node->untracked || node->arena);
}

/* ---- budgets ------------------------------------------------------------------------------------------------------------- */

static size_t used(const Node *node);

static size_t holds(const Node *node) {
  return larger(node->guaranteed, used(node));
}

static size_t heldBy(const Node *node) {
  size_t held = 0;
  for (const Node *child = nodes; child < nodes + nodeMost; child++)
    if (child->live && child->parent == node) held += holds(child);
  return held;
}

static size_t used(const Node *node) {
  size_t bytes = node->charged + heldBy(node);
  for (size_t i = 0; i < node->count; i++) bytes += node->items[i].charge;
  return bytes;
}

static size_t room(const Node *node) {
  return node->poolSize - used(node);
}

/* The lowest pool that has no room for so many bytes more of this one; NULL: all have. */
static Node *narrow(Node *node, size_t bytes) {
  for (; node != NULL && bytes != 0; node = node->parent) {
    if (bytes > room(node)) return node;
    bytes = larger(node->guaranteed, used(node) + bytes) - holds(node);
  }
  return NULL;
}

static size_t largest(Node *node) {
  size_t low = 0, high = node->poolSize;
  while (low < high) {
    size_t middle = high - (high - low) / 2;
    if (narrow(node, middle) == NULL) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

/* ---- what is to come, and what came --------------------------------------------------------------------------------------- */

static void note(struct Event *events, size_t *count, char kind, const void *whose) {
  MUST(*count < eventMost);
  events[(*count)++] = (struct Event){kind, whose};
}

static void expect(char kind, const void *whose) {
  note(expected, &expectedCount, kind, whose);
}

static void compareEvents(void) {
  MUST(expectedCount == seenCount);
  for (size_t i = 0; i < seenCount; i++) MUST(expected[i].kind == seen[i].kind && expected[i].whose == seen[i].whose);
  expectedCount = seenCount = 0;
}

static void removeItem(Node *node, size_t index) {
  node->count--;
  memmove(node->items + index, node->items + index + 1, (node->count - index) * sizeof node->items[0]);
}

/* The pool's onExhausted is called: it frees the oldest ballast there is, and then has the request tried again. */
static bool expectExhausted(Node *node) {
  if (!node->exhausts) return false;
  expect('E', node);
  for (size_t i = 0; i < node->count; i++) {
    if (!node->items[i].ballast) continue;
    node->toFree[node->toFreeCount++] = node->items[i].ptr;
    removeItem(node, i);
    return true;
  }
  return false;
}

/* Whether a request is granted, after those who could be asked to make room. */
static bool isGranted(Node *node, size_t bytes) {
  Node *tight;
  while ((tight = narrow(node, bytes)) != NULL)
    if (!expectExhausted(tight)) return false;
  return true;
}

/* Whether a request fails on purpose. */
static bool isInjected(Node *node) {
  if (node->failIn == 0) return false;
  if (node->failIn > 1) {
    node->failIn--;
    return false;
  }
  if (node->failsOnce) node->failIn = 0;
  return true;
}

typedef struct Rooms {
  size_t at[depthMost + 2];
} Rooms;

static Rooms roomsOf(const Node *node) {
  Rooms rooms = {{0}};
  for (size_t i = 0; node != NULL; node = node->parent) rooms.at[i++] = room(node);
  return rooms;
}

/* The low waters that were passed since, from this level up. */
static void expectLows(const Node *node, Rooms before) {
  for (size_t i = 0; node != NULL; node = node->parent, i++)
    if (node->lowWater != 0 && before.at[i] >= node->lowWater && room(node) < node->lowWater) expect('L', node);
}

/* A callback may do nothing that ends the pool under it, or one above. */
static void tryForbidden(Node *node) {
  for (Node *each = node; each != NULL; each = each->parent) {
    REFUSES(mema_freePool(&each->pool), MEMA_BUSY);
    REFUSES(mema_resetPool(&each->pool), MEMA_BUSY);
    if (each->tags[0].valid) REFUSES(mema_rewindPool(&each->pool, each->tags[0].mark), MEMA_BUSY);
  }
}

/* What it may do leaves no trace. */
static void actWithin(Node *node) {
  void *ptr = node->failIn == 0 ? palloc(&node->pool, 1 + below(300)) : NULL;
  if (ptr != NULL) MUST(pfree(&node->pool, ptr));
  if (node->parent != NULL && node->parent->failIn == 0 && mema_chargePool(&node->parent->pool, 10))
    MUST(mema_creditPool(&node->parent->pool, 10));
  if (below(4) == 0 && !mema_checkPool(&root->pool)) complain(mema_lastError()->sentence, __LINE__);
}

static void onLow(Pool *pool, void *arg) {
  Node *node = arg;
  MUST(pool == &node->pool);
  if (inside++ == 0) {
    note(seen, &seenCount, 'L', node);
    tryForbidden(node); /* and no more: a call from here would have the low waters above announced within it */
  }
  inside--;
}

static bool onExhausted(Pool *pool, size_t wanted, void *arg) {
  Node *node = arg;
  MUST(pool == &node->pool && wanted > 0);
  if (inside != 0) return false;
  inside++;
  note(seen, &seenCount, 'E', node);
  tryForbidden(node);
  actWithin(node);
  inside--;
  if (node->toFreeAt == node->toFreeCount) return below(2) == 0; /* nothing was freed, so this does not matter */
  MUST(pfree(pool, node->toFree[node->toFreeAt++]));
  return true;
}

static void onCleanup(void *arg) {
  Care *care = arg;
  static mema_Cleanup another;
  Pool child = {0};
  mema_Options options = {.poolSize = 1};
  note(seen, &seenCount, 'C', care);
  inside++;
  Node *node = care->node;
  tryForbidden(node);
  REFUSES(mema_addCleanup(&node->pool, &another, onCleanup, NULL, MEMA_AFTER_SUB_POOLS), MEMA_BUSY);
  REFUSES(mema_initSubPool(&child, &node->pool, &options), MEMA_BUSY);
  actWithin(node);
  inside--;
  care->node = NULL;
}

/* ---- comparing ------------------------------------------------------------------------------------------------------------ */

static void compareChain(const Node *node) {
  const Block *block = node->pool.head, *before = NULL;
  for (size_t i = 0; i < node->count; i++, before = block, block = block->next) {
    MUST(block != NULL && block->prev == before);
    MUST(block->ptr == node->items[i].ptr && block->size == node->items[i].size);
  }
  MUST(block == NULL && node->pool.tail == before);
}

static void compareNode(Node *node, bool bytes) {
  mema_Stats stats;
  size_t children = 0;
  for (const Node *child = nodes; child < nodes + nodeMost; child++) children += child->live && child->parent == node;
  MUST(mema_poolStats(&node->pool, &stats));
  MUST(mema_freeSize(&node->pool) == room(node) && stats.poolSize == node->poolSize);
  MUST(stats.chargedBytes == node->charged && stats.liveChunks == node->count);
  node->peak = larger(node->peak, used(node));
  MUST(stats.peakBytes >= node->peak); /* what there was within a call is not in the model */
  MUST(stats.subPools == children && stats.subPoolBytes == heldBy(node));
  if (!node->untracked) compareChain(node);
  if (!node->untracked && !node->bound && below(8) == 0) MUST(mema_largestChunk(&node->pool) == largest(node));
  if (isBare(node) && below(8) == 0) MUST(mema_largestChunk(&node->pool) == largest(node) / 16 * 16);
  for (size_t i = 0; bytes && i < node->count; i++) {
    const Item *item = &node->items[i];
    MUST(mema_chunkSize(&node->pool, item->ptr) == (node->bound ? item->size : item->charge));
    MUST(bytesFilled(item->ptr, item->size, item->seed));
  }
}

static void compareAll(void) {
  bool often = setting->usual <= 1000 || step % 64 == 0;
  compareEvents();
  for (Node *node = nodes; node < nodes + nodeMost; node++) {
    if (!node->live) continue;
    MUST(node->toFreeAt == node->toFreeCount);
    node->toFreeAt = node->toFreeCount = 0;
    compareNode(node, often);
    if ((node == root || node->shared) && often && !mema_checkPool(&node->pool))
      complain(mema_lastError()->sentence, __LINE__);
  }
}

/* ---- requests ------------------------------------------------------------------------------------------------------------- */

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
  return node->bound ? bytes + bytes / 32 + 41 : bytes;
}

static size_t someSize(Node *node) {
  bool any = !chargesSlots(node);
  size_t most = !any && setting->usual > 500 ? 500 : setting->usual, free = largest(node);
  if (any && free != 0 && below(16) == 0) return free + below(2);
  return 1 + (below(3) == 0 ? below(most) : below(1 + most / 16));
}

static Node *someNode(void) {
  for (;;) {
    Node *node = &nodes[below(nodeMost)];
    if (node->live) return node;
  }
}

static void addItem(Node *node, void *ptr, size_t size, size_t charge) {
  node->items[node->count++] = (Item){.ptr = ptr,
                                      .size = size,
                                      .charge = charge,
                                      .seed = ++nextFill,
                                      .made = ++now,
                                      .ballast = node->exhausts && below(3) == 0};
  fillBytes(ptr, size, nextFill);
}

static bool allocateIn(Node *node, size_t size) {
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
  MUST((errno == untouchedErrno || seenCount != 0) && (kind != 0 || bytesZero(ptr, size)));
  if (kind == 1 && alignment != 0) MUST(isAligned(ptr, alignment));
  addItem(node, ptr, size, charge);
  return true;
}

static void allocateSome(void) {
  Node *node = someNode();
  if (node->count < itemMost - 2) allocateIn(node, someSize(node));
}

static void freeSome(void) {
  Node *node = someNode();
  if (node->count == 0) return;
  size_t index = below(3) == 0 ? node->count - 1 : below(node->count);
  void *ptr = node->items[index].ptr;
  removeItem(node, index);
  MUST(pfree(&node->pool, ptr));
}

/* Every other pool of the family takes it for foreign. */
static void misuseSome(void) {
  Node *node = someNode(), *other = someNode();
  if (node->count == 0) return;
  const Item *item = &node->items[below(node->count)];
  unsigned char *inner = item->ptr + below(item->size) / 16 * 16;
  if (other != node) REFUSES(pfree(&other->pool, item->ptr), MEMA_BAD_POINTER);
  if (other != node) REFUSES(mema_repalloc(&other->pool, item->ptr, item->size + 1) != NULL, MEMA_BAD_POINTER);
  if (other != node) MUST(!mema_ownsChunk(&other->pool, item->ptr));
  if (inner != item->ptr) REFUSES(pfree(&node->pool, inner), MEMA_BAD_POINTER);
}

/* Whether a chunk of an untracked arena lies in its area: then where it is says how old it is. */
static bool isInArea(const Node *node, const unsigned char *ptr) {
  return addressOf(ptr) - addressOf(node->pool.mem) < arenaArea;
}

/* Such a chunk is as young as its move, unless that was from one place outside to another. */
static void rejuvenate(Node *node, size_t index, const unsigned char *from) {
  Item item = node->items[index];
  if (item.ptr == from || !(isInArea(node, from) || isInArea(node, item.ptr))) return;
  removeItem(node, index);
  item.made = ++now;
  node->items[node->count++] = item;
}

static void repallocSome(void) {
  Node *node = someNode();
  if (node->count == 0) return;
  size_t index = below(node->count), size = someSize(node), before = node->items[index].charge;
  Item item = node->items[index];
  size_t after = chargeFor(node, size), kept = item.size < size ? item.size : size;
  if (chargesSlots(node) && after <= before) return; /* it may keep its slot, or not */
  if (item.ballast) return;                          /* it could be freed under way */
  mema_Reason reason = MEMA_OK;
  if (size > (node->bound ? item.size : before) && isInjected(node)) {
    reason = MEMA_INJECTED;
  } else if (after > before && !isGranted(node, after - before)) {
    reason = MEMA_OVER_BUDGET;
  }
  for (index = 0; node->items[index].ptr != item.ptr;) index++; /* older ones may be gone */
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
  MUST((errno == untouchedErrno || seenCount != 0) && bytesFilled(ptr, kept, item.seed));
  node->items[index].ptr = ptr;
  node->items[index].size = size;
  fillBytes(ptr, size, item.seed);
  if (isBare(node)) rejuvenate(node, index, item.ptr);
}

static void chargeSome(void) {
  Node *node = someNode();
  size_t bytes = 1 + below(setting->usual);
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

static void moveSome(void) {
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
  bool fits = narrow(to, item.charge) == NULL;
  if (fits) {
    to->items[to->count] = item;
    to->items[to->count++].made = ++now;
    expectLows(to, before);
    MUST(mema_moveChunk(&to->pool, &from->pool, item.ptr));
    return;
  }
  memmove(from->items + index + 1, from->items + index, (from->count++ - index) * sizeof item);
  from->items[index] = item;
  REFUSES(mema_moveChunk(&to->pool, &from->pool, item.ptr), MEMA_OVER_BUDGET);
}

/* ---- lives ---------------------------------------------------------------------------------------------------------------- */

static Care *newestCare(const Node *node, mema_CleanupTime when, uint64_t since) {
  Care *newest = NULL;
  for (Care *care = cares; care < cares + careMost; care++) {
    if (care->node != node || care->when != when || care->made <= since) continue;
    if (newest == NULL || care->made > newest->made) newest = care;
  }
  return newest;
}

/* Clean-ups that ran in the model only so far: they are `made` never. */
static void expectCleanups(const Node *node, mema_CleanupTime when, uint64_t since) {
  for (Care *care; (care = newestCare(node, when, since)) != NULL; care->made = 0) expect('C', care);
}

static void endIn(Node *node, uint64_t since) {
  expectCleanups(node, MEMA_BEFORE_SUB_POOLS, since);
  for (;;) {
    Node *newest = NULL;
    for (Node *child = nodes; child < nodes + nodeMost; child++)
      if (child->live && child->parent == node && child->made > since && (newest == NULL || child->made > newest->made))
        newest = child;
    if (newest == NULL) break;
    endIn(newest, 0);
    newest->live = false;
  }
  expectCleanups(node, MEMA_AFTER_SUB_POOLS, since);
  while (node->count > 0 && node->items[node->count - 1].made > since) node->count--;
  for (Tag *tag = node->tags; tag < node->tags + tagMost; tag++) tag->valid = tag->valid && tag->made <= since;
}

static size_t depthOf(const Node *node) {
  size_t depth = 0;
  for (; node->parent != NULL; node = node->parent) depth++;
  return depth;
}

static mema_Options someOptions(const Node *parent) {
  size_t poolSize = 1 + below(2 * parent->poolSize), kind = below(15), free = room(parent);
  if (poolSize > parent->poolSize && below(2) == 0) poolSize = 1 + parent->poolSize / 2;
  mema_Options options = {.poolSize = poolSize, .untracked = kind == 0, .committed = kind == 1 && poolSize < MIB};
  if (kind == 2 || kind == 3) options.reservation = 64 * KIB;
  if (kind >= 12 && poolSize < 4 * MIB) options.engine = MEMA_ARENA, options.untracked = kind == 14;
  if (kind >= 13 && options.engine == MEMA_ARENA) options.reservation = arenaArea;
  if (kind == 4 && poolSize < 4 * MIB) options.shared = true, options.untracked = below(2) == 0;
  size_t guaranteed[] = {0, below(poolSize + 1), poolSize, below(free / 4 + 1)};
  options.guaranteed = options.shared ? poolSize : guaranteed[below(4)];
  options.boundMemory = below(4) == 0;
  if (options.guaranteed > poolSize) options.guaranteed = poolSize;
  return options;
}

static bool borrows(const Node *parent, const mema_Options *options) {
  return !parent->untracked && !parent->shared && !parent->arena && options->engine == MEMA_SLAB && !options->untracked &&
         !options->shared && !options->committed && options->reservation == 0 && (!options->boundMemory || parent->bound);
}

static void makeSome(void) {
  Node *parent = someNode(), *child = nodes;
  while (child < nodes + nodeMost && child->live) child++;
  if (child == nodes + nodeMost || depthOf(parent) == depthMost) return;
  mema_Options options = someOptions(parent);
  mema_Reason reason = options.guaranteed == 0                 ? MEMA_OK
                       : isInjected(parent)                    ? MEMA_INJECTED
                       : isGranted(parent, options.guaranteed) ? MEMA_OK
                                                               : MEMA_OVER_BUDGET;
  memset(child, 0, sizeof *child);
  memset(&child->pool, 0xa5, sizeof child->pool);
  if (reason != MEMA_OK) {
    REFUSES(mema_initSubPool(&child->pool, &parent->pool, &options), reason);
    return;
  }
  Rooms before = roomsOf(parent);
  child->live = true;
  child->parent = parent;
  child->poolSize = options.poolSize;
  child->guaranteed = options.guaranteed;
  child->untracked = options.untracked;
  child->bound = !options.untracked && (options.boundMemory || parent->bound);
  child->shared = options.shared;
  child->arena = options.engine == MEMA_ARENA;
  child->lender = borrows(parent, &options) ? parent->lender : child;
  child->made = ++now;
  expectLows(parent, before);
  MUST(mema_initSubPool(&child->pool, &parent->pool, &options));
  REFUSES(mema_initSubPool(&child->pool, &parent->pool, &options), MEMA_LIVE_POOL);
}

static void freeSomePool(void) {
  Node *node = someNode();
  Pool copy = node->pool;
  if (node == root) return;
  endIn(node, 0);
  node->live = false;
  MUST(freePool(&node->pool));
  compareEvents();
  memcpy(&node->pool, &copy, sizeof copy); /* the bytes of a Pool that has ended */
  REFUSES(palloc(&node->pool, 10) != NULL, MEMA_BAD_POOL);
  REFUSES(freePool(&node->pool), MEMA_BAD_POOL);
}

static void resetSome(void) {
  Node *node = someNode();
  if (node == root && below(4) != 0) return;
  endIn(node, 0);
  MUST(mema_resetPool(&node->pool));
}

static void resizeSome(void) {
  Node *node = someNode();
  size_t least = larger(used(node), node->guaranteed), poolSize = 1 + below(2 * setting->options.poolSize);
  if (below(3) == 0) poolSize = least + below(1000) - (least > 500 ? 500 : 0);
  if (poolSize == 0) poolSize = 1;
  bool shrinks = below(3) == 0;
  if (node->shared && node != root) {
    REFUSES(mema_resizePool(&node->pool, poolSize), MEMA_BAD_ARGUMENT);
    return;
  }
  if (poolSize < least && !shrinks) {
    REFUSES(mema_resizePool(&node->pool, poolSize), MEMA_BELOW_USE);
    return;
  }
  if (shrinks && larger(poolSize, least) == 0) return;
  Rooms before = roomsOf(node);
  node->poolSize = larger(poolSize, least);
  node->peak = 0;
  expectLows(node, before);
  if (shrinks) {
    MUST(mema_shrinkPool(&node->pool, poolSize) == node->poolSize);
  } else {
    MUST(mema_resizePool(&node->pool, poolSize));
  }
}

/* ---- marks and clean-ups -------------------------------------------------------------------------------------------------- */

/* With an allocation before and after it, so that no two marks are of the same moment; and no more valid ones than the library can tell all
 * stale ones from. */
static void markSome(void) {
  Node *node = someNode();
  size_t valid = 0;
  for (const Tag *tag = node->tags; tag < node->tags + tagMost; tag++) valid += tag->valid;
  if (!hasMarks(node)) {
    REFUSES(mema_markPool(&node->pool).serial != 0, MEMA_BAD_ARGUMENT);
    return;
  }
  if (valid == validTags || node->count > itemMost - 5 || !allocateIn(node, 1)) return;
  compareAll();
  Tag *tag;
  do tag = &node->tags[below(tagMost)];
  while (tag->valid);
  *tag = (Tag){.mark = mema_markPool(&node->pool), .made = ++now};
  MUST(tag->mark.serial != 0);
  tag->valid = allocateIn(node, 1);
  if (!tag->valid) tag->mark.life = 0;
}

static void rewindSome(void) {
  Node *node = someNode(), *other = someNode();
  const Tag *tag = &node->tags[below(tagMost)];
  for (size_t i = 0; !tag->valid && i < tagMost / 2; i++) tag = &node->tags[below(tagMost)]; /* most are over */
  if (tag->mark.life == 0 || !hasMarks(node)) return;
  if (other != node) REFUSES(mema_rewindPool(&other->pool, tag->mark), MEMA_STALE_MARK);
  if (!tag->valid) {
    REFUSES(mema_rewindPool(&node->pool, tag->mark), MEMA_STALE_MARK);
    return;
  }
  endIn(node, tag->made);
  MUST(mema_rewindPool(&node->pool, tag->mark));
}

static void keepSome(void) {
  Node *node = someNode();
  const Tag *tag = &node->tags[below(tagMost)];
  if (tag->mark.life == 0 || node->count == 0) return;
  size_t index = below(node->count), place = 0;
  Item item = node->items[index];
  if (!tag->valid) {
    REFUSES(mema_keepChunk(&node->pool, tag->mark, item.ptr), MEMA_STALE_MARK);
    return;
  }
  if (node->untracked) {
    REFUSES(mema_keepChunk(&node->pool, tag->mark, item.ptr), MEMA_BAD_ARGUMENT);
    return;
  }
  REFUSES(mema_keepChunk(&node->pool, tag->mark, item.ptr + 1), MEMA_BAD_POINTER);
  MUST(mema_keepChunk(&node->pool, tag->mark, item.ptr));
  if (item.made <= tag->made) return;
  while (node->items[place].made <= tag->made) place++;
  memmove(node->items + place + 1, node->items + place, (index - place) * sizeof item);
  item.made = tag->made;
  node->items[place] = item;
}

static void careSome(void) {
  Node *node = someNode();
  Care *care = &cares[below(careMost)];
  mema_CleanupTime when = below(2) == 0 ? MEMA_AFTER_SUB_POOLS : MEMA_BEFORE_SUB_POOLS;
  if (care->node != NULL) {
    REFUSES(mema_addCleanup(&node->pool, &care->record, onCleanup, care, when), MEMA_BAD_ARGUMENT);
    if (node != care->node) REFUSES(mema_cancelCleanup(&node->pool, &care->record), MEMA_BAD_ARGUMENT);
    if (below(2) == 0) return;
    MUST(mema_cancelCleanup(&care->node->pool, &care->record));
    care->node = NULL;
  } else if (node->shared) {
    REFUSES(mema_addCleanup(&node->pool, &care->record, onCleanup, care, when), MEMA_BAD_ARGUMENT);
  } else {
    MUST(mema_addCleanup(&node->pool, &care->record, onCleanup, care, when));
    care->node = node;
    care->when = when;
    care->made = ++now;
  }
}

/* ---- pressure ------------------------------------------------------------------------------------------------------------- */

static void pressSome(void) {
  Node *node = someNode();
  bool on = below(3) != 0;
  size_t bytes = 1 + below(node->poolSize), n = below(12);
  if (node->shared) {
    REFUSES(mema_onLowWater(&node->pool, bytes, onLow, node), MEMA_BAD_ARGUMENT);
    REFUSES(mema_onExhausted(&node->pool, onExhausted, node), MEMA_BAD_ARGUMENT);
    REFUSES(mema_failAfter(&node->pool, n, true), MEMA_BAD_ARGUMENT);
    return;
  }
  switch (below(3)) {
    case 0:
      node->lowWater = on ? bytes : 0;
      MUST(mema_onLowWater(&node->pool, bytes, on ? onLow : NULL, node));
      return;
    case 1:
      node->exhausts = on;
      MUST(mema_onExhausted(&node->pool, on ? onExhausted : NULL, node));
      return;
    default:
      node->failIn = on ? n + 1 : 0;
      node->failsOnce = below(4) != 0;
      MUST(mema_failAfter(&node->pool, on ? n : MEMA_UNLIMITED, node->failsOnce));
      return;
  }
}

static void lookAtSome(void) {
  char picture[4000];
  Node *node = someNode();
  mema_trimPool(&node->pool);
  MUST(mema_drawPool(&node->pool, picture, sizeof picture, 40, true) != 0);
}

/* ---- a run ---------------------------------------------------------------------------------------------------------------- */

static void playStep(void) {
  static void (*const kinds[])(void) = {allocateSome, allocateSome, allocateSome, allocateSome, allocateSome,
                                        freeSome,     freeSome,     freeSome,     repallocSome, repallocSome,
                                        moveSome,     moveSome,     misuseSome,   chargeSome,   careSome,
                                        markSome,     keepSome,     pressSome,    makeSome};
  static void (*const rare[])(void) = {freeSomePool, resetSome, rewindSome, rewindSome, resizeSome, lookAtSome, pressSome};
  if (below(12) == 0) {
    rare[below(sizeof rare / sizeof *rare)]();
  } else {
    kinds[below(sizeof kinds / sizeof *kinds)]();
  }
}

static void playSeed(uint64_t with) {
  seed = state = with;
  now = 0;
  memset(nodes, 0, sizeof nodes);
  memset(cares, 0, sizeof cares);
  root->live = true;
  root->poolSize = setting->options.poolSize;
  root->untracked = setting->options.untracked;
  root->bound = setting->options.boundMemory;
  root->shared = setting->options.shared;
  root->arena = setting->options.engine == MEMA_ARENA;
  root->lender = root;
  MUST(mema_initPoolWith(&root->pool, &setting->options));
  for (step = 0; step < operations; step++) {
    playStep();
    compareAll();
  }
  endIn(root, 0);
  MUST(freePool(&root->pool));
  compareEvents();
}

int main(int argc, char **argv) {
  const char *given = argc > 2 ? argv[2] : getenv("SEED");
  uint64_t fresh = (uint64_t)time(NULL) * 1000003u % 1000000000u;
  operations = argc > 1 ? strtoull(argv[1], NULL, 0) : 10000;
  setting = settings;
  mema_Options options = {.poolSize = MIB, .untracked = true};
  MUST(mema_initPoolWith(&oracle, &options));
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    setting = &settings[i];
    if (given != NULL) {
      playSeed(strtoull(given, NULL, 0));
      continue;
    }
    for (uint64_t fixed = 1; fixed <= 4; fixed++) playSeed(fixed);
    playSeed(fresh);
  }
  printf("%zu operations in each of %zu settings, seed %s\n", operations, sizeof settings / sizeof *settings,
         given != NULL ? given : "1, 2, 3, 4");
  if (given == NULL) printf("and the fresh seed %llu\n", (unsigned long long)fresh);
  return 0;
}
