/* workSizes.c - other calls and other sizes: growth, large chunks, zeroed and aligned ones, a budget filled. */
#define _GNU_SOURCE
#include "workSizes.h"

#include "workTools.h"

/* ---- growth ------------------------------------------------------------------------------------------------------- */

/* All growths are alike, so the slow need not be watched for as many of them: half a second is enough. */
enum { GROWN = 16 << 20 };
static const double growthNs = 5e8;

static void *grow(const Peer *p, void *ptr, size_t from, size_t to) {
  ptr = resize(p, ptr, to);
  touched(ptr);
  touchPages(ptr, from, to);
  ((volatile char *)ptr)[to - 1] = 1;
  return ptr;
}

/* A buffer as programs grow theirs: by half, and by a little now and then. */
static void growBuffer(const Peer *p) {
  size_t size = 16;
  void *ptr = allocTouched(p, size);
  while (size < GROWN) {
    for (int i = 0; i < 3; i++) {
      size_t little = size + 1 + size / 64;
      ptr = grow(p, ptr, size, little);
      size = little;
    }
    size_t half = size + size / 2 < GROWN ? size + size / 2 : GROWN;
    if (half > size) ptr = grow(p, ptr, size, half);
    size = half > size ? half : size;
  }
  give(p, ptr);
}

static double timeGrowth(const Peer *p, size_t n, double most) {
  double start = now();
  size_t done = 0;
  while (done < n && now() - start < most) {
    growBuffer(p);
    done++;
  }
  return (now() - start) / (double)done / 1e3;
}

void growth(const Peer *p, size_t n, double *results) {
  timeGrowth(p, n, growthNs / 4);
  results[0] = timeGrowth(p, n, growthNs);
}

/* ---- large chunks ------------------------------------------------------------------------------------------------- */

enum { LARGE_LIVE = 16 };

/* 64 KiB to 8 MiB, as many of each magnitude. */
static size_t largeSize(void) {
  size_t least = (size_t)65536 << randomBelow(7);
  return randomSize(least, 2 * least);
}

static void replaceLarge(const Peer *p, void **chunks, size_t times) {
  for (size_t i = 0; i < times; i++) {
    size_t k = randomBelow(LARGE_LIVE);
    size_t size = largeSize();
    if (chunks[k] != NULL) give(p, chunks[k]);
    chunks[k] = take(p, size);
    touchPages(chunks[k], 0, size);
  }
}

void largeChunks(const Peer *p, size_t n, double *results) {
  void *chunks[LARGE_LIVE] = {0};
  replaceLarge(p, chunks, n); /* a heap has taken its shape when every chunk was replaced many times */
  double start = now();
  replaceLarge(p, chunks, n);
  results[0] = (now() - start) / (double)n / 1e3;
  for (int i = 0; i < LARGE_LIVE; i++) {
    if (chunks[i] != NULL) give(p, chunks[i]);
  }
}

/* ---- zeroed and aligned chunks ------------------------------------------------------------------------------------ */

enum { BATCH = 1000 };

typedef struct {
  void *chunks[BATCH];
  size_t sizes[BATCH], alignments[BATCH];
} SizedBatch;

static SizedBatch batch;

static double timeZeroed(const Peer *p, size_t passes) {
  double start = now();
  for (size_t pass = 0; pass < passes; pass++) {
    for (size_t i = 0; i < BATCH; i++) {
      batch.chunks[i] = touched(takeZeroed(p, 1, batch.sizes[i]));
      ((volatile char *)batch.chunks[i])[batch.sizes[i] - 1] = 1;
    }
    freeAll(p, batch.chunks, BATCH);
  }
  return (now() - start) / (double)(BATCH * passes);
}

void zeroedBatch(const Peer *p, size_t n, double *results) {
  for (size_t i = 0; i < BATCH; i++) batch.sizes[i] = randomSize(16, 4096);
  timeZeroed(p, n / 4);
  results[0] = timeZeroed(p, n);
}

static double timeAligned(const Peer *p, size_t passes) {
  double start = now();
  for (size_t pass = 0; pass < passes; pass++) {
    for (size_t i = 0; i < BATCH; i++) batch.chunks[i] = touched(takeAligned(p, batch.alignments[i], batch.sizes[i]));
    freeAll(p, batch.chunks, BATCH);
  }
  return (now() - start) / (double)(BATCH * passes);
}

void alignedBatch(const Peer *p, size_t n, double *results) {
  for (size_t i = 0; i < BATCH; i++) {
    batch.alignments[i] = (size_t)64 << randomBelow(7);
    batch.sizes[i] = randomSize(16, 2048);
  }
  timeAligned(p, n / 4);
  results[0] = timeAligned(p, n);
}

/* ---- a budget filled ---------------------------------------------------------------------------------------------- */

enum { FILL_BUDGET = 16 << 20, FILL_LEAST = 16, FILL_MOST = 2048, FILL_CHUNKS = FILL_BUDGET / FILL_LEAST };

/* A pool refuses by itself; for the others the loop keeps the budget. */
static size_t fillBudget(const Peer *p, void **chunks) {
  size_t left = p->options != NULL ? SIZE_MAX : FILL_BUDGET;
  size_t filled = 0;
  for (; filled < FILL_CHUNKS; filled++) {
    size_t size = randomSize(FILL_LEAST, FILL_MOST);
    void *chunk = size <= left ? take(p, size) : NULL;
    if (chunk == NULL) break;
    left -= size;
    chunks[filled] = touched(chunk);
  }
  return filled;
}

/* Every cycle is the same, and every pair counts as much: an untracked pool, which is charged what a chunk occupies, holds
 * fewer. */
static double cycle(const Peer *p, void **chunks, size_t *filled) {
  seed = 1;
  double start = now();
  *filled = fillBudget(p, chunks);
  freeAll(p, chunks, *filled);
  return now() - start;
}

/* The first cycle is timed too: fresh memory is what a user of a budget begins with. */
void budgetCycles(const Peer *p, size_t n, double *results) {
  void **chunks = newArray(FILL_CHUNKS * sizeof *chunks);
  freshPool(p, FILL_BUDGET);
  size_t filled;
  double first = cycle(p, chunks, &filled);
  results[1] = first / (double)filled;
  double others = 0;
  for (size_t i = 1; i < n; i++) others += cycle(p, chunks, &filled);
  results[2] = others / (double)(filled * (n - 1));
  results[0] = (first + others) / (double)(filled * n);
}
