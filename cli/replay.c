/* replay.c - `mema replay`: a trace played against heaps, side by side.
 *
 *   options -> trace -> its summary -> rounds, each heap taking its turn -> table */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mema.h>

#include "../preload/sizeText.h"
#include "commands.h"
#include "complain.h"
#include "layout.h"
#include "options.h"
#include "playRound.h"
#include "values.h"

/* ---- options ------------------------------------------------------------------------------------------------------ */

enum { MOST_CONTENDERS = 12, MOST_ROUNDS = 99, MOST_ROWS = 20, NAME_COLUMNS = 16, HEAP_COLUMNS = 20 };

#ifdef __GLIBC__
#define LIBC_NAME "glibc"
#else
#define LIBC_NAME "libc"
#endif

typedef struct ReplayOptions {
  const char *file;
  size_t poolSize;
  bool tracked;
  size_t rounds;
  size_t process; /* from 1; 0: all of them */
  bool list;
  const char *libraries[MOST_CONTENDERS];
  size_t libraryCount;
} ReplayOptions;

/* Adds a library: the field is all of the options. */
static bool readLibrary(const Option *option, const char *name, void *field) {
  ReplayOptions *replay = field;
  if (*name != '\0' && replay->libraryCount < MOST_CONTENDERS - 2) {
    replay->libraries[replay->libraryCount++] = name;
    return true;
  }
  complain(*name == '\0' ? "--%s needs the name of a library" : "--%s is given too often", option->name);
  return false;
}

static const Option options[] = {
    {"pool", "SIZE", "the budget of mema's pool: bytes, or K, M, G or T as for `mema run' (64M, 1.5G); without it, none",
     readSize, .field = offsetof(ReplayOptions, poolSize)},
    {"tracked", NULL, "a tracked pool: with a chain, and charged what is requested", setFlag,
     .field = offsetof(ReplayOptions, tracked)},
    {"against", "LIB", "play against the malloc of this library as well; may be given several times", readLibrary,
     .offer = OFFER_FILES},
    {"rounds", "N", "how often each heap plays (7)", readCount, .field = offsetof(ReplayOptions, rounds),
     .most = MOST_ROUNDS},
    {"process", "N", "only the Nth process of the trace", readCount, .field = offsetof(ReplayOptions, process),
     .most = UINT32_MAX},
    {"list", NULL, "play nothing: check the trace and say what it holds", setFlag, .field = offsetof(ReplayOptions, list)},
    {.name = NULL},
};

static const OptionGroup groups[] = {{.options = options}, {.options = NULL}};

/* False after complaining. */
static bool takeFile(ReplayOptions *replay, char **operands) {
  replay->file = operands[0];
  if (operands[0] == NULL) {
    complain("no trace given; see `mema replay --help'");
  } else if (operands[1] != NULL) {
    complain("one trace at a time: '%s' is too many", operands[1]);
  } else {
    return true;
  }
  return false;
}

/* ---- what the trace holds ----------------------------------------------------------------------------------------- */

static uint64_t operationsOf(const Trace *trace) {
  uint64_t operations = 0;
  for (size_t i = 0; i < trace->count; i++) operations += trace->processes[i].count;
  return operations;
}

static void printProcess(size_t number, const TraceProcess *process) {
  char name[4 * NAME_COLUMNS + 1], peak[SIZE_TEXT_ROOM], live[SIZE_TEXT_ROOM];
  copyName(name, process->name, NAME_COLUMNS);
  printf("  %5zu %s%*s %8d %7u %11zu %11" PRIu64 " %9" PRIu64 " %11" PRIu64 " %10s %11s\n", number, name,
         (int)(NAME_COLUMNS - textColumns(name)), "", process->pid, process->threads, process->count,
         process->kinds[TRACE_ALLOCATE] + process->kinds[TRACE_ALLOCATE_ZEROED] + process->kinds[TRACE_ALLOCATE_ALIGNED],
         process->kinds[TRACE_RESIZE], process->kinds[TRACE_RELEASE], formatSize(peak, process->peakBytes),
         formatSize(live, process->liveBytes));
}

static void printRemarks(const TraceProcess *process) {
  if (process->kinds[TRACE_STRANGER] > 0) {
    printf("        released what it had from before the record, which is not played: %" PRIu64 "\n",
           process->kinds[TRACE_STRANGER]);
  }
  if (process->kinds[TRACE_REFUSED] > 0) {
    printf("        was refused memory when it was recorded, which is not played: %" PRIu64 "\n",
           process->kinds[TRACE_REFUSED]);
  }
  if (process->lost > 0) printf("        its record ends early, for want of room: %" PRIu64 " events\n", process->lost);
}

static void printTrace(const ReplayOptions *replay, const Trace *trace) {
  uint64_t operations = operationsOf(trace);
  char file[PATH_MAX];
  snprintf(file, sizeof file, "%s", replay->file);
  defuse(file);
  printf("%s: %zu process%s, %" PRIu64 " operation%s\n", file, trace->count, trace->count == 1 ? "" : "es", operations,
         operations == 1 ? "" : "s");
  printf("  %5s %-16s %8s %7s %11s %11s %9s %11s %10s %11s\n", "", "process", "pid", "threads", "operations", "allocations",
         "resizes", "releases", "peak live", "live at end");
  size_t rows = trace->count < MOST_ROWS || replay->list ? trace->count : MOST_ROWS;
  for (size_t i = 0; i < rows; i++) {
    if (replay->list && replay->process != 0 && i + 1 != replay->process) continue;
    printProcess(i + 1, &trace->processes[i]);
    printRemarks(&trace->processes[i]);
  }
  if (rows < trace->count) printf("  ... and %zu more; --list shows them all\n", trace->count - rows);
}

/* ---- playing ------------------------------------------------------------------------------------------------------ */

/* The results of one heap, over all processes of the trace. */
typedef struct Series {
  Contender contender;
  double nanoseconds[MOST_ROUNDS];
  uint64_t footprint; /* the largest of a process */
  PlayCounts counts;  /* of the round in which most was refused or skipped */
} Series;

typedef struct Match {
  Series series[MOST_CONTENDERS];
  size_t count;
  size_t rounds;
  const TraceProcess *processes;
  size_t processCount;
} Match;

static void addContender(Match *match, Contender contender) {
  match->series[match->count++].contender = contender;
}

static void invite(Match *match, const ReplayOptions *replay) {
  addContender(match, (Contender){.kind = CONTENDER_POOL,
                                  .name = replay->tracked ? "mema, tracked" : "mema",
                                  .poolSize = replay->poolSize,
                                  .tracked = replay->tracked});
  addContender(match, (Contender){.kind = CONTENDER_LIBC, .name = LIBC_NAME});
  for (size_t i = 0; i < replay->libraryCount; i++) {
    addContender(match, (Contender){.kind = CONTENDER_LIBRARY, .name = replay->libraries[i]});
  }
}

static void addCounts(PlayCounts *sum, const PlayCounts *counts) {
  sum->operations += counts->operations;
  sum->allocations += counts->allocations;
  sum->resizes += counts->resizes;
  sum->releases += counts->releases;
  sum->refused += counts->refused;
  sum->skipped += counts->skipped;
}

/* The operations of the trace that a heap did, and those that it did not. */
static uint64_t workDone(const PlayCounts *counts) {
  return counts->operations - counts->refused;
}

static uint64_t leftUndone(const PlayCounts *counts) {
  return counts->refused + counts->skipped;
}

/* All processes, one after another. False after complaining. */
static bool playAll(Match *match, Series *series, size_t round) {
  PlayCounts counts = {0};
  series->nanoseconds[round] = 0;
  for (size_t i = 0; i < match->processCount; i++) {
    Played played;
    if (!playRound(&match->processes[i], &series->contender, &played)) return false;
    series->nanoseconds[round] += played.nanoseconds;
    if (played.footprint > series->footprint) series->footprint = played.footprint;
    addCounts(&counts, &played.counts);
  }
  if (round == 0 || leftUndone(&counts) > leftUndone(&series->counts)) series->counts = counts;
  return true;
}

static bool playRounds(Match *match) {
  for (size_t round = 0; round < match->rounds; round++) {
    for (size_t i = 0; i < match->count; i++) {
      if (!playAll(match, &match->series[i], round)) return false;
    }
  }
  return true;
}

/* ---- the table ---------------------------------------------------------------------------------------------------- */

static int byValue(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* Sorts the values. */
static double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, byValue);
  return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The median of the quotients of each round, in which both had the same neighbours. */
static double ratioToFirst(const Match *match, const Series *series) {
  double ratios[MOST_ROUNDS];
  for (size_t i = 0; i < match->rounds; i++) ratios[i] = series->nanoseconds[i] / match->series[0].nanoseconds[i];
  return median(ratios, match->rounds);
}

/* The name of a heap, without its directory, as far as a row has room for it. */
typedef char HeapName[4 * HEAP_COLUMNS + 1];
static const char *heapName(HeapName name, const Series *series) {
  const char *slash = strrchr(series->contender.name, '/');
  copyName(name, slash == NULL ? series->contender.name : slash + 1, HEAP_COLUMNS);
  return name;
}

/* Less work takes less time, so a ratio of it would say nothing about speed. */
static const char *ratioText(char text[32], const Match *match, const Series *series) {
  const PlayCounts *counts = &series->counts;
  if (counts->operations == 0 || leftUndone(counts) > 0 || leftUndone(&match->series[0].counts) > 0) return "-";
  snprintf(text, 32, "%.2f", ratioToFirst(match, series));
  return text;
}

static void printSeries(const Match *match, const Series *series) {
  char footprint[SIZE_TEXT_ROOM], ratio[32];
  double times[MOST_ROUNDS], done = (double)(workDone(&series->counts) > 0 ? workDone(&series->counts) : 1);
  for (size_t i = 0; i < match->rounds; i++) times[i] = series->nanoseconds[i] / done;
  double middle = median(times, match->rounds);
  HeapName name;
  int spaces = (int)(HEAP_COLUMNS - textColumns(heapName(name, series)));
  printf("  %s%*s %11" PRIu64 " %8.1f %8.1f %8.1f %7s %11s %9" PRIu64 " %9" PRIu64 "\n", name, spaces, "",
         series->counts.operations, middle, times[0], times[match->rounds - 1], ratioText(ratio, match, series),
         formatSize(footprint, series->footprint), series->counts.refused, series->counts.skipped);
}

/* Says what stands in the place of a ratio. */
static void printUndone(const Series *series) {
  const PlayCounts *counts = &series->counts;
  HeapName name;
  if (leftUndone(counts) == 0) return;
  printf("  no ratio: %s did %" PRIu64 " of %" PRIu64 " operations, so its figures are of less work\n",
         heapName(name, series), workDone(counts), counts->operations + counts->skipped);
}

static void printMatch(const ReplayOptions *replay, const Match *match) {
  char size[SIZE_TEXT_ROOM];
  uint64_t peak = 0;
  for (size_t i = 0; i < match->processCount; i++) {
    if (match->processes[i].peakBytes > peak) peak = match->processes[i].peakBytes;
  }
  printf("\n%zu round%s, %zu process%s each; peak live %s", match->rounds, match->rounds == 1 ? "" : "s",
         match->processCount, match->processCount == 1 ? "" : "es", formatSize(size, peak));
  if (replay->poolSize != MEMA_UNLIMITED) printf(", mema's pool %s", formatSize(size, replay->poolSize));
  printf("\n  %-20s %11s %26s\n", "", "", "ns per operation");
  printf("  %-20s %11s %8s %8s %8s %7s %11s %9s %9s\n", "heap", "operations", "median", "min", "max", "ratio", "footprint",
         "refused", "skipped");
  for (size_t i = 0; i < match->count; i++) printSeries(match, &match->series[i]);
  for (size_t i = 0; i < match->count; i++) printUndone(&match->series[i]);
}

/* ---- the command -------------------------------------------------------------------------------------------------- */

/* Libraries that find their thread's data the fast way want room that the loader sets aside only if asked to beforehand. */
static void askForStaticTls(int argc, char **argv) {
  static const char wish[] = "glibc.rtld.optional_static_tls";
  const char *before = getenv("GLIBC_TUNABLES");
  char *tunables = NULL;
  if (before != NULL && strstr(before, wish) != NULL) return;
  static char command[] = "mema", subcommand[] = "replay";
  char **again = calloc((size_t)argc + 2, sizeof *again);
  bool given = before != NULL && *before != '\0';
  if (again != NULL && asprintf(&tunables, "%s%s%s=65536", given ? before : "", given ? ":" : "", wish) > 0 &&
      setenv("GLIBC_TUNABLES", tunables, 1) == 0) {
    again[0] = command;
    again[1] = subcommand;
    for (int i = 1; i < argc; i++) again[i + 1] = argv[i];
    execv("/proc/self/exe", again);
  }
  free(tunables);
  free(again);
}

static int playTrace(const ReplayOptions *replay, const Trace *trace) {
  Match match = {.rounds = replay->rounds, .processes = trace->processes, .processCount = trace->count};
  if (replay->process > 0) {
    match.processes += replay->process - 1;
    match.processCount = 1;
  }
  invite(&match, replay);
  /* Where it is ignored, the kernel does not keep how a child ended. */
  signal(SIGCHLD, SIG_DFL);
  /* The children begin with this heap. */
  fflush(stdout);
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  if (!playRounds(&match)) return STATUS_USAGE;
  printMatch(replay, &match);
  return 0;
}

static int startReplay(int argc, char **argv) {
  ReplayOptions replay = {.poolSize = MEMA_UNLIMITED, .rounds = 7};
  Trace trace;
  TraceError error;
  int status = 0;
  char **operands = readArguments(&replayCommand, argc, argv, &replay, &status);
  if (operands == NULL) return status;
  if (!takeFile(&replay, operands)) return STATUS_USAGE;
  if (replay.libraryCount > 0) askForStaticTls(argc, argv);
  if (!readTrace(replay.file, &trace, &error)) {
    complain("'%s' %s", replay.file, error.sentence);
    return STATUS_USAGE;
  }
  printTrace(&replay, &trace);
  status = STATUS_USAGE;
  if (replay.process > trace.count) {
    complain("--process %zu: there are %zu in '%s'", replay.process, trace.count, replay.file);
  } else {
    status = replay.list ? 0 : playTrace(&replay, &trace);
  }
  freeTrace(&trace);
  return finishOutput() ? status : STATUS_USAGE;
}

const Command replayCommand = {
    .name = "replay",
    .full = "mema replay",
    .summary = "play what was recorded against a pool and other heaps",
    .synopses = (const char *const[]){"[OPTION...] FILE", NULL},
    .description =
        "Plays a trace of `mema record' against a pool of mema, the C library's heap, and the libraries given, and says how "
        "long each took and how much memory it held.",
    .groups = groups,
    .notes =
        "The operations of a process are played in the recorded order by one thread, each process on a fresh heap; what is "
        "allocated is touched, once per page. Of requests that a pool refuses the later ones for the same object are "
        "skipped; a heap that did not do all of the work gets no ratio.",
    .statuses = (const Term[]){{"0", "played, or listed"},
                               {"2", "FILE is no whole trace, or something cannot be played against"},
                               {NULL, NULL}},
    .examples = (const Term[]){{"mema replay sort.mema", "mema's pool beside the C library's heap"},
                               {"mema replay --against libjemalloc.so.2 sort.mema", "beside jemalloc as well"},
                               {"mema replay --list sort.mema", "the processes of the trace, without playing it"},
                               {NULL, NULL}},
    .operands = OPERAND_FILE,
    .start = startReplay,
};
