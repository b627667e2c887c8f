#include "support.h"

#include "hooked.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

Kind kindTracked = {"tracked", {0}};
Kind kindUntracked = {"untracked", {.untracked = true}};
Kind kindCommitted = {"committed", {.committed = true}};
Kind kindOutside = {"outside", {.reservation = 64 * 1024}};
Kind kindUntrackedOutside = {"untracked, outside", {.untracked = true, .reservation = 64 * 1024}};
Kind kindShared = {"shared", {.untracked = true, .shared = true}};
Kind kindSharedOutside = {"shared, outside", {.untracked = true, .shared = true, .reservation = 64 * 1024}};
Kind kindSharedTracked = {"shared, tracked", {.shared = true}};
Kind kindHooked = {"hooked", {.memory = &hookedDirty}};
Kind kindHookedUntracked = {"hooked, untracked", {.memory = &hookedZeroed, .untracked = true}};
Kind kindHookedOutside = {"hooked, outside", {.memory = &hookedDirty, .reservation = 64 * 1024}};
Kind kindHookedShared = {"hooked, shared", {.memory = &hookedDirty, .untracked = true, .shared = true}};
Kind kindArena = {"arena", {.engine = MEMA_ARENA}};
Kind kindArenaUntracked = {"arena, untracked", {.untracked = true, .engine = MEMA_ARENA}};
Kind kindArenaCommitted = {"arena, committed", {.committed = true, .engine = MEMA_ARENA}};
Kind kindArenaOutside = {"arena, outside", {.reservation = 64 * 1024, .engine = MEMA_ARENA}};
Kind kindArenaUntrackedOutside = {"arena, untracked, outside",
                                  {.untracked = true, .reservation = 64 * 1024, .engine = MEMA_ARENA}};
Kind kindFixed = {"fixed", {.engine = MEMA_FIXED}};
Kind kindFixedUntracked = {"fixed, untracked", {.untracked = true, .engine = MEMA_FIXED}};

/* At `place`, whose mapping is replaced, or anywhere. */
static char *guardedAt(void *place, GuardedBuffer *guarded, size_t size) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (place != NULL ? MAP_FIXED : 0);
  guarded->size = (size + page - 1) / page * page + 2 * page;
  guarded->map = mmap(place, guarded->size, PROT_NONE, flags, -1, 0);
  if (guarded->map == MAP_FAILED || mprotect(guarded->map + page, guarded->size - 2 * page, PROT_READ | PROT_WRITE) != 0)
    return NULL;
  /* Where the system hands out huge pages unasked, a test would find more memory in use than it wrote to. */
  (void)madvise(guarded->map, guarded->size, MADV_NOHUGEPAGE);
  return guarded->map + guarded->size - page - size;
}

char *guardedBuffer(GuardedBuffer *guarded, size_t size) {
  return guardedAt(NULL, guarded, size);
}

void dropBuffer(GuardedBuffer *guarded) {
  munmap(guarded->map, guarded->size);
}

/* One for each Pool's address, so roomy that fragmentation refuses nothing that these tests ask for. A Pool that is made anew gets new memory: at
 * the same place if the size is the same, so that the bytes of the earlier Pool still lead to memory. */
static bool giveBuffer(const Pool *pool, mema_Options *options) {
  enum { most = 256 };
  static struct {
    const Pool *pool;
    size_t size;
    GuardedBuffer guarded;
  } buffers[most];
  int i = 0;
  while (i < most && buffers[i].pool != NULL && buffers[i].pool != pool) i++;
  if (i == most) return false;
  options->bufferSize = options->poolSize > GIB / 8 ? GIB : options->poolSize * 8 + MIB;
  bool again = buffers[i].pool != NULL && buffers[i].size == options->bufferSize;
  if (buffers[i].pool != NULL && !again) dropBuffer(&buffers[i].guarded);
  buffers[i].pool = pool;
  buffers[i].size = options->bufferSize;
  options->buffer = guardedAt(again ? buffers[i].guarded.map : NULL, &buffers[i].guarded, options->bufferSize);
  return options->buffer != NULL;
}

bool makePool(Pool *pool, const Kind *kind, size_t poolSize) {
  mema_Options options = kind->options;
  options.poolSize = poolSize;
  memset(pool, 0xa5, sizeof *pool);
  if (options.engine == MEMA_FIXED && !giveBuffer(pool, &options)) return false;
  return mema_initPoolWith(pool, &options);
}

bool makeUnwatched(Pool *pool, const Kind *kind, size_t poolSize) {
  Kind unwatched = *kind;
  unwatched.options.unwatched = true;
  return makePool(pool, &unwatched, poolSize);
}

Snapshot snapshotOf(const Pool *pool) {
  Snapshot snapshot;
  /* Of a shared pool the fields are exact when stats were taken, until the next call. */
  if (!mema_poolStats(pool, &snapshot.stats)) memset(&snapshot.stats, 0, sizeof snapshot.stats);
  snapshot.pool = *pool;
  return snapshot;
}

const char *changedSince(const Pool *pool, const Snapshot *snapshot) {
  const Pool *before = &snapshot->pool;
  mema_Stats now, was = snapshot->stats;
  if (!mema_poolStats(pool, &now)) return "mema_poolStats fails";
  if (pool->poolSize != before->poolSize) return "poolSize changed";
  if (pool->freeSize != before->freeSize) return "freeSize changed";
  if (pool->initialized != before->initialized) return "initialized changed";
  if (pool->mem != before->mem) return "mem changed";
  if (pool->head != before->head || pool->tail != before->tail) return "the chain's ends changed";
  if (now.refused - was.refused > 1) return "refused grew by more than 1";
  if (now.badFrees - was.badFrees > 1) return "badFrees grew by more than 1";
  if (now.liveChunks != was.liveChunks || now.liveBytes != was.liveBytes) return "live counts changed";
  if (now.allocations != was.allocations || now.frees != was.frees) return "allocations or frees changed";
  if (now.peakBytes != was.peakBytes) return "peakBytes changed";
  if (now.outsideChunks != was.outsideChunks) return "outsideChunks changed";
  if (now.chargedBytes != was.chargedBytes) return "chargedBytes changed";
  if (!mema_checkPool(pool)) return mema_lastError()->sentence;
  return NULL;
}

static const char *chainIsWrong(const Pool *pool, size_t liveBytes, size_t liveChunks) {
  size_t bytes = 0, chunks = 0;
  const Block *before = NULL;
  for (const Block *block = pool->head; block != NULL; before = block, block = block->next) {
    if (++chunks > liveChunks) return "the chain has more blocks than there are live chunks";
    if (block->prev != before) return "a block's prev is not the block before it";
    if (mema_chunkSize(pool, block->ptr) != block->size) return "a block's size is not its chunk's";
    bytes += block->size;
  }
  if (pool->tail != before) return "tail is not the last block";
  if (chunks != liveChunks) return "the chain has fewer blocks than there are live chunks";
  if (bytes != liveBytes) return "the chain's sizes do not add up";
  return NULL;
}

const char *poolIsWrong(const Pool *pool, size_t liveBytes, size_t liveChunks) {
  mema_Stats stats;
  if (!pool->initialized) return "initialized is false";
  if (pool->poolSize != mema_freeSize(pool) + liveBytes) return "poolSize != freeSize + live bytes";
  if (mema_freeSize(pool) != pool->freeSize) return "mema_freeSize differs from freeSize";
  if (!mema_poolStats(pool, &stats)) return "mema_poolStats fails";
  if (stats.poolSize != pool->poolSize || stats.freeSize != pool->freeSize) return "stats: sizes differ from the pool's";
  if (stats.liveBytes != liveBytes) return "stats: liveBytes is wrong";
  if (stats.liveChunks != liveChunks) return "stats: liveChunks is wrong";
  if (stats.allocations - stats.frees != liveChunks) return "stats: allocations - frees is not the number of live chunks";
  if (stats.peakBytes < liveBytes) return "stats: peakBytes is below liveBytes";
  if (stats.outsideChunks > liveChunks) return "stats: outsideChunks is above liveChunks";
  if (!mema_checkPool(pool)) return mema_lastError()->sentence;
  if (stats.chargedBytes > liveBytes) return "stats: chargedBytes is above liveBytes";
  if (!stats.untracked) return chainIsWrong(pool, liveBytes - stats.chargedBytes, liveChunks);
  if (pool->head != NULL || pool->tail != NULL) return "an untracked pool has a chain";
  return NULL;
}

const char *errorIsNot(mema_Reason reason) {
#define REASON_ROW(code, number, message) {number, #code, message},
  static const struct {
    int number;
    const char *name, *message;
  } table[] = {MEMA_REASONS(REASON_ROW)};
#undef REASON_ROW
  int number = errno;
  const mema_Error *error = mema_lastError();
  static char answer[300];
  if (error->reason != reason || strcmp(error->name, table[reason].name) != 0) {
    snprintf(answer, sizeof answer, "reason is %s, not %s", error->name, table[reason].name);
  } else if (number != table[reason].number) {
    snprintf(answer, sizeof answer, "errno is %d (%s), not %s", number, strerror(number), strerror(table[reason].number));
  } else if (error->sentence[0] == '\0') {
    return "the sentence is empty";
  } else if (reason != MEMA_BROKEN && strstr(error->sentence, table[reason].message) == NULL) {
    /* MEMA_BROKEN says which record is damaged, in words of its own. */
    snprintf(answer, sizeof answer, "\"%.200s\" does not contain \"%s\"", error->sentence, table[reason].message);
  } else {
    return NULL;
  }
  return answer;
}

void forgetError(mema_Reason reason) {
  if (reason == MEMA_BAD_ARGUMENT) {
    mema_freePool(NULL);
  } else {
    mema_initPool(NULL, hideSize(1));
  }
  errno = untouchedErrno;
}

static unsigned char patternAt(size_t i, unsigned seed) {
  return (unsigned char)(i * 31 + seed * 7 + (i >> 8) + 1);
}

/* The bytes behind the first ones come from a table of random bytes, from a place that depends on the seed: fast for large chunks. */
enum { firstBytes = 256, tableSize = 1 << 16 };

static unsigned char table[tableSize];

static void fillTable(void) {
  uint64_t state = 1;
  for (size_t i = 0; i < tableSize; i++) table[i] = (unsigned char)nextRandom(&state);
}

static const unsigned char *randomBytes(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  (void)pthread_once(&once, fillTable);
  return table;
}

/* Returns the number of bytes from byte i on that lie side by side in the table, and where they are. */
static size_t pieceAt(size_t i, size_t size, unsigned seed, const unsigned char **piece) {
  size_t place = (i + (size_t)seed * 40503) % tableSize, length = tableSize - place;
  *piece = randomBytes() + place;
  return size - i < length ? size - i : length;
}

void fillBytes(void *bytes, size_t size, unsigned seed) {
  unsigned char *at = bytes;
  const unsigned char *piece;
  for (size_t i = 0; i < size && i < firstBytes; i++) at[i] = patternAt(i, seed);
  for (size_t i = firstBytes, length; i < size; i += length) {
    length = pieceAt(i, size, seed, &piece);
    memcpy(at + i, piece, length);
  }
}

bool bytesFilled(const void *bytes, size_t size, unsigned seed) {
  const unsigned char *at = bytes, *piece;
  for (size_t i = 0; i < size && i < firstBytes; i++)
    if (at[i] != patternAt(i, seed)) return false;
  for (size_t i = firstBytes, length; i < size; i += length) {
    length = pieceAt(i, size, seed, &piece);
    if (memcmp(at + i, piece, length) != 0) return false;
  }
  return true;
}

bool bytesZero(const void *bytes, size_t size) {
  const unsigned char *at = bytes;
  return size == 0 || (at[0] == 0 && memcmp(at, at + 1, size - 1) == 0);
}

/* splitmix64 */
uint64_t nextRandom(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* A day where a program is started by hand. */
unsigned hangLimit(void) {
  const char *given = getenv("MEMA_TEST_LIMIT");
  unsigned long whole = given != NULL ? strtoul(given, NULL, 10) : 0;
  return whole > 0 ? (unsigned)(whole / 4 + 1) : 24 * 3600;
}

/* ---- memory in use ------------------------------------------------------------------------------------------------------- */

enum { pagesAtOnce = 4096 };

static size_t pageSize(void) {
  return (size_t)sysconf(_SC_PAGESIZE);
}

/* One page at a time if a page of them is not mapped: the call then tells nothing of the others. */
static size_t residentOf(uintptr_t first, size_t pages) {
  static unsigned char known[pagesAtOnce];
  size_t page = pageSize(), resident = 0;
  if (mincore(hidePointer((void *)first), pages * page, known) == 0) { /* NOLINT(performance-no-int-to-ptr) */
    for (size_t i = 0; i < pages; i++) resident += (known[i] & 1) * page;
  } else if (pages > 1) {
    for (size_t i = 0; i < pages; i++) resident += residentOf(first + i * page, 1);
  }
  return resident;
}

size_t residentIn(const void *from, size_t bytes) {
  size_t page = pageSize(), resident = 0, first = (uintptr_t)from / page, end = first + bytes / page;
  int saved = errno;
  for (size_t at = first; at < end; at += pagesAtOnce)
    resident += residentOf(at * page, end - at < pagesAtOnce ? end - at : pagesAtOnce);
  errno = saved;
  return resident;
}

/* The system's counts of this process, in pages. Read without stdio, whose buffers would themselves be counted. */
typedef struct Counted {
  size_t mapped, resident, shared;
} Counted;

static Counted countedPages(void) {
  Counted counted = {0};
  char text[128] = "", *at = text;
  int descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return counted;
  ssize_t length = read(descriptor, text, sizeof text - 1);
  close(descriptor);
  if (length <= 0) return counted;
  counted.mapped = strtoul(at, &at, 10);
  counted.resident = strtoul(at, &at, 10);
  counted.shared = strtoul(at, &at, 10);
  return counted;
}

/* Calls `each` with every mapping of this program, and with true if it is of no file. */
static void forEachMapping(void (*each)(uintptr_t first, uintptr_t end, bool anonymous, size_t *sum), size_t *sum) {
  static char line[512], buffer[4096];
  FILE *maps = fopen("/proc/self/maps", "re");
  if (maps == NULL) return;
  setvbuf(maps, buffer, _IOFBF, sizeof buffer);
  while (fgets(line, sizeof line, maps) != NULL) {
    char *rest;
    uintptr_t first = strtoul(line, &rest, 16), end = *rest == '-' ? strtoul(rest + 1, &rest, 16) : first;
    each(first, end, strchr(rest, '/') == NULL && strstr(rest, "[vsyscall]") == NULL, sum);
  }
  fclose(maps);
}

static void addSize(uintptr_t first, uintptr_t end, bool anonymous, size_t *sum) {
  (void)anonymous;
  *sum += end - first;
}

static void addResident(uintptr_t first, uintptr_t end, bool anonymous, size_t *sum) {
  if (anonymous) *sum += residentIn(hidePointer((void *)first), end - first); /* NOLINT(performance-no-int-to-ptr) */
}

/* An emulator's own memory is counted with that of the program in it, and changes as the program runs. Then the system
 * counts more mapped pages than the program's mappings have. */
static bool othersAreCounted(void) {
  static int known = -1;
  if (known < 0) {
    size_t mapped = 0;
    forEachMapping(addSize, &mapped);
    known = countedPages().mapped * pageSize() > mapped + 32 * MIB;
  }
  return known != 0;
}

/* Without the pages of files, which come as code is run. */
size_t residentBytes(void) {
  size_t resident = 0;
  if (othersAreCounted()) {
    forEachMapping(addResident, &resident);
    return resident;
  }
  Counted counted = countedPages();
  return (counted.resident - counted.shared) * pageSize();
}

/* The system may know no such call, and then the library writes to each page itself. */
bool systemPopulates(void) {
  enum { populateWrite = 23, bytes = 1024 * 1024 };
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  bool told = madvise(memory, bytes, populateWrite) == 0, done = residentIn(memory, bytes) == bytes;
  munmap(memory, bytes);
  return done || !told;
}

/* Valgrind preloads a library of its own. */
bool underMemcheck(void) {
  const char *preloaded = getenv("LD_PRELOAD");
  return preloaded != NULL && strstr(preloaded, "vgpreload") != NULL;
}
