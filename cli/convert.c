/* convert.c - see convert.h. */
#define _GNU_SOURCE
#include "convert.h"

#include <errno.h>
#include <stdlib.h>

#include "../trace/format.h"
#include "../trace/writer.h"
#include "objectMap.h"

/* A realloc that has begun and not ended. */
typedef struct Resize {
  uint32_t thread; /* as in the raw log */
  bool known;
  uint32_t object;
  uint64_t address;
} Resize;

typedef struct Conversion {
  TraceWriter *writer;
  Converted *converted;
  bool noMemory;
  uint32_t process; /* that is being written, or 0 */
  uint64_t lost;    /* of it */
  ObjectMap objects;
  Resize *resizes;
  size_t resizeCount, resizeRoom;
  uint32_t *threads; /* by number in the trace: its number in the raw log */
  size_t threadCount, threadRoom;
  uint16_t lastThread;
} Conversion;

/* Room for one more; false where there is no memory. */
static bool makeRoom(Conversion *conversion, void *list, size_t *room, size_t count, size_t size) {
  if (count < *room) return true;
  size_t more = *room > 0 ? *room * 2 : 64;
  void *larger = realloc(*(void **)list, more * size);
  conversion->noMemory = conversion->noMemory || larger == NULL;
  if (larger == NULL) return false;
  *(void **)list = larger;
  *room = more;
  return true;
}

/* ---- threads ------------------------------------------------------------------------------------------------------ */

/* In the order in which they appear. The last one looked for is usually the one; there are few. */
static uint16_t threadOf(Conversion *conversion, uint32_t rawThread) {
  size_t last = conversion->lastThread;
  if (last < conversion->threadCount && conversion->threads[last] == rawThread) return conversion->lastThread;
  size_t at = 0;
  while (at < conversion->threadCount && conversion->threads[at] != rawThread) at++;
  if (at >= TRACE_THREADS_MOST) at = TRACE_THREADS_MOST;
  if (at == conversion->threadCount &&
      makeRoom(conversion, &conversion->threads, &conversion->threadRoom, at, sizeof *conversion->threads)) {
    conversion->threads[conversion->threadCount++] = rawThread;
  }
  conversion->lastThread = (uint16_t)at;
  return conversion->lastThread;
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

/* One event of the raw log, taken apart. */
typedef struct Event {
  RawKind kind;
  uint8_t alignment;
  uint32_t rawThread;
  uint16_t thread;
  uint64_t address;
  uint64_t size;
} Event;

static uint32_t write(Conversion *conversion, const Event *event, TraceKind kind, uint32_t object) {
  TraceOperation operation = {.kind = (uint8_t)kind, .thread = event->thread, .object = object, .size = event->size};
  if (kind == TRACE_ALLOCATE_ALIGNED) operation.alignment = event->alignment;
  writeOperation(conversion->writer, &operation);
  conversion->converted->operations++;
  return operation.object;
}

static void release(Conversion *conversion, const Event *event, uint64_t address) {
  uint32_t object = 0;
  bool known = takeObject(&conversion->objects, address, &object);
  write(conversion, event, known ? TRACE_RELEASE : TRACE_STRANGER, object);
}

/* Where something lives at the address already, its release went past us. */
static void place(Conversion *conversion, const Event *event, uint32_t object) {
  uint32_t former;
  switch (putObject(&conversion->objects, event->address, object, &former)) {
    case OBJECT_REPLACED:
      write(conversion, event, TRACE_RELEASE, former);
      break;
    case OBJECT_NO_MEMORY:
      conversion->noMemory = true;
      break;
    case OBJECT_ADDED:
    default:
      break;
  }
}

static void allocate(Conversion *conversion, const Event *event, TraceKind kind) {
  place(conversion, event, write(conversion, event, kind, 0));
}

static void beginResize(Conversion *conversion, const Event *event) {
  Resize resize = {.thread = event->rawThread, .address = event->address};
  resize.known = takeObject(&conversion->objects, event->address, &resize.object);
  if (makeRoom(conversion, &conversion->resizes, &conversion->resizeRoom, conversion->resizeCount, sizeof resize)) {
    conversion->resizes[conversion->resizeCount++] = resize;
  }
}

/* The thread's last: a signal handler may have come in between with one of its own. */
static bool takeResize(Conversion *conversion, uint32_t rawThread, Resize *resize) {
  size_t at = conversion->resizeCount;
  while (at > 0 && conversion->resizes[at - 1].thread != rawThread) at--;
  if (at == 0) return false;
  *resize = conversion->resizes[at - 1];
  conversion->resizes[at - 1] = conversion->resizes[--conversion->resizeCount];
  return true;
}

/* realloc said NULL: it released what it was given where it was asked for 0 bytes, and else it left it alone. */
static void endFruitlessResize(Conversion *conversion, Event *event, const Resize *resize) {
  if (event->size == 0) {
    write(conversion, event, resize->known ? TRACE_RELEASE : TRACE_STRANGER, resize->object);
    return;
  }
  write(conversion, event, TRACE_REFUSED, 0);
  event->address = resize->address;
  if (resize->known) place(conversion, event, resize->object);
}

static void endResize(Conversion *conversion, Event *event) {
  Resize resize;
  if (!takeResize(conversion, event->rawThread, &resize)) return;
  if (event->address == 0) {
    endFruitlessResize(conversion, event, &resize);
  } else if (resize.known) {
    write(conversion, event, TRACE_RESIZE, resize.object);
    place(conversion, event, resize.object);
  } else {
    write(conversion, event, TRACE_STRANGER, 0);
    allocate(conversion, event, TRACE_ALLOCATE);
  }
}

static void convertEvent(Conversion *conversion, Event *event) {
  switch (event->kind) {
    case RAW_RELEASE:
      release(conversion, event, event->address);
      break;
    case RAW_ALLOCATE:
      allocate(conversion, event, TRACE_ALLOCATE);
      break;
    case RAW_ALLOCATE_ZEROED:
      allocate(conversion, event, TRACE_ALLOCATE_ZEROED);
      break;
    case RAW_ALLOCATE_ALIGNED:
      event->alignment = (uint8_t)(event->size >> RAW_ALIGNMENT_SHIFT);
      event->size &= ((uint64_t)1 << RAW_ALIGNMENT_SHIFT) - 1;
      allocate(conversion, event, TRACE_ALLOCATE_ALIGNED);
      break;
    case RAW_RESIZE_BEGIN:
      beginResize(conversion, event);
      break;
    case RAW_RESIZE_END:
      endResize(conversion, event);
      break;
    case RAW_REFUSED:
      write(conversion, event, TRACE_REFUSED, 0);
      break;
    case RAW_NONE:
    default:
      break;
  }
}

/* ---- processes ---------------------------------------------------------------------------------------------------- */

static void endProcess(Conversion *conversion) {
  if (conversion->process == 0) return;
  writeProcessEnd(conversion->writer, conversion->lost);
  conversion->converted->lost += conversion->lost;
  conversion->process = 0;
}

static void beginProcess(Conversion *conversion, const RawBlock *block) {
  endProcess(conversion);
  conversion->process = atomic_load(&block->process);
  conversion->lost = 0;
  conversion->resizeCount = 0;
  conversion->threadCount = 0;
  conversion->lastThread = 0;
  clearObjects(&conversion->objects);
  writeProcess(conversion->writer, block->name, block->pid, block->parentPid);
  conversion->converted->processes++;
}

static void convertBlock(Conversion *conversion, const RawBlock *block) {
  if (atomic_load(&block->process) != conversion->process) beginProcess(conversion, block);
  conversion->lost += atomic_load(&block->lost);
  for (size_t i = 0; i < RAW_EVENTS; i++) {
    const RawEvent *raw = &block->events[i];
    uint64_t word = atomic_load_explicit(&raw->head, memory_order_acquire);
    if (word == 0) continue;
    Event event = {.kind = rawKind(word), .rawThread = rawThread(word), .address = rawAddress(word), .size = raw->size};
    event.thread = threadOf(conversion, event.rawThread);
    convertEvent(conversion, &event);
  }
}

static bool convertBlocks(Conversion *conversion, const RawFile *raw, const RawBlockPlace *places, size_t count) {
  RawBlock *block = malloc(sizeof *block);
  bool done = block != NULL;
  for (size_t i = 0; done && i < count; i++) {
    done = readRawBlock(raw, places[i].number, block);
    if (done) convertBlock(conversion, block);
    if (conversion->noMemory) errno = ENOMEM;
    done = done && !conversion->noMemory;
  }
  endProcess(conversion);
  free(block);
  return done;
}

bool convertRawFile(const RawFile *raw, int file, bool compressed, Converted *converted) {
  size_t count;
  *converted = (Converted){.lost = atomic_load(&raw->head->lost)};
  RawBlockPlace *places = listRawBlocks(raw, &count);
  Conversion conversion = {.converted = converted, .writer = places == NULL ? NULL : openWriter(file, compressed)};
  errno = ENOMEM;
  bool done = conversion.writer != NULL && convertBlocks(&conversion, raw, places, count);
  int reason = errno;
  if (conversion.writer != NULL && !closeWriter(conversion.writer) && done) {
    reason = errno;
    done = false;
  }
  freeObjects(&conversion.objects);
  free(conversion.resizes);
  free(conversion.threads);
  free(places);
  errno = reason;
  return done;
}
