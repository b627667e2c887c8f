/* gating.c - see gating.h. */
#define _GNU_SOURCE
#include "gating.h"

#include <stdlib.h>

#include "command.h"
#include "complain.h"
#include "gateReport.h"
#include "gates.h"
#include "replaceFile.h"

static const char baselineFile[] = "the baseline", junitFile[] = "the JUnit file";

/* A baseline that is written anew is not compared with. */
static bool compares(const GateOptions *gates) {
  return gates->baseline != NULL && !gates->update;
}

bool prepareGates(const RunOptions *run, Baseline *baseline) {
  const GateOptions *gates = &run->gates;
  *baseline = (Baseline){.list = NULL};
  if (gates->junit != NULL && !canReplaceFile(junitFile, gates->junit)) return false;
  if (gates->update && !canReplaceFile(baselineFile, gates->baseline)) return false;
  if (!compares(gates)) return true;
  if (!readBaseline(baseline, gates->baseline)) return false;
  if (baseline->mmap == !run->ignoresMappings) return true;
  complain("the baseline '%s' was written %s --no-mmap: its figures are of other bytes", gates->baseline,
           baseline->mmap ? "without" : "with");
  free(baseline->list);
  return false;
}

/* ---- files -------------------------------------------------------------------------------------------------------- */

/* A text in memory. */
typedef struct Text {
  FILE *out;
  char *bytes;
  size_t length;
} Text;

/* Ends the text, and writes it to the file. False after complaining. */
static bool putText(Text *text, const char *what, const char *name) {
  bool complete = text->out != NULL && ferror(text->out) == 0;
  if (text->out != NULL && fclose(text->out) != 0) complete = false;
  if (!complete) complain("no memory to write %s '%s'", what, name);
  bool written = complete && replaceFile(what, name, text->bytes, text->length);
  free(text->bytes);
  return written;
}

static bool putJunit(const RunOptions *run, const Verdict *verdict) {
  Text text = {.out = NULL};
  text.out = open_memstream(&text.bytes, &text.length);
  if (text.out != NULL) writeJunit(text.out, run, verdict);
  return putText(&text, junitFile, run->gates.junit);
}

/* A run that was cut short is no measure for others. */
static const char *whyNoBaseline(const Ending *ending, const Processes *processes) {
  if (ending->signal != 0) return "a signal ended the command";
  if (processes->count == 0) return "no process reported its figures";
  return processes->lost > 0 ? "the table had no room for all processes" : NULL;
}

static bool putBaseline(const RunOptions *run, const Ending *ending, const Processes *processes) {
  Text text = {.out = NULL};
  const char *reason = whyNoBaseline(ending, processes);
  if (reason != NULL) {
    complain("the baseline '%s' was not written: %s", run->gates.baseline, reason);
    return false;
  }
  text.out = open_memstream(&text.bytes, &text.length);
  if (text.out != NULL && !writeBaseline(text.out, run, ending, processes)) {
    fclose(text.out);
    text.out = NULL;
  }
  if (!putText(&text, baselineFile, run->gates.baseline)) return false;
  complain("wrote the baseline '%s'", run->gates.baseline);
  return true;
}

/* ---- the end ------------------------------------------------------------------------------------------------------ */

static bool annotates(const GateOptions *gates) {
  const char *runner = getenv("GITHUB_ACTIONS");
  return gates->annotates || (runner != NULL && *runner != '\0');
}

/* False where a file could not be written. */
static bool tell(const RunOptions *run, const Ending *ending, const Processes *processes, const Verdict *verdict) {
  printVerdict(stderr, verdict);
  if (annotates(&run->gates)) annotateVerdict(stderr, verdict);
  fflush(stderr);
  bool written = run->gates.junit == NULL || putJunit(run, verdict);
  return (!run->gates.update || putBaseline(run, ending, processes)) && written;
}

int closeGates(const RunOptions *run, const Ending *ending, const Processes *processes, Baseline *baseline) {
  Verdict verdict;
  if (processes == NULL) {
    free(baseline->list);
    return STATUS_FELL; /* what was not measured does not hold */
  }
  judgeGates(&verdict, run, ending, processes, compares(&run->gates) ? baseline : NULL);
  bool written = tell(run, ending, processes, &verdict);
  bool fell = verdict.fallen > 0;
  freeVerdict(&verdict);
  free(baseline->list);
  if (fell) return STATUS_FELL;
  return written || ending->status != 0 ? ending->status : STATUS_USAGE;
}
