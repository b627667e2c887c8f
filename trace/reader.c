/* reader.c - see trace.h. Believes nothing that the file says: every section has its checksum, and every operation must be
 * possible after those before it. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "format.h"
#include "source.h"
#include "trace.h"

/* ---- where we are ------------------------------------------------------------------------------------------------- */

/* No object has this size. */
#define RELEASED UINT64_MAX

typedef struct Reader {
  Source *source;
  TraceError *error;
  uint64_t read; /* bytes, decompressed */
  uint8_t payload[SECTION_MOST];
  size_t length; /* of it */
  Trace *trace;
  size_t processRoom;
  TraceProcess *process; /* that is being read, or NULL */
  size_t operationRoom;
  uint64_t *sizes;    /* of each object of the process */
  uint32_t *released; /* a stack of the numbers to give anew */
  size_t releasedCount, objectRoom;
  uint16_t thread;
  uint32_t last; /* the object of the operation before */
} Reader;

static bool damaged(Reader *reader, const char *what) {
  setTraceError(reader->error, "is damaged: %s (before byte %" PRIu64 "%s)", what, reader->read,
                isCompressed(reader->source) ? " of what zstd holds" : "");
  return false;
}

static bool cutOff(Reader *reader) {
  setTraceError(reader->error, "ends too early, at byte %" PRIu64 "%s: it was cut off", reader->read,
                isCompressed(reader->source) ? " of what zstd holds" : "");
  return false;
}

static bool noMemory(Reader *reader) {
  setTraceError(reader->error, "does not fit into memory");
  return false;
}

static bool readBytes(Reader *reader, void *out, size_t wanted) {
  ptrdiff_t length = readSource(reader->source, out, wanted, reader->error);
  if (length < 0) return false;
  reader->read += (uint64_t)length;
  return (size_t)length == wanted || cutOff(reader);
}

/* ---- objects ------------------------------------------------------------------------------------------------------ */

static bool growObjects(Reader *reader) {
  size_t room = reader->objectRoom > 0 ? reader->objectRoom * 2 : 1024;
  uint64_t *sizes = realloc(reader->sizes, room * sizeof *sizes);
  if (sizes != NULL) reader->sizes = sizes;
  uint32_t *released = realloc(reader->released, room * sizeof *released);
  if (released != NULL) reader->released = released;
  if (sizes == NULL || released == NULL) return noMemory(reader);
  reader->objectRoom = room;
  return true;
}

static void countLive(TraceProcess *process, uint64_t more, uint64_t less) {
  process->liveBytes += more - less;
  if (process->liveBytes > process->peakBytes) process->peakBytes = process->liveBytes;
}

static bool giveObject(Reader *reader, TraceOperation *operation) {
  TraceProcess *process = reader->process;
  if (reader->releasedCount > 0) {
    operation->object = reader->released[--reader->releasedCount];
  } else {
    if (process->objects >= TRACE_OBJECTS_MOST) return damaged(reader, "too many objects");
    if (process->objects == reader->objectRoom && !growObjects(reader)) return false;
    operation->object = process->objects++;
  }
  reader->sizes[operation->object] = operation->size;
  countLive(process, operation->size, 0);
  return true;
}

static bool isLive(const Reader *reader, uint64_t object) {
  return object < reader->process->objects && reader->sizes[object] != RELEASED;
}

static void takeObject(Reader *reader, uint32_t object) {
  countLive(reader->process, 0, reader->sizes[object]);
  reader->sizes[object] = RELEASED;
  reader->released[reader->releasedCount++] = object;
}

static void resizeObject(Reader *reader, const TraceOperation *operation) {
  countLive(reader->process, operation->size, reader->sizes[operation->object]);
  reader->sizes[operation->object] = operation->size;
}

/* ---- operations --------------------------------------------------------------------------------------------------- */

/* Not from malloc, whose heap is what a replay may be about to measure. */
static bool growOperations(Reader *reader) {
  TraceProcess *process = reader->process;
  size_t room = reader->operationRoom > 0 ? reader->operationRoom * 2 : 4096;
  void *larger = process->operations == NULL
                     ? mmap(NULL, room * sizeof(TraceOperation), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                     : mremap(process->operations, reader->operationRoom * sizeof(TraceOperation),
                              room * sizeof(TraceOperation), MREMAP_MAYMOVE);
  if (larger == MAP_FAILED) return noMemory(reader);
  process->operations = larger;
  reader->operationRoom = room;
  return true;
}

static bool addOperation(Reader *reader, const TraceOperation *operation) {
  TraceProcess *process = reader->process;
  if (process->count == reader->operationRoom && !growOperations(reader)) return false;
  process->operations[process->count++] = *operation;
  process->kinds[operation->kind]++;
  return true;
}

/* The numbers behind the first. */
static bool readRest(Reader *reader, const uint8_t **at, const uint8_t *end, uint64_t first, TraceOperation *operation) {
  bool sized = operation->kind == TRACE_ALLOCATE_ALIGNED || operation->kind == TRACE_RESIZE;
  operation->size = operation->kind == TRACE_RELEASE || operation->kind == TRACE_STRANGER ? 0 : first;
  if (sized && !getNumber(at, end, &operation->size)) return damaged(reader, "an operation is cut in two");
  if (operation->size > TRACE_SIZE_MOST && operation->kind != TRACE_REFUSED) return damaged(reader, "a size is too large");
  if (operation->kind == TRACE_ALLOCATE_ALIGNED) {
    if (first > TRACE_ALIGNMENT_MOST) return damaged(reader, "an alignment is too large");
    operation->alignment = (uint8_t)first;
  }
  if (operation->kind == TRACE_STRANGER && first != 0) return damaged(reader, "an operation is none");
  return true;
}

/* The effect of the operation on the objects. */
static bool apply(Reader *reader, TraceOperation *operation, uint64_t first) {
  switch (operation->kind) {
    case TRACE_ALLOCATE:
    case TRACE_ALLOCATE_ZEROED:
    case TRACE_ALLOCATE_ALIGNED:
      if (!giveObject(reader, operation)) return false;
      reader->last = operation->object;
      return true;
    case TRACE_RELEASE:
    case TRACE_RESIZE:
      first = objectAt(first, reader->last);
      if (!isLive(reader, first)) return damaged(reader, "an object is used that is not live");
      operation->object = reader->last = (uint32_t)first;
      if (operation->kind == TRACE_RELEASE) {
        takeObject(reader, operation->object);
      } else {
        resizeObject(reader, operation);
      }
      return true;
    default:
      return true;
  }
}

static bool readThread(Reader *reader, uint64_t number) {
  TraceProcess *process = reader->process;
  if (number > process->threads || number > TRACE_THREADS_MOST || number == reader->thread) {
    return damaged(reader, "a thread is out of turn");
  }
  reader->thread = (uint16_t)number;
  if (number == process->threads) process->threads++;
  return true;
}

static bool readOperation(Reader *reader, const uint8_t **at, const uint8_t *end) {
  unsigned kind;
  uint64_t first;
  if (!getFirst(at, end, &kind, &first)) return damaged(reader, "an operation is cut in two");
  if (kind == TRACE_THREAD) return readThread(reader, first);
  if (kind >= TRACE_KINDS) return damaged(reader, "an operation is of no known kind");
  TraceOperation operation = {.thread = reader->thread, .kind = (uint8_t)kind};
  return readRest(reader, at, end, first, &operation) && apply(reader, &operation, first) &&
         addOperation(reader, &operation);
}

/* ---- sections ----------------------------------------------------------------------------------------------------- */

static bool readLength(Reader *reader, uint8_t *head, size_t *headLength) {
  const uint8_t *at = head + 1;
  uint64_t length;
  do {
    if (*headLength >= 1 + NUMBER_MOST) return damaged(reader, "a section's length is none");
    if (!readBytes(reader, head + *headLength, 1)) return false;
  } while ((head[(*headLength)++] & 0x80) != 0);
  if (!getNumber(&at, head + *headLength, &length) || length > SECTION_MOST) {
    return damaged(reader, "a section's length is none");
  }
  reader->length = (size_t)length;
  return true;
}

static bool readSection(Reader *reader, uint8_t *tag) {
  uint8_t head[1 + NUMBER_MOST], stored[CHECKSUM_BYTES];
  size_t headLength = 1;
  if (!readBytes(reader, head, 1) || !readLength(reader, head, &headLength) ||
      !readBytes(reader, reader->payload, reader->length) || !readBytes(reader, stored, sizeof stored)) {
    return false;
  }
  uint32_t checksum = traceChecksum(traceChecksum(0, head, headLength), reader->payload, reader->length);
  for (int i = 0; i < CHECKSUM_BYTES; i++) {
    if (stored[i] != (uint8_t)(checksum >> (8 * i))) return damaged(reader, "a checksum does not fit");
  }
  *tag = head[0];
  return true;
}

static bool addProcess(Reader *reader) {
  Trace *trace = reader->trace;
  if (trace->count == reader->processRoom) {
    size_t room = reader->processRoom > 0 ? reader->processRoom * 2 : 4;
    TraceProcess *processes = realloc(trace->processes, room * sizeof *processes);
    if (processes == NULL) return noMemory(reader);
    trace->processes = processes;
    reader->processRoom = room;
  }
  reader->process = &trace->processes[trace->count++];
  *reader->process = (TraceProcess){.threads = 1};
  reader->operationRoom = 0;
  reader->releasedCount = 0;
  reader->thread = 0;
  reader->last = 0;
  return true;
}

static bool beginProcess(Reader *reader) {
  const uint8_t *at = reader->payload, *end = at + reader->length;
  uint64_t pid, parentPid, length;
  if (reader->process != NULL) return damaged(reader, "a process begins in another");
  if (!getNumber(&at, end, &pid) || !getNumber(&at, end, &parentPid) || !getNumber(&at, end, &length) ||
      length != (uint64_t)(end - at) || length >= TRACE_NAME_ROOM || pid > INT32_MAX || parentPid > INT32_MAX ||
      memchr(at, '\0', length) != NULL) {
    return damaged(reader, "a process has no proper name or number");
  }
  if (!addProcess(reader)) return false;
  reader->process->pid = (int32_t)pid;
  reader->process->parentPid = (int32_t)parentPid;
  memcpy(reader->process->name, at, length);
  return true;
}

static bool readOperations(Reader *reader) {
  const uint8_t *at = reader->payload, *end = at + reader->length;
  if (reader->process == NULL) return damaged(reader, "there are operations of no process");
  while (at < end) {
    if (!readOperation(reader, &at, end)) return false;
  }
  return true;
}

/* The room that was taken too much goes back. */
static bool endProcess(Reader *reader) {
  const uint8_t *at = reader->payload, *end = at + reader->length;
  TraceProcess *process = reader->process;
  uint64_t count, lost;
  if (process == NULL) return damaged(reader, "a process ends that never began");
  if (!getNumber(&at, end, &count) || !getNumber(&at, end, &lost) || at != end || count != process->count) {
    return damaged(reader, "operations of a process are missing");
  }
  process->lost = lost;
  if (process->operations != NULL) {
    mremap(process->operations, reader->operationRoom * sizeof(TraceOperation), process->count * sizeof(TraceOperation), 0);
  }
  reader->process = NULL;
  return true;
}

static bool endTrace(Reader *reader) {
  const uint8_t *at = reader->payload, *end = at + reader->length;
  uint64_t count;
  uint8_t more;
  if (reader->process != NULL) return damaged(reader, "a process does not end");
  if (!getNumber(&at, end, &count) || at != end || count != reader->trace->count) {
    return damaged(reader, "processes are missing");
  }
  ptrdiff_t length = readSource(reader->source, &more, 1, reader->error);
  return length == 0 || (length > 0 && damaged(reader, "there is more behind its end"));
}

static bool readSections(Reader *reader) {
  for (;;) {
    uint8_t tag = 0;
    if (!readSection(reader, &tag)) return false;
    switch (tag) {
      case TAG_PROCESS:
        if (!beginProcess(reader)) return false;
        break;
      case TAG_OPERATIONS:
        if (!readOperations(reader)) return false;
        break;
      case TAG_PROCESS_END:
        if (!endProcess(reader)) return false;
        break;
      case TAG_END:
        return endTrace(reader);
      default:
        return damaged(reader, "a section is of no known kind");
    }
  }
}

/* ---- the file ----------------------------------------------------------------------------------------------------- */

static bool readHead(Reader *reader) {
  uint8_t head[TRACE_HEAD_BYTES] = {0};
  ptrdiff_t length = readSource(reader->source, head, sizeof head, reader->error);
  if (length < 0) return false;
  reader->read = (uint64_t)length;
  size_t looked = (size_t)length < TRACE_MAGIC_BYTES ? (size_t)length : TRACE_MAGIC_BYTES;
  if (memcmp(head, TRACE_MAGIC, looked) != 0) {
    setTraceError(reader->error, "is no trace of mema");
    return false;
  }
  if (length < TRACE_HEAD_BYTES) return cutOff(reader);
  if (head[TRACE_MAGIC_BYTES] == TRACE_VERSION) return true;
  setTraceError(reader->error, "is a trace of format %d, of which this mema knows nothing: it reads format %d",
                head[TRACE_MAGIC_BYTES], (int)TRACE_VERSION);
  return false;
}

/* The mapping of a process that is still being read is larger than its count tells. */
static void dropUnfinished(Reader *reader) {
  TraceProcess *process = reader->process;
  if (process == NULL || process->operations == NULL) return;
  munmap(process->operations, reader->operationRoom * sizeof(TraceOperation));
  process->operations = NULL;
}

static bool readAll(Source *source, Trace *trace, TraceError *error) {
  Reader *reader = calloc(1, sizeof *reader);
  if (reader == NULL) {
    setTraceError(error, "cannot be read: no memory");
    return false;
  }
  reader->source = source;
  reader->error = error;
  reader->trace = trace;
  trace->compressed = isCompressed(source);
  bool done = readHead(reader) && readSections(reader);
  if (!done) dropUnfinished(reader);
  free(reader->sizes);
  free(reader->released);
  free(reader);
  return done;
}

bool readTrace(const char *path, Trace *trace, TraceError *error) {
  *trace = (Trace){0};
  Source *source = openSource(path, error);
  if (source == NULL) return false;
  bool done = readAll(source, trace, error);
  closeSource(source);
  if (!done) freeTrace(trace);
  return done;
}

void freeTrace(Trace *trace) {
  for (size_t i = 0; i < trace->count; i++) {
    TraceProcess *process = &trace->processes[i];
    if (process->operations != NULL) munmap(process->operations, process->count * sizeof(TraceOperation));
  }
  free(trace->processes);
  *trace = (Trace){0};
}
