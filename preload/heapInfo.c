/* heapInfo.c - see heapInfo.h. */
#define _GNU_SOURCE
#include "heapInfo.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "gate.h"
#include "text.h"

/* The figures of the heap; zeros in a signal handler that interrupted the heap. */
static mema_Stats readStats(void) {
  mema_Stats stats = {0};
  int savedErrno = errno;
  if (!mema_poolStats(&heapPool, &stats)) stats = (mema_Stats){0};
  errno = savedErrno;
  return stats;
}

/* The bytes of live chunks. Mappings of the program, and the reserve, are charged bytes. */
static size_t chunkBytes(const mema_Stats *stats) {
  return stats->liveBytes - stats->chargedBytes;
}

static size_t freeBytes(const mema_Stats *stats) {
  return stats->footprint > chunkBytes(stats) ? stats->footprint - chunkBytes(stats) : 0;
}

int malloc_trim(size_t pad) {
  (void)pad;
  int savedErrno = errno;
  size_t bytes = mema_trimPool(&heapPool);
  errno = savedErrno;
  return bytes > 0;
}

int mallopt(int setting, int value) {
  (void)setting;
  (void)value;
  return 0;
}

struct mallinfo2 mallinfo2(void) {
  mema_Stats stats = readStats();
  return (struct mallinfo2){.arena = stats.footprint,
                            .uordblks = chunkBytes(&stats),
                            .fordblks = freeBytes(&stats),
                            .keepcost = freeBytes(&stats)};
}

static int asInt(size_t figure) {
  return figure < INT_MAX ? (int)figure : INT_MAX;
}

struct mallinfo mallinfo(void) {
  struct mallinfo2 info = mallinfo2();
  return (struct mallinfo){.arena = asInt(info.arena),
                           .uordblks = asInt(info.uordblks),
                           .fordblks = asInt(info.fordblks),
                           .keepcost = asInt(info.keepcost)};
}

static void addPadded(Text *text, size_t number) {
  enum { WIDTH = 10 };
  size_t digits = 1;
  for (size_t rest = number / 10; rest > 0; rest /= 10) digits++;
  for (; digits < WIDTH; digits++) addString(text, " ");
  addNumber(text, number);
  addString(text, "\n");
}

static void addHeld(Text *text, const char *title, const mema_Stats *stats) {
  addString(text, title);
  addString(text, "system bytes     = ");
  addPadded(text, stats->footprint);
  addString(text, "in use bytes     = ");
  addPadded(text, chunkBytes(stats));
}

void malloc_stats(void) {
  mema_Stats stats = readStats();
  Text text = {0};
  addHeld(&text, "Arena 0:\n", &stats);
  addHeld(&text, "Total (incl. mmap):\n", &stats);
  addString(&text, "max mmap regions = ");
  addPadded(&text, 0);
  addString(&text, "max mmap bytes   = ");
  addPadded(&text, 0);
  writeText(STDERR_FILENO, &text);
}

static void addElement(Text *text, const char *start, size_t size) {
  addString(text, start);
  addNumber(text, size);
  addString(text, "\"/>\n");
}

/* The elements that stand both in a heap and behind all heaps. The heap does not count its free chunks, and does not
 * note how much it held at most: the most is at least what it holds, and at least what was live. */
static void addTotals(Text *text, const mema_Stats *stats, bool all) {
  size_t held = stats->footprint, most = stats->peakBytes - stats->chargedBytes;
  addElement(text, "<total type=\"fast\" count=\"0\" size=\"", 0);
  addElement(text, "<total type=\"rest\" count=\"0\" size=\"", freeBytes(stats));
  if (all) addElement(text, "<total type=\"mmap\" count=\"0\" size=\"", 0);
  addElement(text, "<system type=\"current\" size=\"", held);
  addElement(text, "<system type=\"max\" size=\"", held > most ? held : most);
  addElement(text, "<aspace type=\"total\" size=\"", stats->reservation);
  addElement(text, "<aspace type=\"mprotect\" size=\"", stats->reservation);
}

static bool writeTo(FILE *stream, const Text *text) {
  return fwrite(text->bytes, 1, text->length, stream) == text->length;
}

int malloc_info(int options, FILE *stream) {
  if (options != 0) return EINVAL;
  mema_Stats stats = readStats();
  Text heap = {0}, end = {0};
  addString(&heap, "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n</sizes>\n");
  addTotals(&heap, &stats, false);
  addString(&heap, "</heap>\n");
  addTotals(&end, &stats, true);
  addString(&end, "</malloc>\n");
  return writeTo(stream, &heap) && writeTo(stream, &end) ? 0 : -1;
}
