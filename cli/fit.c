/* fit.c - `mema fit`: the least budget with which a program does what it does without one, and the least with which it is about as fast.
 *
 *   options -> target -> two plain runs -> bisection by the output -> bisection by the time -> two sentences
 *
 * The first bisection ends at a budget that suffices and is one byte above one that does not. The second compares medians of
 * processor times, and goes by pages: it is a measurement. Both take it that more budget is never worse. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mema.h>

#include "../preload/sizeText.h"
#include "attempt.h"
#include "commands.h"
#include "complain.h"
#include "layout.h"
#include "options.h"
#include "plain.h"
#include "shellWords.h"
#include "trialOptions.h"
#include "values.h"

enum { INDENT = 2, DEFAULT_RUNS = 5, MOST_RUNS = 101, DEFAULT_SLOWER = 5, MOST_SLOWER = 1000, DOUBLINGS = 6 };

/* ---- options ------------------------------------------------------------------------------------------------------ */

typedef struct FitOptions {
  TrialOptions trials;
  size_t runs;
  size_t slower; /* percent */
} FitOptions;

static const Option options[] = {
    {"runs", "N", "measure times by the median of N runs (5)", readCount, .field = offsetof(FitOptions, runs),
     .most = MOST_RUNS},
    {"slower", "PERCENT", "so much more time is about as fast (5)", readCount, offsetof(FitOptions, slower),
     .most = MOST_SLOWER},
    {"no-mmap", NULL, "do not count what the program maps by itself (mmap, sbrk)", setFlag,
     .field = offsetof(FitOptions, trials.subject.run.ignoresMappings)},
    {.name = NULL},
};

static const OptionGroup groups[] = {
    {.options = options},
    {trialOptions, offsetof(FitOptions, trials), "Each run", NULL},
    {.options = NULL},
};

/* ---- runs with a budget ------------------------------------------------------------------------------------------- */

/* All of a search. `stopped` is a signal, or -1 if no run could be started: the search then ends. */
typedef struct Fit {
  Keeper keeper;
  Subject subject;
  Plain plain;
  size_t runs;
  size_t slower;
  int stopped;
  size_t tries;
  Attempt refused; /* the last one that did not do as the plain run */
} Fit;

static void showProgress(const char *what, uint64_t low, uint64_t high) {
  char from[SIZE_TEXT_ROOM], to[SIZE_TEXT_ROOM];
  if (!isatty(STDERR_FILENO)) return;
  printOver(stderr, "%s: between %s and %s", what, formatSize(from, low), formatSize(to, high));
}

static void endProgress(void) {
  if (isatty(STDERR_FILENO)) printOver(stderr, "%s", "");
}

/* True if the program does the same with this budget as without one. */
static bool suffices(Fit *fit, uint64_t budget) {
  fit->subject.run.poolSize = (size_t)budget;
  fit->stopped = makeAttempt(&fit->keeper, &fit->subject);
  fit->tries++;
  bool same = fit->stopped == 0 && isAsPlain(fit->keeper.attempt, &fit->plain);
  if (!same) fit->refused = *fit->keeper.attempt;
  return same;
}

static int byValue(const void *left, const void *right) {
  const uint64_t *a = left, *b = right;
  return (*a > *b) - (*a < *b);
}

static uint64_t medianOf(uint64_t *times, size_t count) {
  qsort(times, count, sizeof *times, byValue);
  return count % 2 == 1 ? times[count / 2] : (times[count / 2 - 1] + times[count / 2]) / 2;
}

typedef struct Times {
  uint64_t free; /* without a budget */
  uint64_t within;
} Times;

/* Takes runs with and without the budget in turns, so that a change of the machine meets both. False if a run was stopped, or did not
 * do as the plain one. */
static bool measure(Fit *fit, uint64_t budget, Times *times) {
  uint64_t without[MOST_RUNS], with[MOST_RUNS];
  for (size_t i = 0; i < fit->runs; i++) {
    if (!suffices(fit, MEMA_UNLIMITED)) return false;
    without[i] = fit->keeper.attempt->processorTime;
    if (!suffices(fit, budget)) return false;
    with[i] = fit->keeper.attempt->processorTime;
  }
  *times = (Times){medianOf(without, fit->runs), medianOf(with, fit->runs)};
  return true;
}

static bool isAsFast(const Fit *fit, const Times *times) {
  return times->within * 100 <= times->free * (100 + fit->slower);
}

/* ---- bisections --------------------------------------------------------------------------------------------------- */

/* Finds a budget that suffices: the plain run's peak, or a few doublings of it, where the program's peak is not the same each time. */
static uint64_t findUpper(Fit *fit) {
  uint64_t budget = fit->plain.peakBytes;
  for (int i = 0; i < DOUBLINGS; i++, budget *= 2) {
    if (suffices(fit, budget)) return budget;
    if (fit->stopped != 0) return 0;
  }
  return 0;
}

/* `high` suffices. Returns the least that does, and is one byte above one that does not. */
static uint64_t bisectOutput(Fit *fit, uint64_t high) {
  uint64_t low = 0;
  while (fit->stopped == 0 && high - low > 1) {
    uint64_t middle = low + (high - low) / 2;
    showProgress("output", low, high);
    if (suffices(fit, middle)) {
      high = middle;
    } else {
      low = middle;
    }
  }
  return high;
}

/* False if a run was stopped. */
static bool triesFast(Fit *fit, uint64_t budget, Times *times, bool *fast) {
  Times measured;
  *fast = measure(fit, budget, &measured) && isAsFast(fit, &measured);
  if (*fast) *times = measured;
  return fit->stopped == 0;
}

/* Returns the least number of pages, in bytes, from `low` to `high` with which the program is about as fast, with its times; 0: it is not
 * so fast with `high` either. The least budget is tried first: many programs are not slower with it. */
static uint64_t bisectTime(Fit *fit, uint64_t low, uint64_t high, Times *times) {
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  uint64_t slow = (low + page - 1) / page, quick = (high + page - 1) / page;
  bool fast;
  if (!triesFast(fit, slow * page, times, &fast)) return 0;
  if (fast) return slow * page;
  if (!triesFast(fit, quick * page, times, &fast) || !fast) return 0;
  while (quick - slow > 1) {
    uint64_t middle = slow + (quick - slow) / 2;
    showProgress("time", slow * page, quick * page);
    if (!triesFast(fit, middle * page, times, &fast)) return 0;
    if (fast) {
      quick = middle;
    } else {
      slow = middle;
    }
  }
  return quick * page;
}

/* ---- what is told ------------------------------------------------------------------------------------------------- */

typedef struct Page {
  FILE *out;
  unsigned width;
} Page;

static void printCommand(const Page *page, const Subject *subject, uint64_t budget) {
  fprintf(page->out, "%*smema run --pool %" PRIu64 "%s -- ", 2 * INDENT, "", budget,
          subject->run.ignoresMappings ? " --no-mmap" : "");
  writeWords(page->out, subject->run.command);
  if (strcmp(subject->input, "/dev/null") != 0) {
    fputs(" < ", page->out);
    writeWord(page->out, subject->input);
  }
  fputc('\n', page->out);
}

static void printPlain(const Page *page, const Fit *fit) {
  char size[SIZE_TEXT_ROOM], name[4 * 60 + 1];
  copyName(name, fit->subject.run.command[0], 60);
  printWrapped(page->out, page->width, 0, "mema fit: %s", name);
  printWrapped(page->out, page->width, INDENT,
               "without a budget: status %d, %" PRIu64 " bytes of output, a peak of %s (%" PRIu64
               " bytes), %.3f s of processor time",
               fit->plain.attempt.status, fit->plain.attempt.output.bytes, formatSize(size, fit->plain.peakBytes),
               fit->plain.peakBytes, (double)fit->plain.attempt.processorTime / 1e9);
}

static void printRefusal(const Page *page, const Attempt *refused, const Plain *plain) {
  char text[MESSAGE_ROOM], message[4 * MESSAGE_ROOM + 1];
  memcpy(text, refused->message, sizeof text);
  text[strcspn(text, "\n")] = '\0';
  if (refused->timedOut) {
    printWrapped(page->out, page->width, INDENT, "with one byte less: no end in time");
  } else if (refused->signal != 0) {
    printWrapped(page->out, page->width, INDENT, "with one byte less: signal %d, %s", refused->signal,
                 strsignal(refused->signal));
  } else if (refused->status == plain->attempt.status) {
    printWrapped(page->out, page->width, INDENT, "with one byte less: status %d, but other output", refused->status);
  } else if (*text == '\0') {
    printWrapped(page->out, page->width, INDENT, "with one byte less: status %d, and no message", refused->status);
  } else {
    copyName(message, text, MESSAGE_ROOM);
    printWrapped(page->out, page->width, INDENT, "with one byte less: status %d, and it says: %s", refused->status, message);
  }
}

static void printLeast(const Page *page, const Fit *fit, uint64_t least) {
  char size[SIZE_TEXT_ROOM];
  printWrapped(page->out, page->width, INDENT, "the least budget for the same output and status: %" PRIu64 " bytes (%s)",
               least, formatSize(size, least));
  printCommand(page, &fit->subject, least);
  if (least <= 1) return;
  printRefusal(page, &fit->refused, &fit->plain);
  printCommand(page, &fit->subject, least - 1);
}

static void printFast(const Page *page, const Fit *fit, uint64_t fast, const Times *times) {
  char size[SIZE_TEXT_ROOM];
  if (fast == 0) {
    printWrapped(page->out, page->width, INDENT,
                 "no budget up to the peak takes at most %zu %% more processor time, measured by %zu runs", fit->slower,
                 fit->runs);
    return;
  }
  printWrapped(page->out, page->width, INDENT,
               "the least budget, by pages, with at most %zu %% more processor time: %" PRIu64
               " bytes (%s), with %.3f s beside %.3f s without a budget; measured, medians of %zu runs",
               fit->slower, fast, formatSize(size, fast), (double)times->within / 1e9, (double)times->free / 1e9, fit->runs);
  printCommand(page, &fit->subject, fast);
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

static int stoppedStatus(const Fit *fit) {
  return fit->stopped > 0 ? 128 + fit->stopped : STATUS_USAGE;
}

/* A program that differs by itself has no least budget. */
static bool isSteady(const Plain *plain) {
  if (!plain->statusDiffers && !plain->outputDiffers) return true;
  complain("two runs without a budget differ in %s: no budget can be found", plain->statusDiffers ? "status" : "output");
  return false;
}

static int search(Fit *fit, size_t timeout) {
  Page page = {.out = stdout, .width = lineWidth(stdout)};
  Times times = {0, 0};
  int status = runPlain(&fit->keeper, &fit->subject, &fit->plain, NULL, fitCommand.full);
  if (status != 0) return status;
  if (!isSteady(&fit->plain)) return 1;
  setLimits(&fit->subject, &fit->plain, timeout);
  printPlain(&page, fit);
  fflush(stdout);
  uint64_t high = findUpper(fit);
  if (high == 0 && fit->stopped == 0)
    complain("%d times the peak is not enough in every run: no budget can be found", 1 << (DOUBLINGS - 1));
  if (high == 0) return fit->stopped != 0 ? stoppedStatus(fit) : 1;
  uint64_t least = bisectOutput(fit, high);
  endProgress();
  if (fit->stopped != 0) return stoppedStatus(fit);
  printLeast(&page, fit, least);
  fflush(stdout);
  uint64_t fast = bisectTime(fit, least, high, &times);
  endProgress();
  if (fit->stopped != 0) return stoppedStatus(fit);
  printFast(&page, fit, fast, &times);
  return finishOutput() ? 0 : STATUS_USAGE;
}

static int startFit(int argc, char **argv) {
  FitOptions asked = {.trials = {TRIAL_DEFAULTS}, .runs = DEFAULT_RUNS, .slower = DEFAULT_SLOWER};
  Target target;
  int status = 0;
  char **operands = readArguments(&fitCommand, argc, argv, &asked, &status);
  if (operands == NULL) return status;
  status = prepareTrials(&fitCommand, &asked.trials, operands, &target, "no pool can hold it");
  if (status != 0) return status;
  Fit fit = {.subject = asked.trials.subject, .runs = asked.runs, .slower = asked.slower};
  fit.plain.comparesErrors = asked.trials.comparesErrors;
  if (!prepareAttempts() || !makeKeeper(&fit.keeper)) return STATUS_USAGE;
  status = search(&fit, asked.trials.timeout);
  removeKeeper(&fit.keeper);
  return status;
}

const Command fitCommand = {
    .name = "fit",
    .full = "mema fit",
    .summary = "find the least budget with which a program does the same",
    .synopses = (const char *const[]){"[OPTION...] [--] COMMAND [ARGUMENT...]", NULL},
    .description =
        "Finds by bisection the least budget with which COMMAND writes the same output and ends with the same status as "
        "without a budget, to the byte, and the least with which it takes about as much processor time, to the page. Each "
        "process of COMMAND has the budget for itself.",
    .groups = groups,
    .notes = "COMMAND should do the same in each run, and leave nothing behind that the next run meets.",
    .statuses =
        (const Term[]){
            {"0", "both budgets were found"},
            {"1", "COMMAND differs by itself, or no budget was found"},
            {"128+N", "signal N ended the search"},
            {"2", "an option is wrong, or no pool can hold COMMAND: it was not started"},
            {"126", "COMMAND cannot be run"},
            {"127", "there is no COMMAND"},
            {NULL, NULL},
        },
    .examples = (const Term[]){{"mema fit -- sort words.txt", "the least budgets of sort"},
                               {"mema fit --input words.txt -- wc", "the same, with a standard input"},
                               {NULL, NULL}},
    .operands = OPERAND_PROGRAM,
    .start = startFit,
};
