/* P3: pfree is true for the start of a live chunk of this pool, and for no other 64-bit value. */
#include "unit.h"

#include <sys/mman.h>
#include <unistd.h>

static int global;
static const char readOnly[64] = "read only";

/* Each call that takes a chunk refuses a pointer that is none. */
static void assertNoChunk(Pool *pool, uintptr_t value) {
  void *pointer = hidePointer((void *)value);
  assertRefused(pool, pfree(pool, pointer), MEMA_BAD_POINTER);
  assertWorks(!mema_ownsChunk(pool, pointer));
  assertWorks(mema_chunkSize(pool, pointer) == 0);
  if (pointer != NULL) {
    assertRefused(pool, mema_repalloc(pool, pointer, hideSize(10)), MEMA_BAD_POINTER);
    assertRefused(pool, mema_repalloc(pool, pointer, hideSize(0)), MEMA_BAD_POINTER);
  }
}

static void pointersThatWereNeverHandedOutAreRefused(void **state) {
  const Kind *kind = *state;
  Pool pool;
  int local = 0;
  assert_true(makePool(&pool, kind, MIB));
  char *text = palloc(&pool, 100);
  fillBytes(text, 100, 9);
  size_t charge = mema_chunkSize(&pool, text);
  long page = sysconf(_SC_PAGESIZE);
  void *forbidden = mmap(NULL, (size_t)page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void *gone = mmap(NULL, (size_t)page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(gone, (size_t)page);
  assertNoChunk(&pool, 0);
  assertNoChunk(&pool, 1);
  assertNoChunk(&pool, 16);
  assertNoChunk(&pool, addressOf(&local));
  assertNoChunk(&pool, addressOf(&global));
  assertNoChunk(&pool, addressOf(readOnly));
  assertNoChunk(&pool, (uintptr_t)&pointersThatWereNeverHandedOutAreRefused);
  assertNoChunk(&pool, addressOf(forbidden));
  assertNoChunk(&pool, addressOf(gone));
  assertNoChunk(&pool, addressOf(&pool));
  assertNoChunk(&pool, addressOf(&pool.head));
  assertNoChunk(&pool, (uintptr_t)0x8000000000000000u);
  assertNoChunk(&pool, (uintptr_t)0x0000800000000000u);
  assertNoChunk(&pool, (uintptr_t)0xdeadbeefdeadbee0u);
  assertNoChunk(&pool, UINTPTR_MAX);
  assertNoChunk(&pool, UINTPTR_MAX - 15);
  assertNoChunk(&pool, UINTPTR_MAX - 65535);
  for (int bit = 0; bit < wordBits; bit++) assertNoChunk(&pool, addressOf(text) ^ (uintptr_t)1 << bit);
  munmap(forbidden, (size_t)page);
  assert_true(bytesFilled(text, 100, 9));
  assertPool(&pool, charge, 1);
  assertWorks(pfree(&pool, text));
  assert_true(freePool(&pool));
}

static void everyOffsetIntoAndAroundAChunkIsRefused(void **state) {
  const Kind *kind = *state;
  static const size_t sizes[] = {1, 16, 17, 100, 1000, 4096, 5000, 33000, 70000, 300000};
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t size = sizes[i];
    char *chunk = palloc(&pool, size);
    fillBytes(chunk, size, 2);
    Snapshot before = snapshotOf(&pool);
    size_t step = size < 2000 ? 1 : 61, misses = 0;
    for (size_t offset = 1; offset <= size + 64; offset += step) misses += !pfree(&pool, hidePointer(chunk + offset));
    for (size_t offset = 1; offset <= 64; offset++) misses += !pfree(&pool, hidePointer(chunk - offset));
    assert_int_equal(misses, 64 + (size + 64 + step - 1) / step);
    assertNoChunk(&pool, addressOf(chunk) + 16);
    assertNoChunk(&pool, addressOf(chunk) + size);
    assert_int_equal(pool.freeSize, before.stats.freeSize);
    assert_true(bytesFilled(chunk, size, 2));
    assertWorks(pfree(&pool, chunk));
    assertNoChunk(&pool, addressOf(chunk));
    assertPool(&pool, 0, 0);
  }
  assert_true(freePool(&pool));
}

static void doubleFreesAreRefusedInEveryState(void **state) {
  const Kind *kind = *state;
  static const size_t sizes[] = {1, 48, 1000, 9000, 40000, 150000};
  Pool pool;
  assert_true(makePool(&pool, kind, 4 * MIB));
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char *chunks[10];
    for (int j = 0; j < 10; j++) chunks[j] = palloc(&pool, sizes[i]);
    for (int j = 0; j < 10; j++) {
      assertWorks(pfree(&pool, chunks[j]));
      for (int k = 0; k <= j; k++) assertNoChunk(&pool, addressOf(chunks[k]));
    }
    assertPool(&pool, 0, 0);
    assert_true(mema_trimPool(&pool) < SIZE_MAX);
    for (int j = 0; j < 10; j++) assertNoChunk(&pool, addressOf(chunks[j]));
  }
  assert_true(freePool(&pool));
}

/* Once an address has been handed out again it is the start of a live chunk: the one freed pointer that is not refused. */
static void anAddressHandedOutAgainIsLive(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 4096));
  void *first = palloc(&pool, 48);
  assert_true(pfree(&pool, first));
  for (int i = 0; i < 60; i++) {
    void *chunk = palloc(&pool, 48);
    if (samePlace(chunk, first)) {
      assertWorks(pfree(&pool, first));
      assertNoChunk(&pool, addressOf(chunk));
      break;
    }
  }
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
}

static void chunksOfOtherPoolsAreRefused(void **state) {
  const Kind *kind = *state;
  Pool pool, other;
  assert_true(makePool(&pool, kind, MIB));
  assert_true(makePool(&other, kind, MIB));
  static const size_t sizes[] = {8, 200, 5000, 100000};
  void *ours[4], *theirs[4];
  size_t bytes = 0;
  for (int i = 0; i < 4; i++) {
    ours[i] = palloc(&pool, sizes[i]);
    theirs[i] = palloc(&other, sizes[i]);
    bytes += mema_chunkSize(&other, theirs[i]);
  }
  for (int i = 0; i < 4; i++) {
    assertNoChunk(&pool, addressOf(theirs[i]));
    assertNoChunk(&other, addressOf(ours[i]));
  }
  assertPool(&other, bytes, 4);
  assertWorks(freePool(&other));
  for (int i = 0; i < 4; i++) assertNoChunk(&pool, addressOf(theirs[i]));
  /* A younger pool, very likely in the same reservation: chunks of the ended pool are not its own. */
  assert_true(makePool(&other, kind, MIB));
  for (int i = 0; i < 4; i++) assertNoChunk(&other, addressOf(theirs[i]));
  assert_true(freePool(&other));
  assert_true(freePool(&pool));
}

static void theReservationsOwnAddressesAreRefused(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  mema_Stats stats;
  assert_true(mema_poolStats(&pool, &stats));
  assertNoChunk(&pool, addressOf(pool.mem)); /* nothing is live */
  char *first = palloc(&pool, 64), *second = palloc(&pool, 30000);
  size_t bytes = mema_chunkSize(&pool, first) + mema_chunkSize(&pool, second);
  /* Every page of the reservation, and of the memory before and behind it. */
  uintptr_t from = addressOf(pool.mem) - 64 * KIB, to = addressOf(pool.mem) + stats.reservation + 64 * KIB;
  for (uintptr_t at = from; at < to; at += 4096) {
    if (at == addressOf(first) || at == addressOf(second)) continue;
    if (pfree(&pool, hidePointer((void *)at))) fail_msg("freed %#zx", (size_t)at);
  }
  if (!kind->options.untracked) { /* its own records */
    assertNoChunk(&pool, addressOf(pool.head));
    assertNoChunk(&pool, addressOf(pool.tail));
  }
  for (size_t i = 0; i < sizeof pool.reserved / sizeof pool.reserved[0]; i++)
    if (pool.reserved[i] != 0) assertNoChunk(&pool, pool.reserved[i]); /* wherever the pool's own words point to */
  assertPool(&pool, bytes, 2);
  assert_true(freePool(&pool));
}

/* Any 64-bit value: all of them wrong, save for a collision that 2^64 makes unthinkable. */
static void randomValuesAreRefused(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, MIB));
  char *chunk = palloc(&pool, 5000);
  size_t charge = mema_chunkSize(&pool, chunk);
  uint64_t random = 11;
  for (int i = 0; i < 200000; i++) {
    uint64_t value = nextRandom(&random) >> nextRandom(&random) % 64;
    if (i % 2 == 0) value = addressOf(pool.mem) + value % (8 * MIB);
    if (value == addressOf(chunk)) continue;
    if (pfree(&pool, hidePointer((void *)(uintptr_t)value))) fail_msg("freed %#zx", (size_t)value);
  }
  assertPool(&pool, charge, 1);
  assertWorks(pfree(&pool, chunk));
  assert_true(freePool(&pool));
}

/* Freeing touches neither the chunk nor its neighbours. */
static void aFreeLeavesTheNeighboursAlone(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makePool(&pool, kind, 4 * MIB));
  for (size_t size = 16; size <= 70000; size = size * 3 + 5) {
    char *chunks[16];
    for (unsigned i = 0; i < 16; i++) fillBytes(chunks[i] = palloc(&pool, size), size, i);
    for (unsigned i = 0; i < 16; i += 2) assertWorks(pfree(&pool, chunks[i]));
    for (unsigned i = 1; i < 16; i += 2) assert_true(bytesFilled(chunks[i], size, i));
    for (unsigned i = 1; i < 16; i += 2) assertWorks(pfree(&pool, chunks[i]));
  }
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      anyKind(pointersThatWereNeverHandedOutAreRefused),
      anyKind(everyOffsetIntoAndAroundAChunkIsRefused),
      anyKind(doubleFreesAreRefusedInEveryState),
      anyKind(anAddressHandedOutAgainIsLive),
      anyKind(chunksOfOtherPoolsAreRefused),
      anyKind(theReservationsOwnAddressesAreRefused),
      anyKind(randomValuesAreRefused),
      anyKind(aFreeLeavesTheNeighboursAlone),
  };
  return runTests(tests);
}
