/* Large heaps, in which slots freed lately wait in magazines. The promises of a pool hold there, too. */
#include "places.h"
#include "unit.h"

#include <sys/mman.h>
#include <unistd.h>

enum {
  budget = 64 * 1024 * 1024,
  stride = 512 * 1024, /* no span is so long: chunks so far apart lie in different ones */
  waiting = 32,        /* the most slots that a magazine holds */
  survivors = 4,
  spanSlots = 4096, /* the most slots of a span */
};

/* A reservation that is soon full: most chunks lie outside it, in slabs with magazines of their own. */
static Kind kindCramped = {"cramped", {.reservation = 4 * 1024 * 1024}};
static Kind kindUntrackedCramped = {"untracked, cramped", {.untracked = true, .reservation = 4 * 1024 * 1024}};

#define largeKinds(test)                                                                   \
  withKind(test, kindTracked), withKind(test, kindUntracked), withKind(test, kindCramped), \
      withKind(test, kindUntrackedCramped), withKind(test, kindCommitted)

/* The bytes of chunks: well above the 64 units from which on magazines are used. Pools that a checker sees have no magazines, and memcheck
 * is slow. */
static size_t heapBytes(void) {
  return underMemcheck() ? MIB : 12 * MIB;
}

/* Chunks of one size. */
typedef struct Heap {
  Pool *pool;
  size_t size, count, room;
  unsigned char **chunks;
} Heap;

static void take(Heap *heap, size_t count) {
  if (heap->count + count > heap->room) {
    heap->room = heap->count + count;
    heap->chunks = realloc(heap->chunks, heap->room * sizeof *heap->chunks);
  }
  for (size_t i = 0; i < count; i++) {
    unsigned char *chunk = palloc(heap->pool, heap->size);
    if (chunk == NULL) {
      fail_msg("%zu bytes: %s", heap->size, mema_lastError()->sentence);
    } else {
      memset(chunk, 0, heap->size);
      heap->chunks[heap->count++] = chunk;
    }
  }
}

static Heap makeHeap(Pool *pool, size_t size, size_t bytes) {
  Heap heap = {.pool = pool, .size = size};
  take(&heap, bytes / size);
  return heap;
}

static int byAddress(const void *a, const void *b) {
  uintptr_t x = addressOf(*(void *const *)a), y = addressOf(*(void *const *)b);
  return (x > y) - (x < y);
}

static void sortChunks(void *chunks, size_t count) {
  qsort(chunks, count, sizeof(void *), byAddress);
}

/* No two chunks share a byte: each keeps what was written to it after all were handed out. */
static void assertApart(const Heap *heap) {
  for (size_t i = 0; i < heap->count; i++) fillBytes(heap->chunks[i], heap->size, (unsigned)i);
  for (size_t i = 0; i < heap->count; i++)
    if (!bytesFilled(heap->chunks[i], heap->size, (unsigned)i)) fail_msg("chunk %zu shares its bytes", i);
}

static void assertHeap(const Heap *heap) {
  size_t charge = heap->count != 0 ? mema_chunkSize(heap->pool, heap->chunks[0]) : 0;
  assertPool(heap->pool, heap->count * charge, heap->count);
}

/* Frees every `step`-th chunk from the first on; returns them, and their number. */
static unsigned char **thin(Heap *heap, size_t step, size_t *count) {
  unsigned char **freed = malloc((heap->count / step + 1) * sizeof *freed);
  size_t kept = 0;
  *count = 0;
  for (size_t i = 0; i < heap->count; i++) {
    unsigned char *chunk = heap->chunks[i];
    if (i % step == 0) {
      assert_true(pfree(heap->pool, chunk));
      freed[(*count)++] = chunk;
    } else {
      heap->chunks[kept++] = chunk;
    }
  }
  heap->count = kept;
  return freed;
}

static void freeHeap(Heap *heap) {
  for (size_t i = 0; i < heap->count; i++) assert_true(pfree(heap->pool, heap->chunks[i]));
  heap->count = 0;
}

/* Puts one chunk of each stride first; returns their number. */
static size_t onePerStrideFirst(Heap *heap) {
  size_t first = 0;
  uintptr_t last = UINTPTR_MAX;
  sortChunks(heap->chunks, heap->count);
  for (size_t i = 0; i < heap->count; i++) {
    unsigned char *chunk = heap->chunks[i];
    if (addressOf(chunk) / stride == last) continue;
    last = addressOf(chunk) / stride;
    heap->chunks[i] = heap->chunks[first];
    heap->chunks[first++] = chunk;
  }
  return first;
}

/* A slot in a magazine is free: a second free of it is refused, and it is handed out once. */
static void doubleFreesAreRefused(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, budget));
  Heap heap = makeHeap(&pool, 48, heapBytes());
  size_t count;
  unsigned char **freed = thin(&heap, heap.count / 50, &count);
  assert_true(count > waiting); /* some wait, others found their magazine full */
  for (size_t i = 0; i < count; i++) {
    assertRefused(&pool, pfree(&pool, freed[i]), MEMA_BAD_POINTER);
    assertRefused(&pool, mema_repalloc(&pool, freed[i], 60), MEMA_BAD_POINTER);
    assertRefused(&pool, pfree(&pool, hidePointer(freed[i] + 16)), MEMA_BAD_POINTER);
    assert_false(mema_ownsChunk(&pool, freed[i]));
  }
  take(&heap, 2 * count);
  assertApart(&heap);
  assertHeap(&heap);
  free(freed);
  free(heap.chunks);
  assert_true(freePool(&pool));
}

static bool isAmong(void *const *sorted, size_t count, const void *chunk) {
  return bsearch(&chunk, sorted, count, sizeof *sorted, byAddress) != NULL;
}

/* Freed slots serve again, all of them, before more memory is taken. */
static void everyFreeSlotServesAgain(void **state) {
  static const size_t sizes[] = {16, 48, 1000, 5000, 9000, 30000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Pool pool;
    assert_true(makePool(&pool, *state, budget));
    Heap heap = makeHeap(&pool, sizes[i], heapBytes());
    mema_Stats before, after;
    assert_true(mema_poolStats(&pool, &before));
    size_t count, remainder = stride / sizes[i] < spanSlots ? stride / sizes[i] : spanSlots;
    unsigned char **freed = thin(&heap, 3, &count);
    take(&heap, count + remainder); /* the rest of the youngest span is handed out first */
    assertApart(&heap);
    assertHeap(&heap);
    sortChunks(heap.chunks, heap.count);
    for (size_t j = 0; j < count; j++)
      if (!isAmong((void *const *)heap.chunks, heap.count, freed[j])) fail_msg("a slot of %zu bytes is lost", sizes[i]);
    assert_true(mema_poolStats(&pool, &after));
    assert_true(after.footprint <= before.footprint + 3 * MIB); /* a span, its records, a huge page */
    free(freed);
    freeHeap(&heap);
    assertPool(&pool, 0, 0);
    free(heap.chunks);
    assert_true(freePool(&pool));
  }
}

static bool isResident(const void *chunk) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  unsigned char resident = 0;
  return mincore(hidePointer((void *)(addressOf(chunk) & ~(page - 1))), page, &resident) == 0 && (resident & 1) != 0;
}

/* Empties all spans but a few so that the last slot of many finds room in the magazine. Those chunks of different spans that live on
 * come first, then the last slots; returns the number of both. */
static size_t emptyIntoMagazine(Heap *heap) {
  size_t last = onePerStrideFirst(heap);
  if (last > waiting) last = waiting;
  sortChunks(heap->chunks + last, heap->count - last);
  for (size_t i = last; i < heap->count; i++) assert_true(pfree(heap->pool, heap->chunks[i]));
  heap->count = last;
  take(heap, waiting);
  for (size_t i = survivors; i < heap->count; i++) assert_true(pfree(heap->pool, heap->chunks[i]));
  heap->count = survivors;
  return last;
}

/* Spans whose last slots wait in magazines are empty. A trim gives back their pages, although spans in use were listed before them. */
static void aTrimGivesBackEmptySpans(void **state) {
  static const size_t sizes[] = {100, 1000, 8000, 30000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Pool pool;
    assert_true(makePool(&pool, *state, budget));
    Heap heap = makeHeap(&pool, sizes[i], heapBytes());
    size_t last = emptyIntoMagazine(&heap), resident = 0;
    assertHeap(&heap);
    assert_true(isResident(heap.chunks[survivors]));
    assert_true(mema_trimPool(&pool) > 0);
    assertHeap(&heap);
    for (size_t j = survivors; j < last; j++) resident += isResident(heap.chunks[j]);
    assert_int_equal(resident, 0);
    assert_int_equal(mema_trimPool(&pool), 0);
    take(&heap, heapBytes() / sizes[i]);
    assertApart(&heap);
    assertHeap(&heap);
    free(heap.chunks);
    assert_true(freePool(&pool));
  }
}

/* A span that becomes empty stays where its class has no other, and all of it serves again: its last word too, whose slots, fewer
 * than a magazine holds, waited there and nowhere else. */
static void theOnlySpanStaysWhole(void **state) {
  enum { spanBytes = 64 * 1024, slots = spanBytes / 48 };
  Pool pool;
  assert_true(makePool(&pool, *state, budget));
  Heap others = makeHeap(&pool, 2000, heapBytes()), heap = {.pool = &pool, .size = 48};
  take(&heap, (size_t)2 * slots + (size_t)9 * waiting); /* the magazine is empty now */
  sortChunks(heap.chunks, heap.count);
  unsigned char *first = heap.chunks[0];
  assert_true(addressOf(heap.chunks[slots - 1]) < addressOf(first) + spanBytes);
  for (size_t i = slots; i-- > 0;) assert_true(pfree(&pool, heap.chunks[i]));
  assert_true(mema_checkPool(&pool));
  heap.count -= slots;
  memmove(heap.chunks, heap.chunks + slots, heap.count * sizeof *heap.chunks);
  take(&heap, (size_t)2 * slots);
  assertApart(&heap);
  sortChunks(heap.chunks, heap.count);
  for (size_t i = 0; i < slots; i++) assert_ptr_equal(heap.chunks[i], first + i * 48);
  freeHeap(&heap);
  assertHeap(&others);
  free(heap.chunks);
  free(others.chunks);
  assert_true(freePool(&pool));
}

static void assertAllRefused(Pool *pool, unsigned char *const *chunks, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (pfree(pool, chunks[i])) fail_msg("chunk %zu of an earlier life was freed", i);
}

/* A slot that waited in a magazine is an ordinary free slot in the pool's next life, and in the next pool in its memory. */
static void magazinesAreEmptyInTheNextLife(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, budget));
  for (int life = 0; life < 6; life++) {
    Heap heap = makeHeap(&pool, 80, heapBytes());
    size_t count;
    unsigned char **freed = thin(&heap, heap.count / 200, &count);
    if (life % 2 == 0) {
      assert_true(mema_resetPool(&pool));
    } else {
      assert_true(freePool(&pool));
      assert_true(makePool(&pool, *state, budget));
    }
    assertPool(&pool, 0, 0);
    assertAllRefused(&pool, heap.chunks, heap.count);
    assertAllRefused(&pool, freed, count);
    heap.count = 0;
    take(&heap, 3000); /* a small heap again: words serve, not magazines */
    assertApart(&heap);
    assertHeap(&heap);
    freeHeap(&heap);
    free(freed);
    free(heap.chunks);
  }
  assert_true(freePool(&pool));
}

/* To the last byte, and its peak too. */
static void theBudgetIsExact(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, heapBytes()));
  Heap heap = makeHeap(&pool, 48, heapBytes() - 4800);
  assert_int_equal(pool.freeSize, heapBytes() - heap.count * 48);
  for (int round = 0; round < 3; round++) {
    take(&heap, pool.freeSize / 48);
    size_t rest = pool.freeSize;
    assert_true(rest < 48);
    assertRefused(&pool, palloc(&pool, hideSize(rest + 1)), MEMA_OVER_BUDGET);
    void *last = rest != 0 ? palloc(&pool, rest) : NULL;
    assert_int_equal(pool.freeSize, 0);
    mema_Stats stats;
    assert_true(mema_poolStats(&pool, &stats));
    assert_int_equal(stats.peakBytes, heapBytes());
    assertRefused(&pool, palloc(&pool, hideSize(1)), MEMA_OVER_BUDGET);
    if (rest != 0) assert_true(pfree(&pool, last));
    size_t count;
    free(thin(&heap, 5, &count));
    assert_int_equal(pool.freeSize, rest + count * 48);
  }
  assertHeap(&heap);
  free(heap.chunks);
  assert_true(freePool(&pool));
}

/* A span that is given back takes its slots out of the magazine: its units may be a span of another class soon. */
static void aReturnedSpanServesAnotherClass(void **state) {
  Pool pool;
  assert_true(makePool(&pool, *state, budget));
  Heap small = makeHeap(&pool, 64, heapBytes()), large = {.pool = &pool, .size = 1000};
  onePerStrideFirst(&small);
  freeHeap(&small); /* the magazine is full of slots of as many spans when those become empty */
  assertPool(&pool, 0, 0);
  take(&large, heapBytes() / 1000);
  small.count = 0;
  take(&small, 10000);
  assertApart(&small);
  for (size_t i = 0; i < large.count; i++) assert_true(bytesZero(large.chunks[i], 1000));
  assert_true(mema_checkPool(&pool));
  onePerStrideFirst(&large);
  freeHeap(&large);
  assertHeap(&small);
  take(&small, heapBytes() / 64);
  assertApart(&small);
  assertHeap(&small);
  free(small.chunks);
  free(large.chunks);
  assert_true(freePool(&pool));
}

/* The neighbours in the chain of the chunk at hand, as addresses. */
static void *olderThan(const Pool *pool, const void *chunk) {
  for (const Block *block = pool->tail; block != NULL; block = block->prev)
    if (block->ptr == chunk) return block->prev != NULL ? block->prev->ptr : NULL;
  return NULL;
}

/* A chunk that outgrows its slot goes to a slot of another magazine, with its bytes, its charge and its place in the chain. */
static void growingChunksLeaveTheirSlots(void **state) {
  const Kind *kind = *state;
  enum { count = 40, largest = 3000 };
  Pool pool;
  assert_true(makePool(&pool, kind, budget));
  Heap heap = makeHeap(&pool, 48, heapBytes());
  size_t heapCharge = pool.poolSize - pool.freeSize;
  unsigned char *grown[count];
  for (unsigned i = 0; i < count; i++) assert_non_null(grown[i] = palloc(&pool, 10));
  for (size_t size = 10, next; size < largest; size = next) {
    next = size * 5 / 4 + 1;
    void *cached = palloc(&pool, next); /* a slot is at hand, most of the time */
    assert_true(pfree(&pool, cached));
    for (unsigned i = 0; i < count; i++) {
      mema_Stats before, after;
      fillBytes(grown[i], size, i);
      assert_true(mema_poolStats(&pool, &before));
      size_t charge = mema_chunkSize(&pool, grown[i]);
      unsigned char *was = grown[i];
      assertWorks(grown[i] = mema_repalloc(&pool, grown[i], next));
      assert_true(bytesFilled(grown[i], size, i));
      assert_true(mema_poolStats(&pool, &after));
      assert_int_equal(after.liveBytes - before.liveBytes, mema_chunkSize(&pool, grown[i]) - charge);
      assert_int_equal(after.liveChunks, before.liveChunks);
      assert_int_equal(after.allocations - before.allocations, !samePlace(was, grown[i]));
      if (!samePlace(was, grown[i])) assert_false(mema_ownsChunk(&pool, was));
      if (!kind->options.untracked && i > 0) assert_ptr_equal(olderThan(&pool, grown[i]), grown[i - 1]);
    }
    assert_true(mema_checkPool(&pool));
  }
  for (unsigned i = 0; i < count; i++) assert_true(pfree(&pool, grown[i]));
  assertPool(&pool, heapCharge, heap.count);
  free(heap.chunks);
  assert_true(freePool(&pool));
}

/* When magazines come into use, the free slots that words had at hand are not lost, and live chunks live on. */
static void magazinesComeIntoUseAmidLiveChunks(void **state) {
  static const size_t sizes[] = {16, 48, 100, 200, 400, 700, 1000};
  enum { classes = sizeof sizes / sizeof *sizes, each = 3 };
  Pool pool;
  unsigned char *chunks[classes][each];
  assert_true(makePool(&pool, *state, budget));
  for (unsigned i = 0; i < classes; i++)
    for (unsigned j = 0; j < each; j++) {
      assert_non_null(chunks[i][j] = palloc(&pool, sizes[i]));
      fillBytes(chunks[i][j], sizes[i], i * each + j);
    }
  Heap heap = makeHeap(&pool, 2000, heapBytes());
  assertApart(&heap);
  assert_true(mema_checkPool(&pool));
  for (unsigned i = 0; i < classes; i++) {
    char *next = palloc(&pool, sizes[i]); /* from the span that has three chunks so far */
    size_t away = addressOf(next) - addressOf(chunks[i][0]);
    if (away >= 64 * sizes[i]) fail_msg("slots of %zu bytes were left behind", sizes[i]);
    assert_true(pfree(&pool, next));
    for (unsigned j = 0; j < each; j++) {
      assert_true(bytesFilled(chunks[i][j], sizes[i], i * each + j));
      assert_true(pfree(&pool, chunks[i][j]));
      assertRefused(&pool, pfree(&pool, chunks[i][j]), MEMA_BAD_POINTER);
    }
  }
  assertHeap(&heap);
  free(heap.chunks);
  assert_true(freePool(&pool));
}

/* ---- when ------------------------------------------------------------------------------------------------------------------ */

static size_t randomSize(uint64_t *random) {
  return 16 + nextRandom(random) % 481;
}

/* Of how many of a hundred chunks, freed at random, the next of that size gets the slot: where slots freed lately are kept all, else few. */
static unsigned slotsGotBack(Pool *pool, void **chunks, size_t count, uint64_t *random) {
  unsigned same = 0;
  for (int i = 0; i < 100; i++) {
    size_t k = nextRandom(random) % count, size = mema_chunkSize(pool, chunks[k]);
    void *before = chunks[k];
    assert_true(pfree(pool, before));
    assert_non_null(chunks[k] = palloc(pool, size));
    same += samePlace(chunks[k], before);
  }
  return same;
}

/* A heap of 5 MiB is smaller than the heaps that always have magazines. The order of its frees decides whether it has them. */
static void theOrderOfFreesBringsMagazinesIntoUse(void **state) {
  const Kind *kind = *state;
  enum { count = 20000, batch = 2000 };
  static void *chunks[count];
  uint64_t random = 1;
  Pool pool;
  assert_true(makePool(&pool, kind, budget));
  for (size_t i = 0; i < count; i++) assert_non_null(chunks[i] = palloc(&pool, randomSize(&random)));
  assert_in_range(slotsGotBack(&pool, chunks, count, &random), 0, 20);
  for (int times = 0; times < 3; times++) {
    for (int i = 0; i < 100000; i++) { /* replaced one by one */
      size_t k = nextRandom(&random) % count;
      assert_true(pfree(&pool, chunks[k]));
      assert_non_null(chunks[k] = palloc(&pool, randomSize(&random)));
    }
    assert_in_range(slotsGotBack(&pool, chunks, count, &random), 90, 100);
    assert_true(mema_checkPool(&pool));
    for (int i = 0; i < 100; i++) { /* a tenth of them by the batch, of one size */
      for (size_t k = 0; k < batch; k++) assert_true(pfree(&pool, chunks[k]));
      for (size_t k = 0; k < batch; k++) assert_non_null(chunks[k] = palloc(&pool, 64));
    }
    assert_in_range(slotsGotBack(&pool, chunks + batch, count - batch, &random), 0, 20);
    assert_true(mema_checkPool(&pool));
  }
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      largeKinds(doubleFreesAreRefused),
      largeKinds(everyFreeSlotServesAgain),
      withKind(theOrderOfFreesBringsMagazinesIntoUse, kindTracked),
      withKind(theOrderOfFreesBringsMagazinesIntoUse, kindUntracked),
      withKind(aTrimGivesBackEmptySpans, kindTracked),
      withKind(aTrimGivesBackEmptySpans, kindUntracked),
      withKind(theOnlySpanStaysWhole, kindTracked),
      withKind(theOnlySpanStaysWhole, kindUntracked),
      largeKinds(magazinesAreEmptyInTheNextLife),
      withKind(theBudgetIsExact, kindTracked),
      withKind(theBudgetIsExact, kindUntracked),
      withKind(theBudgetIsExact, kindCramped),
      largeKinds(aReturnedSpanServesAnotherClass),
      largeKinds(growingChunksLeaveTheirSlots),
      largeKinds(magazinesComeIntoUseAmidLiveChunks),
  };
  return runTests(tests);
}
