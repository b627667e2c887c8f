/* example.c - see example.h. */
#include "example.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../../trace/writer.h"

void failed(const char *file, int line, const char *condition) {
  fprintf(stderr, "%s:%d: %s\n", file, line, condition);
  exit(1);
}

/* ---- chance ------------------------------------------------------------------------------------------------------- */

static uint64_t state = 1;

void seed(uint64_t number) {
  state = number * 2 + 1;
}

/* xorshift64* (Vigna 2016). */
uint64_t draw(uint64_t below) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (state * 0x2545f4914f6cdd1du >> 16) % below;
}

/* ---- files -------------------------------------------------------------------------------------------------------- */

int makeFile(const void *bytes, size_t length, const char **path) {
  static char name[64];
  int file = memfd_create("trace", MFD_CLOEXEC);
  CHECK(file >= 0 && write(file, bytes, length) == (ssize_t)length);
  snprintf(name, sizeof name, "/proc/self/fd/%d", file);
  *path = name;
  return file;
}

/* ---- a trace ------------------------------------------------------------------------------------------------------ */

/* The sizes of the live objects of the process that is made up, by number. */
typedef struct Live {
  uint64_t *sizes; /* UINT64_MAX: none */
  size_t room;
} Live;

static TraceOperation makeUp(const TraceProcess *process, const Live *live) {
  static const uint64_t sizes[] = {0, 1, 15, 16, 100, 4096, 1u << 20, (uint64_t)1 << 40, (uint64_t)1 << 63};
  TraceOperation operation = {.kind = (uint8_t)draw(TRACE_KINDS), .thread = (uint16_t)draw(process->threads + 1)};
  operation.size = draw(4) == 0 ? sizes[draw(sizeof sizes / sizeof sizes[0])] : draw(5000);
  if (operation.kind == TRACE_ALLOCATE_ALIGNED) operation.alignment = (uint8_t)draw(63);
  if (operation.kind == TRACE_RELEASE || operation.kind == TRACE_STRANGER) operation.size = 0;
  if (operation.kind == TRACE_REFUSED && draw(3) == 0) operation.size = UINT64_MAX;
  if (operation.kind == TRACE_RELEASE || operation.kind == TRACE_RESIZE) {
    operation.object = process->objects > 0 ? (uint32_t)draw(process->objects) : 0;
    if (process->objects == 0 || live->sizes[operation.object] == UINT64_MAX) operation.kind = TRACE_STRANGER;
  }
  if (operation.kind == TRACE_STRANGER) operation.size = operation.object = 0;
  return operation;
}

static void count(TraceProcess *process, Live *live, const TraceOperation *operation) {
  uint64_t *size = &live->sizes[operation->object];
  if (operation->thread >= process->threads) process->threads++;
  process->kinds[operation->kind]++;
  if (operation->kind == TRACE_STRANGER || operation->kind == TRACE_REFUSED) return;
  if (operation->object >= process->objects) process->objects = operation->object + 1;
  process->liveBytes += operation->size - (*size == UINT64_MAX ? 0 : *size);
  *size = operation->kind == TRACE_RELEASE ? UINT64_MAX : operation->size;
  if (process->liveBytes > process->peakBytes) process->peakBytes = process->liveBytes;
}

static void writeOne(TraceWriter *writer, TraceProcess *process, size_t operations) {
  Live live = {.room = operations + 1};
  live.sizes = malloc(live.room * sizeof *live.sizes);
  memset(live.sizes, 0xff, live.room * sizeof *live.sizes);
  writeProcess(writer, process->name, process->pid, process->parentPid);
  process->operations = calloc(operations + 1, sizeof *process->operations);
  process->threads = 1;
  for (process->count = 0; process->count < operations; process->count++) {
    TraceOperation operation = makeUp(process, &live);
    writeOperation(writer, &operation);
    count(process, &live, &operation);
    process->operations[process->count] = operation;
  }
  writeProcessEnd(writer, process->lost);
  free(live.sizes);
}

Trace writeExample(int file, bool compressed, size_t processes, size_t operations) {
  Trace trace = {.processes = calloc(processes + 1, sizeof *trace.processes), .compressed = compressed};
  TraceWriter *writer = openWriter(file, compressed);
  CHECK(writer != NULL && trace.processes != NULL);
  for (; trace.count < processes; trace.count++) {
    TraceProcess *process = &trace.processes[trace.count];
    snprintf(process->name, sizeof process->name, "%.*s", (int)draw(48), "a program whose name has forty-seven bytes here");
    process->pid = (int32_t)draw(INT32_MAX);
    process->parentPid = (int32_t)draw(INT32_MAX);
    process->lost = draw(3) == 0 ? draw(UINT64_MAX) : 0;
    writeOne(writer, process, operations);
  }
  CHECK(closeWriter(writer));
  return trace;
}

void freeExample(Trace *trace) {
  for (size_t i = 0; i < trace->count; i++) free(trace->processes[i].operations);
  free(trace->processes);
}

static bool sameOperation(const TraceOperation *a, const TraceOperation *b) {
  return a->kind == b->kind && a->object == b->object && a->size == b->size && a->thread == b->thread &&
         a->alignment == b->alignment;
}

static bool sameProcess(const TraceProcess *a, const TraceProcess *b) {
  if (strcmp(a->name, b->name) != 0 || a->pid != b->pid || a->parentPid != b->parentPid || a->count != b->count ||
      a->lost != b->lost || a->objects != b->objects || a->threads != b->threads || a->peakBytes != b->peakBytes ||
      a->liveBytes != b->liveBytes || memcmp(a->kinds, b->kinds, sizeof a->kinds) != 0) {
    return false;
  }
  for (size_t i = 0; i < a->count; i++) {
    if (!sameOperation(&a->operations[i], &b->operations[i])) return false;
  }
  return true;
}

bool sameTrace(const Trace *a, const Trace *b) {
  bool same = a->count == b->count && a->compressed == b->compressed;
  for (size_t i = 0; same && i < a->count; i++) same = sameProcess(&a->processes[i], &b->processes[i]);
  return same;
}

/* ---- soundness ---------------------------------------------------------------------------------------------------- */

static bool operationIsSound(const TraceProcess *process, const TraceOperation *operation, char *live) {
  switch (operation->kind) {
    case TRACE_STRANGER:
    case TRACE_REFUSED:
      return true;
    case TRACE_RELEASE:
      if (operation->object >= process->objects || !live[operation->object]) return false;
      live[operation->object] = 0;
      return true;
    case TRACE_RESIZE:
      return operation->object < process->objects && live[operation->object];
    default:
      if (operation->object >= process->objects || live[operation->object] || operation->alignment > 62) return false;
      live[operation->object] = 1;
      return operation->kind <= TRACE_ALLOCATE_ALIGNED;
  }
}

bool isSound(const Trace *trace) {
  bool sound = true;
  for (size_t i = 0; sound && i < trace->count; i++) {
    const TraceProcess *process = &trace->processes[i];
    char *live = calloc(process->objects + (size_t)1, 1);
    uint64_t kinds[TRACE_KINDS] = {0};
    for (size_t j = 0; sound && j < process->count; j++) {
      const TraceOperation *operation = &process->operations[j];
      sound = operation->kind < TRACE_KINDS && operation->thread < process->threads &&
              operationIsSound(process, operation, live);
      if (sound) kinds[operation->kind]++;
    }
    sound = sound && memcmp(kinds, process->kinds, sizeof kinds) == 0 && strlen(process->name) < sizeof process->name;
    free(live);
  }
  return sound;
}
