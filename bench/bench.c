/* bench.c - mema beside its peers: arguments, and the order of events.
 *
 *   bench [ROUNDS] [--quick] [--rows a,b1,l] [--peers glibc,mimalloc] [--csv FILE] [--svg FILE] [--traces DIRECTORY]
 *         [--processors MASK] [--preload FILE (--programs | --pairs) DIRECTORY] [--earlier FILE]
 *
 * MASK: the processors of the rows with threads. With --programs the rows of whole programs are measured, and no others.
 * With --pairs the rows of malloc and free under a preloaded allocator are measured too. --earlier names the preload library of
 * an earlier commit, which becomes one of the allocators of these rows.
 * All figures are medians over the rounds, with the least and the greatest where there is room.
 *
 * The other parts, each with a header of its own, refer downwards only (bench -> tables -> verdict -> rows -> work*, measure -> peers):
 *
 *   rows.c         the rows: which work, of what size, by whom, in which units
 *   peers.c        who does it: mema, its peers, and an allocator that does nothing
 *   nginxPool.c    one of the peers: pools as nginx has them
 *   workTools.c    what the pieces of work have in common
 *   work.c         what is timed, in a child process of its own: pairs, batches, replacements, and their footprint
 *   workSizes.c    the same for other calls: growth, large chunks, calloc, alignment, a budget
 *   workPools.c    whole pools; one free among many chunks
 *   workThreads.c  two threads: each its own work, producer and consumer, exchange, a server
 *   traces.c       the heaps of real programs, replayed
 *   programs.c     whole programs under a preloaded allocator: `make bench-programs`
 *   programs/      what starts them (launch.c), and what makes their input
 *   pairs.c        pairs of malloc and free under a preloaded allocator
 *   pairs/         what counts their instructions
 *   measure.c      rounds, children, medians
 *   tables.c       the tables and the CSV file
 *   verdict.c      the targets, and whether they are met
 *   chart.c        the picture
 *   machine.c      what the numbers were taken on
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chart.h"
#include "machine.h"
#include "measure.h"
#include "pairs.h"
#include "peers.h"
#include "programs.h"
#include "rows.h"
#include "tables.h"
#include "traces.h"
#include "verdict.h"
#include "workThreads.h"

typedef struct {
  bool quick;
  const char *rows, *peers, *csv, *svg, *traces, *processors, *programs, *pairs, *preload, *earlier;
} Arguments;

static _Noreturn void showUsage(void) {
  fprintf(stderr,
          "usage: bench [ROUNDS] [--quick] [--rows a,b1,l] [--peers glibc,mimalloc] [--csv FILE] [--svg FILE]\n"
          "             [--traces DIRECTORY] [--processors MASK] [--preload FILE (--programs | --pairs) DIRECTORY]\n"
          "             [--earlier FILE]\n"
          "             (1 to %d rounds; 7 unless told, 3 if quick)\n",
          MOST_ROUNDS);
  exit(2);
}

static int readRounds(const char *text) {
  char *end;
  long count = strtol(text, &end, 10);
  if (end == text || *end != '\0' || count < 1 || count > MOST_ROUNDS) showUsage();
  return (int)count;
}

/* Where the option is `name`, takes its value. */
static bool takeValue(char ***argument, const char *name, const char **value) {
  if (strcmp(**argument, name) != 0) return false;
  *value = *++*argument;
  if (*value == NULL) showUsage();
  return true;
}

static Arguments readArguments(char **argument) {
  Arguments a = {0};
  int told = 0;
  for (; *argument != NULL; argument++) {
    if (strcmp(*argument, "--quick") == 0)
      a.quick = true;
    else if (!takeValue(&argument, "--rows", &a.rows) && !takeValue(&argument, "--peers", &a.peers) &&
             !takeValue(&argument, "--csv", &a.csv) && !takeValue(&argument, "--svg", &a.svg) &&
             !takeValue(&argument, "--traces", &a.traces) && !takeValue(&argument, "--processors", &a.processors) &&
             !takeValue(&argument, "--programs", &a.programs) && !takeValue(&argument, "--pairs", &a.pairs) &&
             !takeValue(&argument, "--preload", &a.preload) && !takeValue(&argument, "--earlier", &a.earlier))
      told = readRounds(*argument);
  }
  if ((a.programs != NULL || a.pairs != NULL) != (a.preload != NULL) || !readProcessors(a.processors)) showUsage();
  rounds = told != 0 ? told : a.quick ? 3 : 7;
  return a;
}

/* ---- lists -------------------------------------------------------------------------------------------------------- */

static bool beginsWith(const char *text, const char *word, size_t length) {
  return strncasecmp(text, word, length) == 0;
}

/* A word stands for every name that it begins; "tracked" alone for "mema tracked". */
static bool isMeant(const char *name, const char *word, size_t length) {
  const char *behind = strchr(name, ' ');
  return length > 0 && (beginsWith(name, word, length) || (behind != NULL && beginsWith(behind + 1, word, length)));
}

/* Is the name meant by a word of the list? No list: yes. */
static bool isListed(const char *list, const char *name) {
  while (list != NULL) {
    size_t length = strcspn(list, ",");
    if (isMeant(name, list, length)) return true;
    list = list[length] == ',' ? list + length + 1 : NULL;
    if (list == NULL) return false;
  }
  return true;
}

static const char *peerName(size_t i) {
  return i < PEER_COUNT ? peers[i].name : NULL;
}

static const char *rowKey(size_t i) {
  return i < countRows() ? rows[i].key : NULL;
}

static _Noreturn void refuseWord(const char *kind, const char *word, size_t length, const char *name(size_t)) {
  fprintf(stderr, "bench: no %s is called %.*s; there are:", kind, (int)length, word);
  for (size_t i = 0; name(i) != NULL; i++) fprintf(stderr, "%s %s", i > 0 ? "," : "", name(i));
  fprintf(stderr, "\n");
  exit(2);
}

/* A word that means no name was mistyped. */
static void checkWords(const char *kind, const char *list, const char *name(size_t)) {
  while (list != NULL && *list != '\0') {
    size_t length = strcspn(list, ",");
    size_t i = 0;
    while (length > 0 && name(i) != NULL && !isMeant(name(i), list, length)) i++;
    if (name(i) == NULL) refuseWord(kind, list, length, name);
    list += length + (list[length] == ',');
  }
}

/* mema and null are always there. */
static unsigned selectPeers(const Arguments *a) {
  unsigned set = MEMA_PEERS | SET(PEER_NULL);
  const char *list = a->peers == NULL && a->quick ? "glibc,mimalloc,APR,nginx" : a->peers;
  for (int id = 0; id < PEER_COUNT; id++) {
    if (isListed(list, peers[id].name)) set |= SET(id);
  }
  return set;
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

/* Some peers keep their data of a thread where only a program that links them has room; the loader reads how much more there
 * shall be when a program starts. */
static void startAgainWithRoom(char **arguments) {
  static const char room[] = "glibc.rtld.optional_static_tls=16384";
  const char *tunables = getenv("GLIBC_TUNABLES");
  if (tunables != NULL && strstr(tunables, "optional_static_tls") != NULL) return;
  char *all = NULL;
  if (asprintf(&all, "%s%s%s", tunables != NULL ? tunables : "", tunables != NULL ? ":" : "", room) < 0) return;
  setenv("GLIBC_TUNABLES", all, 1);
  execv("/proc/self/exe", arguments);
  free(all);
}

static FILE *create(const char *name) {
  FILE *file = fopen(name, "w");
  if (file != NULL) return file;
  fprintf(stderr, "bench: %s: %s\n", name, strerror(errno));
  exit(1);
}

static void finish(FILE *file, const char *name) {
  bool failed = ferror(file) != 0;
  if (fclose(file) == 0 && !failed) return;
  fprintf(stderr, "bench: %s could not be written\n", name);
  exit(1);
}

static bool isWanted(const Arguments *a, const Row *row) {
  if (!isListed(a->rows, row->key) || (row->work == runProgram) != (a->programs != NULL)) return false;
  if (row->work == runProgram) return hasProgram(row->n);
  if (row->work == runPairs && (a->pairs == NULL || !usePairsDirectory(a->pairs))) return false;
  return !a->quick || row->quickN != 0 || row->work == replay;
}

static void measureRows(const Arguments *a) {
  static Series series[MOST_ROWS];
  for (size_t i = 0; i < countRows(); i++) {
    Row *row = &rows[i];
    if (!isWanted(a, row)) continue;
    measure(&series[i], row->work, a->quick ? row->quickN : row->n, row->set);
    row->series = &series[i];
    showRow(row);
  }
  showFootprint();
}

static void writeFiles(const Arguments *a, FILE *csv) {
  if (csv != NULL) {
    describeLoad(csv, "# ");
    describeStolen(csv, "# ");
    showVerdict(csv, "# ");
    writeCsv(csv);
    finish(csv, a->csv);
  }
  if (a->svg == NULL) return;
  FILE *svg = create(a->svg);
  drawChart(svg);
  finish(svg, a->svg);
}

int main(int count, char **arguments) {
  if (count < 1) return 2;
  startAgainWithRoom(arguments);
  Arguments a = readArguments(arguments + 1);
  addTraceRows(readTraces(a.traces != NULL ? a.traces : "bench/traces"));
  checkWords("peer", a.peers, peerName);
  checkWords("row", a.rows, rowKey);
  FILE *csv = a.csv != NULL ? create(a.csv) : NULL; /* now: not to fail after ten minutes */
  probePeers(selectPeers(&a));
  if (a.preload != NULL) probePreloads(selectPeers(&a), a.preload, a.earlier);
  if (a.programs != NULL) useProgramDirectory(a.programs);
  describeStolen(stdout, "");
  describeMachine(stdout, "");
  if (csv != NULL) describeMachine(csv, "# ");
  fflush(NULL); /* what is buffered would be in every child too */
  measureRows(&a);
  printf("\n");
  showVerdict(stdout, "");
  describeLoad(stdout, "");
  describeStolen(stdout, "");
  writeFiles(&a, csv);
  return 0;
}
