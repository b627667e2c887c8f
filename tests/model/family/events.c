/* The callbacks that the model expects, and the callbacks that came. A callback tries all that it may not do, and does what it may. */
#include "tree.h"

typedef struct Event {
  char kind;
  const void *whose;
} Event;

static Event expected[eventMost], seen[eventMost];
static size_t expectedCount, seenCount;
static unsigned inside; /* callbacks that run; the model does not know their own calls */

static void note(Event *events, size_t *count, char kind, const void *whose) {
  MUST(*count < eventMost);
  events[(*count)++] = (Event){kind, whose};
}

void expect(char kind, const void *whose) {
  note(expected, &expectedCount, kind, whose);
}

bool callbacksCame(void) {
  return seenCount != 0;
}

void compareEvents(void) {
  MUST(expectedCount == seenCount);
  for (size_t i = 0; i < seenCount; i++) MUST(expected[i].kind == seen[i].kind && expected[i].whose == seen[i].whose);
  expectedCount = seenCount = 0;
}

/* The pool's onExhausted is called. It frees the oldest ballast in the pool; then the request is tried again. */
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

/* Says whether a request is granted, after the callbacks of the limiting pools have made room. */
bool isGranted(Node *node, size_t bytes) {
  Node *limiting;
  while ((limiting = limitingPool(node, bytes)) != NULL)
    if (!expectExhausted(limiting)) return false;
  return true;
}

/* Says whether a request fails on purpose. */
bool isInjected(Node *node) {
  if (node->failIn == 0) return false;
  if (node->failIn > 1) {
    node->failIn--;
    return false;
  }
  if (node->failsOnce) node->failIn = 0;
  return true;
}

Rooms roomsOf(const Node *node) {
  Rooms rooms = {{0}};
  for (size_t i = 0; node != NULL; node = node->parent) rooms.at[i++] = room(node);
  return rooms;
}

/* Expects the callbacks of the low waters that were passed since, from this level up. */
void expectLows(const Node *node, Rooms before) {
  for (size_t i = 0; node != NULL; node = node->parent, i++)
    if (node->lowWater != 0 && before.at[i] >= node->lowWater && room(node) < node->lowWater) expect('L', node);
}

/* A callback may end neither its pool nor a pool above that. */
static void tryForbidden(Node *node) {
  for (Node *each = node; each != NULL; each = each->parent) {
    REFUSES(mema_freePool(&each->pool), MEMA_BUSY);
    REFUSES(mema_resetPool(&each->pool), MEMA_BUSY);
    if (each->marks[0].valid) REFUSES(mema_rewindPool(&each->pool, each->marks[0].value), MEMA_BUSY);
  }
}

/* A callback may allocate and charge, and undo it: that leaves no trace. */
static void actWithin(Node *node) {
  void *ptr = node->failIn == 0 ? palloc(&node->pool, 1 + below(300)) : NULL;
  if (ptr != NULL) MUST(pfree(&node->pool, ptr));
  if (node->parent != NULL && node->parent->failIn == 0 && mema_chargePool(&node->parent->pool, 10))
    MUST(mema_creditPool(&node->parent->pool, 10));
  if (below(4) == 0 && !mema_checkPool(&root->pool)) complain(mema_lastError()->sentence, __FILE__, __LINE__);
}

void onLow(Pool *pool, void *arg) {
  Node *node = arg;
  MUST(pool == &node->pool);
  if (inside++ == 0) {
    note(seen, &seenCount, 'L', node);
    tryForbidden(node); /* no other call: a charge would announce the low waters of the levels above */
  }
  inside--;
}

bool onExhausted(Pool *pool, size_t wanted, void *arg) {
  Node *node = arg;
  MUST(pool == &node->pool && wanted > 0);
  if (inside != 0) return false;
  inside++;
  note(seen, &seenCount, 'E', node);
  tryForbidden(node);
  actWithin(node);
  inside--;
  if (node->toFreeAt == node->toFreeCount)
    return below(2) == 0; /* nothing was freed, so either answer has the same effect */
  MUST(pfree(pool, node->toFree[node->toFreeAt++]));
  return true;
}

void onCleanup(void *arg) {
  CleanUp *cleanUp = arg;
  static mema_Cleanup another;
  Pool child = {0};
  mema_Options options = {.poolSize = 1};
  note(seen, &seenCount, 'C', cleanUp);
  inside++;
  Node *node = cleanUp->node;
  tryForbidden(node);
  REFUSES(mema_addCleanup(&node->pool, &another, onCleanup, NULL, MEMA_AFTER_SUB_POOLS), MEMA_BUSY);
  REFUSES(mema_initSubPool(&child, &node->pool, &options), MEMA_BUSY);
  actWithin(node);
  inside--;
  cleanUp->node = NULL;
}
