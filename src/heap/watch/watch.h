/* watch.h - pools whose chunks a checker sees: the address sanitizer, memcheck, or any tool that watches malloc.
 *
 * A checker knows the memory of the C library's malloc, and nothing of a pool's chunks. A watched heap tells it, in
 * one of two ways:
 *
 *   in place   The chunks lie where the engine puts them. The heap tells the checker which bytes the program may use.
 *              Each chunk has a redzone, and a freed one is kept for a while before the engine gets it back.
 *   plain      Each chunk is a malloc of its own. The engine keeps a place for it as always, which nothing touches, so
 *              that the budget, the refusals and the figures are those of the engine.
 *
 * A heap in a caller's buffer is always watched the plain way, since redzones would take the buffer's room. A heap with
 * hooks is watched only if plain chunks are asked for, since its chunks have to lie in memory of the hooks; so is one
 * whose budget bounds memory.
 *
 * The heap of an engine becomes a watched one by another row of operations, and by a mode whose calls all take the
 * general path. So a heap that is not watched has no instruction for this. */
#ifndef MEMA_HEAP_WATCH_WATCH_H
#define MEMA_HEAP_WATCH_WATCH_H

#include "../heap.h"

/* The tools that check the process: bits. They are known once the first pool is made. */
enum {
  mema_checkedByAsan = 1,     /* the address sanitizer is in the process */
  mema_checkedByMemcheck = 2, /* the process runs under Valgrind's memcheck */
  mema_checkedPlain = 4,      /* MEMA_PLAIN or MEMA_LEAKS asks for plain chunks */
  mema_checkedLeaks = 8,      /* MEMA_LEAKS asks for chunks that are live at mema_freePool */
  mema_checkersUnknown = 16,
};
MEMA_HIDDEN extern unsigned mema_checkers; /* read and written as an atomic */

/* True if a pool with these options may be watched. False is certain. */
static inline bool mema_mayWatch(const mema_Options *options) {
  return mema_unlikely(__atomic_load_n(&mema_checkers, __ATOMIC_RELAXED) != 0 || options->plain || options->leakCheck);
}

/* Opens a heap of an engine, and watches it if the options or the process ask for that. NULL iff the system has no
 * room. */
MEMA_HIDDEN mema_Heap *mema_openWatched(const mema_HeapOps *engine, const mema_Options *options);

/* Writes the place where a Block's chunk was allocated, and returns the bytes of the text; 0: it is not known. It may be called at any
 * time, and in any thread. NULL as long as no pool notes places; the rooms above set it. */
MEMA_HIDDEN extern size_t (*mema_writeSite)(const mema_Block *block, char *text, size_t room);

/* Called before a heap's memory goes to a pool that is not watched, or back to the system: nothing of it is hidden any
 * more. */
MEMA_HIDDEN void mema_revealAll(const mema_Heap *heap);
static inline void mema_revealHeap(const mema_Heap *heap) {
  unsigned tools = __atomic_load_n(&mema_checkers, __ATOMIC_RELAXED) & (mema_checkedByAsan | mema_checkedByMemcheck);
  if (mema_unlikely(tools != 0) && heap->ops->touched != NULL) mema_revealAll(heap);
}

#endif
