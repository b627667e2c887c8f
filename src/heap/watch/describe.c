/* describe.c - which chunk a report of the address sanitizer is about. The sanitizer knows only that the bytes are hidden,
 * and no stack of the allocation. So it calls back, and a sentence of the chunk is added to its report.
 *
 * The sanitizer may call from any thread, and from a signal handler. Nothing here allocates or takes a lock. Another thread
 * may change or end a heap meanwhile: the sentence may then be wrong or missing, and at the worst the process ends by a
 * second fault. The report itself is complete by then. */
#include "watched.h"

enum { heapsMost = 256, nearby = 16, textSize = 512 };

extern void mema_asanOnReport(void (*call)(const char *report)) __asm__("__asan_set_error_report_callback")
    __attribute__((weak));
extern void *mema_asanReported(void) __asm__("__asan_get_report_address") __attribute__((weak));
extern void mema_asanPrint(const char *line) __asm__("__sanitizer_report_error_summary") __attribute__((weak));

size_t (*mema_writeSite)(const mema_Block *block, char *text, size_t room);

/* ---- the heaps ----------------------------------------------------------------------------------------------------------- */

/* Heaps that are watched in place. One that finds no entry is described by no sentence. */
static mema_Heap *heaps[heapsMost];

static bool replace(mema_Heap *before, mema_Heap *after) {
  size_t home = (size_t)((uintptr_t)(before != NULL ? before : after) / 4096);
  for (size_t i = 0; i < heapsMost; i++) {
    mema_Heap *expected = before;
    if (__atomic_compare_exchange_n(&heaps[(home + i) % heapsMost], &expected, after, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED))
      return true;
  }
  return false;
}

void mema_enlistHeap(mema_Heap *heap) {
  if (mema_asanOnReport != NULL) (void)replace(NULL, heap);
}

void mema_delistHeap(mema_Heap *heap) {
  if (mema_asanOnReport != NULL) (void)replace(heap, NULL);
}

static bool holds(const mema_Heap *heap, const char *at) {
  uintptr_t start = (uintptr_t)heap->area - nearby;
  return (uintptr_t)at - start < mema_engineBehind(heap)->reservation(heap) + nearby;
}

/* Returns the heap whose memory an address lies in, or just in front of. NULL: there is none. */
static mema_Heap *heapAt(const char *at) {
  for (size_t i = 0; i < heapsMost; i++)
    for (mema_Heap *heap = __atomic_load_n(&heaps[i], __ATOMIC_ACQUIRE); heap != NULL; heap = heap->next)
      if (holds(heap, at)) return heap;
  return NULL;
}

/* ---- the chunk ----------------------------------------------------------------------------------------------------------- */

typedef struct Seen {
  const char *ptr; /* NULL: there is no chunk */
  const mema_Heap *heap;
  const mema_Block *block;
  size_t size, room;
  bool kept; /* it was freed */
} Seen;

static bool see(const mema_Heap *heap, const mema_Chunk *place, Seen *seen) {
  const mema_Block *block = place->record;
  bool kept = block->ptr == NULL;
  if (kept && (const void *)block->prev != place->ptr) return false; /* the guard */
  *seen = (Seen){.ptr = place->ptr, .heap = heap, .block = block, .room = place->room, .kept = kept};
  seen->size = !kept && mema_watchOf(heap)->untracked ? (size_t)(uintptr_t)block->prev : block->size;
  return true;
}

/* The last chunk that begins at or before an address. */
static Seen chunkBefore(mema_Heap *heap, const char *at) {
  mema_Chunk place;
  Seen seen = {.ptr = NULL};
  if (at < heap->area) return seen;
  for (size_t offset = (size_t)(at - heap->area) & ~(size_t)(MEMA_ALIGNMENT - 1);; offset -= MEMA_ALIGNMENT) {
    if (mema_engineBehind(heap)->find(heap, heap->area + offset, &place)) {
      (void)see(heap, &place, &seen);
      return seen;
    }
    if (offset == 0) return seen;
  }
}

/* The first chunk that begins behind an address. */
static Seen chunkBehind(mema_Heap *heap, const char *at) {
  mema_Chunk place;
  Seen seen = {.ptr = NULL};
  size_t offset = at < heap->area ? 0 : (size_t)(at - heap->area) + 1;
  if (mema_engineBehind(heap)->walk(heap, offset, &place)) (void)see(heap, &place, &seen);
  return seen;
}

/* ---- the sentence -------------------------------------------------------------------------------------------------------- */

typedef struct Text {
  char bytes[textSize];
  size_t length;
} Text;

static void put(Text *text, const char *more) {
  while (*more != '\0' && text->length < textSize - 1) text->bytes[text->length++] = *more++;
  text->bytes[text->length] = '\0';
}

static void putNumber(Text *text, size_t number, unsigned base) {
  char digits[3 * sizeof number + 1], *at = digits + sizeof digits - 1;
  *at = '\0';
  do {
    *--at = "0123456789abcdef"[number % base];
    number /= base;
  } while (number != 0);
  put(text, at);
}

static void putAddress(Text *text, const void *at) {
  put(text, "0x");
  putNumber(text, (uintptr_t)at, 16);
}

static void putCount(Text *text, size_t count) {
  putNumber(text, count, 10);
  put(text, count == 1 ? " byte" : " bytes");
}

static void putChunk(Text *text, const Seen *seen, size_t distance, const char *side) {
  size_t (*write)(const mema_Block *, char *, size_t) = __atomic_load_n(&mema_writeSite, __ATOMIC_ACQUIRE);
  putCount(text, distance);
  put(text, side);
  put(text, seen->kept ? " a freed chunk of " : " a chunk of ");
  putCount(text, seen->size);
  put(text, " at ");
  putAddress(text, seen->ptr);
  char site[textSize / 2];
  if (!mema_watchOf(seen->heap)->sites || write == NULL || write(seen->block, site, sizeof site) == 0) return;
  put(text, ", allocated in ");
  put(text, site);
}

/* Of two neighbours that an address lies between, the nearer one is meant. */
static void putPlace(Text *text, mema_Heap *heap, const char *at) {
  Seen before = chunkBefore(heap, at), behind = chunkBehind(heap, at);
  size_t inside = before.ptr != NULL ? (size_t)(at - before.ptr) : 0,
         left = behind.ptr != NULL ? (size_t)(behind.ptr - at) : 0;
  bool within = before.ptr != NULL && inside < before.size, beside = before.ptr != NULL && !within && inside < before.room;
  if (within) {
    putChunk(text, &before, inside, " inside");
  } else if (left != 0 && left <= nearby && (!beside || left < inside - before.size)) {
    putChunk(text, &behind, left, " before");
  } else if (beside) {
    putChunk(text, &before, inside - before.size, " behind");
  } else {
    put(text, "in memory that no chunk has now");
  }
}

static void putPool(Text *text, const mema_Heap *heap) {
  const mema_Watch *watch = mema_watchOf(heap);
  put(text, ". Pool: ");
  if (watch->name[0] != '\0') {
    put(text, watch->name);
    put(text, ", ");
  }
  put(text, "memory at ");
  putAddress(text, watch->first->area);
}

static void describe(const char *report) {
  (void)report;
  const char *at = mema_asanReported();
  mema_Heap *heap = heapAt(at);
  if (heap == NULL) return;
  Text text = {.length = 0};
  put(&text, "mema: ");
  putAddress(&text, at);
  put(&text, " is ");
  putPlace(&text, heap, at);
  putPool(&text, heap);
  mema_asanPrint(text.bytes);
}

/* A program that sets a callback of its own, in main or later, has that one. */
__attribute__((constructor)) static void expectReports(void) {
  if (mema_asanOnReport != NULL && mema_asanReported != NULL && mema_asanPrint != NULL) mema_asanOnReport(describe);
}
