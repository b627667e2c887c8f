/* Budgets in the model: the use of each pool, what each holds of its parent's budget, and which pool limits a request. */
#include "tree.h"

Run run;
Node nodes[nodeMost];
CleanUp cleanUps[cleanUpMost];
Pool oracle;

void complain(const char *complaint, const char *file, int line) {
  fprintf(stderr, "%s:%d: %s\n  setting \"%s\", step %zu; to repeat: family %zu %llu\n", file, line, complaint,
          run.setting->name, run.step, run.operations, (unsigned long long)run.seed);
  abort();
}

size_t below(size_t limit) {
  return (size_t)(nextRandom(&run.random) % limit);
}

size_t larger(size_t a, size_t b) {
  return a > b ? a : b;
}

/* An untracked arena charges whole grains, wherever a chunk lies. It has marks, but no chain. */
bool isBare(const Node *node) {
  return node->arena && node->untracked;
}

/* The pool charges slots. The test then asks for sizes whose slots the oracle knows. */
bool chargesSlots(const Node *node) {
  return (node->untracked || node->bound) && !node->arena;
}

bool hasMarks(const Node *node) {
  return !node->shared && (!node->untracked || node->arena);
}

Node *someNode(void) {
  for (;;) {
    Node *node = &nodes[below(nodeMost)];
    if (node->live) return node;
  }
}

size_t depthOf(const Node *node) {
  size_t depth = 0;
  for (; node->parent != NULL; node = node->parent) depth++;
  return depth;
}

void removeItem(Node *node, size_t index) {
  node->count--;
  memmove(node->items + index, node->items + index + 1, (node->count - index) * sizeof node->items[0]);
}

size_t holds(const Node *node) {
  return larger(node->guaranteed, used(node));
}

size_t heldBy(const Node *node) {
  size_t held = 0;
  for (const Node *child = nodes; child < nodes + nodeMost; child++)
    if (child->live && child->parent == node) held += holds(child);
  return held;
}

size_t used(const Node *node) {
  size_t bytes = node->charged + heldBy(node);
  for (size_t i = 0; i < node->count; i++) bytes += node->items[i].charge;
  return bytes;
}

size_t room(const Node *node) {
  return node->poolSize - used(node);
}

/* The lowest pool that has no room if this pool uses so many bytes more; NULL if every pool has room. */
Node *limitingPool(Node *node, size_t bytes) {
  for (; node != NULL && bytes != 0; node = node->parent) {
    if (bytes > room(node)) return node;
    bytes = larger(node->guaranteed, used(node) + bytes) - holds(node);
  }
  return NULL;
}

size_t largest(Node *node) {
  size_t low = 0, high = node->poolSize;
  while (low < high) {
    size_t middle = high - (high - low) / 2;
    if (limitingPool(node, middle) == NULL) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}
