/* Where a pool's memory comes from: hooks. Those of tests/support keep watch over the protocol. */
#include "unit.h"

#include "hooked.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { budget = 1024 * 1024 };

enum { sourceCount = 4 };
static const mema_Memory *const sources[sourceCount] = {&hookedZeroed, &hookedDirty, &hookedKept, &hookedWhole};

static const Kind shapes[] = {
    {"", {.poolSize = budget}},
    {"", {.poolSize = budget, .untracked = true}},
    {"", {.poolSize = budget, .reservation = 64 * KIB}},
    {"", {.poolSize = budget, .reservation = 64 * KIB, .untracked = true}},
    {"", {.poolSize = budget, .committed = true}},
    {"", {.poolSize = 100, .committed = true, .untracked = true}},
    {"", {.poolSize = budget, .shared = true}},
    {"", {.poolSize = budget, .shared = true, .untracked = true}},
    {"", {.poolSize = 12 * MIB}},
    {"", {.poolSize = 3 * MIB, .untracked = true, .committed = true}},
    {"", {.poolSize = budget, .hugePages = true}},
};
enum { shapeCount = sizeof shapes / sizeof *shapes };

static mema_Options shaped(size_t shape, const mema_Memory *memory) {
  mema_Options options = shapes[shape].options;
  options.memory = memory;
  return options;
}

/* ---- playing, with refusals or without ---------------------------------------------------------------------------------- */

enum { places = 64 };

/* A refused request has this one reason, and changes nothing; no reservation was made for it and left behind. */
static bool refused(const Pool *pool, const Snapshot *before) {
  mema_Stats stats;
  assert_true(mema_poolStats(pool, &stats));
  if (stats.reservation != before->stats.reservation)
    fail_msg("%zu bytes reserved, %zu before", stats.reservation, before->stats.reservation);
  assertWell(errorIsNot(MEMA_NO_MEMORY));
  assertWell(changedSince(pool, before));
  return true;
}

/* Makes one request. The chunks that are live keep their bytes. */
static void playRequest(Pool *pool, unsigned char **chunks, size_t *sizes, uint64_t *random) {
  static const size_t scales[] = {16, 300, 5000, 70000, 300000};
  size_t i = nextRandom(random) % places, size = 1 + nextRandom(random) % scales[nextRandom(random) % 5];
  unsigned call = nextRandom(random) % 4;
  Snapshot before = snapshotOf(pool);
  unsigned char *bytes;
  forgetError(MEMA_NO_MEMORY);
  if (chunks[i] == NULL) {
    bytes = call == 0 ? mema_pcalloc(pool, 1, size) : call == 1 ? mema_pmemalign(pool, 4096, size) : palloc(pool, size);
    if (bytes != NULL && call == 0 && !bytesZero(bytes, size)) fail_msg("pcalloc of %zu bytes: not zero", size);
  } else if (call < 2) {
    assert_true(bytesFilled(chunks[i], sizes[i], (unsigned)i));
    assert_true(pfree(pool, hidePointer(chunks[i])));
    chunks[i] = NULL;
    return;
  } else {
    bytes = mema_repalloc(pool, hidePointer(chunks[i]), size);
    if (bytes != NULL) assert_true(bytesFilled(bytes, size < sizes[i] ? size : sizes[i], (unsigned)i));
  }
  if (bytes == NULL && mema_lastError()->reason != MEMA_OVER_BUDGET && refused(pool, &before)) return;
  if (bytes == NULL) return;
  fillBytes(bytes, size, (unsigned)i);
  chunks[i] = bytes;
  sizes[i] = size;
}

/* A life of a pool from this source; false iff it was not even made. */
static bool live(const mema_Options *options, unsigned steps, uint64_t random) {
  Pool pool;
  unsigned char *chunks[places] = {0};
  size_t sizes[places];
  forgetError(MEMA_NO_MEMORY);
  memset(&pool, 0x5c, sizeof pool);
  Pool untouched = pool;
  if (!mema_initPoolWith(&pool, options)) {
    assertWell(errorIsNot(MEMA_NO_MEMORY));
    assert_memory_equal(&pool, &untouched, sizeof pool);
    return false;
  }
  for (unsigned step = 0; step < steps; step++) {
    playRequest(&pool, chunks, sizes, &random);
    if (!mema_checkPool(&pool)) fail_msg("step %u: %s", step, mema_lastError()->sentence);
    if (step % 50 == 30) mema_trimPool(&pool);
    if (step == steps / 2) {
      assert_true(mema_resetPool(&pool));
      memset(chunks, 0, sizeof chunks);
    }
  }
  for (size_t i = 0; i < places; i++)
    if (chunks[i] != NULL) assert_true(bytesFilled(chunks[i], sizes[i], (unsigned)i));
  assert_true(freePool(&pool));
  return true;
}

static void everyReserveHasItsRelease(void **state) {
  (void)state;
  for (size_t source = 0; source < sourceCount; source++)
    for (size_t shape = 0; shape < shapeCount; shape++) {
      const Hooks *hooks = freshHooks(sources[source]);
      mema_Options options = shaped(shape, sources[source]);
      assert_true(live(&options, 400, shape + 1));
      assert_true(hooks->reserves > 0);
      freshHooks(sources[source]);
    }
}

/* Each call to a hook in turn is refused, alone and with all that follow. */
static void aRefusalAtAnyCallChangesNothing(void **state) {
  (void)state;
  for (size_t source = 0; source < sourceCount; source++)
    for (size_t shape = 0; shape < shapeCount; shape++)
      for (int on = 0; on < 2; on++)
        for (size_t k = 1;; k++) {
          Hooks *hooks = freshHooks(sources[source]);
          hooks->failAt = k;
          hooks->failOn = on != 0;
          mema_Options options = shaped(shape, sources[source]);
          live(&options, 90, 7);
          if (hooks->refusals == 0) break;
          hooks->failAt = 0;
          hooks->failOn = false;
          freshHooks(sources[source]);
        }
}

/* The hooks refuse for a while. As soon as they have memory again, the pool serves requests, and the refusals left nothing behind. */
static void aPoolRecoversFromARefusal(void **state) {
  (void)state;
  for (size_t shape = 0; shape < 4; shape++) {
    Hooks *hooks = freshHooks(&hookedDirty);
    mema_Options options = shaped(shape, &hookedDirty);
    Pool pool;
    assert_true(mema_initPoolWith(&pool, &options));
    size_t granted = 0, before = 0;
    for (int round = 0; round < 3; round++) {
      hooks->failAt = 1;
      hooks->failOn = true;
      while (palloc(&pool, 1000) != NULL) granted++;
      before = hooks->reserved;
      for (int i = 0; i < 200; i++) assertRefused(&pool, palloc(&pool, 1000) != NULL, MEMA_NO_MEMORY);
      assert_int_equal(hooks->reserved, before);
      hooks->failAt = 0;
      hooks->failOn = false;
      for (int i = 0; i < 100; i++) {
        assertWorks(hidePointer(palloc(&pool, 1000)) != NULL);
        if (shape == 0) assert_true(pool.tail->poolAllocated); /* where there is room, and no longer a refusal */
      }
    }
    assert_true(hooks->refusals >= 600);
    mema_Stats stats;
    assert_true(mema_poolStats(&pool, &stats));
    assert_int_equal(stats.liveChunks, granted + 300);
    assert_true(freePool(&pool));
    freshHooks(&hookedDirty);
  }
}

/* A source that has little left is asked for little: it is used up to less than a span. */
static void aSourceIsUsedUpToLessThanASpan(void **state) {
  (void)state;
  Hooks *hooks = freshHooks(&hookedZeroed);
  Pool pool;
  mema_Options options = {.poolSize = 8 * MIB, .untracked = true, .memory = &hookedZeroed};
  hooks->most = 3 * MIB;
  assertWorks(mema_initPoolWith(&pool, &options));
  size_t bytes = 0;
  for (; palloc(&pool, 4096) != NULL; bytes += 4096) {
  }
  assertWell(errorIsNot(MEMA_NO_MEMORY));
  if (hooks->most - hooks->committed > (wordBits == 64 ? 32 : 40) * KIB)
    fail_msg("%zu bytes are left", hooks->most - hooks->committed);
  assert_true(bytes > 2 * MIB);
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
  freshHooks(&hookedZeroed);
}

/* ---- what comes from where ----------------------------------------------------------------------------------------------- */

static void allMemoryComesFromTheHooks(void **state) {
  (void)state;
  for (size_t source = 0; source < sourceCount; source++) {
    const Hooks *hooks = freshHooks(sources[source]);
    mema_Options options = shaped(2, sources[source]); /* with chunks outside */
    Pool pool;
    assertWorks(mema_initPoolWith(&pool, &options));
    for (size_t size = 1; size < 300000; size = size * 2 + 1) {
      char *chunk;
      assertWorks((chunk = palloc(&pool, size)) != NULL);
      memset(chunk, 1, size);
      assert_true(isCommitted(sources[source], chunk, size));
      assert_true(isCommitted(sources[source], pool.tail, sizeof *pool.tail));
    }
    mema_Stats stats;
    assert_true(mema_poolStats(&pool, &stats));
    assert_true(stats.outsideChunks > 0);
    assert_true(hooks->live > 1);
    /* The footprint counts the committed bytes, and the header. */
    assert_true(stats.footprint <= hooks->committed + hooks->live * 8192);
    assert_true(stats.footprint >= stats.liveBytes);
    assert_true(freePool(&pool));
    freshHooks(sources[source]);
  }
}

static void commitsAreLazyAndFew(void **state) {
  (void)state;
  const Hooks *hooks = freshHooks(&hookedDirty);
  Pool pool;
  mema_Options options = {.poolSize = 64 * MIB, .memory = &hookedDirty};
  assertWorks(mema_initPoolWith(&pool, &options));
  assert_true(hooks->committed <= 64 * KIB);
  assert_non_null(hidePointer(palloc(&pool, 100)));
  assert_true(hooks->committed <= MIB);
  size_t chunks = 1;
  while (palloc(&pool, 100) != NULL) chunks++;
  assert_int_equal(chunks, 64 * MIB / 100);
  assert_true(hooks->commits < 400);
  assert_true(hooks->committed < 64 * MIB * 2);
  assert_true(freePool(&pool));
  freshHooks(&hookedDirty);
}

static void trimsAskForPurges(void **state) {
  (void)state;
  const Hooks *hooks = freshHooks(&hookedZeroed);
  Pool pool;
  mema_Options options = {.poolSize = 64 * MIB, .memory = &hookedZeroed};
  assertWorks(mema_initPoolWith(&pool, &options));
  char *chunk = palloc(&pool, 30 * MIB);
  assert_non_null(chunk);
  memset(chunk, 1, 30 * MIB);
  assert_true(pfree(&pool, chunk));
  mema_Stats stats;
  assert_true(mema_poolStats(&pool, &stats));
  size_t before = stats.footprint;
  assert_true(mema_trimPool(&pool) >= 30 * MIB);
  assert_true(hooks->purges > 0);
  assert_true(mema_poolStats(&pool, &stats));
  assert_true(stats.footprint <= before - 30 * MIB);
  assert_true(freePool(&pool));
  freshHooks(&hookedZeroed);
  /* Without a purge nothing is promised and nothing told. */
  options.memory = &hookedKept;
  freshHooks(&hookedKept);
  assertWorks(mema_initPoolWith(&pool, &options));
  chunk = palloc(&pool, 30 * MIB);
  assert_true(pfree(&pool, chunk));
  assertWorks(mema_trimPool(&pool) == 0);
  assert_true(freePool(&pool));
  freshHooks(&hookedKept);
}

/* A look-up answers for any address of the reservation, committed or not. */
static void lookUpsTouchCommittedMemoryAlone(void **state) {
  (void)state;
  for (size_t shape = 0; shape < shapeCount; shape++) {
    mema_Options options = shaped(shape, &hookedDirty);
    Pool pool;
    freshHooks(&hookedDirty);
    assertWorks(mema_initPoolWith(&pool, &options));
    mema_Stats stats;
    for (int round = 0; round < 2; round++) {
      assert_true(mema_poolStats(&pool, &stats));
      size_t before = stats.badFrees, step = stats.reservation / 5000 / 16 * 16 + 16, asked = 0;
      for (size_t at = 0; at < stats.reservation; at += step, asked++) {
        char *address = (char *)pool.mem + at;
        assert_false(mema_ownsChunk(&pool, address + 8));
        assert_false(pfree(&pool, address + 8));
        assert_false(mema_repalloc(&pool, address + 8, 1) != NULL);
      }
      assert_true(mema_poolStats(&pool, &stats));
      assert_int_equal(stats.badFrees - before, 2 * asked);
      assert_non_null(hidePointer(palloc(&pool, 5)));
    }
    assert_true(freePool(&pool));
  }
  freshHooks(&hookedDirty);
}

static void memoryOfHooksIsNotKeptWarm(void **state) {
  (void)state;
  mema_trimPool(NULL);
  const Hooks *hooks = freshHooks(&hookedDirty);
  Pool pool, plain;
  mema_Options options = {.poolSize = budget, .memory = &hookedDirty};
  for (size_t life = 1; life <= 5; life++) {
    assertWorks(mema_initPoolWith(&pool, &options));
    assert_int_equal(hooks->reserves, life);
    assertWorks(freePool(&pool));
    assert_int_equal(hooks->releases, life);
    assertWorks(initPool(&plain, budget));
    assert_false(isCommitted(&hookedDirty, plain.mem, 1));
    assertWorks(freePool(&plain));
  }
  freshHooks(&hookedDirty);
}

static void aCommittedPoolAsksNoMore(void **state) {
  (void)state;
  for (size_t source = 0; source < sourceCount; source++) {
    const Hooks *hooks = freshHooks(sources[source]);
    Pool pool;
    mema_Options options = {.poolSize = budget, .memory = sources[source], .committed = true};
    assertWorks(mema_initPoolWith(&pool, &options));
    size_t calls = hooks->calls, size = 32;
    for (; size <= pool.freeSize; size += size / 64 + 1) assert_non_null(hidePointer(palloc(&pool, size)));
    if (pool.freeSize >= 32) assert_non_null(hidePointer(palloc(&pool, pool.freeSize)));
    assert_true(mema_resetPool(&pool));
    mema_trimPool(&pool);
    assert_int_equal(hooks->calls, calls);
    assert_true(freePool(&pool));
    freshHooks(sources[source]);
  }
}

static bool mayLock(void) {
  struct rlimit limit;
  return geteuid() == 0 || (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur >= MIB);
}

/* With reservations of all sizes, also below a unit of a shared pool. */
static void aCommittedPoolTouchesCommittedMemoryAlone(void **state) {
  (void)state;
  Hooks *hooks = freshHooks(&hookedZeroed);
  for (int shape = 0; shape < 8; shape++)
    for (size_t poolSize = 1000; poolSize <= 8 * MIB; poolSize *= 90)
      for (size_t reservation = 0; reservation <= 3 * MIB; reservation = reservation == 0 ? 16 * KIB : reservation * 5 / 3) {
        Pool pool;
        mema_Options options = {
            .poolSize = poolSize, .reservation = reservation, .committed = true, .memory = &hookedZeroed};
        options.shared = (shape & 1) != 0;
        options.untracked = (shape & 2) != 0;
        options.locked = (shape & 4) != 0 && reservation <= 64 * KIB && poolSize == 1000 && mayLock();
        memset(&pool, 0, sizeof pool);
        assertWorks(mema_initPoolWith(&pool, &options));
        void *chunk = palloc(&pool, 100);
        assert_non_null(chunk);
        assertPool(&pool, mema_chunkSize(&pool, chunk), 1);
        assert_true(freePool(&pool));
      }
  assert_int_equal(hooks->live, 0);
  freshHooks(&hookedZeroed);
}

/* Each of several threads runs this. NULL: no complaint. */
static void *workInThread(void *argument) {
  Pool *pool = argument;
  unsigned char *chunks[places] = {0};
  size_t sizes[places];
  uint64_t random = (uintptr_t)&chunks;
  for (int i = 0; i < 20000; i++) {
    size_t at = nextRandom(&random) % places, size = 1 + nextRandom(&random) % (i % 50 == 0 ? 60000 : 600);
    if (chunks[at] != NULL && (!bytesFilled(chunks[at], sizes[at], (unsigned)at) || !pfree(pool, chunks[at]))) return pool;
    chunks[at] = palloc(pool, size);
    if (chunks[at] != NULL) fillBytes(chunks[at], sizes[at] = size, (unsigned)at);
  }
  for (size_t i = 0; i < places; i++)
    if (chunks[i] != NULL && !pfree(pool, chunks[i])) return pool;
  return NULL;
}

static void threadsShareAPoolWithHooks(void **state) {
  (void)state;
  enum { count = 4 };
  for (int tracked = 0; tracked < 2; tracked++)
    for (int few = 0; few < 2; few++) {
      Hooks *hooks = freshHooks(&hookedDirty);
      Pool pool;
      pthread_t threads[count];
      mema_Options options = {.poolSize = 8 * MIB, .shared = true, .untracked = tracked == 0, .memory = &hookedDirty};
      assertWorks(mema_initPoolWith(&pool, &options));
      if (few != 0) hooks->most = hooks->committed + MIB; /* refusals now and then */
      for (int i = 0; i < count; i++) assert_int_equal(pthread_create(&threads[i], NULL, workInThread, &pool), 0);
      for (int i = 0; i < count; i++) {
        void *bad;
        assert_int_equal(pthread_join(threads[i], &bad), 0);
        assert_null(bad);
      }
      assertPool(&pool, 0, 0);
      assertWorks(freePool(&pool));
      freshHooks(&hookedDirty);
    }
}

/* ---- hooks that are wrong ------------------------------------------------------------------------------------------------ */

static _Alignas(4096) char store[1024 * 1024];
static size_t releasedBytes;
static ptrdiff_t askew;

static void *reserveStore(void *user, size_t size, size_t alignment) {
  (void)user;
  char *base = (char *)(((uintptr_t)store + alignment - 1) & ~(uintptr_t)(alignment - 1)) + askew;
  return size <= (size_t)(store + sizeof store - base) ? base : NULL;
}

static void releaseStore(void *user, void *base, size_t size) {
  (void)user;
  (void)base;
  releasedBytes += size;
}

static void badHooksAreRefused(void **state) {
  (void)state;
  mema_Memory memory = {.release = releaseStore};
  mema_Options options = {.poolSize = 100000, .memory = &memory};
  Pool pool;
  memset(&pool, 0x5c, sizeof pool);
  assertFails(mema_initPoolWith(&pool, &options), MEMA_BAD_ARGUMENT);
  memory.reserve = reserveStore;
  askew = 64;
  releasedBytes = 0;
  assertFails(mema_initPoolWith(&pool, &options), MEMA_NO_MEMORY);
  assert_true(releasedBytes > 0);
  askew = 0;
}

/* The least there is to write: an array, one hook. More than it has room for is asked for first. */
static void anArrayAndOneHookAreASource(void **state) {
  (void)state;
  mema_Memory memory = {.reserve = reserveStore};
  for (int i = 0; i < 2; i++) {
    mema_Options options = {.poolSize = 700 * KIB, .memory = i == 0 ? &memory : NULL, .untracked = true};
    Pool pool;
    options.memory = &memory;
    memset(store, 0xff, sizeof store);
    assertWorks(mema_initPoolWith(&pool, &options));
    assert_true((char *)pool.mem >= store && (char *)pool.mem < store + sizeof store);
    memory.reserve = NULL; /* it was copied */
    size_t bytes = 0;
    for (char *chunk; (chunk = mema_pcalloc(&pool, 1, 5000)) != NULL; bytes += 5000) {
      assert_true(chunk >= store && chunk + 5000 <= store + sizeof store);
      assert_true(bytesZero(chunk, 5000));
      memset(chunk, 0xee, 5000);
    }
    assert_true(bytes > 400000);
    memory.reserve = reserveStore;
    assert_true(mema_checkPool(&pool));
    assertWorks(freePool(&pool));
  }
}

/* ---- memory seen from elsewhere ------------------------------------------------------------------------------------------- */

enum { fileBytes = 128 * 1024 * 1024 };

typedef struct File {
  int descriptor;
  char *base; /* shared with each mapping of the file */
  char *view; /* the same bytes at other addresses */
} File;

static void *reserveFile(void *user, size_t size, size_t alignment) {
  const File *file = user;
  return size <= fileBytes && isAligned(file->base, alignment) ? file->base : NULL;
}

static bool openFile(File *file) {
  file->descriptor = memfd_create("memory", 0);
  if (file->descriptor < 0 || ftruncate(file->descriptor, fileBytes) != 0) return false;
  char *room = mmap(NULL, fileBytes + 2 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) return false;
  room += 2 * MIB - (uintptr_t)room % (2 * MIB);
  file->base = mmap(room, fileBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file->descriptor, 0);
  file->view = mmap(NULL, fileBytes, PROT_READ, MAP_SHARED, file->descriptor, 0);
  return file->base == room && file->view != MAP_FAILED;
}

static void closeFile(const File *file) {
  munmap(file->base, fileBytes);
  munmap(file->view, fileBytes);
  close(file->descriptor);
}

static bool seenInView(const File *file, const char *chunk, size_t size) {
  return memcmp(chunk, file->view + (chunk - file->base), size) == 0;
}

/* The pool moves none of the pages, and maps nothing in their place: another mapping of the memory shows the pool's bytes. */
static void theMappingOfAHookIsLeftAlone(void **state) {
  (void)state;
  File file;
  if (!openFile(&file)) skip();
  mema_Memory memory = {.reserve = reserveFile, .user = &file, .zeroed = true};
  static const size_t sizes[] = {100000, 300000, 5 * MIB, 24 * MIB, 400000, 12 * MIB};
  for (int purges = 0; purges < 2; purges++) {
    memory.purge = purges != 0 ? hookedZeroed.purge : NULL; /* is never called: nothing is given back */
    mema_Options options = {.poolSize = 48 * MIB, .memory = &memory, .untracked = true};
    Pool pool;
    assertWorks(mema_initPoolWith(&pool, &options));
    char *blocker, *chunk = palloc(&pool, 1000);
    size_t before = 1000;
    fillBytes(chunk, before, 3);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      assertWorks((blocker = palloc(&pool, 1 * MIB)) != NULL);
      assertWorks((chunk = mema_repalloc(&pool, chunk, sizes[i])) != NULL);
      assert_true(bytesFilled(chunk, sizes[i] < before ? sizes[i] : before, 3));
      fillBytes(chunk, sizes[i], 3);
      memset(blocker, 1, 1 * MIB);
      before = sizes[i];
      assert_true(seenInView(&file, chunk, before));
      assert_true(seenInView(&file, blocker, 1 * MIB));
    }
    assert_true(pfree(&pool, chunk));
    for (size_t size = 0; pool.freeSize > MIB; size = (size + 99) % 5000) {
      chunk = palloc(&pool, 1 + size);
      memset(chunk, (int)size, 1 + size);
      assert_true(seenInView(&file, chunk, 1 + size));
    }
    assert_true(freePool(&pool));
    assert_int_equal(ftruncate(file.descriptor, 0), 0); /* zero again, for the next */
    assert_int_equal(ftruncate(file.descriptor, fileBytes), 0);
  }
  closeFile(&file);
}

/* A process that has the memory at equal addresses may read the chunks, with links in them; the pool stays the parent's. */
static void aChildReadsWhatItsParentWrites(void **state) {
  (void)state;
  typedef struct Link {
    struct Link *next;
    int number;
  } Link;
  enum { links = 1000 };
  File file;
  if (!openFile(&file)) skip();
  mema_Memory memory = {.reserve = reserveFile, .user = &file, .zeroed = true};
  mema_Options options = {.poolSize = MIB, .memory = &memory};
  Pool pool;
  assertWorks(mema_initPoolWith(&pool, &options));
  int go[2];
  assert_int_equal(pipe(go), 0);
  Link **first = hidePointer(palloc(&pool, sizeof(void *))); /* which another process writes to */
  *first = NULL;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    char byte;
    int number = links;
    if (read(go[0], &byte, 1) != 1) _exit(2);
    for (const Link *link = *first; link != NULL; link = link->next)
      if (link->number != --number) _exit(3);
    _exit(number);
  }
  for (int i = 0; i < links; i++) {
    Link *link = palloc(&pool, sizeof *link);
    *link = (Link){.next = *first, .number = i};
    *first = link;
  }
  assert_int_equal(write(go[1], "x", 1), 1);
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
  close(go[0]);
  close(go[1]);
  assert_true(freePool(&pool));
  closeFile(&file);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(everyReserveHasItsRelease),
      cmocka_unit_test(aRefusalAtAnyCallChangesNothing),
      cmocka_unit_test(aPoolRecoversFromARefusal),
      cmocka_unit_test(aSourceIsUsedUpToLessThanASpan),
      cmocka_unit_test(allMemoryComesFromTheHooks),
      cmocka_unit_test(commitsAreLazyAndFew),
      cmocka_unit_test(trimsAskForPurges),
      cmocka_unit_test(lookUpsTouchCommittedMemoryAlone),
      cmocka_unit_test(memoryOfHooksIsNotKeptWarm),
      cmocka_unit_test(aCommittedPoolAsksNoMore),
      cmocka_unit_test(aCommittedPoolTouchesCommittedMemoryAlone),
      cmocka_unit_test(threadsShareAPoolWithHooks),
      cmocka_unit_test(badHooksAreRefused),
      cmocka_unit_test(anArrayAndOneHookAreASource),
      cmocka_unit_test(theMappingOfAHookIsLeftAlone),
      cmocka_unit_test(aChildReadsWhatItsParentWrites),
  };
  return runTests(tests);
}
