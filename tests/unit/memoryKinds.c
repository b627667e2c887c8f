/* Memory of a kind of its own: locked, in huge pages, committed. */
#include "places.h"
#include "unit.h"

#include "hooked.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { budget = 1024 * 1024, nobody = 65534 };

/* ---- locked, and huge ---------------------------------------------------------------------------------------------------- */

/* A figure of /proc/self/status, in bytes. */
static size_t statusBytes(const char *name) {
  char line[256];
  size_t kib = 0;
  FILE *status = fopen("/proc/self/status", "r");
  assert_non_null(status);
  while (fgets(line, sizeof line, status) != NULL)
    if (strncmp(line, name, strlen(name)) == 0) kib = strtoul(line + strlen(name) + 1, NULL, 10);
  fclose(status);
  return kib * KIB;
}

/* In a child without privileges, with that much to lock: the status that `work` returns. */
static int asUser(size_t limit, int (*work)(void)) {
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    struct rlimit least = {.rlim_cur = limit, .rlim_max = limit};
    if (setrlimit(RLIMIT_MEMLOCK, &least) != 0) _exit(77);
    if (geteuid() == 0 && (setgid(nobody) != 0 || setuid(nobody) != 0)) _exit(77);
    _exit(work());
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  if (!WIFEXITED(status)) fail_msg("ended by signal %d", WTERMSIG(status));
  return WEXITSTATUS(status);
}

static int lockTooMuch(void) {
  Pool pool;
  mema_Options options = {.poolSize = budget, .locked = true};
  memset(&pool, 0x5c, sizeof pool);
  unsigned char untouched[sizeof pool];
  memcpy(untouched, &pool, sizeof pool);
  size_t locked = statusBytes("VmLck");
  forgetError(MEMA_NO_MEMORY);
  if (mema_initPoolWith(&pool, &options)) return 1;
  if (errorIsNot(MEMA_NO_MEMORY) != NULL) return 2;
  if (memcmp((const unsigned char *)&pool, untouched, sizeof pool) != 0) return 3;
  if (statusBytes("VmLck") != locked) return 4;
  options.memory = &hookedDirty;
  if (mema_initPoolWith(&pool, &options)) return 5;
  if (hooksOf(&hookedDirty)->live != 0) return 6;
  options.locked = false; /* and without, all is well */
  return mema_initPoolWith(&pool, &options) && freePool(&pool) ? 0 : 7;
}

/* Memory outside the reservation is locked too, or the request is refused. */
static int lockOutside(void) {
  Pool pool;
  mema_Options options = {.poolSize = 64 * MIB, .locked = true, .reservation = 128 * KIB};
  if (!mema_initPoolWith(&pool, &options)) return 1;
  size_t locked = statusBytes("VmLck"), bytes = 0, now = locked;
  if (locked < 128 * KIB) return 2;
  while (palloc(&pool, 10000) != NULL) {
    bytes += 10000;
    now = statusBytes("VmLck");
    if (now < bytes) return 3;
  }
  if (mema_lastError()->reason != MEMA_NO_MEMORY) return 4;
  if (bytes < MIB || now <= locked) return 5;
  if (!mema_checkPool(&pool) || !freePool(&pool)) return 6;
  return statusBytes("VmLck") == 0 ? 0 : 7;
}

static void lockedMemoryIsCounted(void **state) {
  (void)state;
  size_t before = statusBytes("VmLck");
  for (int hooked = 0; hooked < 2; hooked++) {
    Pool pool;
    mema_Options options = {.poolSize = 64 * KIB, .locked = true, .memory = hooked != 0 ? &hookedDirty : NULL};
    freshHooks(&hookedDirty);
    if (!mema_initPoolWith(&pool, &options)) skip(); /* the least limit of old systems is 64 KiB */
    mema_Stats stats;
    assert_true(mema_poolStats(&pool, &stats));
    assert_true(stats.committed);
    assert_true(statusBytes("VmLck") >= before + stats.reservation);
    assert_true(stats.footprint >= stats.reservation);
    void *chunk = palloc(&pool, 60000);
    assert_true(pfree(&pool, chunk));
    assertWorks(mema_trimPool(&pool) < SIZE_MAX);
    assert_true(statusBytes("VmLck") >= before + stats.reservation);
    assert_true(freePool(&pool));
    assert_int_equal(statusBytes("VmLck"), before);
    freshHooks(&hookedDirty);
  }
}

static void lockingKeepsToTheSystemsLimit(void **state) {
  (void)state;
  if (UNDER_ASAN) skip();
  int tooMuch = asUser(64 * KIB, lockTooMuch), outside = asUser(4 * MIB, lockOutside);
  if (tooMuch != 77) assert_int_equal(tooMuch, 0);
  if (outside != 77) assert_int_equal(outside, 0);
  if (tooMuch == 77 || outside == 77) skip();
}

/* Whether the mapping at an address was advised, and how much of it is in huge pages. False where the system tells nothing. */
static bool hugeAt(const void *address, bool *advised, size_t *bytes) {
  char line[512];
  bool inside = false, told = false;
  FILE *maps = fopen("/proc/self/smaps", "r");
  if (maps == NULL) return false;
  while (fgets(line, sizeof line, maps) != NULL) {
    char *end;
    uintptr_t first = strtoul(line, &end, 16), last = *end == '-' ? strtoul(end + 1, NULL, 16) : 0;
    if (*end == '-') inside = addressOf(address) >= first && addressOf(address) < last;
    if (inside && strncmp(line, "AnonHugePages:", 14) == 0) *bytes = strtoul(line + 14, NULL, 10) * KIB;
    if (inside && strncmp(line, "VmFlags:", 8) == 0) {
      *advised = strstr(line, " hg") != NULL;
      told = true;
    }
  }
  fclose(maps);
  return told;
}

static bool systemHasHuge(void) {
  char line[64] = "";
  FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
  if (file == NULL) return false;
  bool read = fgets(line, sizeof line, file) != NULL;
  fclose(file);
  return read && strstr(line, "[never]") == NULL;
}

/* An emulator may take the advice and keep it to itself. */
static bool systemShowsAdvice(void) {
  enum { size = 4 * 1024 * 1024 };
  bool advised = false;
  size_t bytes = 0;
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  bool shown = madvise(memory, size, MADV_HUGEPAGE) == 0 && hugeAt(memory, &advised, &bytes) && advised;
  munmap(memory, size);
  return shown;
}

static void hugePagesAreAskedFor(void **state) {
  (void)state;
  bool shown = systemHasHuge() && systemShowsAdvice();
  static const Kind shapesOfHuge[] = {{"", {.poolSize = 16 * MIB, .hugePages = true}},
                                      {"", {.poolSize = 1000, .hugePages = true, .untracked = true}},
                                      {"", {.poolSize = 8 * MIB, .hugePages = true, .committed = true}},
                                      {"", {.poolSize = MIB, .hugePages = true, .reservation = 3 * MIB + 5}}};
  for (size_t i = 0; i < sizeof shapesOfHuge / sizeof *shapesOfHuge; i++) {
    Pool pool;
    mema_Stats stats;
    assertWorks(mema_initPoolWith(&pool, &shapesOfHuge[i].options));
    assert_true(isAligned(pool.mem, 2 * MIB));
    assert_true(mema_poolStats(&pool, &stats));
    assert_int_equal(stats.reservation % (2 * MIB), 0);
    char *chunk = palloc(&pool, 100);
    memset(chunk, 1, 100);
    bool advised = false;
    size_t bytes = 0;
    if (shown && hugeAt(chunk, &advised, &bytes)) {
      assert_true(advised);
      assert_true(mema_poolStats(&pool, &stats));
      assert_true(stats.footprint >= bytes);
      if (!stats.untracked && stats.poolSize > 8 * MIB && hugeAt(pool.head, &advised, &bytes)) assert_true(advised);
    }
    mema_trimPool(&pool);
    assert_int_equal(chunk[99], 1);
    assert_true(mema_checkPool(&pool));
    assert_true(freePool(&pool));
  }
  if (!shown) skipBecause("the system has no huge pages, or does not show which memory should have them");
}

/* With hooks no advice is given: that is theirs to do. */
static void hookedMemoryGetsNoAdvice(void **state) {
  (void)state;
  for (int variant = 0; variant < 3; variant++) {
    Pool pool;
    mema_Options options = {
        .poolSize = 48 * MIB, .memory = &hookedZeroed, .committed = variant == 1, .hugePages = variant == 2};
    freshHooks(&hookedZeroed);
    assertWorks(mema_initPoolWith(&pool, &options));
    assert_true(isAligned(pool.mem, options.hugePages ? 2 * MIB : 4096));
    while (palloc(&pool, 500) != NULL) {
    }
    bool advised = false;
    size_t bytes = 0;
    for (size_t at = 0; at < 40 * MIB; at += MIB)
      if (hugeAt((char *)pool.mem + at, &advised, &bytes)) assert_false(advised);
    assert_true(freePool(&pool));
  }
  freshHooks(&hookedZeroed);
}

/* ---- the size of a committed reservation ---------------------------------------------------------------------------------- */

/* A chunk of each slot size first, so that no span is full; then the rest of the budget in chunks of one size. */
static void fillOnce(size_t poolSize, size_t worst, bool untracked) {
  Pool pool;
  mema_Options options = {.poolSize = poolSize, .committed = true, .untracked = untracked};
  assert_true(mema_initPoolWith(&pool, &options));
  size_t least = untracked ? 1 : 32;
  for (size_t step = 16, size = 16; size < 32 * KIB; size += step) {
    if (size >= 128) step = 32;
    if (size >= 512) step = ((size_t)1 << (63 - __builtin_clzll(size))) / 4;
    if (size + 1 >= least) (void)palloc(&pool, size + 1);
  }
  while (palloc(&pool, worst) != NULL) {
  }
  while (pool.freeSize >= least && palloc(&pool, pool.freeSize) != NULL) {
  }
  if (pool.freeSize >= least && !untracked) fail_msg("%zu bytes are left of %zu", pool.freeSize, poolSize);
  mema_Stats stats;
  assert_true(mema_poolStats(&pool, &stats));
  if (stats.outsideChunks != 0)
    fail_msg("%zu chunks outside, of %zu in a pool of %zu", stats.outsideChunks, worst, poolSize);
  assert_true(freePool(&pool));
}

static void aCommittedReservationHoldsEveryFill(void **state) {
  (void)state;
  static const size_t worst[] = {1,    16,   17,    32,       33,    49,    113,   129,   513,    1025,   2049,
                                 4097, 8193, 16385, 32 * KIB, 32769, 65536, 65537, 70000, 131073, 1048577};
  for (size_t poolSize = 1; poolSize <= 64 * MIB; poolSize = poolSize * 5 / 2 + 7)
    for (size_t i = 0; i < sizeof worst / sizeof *worst; i++) {
      if (worst[i] >= 32) fillOnce(poolSize, worst[i], false);
      fillOnce(poolSize, worst[i], true);
    }
}

/* Slots of one size, freed and taken in any order. */
static void aCommittedReservationHoldsEveryOrderOfSizes(void **state) {
  (void)state;
  static const size_t slots[] = {32, 48, 112, 1024, 10240, 32768};
  static char *chunks[40000];
  for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
    enum { poolSize = 1200000 };
    Pool pool;
    assert_true(makePool(&pool, &kindCommitted, poolSize));
    size_t count = poolSize / slots[i], most = slots[i] - slots[i] / 8;
    uint64_t random = i;
    memset(chunks, 0, sizeof chunks);
    for (size_t step = 0; step < 6 * count; step++) {
      size_t at = nextRandom(&random) % count;
      if (chunks[at] != NULL) assert_true(pfree(&pool, chunks[at]));
      size_t size = most + nextRandom(&random) % (slots[i] - most + 1);
      chunks[at] = palloc(&pool, size < 33 ? 32 : size);
      assert_non_null(chunks[at]);
    }
    mema_Stats stats;
    assert_true(mema_poolStats(&pool, &stats));
    assert_int_equal(stats.outsideChunks, 0);
    assert_true(freePool(&pool));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lockedMemoryIsCounted),
      cmocka_unit_test(lockingKeepsToTheSystemsLimit),
      cmocka_unit_test(hugePagesAreAskedFor),
      cmocka_unit_test(hookedMemoryGetsNoAdvice),
      cmocka_unit_test(aCommittedReservationHoldsEveryFill),
      cmocka_unit_test(aCommittedReservationHoldsEveryOrderOfSizes),
  };
  return runTests(tests);
}
