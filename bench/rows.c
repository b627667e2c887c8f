/* rows.c - the rows: which work, of what size, by whom, in which units. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* APR's pools cannot free a chunk: they have the row of pools alone. talloc aligns nothing, and its resize is glibc's. */
#define MALLOCS (ALL_PEERS & ~SET(PEER_APR))
#define ALIGNING (MALLOCS & ~SET(PEER_TALLOC))
/* In the rows that grow with the live chunks mema is held against touching memory; two peers give the scale of it. */
#define SCALED (MEMA_PEERS | SET(PEER_GLIBC) | SET(PEER_MIMALLOC))

static const Measure perPair[] = {{"ns", "nsPerPair"}, {0}};
static const Measure perPool[] = {{"ns", "nsPerPool"}, {0}};
static const Measure perGrowth[] = {{"us", "usPerGrowth"}, {0}};
static const Measure perLargePair[] = {{"us", "usPerPair"}, {0}};
static const Measure perOperation[] = {{"ns", "nsPerOperation"}, {"first", "nsPerOperationFirst"}, {0}};
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

/* The numbers: n in full, n in --quick; what each counts is the work's to say. */
Row rows[MOST_ROWS] = {
    RATIOS("a", "64 B, freed at once", lifoPairs, 5000000, 2000000, MALLOCS, perPair),
    RATIOS("b1", "1,000 of 16..1024 B, freed in order", batchInOrder, 1000, 1000, MALLOCS, perPair),
    RATIOS("b2", "1,000 of 16..1024 B, freed in reverse", batchReverse, 1000, 1000, MALLOCS, perPair),
    RATIOS("b3", "1,000 of 16..1024 B, freed shuffled", batchShuffled, 1000, 1000, MALLOCS, perPair),
    RATIOS("c", "100,000 live of 16..512 B, one replaced", replaceMixed, 100000, 100000, MALLOCS, replaced),
    RATIOS("d", "1,000,000 live of 48 B, one replaced", replaceEqual, 1000000, 1000000, MALLOCS, replaced),
    RATIOS("e", "a pool, 50 chunks of 16..400 B, all freed", requests, 200000, 100000, ALL_PEERS, perPool),
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
    COLUMNS("p1", "1,000,000 chunks of 64 B", freeEverything, 1000000, 0, MEMA_PEERS, everything),
    COLUMNS("p2", "100,000 live pools of 64 KiB, 100 B in each", manyPools, 100000, 0, MEMA_PEERS, poolCosts),
    COLUMNS("p3", "initPool, palloc of 100 B, freePool, warm", poolCycles, 500000, 200000, MEMA_PEERS, perCycle),
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
