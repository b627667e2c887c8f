/* sites.c - the places that chunks come from: a table that only grows. No call takes a lock, so that signal handlers and
 * forks may come at any time: a place is complete before a compare-and-exchange puts it at the head of its bucket. */
#include "sites.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "../heap/watch/watch.h"
#include "../memory/os.h"
#include "pressure.h"

/* Of libunwind, if the program is linked with it, and of the C library, if that has it. A static program that does not call
 * it has none, and so does not grow. */
__attribute__((weak)) extern int unw_backtrace(void **frames, int most);
__attribute__((weak)) extern int backtrace(void **frames, int most);

enum { bucketCount = 1024, storeSize = 65536, textMost = 255 };

/* Memory for places: each store is used from its start, and never given back. */
typedef struct Store {
  _Atomic size_t used;
  char bytes[];
} Store;

static _Atomic(mema_Place *) buckets[bucketCount];
static _Atomic(_Atomic(mema_Place *) *) places; /* by number, less 1 */
static _Atomic uint32_t numbers;                /* that were asked for: may pass mema_sitesMost */
static _Atomic(Store *) store;

/* ---- memory -------------------------------------------------------------------------------------------------------------- */

static Store *nextStore(Store *before) {
  Store *fresh = mema_osReserve(storeSize, mema_osPageSize());
  if (fresh == NULL || atomic_compare_exchange_strong(&store, &before, fresh)) return fresh;
  mema_osRelease(fresh, storeSize); /* another thread was first */
  return before;
}

/* Returns memory that lasts. NULL iff the system has none. `bytes` is far below storeSize. */
static void *keep(size_t bytes) {
  bytes = mema_roundUp(bytes, sizeof(void *));
  Store *now = atomic_load(&store);
  if (now == NULL) now = nextStore(NULL);
  while (now != NULL) {
    size_t at = atomic_fetch_add(&now->used, bytes);
    if (at <= storeSize - sizeof *now - bytes) return now->bytes + at;
    now = nextStore(now);
  }
  return NULL;
}

/* Returns the table by number. NULL iff the system has no memory for it. */
static _Atomic(mema_Place *) *table(void) {
  _Atomic(mema_Place *) *now = atomic_load_explicit(&places, memory_order_acquire), *none = NULL;
  if (now != NULL) return now;
  size_t size = mema_roundUp(mema_sitesMost * sizeof *now, mema_osPageSize());
  now = mema_osReserve(size, mema_osPageSize());
  if (now == NULL || atomic_compare_exchange_strong(&places, &none, now)) return now;
  mema_osRelease(now, size);
  return none;
}

/* ---- places -------------------------------------------------------------------------------------------------------------- */

/* The key of a search: a line, or a stack. */
typedef struct Key {
  const char *file, *function;
  uint32_t line, hash;
  uint16_t depth;
  void *const *frames;
} Key;

static uint32_t mix(uint32_t hash, const void *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * 16777619;
  return hash;
}

/* A text as it is kept: without its front, if it is long. */
static const char *endOf(const char *text) {
  size_t length = text == NULL ? 0 : strlen(text);
  return text == NULL ? "" : text + (length > textMost ? length - textMost : 0);
}

static bool isAt(const mema_Place *place, const Key *key) {
  if (place->hash != key->hash || place->line != key->line || place->depth != key->depth) return false;
  if (key->file == NULL) return place->file == NULL && memcmp(place->frames, key->frames, key->depth * sizeof(void *)) == 0;
  return place->file != NULL && strcmp(place->file, key->file) == 0 && strcmp(place->function, key->function) == 0;
}

static const char *keepText(const char *text) {
  char *copy = keep(strlen(text) + 1);
  return copy == NULL ? NULL : strcpy(copy, text);
}

static mema_Place *make(const Key *key) {
  mema_Place *place = keep(sizeof *place + key->depth * sizeof(void *));
  _Atomic(mema_Place *) *numbered = table();
  if (place == NULL || numbered == NULL) return NULL;
  *place = (mema_Place){.hash = key->hash, .line = key->line, .depth = key->depth};
  if (key->depth != 0) memcpy(place->frames, key->frames, key->depth * sizeof(void *));
  if (key->file != NULL &&
      ((place->file = keepText(key->file)) == NULL || (place->function = keepText(key->function)) == NULL))
    return NULL;
  uint32_t number = atomic_load(&numbers);
  do {
    if (number == mema_sitesMost) return NULL;
  } while (!atomic_compare_exchange_weak(&numbers, &number, number + 1));
  place->number = (uint16_t)(number + 1);
  atomic_store_explicit(&numbered[number], place, memory_order_release);
  return place;
}

/* Returns the number of the place, which is made if it is new; 0: it cannot be. Two threads that make one place at once
 * lose the memory and the number of one. */
static uint32_t numberOf(const Key *key) {
  _Atomic(mema_Place *) *bucket = &buckets[key->hash % bucketCount];
  mema_Place *made = NULL;
  for (;;) {
    mema_Place *first = atomic_load_explicit(bucket, memory_order_acquire);
    for (const mema_Place *each = first; each != NULL; each = each->next)
      if (isAt(each, key)) return each->number;
    if (made == NULL && (made = make(key)) == NULL) return 0;
    made->next = first;
    if (atomic_compare_exchange_strong(bucket, &first, made)) return made->number;
  }
}

const mema_Place *mema_placeOf(uint32_t number) {
  _Atomic(mema_Place *) *numbered = atomic_load_explicit(&places, memory_order_acquire);
  return number == 0 || numbered == NULL ? NULL : atomic_load_explicit(&numbered[number - 1], memory_order_acquire);
}

uint32_t mema_lastPlace(void) {
  return atomic_load(&numbers);
}

uint32_t mema_numberOfLine(mema_Site *site) {
  uint32_t number = __atomic_load_n(&site->number, __ATOMIC_RELAXED);
  if (mema_likely(number != 0)) return number <= mema_sitesMost ? number : 0;
  Key key = {.file = endOf(site->file), .function = endOf(site->function), .line = (uint32_t)site->line};
  key.hash =
      mix(mix(mix(2166136261, key.file, strlen(key.file)), key.function, strlen(key.function)), &key.line, sizeof key.line);
  number = numberOf(&key);
  __atomic_store_n(&site->number, number != 0 ? number : UINT32_MAX, __ATOMIC_RELAXED);
  return number;
}

uint32_t mema_numberAt(uint32_t number, mema_Site *site) {
  const mema_Place *stack = mema_placeOf(number);
  uint32_t line = mema_numberOfLine(site);
  if (stack == NULL || stack->file != NULL) return line;
  atomic_store_explicit(&((mema_Place *)stack)->at, mema_placeOf(line), memory_order_release);
  return number;
}

/* ---- pools with sites ------------------------------------------------------------------------------------------------------ */

typedef int (*Unwind)(void **frames, int most);

/* NULL: there is none. */
static Unwind unwinderFor(const mema_Options *options) {
  if (options->unwind != NULL) return options->unwind;
  return unw_backtrace != NULL ? unw_backtrace : backtrace;
}

mema_Fault mema_faultOfSites(const mema_Options *options) {
  if (options->untracked) return mema_sitesUntracked;
  if (options->stacks != 0 && options->shared) return mema_stacksShared;
  return options->stacks != 0 && unwinderFor(options) == NULL ? mema_noUnwinder : mema_noFault;
}

static size_t append(char *text, size_t room, size_t length, const char *more) {
  while (*more != '\0' && length < room - 1) text[length++] = *more++;
  text[length] = '\0';
  return length;
}

/* See mema_writeSite. A stack is written as the line that it begins at. */
static size_t writeSite(const mema_Block *block, char *text, size_t room) {
  const mema_Place *place = mema_placeOf(mema_siteOf(block));
  if (place != NULL && place->file == NULL) place = atomic_load(&place->at);
  if (place == NULL) return 0;
  char digits[12], *at = digits + sizeof digits - 1;
  uint32_t line = place->line;
  *at = '\0';
  do {
    *--at = (char)('0' + line % 10);
    line /= 10;
  } while (line != 0);
  size_t length = append(text, room, 0, place->function);
  length = append(text, room, length, " (");
  length = append(text, room, length, place->file);
  length = append(text, room, length, ":");
  length = append(text, room, length, at);
  return append(text, room, length, ")");
}

void mema_noteSites(mema_Pool *pool, const mema_Options *options) {
  pool->sites = true;
  __atomic_store_n(&mema_writeSite, writeSite, __ATOMIC_RELEASE);
  if (options->stacks == 0) return;
  pool->unwind = unwinderFor(options);
  pool->stackEvery = (uint16_t)mema_least(options->stacks, UINT16_MAX);
  pool->stackIn = 1;
  mema_setSlowPath(pool);
}

void mema_noteStack(mema_Pool *pool) {
  uint32_t number = 0;
  if (pool->stackEvery == 0) return;
  if (--pool->stackIn == 0) {
    void *frames[mema_framesMost];
    int before = errno, depth = pool->unwind(frames, mema_framesMost);
    errno = before;
    pool->stackIn = pool->stackEvery;
    Key key = {.depth = (uint16_t)(depth > 0 ? mema_least((size_t)depth, mema_framesMost) : 0), .frames = frames};
    key.hash = mix(2166136261, frames, key.depth * sizeof frames[0]);
    if (key.depth != 0) number = numberOf(&key);
  }
  pool->ownerAndAge = mema_withSite(pool->ownerAndAge, number);
}
