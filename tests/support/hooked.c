#include "hooked.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { pagesSize = 4096, garbage = 0xa7, errnoOfHooks = 71 };

/* One reservation: its own addresses, and beside them a byte for each page. */
typedef struct Range {
  struct Range *next;
  Hooks *owner;
  char *base;
  size_t size;
  char *committed;
} Range;

static Range *ranges;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void require(bool good, const char *what, const void *base, size_t size) {
  if (good) return;
  fprintf(stderr, "hooks: %s: %p, %zu bytes\n", what, base, size);
  abort();
}

static bool refuses(Hooks *hooks) {
  hooks->calls++;
  if (hooks->failAt == 0 || --hooks->failAt != 0) return false;
  hooks->failAt = hooks->failOn;
  hooks->refusals++;
  return true;
}

static Range *rangeOf(const Hooks *hooks, const char *base, size_t size) {
  Range *range = ranges;
  while (range != NULL && (base < range->base || base >= range->base + range->size)) range = range->next;
  require(range != NULL, "in no reservation", base, size);
  require(range->owner == hooks, "in another's reservation", base, size);
  require(size != 0 && size % pagesSize == 0 && (uintptr_t)base % pagesSize == 0, "not whole pages", base, size);
  require(size <= (size_t)(range->base + range->size - base), "beyond the reservation's end", base, size);
  return range;
}

/* Whether all of these pages are committed, or none. */
static bool allAre(const Range *range, const char *base, size_t size, char committed) {
  const char *first = range->committed + (base - range->base) / pagesSize;
  for (size_t i = 0; i < size / pagesSize; i++)
    if (first[i] != committed) return false;
  return true;
}

static void setCommitted(Range *range, const char *base, size_t size) {
  memset(range->committed + (base - range->base) / pagesSize, 1, size / pagesSize);
  range->owner->committed += size;
}

/* Without malloc: a pool's hooks may be called where a program has its own malloc in that pool. */
static void *map(size_t size, int protection) {
  void *base = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return base == MAP_FAILED ? NULL : base;
}

static size_t notesSize(size_t size) {
  return (sizeof(Range) + size / pagesSize + pagesSize - 1) / pagesSize * pagesSize;
}

static void *reserveSome(Hooks *hooks, size_t size, size_t alignment, bool whole) {
  require(size != 0 && size % pagesSize == 0, "not whole pages reserved", NULL, size);
  require(alignment >= pagesSize && (alignment & (alignment - 1)) == 0 && alignment <= (size_t)2 << 20, "alignment", NULL,
          alignment);
  if (refuses(hooks) || (hooks->room != 0 && size > hooks->room - hooks->reserved)) return NULL;
  int protection = whole ? PROT_READ | PROT_WRITE : PROT_NONE;
  char *base = map(size + alignment, protection);
  if (base == NULL) return NULL;
  Range *range = map(notesSize(size), PROT_READ | PROT_WRITE);
  require(range != NULL, "no memory for the notes", NULL, size);
  char *aligned = (char *)(((uintptr_t)base + alignment - 1) & ~(uintptr_t)(alignment - 1));
  if (aligned != base) munmap(base, (size_t)(aligned - base));
  size_t behind = (size_t)(base + alignment - aligned);
  if (behind != 0) munmap(aligned + size, behind);
  *range = (Range){.next = ranges, .owner = hooks, .base = aligned, .size = size, .committed = (char *)(range + 1)};
  ranges = range;
  hooks->reserved += size;
  hooks->live++;
  hooks->reserves++;
  if (whole) setCommitted(range, aligned, size);
  return aligned;
}

static void *reserveHidden(void *user, size_t size, size_t alignment) {
  pthread_mutex_lock(&mutex);
  void *base = reserveSome(user, size, alignment, false);
  pthread_mutex_unlock(&mutex);
  errno = errnoOfHooks;
  return base;
}

static void *reserveWhole(void *user, size_t size, size_t alignment) {
  pthread_mutex_lock(&mutex);
  void *base = reserveSome(user, size, alignment, true);
  pthread_mutex_unlock(&mutex);
  if (base != NULL) memset(base, garbage, size);
  errno = errnoOfHooks;
  return base;
}

/* Where mprotect is made to fail on purpose (tests/faults.sh), a new mapping does the same. */
static bool makeAccessible(char *base, size_t size) {
  return mprotect(base, size, PROT_READ | PROT_WRITE) == 0 ||
         mmap(base, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == base;
}

static bool commitSome(Hooks *hooks, char *base, size_t size) {
  Range *range = rangeOf(hooks, base, size);
  require(allAre(range, base, size, 0), "committed before", base, size);
  hooks->commits++;
  if (refuses(hooks) || (hooks->most != 0 && size > hooks->most - hooks->committed) || !makeAccessible(base, size))
    return false;
  setCommitted(range, base, size);
  return true;
}

static bool commitZeroed(void *user, void *base, size_t size) {
  pthread_mutex_lock(&mutex);
  bool done = commitSome(user, base, size);
  pthread_mutex_unlock(&mutex);
  errno = errnoOfHooks;
  return done;
}

static bool commitDirty(void *user, void *base, size_t size) {
  bool done = commitZeroed(user, base, size);
  if (done) memset(base, garbage, size);
  return done;
}

static bool purgeSome(Hooks *hooks, char *base, size_t size) {
  require(allAre(rangeOf(hooks, base, size), base, size, 1), "purged, but not committed", base, size);
  hooks->purges++;
  return !refuses(hooks);
}

static bool purgeZeroed(void *user, void *base, size_t size) {
  pthread_mutex_lock(&mutex);
  bool done = purgeSome(user, base, size);
  pthread_mutex_unlock(&mutex);
  done = done && madvise(base, size, MADV_DONTNEED) == 0;
  errno = errnoOfHooks;
  return done;
}

static bool purgeDirty(void *user, void *base, size_t size) {
  pthread_mutex_lock(&mutex);
  bool done = purgeSome(user, base, size);
  pthread_mutex_unlock(&mutex);
  if (done) memset(base, garbage, size);
  errno = errnoOfHooks;
  return done;
}

static void releaseSome(Hooks *hooks, char *base, size_t size) {
  Range *range = rangeOf(hooks, base, size);
  require(range->base == base && range->size == size, "released, but not as it was reserved", base, size);
  for (size_t i = 0; i < size / pagesSize; i++) hooks->committed -= range->committed[i] != 0 ? (size_t)pagesSize : 0;
  hooks->reserved -= size;
  hooks->live--;
  hooks->releases++;
  Range **link = &ranges;
  while (*link != range) link = &(*link)->next;
  *link = range->next;
  munmap(range, notesSize(size));
  munmap(base, size);
}

static void release(void *user, void *base, size_t size) {
  pthread_mutex_lock(&mutex);
  releaseSome(user, base, size);
  pthread_mutex_unlock(&mutex);
  errno = errnoOfHooks;
}

bool isCommitted(const mema_Memory *memory, const void *base, size_t size) {
  bool answer = false;
  pthread_mutex_lock(&mutex);
  for (const Range *range = ranges; range != NULL; range = range->next) {
    const char *at = base;
    if (range->owner != memory->user || at < range->base || at >= range->base + range->size) continue;
    size_t first = (size_t)(at - range->base) / pagesSize, last = ((size_t)(at - range->base) + size - 1) / pagesSize;
    answer = last < range->size / pagesSize;
    for (size_t i = first; answer && i <= last; i++) answer = range->committed[i] != 0;
  }
  pthread_mutex_unlock(&mutex);
  return answer;
}

Hooks *freshHooks(const mema_Memory *memory) {
  Hooks *hooks = hooksOf(memory);
  require(hooks->live == 0 && hooks->reserved == 0 && hooks->committed == 0 && hooks->reserves == hooks->releases,
          "all is released", NULL, hooks->reserved);
  *hooks = (Hooks){0};
  return hooks;
}

static Hooks zeroedHooks, dirtyHooks, keptHooks, wholeHooks;

const mema_Memory hookedZeroed = {.reserve = reserveHidden,
                                  .commit = commitZeroed,
                                  .purge = purgeZeroed,
                                  .release = release,
                                  .zeroed = true,
                                  .user = &zeroedHooks};
const mema_Memory hookedDirty = {
    .reserve = reserveHidden, .commit = commitDirty, .purge = purgeDirty, .release = release, .user = &dirtyHooks};
const mema_Memory hookedKept = {.reserve = reserveHidden, .commit = commitDirty, .release = release, .user = &keptHooks};
const mema_Memory hookedWhole = {.reserve = reserveWhole, .purge = purgeDirty, .release = release, .user = &wholeHooks};
