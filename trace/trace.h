/* trace.h - what a program asked of its heap, operation by operation: a trace file (docs/traces.md) in memory.
 *
 *   trace.h reader.c   a file, checked in full, as a list of operations per process
 *   player.h player.c  such a list, played against any heap (playHeap.h);  playInline.h its inner loop
 *   writer.h writer.c  operations into a file
 *   source.h sink.h    bytes from and to a file, plain or compressed with zstd
 *   format.h           how operations are bytes */
#ifndef MEMA_TRACE_H
#define MEMA_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_NAME_ROOM 48

/* The kinds of operations, and their numbers in a file. */
typedef enum TraceKind {
  TRACE_RELEASE = 0,          /* free: `object` */
  TRACE_ALLOCATE = 1,         /* malloc of `size` makes `object` */
  TRACE_ALLOCATE_ZEROED = 2,  /* calloc: `size` is the product */
  TRACE_ALLOCATE_ALIGNED = 3, /* memalign and its kin: 1 << `alignment` */
  TRACE_RESIZE = 4,           /* realloc: `object` has `size` bytes from now on */
  TRACE_STRANGER = 5, /* free of what this record did not see allocated: by the parent before the fork, for example */
  TRACE_REFUSED = 6,  /* the program was told "no memory" for `size` bytes */
  TRACE_KINDS
} TraceKind;

/* Objects are numbered from 0; a number is given anew once its object is released, the last released first. So a list with
 * `objects` entries holds whatever a program has live. */
typedef struct TraceOperation {
  uint64_t size;
  uint32_t object;
  uint16_t thread;   /* in the order in which they first called, from 0; 65535 stands for all beyond it as well */
  uint8_t kind;      /* a TraceKind */
  uint8_t alignment; /* as a power of two; 0 but for TRACE_ALLOCATE_ALIGNED */
} TraceOperation;

typedef struct TraceProcess {
  char name[TRACE_NAME_ROOM]; /* of the program, terminated */
  int32_t pid;
  int32_t parentPid;
  TraceOperation *operations; /* in the order in which they happened, across all threads */
  size_t count;
  uint64_t kinds[TRACE_KINDS]; /* how many of each */
  uint64_t lost;               /* operations that the record had no room for, behind the last one */
  uint32_t objects;            /* the most that were live */
  uint32_t threads;
  uint64_t peakBytes; /* the most bytes that were live, as requested */
  uint64_t liveBytes; /* at the end */
} TraceProcess;

typedef struct Trace {
  TraceProcess *processes; /* in the order in which they began */
  size_t count;
  bool compressed;
} Trace;

/* Why a file could not be read: the end of a sentence that begins with its name. */
typedef struct TraceError {
  char sentence[160];
} TraceError;

/* Reads all of the file and checks it: afterwards every object is live where it is released or resized. Returns false iff it
 * cannot be read or is no whole, undamaged trace; *trace is then empty. Takes 16 bytes of memory per operation. */
bool readTrace(const char *path, Trace *trace, TraceError *error);

void freeTrace(Trace *trace);

#endif
