/* writer.c - see writer.h. */
#define _GNU_SOURCE
#include "writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "sink.h"

struct TraceWriter {
  Sink *sink;
  bool failed; /* and the reason: */
  int reason;
  uint64_t processes;
  uint64_t operations; /* of this process */
  uint16_t thread;
  uint32_t last;      /* the object of the operation before */
  uint32_t objects;   /* numbers ever given in this process */
  uint32_t *released; /* a stack of those to give anew */
  size_t releasedCount, releasedRoom;
  size_t length;
  uint8_t payload[SECTION_MOST];
};

static void fail(TraceWriter *writer, int reason) {
  if (!writer->failed) writer->reason = reason;
  writer->failed = true;
}

static void store(TraceWriter *writer, const void *bytes, size_t length) {
  if (!writer->failed && !writeSink(writer->sink, bytes, length)) fail(writer, errno);
}

TraceWriter *openWriter(int file, bool compressed) {
  TraceWriter *writer = calloc(1, sizeof *writer);
  if (writer == NULL) return NULL;
  writer->sink = openSink(file, compressed);
  if (writer->sink == NULL) {
    free(writer);
    return NULL;
  }
  uint8_t head[TRACE_HEAD_BYTES];
  memcpy(head, TRACE_MAGIC, TRACE_MAGIC_BYTES);
  head[TRACE_MAGIC_BYTES] = TRACE_VERSION;
  store(writer, head, sizeof head);
  return writer;
}

/* The payload that was gathered, as a section. */
static void writeSection(TraceWriter *writer, uint8_t tag) {
  uint8_t head[1 + NUMBER_MOST] = {tag}, end[CHECKSUM_BYTES];
  size_t headLength = 1 + putNumber(head + 1, writer->length);
  uint32_t checksum = traceChecksum(traceChecksum(0, head, headLength), writer->payload, writer->length);
  for (int i = 0; i < CHECKSUM_BYTES; i++) end[i] = (uint8_t)(checksum >> (8 * i));
  store(writer, head, headLength);
  store(writer, writer->payload, writer->length);
  store(writer, end, sizeof end);
  writer->length = 0;
}

static void addNumber(TraceWriter *writer, uint64_t number) {
  writer->length += putNumber(writer->payload + writer->length, number);
}

static void addFirst(TraceWriter *writer, unsigned kind, uint64_t number) {
  writer->length += putFirst(writer->payload + writer->length, kind, number);
}

void writeProcess(TraceWriter *writer, const char *name, int32_t pid, int32_t parentPid) {
  size_t length = strnlen(name, TRACE_NAME_ROOM - 1);
  writer->processes++;
  writer->operations = 0;
  writer->thread = 0;
  writer->last = 0;
  writer->objects = 0;
  writer->releasedCount = 0;
  addNumber(writer, (uint64_t)pid);
  addNumber(writer, (uint64_t)parentPid);
  addNumber(writer, length);
  memcpy(writer->payload + writer->length, name, length);
  writer->length += length;
  writeSection(writer, TAG_PROCESS);
}

static uint32_t giveObject(TraceWriter *writer) {
  if (writer->objects >= TRACE_OBJECTS_MOST) fail(writer, EOVERFLOW);
  writer->last = writer->releasedCount > 0 ? writer->released[--writer->releasedCount] : writer->objects++;
  return writer->last;
}

static void addObject(TraceWriter *writer, const TraceOperation *operation) {
  addFirst(writer, operation->kind, distanceTo(operation->object, writer->last));
  writer->last = operation->object;
}

static void takeObject(TraceWriter *writer, uint32_t object) {
  if (writer->releasedCount == writer->releasedRoom) {
    size_t room = writer->releasedRoom > 0 ? writer->releasedRoom * 2 : 1024;
    uint32_t *larger = realloc(writer->released, room * sizeof *larger);
    if (larger == NULL) {
      fail(writer, ENOMEM);
      return;
    }
    writer->released = larger;
    writer->releasedRoom = room;
  }
  writer->released[writer->releasedCount++] = object;
}

void writeOperation(TraceWriter *writer, TraceOperation *operation) {
  if (operation->thread != writer->thread) addFirst(writer, TRACE_THREAD, operation->thread);
  writer->thread = operation->thread;
  writer->operations++;
  switch (operation->kind) {
    case TRACE_RELEASE:
      addObject(writer, operation);
      takeObject(writer, operation->object);
      break;
    case TRACE_RESIZE:
      addObject(writer, operation);
      addNumber(writer, operation->size);
      break;
    case TRACE_ALLOCATE_ALIGNED:
      addFirst(writer, operation->kind, operation->alignment);
      addNumber(writer, operation->size);
      operation->object = giveObject(writer);
      break;
    case TRACE_ALLOCATE:
    case TRACE_ALLOCATE_ZEROED:
      operation->object = giveObject(writer);
      addFirst(writer, operation->kind, operation->size);
      break;
    default:
      addFirst(writer, operation->kind, operation->kind == TRACE_REFUSED ? operation->size : 0);
      break;
  }
  if (writer->length > SECTION_MOST - 2 * OPERATION_MOST) writeSection(writer, TAG_OPERATIONS);
}

void writeProcessEnd(TraceWriter *writer, uint64_t lost) {
  if (writer->length > 0) writeSection(writer, TAG_OPERATIONS);
  addNumber(writer, writer->operations);
  addNumber(writer, lost);
  writeSection(writer, TAG_PROCESS_END);
}

bool closeWriter(TraceWriter *writer) {
  addNumber(writer, writer->processes);
  writeSection(writer, TAG_END);
  if (!closeSink(writer->sink)) fail(writer, errno);
  bool done = !writer->failed;
  int reason = writer->reason;
  free(writer->released);
  free(writer);
  errno = reason;
  return done;
}
