/* mallocEngine.c - an engine for a test: each chunk is a malloc of its own, and a table finds it.
 *
 * options.reservation, if it is not 0, is the most bytes of chunks that a heap has room for; what does not fit lies
 * outside. A header is kept when its heap closes, and serves a later one: a look at it tells a stale Pool. */
#include "mallocEngine.h"

#include <stdlib.h>
#include <string.h>

enum { buckets = 512, grain = 16 };

typedef struct Entry {
  struct Entry *next; /* in its bucket */
  char *ptr;
  size_t room;
  mema_Block block;
} Entry;

typedef struct MallocHeap {
  mema_Heap heap;
  struct MallocHeap *nextKept;
  size_t count, bytes, capacity, budget;
  bool records;
  Entry *table[buckets];
} MallocHeap;

static MallocHeap *kept;

static MallocHeap *of(const mema_Heap *heap) {
  return (MallocHeap *)(uintptr_t)heap;
}

static Entry **bucketOf(MallocHeap *heap, const void *ptr) {
  return &heap->table[((uintptr_t)ptr / grain ^ (uintptr_t)ptr >> 13) % buckets];
}

/* The link that leads to a chunk's entry, or to NULL. */
static Entry **linkTo(MallocHeap *heap, const void *ptr) {
  Entry **link = bucketOf(heap, ptr);
  while (*link != NULL && (*link)->ptr != ptr) link = &(*link)->next;
  return link;
}

static void describe(MallocHeap *heap, Entry *entry, mema_Chunk *chunk) {
  *chunk = (mema_Chunk){
      .ptr = entry->ptr, .room = entry->room, .record = heap->records ? &entry->block : NULL, .heap = &heap->heap};
}

/* ---- life -------------------------------------------------------------------------------------------------------------- */

static mema_Heap *openHeap(const mema_Options *options) {
  MallocHeap *heap = kept;
  if (heap == NULL) heap = calloc(1, sizeof *heap);
  if (heap == NULL) return NULL;
  if (heap == kept) kept = heap->nextKept;
  memset(&heap->heap, 0, sizeof heap->heap);
  heap->heap.ops = &mallocOps;
  heap->heap.mode = mema_modeGeneral;
  heap->heap.area = (char *)heap;
  heap->capacity = options->reservation != 0 ? options->reservation : MEMA_UNLIMITED;
  heap->budget = options->poolSize;
  heap->records = !options->untracked;
  return &heap->heap;
}

static void removeAt(MallocHeap *heap, Entry **link) {
  Entry *entry = *link;
  *link = entry->next;
  heap->count--;
  heap->bytes -= entry->room;
  free(entry->ptr);
  free(entry);
}

static void clearHeap(mema_Heap *heap) {
  for (size_t i = 0; i < buckets; i++)
    while (of(heap)->table[i] != NULL) removeAt(of(heap), &of(heap)->table[i]);
}

static void closeHeap(mema_Heap *heap) {
  clearHeap(heap);
  heap->generation = 0;
  of(heap)->nextKept = kept;
  kept = of(heap);
}

static size_t trim(mema_Heap *heap) {
  (void)heap;
  return 0;
}

static void setBudget(mema_Heap *heap, size_t bytes) {
  of(heap)->budget = bytes;
}

static void planOutside(const mema_Heap *heap, mema_OutsidePlan *plan) {
  plan->budget = of(heap)->budget;
  plan->records = true; /* a Block keeps the charge of an untracked chunk: see chargesBySize */
}

/* ---- chunks ------------------------------------------------------------------------------------------------------------ */

static size_t roomFor(const mema_Heap *heap, size_t size, size_t alignment) {
  (void)heap;
  (void)alignment;
  return mema_roundUp(size, grain);
}

static size_t largest(const mema_Heap *heap, size_t room) {
  (void)heap;
  return room / grain * grain;
}

static bool take(mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk) {
  MallocHeap *own = of(heap);
  size_t room = roomFor(heap, size, alignment);
  if (room > own->capacity - own->bytes) return false;
  Entry *entry = malloc(sizeof *entry);
  char *ptr = aligned_alloc(alignment < grain ? grain : alignment, mema_roundUp(room, alignment));
  if (entry == NULL || ptr == NULL) {
    free(entry);
    free(ptr);
    return false;
  }
  Entry **bucket = bucketOf(own, ptr);
  *entry = (Entry){.next = *bucket, .ptr = ptr, .room = room};
  *bucket = entry;
  own->count++;
  own->bytes += room;
  describe(own, entry, chunk);
  return true;
}

static bool find(mema_Heap *heap, const void *ptr, mema_Chunk *chunk) {
  Entry *entry = *linkTo(of(heap), ptr);
  if (entry != NULL) describe(of(heap), entry, chunk);
  return entry != NULL;
}

static void give(mema_Heap *heap, const mema_Chunk *chunk) {
  Entry **link = linkTo(of(heap), chunk->ptr);
  if (*link != NULL) removeAt(of(heap), link);
}

static bool stretch(mema_Heap *heap, mema_Chunk *chunk, size_t size) {
  return roomFor(heap, size, grain) == chunk->room;
}

/* ---- reports ----------------------------------------------------------------------------------------------------------- */

static size_t footprint(const mema_Heap *heap) {
  return sizeof(MallocHeap) + of(heap)->bytes + of(heap)->count * sizeof(Entry);
}

static size_t reservation(const mema_Heap *heap) {
  return of(heap)->capacity;
}

/* The chunks lie anywhere, so there is no map to draw. */
static size_t extent(const mema_Heap *heap) {
  (void)heap;
  return 0;
}

static bool walk(mema_Heap *heap, size_t offset, mema_Chunk *chunk) {
  Entry *next = NULL;
  size_t least = 0;
  for (size_t i = 0; i < buckets; i++)
    for (Entry *entry = of(heap)->table[i]; entry != NULL; entry = entry->next) {
      size_t at = (uintptr_t)entry->ptr - (uintptr_t)heap->area;
      if (at < offset || (next != NULL && at > least)) continue;
      next = entry;
      least = at;
    }
  if (next != NULL) describe(of(heap), next, chunk);
  return next != NULL;
}

static const char *check(const mema_Heap *heap, size_t *chunks, size_t *charged) {
  size_t count = 0, bytes = 0;
  for (size_t i = 0; i < buckets; i++)
    for (Entry *entry = of(heap)->table[i]; entry != NULL; entry = entry->next) {
      if (bucketOf(of(heap), entry->ptr) != &of(heap)->table[i]) return "an entry lies in the bucket of its chunk";
      count++;
      bytes += entry->room;
    }
  *chunks += count;
  *charged += bytes;
  return count == of(heap)->count && bytes == of(heap)->bytes ? NULL : "the table counts its chunks";
}

const mema_HeapOps mallocOps = {
    .kind.engine = (mema_Engine)3, /* the value of mema_Options.engine behind the library's own */
    .open = openHeap,
    .planOutside = planOutside,
    .take = take,
    .find = find,
    .give = give,
    .stretch = stretch,
    .room = roomFor,
    .largest = largest,
    .clear = clearHeap,
    .close = closeHeap,
    .trim = trim,
    .setBudget = setBudget,
    .footprint = footprint,
    .reservation = reservation,
    .extent = extent,
    .walk = walk,
    .check = check,
    .tablesShift = 5,
    .beside = sizeof(mema_Block) + 1,
    .noShared = mema_arenaIsShared, /* a real engine has faults of its own, in src/base/faults.h */
    .noHooks = mema_arenaHasHooks,
    .chargesBySize = true,
};
