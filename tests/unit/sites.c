/* mema_Options.sites, mema_noteSite, the macros of mema_sites.h, and mema_writeLeaks: what is live, by the place that it comes from. */
#define MEMA_SITES
#include "unit.h"

#if __has_include(<execinfo.h>)
#include <execinfo.h>
enum { walksStacks = 1 };
#else
enum { walksStacks = 0 }; /* musl does not */
#define backtrace(frames, most) ((void)(frames), walksStacks)
#endif

/* The text from mema_writeLeaks. Writing fails at the call `failAt`, counted from 1; 0: never. */
typedef struct Sheet {
  char text[MIB];
  size_t length;
  unsigned calls, failAt;
} Sheet;

static Sheet sheet;

static bool writeOn(void *user, const char *bytes, size_t length) {
  Sheet *page = user;
  if (++page->calls == page->failAt) return false;
  assert_true(page->length + length < sizeof page->text);
  memcpy(page->text + page->length, bytes, length);
  page->length += length;
  page->text[page->length] = '\0';
  return true;
}

static const char *leaksOf(const Pool *pool) {
  sheet.length = sheet.calls = sheet.failAt = 0;
  assertWorks(mema_writeLeaks(pool, writeOn, &sheet));
  return sheet.text;
}

/* The whole text, with the blanks of columns as one. */
static void assertLeaks(const Pool *pool, const char *expected) {
  const char *from = leaksOf(pool);
  static char text[sizeof sheet.text];
  char *to = text;
  for (; *from != '\0'; from++)
    if (*from != ' ' || (to > text && to[-1] != ' ' && to[-1] != '\n')) *to++ = *from;
  *to = '\0';
  assert_string_equal(text, expected);
}

/* The line of leaks that a place has, with its figures in the order of the line. Most is 0 if all chunks are of one size. */
typedef struct Line {
  size_t bytes, chunks, least, most, place; /* in the text */
} Line;

static Line lineOf(const char *text, const char *place) {
  Line line = {0};
  const char *at = strstr(text, place);
  if (at == NULL) {
    fail_msg("no '%s' in:\n%s", place, text);
    return line;
  }
  assert_null(strstr(at + 1, place));
  line.place = (size_t)(at - text);
  while (at > text && at[-1] != '\n') at--;
  int read =
      sscanf(at, "%zu byte%*[s ] in %zu chunk%*[s ] of %zu to %zu", &line.bytes, &line.chunks, &line.least, &line.most);
  assert_true(read >= 3);
  return line;
}

static bool makeWithSites(Pool *pool, const Kind *kind, size_t poolSize) {
  Kind with = *kind;
  with.options.sites = true;
  return makePool(pool, &with, poolSize);
}

#define HERE(text) snprintf(text, sizeof(text), "%s (%s:%d)\n", __func__, __FILE__, __LINE__)

static char *format(Pool *pool, const char *text, ...) {
  va_list args;
  va_start(args, text);
  char *chunk = mema_pvsprintf(pool, text, args);
  va_end(args);
  return chunk;
}

/* Each call that makes a chunk, on a line of its own. */
static void everyCallNotesItsLine(void **state) {
  const Kind *kind = *state;
  Pool pool;
  char at[9][200];
  assert_true(makeWithSites(&pool, kind, MIB));
  assert_true(HERE(at[0]) && palloc(&pool, 10));
  assert_true(HERE(at[1]) && mema_palloc(&pool, 20));
  assert_true(HERE(at[2]) && mema_pcalloc(&pool, 3, 10));
  assert_true(HERE(at[3]) && mema_repalloc(&pool, NULL, 40));
  assert_true(HERE(at[4]) && mema_pmemalign(&pool, 256, 50));
  assert_true(HERE(at[5]) && mema_pstrdup(&pool, "12345"));
  assert_true(HERE(at[6]) && mema_pstrndup(&pool, "123456789", 6));
  assert_true(HERE(at[7]) && mema_pmemdup(&pool, "12345678", 8));
  assert_true(HERE(at[8]) && mema_psprintf(&pool, "%d", 12345678));
  assert_non_null(format(&pool, "%s", "123456789"));
  assert_non_null((palloc)(&pool, 11));
  const size_t bytes[9] = {10, 20, 30, 40, 50, 6, 7, 8, 9};
  const char *text = leaksOf(&pool);
  size_t before = 0;
  for (int i = 0; i < 9; i++) {
    Line line = lineOf(text, at[i]);
    assert_int_equal(line.bytes, bytes[i]);
    assert_int_equal(line.chunks, 1);
    assert_int_equal(line.least, bytes[i]);
    assert_int_equal(line.most, 0);
    assert_true(line.place > before); /* the oldest first */
    before = line.place;
  }
  assert_int_equal(lineOf(text, "format (").bytes, 10);
  assert_int_equal(lineOf(text, "without a site\n").bytes, 11);
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
}

static void *wait1(Pool *pool) {
  return mema_pallocWait(pool, 12, 0);
}

static void pallocWaitNotesItsLine(void **state) {
  (void)state;
  Pool pool;
  assert_true(mema_initPoolWith(&pool, &(mema_Options){.poolSize = 1000, .shared = true, .sites = true}));
  assert_non_null(wait1(&pool));
  assert_null(mema_pallocWait(&pool, 1000, 0));
  assert_int_equal(lineOf(leaksOf(&pool), "wait1 (").bytes, 12);
  assert_true(freePool(&pool));
}

static mema_Site first = {"f.c", "first", 1, 0}, second = {"f.c", "second", 2, 0};

static void *take(Pool *pool, size_t size, mema_Site *site) {
  return mema_noteSite(pool, (palloc)(pool, size), site);
}

static void chunksOfOneSiteAreSummedUp(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makeWithSites(&pool, kind, MIB));
  assertLeaks(&pool, "no chunk is live\n");
  void *chunk[4] = {take(&pool, 100, &first), take(&pool, 7, &second), take(&pool, 5, &first), take(&pool, 3000, &first)};
  assertLeaks(&pool,
              "4 chunks are live, of 3112 bytes; the oldest first\n"
              "3105 bytes in 3 chunks of 5 to 3000: first (f.c:1)\n"
              "7 bytes in 1 chunk of 7: second (f.c:2)\n");
  assert_true(pfree(&pool, chunk[0]));
  assert_true(pfree(&pool, chunk[3]));
  assertLeaks(&pool,
              "2 chunks are live, of 12 bytes; the oldest first\n"
              "7 bytes in 1 chunk of 7: second (f.c:2)\n"
              "5 bytes in 1 chunk of 5: first (f.c:1)\n");
  assert_true(pfree(&pool, chunk[1]));
  chunk[2] = mema_repalloc(&pool, chunk[2], 1);
  assertLeaks(&pool, "1 chunk is live, of 1 byte; the oldest first\n1 byte in 1 chunk of 1: first (f.c:1)\n");
  assert_true(mema_resetPool(&pool));
  assertLeaks(&pool, "no chunk is live\n");
  assert_non_null((palloc)(&pool, 10)); /* its Block may have been another's */
  assertLeaks(&pool, "1 chunk is live, of 10 bytes; the oldest first\n10 bytes in 1 chunk of 10: without a site\n");
  assert_true(freePool(&pool));
}

static void aChangedChunkKeepsItsSite(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makeWithSites(&pool, kind, 8 * MIB));
  char *chunk = take(&pool, 1, &first);
  for (size_t size = 2; size < 3 * MIB; size += size / 2) {
    assert_non_null(chunk = mema_repalloc(&pool, chunk, size));
    assert_non_null(take(&pool, 1, &second)); /* in its way */
    assert_int_equal(lineOf(leaksOf(&pool), "first (f.c:1)").bytes, size);
  }
  assert_non_null(chunk = mema_repalloc(&pool, chunk, 20));
  assert_int_equal(lineOf(leaksOf(&pool), "first (f.c:1)").bytes, 20);
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
}

static void marksKeepSites(void **state) {
  (void)state;
  Pool pool;
  assert_true(makeWithSites(&pool, &kindTracked, MIB));
  mema_Mark mark;
  void *kept = take(&pool, 10, &first);
  assert_non_null(take(&pool, 20, &second));
  mark = mema_markPool(&pool);
  void *younger = take(&pool, 30, &first);
  assert_non_null(take(&pool, 40, &second));
  assert_true(mema_keepChunk(&pool, mark, younger));
  assert_true(mema_rewindPool(&pool, mark));
  assertLeaks(&pool,
              "3 chunks are live, of 60 bytes; the oldest first\n"
              "40 bytes in 2 chunks of 10 to 30: first (f.c:1)\n"
              "20 bytes in 1 chunk of 20: second (f.c:2)\n");
  assert_true(pfree(&pool, kept));
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
}

static void aMovedChunkKeepsItsSite(void **state) {
  (void)state;
  Pool root, child, without;
  mema_Options options = {.poolSize = 1000, .sites = true};
  assert_true(mema_initPoolWith(&root, &options));
  assert_true(mema_initSubPool(&child, &root, &options));
  assert_true(mema_initSubPool(&without, &root, &(mema_Options){.poolSize = 1000}));
  void *chunk = take(&child, 10, &first), *other = take(&without, 20, &first);
  assertWorks(mema_moveChunk(&root, &child, chunk));
  assertLeaks(&child, "no chunk is live\n");
  assert_int_equal(lineOf(leaksOf(&root), "first (f.c:1)").bytes, 10);
  assertWorks(mema_moveChunk(&child, &root, chunk));
  assert_int_equal(lineOf(leaksOf(&child), "first (f.c:1)").bytes, 10);
  assertLeaks(&without, "1 chunk is live, of 20 bytes; the oldest first\n20 bytes in 1 chunk of 20: without a site\n");
  assertRefused(&without, mema_moveChunk(&root, &without, other), MEMA_NOT_KIN); /* it has a heap of its own */
  assert_true(mema_checkPool(&root));
  assert_true(freePool(&root));
}

/* The hashes of these two places are equal. */
static void placesWithOneHashAreTwo(void **state) {
  (void)state;
  Pool pool;
  mema_Site one = {"c.c", "ffd8db9c7", 1, 0}, two = {"c.c", "f86970d63", 1, 0};
  assert_true(mema_initPoolWith(&pool, &(mema_Options){.poolSize = 1000, .sites = true}));
  assert_non_null(take(&pool, 10, &one));
  assert_non_null(take(&pool, 20, &two));
  assert_int_equal(lineOf(leaksOf(&pool), "ffd8db9c7 (c.c:1)").bytes, 10);
  assert_int_equal(lineOf(leaksOf(&pool), "f86970d63 (c.c:1)").bytes, 20);
  assert_true(freePool(&pool));
}

/* The number of a pool in its family. */
static unsigned idOf(const Pool *pool) {
  unsigned id = 0;
  sheet.length = sheet.calls = sheet.failAt = 0;
  assertWorks(mema_writeStats(pool, MEMA_JSON, writeOn, &sheet));
  assert_int_equal(sscanf(strstr(sheet.text, "{\"id\": "), "{\"id\": %u,", &id), 1);
  return id;
}

static void leaksOfTheWholeFamilyAreListed(void **state) {
  (void)state;
  Pool root, child, grandchild, untracked, shared, busy, idle;
  char expected[1000];
  const mema_Options options = {.poolSize = 10000, .sites = true};
  assert_true(mema_initPoolWith(&root, &options));
  assert_true(mema_initSubPool(&idle, &root, &options));
  assert_true(mema_initSubPool(&shared, &root,
                               &(mema_Options){.poolSize = 2000, .guaranteed = 2000, .shared = true, .sites = true}));
  assert_true(mema_initSubPool(&busy, &shared, &options));
  assert_true(mema_initSubPool(&untracked, &root, &(mema_Options){.poolSize = 2000, .untracked = true, .name = "un"}));
  assert_true(mema_initSubPool(&child, &root, &(mema_Options){.poolSize = 5000, .sites = true, .name = "child"}));
  assert_true(mema_initSubPool(&grandchild, &child, &options));
  unsigned top = idOf(&root), low = idOf(&child), common = idOf(&shared);
  assert_non_null(take(&root, 10, &first));
  assert_non_null(take(&grandchild, 20, &second));
  assert_non_null(take(&child, 30, &second));
  assert_non_null(take(&child, 40, &first));
  assert_non_null(take(&child, 50, &second));
  assert_non_null((palloc)(&untracked, 60));
  assert_non_null((palloc)(&untracked, 60));
  assert_non_null(take(&shared, 70, &first));
  assert_non_null(take(&busy, 80, &first));
  snprintf(expected, sizeof expected,
           "id %u: 1 chunk is live, of 10 bytes; the oldest first\n"
           "10 bytes in 1 chunk of 10: first (f.c:1)\n"
           "sub-pool \"child\", id %u, below %u: 3 chunks are live, of 120 bytes; the oldest first\n"
           "80 bytes in 2 chunks of 30 to 50: second (f.c:2)\n"
           "40 bytes in 1 chunk of 40: first (f.c:1)\n"
           "sub-pool id %u, below %u: 1 chunk is live, of 20 bytes; the oldest first\n"
           "20 bytes in 1 chunk of 20: second (f.c:2)\n"
           "sub-pool \"un\", id %u, below %u: 2 chunks are live; an untracked pool has no list of them\n"
           "sub-pool id %u, below %u: 1 chunk is live, of 70 bytes; the oldest first\n"
           "70 bytes in 1 chunk of 70: first (f.c:1)\n"
           "sub-pool id %u, below %u: 1 chunk is live; its own thread alone can list them\n",
           top, low, top, idOf(&grandchild), low, idOf(&untracked), top, common, top, idOf(&busy), common);
  assertLeaks(&root, expected);
  assertLeaks(&busy, "1 chunk is live, of 80 bytes; the oldest first\n80 bytes in 1 chunk of 80: first (f.c:1)\n");
  assert_true(mema_resetPool(&shared)); /* ends its sub-pool */
  assert_true(freePool(&child) && freePool(&untracked));
  snprintf(expected, sizeof expected,
           "id %u: 1 chunk is live, of 10 bytes; the oldest first\n10 bytes in 1 chunk of 10: first (f.c:1)\n", top);
  assertLeaks(&root, expected);
  assert_true(freePool(&root));
}

/* Of a shared pool: its own chunks, those of its shared sub-pools, and how many its other sub-pools have. */
static void leaksBelowASharedPoolAreListed(void **state) {
  (void)state;
  Pool root, shared, busy;
  char expected[1000];
  mema_Options options = {.poolSize = 10000, .shared = true, .sites = true, .name = "root"};
  assert_true(mema_initPoolWith(&root, &options));
  options.guaranteed = options.poolSize = 3000;
  options.name = NULL;
  assert_true(mema_initSubPool(&shared, &root, &options));
  assert_true(mema_initSubPool(&busy, &root, &(mema_Options){.poolSize = 5000, .sites = true}));
  unsigned top = idOf(&root);
  for (int i = 0; i < 3; i++) assert_non_null(take(&busy, 10, &first));
  assert_non_null(take(&shared, 20, &second));
  snprintf(expected, sizeof expected,
           "\"root\", id %u: no chunk is live\n"
           "sub-pool id %u, below %u: 3 chunks are live; its own thread alone can list them\n"
           "sub-pool id %u, below %u: 1 chunk is live, of 20 bytes; the oldest first\n"
           "20 bytes in 1 chunk of 20: second (f.c:2)\n",
           top, idOf(&busy), top, idOf(&shared), top);
  assertLeaks(&root, expected);
  assert_true(mema_checkPool(&root));
  assert_true(freePool(&root));
}

/* Each pool's list is its own, and the list of all grows. */
static void leaksOfManySubPoolsAreListed(void **state) {
  (void)state;
  enum { count = 600 };
  static Pool root, pools[count];
  const mema_Options options = {.poolSize = MIB, .sites = true};
  assert_true(mema_initPoolWith(&root, &options));
  for (int i = 0; i < count; i++) {
    char line[200];
    assert_true(mema_initSubPool(&pools[i], i < 10 ? &root : &pools[i / 2], &options));
    assert_non_null(take(&pools[i], 1000 + (size_t)i, i % 2 == 0 ? &first : &second));
    assert_non_null(take(&pools[i], 10, i % 3 == 0 ? &first : &second));
    if (i % 50 != 0 && i != count - 1) continue;
    const char *text = leaksOf(&root);
    size_t lines = 0;
    for (const char *at = text; (at = strstr(at, "2 chunks are live, of ")) != NULL; at++) lines++;
    assert_int_equal(lines, i + 1);
    for (int k = 0; k <= i; k++) {
      snprintf(line, sizeof line, ": 2 chunks are live, of %d bytes;", 1010 + k);
      const char *found = strstr(text, line);
      assert_non_null(found);
      assert_null(strstr(found + 1, line));
    }
  }
  assert_true(freePool(&root));
}

/* Owners have 10 bits beside sites, so sub-pools beyond 1,023 have heaps of their own. */
static void noSubPoolOwnsTheChunksOfAnother(void **state) {
  (void)state;
  enum { count = wordBits == 64 ? 2200 : 1100 };
  static Pool root, pools[count], grandchild[2];
  static void *chunks[count];
  mema_Options options = {.poolSize = MIB, .sites = true};
  assert_true(mema_initPoolWith(&root, &options));
  for (int i = 0; i < count; i++) {
    assert_true(mema_initSubPool(&pools[i], &root, &options));
    chunks[i] = take(&pools[i], 100, i % 2 == 0 ? &first : &second);
  }
  assert_true(mema_initSubPool(&grandchild[0], &pools[count - 1], &options)); /* below one with a heap of its own */
  assert_true(mema_initSubPool(&grandchild[1], &pools[0], &options));
  void *below[2] = {take(&grandchild[0], 9, &first), take(&grandchild[1], 9, &second)};
  for (int i = 0; i < count; i++) {
    for (int k = i & 1023; k < count; k += 1024)
      if (k != i) assert_false(pfree(&pools[k], chunks[i]));
    for (int k = 1; k < 3; k++) assert_false(pfree(&pools[(i + k) % count], chunks[i]));
    assert_false(pfree(&root, chunks[i]));
    assert_false(pfree(&grandchild[0], chunks[i]));
    assert_int_equal(lineOf(leaksOf(&pools[i]), i % 2 == 0 ? "first (f.c:1)" : "second (f.c:2)").bytes, 100);
  }
  assert_false(pfree(&pools[count - 1], below[0]));
  assert_false(pfree(&pools[0], below[1]));
  assert_true(mema_checkPool(&root));
  for (int i = 0; i < count; i++) assert_true(pfree(&pools[i], chunks[i]));
  assert_true(pfree(&grandchild[0], below[0]) && pfree(&grandchild[1], below[1]));
  assert_true(mema_checkPool(&root));
  assert_true(freePool(&root));
}

static void poolsWithoutSitesNoteNothing(void **state) {
  const Kind *kind = *state;
  Pool pool, none;
  memset(&none, 0, sizeof none);
  assert_true(makePool(&pool, kind, 1000));
  void *chunk = palloc(&pool, 10);
  forgetError(MEMA_OK);
  assert_ptr_equal(mema_noteSite(&pool, chunk, &first), chunk);
  assert_ptr_equal(mema_noteSite(&none, chunk, &first), chunk);
  assert_ptr_equal(mema_noteSite(NULL, chunk, &first), chunk);
  assert_int_equal(errno, untouchedErrno);
  if (kind->options.untracked) {
    assertRefused(&pool, mema_writeLeaks(&pool, writeOn, &sheet), MEMA_BAD_ARGUMENT);
    assert_string_equal(mema_lastError()->sentence, "bad argument: an untracked pool has no list of its chunks");
  } else {
    assertLeaks(&pool, "1 chunk is live, of 10 bytes; the oldest first\n10 bytes in 1 chunk of 10: without a site\n");
  }
  assert_true(freePool(&pool));
}

static void otherPointersAreLeftAlone(void **state) {
  const Kind *kind = *state;
  Pool pool;
  assert_true(makeWithSites(&pool, kind, 10000));
  char *chunk = take(&pool, 100, &first), *freed = take(&pool, 100, &first);
  assert_non_null(take(&pool, 10, &first));
  assert_true(pfree(&pool, freed));
  Snapshot before = snapshotOf(&pool);
  forgetError(MEMA_OK);
  char *pointers[] = {NULL, chunk + 16, freed, (char *)&pool, (char *)hidePointer((void *)UINTPTR_MAX)};
  for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++)
    assert_true(samePlace(mema_noteSite(&pool, hidePointer(pointers[i]), &second), pointers[i]));
  assert_true(samePlace(mema_noteSite(&pool, chunk, NULL), chunk));
  assert_int_equal(errno, untouchedErrno);
  assertWell(changedSince(&pool, &before));
  assert_int_equal(lineOf(leaksOf(&pool), "first (f.c:1)").bytes, 110);
  assert_ptr_equal(mema_noteSite(&pool, chunk, &second), chunk); /* not the youngest */
  assert_int_equal(lineOf(leaksOf(&pool), "second (f.c:2)").bytes, 100);
  assert_true(freePool(&pool));
}

/* ---- stacks ------------------------------------------------------------------------------------------------------------ */

static uintptr_t frames[40];
static int depth, asked;

static int unwindOurs(void **to, int most) {
  for (int i = 0; i < most && i < depth; i++) to[i] = (void *)frames[i];
  asked = most;
  errno = EDOM;
  return depth < most ? depth : most;
}

static void stacksAreSummedUp(void **state) {
  static uintptr_t base = 0x1001; /* other stacks for each kind: the process remembers them */
  const Kind *kind = *state;
  Kind with = *kind;
  Pool pool;
  char expected[500];
  with.options.sites = true;
  with.options.stacks = 1;
  with.options.unwind = unwindOurs;
  assert_true(makePool(&pool, &with, MIB));
  base += 0x100;
  for (int i = 0; i < 40; i++) frames[i] = base + (uintptr_t)i;
  depth = 2;
  assertWorks((palloc)(&pool, 10));
  depth = 1;
  assertWorks((palloc)(&pool, 20));
  depth = 2;
  void *chunk = (palloc)(&pool, 30);
  depth = 0;
  assert_non_null((palloc)(&pool, 40));
  assert_non_null(chunk = mema_repalloc(&pool, chunk, 3000));
  snprintf(expected, sizeof expected,
           "4 chunks are live, of 3070 bytes; the oldest first\n"
           "3010 bytes in 2 chunks of 10 to 3000: a stack\n0x%zx\n0x%zx\n"
           "20 bytes in 1 chunk of 20: a stack\n0x%zx\n"
           "40 bytes in 1 chunk of 40: without a site\n",
           (size_t)base - 1, (size_t)base, (size_t)base - 1);
  assertLeaks(&pool, expected);
  depth = 40;
  assert_non_null((palloc)(&pool, 50));
  assert_true(asked > 0 && asked < 40);
  depth = 1;
  assert_non_null(take(&pool, 60, &first)); /* the stack learns its line */
  assert_int_equal(lineOf(leaksOf(&pool), "first (f.c:1)").bytes, 80);
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
}

static void oneStackInSoManyIsNoted(void **state) {
  (void)state;
  Pool pool;
  assert_true(
      mema_initPoolWith(&pool, &(mema_Options){.poolSize = 10000, .sites = true, .stacks = 4, .unwind = unwindOurs}));
  depth = 1;
  frames[0] = 0x20;
  for (int i = 0; i < 10; i++) assert_non_null((palloc)(&pool, (size_t)i + 1));
  assertLeaks(&pool,
              "10 chunks are live, of 55 bytes; the oldest first\n"
              "15 bytes in 3 chunks of 1 to 9: a stack\n0x1f\n"
              "40 bytes in 7 chunks of 2 to 10: without a site\n");
  assert_true(mema_failAfter(&pool, 0, true)); /* a request that fails has no turn */
  assert_null((palloc)(&pool, 1));
  assert_true(mema_failAfter(&pool, MEMA_UNLIMITED, true));
  for (int i = 0; i < 3; i++) assert_non_null((palloc)(&pool, 100));
  assert_int_equal(lineOf(leaksOf(&pool), "a stack").bytes, 115);
  assert_true(freePool(&pool));
}

__attribute__((noinline)) static void *deep(Pool *pool, int levels) {
  void *chunk = levels == 0 ? (palloc)(pool, 10) : deep(pool, levels - 1);
  return hidePointer(chunk);
}

static void theCLibraryWalksTheStack(void **state) {
  (void)state;
  Pool pool;
  void *here[3];
  if (!walksStacks) {
    assertFails(mema_initPoolWith(&pool, &(mema_Options){.poolSize = 10000, .sites = true, .stacks = 1}), MEMA_BAD_ARGUMENT);
    return;
  }
  /* The call also makes it part of a static program. It sees this function alone, or nothing, without unwind
   * tables, which gcc makes on 32-bit ARM and on RISC-V only if asked to. */
  if (backtrace(here, 3) < 2) skipBecause("the C library cannot walk this program's stack: compile it with -funwind-tables");
  assert_true(mema_initPoolWith(&pool, &(mema_Options){.poolSize = 10000, .sites = true, .stacks = 1}));
  volatile int rounds = 6; /* or the compiler would write six calls, each a line of its own for the stack */
  for (int i = 0; i < rounds; i++) assert_non_null(deep(&pool, i % 3));
  const char *text = leaksOf(&pool);
  int stacks = 0;
  for (const char *at = text; (at = strstr(at, "2 chunks of 10: a stack\n")) != NULL; at++) stacks++;
  assert_int_equal(stacks, 3);
  assert_non_null(strstr(text, "/sites+0x")); /* this program */
  assert_true(freePool(&pool));
}

/* ---- what is refused ---------------------------------------------------------------------------------------------------- */

static void badOptionsAreRefused(void **state) {
  (void)state;
  Pool pool, parent;
  assertFails(mema_initPoolWith(&pool, &(mema_Options){.poolSize = 9, .sites = true, .untracked = true}), MEMA_BAD_ARGUMENT);
  assert_string_equal(mema_lastError()->sentence, "bad argument: sites with untracked");
  assertFails(mema_initPoolWith(&pool, &(mema_Options){.poolSize = 9, .sites = true, .shared = true, .stacks = 1}),
              MEMA_BAD_ARGUMENT);
  assert_string_equal(mema_lastError()->sentence, "bad argument: stacks with shared");
  assert_true(initPool(&parent, 1000));
  assertRefused(&parent, mema_initSubPool(&pool, &parent, &(mema_Options){.poolSize = 9, .sites = true, .untracked = true}),
                MEMA_BAD_ARGUMENT);
  assertRefused(&parent, mema_writeLeaks(&parent, NULL, NULL), MEMA_BAD_ARGUMENT);
  assertFails(mema_writeLeaks(NULL, writeOn, &sheet), MEMA_BAD_POOL);
  assert_true(freePool(&parent));
  assertFails(mema_writeLeaks(&parent, writeOn, &sheet), MEMA_BAD_POOL);
}

static void aWriteThatFailsIsTheLast(void **state) {
  (void)state;
  Pool pool;
  mema_Site site = {"l.c", NULL, 1, 0};
  assert_true(makeWithSites(&pool, &kindTracked, MIB));
  for (int i = 0; i < 50; i++) {
    site.line = 5000 + i;
    site.number = 0;
    assert_non_null(take(&pool, 10, &site));
  }
  leaksOf(&pool);
  unsigned turns = sheet.calls;
  assert_true(turns > 3);
  for (unsigned turn = 1; turn <= turns; turn++) {
    sheet.length = sheet.calls = 0;
    sheet.failAt = turn;
    assertRefused(&pool, mema_writeLeaks(&pool, writeOn, &sheet), MEMA_NOT_WRITTEN);
    assert_int_equal(sheet.calls, turn);
  }
  assert_true(freePool(&pool));
}

/* The strings of a module that is unloaded are gone. */
static void stringsAreCopied(void **state) {
  (void)state;
  Pool pool;
  char file[] = "gone.c", function[] = "unloaded", longName[1000];
  memset(longName, 'x', sizeof longName - 1);
  strcpy(longName + sizeof longName - 9, "/last.c");
  assert_true(makeWithSites(&pool, &kindTracked, 1000));
  assert_non_null(take(&pool, 10, &(mema_Site){file, function, 7, 0}));
  memset(file, '?', sizeof file - 1);
  memset(function, '?', sizeof function - 1);
  assert_non_null(take(&pool, 20, &(mema_Site){"gone.c", "unloaded", 7, 0})); /* loaded again: the same place */
  assert_non_null(take(&pool, 1, &(mema_Site){longName, NULL, 8, 0}));
  assert_int_equal(lineOf(leaksOf(&pool), "unloaded (gone.c:7)").bytes, 30);
  assert_int_equal(lineOf(leaksOf(&pool), "/last.c:8)").bytes, 1);
  assert_true(freePool(&pool));
}

/* It uses up all numbers, and is the last test. */
static void furtherPlacesAreNone(void **state) {
  (void)state;
  enum { count = 20000 };
  static Pool pool;
  static mema_Site sites[count];
  assert_true(makeWithSites(&pool, &kindTracked, MIB));
  for (int i = 0; i < count; i++) {
    sites[i] = (mema_Site){"many.c", "many", i + 1, 0};
    assertWorks(take(&pool, 1, &sites[i]));
  }
  assert_non_null(take(&pool, 5, &sites[0]));
  assert_non_null(take(&pool, 6, &sites[count - 1]));
  const char *text = leaksOf(&pool);
  size_t none = lineOf(text, "without a site").bytes;
  assert_true(none > count - 16384 + 6 && none < count - 15000);
  assert_int_equal(lineOf(text, "many (many.c:1)").bytes, 6);
  assert_int_equal(lineOf(text, "many (many.c:15000)").bytes, 1);
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
}

#define alone(test) cmocka_unit_test(test)
#define unsharedKinds(test)                                                                                            \
  withKind(test, kindTracked), withKind(test, kindCommitted), withKind(test, kindOutside), withKind(test, kindHooked), \
      withKind(test, kindHookedOutside), arenaKinds(test), withKind(test, kindFixed)

int main(void) {
  const struct CMUnitTest tests[] = {
      exactKinds(everyCallNotesItsLine),
      withKind(everyCallNotesItsLine, kindFixed),
      alone(pallocWaitNotesItsLine),
      exactKinds(chunksOfOneSiteAreSummedUp),
      withKind(chunksOfOneSiteAreSummedUp, kindFixed),
      exactKinds(aChangedChunkKeepsItsSite),
      withKind(aChangedChunkKeepsItsSite, kindFixed),
      alone(marksKeepSites),
      alone(aMovedChunkKeepsItsSite),
      alone(placesWithOneHashAreTwo),
      alone(leaksOfTheWholeFamilyAreListed),
      alone(leaksBelowASharedPoolAreListed),
      alone(leaksOfManySubPoolsAreListed),
      alone(noSubPoolOwnsTheChunksOfAnother),
      anyKind(poolsWithoutSitesNoteNothing),
      exactKinds(otherPointersAreLeftAlone),
      withKind(otherPointersAreLeftAlone, kindFixed),
      unsharedKinds(stacksAreSummedUp),
      alone(oneStackInSoManyIsNoted),
      alone(theCLibraryWalksTheStack),
      alone(badOptionsAreRefused),
      alone(aWriteThatFailsIsTheLast),
      alone(stringsAreCopied),
      alone(furtherPlacesAreNone),
  };
  return runTests(tests);
}
