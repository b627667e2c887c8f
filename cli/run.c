/* run.c - `mema run`: a program with its heap in a pool.
 *
 *   options -> target -> preload library, table, report file -> child -> summary, report
 *
 * Everything that can be wrong is found before the program begins. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mema.h>

#include "child.h"
#include "commands.h"
#include "complain.h"
#include "descriptor.h"
#include "environment.h"
#include "gating.h"
#include "jsonReport.h"
#include "options.h"
#include "point.h"
#include "runOptions.h"
#include "summary.h"
#include "tableFile.h"
#include "target.h"
#include "values.h"

/* ---- options ------------------------------------------------------------------------------------------------------ */

static const Option options[] = {
    {"pool", "SIZE",
     "the budget of each process: bytes (65536), or K, M, G or T, which are powers of 1024 (64M, 64MB, 64MiB, 1.5G); "
     "without it, none",
     readSize, .field = offsetof(RunOptions, poolSize)},
    {"total", "SIZE", "the budget of all processes together, beside that of each; without it, none", readSize,
     .field = offsetof(RunOptions, total)},
    {"reserve", "SIZE",
     "keep so much of the budget for small requests (to 4K) that come after a refusal: to say so, throw and unwind",
     readSize, .field = offsetof(RunOptions, reserve)},
    {"no-mmap", NULL, "do not count what the program maps by itself (mmap, sbrk)", setFlag,
     .field = offsetof(RunOptions, ignoresMappings)},
    {"report", "FILE", "write the figures to FILE as JSON (-: to stderr, in place of the summary)", readFileName,
     .field = offsetof(RunOptions, report), .offer = OFFER_FILES},
    {"strict", NULL,
     "abort the program at a bad free, or a sized one that cannot be right; do not start programs that the pool cannot "
     "reach (static, set-user-ID)",
     setFlag, .field = offsetof(RunOptions, strict)},
    {"no-inherit", NULL,
     "leave an environment as it is that the program emptied (env -i), without the library and its variables", setFlag,
     .field = offsetof(RunOptions, disinherits)},
    {"deepbind", NULL,
     "leave RTLD_DEEPBIND to the program, which is taken out else: a library so opened allocates outside of the pool",
     setFlag, .field = offsetof(RunOptions, deepBinds)},
    {"fail-at", "N",
     "refuse the Nth request for memory (malloc and its kin, a growing realloc), counted from 1 over all processes",
     readCount, .field = offsetof(RunOptions, failAt), .most = SIZE_MAX - 1},
    {"from-then-on", NULL, "refuse each request after that of --fail-at as well", setFlag,
     .field = offsetof(RunOptions, fromThenOn)},
    {.name = NULL},
};

static const OptionGroup groups[] = {
    {.options = options},
    {gateOptions, offsetof(RunOptions, gates), "Gates", "they refuse nothing; if one falls, the exit status is 3"},
    {.options = NULL},
};

static bool reportsToStderr(const RunOptions *run) {
  return run->report != NULL && strcmp(run->report, "-") == 0;
}

/* False after complaining. */
static bool checkGates(const RunOptions *run) {
  if (!checkGateOptions(&run->gates)) return false;
  if (!hasGates(&run->gates) || !reportsToStderr(run)) return true;
  complain("--report - leaves no room on stderr for the gates: write the report to a file");
  return false;
}

/* False after complaining. */
static bool checkOptions(const RunOptions *run) {
  if (run->reserve > 0 && run->reserve >= run->poolSize) {
    complain("--reserve is not below --pool: nothing would be left for the program");
    return false;
  }
  if (run->reserve > 0 && run->poolSize == MEMA_UNLIMITED) {
    complain("--reserve needs --pool: without a budget there is nothing to keep back");
    return false;
  }
  if (run->reserve > 0 && run->total > 0) {
    complain("--reserve and --total exclude each other: a reserve is a part of --pool");
    return false;
  }
  if (run->fromThenOn && run->failAt == 0) {
    complain("--from-then-on needs --fail-at: it says from which request on");
    return false;
  }
  return checkGates(run) && hasProgram(&runCommand, run->command);
}

/* ---- preparations ------------------------------------------------------------------------------------------------- */

/* Opened before the program runs: its work would be lost otherwise, and it may change directories. */
static bool openReport(const RunOptions *run, FILE **report) {
  *report = NULL;
  if (run->report == NULL) return true;
  if (reportsToStderr(run)) {
    *report = stderr;
    return true;
  }
  int descriptor = moveAside(open(run->report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666));
  if (descriptor >= 0) *report = fdopen(descriptor, "w");
  if (*report != NULL) return true;
  complain("cannot write the report '%s': %s", run->report, strerror(errno));
  return false;
}

/* ---- the run ------------------------------------------------------------------------------------------------------ */

static void finishReport(const RunOptions *run, const Ending *ending, const Processes *processes, FILE *report) {
  writeJsonReport(report, run, ending, processes);
  bool written = fflush(report) == 0 && ferror(report) == 0;
  if (report != stderr) written = fclose(report) == 0 && written;
  if (!written) complain("the report '%s' could not be written: %s", run->report, strerror(errno));
}

/* Returns the exit status. */
static int tellResults(const RunOptions *run, const Ending *ending, const TableFile *file, FILE *report,
                       Baseline *baseline) {
  static char buffer[BUFSIZ];
  Processes processes;
  /* The exit status is the program's, also where nobody reads what we say about it. */
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stderr, buffer, _IOFBF, sizeof buffer);
  bool read = readProcesses(file, &processes);
  if (!read) {
    complain("no memory to read the figures");
  } else {
    if (!reportsToStderr(run)) printSummary(stderr, run, ending, &processes);
    if (report != NULL) finishReport(run, ending, &processes, report);
  }
  int status = ending->status;
  if (hasGates(&run->gates)) status = closeGates(run, ending, read ? &processes : NULL, baseline);
  if (read) free(processes.list);
  return status;
}

static int runTarget(const RunOptions *run, const Target *target, const TableFile *file, FILE *report, Baseline *baseline) {
  if (!setEnvironment(run, file)) return STATUS_USAGE;
  Ending ending = runChild(target, run->command);
  if (ending.reason == 0) return tellResults(run, &ending, file, report, baseline);
  complain("cannot run '%s': %s", run->command[0], strerror(ending.reason));
  return ending.status;
}

static int startRun(int argc, char **argv) {
  RunOptions run = {.poolSize = MEMA_UNLIMITED, .gates = NO_GATES};
  Target target;
  int status = 0;
  run.command = readArguments(&runCommand, argc, argv, &run, &status);
  if (run.command == NULL) return status;
  if (!checkOptions(&run)) return STATUS_USAGE;
  status = findTarget(&target, run.command[0]);
  if (status == 0) status = checkTarget(&target, run.command[0], "no pool can hold it");
  if (status != 0) return status;
  TableFile file;
  FILE *report;
  Baseline baseline;
  holdSignals();
  if (!preloadLibrary(&runLibrary) || !prepareGates(&run, &baseline)) return STATUS_USAGE;
  if (!openReport(&run, &report) || !makeTableFile(&file)) return STATUS_USAGE;
  file.table->total.budget = run.total;
  if (run.failAt > 0) askForPoint(&file.table->points, run.failAt, run.fromThenOn);
  status = runTarget(&run, &target, &file, report, &baseline);
  removeTableFile(&file);
  return status;
}

const Command runCommand = {
    .name = "run",
    .full = "mema run",
    .summary = "run a program with its heap in a pool, and say what it used",
    .synopses = (const char *const[]){"[OPTION...] [--] COMMAND [ARGUMENT...]", NULL},
    .description =
        "Runs COMMAND, and every program that it starts, with its heap in a pool of memory, and says on stderr what each of "
        "them used. Memory that a program maps by itself, anonymous and to be written, counts as well.",
    .groups = groups,
    .notes = "Past its budget a program gets no memory (ENOMEM); it is not killed.",
    .statuses =
        (const Term[]){
            {"N", "that of COMMAND"},
            {"128+N", "signal N ended COMMAND"},
            {"3", "a gate fell"},
            {"2", "an option is wrong, or no pool can hold COMMAND: it was not started"},
            {"126", "COMMAND cannot be run"},
            {"127", "there is no COMMAND"},
            {NULL, NULL},
        },
    .variables =
        (const Term[]){
            {"MEMA_PRELOAD_LIBRARY", "the path of libmema-preload.so; without it, next to mema, or in ../lib"},
            {"GITHUB_ACTIONS", "where it is set, gates that fall are annotated, as with --github"},
            {"COLUMNS", "the width of the summary; without it, that of the terminal"},
            {NULL, NULL},
        },
    .examples =
        (const Term[]){
            {"mema run -- sort words.txt", "the memory that sort takes"},
            {"mema run --pool 64M -- make", "each process that make starts gets 64 MiB at most"},
            {"mema run --max-peak 20M --max-live 0 -- ./tests",
             "refuses nothing; the status is 3 if a process had more than "
             "20 MiB live at once, or left a chunk"},
            {NULL, NULL},
        },
    .operands = OPERAND_PROGRAM,
    .start = startRun,
};
