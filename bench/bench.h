/* bench.h - what the parts of the benchmark share.
 *
 *   bench.c        arguments, order of events
 *   rows.c         the rows: which work, of what size, by whom, in which units
 *   peers.c        who does it: mema, its peers, and an allocator that does nothing
 *   nginxPool.c    one of the peers: pools as nginx has them
 *   work.h work.c  what is timed, in a child process of its own: pairs, batches, replacements, and their footprint
 *   workSizes.c    the same for other calls: growth, large chunks, calloc, alignment, a budget
 *   workPools.c    whole pools; one free among many chunks
 *   workThreads.c  two threads: each its own work, producer and consumer, exchange, a server
 *   traces.c       the heaps of real programs, replayed
 *   programs.c     whole programs under a preloaded allocator: `make bench-programs`
 *   programs/      what starts them (launch.c), and what makes their input
 *   measure.c      rounds, children, medians
 *   tables.c       the tables and the CSV file
 *   verdict.c      the targets, and whether they are met
 *   chart.c        the picture
 *   machine.c      what the numbers were taken on */
#ifndef BENCH_H
#define BENCH_H

#include <mema.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { MOST_ROUNDS = 49, MOST_RESULTS = 6, MOST_THREADS = 2 };

/* ---- peers.c ------------------------------------------------------------------------------------------------------ */

typedef enum {
  PEER_NULL,
  PEER_GLIBC,
  PEER_MIMALLOC,
  PEER_JEMALLOC,
  PEER_TCMALLOC,
  PEER_TBBMALLOC,
  PEER_SCUDO,
  PEER_TALLOC,
  PEER_APR,
  PEER_NGINX,
  PEER_UNTRACKED,
  PEER_TRACKED,
  PEER_ARENA, /* of rows of whole pools */
  PEER_ARENA_TRACKED,
  PEER_SHARED, /* of rows with several threads */
  PEER_FIXED,  /* of a few rows: a pool in a buffer, untracked */
  PEER_PRELOAD /* of rows of whole programs */
} PeerId;
enum { PEER_COUNT = PEER_PRELOAD + 1 };

/* Sets of peers. */
#define SET(id) (1u << (id))
#define OWN_POOLS (SET(PEER_UNTRACKED) | SET(PEER_TRACKED))
#define ARENAS (SET(PEER_ARENA) | SET(PEER_ARENA_TRACKED))
#define MEMA_PEERS (OWN_POOLS | ARENAS | SET(PEER_SHARED) | SET(PEER_FIXED) | SET(PEER_PRELOAD))
#define ALL_PEERS (SET(PEER_COUNT) - 1)

/* Pools that are made, filled and freed as a whole. */
typedef struct {
  void *(*make)(void);
  void *(*alloc)(void *pool, size_t size);
  void (*free)(void *pool);
} PoolCalls;

typedef struct Peer {
  const char *name;
  const char *package; /* Debian's; NULL for what is linked into this program */
  const char *library; /* a file name or a pattern */
  const char *preload; /* what puts a whole program's heap into it; NULL: it is not of those rows, or needs nothing */
  void *(*alloc)(size_t size);
  void (*free)(void *ptr);
  void *(*zeroed)(size_t count, size_t size);
  void *(*resize)(void *ptr, size_t size);
  void *(*aligned)(size_t alignment, size_t size);
  void (*purge)(void);         /* gives free memory back to the system */
  PoolCalls pool;              /* empty where there are no pools: 50 chunks are then freed one by one */
  const mema_Options *options; /* the pool's; NULL where the peer is not mema */
  bool present;
  char version[32];
} Peer;

extern Peer peers[PEER_COUNT];

/* Each thread beside the first calls it before it does anything with a peer: nothing is then shared by the threads that use the
 * null peer, as nothing need be. `index` from 0, below MOST_THREADS. */
void enterThread(int index);

/* The pool behind the mema peers: one at a time lives, in the child that measures it. */
extern mema_Pool benchPool;

/* nginxPool.c */
void *nginxMake(void);
void *nginxAlloc(void *pool, size_t size);
void nginxFree(void *pool);

/* Loads every peer of the set in a child of its own, and notes which can be and their versions. Says on stderr which cannot. */
void probePeers(unsigned set);

/* Of those that are present: which can be preloaded. The file of mema's library is given. */
void probePreloads(unsigned set, const char *memaPreload);

/* Loads the peer into this process, which is to be a child: hooks of one peer must not disturb the others. */
void openPeer(Peer *peer);
void closePeer(const Peer *peer);

/* The pool once more, empty, with another budget (0: the usual one) ; nothing for the others. The old one is closed. */
void freshPool(const Peer *peer, size_t budget);

/* ---- work*.c, traces.c -------------------------------------------------------------------------------------------- */

/* Does `n` of something with the peer and stores what it took in results[]. */
typedef void Work(const Peer *peer, size_t n, double *results);

Work lifoPairs, batchInOrder, batchReverse, batchShuffled; /* [0] ns per alloc+free pair */
Work replaceMixed, replaceEqual; /* [0] ns per pair; resident bytes per live byte: [1] then, [2] 90 % freed, [3] purged;
                                    of them mema's Block records: [4] then, [5] purged */
Work requests;                   /* [0] ns per pool of 50 chunks */
Work growth;                     /* [0] us from 16 B to 16 MiB */
Work largeChunks;                /* [0] us per pair */
Work zeroedBatch, alignedBatch;  /* [0] ns per pair */
Work budgetCycles;               /* ns per pair: [0] of all cycles, [1] of the first, [2] of the others */
Work replay;                     /* ns per operation: [0] again and again, [1] the first time; n: which trace */
Work freeRandom; /* ns per [0] free, [1] alloc, [2] touch, [3] touch that waits for the one before; [4] us per freePool */
Work freeEverything; /* ms for all n: [0] one by one in order, [1] at random, [2] freePool; quotients [3] 0/2, [4] 1/2 */
Work manyPools;  /* [0] resident bytes, [1] page table bytes, [2] kernel maps, [3] ns to make, [4] ns to free: per pool */
Work poolCycles; /* [0] ns per initPool, palloc, freePool */
Work
    subPools; /* a sub-pool's time in units of its parent's: [0] pairs, [1] batches, [2] replacements; of a lone pool's: [3] to [5] */
Work emptySubPools; /* [0] ns to make and free one */
Work resets;        /* us for n chunks of 16 bytes: [0] resetPool, [1] freePool */

/* workThreads.c: two threads, each on a processor of its own; ns are wall time per pair of one of them. */
Work ownBatches, ownReplacements,
    ownTouches;              /* [0] ns per pair, [1] the same with one thread, [2] the work rate of two in units of that,
                                    [3] what two used of their processors' time */
Work passEqual, passMixed;   /* [0] ns per pair: one thread allocates, the other frees; [1] of the processors' time */
Work exchangePlaces;         /* the same */
Work serveInTurn, serveAnew; /* the same */

/* The processors of those rows: a mask in hexadecimal; NULL: all on which this process may run. False where it is no mask. */
bool readProcessors(const char *mask);
int countProcessors(void);

Work runProgram; /* [0] ms of wall time, [1] MiB resident at most, [2] ms of processor time; n: which program */

/* Reads the traces of this directory. Returns how many there are; traceName(i) is the program's name. */
size_t readTraces(const char *directory);
const char *traceName(size_t which);

/* The programs of programs.c. */
typedef enum {
  PROGRAM_TRUE,
  PROGRAM_GCC,
  PROGRAM_PYTHON,
  PROGRAM_SQLITE,
  PROGRAM_PERL,
  PROGRAM_GIT_LOG,
  PROGRAM_GIT_PACK,
  PROGRAM_XZ,
  PROGRAM_SORT,
  PROGRAM_REDIS
} ProgramId;

/* Where the launcher and the input are: bench/programs/prepare.sh made them. Everything is done in there. */
void useProgramDirectory(const char *directory);

/* Is it there, with its input? Says on stderr what is not. */
bool hasProgram(size_t which);

/* ---- measure.c ---------------------------------------------------------------------------------------------------- */

/* results[peer][result][round]; NAN where a child did not finish or was not asked. */
typedef struct {
  double results[PEER_COUNT][MOST_RESULTS][MOST_ROUNDS];
  bool measured[PEER_COUNT];
} Series;

typedef struct {
  double median, min, max;
} Summary;

extern int rounds;

/* Runs the work in all rounds by the peers of the set, taking turns. */
void measure(Series *series, Work *work, size_t n, unsigned set);

Summary summarize(const double *values);

/* The summary of the per-round quotients a[round] / b[round]. */
Summary summarizeRatio(const double *a, const double *b);

/* ---- rows.c ------------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *title; /* of a column */
  const char *unit;  /* in the CSV file */
} Measure;

/* How a row is shown: one result per peer with its spread and ratios, or several with their medians alone, or the one with its
 * ratios and then the medians of the others. */
typedef enum { SHOW_RATIOS, SHOW_COLUMNS, SHOW_BOTH } RowShape;

typedef struct {
  const char *key; /* "b1"; --rows b selects it too */
  const char *name;
  Work *work;
  size_t n, quickN; /* quickN 0: left out of --quick */
  unsigned set;
  RowShape shape;
  const Measure *measures; /* by result; the last has no title */
  Series *series;          /* NULL until measured */
} Row;

enum { MOST_ROWS = 64 };
extern Row rows[MOST_ROWS];
size_t countRows(void);

/* Appends a row per trace. */
void addTraceRows(size_t count);

/* Where the row is not there or not measured: NULL. */
const Row *findRow(const char *key);

/* ---- tables.c, verdict.c, chart.c --------------------------------------------------------------------------------- */

void showRow(const Row *row);
void showFootprint(void);
void writeCsv(FILE *csv);

/* The median of the per-round quotients of two peers; NAN where either is missing. */
double medianRatio(const Row *row, int result, PeerId a, PeerId b);
void showVerdict(FILE *out, const char *prefix);
void drawChart(FILE *svg);

/* ---- machine.c ---------------------------------------------------------------------------------------------------- */

/* Each line begins with `prefix`. */
void describeMachine(FILE *out, const char *prefix);
void describeLoad(FILE *out, const char *prefix);

/* Since the first call, which prints nothing. */
void describeStolen(FILE *out, const char *prefix);

/* "AMD EPYC, Linux 6.18, gcc 12.2.0 -O2": for the picture. */
void summarizeMachine(char *text, size_t size);

#endif
