/* runTable.h - the table that `mema run` shares with the processes that it started. It has one slot per process, so a
 * process that ends without a report (SIGKILL, a fault) still leaves its figures.
 *
 * `mema run` makes the file and names it in MEMA_TABLE. The preload library maps it in each process, claims a slot and
 * keeps the process's figures there. A process that becomes another program by exec finds its slot again by its process
 * number, and goes on with it: see table.h. Only one process writes to a slot. Each field is stored on its own, so a
 * reader sees whole numbers, but not necessarily numbers of one moment. */
#ifndef MEMA_RUN_TABLE_H
#define MEMA_RUN_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../exec/unreached.h"

#define RUN_TABLE_VARIABLE "MEMA_TABLE"
#define RUN_TABLE_MAGIC 0x454c4241544d454dULL /* "MEMTABLE" in a little-endian file */
#define RUN_TABLE_VERSION 8u
#define RUN_TABLE_SLOTS 8192u
/* The numbers of processes that the table keeps. A process without a slot is counted once, whatever programs
 * it becomes. */
#define RUN_TABLE_PIDS (4 * RUN_TABLE_SLOTS)
#define RUN_NAME_ROOM 48
#define RUN_STACK_ROOM 8192

/* The figures of a heap, in the order in which reports show them:
 *   poolSize     the budget (MEMA_UNLIMITED: none)
 *   peakBytes    the maximum of live bytes since the process began or was forked, in all programs that it has been. Bytes
 *                that a forked process inherited count until it becomes another program
 *   liveBytes    live now in the present program, with inherited bytes
 *   liveChunks   the chunks that are live, counted in this way
 *   allocations  chunks that this process allocated, in all programs that it has been
 *   frees        chunks that it freed
 *   refused      requests answered with NULL
 *   overBudget   refused requests that the budget was too small for
 *   badFrees     pointers to no live chunk, given to free or realloc
 *   foreignFrees pointers to chunks of the C library's own heap, passed on
 *   droppedFrees pointers freed by a signal handler that had interrupted the heap, beyond those that wait until it is at
 *                rest (lateFrees.h): not checked, never reused
 *   unknownFrees pointers that may belong to chunks of the C library's heap: neither passed on nor reused (foreign.h)
 *   deepBinds    calls of dlopen and dlmopen with RTLD_DEEPBIND, which was taken out (exec/loading.c)
 *   mappedBytes  the part of liveBytes that the program maps by itself (mmap, sbrk) and is charged for
 *   peakMapped   the maximum of mappedBytes
 *   footprint    memory that the heap holds from the system */
#define RUN_FIGURES(X) \
  X(poolSize)          \
  X(peakBytes)         \
  X(liveBytes)         \
  X(liveChunks)        \
  X(allocations)       \
  X(frees)             \
  X(refused)           \
  X(overBudget)        \
  X(badFrees) X(foreignFrees) X(droppedFrees) X(unknownFrees) X(deepBinds) X(mappedBytes) X(peakMapped) X(footprint)

#define RUN_FIGURE_FIELD(name) uint64_t name;
typedef struct RunFigures {
  RUN_FIGURES(RUN_FIGURE_FIELD)
} RunFigures;
#undef RUN_FIGURE_FIELD

typedef enum RunState {
  RUN_UNUSED,   /* never claimed, or being claimed now */
  RUN_RUNNING,  /* claimed; the process may since have been killed */
  RUN_ENDED,    /* the process came to its exit */
  RUN_LEFT,     /* it ended by _exit, quick_exit or abort */
  RUN_REPLACED, /* it became another program, which has not taken over the slot yet */
} RunState;

/* Bits beside the state:
 *   exact    the figures are complete, with those of later calls; without this bit, they lack the calls of threads since
 *            these last reported
 *   forked   the process is a copy of its parent, and has become no program of its own
 *   lacking  the program before did not report all its calls, so the figures are never exact */
#define RUN_EXACT 0x100u
#define RUN_FORKED 0x200u
#define RUN_LACKING 0x400u
#define RUN_STATE_MASK 0xffu

/* The figures that the pool writes: mema_Gauge (src/threads/calls.h). */
typedef struct RunPool {
  _Atomic uint64_t peakBytes;
  _Atomic uint64_t liveBytes;
  _Atomic uint64_t allocations;
  _Atomic uint64_t frees;
  _Atomic uint64_t footprint;
} RunPool;

/* The reserve (reserve.h). Readers correct the pool's figures by it. */
typedef struct RunReserve {
  _Atomic uint64_t size;
  _Atomic uint64_t held;      /* the part of it that is charged to the pool */
  _Atomic uint64_t leastFree; /* UINT64_MAX: the pool's figure holds */
} RunReserve;

typedef struct RunSlot {
  _Atomic uint32_t state; /* a RunState and the bits beside it; stored last when the slot is claimed */
  int32_t pid;
  int32_t parentPid;
  _Atomic uint32_t programs; /* the number of programs that the process has been */
  char name[RUN_NAME_ROOM];  /* the name of the last program, terminated */
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
  /* Counts of the programs that the process was before, minus the counts that a forked process's pool had in
   * its parent. */
  _Atomic uint64_t allocationsBefore;
  _Atomic uint64_t freesBefore;
  _Atomic uint64_t peakBefore;
  /* The bytes that a forked process began with. */
  _Atomic uint64_t inheritedBytes;
  _Atomic uint64_t inheritedMapped;
  uint64_t claimedAt; /* time of the claim: nanoseconds of CLOCK_BOOTTIME */
  _Atomic uint64_t deepBinds;
  _Atomic uint64_t unknownFrees;
} RunSlot;

/* Questions of `mema` about the requests of a run, and the answers (points.h). A request is a call that asks for memory: malloc and
 * its kin, and a realloc that lets a chunk grow. The requests of all processes are counted together, from 1 on, as far as they
 * come after the start of the library in their process.
 *   counts      1: count the requests. The other fields count only then
 *   fromThenOn  1: not only the request with the number failAt fails, but each one after it
 *   failAt      0: no request fails
 *   requests    the number of requests
 *   failed      the number of requests that failed on purpose
 *   lost        stacks that could not be written
 *   failedPid   the process whose request failAt was, stored last; 0: the run did not come so far
 *   stack       of the request failAt, as a line of stacksFile, terminated
 *   stacksFile  the file that gets the first request of each call stack, in lines: number, process, program, size, then the frames
 *               from the innermost out as MODULE+0xOFFSET, with tabs between; empty: none */
typedef struct RunPoints {
  uint32_t counts;
  uint32_t fromThenOn;
  uint64_t failAt;
  _Atomic uint64_t requests;
  _Atomic uint64_t failed;
  _Atomic uint64_t lost;
  _Atomic int32_t failedPid;
  uint32_t unused[5];
  char stack[RUN_STACK_ROOM];
  char stacksFile[4096];
} RunPoints;

/* The budget of all processes of the run together (total.h).
 *   budget   in bytes; 0: there is none
 *   leased   by all processes, now
 *   peak     the maximum of leased
 *   refused  requests that the total had no room for */
typedef struct RunTotal {
  uint64_t budget;
  _Atomic uint64_t leased;
  _Atomic uint64_t peak;
  _Atomic uint64_t refused;
  uint64_t unused[4];
} RunTotal;

/* The part of a process, beside its slot. */
typedef struct RunLease {
  _Atomic uint64_t bytes;
  _Atomic uint64_t refused;
  uint64_t space; /* of process numbers; 0: unknown */
  uint64_t unused;
} RunLease;

typedef struct RunTable {
  uint64_t magic;
  uint32_t version;
  uint32_t slotSize;
  uint32_t slotCount;
  _Atomic uint32_t claimed; /* slots requested, with the requests that the table had no room for */
  uint64_t unused[5];
  RunPoints points;
  RunTotal total;
  UnreachedList unreached;
  _Atomic int32_t pids[RUN_TABLE_PIDS];        /* in the order in which slots were asked for */
  _Atomic uint64_t onPurpose[RUN_TABLE_SLOTS]; /* of each process: refused requests that failed on purpose (points.h) */
  RunLease leases[RUN_TABLE_SLOTS];
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

/* Returns 0 for a negative value: figures of different moments may differ so. */
static inline uint64_t positive(uint64_t value) {
  return value > UINT64_MAX / 2 ? 0 : value;
}

static inline uint64_t differenceOf(uint64_t a, uint64_t b) {
  return a - lesserFigure(a, b);
}

/* Returns the peak of the present program. If the reserve was never lent, the pool's own peak is right, with
 * the reserve in it. If it was lent, the minimum of free bytes lies below the reserve, and is the least that
 * a loan left. */
static inline uint64_t readPeak(const RunSlot *slot) {
  uint64_t poolSize = loadFigure(&slot->poolSize), peak = loadFigure(&slot->pool.peakBytes);
  uint64_t size = loadFigure(&slot->reserve.size), leastFree = loadFigure(&slot->reserve.leastFree);
  if (size == 0) return peak;
  return differenceOf(poolSize, lesserFigure(differenceOf(poolSize, peak) + size, leastFree));
}

/* Reads the figures of a slot, as reports show them. */
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
      .unknownFrees = loadFigure(&slot->unknownFrees),
      .deepBinds = loadFigure(&slot->deepBinds),
      .mappedBytes = loadFigure(&slot->mappedBytes),
      .peakMapped = loadFigure(&slot->peakMapped),
      .footprint = loadFigure(&slot->pool.footprint),
  };
}

#endif
