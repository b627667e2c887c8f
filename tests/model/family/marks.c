/* Marks and clean-ups: made, gone back to, kept beyond, added and cancelled. */
#include "tree.h"

/* Makes a mark between two allocations, so that each mark has a moment of its own. At most `validMarks` are valid at once: the library recognises
 * every expired mark as long as there are no more. */
void markSome(void) {
  Node *node = someNode();
  size_t valid = 0;
  for (const Mark *mark = node->marks; mark < node->marks + markMost; mark++) valid += mark->valid;
  if (!hasMarks(node)) {
    REFUSES(mema_markPool(&node->pool).serial != 0, MEMA_BAD_ARGUMENT);
    return;
  }
  if (valid == validMarks || node->count > itemMost - 5 || !allocateIn(node, 1)) return;
  compareAll();
  Mark *mark;
  do mark = &node->marks[below(markMost)];
  while (mark->valid);
  *mark = (Mark){.value = mema_markPool(&node->pool), .made = ++run.now};
  MUST(mark->value.serial != 0);
  mark->valid = allocateIn(node, 1);
  if (!mark->valid) mark->value.life = 0;
}

void rewindSome(void) {
  Node *node = someNode(), *other = someNode();
  const Mark *mark = &node->marks[below(markMost)];
  for (size_t i = 0; !mark->valid && i < markMost / 2; i++) mark = &node->marks[below(markMost)]; /* most have expired */
  if (mark->value.life == 0 || !hasMarks(node)) return;
  if (other != node) REFUSES(mema_rewindPool(&other->pool, mark->value), MEMA_STALE_MARK);
  if (!mark->valid) {
    REFUSES(mema_rewindPool(&node->pool, mark->value), MEMA_STALE_MARK);
    return;
  }
  endIn(node, mark->made);
  MUST(mema_rewindPool(&node->pool, mark->value));
}

void keepSome(void) {
  Node *node = someNode();
  const Mark *mark = &node->marks[below(markMost)];
  if (mark->value.life == 0 || node->count == 0) return;
  size_t index = below(node->count), place = 0;
  Item item = node->items[index];
  if (!mark->valid) {
    REFUSES(mema_keepChunk(&node->pool, mark->value, item.ptr), MEMA_STALE_MARK);
    return;
  }
  if (node->untracked) {
    REFUSES(mema_keepChunk(&node->pool, mark->value, item.ptr), MEMA_BAD_ARGUMENT);
    return;
  }
  REFUSES(mema_keepChunk(&node->pool, mark->value, item.ptr + 1), MEMA_BAD_POINTER);
  MUST(mema_keepChunk(&node->pool, mark->value, item.ptr));
  if (item.made <= mark->made) return;
  while (node->items[place].made <= mark->made) place++;
  memmove(node->items + place + 1, node->items + place, (index - place) * sizeof item);
  item.made = mark->made;
  node->items[place] = item;
}

void changeCleanUps(void) {
  Node *node = someNode();
  CleanUp *cleanUp = &cleanUps[below(cleanUpMost)];
  mema_CleanupTime when = below(2) == 0 ? MEMA_AFTER_SUB_POOLS : MEMA_BEFORE_SUB_POOLS;
  if (cleanUp->node != NULL) {
    REFUSES(mema_addCleanup(&node->pool, &cleanUp->record, onCleanup, cleanUp, when), MEMA_BAD_ARGUMENT);
    if (node != cleanUp->node) REFUSES(mema_cancelCleanup(&node->pool, &cleanUp->record), MEMA_BAD_ARGUMENT);
    if (below(2) == 0) return;
    MUST(mema_cancelCleanup(&cleanUp->node->pool, &cleanUp->record));
    cleanUp->node = NULL;
  } else if (node->shared) {
    REFUSES(mema_addCleanup(&node->pool, &cleanUp->record, onCleanup, cleanUp, when), MEMA_BAD_ARGUMENT);
  } else {
    MUST(mema_addCleanup(&node->pool, &cleanUp->record, onCleanup, cleanUp, when));
    cleanUp->node = node;
    cleanUp->when = when;
    cleanUp->made = ++run.now;
  }
}
