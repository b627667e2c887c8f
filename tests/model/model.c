#include "model.h"

enum { wholePattern = 4096, manyPages = 1 << 20 }; /* larger chunks are marked once a page, then in fewer places */

size_t modelLearnt[modelLearntSizes];

void modelForget(void) {
  memset(modelLearnt, 0, sizeof modelLearnt);
}

static void require(const Model *model, bool good, const char *complaint) {
  if (good) return;
  fflush(stdout);
  fprintf(stderr, "model: %s\n", complaint);
  fprintf(stderr, "  pool: size %zu, free %zu; model: size %zu, free %zu, %zu chunks; last error: %s\n",
          model->pool->poolSize, model->pool->freeSize, model->poolSize, model->freeSize, model->count,
          mema_lastError()->sentence);
  if (model->explain != NULL) model->explain();
  exit(1);
}

/* ---- what chunks hold ------------------------------------------------------------------------------------------------- */

static uint64_t markAt(size_t at, unsigned seed) {
  return (at + seed) * 0x9e3779b97f4a7c15u + 1;
}

static size_t markStride(size_t size) {
  return size <= manyPages ? 4096 : 69632;
}

static void markBytes(unsigned char *bytes, size_t size, unsigned seed) {
  if (size <= wholePattern) {
    fillBytes(bytes, size, seed);
    return;
  }
  for (size_t at = 0; at + 16 <= size; at += markStride(size)) memcpy(bytes + at, &(uint64_t){markAt(at, seed)}, 8);
  memcpy(bytes + size - 8, &(uint64_t){markAt(size, seed)}, 8);
}

/* Are the marks of a chunk of `size` still there, as far as `limit`? */
static bool marksKept(const unsigned char *bytes, size_t size, size_t limit, unsigned seed) {
  if (size <= wholePattern) return bytesFilled(bytes, size < limit ? size : limit, seed);
  for (size_t at = 0; at + 16 <= size && at + 8 <= limit; at += markStride(size)) {
    if (memcmp(bytes + at, &(uint64_t){markAt(at, seed)}, 8) != 0) return false;
  }
  return limit < size || memcmp(bytes + size - 8, &(uint64_t){markAt(size, seed)}, 8) == 0;
}

/* ---- what follows every call ------------------------------------------------------------------------------------------ */

static void requireBudget(const Model *model) {
  const Pool *pool = model->pool;
  require(model, pool->poolSize == model->poolSize, "poolSize is wrong");
  /* In a shared pool the field is what no thread holds. Asking for the sum calls in what they do hold: it is done only now and then, so that
   * threads have something in their hands meanwhile. */
  require(model, model->shared ? pool->freeSize <= model->freeSize : pool->freeSize == model->freeSize, "freeSize is wrong");
  if (!model->shared || (model->allocations + model->frees + model->refused + model->badFrees) % 61 == 0)
    require(model, mema_freeSize(pool) == model->freeSize, "mema_freeSize is wrong");
  require(model, pool->initialized, "initialized is false");
  if (model->untracked || model->count == 0) {
    require(model, pool->head == NULL && pool->tail == NULL, "there should be no chain");
  } else {
    require(model, samePlace(pool->head->ptr, model->chunks[0].ptr), "head is not the oldest chunk");
    require(model, samePlace(pool->tail->ptr, model->chunks[model->count - 1].ptr), "tail is not the youngest chunk");
  }
}

static void requireRefusal(const Model *model, mema_Reason reason) {
  const char *wrong = errorIsNot(reason);
  require(model, wrong == NULL, wrong);
  requireBudget(model);
}

/* errno must have survived; forgetError set it. */
static void requireSuccess(Model *model) {
  require(model, errno == untouchedErrno, "a call that succeeded changed errno");
  if (model->poolSize - model->freeSize > model->peak) model->peak = model->poolSize - model->freeSize;
  requireBudget(model);
}

size_t modelFind(const Model *model, const void *pointer) {
  size_t index = 0;
  while (index < model->count && !samePlace(model->chunks[index].ptr, pointer)) index++;
  return index;
}

/* The bytes of a chunk: no other chunk's. */
static size_t extentOf(const Model *model, const ModelChunk *chunk) {
  return model->bound ? chunk->size : chunk->charge;
}

static void requireApart(const Model *model, const unsigned char *bytes, size_t size, size_t except) {
  uintptr_t from = addressOf(bytes), to = from + size;
  for (size_t i = 0; i < model->count; i++) {
    uintptr_t start = addressOf(model->chunks[i].ptr);
    if (i == except) continue;
    require(model, to <= start || start + extentOf(model, &model->chunks[i]) <= from, "two chunks overlap");
  }
}

/* The charge of a chunk that has this size since the last call. */
static size_t requireCharge(Model *model, const unsigned char *bytes, size_t size, size_t boundCharge) {
  size_t said = mema_chunkSize(model->pool, bytes);
  require(model, mema_ownsChunk(model->pool, bytes), "a live chunk is not owned");
  require(model, model->untracked ? said >= size : said == size, "mema_chunkSize is wrong");
  require(model, said > 0 && isAligned(bytes, MEMA_ALIGNMENT), "a chunk is not aligned");
  return model->bound ? boundCharge : said;
}

static void append(Model *model, unsigned char *bytes, size_t size, size_t charge) {
  if (model->count == model->room) {
    model->room = model->room * 2 + 16;
    model->chunks = realloc(model->chunks, model->room * sizeof *model->chunks);
    require(model, model->chunks != NULL, "the test itself is out of memory");
  }
  ModelChunk chunk = {bytes, size, charge, model->nextSeed++};
  model->chunks[model->count++] = chunk;
  markBytes(bytes, size, chunk.seed);
}

static void removeAt(Model *model, size_t index) {
  model->count--;
  memmove(model->chunks + index, model->chunks + index + 1, (model->count - index) * sizeof *model->chunks);
}

/* ---- budgets that bound memory ------------------------------------------------------------------------------------------ */

enum {
  blockBytes = (sizeof(Block) + 15) / 16 * 16 /* in front of each chunk of a tracked pool in a buffer */,
  recordBytes = sizeof(Block) + 1,
  tablesPart = 32
};

/* The bytes that an untracked pool charges: it grants the request, or says how much is wanted. */
static size_t occupiedBytes(Pool *twin, size_t alignment, size_t size) {
  void *bytes = mema_pmemalign(twin, alignment, size);
  if (bytes == NULL) return mema_lastError()->wanted;
  size_t room = mema_chunkSize(twin, bytes);
  pfree(twin, bytes);
  return room;
}

size_t modelBoundCharge(Pool *twin, size_t alignment, size_t size) {
  size_t room = occupiedBytes(twin, alignment, size);
  return room + room / tablesPart + recordBytes;
}

/* `alignment` 0: a plain request. A size that no object has is charged more than any budget, so that no sum overflows. */
static size_t boundChargeOf(Model *model, size_t alignment, size_t size) {
  if (!model->bound) return size;
  if (size > MEMA_UNLIMITED) return SIZE_MAX;
  if (model->inBuffer) return (size + 15) / 16 * 16 + blockBytes;
  return modelBoundCharge(&model->twin, alignment == 0 || model->bySize ? MEMA_ALIGNMENT : alignment, size);
}

static void startTwin(Model *model, const mema_Options *options) {
  mema_Options twin = *options;
  twin.boundMemory = twin.shared = false;
  twin.untracked = true;
  twin.reservation = 0; /* the sizes of slots go by the budget */
  if (model->bound && !model->inBuffer) require(model, mema_initPoolWith(&model->twin, &twin), "a twin cannot be made");
}

/* ---- the calls -------------------------------------------------------------------------------------------------------- */

void modelStart(Model *model, Pool *pool, const mema_Options *options) {
  ModelChunk *chunks = model->chunks; /* kept from an earlier life, or NULL */
  size_t room = model->room;
  void (*explain)(void) = model->explain;
  *model = (Model){.pool = pool,
                   .untracked = options->untracked,
                   .bound = options->boundMemory && !options->untracked,
                   .inBuffer = options->engine == MEMA_FIXED,
                   .bySize = options->engine != MEMA_SLAB,
                   .shared = options->shared,
                   .fragments = options->engine == MEMA_FIXED && !options->fallback,
                   .poolSize = options->poolSize};
  model->chunks = chunks;
  model->room = room;
  model->explain = explain;
  startTwin(model, options);
  forgetError(MEMA_OK);
  require(model, mema_initPoolWith(pool, options), "mema_initPoolWith failed");
  if (options->poolSize == 0) model->poolSize = pool->poolSize; /* the bytes that the buffer holds */
  model->freeSize = model->poolSize;
  requireSuccess(model);
}

/* An untracked pool charges equal plain requests alike, whether it grants or refuses them. */
static void learn(const Model *model, ModelCall call, size_t size, size_t charge) {
  if (!model->untracked || call == modelPmemalign || size >= modelLearntSizes) return;
  if (modelLearnt[size] == 0) modelLearnt[size] = charge;
  require(model, modelLearnt[size] == charge, "the same request occupies another number of bytes than before");
}

/* *needed: the bytes that it needs at least, and exactly so many in a tracked pool. */
static mema_Reason reasonToRefuse(Model *model, ModelCall call, size_t alignment, size_t size, size_t *needed) {
  *needed = size == 0 ? 1 : size;
  if (call == modelPmemalign && (alignment == 0 || (alignment & (alignment - 1)) != 0)) return MEMA_BAD_ALIGNMENT;
  if (size > MEMA_UNLIMITED) return MEMA_TOO_LARGE;
  *needed = boundChargeOf(model, call == modelPmemalign ? alignment : 0, *needed);
  return *needed > model->freeSize ? MEMA_OVER_BUDGET : MEMA_OK;
}

static unsigned char *callPool(Pool *pool, ModelCall call, size_t alignment, size_t size) {
  switch (call) {
    case modelPalloc:
      return palloc(pool, size);
    case modelPcalloc:
      return size % 3 == 0 ? mema_pcalloc(pool, 3, size / 3) : mema_pcalloc(pool, 1, size);
    default:
      return mema_pmemalign(pool, alignment, size);
  }
}

static void requireOverBudget(const Model *model, size_t least) {
  const mema_Error *error = mema_lastError();
  require(model, error->available == model->freeSize, "available is not what was free");
  require(model, error->wanted > error->available && error->wanted >= least, "wanted is not over budget");
  require(model, model->untracked || error->wanted == least, "wanted is not what was asked for");
}

/* ---- fixed pools: what may be refused for fragmentation ------------------------------------------------------------------ */

static int byAddress(const void *a, const void *b) {
  uintptr_t first = addressOf(((const ModelChunk *)a)->ptr), second = addressOf(((const ModelChunk *)b)->ptr);
  return (first > second) - (first < second);
}

/* The most bytes in a row that no chunk occupies, Blocks included. */
static size_t largestGap(const Model *model) {
  static ModelChunk *sorted;
  static size_t room;
  mema_Stats stats;
  size_t front = model->untracked ? 0 : blockBytes, most = 0;
  mema_poolStats(model->pool, &stats);
  if (room < model->count + 1) sorted = realloc(sorted, (room = 2 * model->count + 1) * sizeof *sorted);
  require(model, sorted != NULL, "the test itself is out of memory");
  if (model->count != 0) memcpy(sorted, model->chunks, model->count * sizeof *sorted);
  qsort(sorted, model->count, sizeof *sorted, byAddress);
  uintptr_t from = addressOf(model->pool->mem), end = from + stats.reservation;
  for (size_t i = 0; i < model->count; i++) {
    uintptr_t start = addressOf(sorted[i].ptr) - front,
              behind = addressOf(sorted[i].ptr) + (extentOf(model, &sorted[i]) + 15) / 16 * 16;
    if (start - from > most) most = start - from;
    from = behind;
  }
  return end - from > most ? end - from : most;
}

/* Good fit finds any gap as large as the request, rounded up by a sixteenth. */
static void requireFragmented(const Model *model, size_t alignment, size_t size) {
  size_t needed = (size + 15) / 16 * 16 + (model->untracked ? 0 : blockBytes) + (alignment > 16 ? alignment - 16 : 0);
  requireRefusal(model, MEMA_FRAGMENTED);
  require(model, mema_lastError()->wanted == size, "wanted is not what was asked for");
  if (chunksArePlain()) return; /* the chunks do not lie in the buffer */
  require(model, largestGap(model) < needed + needed / 16 + 16, "a request was refused that the buffer has room for");
}

static bool isFragmented(const Model *model, const void *bytes) {
  return bytes == NULL && model->fragments && mema_lastError()->reason == MEMA_FRAGMENTED;
}

void modelAllocate(Model *model, ModelCall call, size_t alignment, size_t size) {
  size_t needed = size == 0 ? 1 : size, least;
  mema_Reason reason = reasonToRefuse(model, call, alignment, size, &least);
  forgetError(reason == MEMA_OK ? MEMA_OVER_BUDGET : reason);
  unsigned char *bytes = callPool(model->pool, call, alignment, size);
  if (reason == MEMA_OK && isFragmented(model, bytes)) {
    model->refused++;
    requireFragmented(model, call == modelPmemalign ? alignment : 0, needed);
    return;
  }
  if (bytes == NULL && model->untracked && reason == MEMA_OK)
    reason = MEMA_OVER_BUDGET; /* for the bytes that it would occupy */
  if (bytes == NULL) {
    require(model, reason != MEMA_OK, "a request within the budget was refused");
    model->refused++;
    requireRefusal(model, reason);
    if (reason != MEMA_OVER_BUDGET) return;
    requireOverBudget(model, least);
    learn(model, call, needed, mema_lastError()->wanted);
    return;
  }
  require(model, reason == MEMA_OK, "a request was granted that had to be refused");
  require(model, call != modelPmemalign || isAligned(bytes, alignment), "the alignment is not the one asked for");
  int number = errno;
  size_t charge = requireCharge(model, bytes, needed, least);
  require(model, charge <= model->freeSize, "the chunk occupies more than was free");
  learn(model, call, needed, charge);
  requireApart(model, bytes, model->bound ? needed : charge, model->count);
  require(model, call != modelPcalloc || bytesZero(bytes, size), "a chunk from mema_pcalloc is not zero");
  model->freeSize -= charge;
  model->allocations++;
  append(model, bytes, needed, charge);
  errno = number;
  requireSuccess(model);
}

/* The charge of a chunk that is to have this size. A chunk that stays where it is keeps its room, and so its charge. */
static size_t nextCharge(Model *model, const ModelChunk *old, size_t needed) {
  if (!model->bound) return needed;
  size_t charge = boundChargeOf(model, 0, needed);
  bool stays = !model->bySize && charge <= old->charge;
  return stays ? old->charge : charge;
}

void modelRepalloc(Model *model, size_t index, size_t size) {
  ModelChunk old = model->chunks[index];
  size_t needed = size == 0 ? 1 : size, least = nextCharge(model, &old, needed);
  bool fits = least <= old.charge || least - old.charge <= model->freeSize;
  bool grows = model->bound ? needed > old.size : needed > old.charge;
  size_t smaller = boundChargeOf(model, 0, needed); /* if it moves to where it occupies less */
  forgetError(MEMA_OVER_BUDGET);
  unsigned char *bytes = mema_repalloc(model->pool, old.ptr, size);
  if (fits && grows && isFragmented(model, bytes)) {
    model->refused++;
    requireFragmented(model, 0, needed);
    return;
  }
  if (bytes == NULL) {
    require(model, !fits || (model->untracked && grows), "a repalloc within the budget was refused");
    model->refused++;
    require(model, errno == ENOMEM && marksKept(old.ptr, old.size, old.size, old.seed), "a refused repalloc left its mark");
    requireBudget(model);
    return;
  }
  int number = errno;
  require(model, fits, "a repalloc was granted that had to be refused");
  bool less = model->bound && model->pool->freeSize == model->freeSize + old.charge - smaller;
  size_t charge = requireCharge(model, bytes, needed, less ? smaller : least);
  require(model, charge <= old.charge + model->freeSize, "the chunk occupies more than was free");
  requireApart(model, bytes, model->bound ? needed : charge, index);
  require(model, marksKept(bytes, old.size, needed, old.seed), "repalloc lost some of the contents");
  model->freeSize = model->freeSize + old.charge - charge;
  if (!samePlace(bytes, old.ptr)) {
    model->allocations++;
    model->frees++;
  }
  /* A chunk that moved may keep its place in the chain or become the youngest; the others keep theirs. */
  if (!samePlace(bytes, old.ptr) && !model->untracked && samePlace(model->pool->tail->ptr, bytes)) {
    removeAt(model, index);
    append(model, bytes, needed, charge);
  } else {
    ModelChunk chunk = {bytes, needed, charge, model->nextSeed++};
    model->chunks[index] = chunk;
    markBytes(bytes, needed, chunk.seed);
  }
  errno = number;
  requireSuccess(model);
}

void modelFree(Model *model, size_t index) {
  ModelChunk old = model->chunks[index];
  require(model, marksKept(old.ptr, old.size, old.size, old.seed), "a chunk's contents changed");
  forgetError(MEMA_BAD_POINTER);
  require(model, pfree(model->pool, old.ptr), "pfree refused a live chunk");
  model->freeSize += old.charge;
  model->frees++;
  removeAt(model, index);
  requireSuccess(model);
}

void modelTryFree(Model *model, void *pointer) {
  size_t index = modelFind(model, pointer);
  if (index < model->count) {
    modelFree(model, index);
    return;
  }
  require(model, !mema_ownsChunk(model->pool, pointer), "mema_ownsChunk of no chunk is true");
  require(model, mema_chunkSize(model->pool, pointer) == 0, "mema_chunkSize of no chunk is not 0");
  forgetError(MEMA_BAD_POINTER);
  require(model, !pfree(model->pool, pointer), "pfree of no live chunk is true");
  if (pointer != NULL) model->badFrees++;
  requireRefusal(model, MEMA_BAD_POINTER);
}

void modelTryRepalloc(Model *model, void *pointer, size_t size) {
  if (pointer == NULL || modelFind(model, pointer) < model->count) return;
  mema_Stats before, after;
  mema_poolStats(model->pool, &before);
  forgetError(MEMA_BAD_POINTER);
  require(model, mema_repalloc(model->pool, pointer, size) == NULL, "repalloc of no live chunk is not NULL");
  model->badFrees++;
  requireRefusal(model, MEMA_BAD_POINTER);
  mema_poolStats(model->pool, &after);
  require(model, after.refused - before.refused <= 1, "a bad repalloc counted more than itself");
  model->refused += after.refused - before.refused; /* whether it is a refusal too is left open */
}

void modelCharge(Model *model, size_t bytes) {
  mema_Reason reason = bytes > MEMA_UNLIMITED ? MEMA_TOO_LARGE : bytes > model->freeSize ? MEMA_OVER_BUDGET : MEMA_OK;
  forgetError(reason == MEMA_OK ? MEMA_OVER_BUDGET : reason);
  require(model, mema_chargePool(model->pool, bytes) == (reason == MEMA_OK), "mema_chargePool answered wrongly");
  if (reason != MEMA_OK) {
    model->refused++;
    requireRefusal(model, reason);
    return;
  }
  model->charged += bytes;
  model->freeSize -= bytes;
  requireSuccess(model);
}

void modelCredit(Model *model, size_t bytes) {
  bool fits = bytes <= model->charged;
  forgetError(MEMA_BAD_ARGUMENT);
  require(model, mema_creditPool(model->pool, bytes) == fits, "mema_creditPool answered wrongly");
  if (!fits) {
    requireRefusal(model, MEMA_BAD_ARGUMENT);
    return;
  }
  model->charged -= bytes;
  model->freeSize += bytes;
  requireSuccess(model);
}

void modelReset(Model *model) {
  forgetError(MEMA_BROKEN);
  require(model, mema_resetPool(model->pool), "mema_resetPool failed");
  model->frees += model->count;
  model->count = 0;
  model->freeSize = model->poolSize - model->charged;
  requireSuccess(model);
}

void modelResize(Model *model, size_t poolSize) {
  size_t live = model->poolSize - model->freeSize;
  mema_Reason reason = poolSize == 0               ? MEMA_BAD_ARGUMENT
                       : poolSize > MEMA_UNLIMITED ? MEMA_TOO_LARGE
                       : poolSize < live           ? MEMA_BELOW_USE
                                                   : MEMA_OK;
  forgetError(reason);
  require(model, mema_resizePool(model->pool, poolSize) == (reason == MEMA_OK), "mema_resizePool answered wrongly");
  if (reason != MEMA_OK) {
    requireRefusal(model, reason);
    return;
  }
  model->poolSize = poolSize;
  model->freeSize = poolSize - live;
  model->peak = live;
  requireSuccess(model);
}

void modelTrim(Model *model) {
  forgetError(MEMA_OK);
  mema_trimPool(model->pool);
  requireSuccess(model);
}

void modelAudit(Model *model) {
  mema_Stats stats;
  require(model, mema_checkPool(model->pool), "mema_checkPool found something");
  require(model, mema_poolStats(model->pool, &stats), "mema_poolStats failed");
  require(model, stats.liveChunks == model->count, "stats: liveChunks");
  require(model, stats.liveBytes == model->poolSize - model->freeSize, "stats: liveBytes");
  require(model, stats.peakBytes == model->peak, "stats: peakBytes");
  require(model, stats.allocations == model->allocations, "stats: allocations");
  require(model, stats.frees == model->frees, "stats: frees");
  require(model, stats.refused == model->refused, "stats: refused");
  require(model, stats.badFrees == model->badFrees, "stats: badFrees");
  require(model, stats.chargedBytes == model->charged, "stats: chargedBytes");
  const Block *block = model->pool->head, *before = NULL;
  for (size_t i = 0; i < model->count; i++) {
    const ModelChunk *chunk = &model->chunks[i];
    require(model, marksKept(chunk->ptr, chunk->size, chunk->size, chunk->seed), "a live chunk's contents changed");
    require(model, mema_chunkSize(model->pool, chunk->ptr) == extentOf(model, chunk), "a live chunk's size changed");
    if (model->untracked) continue;
    require(model, block != NULL && samePlace(block->ptr, chunk->ptr), "the chain is not in order of allocation");
    require(model, block->size == chunk->size && block->prev == before, "a block is wrong");
    before = block;
    block = block->next;
  }
  require(model, block == NULL, "the chain is too long");
}

void modelEnd(Model *model) {
  forgetError(MEMA_OK);
  require(model, freePool(model->pool), "freePool failed");
  require(model, errno == untouchedErrno, "freePool changed errno");
  if (model->bound && !model->inBuffer) require(model, freePool(&model->twin), "the twin's freePool failed");
  model->count = 0;
}
