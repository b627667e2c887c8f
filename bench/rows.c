/* rows.c - the rows: which work, of what size, by whom, in which units. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"

#include "pairs.h"
#include "programs.h"
#include "traces.h"
#include "work.h"
#include "workFamilies.h"
#include "workPools.h"
#include "workSizes.h"
#include "workThreads.h"

/* A shared pool is measured where threads share it. */
#define ONE_THREAD (ALL_PEERS & ~SET(PEER_SHARED) & ~SET(PEER_EARLIER) & ~SET(PEER_PRELOAD) & ~SET(PEER_FIXED))
/* APR's pools and nginx's cannot free a chunk: they have the row of pools alone, and so have arenas, whose chunks end together. talloc aligns nothing, and its resize is glibc's. */
#define MALLOCS (ONE_THREAD & ~SET(PEER_APR) & ~SET(PEER_NGINX) & ~ARENAS)
#define MALLOCS_AND_FIXED (MALLOCS | SET(PEER_FIXED))
#define ALIGNING (MALLOCS & ~SET(PEER_TALLOC))
/* In the rows that grow with the live chunks mema is held against touching memory; two peers give the scale of it. */
#define SCALED (OWN_POOLS | SET(PEER_GLIBC) | SET(PEER_MIMALLOC))
/* Those that threads may share; talloc and pools of one thread are none, and scudo's pace was seen before. */
#define THREAD_SAFE (SET(PEER_GLIBC) | SET(PEER_MIMALLOC) | SET(PEER_JEMALLOC) | SET(PEER_TCMALLOC) | SET(PEER_TBBMALLOC))
#define THREADED (SET(PEER_NULL) | THREAD_SAFE | SET(PEER_SHARED))
#define PRELOADED (THREAD_SAFE | SET(PEER_EARLIER) | SET(PEER_PRELOAD))

static const Measure perPair[] = {{"ns", "nsPerPair"}, {0}};
static const Measure perPool[] = {{"ns", "nsPerPool"}, {0}};
static const Measure perGrowth[] = {{"us", "usPerGrowth"}, {0}};
static const Measure perLargePair[] = {{"us", "usPerPair"}, {0}};
static const Measure perOperation[] = {{"ns", "nsPerOperation"}, {"first", "nsPerOperationFirst"}, {0}};
static const Measure speedUps[] = {
    {"ns", "nsPerPair"}, {"1 thread", "nsPerPairOneThread"}, {"speed-up", "speedUp"}, {"used", "processorTimeUsed"}, {0}};
static const Measure together[] = {{"ns", "nsPerPair"}, {"used", "processorTimeUsed"}, {0}};
static const Measure preloadedPair[] = {{"ns", "nsPerPair"}, {"instr.", "instructionsPerPair"}, {0}};
static const Measure perRun[] = {{"ms", "msPerRun"}, {"MiB", "peakResidentMiB"}, {"cpu ms", "cpuMsPerRun"}, {0}};
static const Measure perCycle[] = {{"ns", "nsPerCycle"}, {0}};
static const Measure replaced[] = {{"ns", "nsPerPair"},
                                   {"in use", "residentPerLive"},
                                   {"90 % freed", "residentPerLive90Freed"},
                                   {"purged", "residentPerLivePurged"},
                                   {"Blocks", "blocksPerLive"},
                                   {"purged", "blocksPerLivePurged"},
                                   {0}};
static const Measure budgetFills[] = {{"ns", "nsPerPair"}, {"first", "nsPerPairFirst"}, {"others", "nsPerPairOthers"}, {0}};
static const Measure scaling[] = {{"free", "nsPerFree"},
                                  {"alloc", "nsPerAlloc"},
                                  {"touch", "nsPerTouch"},
                                  {"in turn", "nsPerTouchInTurn"},
                                  {"freePool", "usPerFreePool"},
                                  {"touch all", "usPerTouchAll"},
                                  {0}};
static const Measure resetTimes[] = {{"reset us", "usPerReset"}, {"freePool", "usPerFreePool"}, {0}};
static const Measure besideOthers[] = {{"pair", "pairBesideParent"},
                                       {"batch", "batchBesideParent"},
                                       {"replaced", "replacedBesideParent"},
                                       {"p. alone", "pairBesideLone"},
                                       {"b. alone", "batchBesideLone"},
                                       {"r. alone", "replacedBesideLone"},
                                       {0}};
static const Measure perSubPool[] = {{"ns", "nsPerSubPool"}, {0}};
static const Measure everything[] = {{"in order", "msInOrder"},           {"random", "msRandom"},
                                     {"freePool", "msFreePool"},          {"order/pool", "inOrderPerFreePool"},
                                     {"rand./pool", "randomPerFreePool"}, {0}};
static const Measure poolCosts[] = {{"resident", "residentBytesPerPool"},
                                    {"tables", "pageTableBytesPerPool"},
                                    {"maps", "mapsPerPool"},
                                    {"ns made", "nsToMake"},
                                    {"ns freed", "nsToFree"},
                                    {0}};

#define RATIOS(key, name, work, n, quickN, set, measures) \
  { key, name, work, n, quickN, set, SHOW_RATIOS, measures, NULL }
#define COLUMNS(key, name, work, n, quickN, set, measures) \
  { key, name, work, n, quickN, set, SHOW_COLUMNS, measures, NULL }
#define BOTH(key, name, work, n, quickN, set, measures) \
  { key, name, work, n, quickN, set, SHOW_BOTH, measures, NULL }
#define PROGRAM(key, name, which) BOTH(key, name, runProgram, which, which, PRELOADED, perRun)
#define PAIRS(key, name, which) BOTH(key, name, runPairs, which, 0, PRELOADED & ~SET(PEER_TBBMALLOC), preloadedPair)

/* The numbers: n in full, n in --quick; what each counts is the work's to say. */
Row rows[MOST_ROWS] = {
    RATIOS("a", "64 B, freed at once", lifoPairs, 5000000, 2000000, MALLOCS_AND_FIXED, perPair),
    RATIOS("b1", "1,000 of 16..1024 B, freed in order", batchInOrder, 1000, 1000, MALLOCS_AND_FIXED, perPair),
    RATIOS("b2", "1,000 of 16..1024 B, freed in reverse", batchReverse, 1000, 1000, MALLOCS_AND_FIXED, perPair),
    RATIOS("b3", "1,000 of 16..1024 B, freed shuffled", batchShuffled, 1000, 1000, MALLOCS_AND_FIXED, perPair),
    RATIOS("c", "100,000 live of 16..512 B, one replaced", replaceMixed, 100000, 100000, MALLOCS_AND_FIXED, replaced),
    RATIOS("c1", "20,000 live of 16..512 B, one replaced", replaceMixed, 20000, 0, MALLOCS, replaced),
    RATIOS("d", "1,000,000 live of 48 B, one replaced", replaceEqual, 1000000, 1000000, MALLOCS, replaced),
    RATIOS("e", "a pool, 50 chunks of 16..400 B, all freed", requests, 200000, 100000, ONE_THREAD, perPool),
    RATIOS("f", "realloc from 16 B to 16 MiB", growth, 1000, 200, MALLOCS, perGrowth),
    RATIOS("g", "16 live of 64 KiB..8 MiB, one replaced", largeChunks, 512, 256, MALLOCS, perLargePair),
    RATIOS("h", "1,000 zeroed of 16..4096 B", zeroedBatch, 800, 400, MALLOCS, perPair),
    RATIOS("i", "1,000 of 16..2048 B, aligned to 64..4096", alignedBatch, 800, 400, ALIGNING, perPair),
    RATIOS("j", "16 MiB of 16..2048 B, filled and drained", budgetCycles, 10, 10, MALLOCS, budgetFills),
    COLUMNS("l3", "1,000 live of 48 B", freeRandom, 1000, 1000, SCALED, scaling),
    COLUMNS("l4", "10,000 live of 48 B", freeRandom, 10000, 0, SCALED, scaling),
    COLUMNS("l5", "100,000 live of 48 B", freeRandom, 100000, 100000, SCALED, scaling),
    COLUMNS("l6", "1,000,000 live of 48 B", freeRandom, 1000000, 0, SCALED, scaling),
    COLUMNS("l7", "10,000,000 live of 48 B", freeRandom, 10000000, 0, SCALED, scaling),
    COLUMNS("n0", "2 threads: one of 100,000 places touched", ownTouches, 10000000, 0, SET(PEER_NULL), speedUps),
    BOTH("n1", "2 threads: 1,000 of 16..1024 B, in order", ownBatches, 10000, 2500, THREADED, speedUps),
    BOTH("n2", "2 threads: 100,000 of 16..512 B, replaced", ownReplacements, 1500000, 0, THREADED, speedUps),
    BOTH("o1", "producer and consumer: 64 B", passEqual, 1000000, 0, THREADED, together),
    BOTH("o2", "producer and consumer: 16..1024 B", passMixed, 1000000, 500000, THREADED, together),
    BOTH("p", "2 threads: exchange of 16..512 B at random", exchangePlaces, 2000000, 500000, THREADED, together),
    BOTH("q1", "2 threads: server, arrays swapped", serveInTurn, 2000000, 0, THREADED, together),
    BOTH("q2", "2 threads: server, arrays to new threads", serveAnew, 2000000, 500000, THREADED, together),
    PROGRAM("r0", "true", PROGRAM_TRUE),
    PROGRAM("r1", "gcc -O2 -c of 140 functions", PROGRAM_GCC),
    PROGRAM("r2", "python3: JSON, re, objects", PROGRAM_PYTHON),
    PROGRAM("r3", "sqlite3 in memory", PROGRAM_SQLITE),
    PROGRAM("r4", "perl: hashes, re, sorting", PROGRAM_PERL),
    PROGRAM("r5", "git log -p --stat", PROGRAM_GIT_LOG),
    PROGRAM("r6", "git pack-objects --all", PROGRAM_GIT_PACK),
    PROGRAM("r7", "xz -T2", PROGRAM_XZ),
    PROGRAM("r8", "sort --parallel=2", PROGRAM_SORT),
    PROGRAM("r9", "redis-server, driven by redis-benchmark", PROGRAM_REDIS),
    COLUMNS("s1", "1,000,000 chunks of 64 B", freeEverything, 1000000, 0, OWN_POOLS, everything),
    COLUMNS("s2", "100,000 live pools of 64 KiB, 100 B in each", manyPools, 100000, 0, OWN_POOLS, poolCosts),
    COLUMNS("s3", "initPool, palloc of 100 B, freePool, warm", poolCycles, 500000, 200000, OWN_POOLS | ARENAS, perCycle),
    COLUMNS("s4", "all of 1,000,000 chunks of 16 B forgotten", resets, 1000000, 1000000, OWN_POOLS | ARENAS, resetTimes),
    COLUMNS("s5", "sub-pool / its parent; / a pool alone", subPools, 2000000, 500000, OWN_POOLS, besideOthers),
    COLUMNS("s6", "an empty sub-pool made and freed", emptySubPools, 1000000, 200000, OWN_POOLS, perSubPool),
    PAIRS("t1", "many small ones of four sizes", PAIRS_FEW),
    PAIRS("t2", "bursts of mixed sizes", PAIRS_BURSTS),
    PAIRS("t3", "2 threads: bursts of mixed sizes", PAIRS_BURSTS_OF_TWO),
    PAIRS("t4", "random lives", PAIRS_LIVES),
    PAIRS("t5", "2 threads: freed by the other", PAIRS_PASSED),
    PAIRS("t6", "2 threads: each frees what the other allocates", PAIRS_SERVED),
};

size_t countRows(void) {
  size_t count = 0;
  while (count < MOST_ROWS && rows[count].key != NULL) count++;
  return count;
}

const Row *findRow(const char *key) {
  for (size_t i = 0; i < countRows(); i++) {
    if (strcmp(rows[i].key, key) == 0) return rows[i].series != NULL ? &rows[i] : NULL;
  }
  return NULL;
}

/* Before the rows of scaling: the letters stay in order. */
static size_t traceRowsBegin(void) {
  size_t at = 0;
  while (at < countRows() && rows[at].key[0] < 'k') at++;
  return at;
}

void addTraceRows(size_t count) {
  static char keys[MOST_ROWS][8], names[MOST_ROWS][80];
  size_t at = traceRowsBegin();
  size_t behind = countRows() - at;
  if (count > MOST_ROWS - countRows()) count = MOST_ROWS - countRows();
  memmove(&rows[at + count], &rows[at], behind * sizeof *rows);
  for (size_t i = 0; i < count; i++) {
    snprintf(keys[i], sizeof keys[i], "k%zu", i + 1);
    snprintf(names[i], sizeof names[i], "replay: %s", traceName(i));
    rows[at + i] = (Row){keys[i], names[i], replay, i, i, ALIGNING, SHOW_RATIOS, perOperation, NULL};
  }
}
