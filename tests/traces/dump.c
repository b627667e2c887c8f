/* dump - a trace as text, for the scripts: a line for each process, and one for each operation unless `-s` is given:
 *
 *   process NAME threads N operations N allocations N zeroed N aligned N resizes N releases N strangers N refused N lost N
 *   malloc OBJECT SIZE | calloc OBJECT SIZE | memalign OBJECT SIZE ALIGNMENT | realloc OBJECT SIZE | free OBJECT
 *   stranger | refused SIZE, each with " thread N" behind it unless it is thread 0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../../trace/trace.h"

static void printOperation(const TraceOperation *operation) {
  switch (operation->kind) {
    case TRACE_RELEASE:
      printf("free %u", operation->object);
      break;
    case TRACE_ALLOCATE_ALIGNED:
      printf("memalign %u %" PRIu64 " %zu", operation->object, operation->size, (size_t)1 << operation->alignment);
      break;
    case TRACE_STRANGER:
      printf("stranger");
      break;
    case TRACE_REFUSED:
      printf("refused %" PRIu64, operation->size);
      break;
    default:
      printf("%s %u %" PRIu64,
             operation->kind == TRACE_ALLOCATE          ? "malloc"
             : operation->kind == TRACE_ALLOCATE_ZEROED ? "calloc"
                                                        : "realloc",
             operation->object, operation->size);
      break;
  }
  if (operation->thread > 0) printf(" thread %u", operation->thread);
  putchar('\n');
}

static void printProcess(const TraceProcess *process) {
  const uint64_t *kinds = process->kinds;
  printf("process %s threads %u operations %zu allocations %" PRIu64 " zeroed %" PRIu64 " aligned %" PRIu64, process->name,
         process->threads, process->count, kinds[TRACE_ALLOCATE], kinds[TRACE_ALLOCATE_ZEROED],
         kinds[TRACE_ALLOCATE_ALIGNED]);
  printf(" resizes %" PRIu64 " releases %" PRIu64 " strangers %" PRIu64 " refused %" PRIu64 " lost %" PRIu64 "\n",
         kinds[TRACE_RESIZE], kinds[TRACE_RELEASE], kinds[TRACE_STRANGER], kinds[TRACE_REFUSED], process->lost);
}

int main(int argc, char **argv) {
  bool summary = argc == 3 && strcmp(argv[1], "-s") == 0;
  Trace trace;
  TraceError error;
  if (argc != 2 + summary) return 2;
  if (!readTrace(argv[1 + summary], &trace, &error)) {
    fprintf(stderr, "dump: %s\n", error.sentence);
    return 1;
  }
  for (size_t i = 0; i < trace.count; i++) {
    const TraceProcess *process = &trace.processes[i];
    printProcess(process);
    for (size_t j = 0; !summary && j < process->count; j++) printOperation(&process->operations[j]);
  }
  freeTrace(&trace);
  return 0;
}
