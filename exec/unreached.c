/* unreached.c - see unreached.h. */
#include "unreached.h"

#include <stddef.h>

static bool claim(Unreached *entry) {
  uint32_t expected = UNREACHED_FREE;
  return atomic_load_explicit(&entry->state, memory_order_relaxed) == UNREACHED_FREE &&
         atomic_compare_exchange_strong_explicit(&entry->state, &expected, UNREACHED_WRITTEN, memory_order_acquire,
                                                 memory_order_relaxed);
}

Unreached *noteUnreached(UnreachedList *list, const Unreached *program, UnreachedState state) {
  for (uint32_t i = 0; i < UNREACHED_ENTRIES; i++) {
    Unreached *entry = &list->entries[i];
    if (!claim(entry)) continue;
    entry->pid = program->pid;
    entry->obstacle = program->obstacle;
    entry->interpreters = program->interpreters;
    for (uint32_t at = 0; at < UNREACHED_NAME_ROOM; at++) entry->name[at] = program->name[at];
    atomic_store_explicit(&entry->state, state, memory_order_release);
    return entry;
  }
  atomic_fetch_add_explicit(&list->beyond, 1, memory_order_relaxed);
  return NULL;
}

void withdrawUnreached(UnreachedList *list, Unreached *entry) {
  if (entry == NULL) {
    atomic_fetch_sub_explicit(&list->beyond, 1, memory_order_relaxed);
  } else {
    atomic_store_explicit(&entry->state, UNREACHED_FREE, memory_order_release);
  }
}
