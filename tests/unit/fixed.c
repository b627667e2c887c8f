/* The particulars of fixed pools: a buffer and nothing beside it, exact joining, growth in place, and what misuse of freed memory and of
 * Blocks can do, which is little. The bound is fixedBound.c's. */
#include "places.h"
#include "unit.h"

enum { most = 4096, blockBytes = (sizeof(Block) + 15) / 16 * 16 };

static mema_Options optionsFor(const Kind *kind, void *buffer, size_t size) {
  mema_Options options = kind->options;
  options.buffer = buffer;
  options.bufferSize = size;
  return options;
}

/* A pool with the budget that its buffer holds, between guard pages. */
static void openGuarded(Pool *pool, GuardedBuffer *guarded, const Kind *kind, size_t size) {
  mema_Options options = optionsFor(kind, guardedBuffer(guarded, size), size);
  memset(pool, 0xa5, sizeof *pool);
  assert_non_null(options.buffer);
  assert_true(mema_initPoolWith(pool, &options));
}

static void closeGuarded(Pool *pool, GuardedBuffer *guarded) {
  assert_true(freePool(pool));
  dropBuffer(guarded);
}

static size_t frontOf(const Pool *pool) {
  return poolIsUntracked(pool) ? 0 : blockBytes;
}

/* ---- buffers ------------------------------------------------------------------------------------------------------------ */

static void aBufferOfAnySizeServes(void **state) {
  const Kind *kind = *state;
  static char buffer[5000];
  for (size_t size = 256; size < 4000; size += 1 + size / 40) {
    for (size_t offset = 0; offset < 16; offset += 3) {
      Pool pool;
      mema_Options options = optionsFor(kind, buffer + 100 + offset, size);
      memset(buffer, 0x5c, sizeof buffer);
      assert_true(mema_initPoolWith(&pool, &options));
      assert_true((char *)pool.mem >= buffer + 100 + offset && isAligned(pool.mem, 16));
      assert_true((char *)pool.mem + pool.poolSize <= buffer + 100 + offset + size);
      size_t whole = pool.poolSize - frontOf(&pool);
      char *chunk = palloc(&pool, whole); /* all of it, in one chunk */
      assert_non_null(chunk);
      memset(hidePointer(chunk), 0xff, whole);
      assertPool(&pool, mema_chunkSize(&pool, chunk), 1);
      assert_true(pfree(&pool, chunk));
      assertRefused(&pool, palloc(&pool, hideSize(whole + 1)), poolIsUntracked(&pool) ? MEMA_OVER_BUDGET : MEMA_FRAGMENTED);
      assert_true(freePool(&pool));
      for (size_t i = 0; i < sizeof buffer; i++) {
        if (i < 100 + offset || i >= 100 + offset + size) assert_int_equal(buffer[i], 0x5c);
      }
    }
  }
}

static void badBuffersAreRefused(void **state) {
  const Kind *kind = *state;
  static char buffer[1000];
  Pool pool;
  memset(&pool, 0, sizeof pool);
  mema_Options options = optionsFor(kind, NULL, 1000);
  assertFails(mema_initPoolWith(&pool, &options), MEMA_BAD_ARGUMENT);
  options = optionsFor(kind, buffer, 255);
  assertFails(mema_initPoolWith(&pool, &options), MEMA_BAD_ARGUMENT);
  options.bufferSize = 0;
  assertFails(mema_initPoolWith(&pool, &options), MEMA_BAD_ARGUMENT);
  options.bufferSize = SIZE_MAX - 100; /* beyond the end of memory */
  assertFails(mema_initPoolWith(&pool, &options), MEMA_BAD_ARGUMENT);
  options = optionsFor(kind, buffer, sizeof buffer);
  options.shared = true;
  assertFails(mema_initPoolWith(&pool, &options), MEMA_BAD_ARGUMENT);
  options.shared = false;
  options.poolSize = MEMA_UNLIMITED + 1;
  assertFails(mema_initPoolWith(&pool, &options), MEMA_TOO_LARGE);
  options.poolSize = MEMA_UNLIMITED;
  assertWorks(mema_initPoolWith(&pool, &options));
  assertRefused(&pool, palloc(&pool, hideSize(2000)), MEMA_FRAGMENTED);
  assert_int_equal(mema_lastError()->wanted, 2000);
  assert_true(freePool(&pool));
}

/* 2 bits for 16 bytes, and the bins: at most 8 bytes for each chunk up to 512 bytes. (A tracked pool's Blocks are chunks' own.) */
static void theRecordsAreSmall(void **state) {
  const Kind *kind = *state;
  enum { size = 1 << 20 };
  Pool pool;
  GuardedBuffer guarded;
  openGuarded(&pool, &guarded, kind, size);
  assert_true(size - pool.poolSize <= size / 64 + 2048);
  for (size_t bytes = 16; bytes + frontOf(&pool) <= 512; bytes += 31) {
    size_t count = 0, each = (bytes + 15) / 16 * 16 + frontOf(&pool) + 8;
    while (palloc(&pool, bytes) != NULL) count++;
    assert_true(count >= (size - 2048) / each);
    assert_true(mema_resetPool(&pool));
  }
  closeGuarded(&pool, &guarded);
}

/* The other Pool is no more once the buffer has gone to a new one; nor is a restored copy of a freed one. */
static void aBufferBelongsToOnePool(void **state) {
  const Kind *kind = *state;
  static char buffer[1000];
  mema_Options options = optionsFor(kind, buffer, sizeof buffer);
  Pool first, second, copy;
  memset(&first, 0, sizeof first);
  memset(&second, 0, sizeof second);
  assert_true(mema_initPoolWith(&first, &options));
  char *chunk = palloc(&first, 10);
  assertRefused(&first, mema_initPoolWith(&first, &options), MEMA_LIVE_POOL);
  assert_true(mema_initPoolWith(&second, &options));
  assertFails(pfree(&first, chunk), MEMA_BAD_POOL);
  assertFails(palloc(&first, 1), MEMA_BAD_POOL);
  copy = second;
  assertFails(palloc(&copy, 1), MEMA_BAD_POOL);
  assert_true(freePool(&second));
  memcpy(&second, &copy, sizeof second);
  assertFails(palloc(&second, 1), MEMA_BAD_POOL);
  assertFails(freePool(&second), MEMA_BAD_POOL);
}

/* ---- joining ------------------------------------------------------------------------------------------------------------ */

static void permute(size_t *order, size_t count, uint64_t *seed) {
  for (size_t i = 0; i < count; i++) order[i] = i;
  for (size_t i = count; i > 1; i--) {
    size_t k = nextRandom(seed) % i, other = order[i - 1];
    order[i - 1] = order[k];
    order[k] = other;
  }
}

/* Whatever the order of frees, and however long the pieces, all is one piece again. */
static void freePiecesJoinToOne(void **state) {
  const Kind *kind = *state;
  static char *chunks[most];
  static size_t order[most];
  uint64_t seed = 3;
  for (int round = 0; round < 60; round++) {
    Pool pool;
    GuardedBuffer guarded;
    size_t size = 256 + nextRandom(&seed) % 200000, limit = (size_t)16 << nextRandom(&seed) % 12, count = 0, bytes = 0;
    openGuarded(&pool, &guarded, kind, size);
    size_t whole = pool.poolSize - frontOf(&pool);
    while (count < most && (chunks[count] = palloc(&pool, 1 + nextRandom(&seed) % limit)) != NULL)
      bytes += mema_chunkSize(&pool, chunks[count++]);
    permute(order, count, &seed);
    for (size_t i = 0; i < count; i++) {
      bytes -= mema_chunkSize(&pool, chunks[order[i]]);
      assert_true(pfree(&pool, chunks[order[i]]));
      if (i % 97 == 0) assertPool(&pool, bytes, count - i - 1);
    }
    assertPool(&pool, 0, 0);
    assert_non_null(palloc(&pool, whole));
    closeGuarded(&pool, &guarded);
  }
}

/* Half of it is free, in pieces that are too small. */
static void theSentenceNamesFragmentation(void **state) {
  const Kind *kind = *state;
  Pool pool;
  GuardedBuffer guarded;
  static char *chunks[most];
  size_t count = 0;
  openGuarded(&pool, &guarded, kind, 20000);
  assert_true(mema_resizePool(&pool, MIB));
  while ((chunks[count] = palloc(&pool, 100)) != NULL) count++;
  for (size_t i = 0; i + 1 < count; i += 2) assert_true(pfree(&pool, chunks[i]));
  assertRefused(&pool, palloc(&pool, hideSize(113)), MEMA_FRAGMENTED);
  assert_int_equal(mema_lastError()->wanted, 113);
  assert_string_equal(mema_lastError()->sentence, "the buffer has no free piece so large: 113 bytes wanted");
  assertRefused(&pool, mema_repalloc(&pool, chunks[1], hideSize(3000)), MEMA_FRAGMENTED);
  assertRefused(&pool, mema_pcalloc(&pool, hideSize(30), 100), MEMA_FRAGMENTED);
  assertRefused(&pool, mema_pmemalign(&pool, 4096, hideSize(100)), MEMA_FRAGMENTED);
  assertRefused(&pool, mema_pstrndup(&pool, NULL, 3), MEMA_BAD_ARGUMENT);
  assertWorks(palloc(&pool, 112) != NULL);
  closeGuarded(&pool, &guarded);
}

/* A piece that was not joined when it was freed is, before a request is refused for the lack of one. */
static void theChunkFreedLastServesARequest(void **state) {
  const Kind *kind = *state;
  Pool pool;
  GuardedBuffer guarded;
  openGuarded(&pool, &guarded, kind, 3000);
  char *all = palloc(&pool, pool.poolSize - frontOf(&pool) - 500), *rest = palloc(&pool, 300);
  assert_non_null(all);
  assert_non_null(rest);
  assert_true(pfree(&pool, all));
  assert_true(pfree(&pool, rest));
  assertFails(pfree(&pool, rest), MEMA_BAD_POINTER); /* though nothing was written about it yet */
  assert_false(mema_ownsChunk(&pool, rest));
  assert_non_null(palloc(&pool, pool.poolSize - frontOf(&pool)));
  closeGuarded(&pool, &guarded);
}

/* A request takes a piece, and the budget then refuses it. The piece goes back beside one whose length is not in the map (fixed.h, recent). */
static void aRefusalPutsPiecesBack(void **state) {
  const Kind *kind = *state;
  Pool pool;
  GuardedBuffer guarded;
  enum { small = 100, count = small + 7 };
  char *chunks[count];
  static const size_t sizes[] = {64, 16, 300, 16, 400, 16, 496};
  openGuarded(&pool, &guarded, kind, 30000);
  size_t whole = pool.poolSize - frontOf(&pool);
  for (int i = 0; i < count; i++) chunks[i] = palloc(&pool, i < small ? 32 : sizes[i - small]);
  for (int i = small; i < small + 6; i += 2) assert_true(pfree(&pool, chunks[i]));
  for (int i = 0; i < small; i++) assert_true(pfree(&pool, chunks[i])); /* in order, up to the first of the others */
  size_t charged = pool.freeSize - 10, live = 16 * 3 + 496;
  assert_true(mema_chargePool(&pool, charged));
  assertRefused(&pool, palloc(&pool, hideSize(64)), MEMA_OVER_BUDGET);
  assertPool(&pool, live + charged, 4);
  for (int i = small + 1; i < count; i += i == small + 5 ? 1 : 2) assert_true(pfree(&pool, chunks[i]));
  assert_true(mema_creditPool(&pool, charged));
  assertPool(&pool, 0, 0);
  assert_non_null(palloc(&pool, whole));
  closeGuarded(&pool, &guarded);
}

/* ---- in place ------------------------------------------------------------------------------------------------------------ */

static void chunksGrowAndShrinkInPlace(void **state) {
  const Kind *kind = *state;
  Pool pool;
  GuardedBuffer guarded;
  openGuarded(&pool, &guarded, kind, 40000);
  unsigned char *first = palloc(&pool, 1000), *second = palloc(&pool, 1000), *third = palloc(&pool, 1000);
  fillBytes(first, 1000, 1);
  fillBytes(third, 1000, 3);
  assert_true(pfree(&pool, second));
  assert_true(samePlace(mema_repalloc(&pool, first, 1900), first)); /* into the neighbour, which was freed last */
  assert_true(bytesFilled(hidePointer(first), 1000, 1));
  assert_true(samePlace(mema_repalloc(&pool, first, 2000), first)); /* into the rest of its piece */
  fillBytes(hidePointer(first), 2000, 2);
  assert_true(bytesFilled(third, 1000, 3));
  assert_true(samePlace(mema_repalloc(&pool, first, 40), first));
  assert_true(bytesFilled(hidePointer(first), 40, 2));
  size_t behind = addressOf(third);
  second = palloc(&pool, 1900 - frontOf(&pool)); /* the room that was given back */
  assert_true(addressOf(second) > addressOf(first) && addressOf(second) < behind);
  assert_true(samePlace(mema_repalloc(&pool, third, 30000), third)); /* into the rest of the buffer */
  assert_true(bytesFilled(hidePointer(third), 1000, 3));
  unsigned char *moved = mema_repalloc(&pool, first, 3000);
  assert_false(samePlace(moved, first));
  assert_true(bytesFilled(hidePointer(moved), 40, 2));
  assertWell(mema_checkPool(&pool) ? NULL : mema_lastError()->sentence);
  closeGuarded(&pool, &guarded);
}

static void alignedChunksGiveTheirEdgesBack(void **state) {
  const Kind *kind = *state;
  Pool pool;
  GuardedBuffer guarded;
  openGuarded(&pool, &guarded, kind, 100000);
  size_t whole = pool.poolSize - frontOf(&pool), live = 0;
  static char *chunks[200];
  for (size_t i = 0; i < 60; i++) {
    chunks[i] = mema_pmemalign(&pool, (size_t)16 << i % 7, 1 + i * 5);
    assert_non_null(chunks[i]);
    assert_true(isAligned(chunks[i], (size_t)16 << i % 7));
    live += mema_chunkSize(&pool, chunks[i]);
    assert_int_equal(mema_chunkSize(&pool, chunks[i]), poolIsUntracked(&pool) ? (1 + i * 5 + 15) / 16 * 16 : 1 + i * 5);
    assertPool(&pool, live, i + 1);
  }
  for (size_t i = 0; i < 60; i++) assert_true(pfree(&pool, chunks[i * 7 % 60]));
  assert_non_null(palloc(&pool, whole));
  closeGuarded(&pool, &guarded);
}

/* ---- what misuse can do ----------------------------------------------------------------------------------------------------- */

enum { victims = 300 };

/* Writes to 16 free bytes, which may be links. */
static void writeToFree(const Pool *pool, unsigned char *at, unsigned char *const *chunks, const size_t *sizes,
                        uint64_t *seed) {
  uint32_t links[2] = {(uint32_t)nextRandom(seed) % 4000, (uint32_t)nextRandom(seed) % 4000};
  for (size_t i = 0; i < victims; i++) {
    if (chunks[i] != NULL && at + 16 > chunks[i] - frontOf(pool) && at < chunks[i] + (sizes[i] + 15) / 16 * 16) return;
  }
  if (nextRandom(seed) % 3 == 0) {
    memset(at, (int)nextRandom(seed), 16);
  } else {
    memcpy(at, links, sizeof links);
  }
}

/* Freed memory is written to, with numbers that could be links and with others. No live chunk is touched, none is handed out twice, nothing
 * outside of the buffer is. */
static void writesToFreedMemoryDoNoHarm(void **state) {
  const Kind *kind = *state;
  enum { live = victims, deadCount = 64 };
  static unsigned char *chunks[live], *dead[deadCount];
  static size_t sizes[live];
  uint64_t seed = 7;
  bool found = false;
  for (int round = 0; round < 40; round++) {
    Pool pool;
    GuardedBuffer guarded;
    openGuarded(&pool, &guarded, kind, 60000);
    memset(chunks, 0, sizeof chunks);
    memset(dead, 0, sizeof dead);
    for (int step = 0; step < 6000; step++) {
      size_t i = nextRandom(&seed) % live;
      if (chunks[i] == NULL) {
        sizes[i] = 16 + nextRandom(&seed) % (round % 2 == 0 ? 200 : 3000);
        chunks[i] = hidePointer(palloc(&pool, sizes[i]));
        if (chunks[i] != NULL) fillBytes(chunks[i], sizes[i], (unsigned)i);
      } else {
        assert_true(bytesFilled(chunks[i], sizes[i], (unsigned)i));
        assert_true(pfree(&pool, chunks[i]));
        dead[nextRandom(&seed) % deadCount] = hidePointer((void *)(addressOf(chunks[i]) - frontOf(&pool)));
        chunks[i] = NULL;
      }
      unsigned char *victim = dead[nextRandom(&seed) % deadCount];
      if (step % 5 == 0 && victim != NULL) writeToFree(&pool, victim, chunks, sizes, &seed);
    }
    for (size_t i = 0; i < live; i++) assert_true(chunks[i] == NULL || bytesFilled(chunks[i], sizes[i], (unsigned)i));
    if (!mema_checkPool(&pool)) {
      found = true;
      assert_int_equal(mema_lastError()->reason, MEMA_BROKEN);
    }
    assert_true(mema_resetPool(&pool)); /* heals it */
    assertPool(&pool, 0, 0);
    assert_non_null(palloc(&pool, pool.poolSize - frontOf(&pool)));
    closeGuarded(&pool, &guarded);
  }
  assert_true(found); /* or nothing was damaged, and nothing shown */
}

/* Once a damaged link was met the check says so, even when all pieces have been joined again since. */
static void damageIsRemembered(void **state) {
  const Kind *kind = *state;
  enum { many = 20 };
  Pool pool;
  GuardedBuffer guarded;
  char *chunks[many];
  openGuarded(&pool, &guarded, kind, 20000);
  for (int i = 0; i < many; i++) chunks[i] = palloc(&pool, 100);
  for (int i = 0; i < many; i += 2) assert_true(pfree(&pool, chunks[i]));
  for (int i = 0; i < many; i += 2) memset(hidePointer((void *)(addressOf(chunks[i]) - frontOf(&pool))), 0x77, 8);
  for (int i = 0; i < many; i += 2) chunks[i] = palloc(&pool, 100);
  for (int i = 0; i < many; i++) assert_true(pfree(&pool, chunks[i]));
  assert_non_null(palloc(&pool, pool.poolSize - frontOf(&pool)));
  assertFails(mema_checkPool(&pool), MEMA_BROKEN);
  assert_non_null(strstr(mema_lastError()->sentence, "wrote to a freed chunk"));
  assert_true(mema_resetPool(&pool));
  assertPool(&pool, 0, 0);
  closeGuarded(&pool, &guarded);
}

/* A chunk overflows into its neighbour's Block. A free of the neighbour is then refused, and nothing is written at the addresses in the Block. */
static void brokenBlocksAreNotFollowed(void **state) {
  (void)state;
  Pool pool;
  GuardedBuffer guarded;
  uint64_t seed = 5;
  size_t words[5];
  openGuarded(&pool, &guarded, &kindFixed, 10000);
  mema_Mark mark = mema_markPool(&pool);
  char *before = palloc(&pool, 32), *chunk = palloc(&pool, 32), *behind = palloc(&pool, 32), *last = palloc(&pool, 32);
  Block *block = (Block *)hidePointer((void *)(addressOf(chunk) - blockBytes));
  assert_true(block->ptr == chunk);
  memcpy(words, block, sizeof words);
  for (int round = 0; round < 2000; round++) {
    size_t at = nextRandom(&seed) % 4,
           value = round % 2 == 0 ? addressOf(before) + nextRandom(&seed) % 500 : nextRandom(&seed);
    if (value == words[at] || (at == 1 && value - 17 < 16)) continue; /* a size that needs as many grains */
    memcpy((size_t *)(void *)block + at, &value, sizeof value);
    assertFails(pfree(&pool, chunk), MEMA_BROKEN);
    assertFails(mema_repalloc(&pool, chunk, 500) != NULL, MEMA_BROKEN);
    assertFails(mema_keepChunk(&pool, mark, chunk), MEMA_BROKEN);
    assertFails(mema_keepChunk(&pool, mark, last), MEMA_BROKEN);
    memcpy(block, words, sizeof words);
    assertPool(&pool, 128, 4);
  }
  block->prev = block->next = block; /* whole by itself, and without an end */
  assertFails(mema_keepChunk(&pool, mark, chunk), MEMA_BROKEN);
  memcpy(block, words, sizeof words);
  assert_true(pfree(&pool, last) && pfree(&pool, chunk) && pfree(&pool, before) && pfree(&pool, behind));
  closeGuarded(&pool, &guarded);
}

/* Going back stops at such a Block, and says so; the check reads it as it is. */
static void aRewindStopsAtABrokenBlock(void **state) {
  (void)state;
  Pool pool;
  GuardedBuffer guarded;
  openGuarded(&pool, &guarded, &kindFixed, 10000);
  char *old = palloc(&pool, 32);
  mema_Mark mark = mema_markPool(&pool);
  char *chunk = palloc(&pool, 32), *young = palloc(&pool, 32);
  Block *block = (Block *)hidePointer((void *)(addressOf(chunk) - blockBytes)), kept;
  memcpy(&kept, block, sizeof kept);
  memset(block, 0x77, 8);
  memset(&block->poolAllocated, 0x77, 8); /* its age, and no bool any more */
  assertFails(mema_checkPool(&pool), MEMA_BROKEN);
  assertFails(mema_rewindPool(&pool, mark), MEMA_BROKEN);
  assert_true(mema_ownsChunk(&pool, chunk) && mema_ownsChunk(&pool, old));
  assert_false(mema_ownsChunk(&pool, young));
  kept.next = NULL;
  memcpy(block, &kept, sizeof kept);
  memset(&block->poolAllocated, 0x77, 1);
  assertFails(mema_checkPool(&pool), MEMA_BROKEN);
  memcpy(block, &kept, sizeof kept);
  assertWorks(mema_rewindPool(&pool, mark));
  assertPool(&pool, 32, 1);
  closeGuarded(&pool, &guarded);
}

/* ---- the system as a fallback -------------------------------------------------------------------------------------------------- */

static void chunksThatDoNotFitComeFromTheSystem(void **state) {
  const Kind *kind = *state;
  static char buffer[2000];
  mema_Options options = optionsFor(kind, buffer, sizeof buffer);
  Pool pool;
  mema_Stats stats;
  static char *chunks[200];
  options.poolSize = MIB;
  options.fallback = true;
  memset(&pool, 0, sizeof pool);
  assert_true(mema_initPoolWith(&pool, &options));
  size_t live = 0, outside = 0;
  for (size_t i = 0; i < 200; i++) {
    assertWorks((chunks[i] = palloc(&pool, 100 + i * 20)) != NULL);
    bool inside = chunks[i] >= buffer && chunks[i] < buffer + sizeof buffer;
    if (!poolIsUntracked(&pool)) assert_int_equal(pool.tail->poolAllocated, inside);
    outside += !inside;
    size_t bytes = 100 + i * 20, charged = poolIsUntracked(&pool) ? (bytes + 15) / 16 * 16 : bytes;
    assert_int_equal(mema_chunkSize(&pool, chunks[i]), charged); /* outside as in the buffer */
    live += charged;
    memset(hidePointer(chunks[i]), (int)i, 100);
    assertPool(&pool, live, i + 1);
  }
  assert_true(mema_poolStats(&pool, &stats));
  assert_true(outside > 150 && outside < 200 && stats.outsideChunks == outside);
  assertRefused(&pool, palloc(&pool, hideSize(pool.freeSize + 1)), MEMA_OVER_BUDGET);
  assertFails(pfree(&pool, chunks[199] + 16), MEMA_BAD_POINTER);
  for (size_t i = 0; i < 200; i += 2) {
    live -= mema_chunkSize(&pool, chunks[i]);
    chunks[i] = mema_repalloc(&pool, chunks[i], 5000);
    assert_non_null(chunks[i]);
    live += mema_chunkSize(&pool, chunks[i]);
    assert_int_equal(hidePointer(chunks[i]) != NULL ? chunks[i][99] : 0, (char)i);
  }
  assertPool(&pool, live, 200);
  for (size_t i = 0; i < 200; i++) {
    assert_true(pfree(&pool, chunks[i]));
    assertFails(pfree(&pool, chunks[i]), MEMA_BAD_POINTER);
  }
  assertPool(&pool, 0, 0);
  assertWorks(palloc(&pool, 3000) != NULL);
  assert_true(mema_resetPool(&pool));
  assertPool(&pool, 0, 0);
  assertWorks(palloc(&pool, 3000) != NULL);
  assert_true(freePool(&pool));
}

/* A chunk outside is charged as in the buffer, and grows into the pages that it has only where the budget has room. */
static void growthOutsideIsWithinTheBudget(void **state) {
  const Kind *kind = *state;
  static char buffer[4096];
  mema_Options options = optionsFor(kind, buffer, sizeof buffer);
  options.fallback = true;
  for (options.poolSize = 90112; options.poolSize < 94500; options.poolSize += 16) {
    Pool pool;
    memset(&pool, 0, sizeof pool);
    assert_true(mema_initPoolWith(&pool, &options));
    char *chunk = palloc(&pool, 90111), *grown;
    assert_non_null(chunk);
    for (size_t size = 90112; size < 95000; size += 480) {
      grown = mema_repalloc(&pool, chunk, size);
      if (grown == NULL) break;
      assertPool(&pool, mema_chunkSize(&pool, chunk = grown), 1);
    }
    assert_null(grown);
    assert_int_equal(mema_lastError()->reason, MEMA_OVER_BUDGET);
    assertPool(&pool, mema_chunkSize(&pool, chunk), 1);
    assert_true(freePool(&pool));
  }
}

/* Whether it lies in the buffer or, where that has no room, outside, at another charge. */
static void theLargestChunkIsGranted(void **state) {
  const Kind *kind = *state;
  static char buffer[1000];
  for (size_t budget = 1; budget < 6000; budget += 7) {
    for (int fallback = 0; fallback < 2; fallback++) {
      mema_Options options = optionsFor(kind, buffer, sizeof buffer);
      options.poolSize = budget;
      options.fallback = fallback != 0;
      Pool pool;
      memset(&pool, 0, sizeof pool);
      assert_true(mema_initPoolWith(&pool, &options));
      palloc(&pool, 300);
      size_t largest = mema_largestChunk(&pool);
      void *more = palloc(&pool, hideSize(largest + 1));
      assert_null(more);
      assert_true(largest == 0 || palloc(&pool, largest) != NULL);
      assert_true(freePool(&pool));
    }
  }
}

static bool noteWanted(Pool *pool, size_t wanted, void *arg) {
  (void)pool;
  *(size_t *)arg = wanted;
  return false;
}

static void aGrowingChunkWantsItsGrowth(void **state) {
  const Kind *kind = *state;
  static char buffer[4000];
  size_t wanted = 0;
  Pool pool;
  mema_Options options = optionsFor(kind, buffer, sizeof buffer);
  options.poolSize = 1024;
  memset(&pool, 0, sizeof pool);
  assert_true(mema_initPoolWith(&pool, &options));
  assertWorks(mema_onExhausted(&pool, noteWanted, &wanted));
  void *chunk = palloc(&pool, 640);
  assertRefused(&pool, mema_repalloc(&pool, chunk, 1280), MEMA_OVER_BUDGET);
  assert_int_equal(wanted, 640);
  assert_true(freePool(&pool));
}

/* ---- the general path ----------------------------------------------------------------------------------------------------------- */

static void doNothing(mema_Pool *pool, void *arg) {
  (void)pool;
  (void)arg;
}

/* The general path decides every request of a pool that watches for low water, with the same results. */
static void watchedPoolsGiveTheSameResults(void **state) {
  const Kind *kind = *state;
  Pool pool;
  GuardedBuffer guarded;
  openGuarded(&pool, &guarded, kind, 20000);
  assert_true(mema_onLowWater(&pool, pool.poolSize, doNothing, NULL));
  size_t live = 0, count = 0;
  for (char *chunk; (chunk = palloc(&pool, 70)) != NULL; count++) {
    live += mema_chunkSize(&pool, chunk);
    if (count % 3 == 0) {
      live -= mema_chunkSize(&pool, chunk);
      assert_true(pfree(&pool, chunk));
      assert_non_null(chunk = palloc(&pool, 70));
      live += mema_chunkSize(&pool, chunk);
    }
    assertPool(&pool, live, count + 1);
  }
  assert_true(count > 100);
  closeGuarded(&pool, &guarded);
}

/* The wait for other threads is at once in vain. */
static void aWaitIsRefusedAtOnce(void **state) {
  const Kind *kind = *state;
  Pool pool;
  GuardedBuffer guarded;
  openGuarded(&pool, &guarded, kind, 1000);
  assertRefused(&pool, mema_pallocWait(&pool, hideSize(pool.poolSize + 1), -1), MEMA_OVER_BUDGET);
  assertWorks(mema_pallocWait(&pool, 10, -1) != NULL);
  closeGuarded(&pool, &guarded);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixedKinds(aBufferOfAnySizeServes),
      fixedKinds(badBuffersAreRefused),
      fixedKinds(theRecordsAreSmall),
      fixedKinds(aBufferBelongsToOnePool),
      fixedKinds(freePiecesJoinToOne),
      fixedKinds(theSentenceNamesFragmentation),
      fixedKinds(theChunkFreedLastServesARequest),
      fixedKinds(aRefusalPutsPiecesBack),
      fixedKinds(chunksGrowAndShrinkInPlace),
      fixedKinds(alignedChunksGiveTheirEdgesBack),
      fixedKinds(writesToFreedMemoryDoNoHarm),
      fixedKinds(damageIsRemembered),
      cmocka_unit_test(brokenBlocksAreNotFollowed),
      cmocka_unit_test(aRewindStopsAtABrokenBlock),
      fixedKinds(chunksThatDoNotFitComeFromTheSystem),
      fixedKinds(growthOutsideIsWithinTheBudget),
      fixedKinds(theLargestChunkIsGranted),
      fixedKinds(aGrowingChunkWantsItsGrowth),
      fixedKinds(watchedPoolsGiveTheSameResults),
      fixedKinds(aWaitIsRefusedAtOnce),
  };
  return runTests(tests);
}
