/* playing - a trace is played as it was recorded: every operation reaches the heap, with its size and for its object. A refused
 * request is counted, and later operations on its object are skipped. The heap here is a list that checks each request. */
#include <stdlib.h>
#include <string.h>

#include "../../trace/player.h"
#include "support/example.h"

enum { MOST = 64 };

static struct {
  void *address;
  size_t size;
} live[MOST];
static size_t calls, liveCount, refusedSize;
static char asked[4096];

static void note(const char *what, size_t size) {
  size_t at = strlen(asked);
  CHECK(at + 64 < sizeof asked);
  for (; *what != '\0'; what++) asked[at++] = *what;
  char digits[24];
  int count = 0;
  do digits[count++] = (char)('0' + size % 10);
  while ((size /= 10) > 0);
  while (count > 0) asked[at++] = digits[--count];
  asked[at++] = ' ';
  asked[at] = '\0';
  calls++;
}

static size_t find(const void *address) {
  size_t i = 0;
  while (i < liveCount && live[i].address != address) i++;
  CHECK(i < liveCount);
  return i;
}

static void *hand(void *address, size_t size) {
  CHECK(address != NULL && liveCount < MOST);
  live[liveCount].address = address;
  live[liveCount++].size = size;
  return address;
}

static void *allocate(size_t size) {
  note("malloc", size);
  return size == refusedSize ? NULL : hand(malloc(size + 1), size);
}

static void *allocateZeroed(size_t count, size_t size) {
  note("calloc", count * size);
  return hand(calloc(count, size + 1), count * size);
}

static void *allocateAligned(size_t alignment, size_t size) {
  note("align", alignment);
  return hand(aligned_alloc(alignment, (size + alignment) / alignment * alignment), size);
}

static void *resize(void *ptr, size_t size) {
  size_t at = find(ptr);
  note("realloc", size);
  if (size == refusedSize) return NULL;
  live[at].address = realloc(ptr, size + 1);
  live[at].size = size;
  return live[at].address;
}

static void release(void *ptr) {
  size_t at = find(ptr);
  note("free", live[at].size);
  free(ptr);
  live[at] = live[--liveCount];
}

static const PlayHeap heap = {allocate, allocateZeroed, allocateAligned, resize, release};

static PlayCounts play(const TraceOperation *operations, size_t count, uint32_t objects, const char *expected) {
  PlayObject places[MOST] = {0};
  TraceProcess process = {.operations = (TraceOperation *)operations, .count = count, .objects = objects};
  asked[0] = '\0';
  calls = 0;
  PlayCounts counts = playProcess(&process, &heap, places);
  CHECK(counts.operations == calls);
  CHECK(strcmp(asked, expected) == 0);
  releaseRest(&process, &heap, places);
  CHECK(liveCount == 0);
  return counts;
}

static const TraceOperation all[] = {
    {.kind = TRACE_ALLOCATE, .object = 0, .size = 100},
    {.kind = TRACE_ALLOCATE_ZEROED, .object = 1, .size = 10000},
    {.kind = TRACE_ALLOCATE_ALIGNED, .object = 2, .size = 70, .alignment = 6},
    {.kind = TRACE_RESIZE, .object = 0, .size = 5000},
    {.kind = TRACE_STRANGER},
    {.kind = TRACE_REFUSED, .size = UINT64_MAX},
    {.kind = TRACE_RELEASE, .object = 1},
    {.kind = TRACE_ALLOCATE, .object = 1, .size = 0},
    {.kind = TRACE_RESIZE, .object = 1, .size = 0},
    {.kind = TRACE_RELEASE, .object = 0},
};
enum { ALL = sizeof all / sizeof all[0] };

static void everything(void) {
  refusedSize = SIZE_MAX;
  PlayCounts counts = play(all, ALL, 3, "malloc100 calloc10000 align64 realloc5000 free10000 malloc0 realloc1 free5000 ");
  CHECK(counts.allocations == 4 && counts.resizes == 2 && counts.releases == 2 && counts.refused == 0 &&
        counts.skipped == 0);
}

static void refusals(void) {
  refusedSize = 100;
  PlayCounts counts = play(all, ALL, 3, "malloc100 calloc10000 align64 free10000 malloc0 realloc1 ");
  CHECK(counts.refused == 1 && counts.skipped == 2 && counts.releases == 1);
  refusedSize = 5000;
  counts = play(all, ALL, 3, "malloc100 calloc10000 align64 realloc5000 free10000 malloc0 realloc1 free100 ");
  CHECK(counts.refused == 1 && counts.skipped == 0 && counts.releases == 2);
}

/* An object is touched from its beginning, in each page, and in the pages that a resize adds. */
static char *touched;

static void *allocateMarked(size_t size) {
  touched = malloc(size * 4);
  memset(touched, 0x55, size * 4);
  return touched;
}

static void *resizeMarked(void *ptr, size_t size) {
  memset(touched, 0x55, size);
  return ptr;
}

static void leave(void *ptr) {
  (void)ptr;
}

static void touching(void) {
  static const PlayHeap marked = {allocateMarked, NULL, NULL, resizeMarked, leave};
  static TraceOperation operations[] = {{.kind = TRACE_ALLOCATE, .size = 9000}, {.kind = TRACE_RESIZE, .size = 20000}};
  PlayObject place = {0};
  TraceProcess process = {.operations = operations, .count = 1, .objects = 1};
  playProcess(&process, &marked, &place);
  for (size_t at = 0; at < 36000; at++) CHECK((touched[at] != 0x55) == (at < 9000 && at % 4096 == 0));
  process = (TraceProcess){.operations = operations + 1, .count = 1, .objects = 1};
  playProcess(&process, &marked, &place);
  for (size_t at = 0; at < 36000; at++)
    CHECK((touched[at] != 0x55) == (at >= 9000 && at < 20000 && (at - 9000) % 4096 == 0));
  free(touched);
}

/* As that of a program that did nothing: it has no array. (The undefined-behaviour sanitizer watches.) */
static void nothing(void) {
  PlayCounts counts = play(NULL, 0, 0, "");
  CHECK(counts.operations == 0);
}

int main(void) {
  everything();
  nothing();
  refusals();
  touching();
  return 0;
}
