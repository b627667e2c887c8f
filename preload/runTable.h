/* runTable.h - the table that `mema run` shares with the processes it started: one slot per process, so that a process that
 * ends without a word (SIGKILL, a fault) still leaves its figures.
 *
 * `mema run` makes the file and names it in MEMA_TABLE; the preload library maps it in each process, claims a slot and keeps
 * its figures there. A process that becomes another program by exec finds its slot again by its number, and goes on with it: see
 * table.h. A slot has one process that writes. Every field is stored on its own, so a reader sees whole numbers, but not
 * necessarily numbers of the same moment. */
#ifndef MEMA_RUN_TABLE_H
#define MEMA_RUN_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../exec/unreached.h"

#define RUN_TABLE_VARIABLE "MEMA_TABLE"
#define RUN_TABLE_MAGIC 0x454c4241544d454dULL /* "MEMTABLE" in a little-endian file */
#define RUN_TABLE_VERSION 3u
#define RUN_TABLE_SLOTS 8192u
/* So many processes are known by number, so that one that has no slot is counted as such once, whatever programs it becomes. */
#define RUN_TABLE_PIDS (4 * RUN_TABLE_SLOTS)
#define RUN_NAME_ROOM 48

/* What is known of a heap, in the order in which reports show it:
 *   poolSize     the budget (MEMA_UNLIMITED: none)
 *   peakBytes    the most that was live, since the process began or was forked, in any program that it has been. What a forked process
 *                inherited counts until it becomes another program
 *   liveBytes    live now, in the present program; with what a forked process inherited
 *   liveChunks   the same in chunks
 *   allocations  chunks handed out by this process, in all programs that it has been, and
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
  RUN_UNUSED,   /* never claimed, or claimed this very moment */
  RUN_RUNNING,  /* claimed; the process may since have been killed */
  RUN_ENDED,    /* the process came to its exit */
  RUN_LEFT,     /* it ended by _exit, quick_exit or abort */
  RUN_REPLACED, /* it became another program, which has not taken the slot over */
} RunState;

/* Beside the state:
 *   exact    the figures are complete, those of calls that came later included; else what threads did since they last told is lacking
 *   forked   the process is a copy of its parent, and has become no program of its own
 *   lacking  the program that the process was before did not tell all, so that the figures are never exact */
#define RUN_EXACT 0x100u
#define RUN_FORKED 0x200u
#define RUN_LACKING 0x400u
#define RUN_STATE_MASK 0xffu

/* What the pool itself tells: mema_Gauge (src/threads/calls.h). */
typedef struct RunPool {
  _Atomic uint64_t peakBytes;
  _Atomic uint64_t liveBytes;
  _Atomic uint64_t allocations;
  _Atomic uint64_t frees;
  _Atomic uint64_t footprint;
} RunPool;

/* The reserve (reserve.h), by which what the pool tells is corrected. */
typedef struct RunReserve {
  _Atomic uint64_t size;
  _Atomic uint64_t held;      /* of it, charged to the pool */
  _Atomic uint64_t leastFree; /* UINT64_MAX: as the pool tells */
} RunReserve;

typedef struct RunSlot {
  _Atomic uint32_t state; /* a RunState, and what is beside it; stored last when the slot is claimed */
  int32_t pid;
  int32_t parentPid;
  _Atomic uint32_t programs; /* that the process has been, one after the other */
  char name[RUN_NAME_ROOM];  /* of the last of them, terminated */
  RunPool pool;
  _Atomic uint64_t poolSize;
  _Atomic uint64_t refused;
  _Atomic uint64_t overBudget;
  _Atomic uint64_t badFrees;
  _Atomic uint64_t foreignFrees;
  _Atomic uint64_t droppedFrees;
  _Atomic uint64_t mappedBytes;
  _Atomic uint64_t peakMapped;
  RunReserve reserve;
  /* Of programs that the process was before; less what the pool of a forked process counted in its parent. */
  _Atomic uint64_t allocationsBefore;
  _Atomic uint64_t freesBefore;
  _Atomic uint64_t peakBefore;
  /* What a forked process began with. */
  _Atomic uint64_t inheritedBytes;
  _Atomic uint64_t inheritedMapped;
  uint64_t claimedAt; /* nanoseconds of CLOCK_BOOTTIME */
  uint64_t unused[2];
} RunSlot;

typedef struct RunTable {
  uint64_t magic;
  uint32_t version;
  uint32_t slotSize;
  uint32_t slotCount;
  _Atomic uint32_t claimed; /* slots asked for, those that no longer fitted included */
  uint64_t unused[5];
  UnreachedList unreached;
  _Atomic int32_t pids[RUN_TABLE_PIDS]; /* in the order in which slots were asked for */
  RunSlot slots[];
} RunTable;

_Static_assert(sizeof(RunSlot) == 256, "the slots of a table are whole cache lines");
_Static_assert(sizeof(RunTable) % 64 == 0, "the slots of a table begin at a cache line");

/* The bytes of the whole file. */
#define RUN_TABLE_BYTES (sizeof(RunTable) + RUN_TABLE_SLOTS * sizeof(RunSlot))

static inline uint64_t loadFigure(const _Atomic uint64_t *figure) {
  return atomic_load_explicit(figure, memory_order_relaxed);
}

static inline void putFigure(_Atomic uint64_t *figure, uint64_t value) {
  atomic_store_explicit(figure, value, memory_order_relaxed);
}

static inline uint64_t lesserFigure(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* Not below 0, where figures are of different moments. */
static inline uint64_t positive(uint64_t value) {
  return value > UINT64_MAX / 2 ? 0 : value;
}

static inline uint64_t differenceOf(uint64_t a, uint64_t b) {
  return a - lesserFigure(a, b);
}

/* The most that was live in the present program. Where nothing of the reserve was ever lent, the pool's own peak is that of the whole, with the
 * reserve in it. Where something was, the least that was free lies below the reserve, and is what a loan left. */
static inline uint64_t readPeak(const RunSlot *slot) {
  uint64_t poolSize = loadFigure(&slot->poolSize), peak = loadFigure(&slot->pool.peakBytes);
  uint64_t size = loadFigure(&slot->reserve.size), leastFree = loadFigure(&slot->reserve.leastFree);
  if (size == 0) return peak;
  return differenceOf(poolSize, lesserFigure(differenceOf(poolSize, peak) + size, leastFree));
}

/* The figures of a slot, as reports show them. */
static inline void readFigures(const RunSlot *slot, RunFigures *figures) {
  uint64_t peak = readPeak(slot), before = loadFigure(&slot->peakBefore);
  uint64_t allocations = loadFigure(&slot->pool.allocations), frees = loadFigure(&slot->pool.frees);
  *figures = (RunFigures){
      .poolSize = loadFigure(&slot->poolSize),
      .peakBytes = peak > before ? peak : before,
      .liveBytes = differenceOf(positive(loadFigure(&slot->pool.liveBytes)), loadFigure(&slot->reserve.held)),
      .liveChunks = differenceOf(allocations, frees),
      .allocations = allocations + loadFigure(&slot->allocationsBefore),
      .frees = frees + loadFigure(&slot->freesBefore),
      .refused = loadFigure(&slot->refused),
      .overBudget = loadFigure(&slot->overBudget),
      .badFrees = loadFigure(&slot->badFrees),
      .foreignFrees = loadFigure(&slot->foreignFrees),
      .droppedFrees = loadFigure(&slot->droppedFrees),
      .mappedBytes = loadFigure(&slot->mappedBytes),
      .peakMapped = loadFigure(&slot->peakMapped),
      .footprint = loadFigure(&slot->pool.footprint),
  };
}

#endif
