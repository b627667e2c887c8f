/* verdict.c - the targets, and whether they are met: medians of the quotients that were taken within a round. */
#define _GNU_SOURCE
#include <math.h>
#include <string.h>

#include "bench.h"

/* What a row is held against. */
typedef enum { AGAINST_MIMALLOC, AGAINST_GLIBC, AGAINST_APR, AGAINST_BETTER, AGAINST_BEST, AGAINST_TALLOC } Against;

/* A ratio at or below the limit meets it. "The better" is that of mimalloc and glibc, "the
 * best" that of all peers. */
typedef struct {
  const char *row;   /* or several, joined by commas: their geometric mean */
  const char *label; /* NULL: the row's key and name */
  int result;
  Against against;
  double untracked, tracked;
} Target;

#define PAIRS "a,b1,b2,b3,c,d"

/* "As fast as the peer, or faster" throughout: change the limits here, nowhere else. */
static const Target targets[] = {
    {"a", NULL, 0, AGAINST_MIMALLOC, 1, 1},
    {"b1", NULL, 0, AGAINST_MIMALLOC, 1, 1},
    {"b2", NULL, 0, AGAINST_MIMALLOC, 1, 1},
    {"b3", NULL, 0, AGAINST_MIMALLOC, 1, 1},
    {"c", NULL, 0, AGAINST_MIMALLOC, 1, 1},
    {"d", NULL, 0, AGAINST_MIMALLOC, 1, 1},
    {PAIRS, "a to d: geometric mean", 0, AGAINST_MIMALLOC, 1, 1},
    {"a", NULL, 0, AGAINST_GLIBC, 1, 1},
    {"b1", NULL, 0, AGAINST_GLIBC, 1, 1},
    {"b2", NULL, 0, AGAINST_GLIBC, 1, 1},
    {"b3", NULL, 0, AGAINST_GLIBC, 1, 1},
    {"c", NULL, 0, AGAINST_GLIBC, 1, 1},
    {"d", NULL, 0, AGAINST_GLIBC, 1, 1},
    {PAIRS, "a to d: geometric mean", 0, AGAINST_GLIBC, 1, 1},
    {"e", NULL, 0, AGAINST_APR, 1, 1},
    {"f", NULL, 0, AGAINST_BETTER, 1, 1},
    {"g", NULL, 0, AGAINST_BETTER, 1, 1},
    {"h", NULL, 0, AGAINST_BETTER, 1, 1},
    {"i", NULL, 0, AGAINST_BETTER, 1, 1},
    {"j", NULL, 0, AGAINST_BETTER, 1, 1},
};

static const Target footprints[] = {
    {"c", "m: resident per live byte after c", 1, AGAINST_BEST, 1, 1},
    {"c", "m: after c, 90 % freed and purged", 3, AGAINST_BEST, 1, 1},
    {"d", "m: resident per live byte after d", 1, AGAINST_BEST, 1, 1},
    {"d", "m: after d, 90 % freed and purged", 3, AGAINST_BEST, 1, 1},
};

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

/* Of the rows named in the list. *peer is PEER_NULL where a row or its peer was not measured: there is nothing to say then. NAN
 * with a peer: mema did not finish. */
static double meanRatio(const Target *target, PeerId mema, PeerId *peer) {
  char keys[64];
  double logarithms = 0;
  int count = 0;
  snprintf(keys, sizeof keys, "%s", target->row);
  for (char *rest = keys, *key; (key = strsep(&rest, ",")) != NULL; count++) {
    const Row *row = findRow(key);
    *peer = peerOf(row, target->result, target->against);
    if (*peer == PEER_NULL) return NAN;
    logarithms += log(medianRatio(row, target->result, mema, *peer));
  }
  return exp(logarithms / count);
}

/* ---- lines -------------------------------------------------------------------------------------------------------- */

typedef struct {
  int met, missed;
} Score;

static void showFigure(FILE *out, double ratio, double limit, Score *score) {
  bool met = ratio <= limit; /* not so for NAN: a measurement that did not finish has missed its target */
  score->met += met;
  score->missed += !met;
  fprintf(out, " %8.3f %-7s", ratio, met ? "met" : "MISSED");
}

static void showLine(FILE *out, const char *prefix, const Target *target, Score *score) {
  PeerId peer = PEER_NULL;
  double untracked = meanRatio(target, PEER_UNTRACKED, &peer);
  double tracked = meanRatio(target, PEER_TRACKED, &peer);
  if (peer == PEER_NULL) return;
  char label[96];
  const Row *row = findRow(target->row);
  if (target->label != NULL || row == NULL)
    snprintf(label, sizeof label, "%s", target->label != NULL ? target->label : target->row);
  else
    snprintf(label, sizeof label, "%s: %s", row->key, row->name);
  fprintf(out, "%s%-46s", prefix, label);
  showFigure(out, untracked, target->untracked, score);
  showFigure(out, tracked, target->tracked, score);
  fprintf(out, "  %-10s %4.2f %4.2f\n", peers[peer].name, target->untracked, target->tracked);
}

/* The row in which mema compares worst; times only. */
static double worstAgainst(PeerId peer, PeerId mema, const Row **where) {
  double worst = NAN;
  for (size_t i = 0; i < countRows(); i++) {
    if (rows[i].series == NULL) continue;
    double ratio = medianRatio(&rows[i], 0, mema, peer);
    if (isnan(ratio) || ratio <= worst) continue;
    worst = ratio;
    *where = &rows[i];
  }
  return worst;
}

static void showWorst(FILE *out, const char *prefix, PeerId peer, Score *score) {
  const Row *untrackedRow = NULL, *trackedRow = NULL;
  double untracked = worstAgainst(peer, PEER_UNTRACKED, &untrackedRow);
  double tracked = worstAgainst(peer, PEER_TRACKED, &trackedRow);
  if (untrackedRow == NULL || trackedRow == NULL) return;
  char label[96];
  snprintf(label, sizeof label, "any row: the worst is %s untracked, %s tracked", untrackedRow->key, trackedRow->key);
  fprintf(out, "%s%-46s", prefix, label);
  showFigure(out, untracked, 1, score);
  showFigure(out, tracked, 1, score);
  fprintf(out, "  %-10s %4.2f %4.2f\n", peers[peer].name, 1.0, 1.0);
}

static void showTargets(FILE *out, const char *prefix, const Target *list, size_t count, Score *score) {
  for (size_t i = 0; i < count; i++) showLine(out, prefix, &list[i], score);
}

/* A trace has two lines: again and again, and the first time, when all memory comes from the system. */
static void showTraces(FILE *out, const char *prefix, Score *score) {
  for (size_t i = 0; i < countRows(); i++) {
    if (rows[i].work != replay) continue;
    char label[96];
    snprintf(label, sizeof label, "%s: the same, the first time", rows[i].key);
    Target pair[] = {{rows[i].key, NULL, 0, AGAINST_BETTER, 1, 1}, {rows[i].key, label, 1, AGAINST_BETTER, 1, 1}};
    showTargets(out, prefix, pair, 2, score);
  }
}

void showVerdict(FILE *out, const char *prefix) {
  Score score = {0};
  fprintf(
      out,
      "%sverdict: mema's time (m: memory) in units of the peer's, the median over the rounds; a target is an upper limit\n",
      prefix);
  fprintf(out, "%s%-46s %-16s %-16s  %-10s %s\n", prefix, "row", "untracked", "tracked", "peer", "targets");
  showTargets(out, prefix, targets, sizeof targets / sizeof *targets, &score);
  showTraces(out, prefix, &score);
  showTargets(out, prefix, footprints, sizeof footprints / sizeof *footprints, &score);
  showWorst(out, prefix, PEER_TALLOC, &score);
  fprintf(out, "%s%d met, %d missed\n", prefix, score.met, score.missed);
}
