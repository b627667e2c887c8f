/* baseline.c - see baseline.h. */
#define _GNU_SOURCE
#include "baseline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../preload/jsonText.h"
#include "complain.h"
#include "jsonReader.h"
#include "jsonReport.h"

/* ---- the file ----------------------------------------------------------------------------------------------------- */

enum { LARGEST = 64 << 20 };

static bool refuse(const char *name, const char *reason) {
  complain("cannot read the baseline '%s': %s", name, reason);
  return false;
}

/* Returns an errno. */
static int readAll(int file, char *text, size_t *length) {
  size_t room = *length;
  for (*length = 0; *length < room;) {
    ssize_t got = read(file, text + *length, room - *length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) break;
    *length += (size_t)got;
  }
  return 0;
}

/* The whole text; NULL after complaining. */
static char *readText(const char *name, size_t *length) {
  struct stat status = {0};
  int file = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  const char *reason = file < 0 || fstat(file, &status) != 0 ? strerror(errno) : NULL;
  if (reason == NULL && !S_ISREG(status.st_mode)) reason = "it is no regular file";
  if (reason == NULL && status.st_size > LARGEST) reason = "it is larger than any report";
  *length = reason == NULL ? (size_t)status.st_size : 0;
  char *text = reason == NULL ? malloc(*length + 1) : NULL;
  int error = text == NULL ? ENOMEM : readAll(file, text, length);
  if (reason == NULL && error != 0) reason = strerror(error);
  if (file >= 0) close(file);
  if (reason == NULL) return text;
  free(text);
  if (file < 0 && errno == ENOENT) reason = "there is no such file; --update writes it";
  refuse(name, reason);
  return NULL;
}

/* ---- a report ----------------------------------------------------------------------------------------------------- */

typedef char Key[32];

/* The keys of an object that must be there. */
typedef enum Needed { COMMAND = 1, EXACT = 2, PEAK = 4, LIVE = 8, ALLOCATIONS = 16, ALL_OF_PROCESS = 31 } Needed;
typedef enum NeededOfReport { VERSION = 1, MMAP = 2, LOST = 4, PROCESSES = 8, ALL_OF_REPORT = 15 } NeededOfReport;

static bool isKey(const char *key, const char *name) {
  return strcmp(key, name) == 0;
}

static bool lacks(JsonReader *reader, const char *what) {
  if (reader->fault == NULL) reader->fault = what;
  return false;
}

/* Reads a value, or passes over it. Returns the bit of its key. */
static unsigned readMember(JsonReader *reader, const char *key, BaselineProcess *process) {
  if (isKey(key, "command")) return readJsonString(reader, process->name, sizeof process->name) ? COMMAND : 0;
  if (isKey(key, "exact")) return readJsonBool(reader, &process->exact) ? EXACT : 0;
  if (isKey(key, "peakBytes")) return readJsonNumber(reader, &process->peakBytes) ? PEAK : 0;
  if (isKey(key, "liveBytes")) return readJsonNumber(reader, &process->liveBytes) ? LIVE : 0;
  if (isKey(key, "allocations")) return readJsonNumber(reader, &process->allocations) ? ALLOCATIONS : 0;
  skipJson(reader);
  return 0;
}

static bool readProcess(JsonReader *reader, BaselineProcess *process) {
  unsigned seen = 0;
  Key key;
  if (!enterJsonObject(reader)) return false;
  while (nextJsonKey(reader, key, sizeof key)) seen |= readMember(reader, key, process);
  return seen == ALL_OF_PROCESS || lacks(reader, "command, exact, peakBytes, liveBytes and allocations of a process");
}

static bool addProcess(Baseline *baseline, JsonReader *reader) {
  if ((baseline->count & (baseline->count - 1)) == 0) { /* 0, or a power of two: the room is used up */
    size_t room = baseline->count == 0 ? 1 : 2 * baseline->count;
    BaselineProcess *list = realloc(baseline->list, room * sizeof *list);
    if (list == NULL) return lacks(reader, "memory");
    baseline->list = list;
  }
  baseline->list[baseline->count] = (BaselineProcess){.name = ""};
  return readProcess(reader, &baseline->list[baseline->count++]);
}

static bool readList(JsonReader *reader, Baseline *baseline) {
  if (!enterJsonArray(reader)) return false;
  while (nextJsonElement(reader)) addProcess(baseline, reader);
  return reader->fault == NULL;
}

static unsigned readPart(JsonReader *reader, const char *key, Baseline *baseline) {
  if (isKey(key, "mmap")) return readJsonBool(reader, &baseline->mmap) ? MMAP : 0;
  if (isKey(key, "lost")) return readJsonNumber(reader, &baseline->lost) ? LOST : 0;
  if (isKey(key, "processes")) return readList(reader, baseline) ? PROCESSES : 0;
  skipJson(reader);
  return isKey(key, "version") ? VERSION : 0;
}

static bool readReport(JsonReader *reader, Baseline *baseline) {
  unsigned seen = 0;
  Key key;
  if (!enterJsonObject(reader)) return false;
  while (nextJsonKey(reader, key, sizeof key)) {
    unsigned bit = readPart(reader, key, baseline);
    if (bit != 0 && (seen & bit) != 0) return lacks(reader, "each key once");
    seen |= bit;
  }
  return endJson(reader) && (seen == ALL_OF_REPORT || lacks(reader, "version, mmap, lost and processes of a report"));
}

/* The version that the report says it has; UINT64_MAX: none. The rest of another version may look different. */
static uint64_t versionIn(const char *text, size_t length) {
  JsonReader reader;
  uint64_t version = UINT64_MAX;
  Key key;
  startJson(&reader, text, length);
  if (!enterJsonObject(&reader)) return version;
  while (nextJsonKey(&reader, key, sizeof key)) {
    if (isKey(key, "version")) return readJsonNumber(&reader, &version) ? version : UINT64_MAX;
    skipJson(&reader);
  }
  return version;
}

static bool readBaselineText(Baseline *baseline, const char *name, const char *text, size_t length) {
  JsonReader reader;
  char reason[160];
  uint64_t version = versionIn(text, length);
  startJson(&reader, text, length);
  if (version != UINT64_MAX && version != REPORT_VERSION) {
    snprintf(reason, sizeof reason, "it is a report of version %ju, and this mema reads version %d; --update writes it anew",
             (uintmax_t)version, REPORT_VERSION);
    return refuse(name, reason);
  }
  if (readReport(&reader, baseline)) return true;
  snprintf(reason, sizeof reason, "it is no report, or is damaged: line %zu lacks %s", jsonLine(&reader), reader.fault);
  return refuse(name, reason);
}

bool readBaseline(Baseline *baseline, const char *name) {
  size_t length;
  char *text = readText(name, &length);
  *baseline = (Baseline){.list = NULL};
  if (text == NULL) return false;
  bool done = readBaselineText(baseline, name, text, length);
  free(text);
  if (done) return true;
  free(baseline->list);
  return false;
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

/* The number of the latest process before `index` with this process number; 0: there is none, or it is outside of the run. */
static int numberOf(const Processes *processes, size_t index, int pid) {
  for (size_t i = index; i-- > 0;)
    if (processes->list[i].pid == pid) return (int)i + 1;
  return 0;
}

static void numberProcesses(Process *numbered, const Processes *processes) {
  for (size_t i = 0; i < processes->count; i++) {
    numbered[i] = processes->list[i];
    numbered[i].pid = (int)i + 1;
    numbered[i].parentPid = numberOf(processes, i, processes->list[i].parentPid);
  }
}

bool writeBaseline(FILE *out, const RunOptions *run, const Ending *ending, const Processes *processes) {
  Processes numbered = *processes;
  UnreachedList *unreached = malloc(sizeof *unreached);
  numbered.list = calloc(processes->count + 1, sizeof *numbered.list);
  bool done = numbered.list != NULL && unreached != NULL;
  if (done) {
    memcpy(unreached, processes->unreached, sizeof *unreached);
    for (size_t i = 0; i < UNREACHED_ENTRIES; i++) unreached->entries[i].pid = 0;
    numbered.unreached = unreached;
    numberProcesses(numbered.list, processes);
    writeJsonReport(out, run, ending, &numbered);
  }
  free(numbered.list);
  free(unreached);
  return done;
}

/* ---- matching ----------------------------------------------------------------------------------------------------- */

typedef struct Named {
  char name[BASELINE_NAME_ROOM];
  size_t index;
} Named;

static int byName(const void *left, const void *right) {
  const Named *a = left, *b = right;
  int order = strcmp(a->name, b->name);
  return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

/* As a report has it: a byte that is not UTF-8 becomes U+FFFD. */
static void copyAsReported(char out[BASELINE_NAME_ROOM], const char *name) {
  size_t length = 0;
  while (*name != '\0') {
    size_t bytes = utf8Length((const unsigned char *)name);
    memcpy(out + length, bytes > 0 ? name : "\xef\xbf\xbd", bytes > 0 ? bytes : 3);
    length += bytes > 0 ? bytes : 3;
    name += bytes > 0 ? bytes : 1;
  }
  out[length] = '\0';
}

static void nameProcesses(Named *named, const Processes *processes) {
  for (size_t i = 0; i < processes->count; i++) {
    copyAsReported(named[i].name, processes->list[i].name);
    named[i].index = i;
  }
  qsort(named, processes->count, sizeof *named, byName);
}

static void nameBaseline(Named *named, const Baseline *baseline) {
  for (size_t i = 0; baseline != NULL && i < baseline->count; i++) {
    strcpy(named[i].name, baseline->list[i].name);
    named[i].index = i;
  }
  if (baseline != NULL) qsort(named, baseline->count, sizeof *named, byName);
}

/* The first of the names that is not before this one. */
static size_t skipBefore(const Named *named, size_t at, size_t count, const char *name) {
  while (at < count && strcmp(named[at].name, name) < 0) at++;
  return at;
}

static bool hasName(const Named *named, size_t at, size_t count, const char *name) {
  return at < count && strcmp(named[at].name, name) == 0;
}

/* Both lists are sorted by name, and processes of one name by the order in which they began. */
static void matchSorted(Match *matches, const Named *now, size_t count, const Named *then, const Baseline *baseline) {
  size_t other = 0, others = baseline != NULL ? baseline->count : 0;
  for (size_t begin = 0, end; begin < count; begin = end) {
    const char *name = now[begin].name;
    for (end = begin; hasName(now, end, count, name);) end++;
    other = skipBefore(then, other, others, name);
    for (size_t i = begin; i < end; i++) {
      const BaselineProcess *before = hasName(then, other, others, name) ? &baseline->list[then[other++].index] : NULL;
      matches[now[i].index] = (Match){.number = (unsigned)(i - begin + 1), .of = (unsigned)(end - begin), .before = before};
    }
    while (hasName(then, other, others, name)) other++;
  }
}

Match *matchProcesses(const Processes *processes, const Baseline *baseline) {
  Match *matches = calloc(processes->count + 1, sizeof *matches);
  Named *now = calloc(processes->count + 1, sizeof *now);
  Named *then = calloc((baseline != NULL ? baseline->count : 0) + 1, sizeof *then);
  bool done = matches != NULL && now != NULL && then != NULL;
  if (done) {
    nameProcesses(now, processes);
    nameBaseline(then, baseline);
    matchSorted(matches, now, processes->count, then, baseline);
  }
  free(now);
  free(then);
  if (done) return matches;
  free(matches);
  return NULL;
}
