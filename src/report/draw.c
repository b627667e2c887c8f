/* draw.c - a pool as a picture in text. Reads, never writes.
 *
 *   name: 40 KiB of 100 KiB, 3 chunks, peak 60 KiB[, 8 KiB charged][, 2 outside]
 *     budget  ########......................
 *     memory  ##+-..
 *     1 cell  4 KiB
 *     key     . free  -+* partly used  # used
 *
 * The second bar is a map of the reservation up to its frontier. All cells stand for equally many bytes. Each
 * shows how many of its bytes are taken. A span's free slots count as free. A picture that is too narrow for
 * the key leaves it out. */
#include <stdio.h>
#include <string.h>

#include "../memory/os.h"
#include "report.h"
#include "writer.h"

enum { columnsMin = 20, columnsDefault = 72, columnsMax = 200, columnsWithKey = 41, label = 10, mapRows = 4 };

/* The text made so far. Like snprintf, it keeps counting beyond the end of the buffer. */
typedef struct Canvas {
  char *buffer;
  size_t size, length;
  bool ascii;
} Canvas;

static void put(Canvas *canvas, const char *text) {
  for (; *text != '\0'; text++, canvas->length++)
    if (canvas->length + 1 < canvas->size) canvas->buffer[canvas->length] = *text;
}

static void putBytes(Canvas *canvas, size_t bytes) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  char text[32];
  unsigned unit = 0;
  double value = (double)bytes;
  for (; value >= 1024 && unit < 6; unit++) value /= 1024;
  snprintf(text, sizeof text, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  put(canvas, text);
}

/* Puts one cell, from empty (0) to full (4). */
static void putCell(Canvas *canvas, unsigned quarters) {
  static const char *const plain[] = {".", "-", "+", "*", "#"}, *const blocks[] = {"·", "░", "▒", "▓", "█"};
  put(canvas, canvas->ascii ? plain[quarters] : blocks[quarters]);
}

static void putKey(Canvas *canvas) {
  put(canvas, canvas->ascii ? "  key     . free  -+* partly used  # used\n" : "  key     · free  ░▒▓ partly used  █ used\n");
}

static unsigned quartersOf(double part) {
  if (part <= 0) return 0;
  return part >= 1 ? 4 : 1 + (unsigned)(part * 3);
}

static void putHeading(Canvas *canvas, const mema_Stats *given) {
  mema_Stats stats = *given;
  char text[64];
  put(canvas, stats.name[0] != '\0' ? stats.name : "pool");
  put(canvas, ": ");
  putBytes(canvas, stats.liveBytes);
  put(canvas, " of ");
  if (stats.poolSize == MEMA_UNLIMITED) {
    put(canvas, "unlimited");
  } else {
    putBytes(canvas, stats.poolSize);
  }
  snprintf(text, sizeof text, ", %zu chunk%s, peak ", stats.liveChunks, stats.liveChunks == 1 ? "" : "s");
  put(canvas, text);
  putBytes(canvas, stats.peakBytes);
  if (stats.chargedBytes != 0) {
    put(canvas, ", ");
    putBytes(canvas, stats.chargedBytes);
    put(canvas, " charged");
  }
  if (stats.outsideChunks == 0) return;
  snprintf(text, sizeof text, ", %zu outside", stats.outsideChunks);
  put(canvas, text);
}

/* Puts the heading, cut to the width. The important parts come first. */
static void putHeadingWithin(Canvas *canvas, const mema_Stats *stats, unsigned columns) {
  char line[256] = "";
  Canvas heading = {.buffer = line, .size = sizeof line};
  putHeading(&heading, stats);
  size_t length = heading.length < columns ? heading.length : columns;
  while (length > 0 && ((unsigned char)line[length] & 0xC0) == 0x80) length--; /* not within a character of the name */
  line[length] = '\0';
  for (char *at = line; canvas->ascii && *at != '\0'; at++)
    if ((unsigned char)*at >= 128) *at = '?';
  put(canvas, line);
  put(canvas, "\n");
}

static void putBudget(Canvas *canvas, const mema_Pool *pool, unsigned cells) {
  double used = (double)(pool->poolSize - pool->freeSize) / (double)pool->poolSize * cells;
  put(canvas, "  budget  ");
  for (unsigned i = 0; i < cells; i++) putCell(canvas, quartersOf(used - i));
  put(canvas, "\n");
}

/* Adds `bytes`, spread evenly over [from, to), to the cells, each of which is `each` bytes wide. */
static void spread(double *cells, double each, double from, double to, double bytes) {
  if (bytes <= 0) return;
  for (unsigned i = (unsigned)(from / each); i * each < to; i++) {
    double start = i * each > from ? i * each : from, end = (i + 1) * each < to ? (i + 1) * each : to;
    cells[i] += bytes * (end - start) / (to - from);
  }
}

/* Computes the bytes taken in each cell: those of a chunk, and of its Block if that lies in front of it. */
static void measure(mema_Heap *heap, double *cells, double each) {
  mema_Chunk chunk;
  const char *area = heap->area;
  bool beside = heap->ops->exposesBlocks;
  for (size_t at = 0; heap->ops->walk(heap, at, &chunk); at = (size_t)(chunk.ptr - area) + chunk.room) {
    const char *first = beside && chunk.record != NULL ? (const char *)chunk.record : chunk.ptr;
    double start = (double)(first - area), end = (double)(chunk.ptr - area) + (double)chunk.room;
    spread(cells, each, start, end, end - start);
  }
}

static void putMap(Canvas *canvas, mema_Heap *heap, unsigned width) {
  double cells[columnsMax * mapRows + 1] = {0};
  size_t extent = heap->ops->extent(heap), count = (size_t)width * mapRows;
  put(canvas, heap->outside ? "  outside " : "  memory  ");
  if (extent == 0) {
    put(canvas, "untouched\n");
    return;
  }
  /* Each cell is a multiple of 16 bytes, and there are no more cells than the extent fills. */
  size_t each = (extent / 16 + count - 1) / count * 16;
  count = (extent + each - 1) / each;
  measure(heap, cells, (double)each);
  for (size_t i = 0; i < count; i++) {
    if (i != 0 && i % width == 0) put(canvas, "\n          ");
    putCell(canvas, quartersOf(cells[i] / (double)each));
  }
  put(canvas, "\n  1 cell  ");
  putBytes(canvas, each);
  put(canvas, "\n");
}

size_t mema_drawPool(const mema_Pool *pool, char *buffer, size_t size, unsigned columns, bool ascii) {
  mema_Heap *first = mema_holdPool(pool, true);
  mema_Stats stats;
  if (first == NULL) return 0;
  mema_collectStats(pool, first, &stats);
  if (columns == 0) columns = columnsDefault;
  if (columns < columnsMin) columns = columnsMin;
  if (columns > columnsMax) columns = columnsMax;
  Canvas canvas = {.buffer = buffer, .size = buffer == NULL ? 0 : size, .ascii = ascii};
  putHeadingWithin(&canvas, &stats, columns);
  putBudget(&canvas, pool, columns - label);
  for (mema_Heap *heap = first; heap != NULL; heap = heap->next) putMap(&canvas, heap, columns - label);
  if (columns >= columnsWithKey) putKey(&canvas);
  mema_unlockPool(first);
  if (buffer != NULL && canvas.size != 0) buffer[canvas.length < canvas.size ? canvas.length : canvas.size - 1] = '\0';
  return canvas.length;
}

/* Draws into memory of its own, so that the pool is not held while the caller's function runs. A shared pool may grow
 * between the two drawings; then the second is cut, and drawn again. */
bool mema_writePicture(const mema_Pool *pool, unsigned columns, bool ascii, mema_Write *write, void *user) {
  if (mema_openKind(pool) == mema_noPool) return false;
  if (write == NULL) return mema_failFor(mema_writeIsNull, 0, 0);
  size_t size = 0, length = mema_drawPool(pool, NULL, 0, columns, ascii);
  char *picture = NULL;
  while (length != 0 && length >= size) {
    if (picture != NULL) mema_osRelease(picture, size);
    size = mema_roundUp(2 * length, mema_osPageSize());
    picture = mema_osReserve(size, mema_osPageSize());
    if (picture == NULL) {
      mema_failBytes(MEMA_NO_MEMORY, size, 0);
      return false;
    }
    length = mema_drawPool(pool, picture, size, columns, ascii);
  }
  if (picture == NULL) return false; /* the failure is noted */
  mema_Writer writer;
  mema_beginText(&writer, write, user);
  mema_putBytes(&writer, picture, length);
  mema_osRelease(picture, size);
  return mema_endText(&writer);
}
