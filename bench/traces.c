/* traces.c - the heaps of real programs, replayed: the traces in bench/traces (docs/traces.md says what is in one).
 *
 * A trace is decoded by a child, into memory without a name: the decoder allocates, and the glibc that is measured is the one
 * that all children inherit from this process. */
#define _GNU_SOURCE
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "traces.h"

#include "../trace/playInline.h"
#include "../trace/player.h"
#include "workTools.h"

enum { MOST_TRACES = 12, HEADER_BYTES = 4096 };

/* `file` holds the TraceProcess, and its operations behind HEADER_BYTES. */
static struct {
  char name[40];
  int file;
} traces[MOST_TRACES];
static size_t traceCount;

const char *traceName(size_t which) {
  return traces[which].name;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* Of a compiler driver, a shell and what they start, the one that asks most of its heap. */
static const TraceProcess *busiest(const Trace *trace) {
  const TraceProcess *most = &trace->processes[0];
  for (size_t i = 1; i < trace->count; i++) {
    if (trace->processes[i].count > most->count) most = &trace->processes[i];
  }
  return most;
}

static bool writeAll(int file, const void *data, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t written = write(file, (const char *)data + done, size - done);
    if (written <= 0) return false;
    done += (size_t)written;
  }
  return true;
}

static _Noreturn void decode(const char *path, int file) {
  Trace trace;
  TraceError error;
  if (!readTrace(path, &trace, &error)) {
    fprintf(stderr, "bench: %s: %s\n", path, error.sentence);
    _exit(1);
  }
  if (trace.count == 0) _exit(1);
  const TraceProcess *process = busiest(&trace);
  bool written = writeAll(file, process, sizeof *process) && lseek(file, HEADER_BYTES, SEEK_SET) == HEADER_BYTES &&
                 writeAll(file, process->operations, process->count * sizeof *process->operations);
  _exit(written ? 0 : 1);
}

static void readOne(const char *path) {
  int file = memfd_create("trace", MFD_CLOEXEC);
  if (file < 0) return;
  pid_t child = fork();
  if (child == 0) decode(path, file);
  int status = 1;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
    close(file);
    return;
  }
  const char *name = strrchr(path, '/') + 1;
  snprintf(traces[traceCount].name, sizeof traces->name, "%.*s", (int)strcspn(name, "."), name);
  traces[traceCount++].file = file;
}

size_t readTraces(const char *directory) {
  char pattern[4096];
  glob_t found;
  snprintf(pattern, sizeof pattern, "%s/*.mema", directory);
  if (glob(pattern, 0, NULL, &found) != 0) return 0;
  for (size_t i = 0; i < found.gl_pathc && traceCount < MOST_TRACES; i++) readOne(found.gl_pathv[i]);
  globfree(&found);
  return traceCount;
}

/* ---- playing ------------------------------------------------------------------------------------------------------ */

/* Populated: the pages of the trace are not to be faulted in while it is played. */
static TraceProcess mapTrace(int file) {
  struct stat status;
  if (fstat(file, &status) != 0) abort();
  char *mapped = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  if (mapped == MAP_FAILED) abort();
  TraceProcess process;
  memcpy(&process, mapped, sizeof process);
  process.operations = (void *)(mapped + HEADER_BYTES);
  return process;
}

/* mema is called directly, with its pool, as its users call it; the others as users of a shared library do. */
static void *poolTake(size_t size) {
  return mema_palloc(&benchPool, size);
}

static void *poolZeroed(size_t count, size_t size) {
  return mema_pcalloc(&benchPool, count, size);
}

static void *poolAligned(size_t alignment, size_t size) {
  return mema_pmemalign(&benchPool, alignment, size);
}

static void *poolResize(void *ptr, size_t size) {
  return mema_repalloc(&benchPool, ptr, size);
}

static void poolGive(void *ptr) {
  mema_pfree(&benchPool, ptr);
}

static const PlayHeap poolHeap = {poolTake, poolZeroed, poolAligned, poolResize, poolGive};

static PlayCounts playInPool(const TraceProcess *process, PlayObject *live) {
  return playInline(process, &poolHeap, live);
}

/* Returns ns, and the operations. What is still live afterwards is freed untimed: the program did not. */
static double play(const TraceProcess *process, const PlayHeap *heap, bool inPool, PlayObject *live, double *operations) {
  double start = now();
  PlayCounts counts = inPool ? playInPool(process, live) : playProcess(process, heap, live);
  double ns = now() - start;
  if (counts.refused != 0 || counts.operations == 0) abort();
  *operations = (double)counts.operations;
  releaseRest(process, heap, live);
  return ns;
}

enum { PLAYED_OPERATIONS = 1000000 };

/* The first time is the program's own: every page comes from the system. Then as often as makes a million operations. */
void replay(const Peer *p, size_t n, double *results) {
  TraceProcess process = mapTrace(traces[n].file);
  PlayHeap heap = {p->alloc, p->zeroed, p->aligned, p->resize, p->free};
  PlayObject *live = newArray((process.objects + 1) * sizeof *live);
  double operations;
  results[1] = play(&process, &heap, p->options != NULL, live, &operations);
  results[1] /= operations;
  double ns = 0;
  double played = 0;
  while (played < PLAYED_OPERATIONS) {
    ns += play(&process, &heap, p->options != NULL, live, &operations);
    played += operations;
  }
  results[0] = ns / played;
}
