/* runTable.h - the table that `mema run` shares with the processes it started: one slot per process, so that a process that
 * ends without a word (_exit, abort, SIGKILL) still leaves its figures.
 *
 * `mema run` makes the file and names it in MEMA_TABLE; the preload library maps it in each process, claims a slot and stores
 * its figures there. A slot has one writer. Every field is stored on its own, so a reader sees whole numbers, but not
 * necessarily numbers of the same moment. */
#ifndef MEMA_RUN_TABLE_H
#define MEMA_RUN_TABLE_H

#include <stdatomic.h>
#include <stdint.h>

#include "../exec/unreached.h"

#define RUN_TABLE_VARIABLE "MEMA_TABLE"
#define RUN_TABLE_MAGIC 0x454c4241544d454dULL /* "MEMTABLE" in a little-endian file */
#define RUN_TABLE_VERSION 2u
#define RUN_TABLE_SLOTS 8192u
#define RUN_NAME_ROOM 48

/* What is known of a heap, in the order in which reports show it:
 *   poolSize     the budget (MEMA_UNLIMITED: none)
 *   peakBytes    the most that was live, since the process began or was forked
 *   liveBytes    live now; with what a forked process inherited
 *   liveChunks   the same in chunks
 *   allocations  chunks handed out by this process, and
 *   frees        taken back by it
 *   refused      requests answered with NULL
 *   overBudget   those of them that the budget was too small for
 *   badFrees     pointers given to free or realloc that were nobody's
 *   foreignFrees pointers that belonged to the C library's own heap and were passed on
 *   droppedFrees pointers freed by a signal handler that had interrupted the heap: not checked, never reused
 *   mappedBytes  of liveBytes, those that the program maps by itself (mmap, sbrk) and that are charged to the budget
 *   peakMapped   the most that this has been
 *   footprint    memory that the heap holds from the system */
#define RUN_FIGURES(X) \
  X(poolSize)          \
  X(peakBytes)         \
  X(liveBytes)         \
  X(liveChunks)        \
  X(allocations)       \
  X(frees) X(refused) X(overBudget) X(badFrees) X(foreignFrees) X(droppedFrees) X(mappedBytes) X(peakMapped) X(footprint)

#define RUN_FIGURE_FIELD(name) uint64_t name;
typedef struct RunFigures {
  RUN_FIGURES(RUN_FIGURE_FIELD)
} RunFigures;
#undef RUN_FIGURE_FIELD

typedef enum RunState {
  RUN_UNUSED,  /* never claimed, or claimed this very moment */
  RUN_RUNNING, /* claimed; the process may since have been killed, or replaced by exec */
  RUN_ENDED    /* the process came to its exit */
} RunState;

#define RUN_FIGURE_FIELD(name) _Atomic uint64_t name;
typedef struct RunSlot {
  _Atomic uint32_t state; /* a RunState; stored last when the slot is claimed */
  int32_t pid;
  int32_t parentPid;
  uint32_t spare;
  char name[RUN_NAME_ROOM]; /* of the program, terminated */
  RUN_FIGURES(RUN_FIGURE_FIELD)
  uint64_t unused[2];
} RunSlot;
#undef RUN_FIGURE_FIELD

typedef struct RunTable {
  uint64_t magic;
  uint32_t version;
  uint32_t slotSize;
  uint32_t slotCount;
  _Atomic uint32_t claimed; /* slots asked for, those that no longer fitted included */
  uint64_t unused[5];
  UnreachedList unreached;
  RunSlot slots[];
} RunTable;

_Static_assert(sizeof(RunSlot) == 192, "the slots of a table are whole cache lines");
_Static_assert(sizeof(RunTable) % 64 == 0, "the slots of a table begin at a cache line");

/* The bytes of the whole file. */
#define RUN_TABLE_BYTES (sizeof(RunTable) + RUN_TABLE_SLOTS * sizeof(RunSlot))

#endif
