/* record.c - `mema record`: what a program asks of its heap, into a file.
 *
 *   options -> target -> recording library, trace file, raw file -> child -> trace, summary
 *
 * Everything that can be wrong is found before the program begins. The programs write into the raw file (record/rawLog.h);
 * once the command has ended it is made into the trace. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../preload/sizeText.h"
#include "../trace/sink.h"
#include "child.h"
#include "commands.h"
#include "complain.h"
#include "convert.h"
#include "descriptor.h"
#include "library.h"
#include "options.h"
#include "rawFile.h"
#include "target.h"
#include "unreached.h"
#include "values.h"

/* ---- options ------------------------------------------------------------------------------------------------------ */

typedef struct RecordOptions {
  const char *output;
  const char *finish; /* a raw file, or NULL */
  bool plain;
  bool deepBinds; /* --deepbind */
  char **command;
} RecordOptions;

static const Option options[] = {
    {"output", "FILE", "write the trace to FILE", readAnything, .field = offsetof(RecordOptions, output),
     .offer = OFFER_FILES, .letter = 'o'},
    {"plain", NULL, "do not compress it", setFlag, .field = offsetof(RecordOptions, plain)},
    {"deepbind", NULL,
     "leave RTLD_DEEPBIND to the program, which is taken out else: calls of a library so opened are not seen", setFlag,
     .field = offsetof(RecordOptions, deepBinds)},
    {"finish", "RAW", "run no command: make a trace of RAW, which a killed recording has left", readAnything,
     .field = offsetof(RecordOptions, finish), .offer = OFFER_FILES},
    {.name = NULL},
};

static const OptionGroup groups[] = {{.options = options}, {.options = NULL}};

static const PreloadLibrary library = {.name = "libmema-record.so", .variable = "MEMA_RECORD_LIBRARY"};

static bool optionsFit(const RecordOptions *record) {
  if (record->output == NULL || *record->output == '\0' || strcmp(record->output, "-") == 0) {
    complain("-o needs the name of a file for the trace; see `mema record --help'");
    return false;
  }
  if (record->finish == NULL) return hasProgram(&recordCommand, record->command);
  if (*record->command == NULL) return true;
  complain("--finish runs no command");
  return false;
}

/* ---- the trace ---------------------------------------------------------------------------------------------------- */

typedef struct TraceFile {
  const char *path;
  int file;
  bool isNew; /* nothing was there before */
} TraceFile;

/* Opened before the program runs: its work would be lost otherwise, and it may change directories. What is there already is
 * kept until there is something to put in its place. */
static bool openTrace(TraceFile *trace, const char *path) {
  int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY;
  trace->path = path;
  int file = open(path, flags | O_EXCL, 0666);
  trace->isNew = file >= 0;
  if (file < 0 && errno == EEXIST) file = open(path, flags, 0666);
  trace->file = moveAside(file);
  if (trace->file >= 0) return true;
  complain("cannot write the trace '%s': %s", path, strerror(errno));
  if (trace->isNew) unlink(path);
  return false;
}

static void dropTrace(const TraceFile *trace) {
  if (trace->isNew) unlink(trace->path);
  close(trace->file);
}

static void tellResult(const TraceFile *trace, const Converted *converted) {
  char size[SIZE_TEXT_ROOM];
  struct stat status = {0};
  fstat(trace->file, &status);
  complain("%" PRIu64 " process%s, %" PRIu64 " operation%s, in %s of '%s'", converted->processes,
           converted->processes == 1 ? "" : "es", converted->operations, converted->operations == 1 ? "" : "s",
           formatSize(size, (uint64_t)status.st_size), trace->path);
  if (converted->processes == 0) {
    complain("no process loaded %s: nothing was recorded", library.name);
  } else if (converted->operations == 0) {
    complain("no call of the malloc family was seen; palloc, and what a program maps by itself, is not recorded");
  }
  if (converted->lost > 0) {
    complain("there was no room for the last %" PRIu64 " events: the trace ends before the program did", converted->lost);
  }
}

/* Makes the trace of the raw file, which stays where that fails. */
static bool finishTrace(const TraceFile *trace, RawFile *raw, bool plain) {
  Converted converted;
  struct stat status;
  atomic_store(&raw->head->stopped, RAW_CLOSED);
  bool emptied = fstat(trace->file, &status) != 0 || !S_ISREG(status.st_mode) || ftruncate(trace->file, 0) == 0;
  bool done = emptied && convertRawFile(raw, trace->file, canCompress() && !plain, &converted);
  if (done) {
    tellResult(trace, &converted);
    uint64_t deepBinds = atomic_load(&raw->head->deepBinds);
    if (deepBinds > 0) {
      complain("took RTLD_DEEPBIND out of %" PRIu64 " call%s of dlopen: it keeps a library's calls out of the trace",
               deepBinds, deepBinds == 1 ? "" : "s");
    }
    printUnreached(stderr, recordCommand.full, &raw->head->unreached);
  } else {
    complain("the trace '%s' could not be written: %s; the events are in '%s', for --finish", trace->path, strerror(errno),
             raw->path);
  }
  closeRawFile(raw, !done);
  return done;
}

/* ---- the run ------------------------------------------------------------------------------------------------------ */

static int recordTarget(const RecordOptions *record, const Target *target, const TraceFile *trace, RawFile *raw) {
  if (setenv(RAW_LOG_VARIABLE, raw->path, 1) != 0 || setenv("MEMA_DEEPBIND", record->deepBinds ? "1" : "0", 1) != 0) {
    complain("cannot set the environment: %s", strerror(errno));
    closeRawFile(raw, false);
    return STATUS_USAGE;
  }
  Ending ending = runChild(target, record->command);
  /* The exit status is the program's, also where nobody reads what we say about it. */
  signal(SIGPIPE, SIG_IGN);
  if (ending.reason != 0) {
    complain("cannot run '%s': %s", record->command[0], strerror(ending.reason));
    closeRawFile(raw, false);
    dropTrace(trace);
  } else {
    finishTrace(trace, raw, record->plain);
    close(trace->file);
  }
  return ending.status;
}

/* By whatever names: to write the trace would destroy the events that it is made of. */
static bool isSameFile(const TraceFile *trace, const RawFile *raw) {
  struct stat written, read;
  return fstat(trace->file, &written) == 0 && fstat(raw->file, &read) == 0 && written.st_dev == read.st_dev &&
         written.st_ino == read.st_ino;
}

static int finishKilled(const RecordOptions *record) {
  RawFile raw;
  TraceFile trace;
  if (!openRawFile(&raw, record->finish)) return STATUS_USAGE;
  if (!openTrace(&trace, record->output)) {
    closeRawFile(&raw, true);
    return STATUS_USAGE;
  }
  if (isSameFile(&trace, &raw)) {
    complain("the trace '%s' would take the place of its own events: give it another name", trace.path);
    closeRawFile(&raw, true);
    close(trace.file);
    return STATUS_USAGE;
  }
  /* A limit (`ulimit -f`) is an answer. */
  signal(SIGXFSZ, SIG_IGN);
  bool done = finishTrace(&trace, &raw, record->plain);
  close(trace.file);
  return done ? 0 : STATUS_USAGE;
}

static int startRecord(int argc, char **argv) {
  RecordOptions record = {0};
  int status = 0;
  record.command = readArguments(&recordCommand, argc, argv, &record, &status);
  if (record.command == NULL) return status;
  if (!optionsFit(&record)) return STATUS_USAGE;
  if (record.finish != NULL) return finishKilled(&record);
  Target target;
  TraceFile trace;
  RawFile raw;
  status = findTarget(&target, record.command[0]);
  if (status == 0) status = checkTarget(&target, record.command[0], "it cannot be recorded");
  if (status != 0) return status;
  holdSignals();
  if (!preloadLibrary(&library) || !openTrace(&trace, record.output)) return STATUS_USAGE;
  if (makeRawFile(&raw, record.output)) return recordTarget(&record, &target, &trace, &raw);
  dropTrace(&trace);
  return STATUS_USAGE;
}

const Command recordCommand = {
    .name = "record",
    .full = "mema record",
    .summary = "run a program and write down what it asks of its heap",
    .synopses = (const char *const[]){"-o FILE [--plain] [--deepbind] [--] COMMAND [ARGUMENT...]",
                                      "-o FILE [--plain] --finish=RAW", NULL},
    .description =
        "Runs COMMAND, and writes down what it, and every program that it starts, asks of its heap: a trace for `mema "
        "replay'. Recorded are calls of the malloc family: chunks of a pool (palloc), and what a program maps by itself, "
        "are not seen.",
    .groups = groups,
    .notes =
        "While the command runs its events are gathered in FILE.raw, 16 bytes each. They are kept whatever becomes of the "
        "programs; where mema itself is killed, --finish FILE.raw makes the trace once the programs have ended.",
    .statuses =
        (const Term[]){
            {"N", "that of COMMAND"},
            {"128+N", "signal N ended COMMAND"},
            {"0", "with --finish: the trace is made"},
            {"2", "an option is wrong, a file cannot be written, or COMMAND cannot be recorded: it was not started"},
            {"126", "COMMAND cannot be run"},
            {"127", "there is no COMMAND"},
            {NULL, NULL},
        },
    .variables =
        (const Term[]){
            {"MEMA_RECORD_LIBRARY", "the path of libmema-record.so; without it, next to mema, or in ../lib"},
            {NULL, NULL},
        },
    .examples =
        (const Term[]){
            {"mema record -o sort.mema -- sort words.txt", "writes the trace sort.mema"},
            {"mema record -o sort.mema --finish sort.mema.raw", "makes the trace of a recording that was killed"},
            {NULL, NULL},
        },
    .operands = OPERAND_PROGRAM,
    .start = startRecord,
};
