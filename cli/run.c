/* run.c - `mema run`: a program with its heap in a pool.
 *
 *   options -> target -> preload library, table, report file -> child -> summary, report
 *
 * Everything that can be wrong is found before the program begins. */
#define _GNU_SOURCE
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../preload/sizeText.h"
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

/* ---- options ------------------------------------------------------------------------------------------------------ */

enum {
  OPTION_POOL = 0x100,
  OPTION_REPORT,
  OPTION_STRICT,
  OPTION_RESERVE,
  OPTION_TOTAL,
  OPTION_NO_MMAP,
  OPTION_NO_INHERIT,
  OPTION_DEEPBIND,
  OPTION_FAIL_AT,
  OPTION_FROM_THEN_ON,
  OPTION_HELP
};

static const struct argp_option options[] = {
    {"pool", OPTION_POOL, "SIZE", 0,
     "the budget of each process: bytes (65536), or K, M, G or T, which are powers of 1024 (64M, 64MB, 64MiB, 1.5G); "
     "without it, none",
     0},
    {"total", OPTION_TOTAL, "SIZE", 0, "the budget of all processes together, beside that of each; without it, none", 0},
    {"reserve", OPTION_RESERVE, "SIZE", 0,
     "of the budget, so much is kept for small requests (to 4K) that come after a refusal: to say so, throw and unwind", 0},
    {"no-mmap", OPTION_NO_MMAP, NULL, 0, "do not count what the program maps by itself (mmap, sbrk)", 0},
    {"report", OPTION_REPORT, "FILE", 0, "write the figures to FILE as JSON (-: to stderr, in place of the summary)", 0},
    {"strict", OPTION_STRICT, NULL, 0,
     "abort the program at a bad free, or a sized one that cannot be right; do not start programs that the pool cannot "
     "reach (static, set-user-ID)",
     0},
    {"no-inherit", OPTION_NO_INHERIT, NULL, 0,
     "leave an environment as it is that the program emptied (env -i), without the library and its variables", 0},
    {"deepbind", OPTION_DEEPBIND, NULL, 0,
     "leave RTLD_DEEPBIND to the program, which is taken out else: a library so opened allocates outside of the pool", 0},
    {"fail-at", OPTION_FAIL_AT, "N", 0,
     "refuse the Nth request for memory (malloc and its kin, a growing realloc), counted from 1 over all processes", 0},
    {"from-then-on", OPTION_FROM_THEN_ON, NULL, 0, "with --fail-at: refuse each request after it as well", 0},
    {"help", OPTION_HELP, NULL, 0, "show this", 0},
    {NULL, 'h', NULL, OPTION_HIDDEN, NULL, 0},
    {0},
};

static error_t readSize(const char *option, const char *text, size_t *size) {
  const char *reason = parseSize(text, size);
  if (reason == NULL) return 0;
  complain("%s '%s' is %s", option, text, reason);
  return EINVAL;
}

static error_t readReport(RunOptions *run, const char *name) {
  if (*name == '\0') {
    complain("--report needs the name of a file");
    return EINVAL;
  }
  run->report = name;
  return 0;
}

static error_t readOption(int key, char *value, struct argp_state *state) {
  RunOptions *run = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      /* argp would add a line to getopt's, which says what is wrong. */
      state->err_stream = NULL;
      state->child_inputs[0] = &run->gates;
      return 0;
    case OPTION_POOL:
      return readSize("--pool", value, &run->poolSize);
    case OPTION_RESERVE:
      return readSize("--reserve", value, &run->reserve);
    case OPTION_TOTAL:
      return readSize("--total", value, &run->total);
    case OPTION_NO_MMAP:
      run->ignoresMappings = true;
      return 0;
    case OPTION_REPORT:
      return readReport(run, value);
    case OPTION_STRICT:
      run->strict = true;
      return 0;
    case OPTION_NO_INHERIT:
      run->disinherits = true;
      return 0;
    case OPTION_DEEPBIND:
      run->deepBinds = true;
      return 0;
    case OPTION_FAIL_AT:
      return readCount("--fail-at", value, SIZE_MAX - 1, &run->failAt);
    case OPTION_FROM_THEN_ON:
      run->fromThenOn = true;
      return 0;
    case OPTION_HELP:
    case 'h':
      run->help = true;
      return 0;
    case ARGP_KEY_ARG:
      /* The rest is the program's, options included. */
      run->command = &state->argv[state->next - 1];
      state->next = state->argc;
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp_child children[] = {{.argp = &gateParser}, {0}};

static const struct argp parser = {
    .options = options,
    .parser = readOption,
    .children = children,
    .args_doc = "[--] COMMAND [ARGUMENT...]",
    .doc =
        "Runs COMMAND, and every program that it starts, with its heap in a pool of memory, and says on stderr what each "
        "of them used. What a program maps by itself, anonymous and to be written, counts as well.\vPast its budget a "
        "program gets no memory (ENOMEM); it is not killed. The exit status is that of "
        "COMMAND, 128+N where signal N ended it, 3 where a gate fell, 127 where there is no such program, 126 where it "
        "cannot be run, and 2 where mema refuses to run it.",
};

static char programName[] = "mema run";

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
static bool readOptions(RunOptions *run, int argc, char **argv) {
  if (!readArguments(&parser, programName, argc, argv, ARGP_IN_ORDER, run)) return false;
  if (run->help) return true;
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
  if (!checkGates(run)) return false;
  if (run->command != NULL) return true;
  complain("no command given; see `mema run --help'");
  return false;
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

int runCommand(int argc, char **argv) {
  RunOptions run = {.poolSize = MEMA_UNLIMITED};
  complainAs(programName);
  if (!readOptions(&run, argc, argv)) return STATUS_USAGE;
  if (run.help) return showParserHelp(&parser, programName);
  Target target;
  int status = findTarget(&target, run.command[0]);
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
