/* torture.c - `mema torture`: what does a program do when a request for memory fails?
 *
 *   options -> target -> two plain runs -> points -> one run for each, several at once -> summary, report
 *
 * The first plain run says what is right, the second what differs by itself, and which call stacks there are. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mema.h>

#include "attempt.h"
#include "commands.h"
#include "complain.h"
#include "descriptor.h"
#include "layout.h"
#include "options.h"
#include "plain.h"
#include "torturePoints.h"
#include "tortureReport.h"
#include "tortureState.h"
#include "trialOptions.h"
#include "values.h"

enum { MOST_JOBS = 64 };

/* ---- options ------------------------------------------------------------------------------------------------------ */

typedef struct TortureOptions {
  TrialOptions trials;
  Choice choice;
  size_t sample;
  size_t from;
  size_t jobs; /* 0: as many as there are processors */
  const char *json;
  const char *resume;
} TortureOptions;

/* The field of the three is all of the options. */
static bool chooseStacks(const Option *option, const char *value, void *field) {
  (void)option, (void)value;
  ((TortureOptions *)field)->choice = BY_STACK;
  return true;
}

static bool chooseEvery(const Option *option, const char *value, void *field) {
  (void)option, (void)value;
  ((TortureOptions *)field)->choice = EVERY;
  return true;
}

static bool chooseSample(const Option *option, const char *value, void *field) {
  TortureOptions *torture = field;
  torture->choice = SAMPLE;
  return readCount(option, value, &torture->sample);
}

static const Option options[] = {
    {"stacks", NULL, "fail the first request of each call stack (this is the default)", chooseStacks, .field = 0},
    {"every", NULL, "fail each request", chooseEvery, .field = 0},
    {"sample", "K", "fail K requests, spread evenly over the run", chooseSample, .most = 1000000},
    {"from", "N", "leave out the requests before the Nth", readCount, .field = offsetof(TortureOptions, from),
     .most = SIZE_MAX - 1},
    {"once", NULL, "one request fails in each run (this is the default)", clearFlag,
     .field = offsetof(TortureOptions, trials.subject.run.fromThenOn)},
    {"from-then-on", NULL, "each request after it fails as well", setFlag,
     .field = offsetof(TortureOptions, trials.subject.run.fromThenOn)},
    {"jobs", "N", "make N runs at once; without it, as many as there are processors", readCount,
     .field = offsetof(TortureOptions, jobs), .most = MOST_JOBS},
    {"json", "FILE", "write each point to FILE as JSON", readText, .field = offsetof(TortureOptions, json),
     .offer = OFFER_FILES},
    {"resume", "FILE", "note each point in FILE, and leave out those that are in it already", readText,
     .field = offsetof(TortureOptions, resume), .offer = OFFER_FILES},
    {.name = NULL},
};

static const OptionGroup groups[] = {
    {.options = options},
    {trialOptions, offsetof(TortureOptions, trials), "Each run", NULL},
    {.options = NULL},
};

/* ---- the points --------------------------------------------------------------------------------------------------- */

static bool choosePoints(const TortureOptions *torture, Plain *plain, Points *points, const char *stacks) {
  uint64_t from = torture->from > 0 ? torture->from : 1;
  if (from > plain->requests) {
    complain("--from %" PRIu64 ": the plain run made %" PRIu64 " requests", from, plain->requests);
    return false;
  }
  if (torture->choice == BY_STACK) {
    if (!pointsByStack(points, stacks, from, &plain->stacks)) return false;
    if (points->count > 1 || plain->stacks > 1) return true;
    if (plain->requests < 2 || (points->count > 0 && points->list[0].frames[0] != '\0')) return true;
    complain("no call stacks: libgcc_s.so.1 is not there; use --every or --sample");
    return false;
  }
  if (pointsBySample(points, from, plain->requests, torture->choice == EVERY ? plain->requests : torture->sample))
    return true;
  complain("no memory for %" PRIu64 " points", plain->requests);
  return false;
}

/* ---- progress ----------------------------------------------------------------------------------------------------- */

typedef struct Progress {
  bool shown;
  uint64_t begun;
  size_t before; /* points that were tried in an earlier torture */
  size_t tried;  /* with those */
  size_t bad;
  size_t count;
} Progress;

static void showProgress(const Progress *progress) {
  if (!progress->shown) return;
  size_t here = progress->tried - progress->before;
  double seconds = (double)(nowInNanoseconds() - progress->begun) / 1e9;
  char left[40] = "";
  if (here > 0)
    snprintf(left, sizeof left, ", %.0f s left", seconds / (double)here * (double)(progress->count - progress->tried));
  printOver(stderr, "%zu/%zu, %zu bad%s", progress->tried, progress->count, progress->bad, left);
}

static void endProgress(const Progress *progress) {
  if (progress->shown) printOver(stderr, "%s", "");
}

static void startProgress(Progress *progress, const Points *points) {
  *progress = (Progress){.shown = isatty(STDERR_FILENO), .begun = nowInNanoseconds(), .count = points->count};
  for (size_t i = 0; i < points->count; i++) {
    progress->tried += points->list[i].outcome != UNTRIED;
    progress->bad += isBad(points->list[i].outcome);
  }
  progress->before = progress->tried;
}

/* ---- the runs ----------------------------------------------------------------------------------------------------- */

typedef struct Job {
  Keeper keeper;
  Point *point; /* under way; NULL: none */
} Job;

typedef struct Work {
  Job *jobs;
  size_t jobCount;
  Subject subject;
  Points *points;
  size_t next;
  const Plain *plain;
  FILE *state;
  Progress progress;
} Work;

static Point *nextPoint(Work *work) {
  while (work->next < work->points->count) {
    Point *point = &work->points->list[work->next++];
    if (point->outcome == UNTRIED) return point;
  }
  return NULL;
}

static void noteState(Work *work, const Point *point) {
  if (work->state == NULL || writeState(work->state, point)) return;
  complain("the file of --resume could not be written: %s", strerror(errno));
  fclose(work->state);
  work->state = NULL;
}

static void finishJob(Work *work, Job *job) {
  judgePoint(job->point, &job->keeper, work->plain);
  noteState(work, job->point);
  work->progress.tried++;
  work->progress.bad += isBad(job->point->outcome);
  job->point = NULL;
}

/* True while a run is under way. A point that no process could be started for stays untried. */
static bool advance(Work *work) {
  bool any = false;
  for (size_t i = 0; i < work->jobCount; i++) {
    Job *job = &work->jobs[i];
    if (job->point != NULL && attemptHasEnded(&job->keeper)) finishJob(work, job);
    if (job->point == NULL && (job->point = nextPoint(work)) != NULL) {
      work->subject.run.failAt = job->point->number;
      if (!startAttempt(&job->keeper, &work->subject)) job->point = NULL;
    }
    any = any || job->point != NULL;
  }
  return any;
}

/* Returns the signal that ended it, or 0. */
static int runPoints(Work *work) {
  int signal = 0;
  startProgress(&work->progress, work->points);
  while (signal == 0 && advance(work)) {
    showProgress(&work->progress);
    signal = awaitSignal();
  }
  endProgress(&work->progress);
  for (size_t i = 0; i < work->jobCount; i++) stopAttempt(&work->jobs[i].keeper);
  return signal;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

static size_t processorCount(void) {
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return count < 1 ? 1 : count < MOST_JOBS ? (size_t)count : MOST_JOBS;
}

/* Opened before the program runs. False after complaining. */
static bool openJson(const char *name, FILE **json) {
  *json = NULL;
  if (name == NULL) return true;
  if (strcmp(name, "-") == 0) {
    *json = stdout;
    return true;
  }
  int descriptor = moveAside(open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666));
  if (descriptor >= 0) *json = fdopen(descriptor, "w");
  if (*json != NULL) return true;
  complain("cannot write the report '%s': %s", name, strerror(errno));
  return false;
}

/* False after complaining. */
static bool tellTorture(const Torture *torture, FILE *json, const char *name) {
  if (json != stdout) printTorture(stdout, torture);
  if (json == NULL) return finishOutput();
  writeTortureJson(json, torture);
  if (json == stdout) return finishOutput();
  bool written = fflush(json) == 0 && ferror(json) == 0;
  written = fclose(json) == 0 && written;
  if (!written) complain("the report '%s' could not be written: %s", name, strerror(errno));
  return finishOutput() && written;
}

static int statusOf(const Points *points, int signal, bool told) {
  if (!told) return STATUS_USAGE;
  if (signal != 0) return 128 + signal;
  for (size_t i = 0; i < points->count; i++)
    if (isBad(points->list[i].outcome)) return 1;
  return 0;
}

/* Makes the runs with what the plain ones gave, and says what was found. */
static int tortureWith(const TortureOptions *options_, Work *work, const Plain *plain, FILE *json) {
  Torture torture = {.subject = &work->subject, .plain = plain, .points = work->points, .choice = options_->choice};
  if (options_->resume != NULL) {
    work->state = openState(options_->resume, &torture, work->points);
    if (work->state == NULL) return STATUS_USAGE;
  }
  int signal = plain->statusDiffers ? 0 : runPoints(work);
  torture.unfinished = signal != 0;
  if (work->state != NULL && fclose(work->state) != 0)
    complain("the file of --resume could not be written: %s", strerror(errno));
  return statusOf(work->points, signal, tellTorture(&torture, json, options_->json));
}

static int tortureIn(TortureOptions *torture, Work *work, FILE *json) {
  char stacks[64];
  Plain plain = {.comparesErrors = torture->trials.comparesErrors};
  Points points = {0};
  int file = moveAside(memfd_create("mema-stacks", MFD_CLOEXEC));
  snprintf(stacks, sizeof stacks, "/proc/%d/fd/%d", (int)getpid(), file);
  work->subject = torture->trials.subject;
  int status = runPlain(&work->jobs[0].keeper, &work->subject, &plain, stacks, tortureCommand.full);
  if (status == 0 && !choosePoints(torture, &plain, &points, stacks)) status = STATUS_USAGE;
  if (file >= 0) close(file);
  if (status == 0) {
    setLimits(&work->subject, &plain, torture->trials.timeout);
    work->points = &points;
    work->plain = &plain;
    status = tortureWith(torture, work, &plain, json);
    work->points = NULL;
    work->plain = NULL;
  }
  freePoints(&points);
  return status;
}

static int tortureWithJobs(TortureOptions *torture, FILE *json) {
  size_t count = torture->jobs > 0 ? torture->jobs : processorCount(), made = 0;
  int status = STATUS_USAGE;
  Job *jobs = calloc(count, sizeof *jobs);
  while (jobs != NULL && made < count && makeKeeper(&jobs[made].keeper)) made++;
  if (jobs == NULL) complain("no memory for %zu runs at once", count);
  if (jobs != NULL && made == count) {
    Work work = {.jobs = jobs, .jobCount = count};
    status = tortureIn(torture, &work, json);
  }
  for (size_t i = 0; i < made; i++) removeKeeper(&jobs[i].keeper);
  free(jobs);
  return status;
}

static int startTorture(int argc, char **argv) {
  TortureOptions torture = {.trials = {TRIAL_DEFAULTS}};
  Target target;
  FILE *json;
  int status = 0;
  torture.trials.subject.counts = true;
  char **operands = readArguments(&tortureCommand, argc, argv, &torture, &status);
  if (operands == NULL) return status;
  status = prepareTrials(&tortureCommand, &torture.trials, operands, &target, "no request of it can be made to fail");
  if (status != 0) return status;
  if (!prepareAttempts() || !openJson(torture.json, &json)) return STATUS_USAGE;
  return tortureWithJobs(&torture, json);
}

const Command tortureCommand = {
    .name = "torture",
    .full = "mema torture",
    .summary = "run a program again and again, each time with another failing request for memory",
    .synopses = (const char *const[]){"[OPTION...] [--] COMMAND [ARGUMENT...]", NULL},
    .description =
        "Runs COMMAND twice as it is, then once for each point: a request for memory that fails. Says how each run ended: "
        "as "
        "the plain run did, by a clean refusal, by wrong output with success, a crash, an abort or a hang, or with a leak.",
    .groups = groups,
    .notes =
        "A request is a call of malloc or its kin, or a realloc that lets a chunk grow. COMMAND should do the same in each "
        "run, and leave nothing behind that the next run meets.",
    .statuses =
        (const Term[]){
            {"0", "no point is bad"},
            {"1", "one is"},
            {"128+N", "signal N ended the torture"},
            {"2", "an option is wrong, a file cannot be written, or no request of COMMAND can be made to fail"},
            {"126", "COMMAND cannot be run"},
            {"127", "there is no COMMAND"},
            {NULL, NULL},
        },
    .examples = (const Term[]){{"mema torture -- sort words.txt", "the first request of each call stack fails"},
                               {"mema torture --sample 200 --json points.json -- ./program", "200 points, with a report"},
                               {NULL, NULL}},
    .operands = OPERAND_PROGRAM,
    .start = startTorture,
};
