/* verdict.c - the targets, and whether they are met: medians of the quotients that were taken within a round. */
#define _GNU_SOURCE
#include <math.h>
#include <string.h>

#include "verdict.h"

#include "pairs.h"
#include "programs.h"
#include "traces.h"
#include "workThreads.h"

/* The peer that a row is compared with. "The better" is that of mimalloc and glibc, "the best" that of all peers; live bytes are no peer: the
 * figure itself is compared. */
typedef enum {
  AGAINST_MIMALLOC,
  AGAINST_GLIBC,
  AGAINST_APR,
  AGAINST_BETTER,
  AGAINST_BEST,
  AGAINST_TALLOC,
  AGAINST_LIVE
} Against;

/* A ratio at or below the limit meets it. */
typedef struct {
  const char *row;   /* or several, joined by commas: their geometric mean */
  const char *label; /* NULL: the row's key and name */
  int result;
  int blocks; /* the result to be taken off mema's first: its Block records; 0: none */
  Against against;
  double untracked, tracked; /* the limits; 0: none */
} Target;

#define PAIRS "a,b1,b2,b3,c,d"

/* Change the limits here, and below for traces and talloc: nowhere else. */
#define MIMALLOC_LIMITS AGAINST_MIMALLOC, 1, 1.5
#define GLIBC_LIMITS AGAINST_GLIBC, 0, 0.9
#define BETTER_LIMITS AGAINST_BETTER, 1, 1.2
static const double tallocLimits[] = {0.25, 0.35};

static const Target targets[] = {
    {"a", NULL, 0, 0, MIMALLOC_LIMITS},
    {"b1", NULL, 0, 0, MIMALLOC_LIMITS},
    {"b2", NULL, 0, 0, MIMALLOC_LIMITS},
    {"b3", NULL, 0, 0, MIMALLOC_LIMITS},
    {"c", NULL, 0, 0, MIMALLOC_LIMITS},
    {"d", NULL, 0, 0, MIMALLOC_LIMITS},
    {PAIRS, "a to d: geometric mean", 0, 0, AGAINST_MIMALLOC, 0.85, 0},
    {"a", NULL, 0, 0, GLIBC_LIMITS},
    {"b1", NULL, 0, 0, GLIBC_LIMITS},
    {"b2", NULL, 0, 0, GLIBC_LIMITS},
    {"b3", NULL, 0, 0, GLIBC_LIMITS},
    {"c", NULL, 0, 0, GLIBC_LIMITS},
    {"d", NULL, 0, 0, GLIBC_LIMITS},
    {"e", NULL, 0, 0, AGAINST_APR, 3, 4},
    {"f", NULL, 0, 0, BETTER_LIMITS},
    {"g", NULL, 0, 0, BETTER_LIMITS},
    {"h", NULL, 0, 0, BETTER_LIMITS},
    {"i", NULL, 0, 0, BETTER_LIMITS},
    {"j", NULL, 0, 0, BETTER_LIMITS},
};

/* A tracked pool's Block records are part of what it is for: they are left out. */
static const Target footprints[] = {
    {"c", "m: resident per live byte after c", 1, 4, AGAINST_LIVE, 1.15, 1.15},
    {"d", "m: resident per live byte after d", 1, 4, AGAINST_LIVE, 1.15, 1.15},
    {"c", "m: after c, 90 % freed and purged", 3, 5, AGAINST_BEST, 1, 1},
    {"d", "m: after d, 90 % freed and purged", 3, 5, AGAINST_BEST, 1, 1},
};

/* Of a shared pool, with two threads. */
static const Target threaded[] = {
    {"n1", NULL, 0, 0, AGAINST_MIMALLOC, 0.95, 0}, {"n2", NULL, 0, 0, AGAINST_MIMALLOC, 0.95, 0},
    {"o1", NULL, 0, 0, AGAINST_MIMALLOC, 0.9, 0},  {"o2", NULL, 0, 0, AGAINST_MIMALLOC, 0.9, 0},
    {"p", NULL, 0, 0, AGAINST_MIMALLOC, 0.9, 0},   {"q1", NULL, 0, 0, AGAINST_MIMALLOC, 0.9, 0},
    {"q2", NULL, 0, 0, AGAINST_MIMALLOC, 0.9, 0},
};
/* Of arenas: a pool for a request against APR's and nginx's, and us to forget 1,000,000 chunks. */
static const double arenaAprLimit = 0.8, arenaNginxLimit = 1, arenaResetLimit = 50;

/* Of a sub-pool: its calls in units of its parent's, and ns to make and free an empty one. */
static const double subPoolLimit = 1.15, emptyLimit = 100;

/* Of a pool in a buffer: the limits are for untracked ones. */
static const Target fixed[] = {
    {"a", NULL, 0, 0, AGAINST_GLIBC, 1.3, 0},  {"b1", NULL, 0, 0, AGAINST_GLIBC, 0.7, 0},
    {"b2", NULL, 0, 0, AGAINST_GLIBC, 0.7, 0}, {"b3", NULL, 0, 0, AGAINST_GLIBC, 0.7, 0},
    {"c", NULL, 0, 0, AGAINST_GLIBC, 1, 0},
};
/* The least work of two threads, in units of that of one. It counts where the processors were free, that is where the
 * threads that do nothing but the loop used this much of their time. */
static const double speedUpLimit = 1.9, freeLimit = 0.95;

/* Of whole programs: the geometric means of time and memory, the time of any of them, and the MiB beyond glibc's of the one that
 * does nothing. */
static const double meanTimeLimit = 0.97, meanPeakLimit = 1, anyTimeLimit = 1.1, tinyPeakLimit = 1;
/* Beside an earlier commit's library: no row takes longer, and memory grows by at most 1 %. */
static const double earlierTimeLimit = 1, earlierPeakLimit = 1.01;

/* Instructions of a malloc and its free under the preload library. */
static const struct {
  const char *row;
  double most;
} pairLimits[] = {{"t1", 80}, {"t2", 95}, {"t3", 85}, {"t4", 95}, {"t5", 170}};

/* ---- ratios ------------------------------------------------------------------------------------------------------- */

double medianRatio(const Row *row, int result, PeerId a, PeerId b) {
  if (row == NULL || !row->series->measured[a] || !row->series->measured[b]) return NAN;
  return summarizeRatio(row->series->results[a][result], row->series->results[b][result]).median;
}

/* The peer with the least median. Not the least of each round: that would be the luckiest of several, against one of mema. */
static PeerId bestOf(const Row *row, int result, unsigned set) {
  PeerId best = PEER_NULL;
  double least = INFINITY;
  for (int id = 0; row != NULL && id < PEER_COUNT; id++) {
    if ((set & SET(id)) == 0 || !row->series->measured[id]) continue;
    double median = summarize(row->series->results[id][result]).median;
    if (median < least) {
      least = median;
      best = (PeerId)id;
    }
  }
  return best;
}

/* PEER_NULL where there is none. */
static PeerId peerOf(const Row *row, int result, Against against) {
  static const unsigned sets[] = {
      [AGAINST_MIMALLOC] = SET(PEER_MIMALLOC),
      [AGAINST_GLIBC] = SET(PEER_GLIBC),
      [AGAINST_APR] = SET(PEER_APR),
      [AGAINST_BETTER] = SET(PEER_GLIBC) | SET(PEER_MIMALLOC),
      [AGAINST_BEST] = ALL_PEERS & ~MEMA_PEERS & ~SET(PEER_NULL),
      [AGAINST_TALLOC] = SET(PEER_TALLOC),
  };
  return bestOf(row, result, sets[against]);
}

/* The median over the rounds. */
static double figureOf(const Target *target, const Row *row, PeerId mema, PeerId peer) {
  double values[MOST_ROUNDS];
  for (int round = 0; round < rounds; round++) {
    values[round] = row->series->results[mema][target->result][round];
    if (target->blocks != 0) values[round] -= row->series->results[mema][target->blocks][round];
    if (target->against != AGAINST_LIVE) values[round] /= row->series->results[peer][target->result][round];
  }
  return summarize(values).median;
}

/* Of the rows named in the list. *beside is what they are held against, NULL where a row or its peer was not measured: there is
 * nothing to say then. NAN and not NULL: mema did not finish. */
static double meanFigure(const Target *target, PeerId mema, const char **beside) {
  char keys[64];
  double logarithms = 0;
  int count = 0;
  *beside = NULL;
  snprintf(keys, sizeof keys, "%s", target->row);
  for (char *rest = keys, *key; (key = strsep(&rest, ",")) != NULL; count++) {
    const Row *row = findRow(key);
    PeerId peer = target->against == AGAINST_LIVE ? PEER_NULL : peerOf(row, target->result, target->against);
    bool measured = row != NULL && (peer != PEER_NULL || target->against == AGAINST_LIVE);
    *beside = measured ? peer != PEER_NULL ? peers[peer].name : "live bytes" : NULL;
    if (!measured) return NAN;
    logarithms += log(figureOf(target, row, mema, peer));
  }
  return exp(logarithms / count);
}

/* ---- lines -------------------------------------------------------------------------------------------------------- */

typedef struct {
  int met, missed;
} Score;

enum { LABEL_WIDTH = 46 };

/* A figure that does not count is shown all the same: score is NULL. */
static void showFigure(FILE *out, double figure, double limit, Score *score) {
  bool met = figure <= limit; /* not so for NAN: a measurement that did not finish has missed its target */
  if (limit > 0 && score != NULL) {
    score->met += met;
    score->missed += !met;
  }
  fprintf(out, " %8.3f %-7s", figure, limit <= 0 ? "-" : met ? "met" : score != NULL ? "MISSED" : "missed");
}

static void showLimits(FILE *out, const char *beside, double untracked, double tracked) {
  fprintf(out, "  %-10s", beside);
  for (int i = 0; i < 2; i++) {
    double limit = i == 0 ? untracked : tracked;
    if (limit > 0)
      fprintf(out, " %4.2f", limit);
    else
      fprintf(out, " %4s", "-");
  }
  fprintf(out, "\n");
}

static void showLine(FILE *out, const char *prefix, const Target *target, Score *score) {
  const char *beside;
  double untracked = meanFigure(target, PEER_UNTRACKED, &beside);
  double tracked = meanFigure(target, PEER_TRACKED, &beside);
  if (beside == NULL) return;
  char label[96];
  const Row *row = findRow(target->row);
  if (target->label != NULL || row == NULL)
    snprintf(label, sizeof label, "%s", target->label != NULL ? target->label : target->row);
  else
    snprintf(label, sizeof label, "%s: %s", row->key, row->name);
  fprintf(out, "%s%-*s", prefix, LABEL_WIDTH, label);
  showFigure(out, untracked, target->untracked, score);
  showFigure(out, tracked, target->tracked, score);
  showLimits(out, beside, target->untracked, target->tracked);
}

static void showTargets(FILE *out, const char *prefix, const Target *list, size_t count, Score *score) {
  for (size_t i = 0; i < count; i++) showLine(out, prefix, &list[i], score);
}

/* A trace has two lines: again and again, and, for information, the first time, when all memory comes from the system. */
static void showTraces(FILE *out, const char *prefix, Score *score) {
  for (size_t i = 0; i < countRows(); i++) {
    if (rows[i].work != replay) continue;
    char label[96];
    snprintf(label, sizeof label, "%s: the same, the first time (not counted)", rows[i].key);
    Target warm = {rows[i].key, NULL, 0, 0, BETTER_LIMITS}, first = {rows[i].key, label, 1, 0, BETTER_LIMITS};
    showLine(out, prefix, &warm, score);
    showLine(out, prefix, &first, NULL);
  }
}

/* ---- all rows against one peer ------------------------------------------------------------------------------------ */

typedef struct {
  const char *key; /* of the worst row; NULL: no row was measured */
  double worst;
  int compared, missed;
} Worst;

static Worst worstAgainst(PeerId peer, PeerId mema, double limit) {
  Worst worst = {0};
  for (size_t i = 0; i < countRows(); i++) {
    if (rows[i].series == NULL || !rows[i].series->measured[peer]) continue;
    double ratio = medianRatio(&rows[i], 0, mema, peer);
    worst.compared++;
    worst.missed += !(ratio <= limit);
    if (worst.key != NULL && (isnan(worst.worst) || ratio <= worst.worst)) continue;
    worst.worst = ratio;
    worst.key = rows[i].key;
  }
  return worst;
}

static void showWorst(FILE *out, const char *prefix, Score *score) {
  Worst untracked = worstAgainst(PEER_TALLOC, PEER_UNTRACKED, tallocLimits[0]);
  Worst tracked = worstAgainst(PEER_TALLOC, PEER_TRACKED, tallocLimits[1]);
  if (untracked.key == NULL || tracked.key == NULL) return;
  char label[96];
  snprintf(label, sizeof label, "any row: worst %s, %s; of %d miss %d, %d", untracked.key, tracked.key, untracked.compared,
           untracked.missed, tracked.missed);
  fprintf(out, "%s%-*s", prefix, LABEL_WIDTH, label);
  showFigure(out, untracked.worst, tallocLimits[0], score);
  showFigure(out, tracked.worst, tallocLimits[1], score);
  showLimits(out, peers[PEER_TALLOC].name, tallocLimits[0], tallocLimits[1]);
}

/* ---- flatness ----------------------------------------------------------------------------------------------------- */

/* The growth of a result, in ns, from a thousand live chunks to ten million. */
static double growthOf(PeerId mema, int result) {
  const Row *few = findRow("l3"), *many = findRow("l7");
  if (few == NULL || many == NULL) return NAN;
  return summarize(many->series->results[mema][result]).median - summarize(few->series->results[mema][result]).median;
}

static void showGrowth(FILE *out, const char *prefix, const char *label, int result) {
  fprintf(out, "%s%-*s %8.1f ns %12.1f ns\n", prefix, LABEL_WIDTH, label, growthOf(PEER_UNTRACKED, result),
          growthOf(PEER_TRACKED, result));
}

/* Caches and address translation cost a free what they cost any touch of the chunk: what pfree grows by is held against that. */
static void showFlatness(FILE *out, const char *prefix) {
  if (findRow("l3") == NULL || findRow("l7") == NULL) return;
  showGrowth(out, prefix, "l: growth from 10^3 to 10^7 live, of pfree", 0);
  showGrowth(out, prefix, "l: the same, of a touch in turn", 3);
  fprintf(out, "%s%-*s", prefix, LABEL_WIDTH, "l: quotient of the two");
  showFigure(out, growthOf(PEER_UNTRACKED, 0) / growthOf(PEER_UNTRACKED, 3), 0, NULL);
  showFigure(out, growthOf(PEER_TRACKED, 0) / growthOf(PEER_TRACKED, 3), 0, NULL);
  showLimits(out, "touching", 0, 0);
}

/* ---- threads ------------------------------------------------------------------------------------------------------ */

/* A line with one figure; `limit` 0: none. */
static void showOne(FILE *out, const char *prefix, const char *label, double figure, double limit, const char *beside,
                    Score *score) {
  fprintf(out, "%s%-*s", prefix, LABEL_WIDTH, label);
  showFigure(out, figure, limit, score);
  fprintf(out, "  %-10s", beside);
  if (limit > 0) fprintf(out, " %4.2f", limit);
  fprintf(out, "\n");
}

static void showArenas(FILE *out, const char *prefix, Score *score) {
  const Row *requestRow = findRow("e"), *resetRow = findRow("s4");
  if (requestRow != NULL) {
    double apr = medianRatio(requestRow, 0, PEER_ARENA, PEER_APR),
           nginx = medianRatio(requestRow, 0, PEER_ARENA, PEER_NGINX);
    double trackedApr = medianRatio(requestRow, 0, PEER_ARENA_TRACKED, PEER_APR);
    if (!isnan(apr)) showOne(out, prefix, "e: arena, untracked", apr, arenaAprLimit, "APR", score);
    if (!isnan(nginx)) showOne(out, prefix, "e: arena, untracked", nginx, arenaNginxLimit, "nginx", score);
    if (!isnan(trackedApr)) showOne(out, prefix, "e: arena, tracked", trackedApr, 0, "APR", NULL);
  }
  for (PeerId arena = PEER_ARENA; resetRow != NULL && arena <= PEER_ARENA_TRACKED; arena++)
    showOne(out, prefix, arena == PEER_ARENA ? "s4: reset of an arena, us" : "s4: the same, tracked",
            summarize(resetRow->series->results[arena][0]).median, arenaResetLimit, "us", score);
}

/* Of tracked pools. */
static void showFamilies(FILE *out, const char *prefix, Score *score) {
  static const char *const plays[] = {"pairs", "batches", "replacements"};
  const Row *calls = findRow("s5"), *empty = findRow("s6");
  for (int i = 0; calls != NULL && i < 3; i++) {
    char label[64];
    snprintf(label, sizeof label, "s5: sub-pool's %s", plays[i]);
    showOne(out, prefix, label, summarize(calls->series->results[PEER_TRACKED][i]).median, subPoolLimit, "its parent",
            score);
    showOne(out, prefix, label, summarize(calls->series->results[PEER_TRACKED][i + 3]).median, 0, "a pool alone", NULL);
  }
  if (empty != NULL)
    showOne(out, prefix, "s6: empty sub-pool, ns", summarize(empty->series->results[PEER_TRACKED][0]).median, emptyLimit,
            "ns", score);
}

static void labelRow(char *label, size_t size, const Row *row, const char *what) {
  snprintf(label, size, "%s: %s", row->key, what != NULL ? what : row->name);
}

/* The gain from a second thread in writing to as much memory, without any allocator (row n0); 0: not measured. */
static double touchingSpeedUp(const Row *row) {
  const Row *touches = findRow("n0");
  return touches != NULL && strcmp(row->key, "n2") == 0 ? summarize(touches->series->results[PEER_NULL][2]).median : 0;
}

/* Null's figure says what the machine allows, where memory is not what is waited for; n0's what memory does. */
static void showSpeedUp(FILE *out, const char *prefix, const Row *row, Score *score) {
  double figure = summarize(row->series->results[PEER_SHARED][2]).median;
  double null = summarize(row->series->results[PEER_NULL][2]).median;
  double used = summarize(row->series->results[PEER_NULL][3]).median;
  char label[96], what[64];
  double touching = touchingSpeedUp(row);
  int length = snprintf(what, sizeof what, "speed-up with 2 threads (null %.2f", null);
  if (touching > 0) length += snprintf(what + length, sizeof what - (size_t)length, ", n0 %.2f", touching);
  snprintf(what + length, sizeof what - (size_t)length, ")");
  labelRow(label, sizeof label, row, what);
  bool counts = countProcessors() >= 2 && used >= freeLimit;
  bool met = figure >= speedUpLimit;
  score->met += counts && met;
  score->missed += counts && !met;
  fprintf(out, "%s%-*s %8.3f %-7s  %-10s >%3.1f%s\n", prefix, LABEL_WIDTH, label, figure,
          met      ? "met"
          : counts ? "MISSED"
                   : "missed",
          "1 thread", speedUpLimit, counts ? "" : ", not counted: the processors were not free");
}

static void showThreads(FILE *out, const char *prefix, Score *score) {
  for (size_t i = 0; i < sizeof threaded / sizeof *threaded; i++) {
    const Target *target = &threaded[i];
    const Row *row = findRow(target->row);
    const char *beside;
    double figure = meanFigure(target, PEER_SHARED, &beside);
    if (beside == NULL) continue;
    char label[96];
    labelRow(label, sizeof label, row, NULL);
    showOne(out, prefix, label, figure, target->untracked, beside, score);
    if (row->measures[2].title != NULL) showSpeedUp(out, prefix, row, score);
  }
}

static void showFixed(FILE *out, const char *prefix, Score *score) {
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
    const char *beside;
    double figure = meanFigure(&fixed[i], PEER_FIXED, &beside);
    char label[96];
    if (beside == NULL) continue;
    labelRow(label, sizeof label, findRow(fixed[i].row), NULL);
    showOne(out, prefix, label, figure, fixed[i].untracked, beside, score);
  }
}

/* ---- whole programs ----------------------------------------------------------------------------------------------- */

static bool isProgram(const Row *row) {
  return row->work == runProgram && row->series != NULL && row->n != PROGRAM_TRUE;
}

/* Over the programs, of the medians of a's quotients to b's; NAN where either lacks one. */
static double meanOfPrograms(int result, PeerId a, PeerId b) {
  double logarithms = 0;
  int count = 0;
  for (size_t i = 0; i < countRows(); i++) {
    if (!isProgram(&rows[i])) continue;
    logarithms += log(medianRatio(&rows[i], result, a, b));
    count++;
  }
  return count > 0 ? exp(logarithms / count) : NAN;
}

/* The one peer whose geometric mean over all programs is the least, in units of glibc's. PEER_NULL: none. */
static PeerId bestOfPrograms(int result, unsigned set) {
  PeerId best = PEER_NULL;
  double least = INFINITY;
  for (int id = 0; id < PEER_COUNT; id++) {
    double mean = (set & SET(id)) != 0 ? meanOfPrograms(result, (PeerId)id, PEER_GLIBC) : NAN;
    if (!(mean < least)) continue;
    least = mean;
    best = (PeerId)id;
  }
  return best;
}

static void showMeanOfPrograms(FILE *out, const char *prefix, const char *label, int result, unsigned set, double limit,
                               Score *score) {
  PeerId best = bestOfPrograms(result, set);
  if (best == PEER_NULL) return;
  showOne(out, prefix, label, meanOfPrograms(result, PEER_PRELOAD, best), limit, peers[best].name, score);
}

/* Each row counts: none may be slower than this, beside the peer that is the best in it. */
static void showProgram(FILE *out, const char *prefix, const Row *row, Score *score) {
  PeerId best = bestOf(row, 0, row->set & ~MEMA_PEERS);
  char label[96];
  if (best == PEER_NULL) return;
  labelRow(label, sizeof label, row, NULL);
  showOne(out, prefix, label, medianRatio(row, 0, PEER_PRELOAD, best), anyTimeLimit, peers[best].name, score);
}

static void showBesideEarlier(FILE *out, const char *prefix, Score *score) {
  static const char name[] = "mema earlier";
  if (isnan(meanOfPrograms(0, PEER_PRELOAD, PEER_EARLIER))) return;
  showOne(out, prefix, "r: time, geometric mean", meanOfPrograms(0, PEER_PRELOAD, PEER_EARLIER), earlierTimeLimit, name,
          score);
  showOne(out, prefix, "r: peak memory, geometric mean", meanOfPrograms(1, PEER_PRELOAD, PEER_EARLIER), earlierPeakLimit,
          name, score);
  for (size_t i = 0; i < countRows(); i++) {
    char label[96];
    if (!isProgram(&rows[i])) continue;
    labelRow(label, sizeof label, &rows[i], NULL);
    showOne(out, prefix, label, medianRatio(&rows[i], 0, PEER_PRELOAD, PEER_EARLIER), earlierTimeLimit, name, score);
  }
}

static void showTiny(FILE *out, const char *prefix, const Row *row, Score *score) {
  double beyond[MOST_ROUNDS];
  for (int round = 0; round < rounds; round++) {
    beyond[round] = row->series->results[PEER_PRELOAD][1][round] - row->series->results[PEER_GLIBC][1][round];
  }
  showOne(out, prefix, "r0: true, MiB resident at most beyond glibc's", summarize(beyond).median, tinyPeakLimit, "glibc",
          score);
}

static void showPrograms(FILE *out, const char *prefix, Score *score) {
  static const unsigned thrifty = SET(PEER_MIMALLOC) | SET(PEER_JEMALLOC) | SET(PEER_TCMALLOC);
  const Row *tiny = findRow("r0");
  showMeanOfPrograms(out, prefix, "r: time, geometric mean (best peer)", 0, ALL_PEERS & ~MEMA_PEERS, meanTimeLimit, score);
  showMeanOfPrograms(out, prefix, "r: peak memory, geometric mean (thriftiest)", 1, thrifty, meanPeakLimit, score);
  showMeanOfPrograms(out, prefix, "r: processor time, the same (not counted)", 2, ALL_PEERS & ~MEMA_PEERS, 0, score);
  for (size_t i = 0; i < countRows(); i++) {
    if (isProgram(&rows[i])) showProgram(out, prefix, &rows[i], score);
  }
  showBesideEarlier(out, prefix, score);
  if (tiny != NULL) showTiny(out, prefix, tiny, score);
}

/* ---- malloc and free, preloaded ----------------------------------------------------------------------------------- */

static void showPairs(FILE *out, const char *prefix, Score *score) {
  for (size_t i = 0; i < sizeof pairLimits / sizeof *pairLimits; i++) {
    const Row *row = findRow(pairLimits[i].row);
    if (row == NULL) continue;
    double figure = summarize(row->series->results[PEER_PRELOAD][1]).median;
    char label[96];
    if (isnan(figure)) continue;
    labelRow(label, sizeof label, row, NULL);
    showOne(out, prefix, label, figure, pairLimits[i].most, "itself", score);
  }
}

/* ---- all ---------------------------------------------------------------------------------------------------------- */

static bool isMeasuredWith(Work *work) {
  for (size_t i = 0; i < countRows(); i++) {
    if (rows[i].work == work && rows[i].series != NULL) return true;
  }
  return false;
}

static bool anyMeasured(unsigned set) {
  for (size_t i = 0; i < countRows(); i++) {
    for (int id = 0; rows[i].series != NULL && id < PEER_COUNT; id++) {
      if ((set & SET(id)) != 0 && rows[i].series->measured[id]) return true;
    }
  }
  return false;
}

static void showOwnPools(FILE *out, const char *prefix, Score *score) {
  fprintf(
      out,
      "%sverdict: mema's time in units of the peer's; m: resident bytes, without Block records, per live byte, or in units\n"
      "%sof the peer's. Medians of the quotients within a round; targets are upper limits; a dash: no target\n",
      prefix, prefix);
  fprintf(out, "%s%-*s %-16s %-16s  %-10s %s\n", prefix, LABEL_WIDTH, "row", "untracked", "tracked", "against", "targets");
  showTargets(out, prefix, targets, sizeof targets / sizeof *targets, score);
  showTraces(out, prefix, score);
  showWorst(out, prefix, score);
  showFlatness(out, prefix);
  showTargets(out, prefix, footprints, sizeof footprints / sizeof *footprints, score);
  showArenas(out, prefix, score);
  showFamilies(out, prefix, score);
}

void showVerdict(FILE *out, const char *prefix) {
  Score score = {0};
  if (anyMeasured(OWN_POOLS)) showOwnPools(out, prefix, &score);
  if (anyMeasured(SET(PEER_SHARED))) {
    fprintf(out, "%sthreads: the wall time of a shared pool in units of the peer's\n", prefix);
    showThreads(out, prefix, &score);
  }
  if (anyMeasured(SET(PEER_FIXED))) {
    fprintf(out, "%sfixed: the time of a pool in a buffer, untracked, in units of the peer's\n", prefix);
    showFixed(out, prefix, &score);
  }
  if (isMeasuredWith(runPairs)) {
    fprintf(out, "%spairs: the instructions of a malloc and its free with mema preloaded\n", prefix);
    showPairs(out, prefix, &score);
  }
  if (isMeasuredWith(runProgram)) {
    fprintf(out, "%sprograms: with mema preloaded, in units of the peer's\n", prefix);
    showPrograms(out, prefix, &score);
  }
  fprintf(out, "%s%d met, %d missed\n", prefix, score.met, score.missed);
}
