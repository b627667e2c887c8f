/* gates.c - see gates.h.
 *
 *   limit    each process's figure against one number
 *   growth   each process's figure against that of its match in the baseline
 *   baseline each process has a match
 *
 * A gate that was not measured in full, since processes had no room in the table or none reported, falls. */
#define _GNU_SOURCE
#include "gates.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../preload/sizeText.h"
#include "layout.h"
#include "unreached.h"
#include "wide.h"

enum { NAMED = 5 }; /* so many processes are named in a sentence */

/* ---- words -------------------------------------------------------------------------------------------------------- */

/* A figure that has a gate. */
typedef struct Measure {
  const char *name;
  const char *limitGate, *growthGate;
  bool isSize;
} Measure;

static const Measure peak = {"peak", "max-peak", "growth of peak", true};
static const Measure live = {"live at exit", "max-live", "growth of live", true};
static const Measure allocations = {"allocations", "max-allocations", "growth of allocations", false};

static uint64_t figureOf(const Measure *measure, const Process *process) {
  const RunFigures *figures = &process->figures;
  return measure == &peak ? figures->peakBytes : measure == &live ? figures->liveBytes : figures->allocations;
}

static uint64_t figureBefore(const Measure *measure, const BaselineProcess *before) {
  return measure == &peak ? before->peakBytes : measure == &live ? before->liveBytes : before->allocations;
}

/* "1048065 bytes (1.0 MiB)", "812 bytes" and "1694". */
typedef char FigureText[64];

static const char *describeFigure(FigureText text, const Measure *measure, uint64_t figure) {
  char size[SIZE_TEXT_ROOM];
  snprintf(text, sizeof(FigureText), "%" PRIu64 "%s", figure, !measure->isSize ? "" : figure == 1 ? " byte" : " bytes");
  if (measure->isSize && figure >= 1024) {
    size_t length = strlen(text);
    snprintf(text + length, sizeof(FigureText) - length, " (%s)", formatSize(size, figure));
  }
  return text;
}

const char *describeProcess(ProcessText text, const Process *process, const Match *match) {
  char name[4 * RUN_NAME_ROOM + 1];
  copyName(name, process->name, RUN_NAME_ROOM);
  if (match->of > 1) {
    snprintf(text, sizeof(ProcessText), "%s no. %u (%d)", name, match->number, process->pid);
  } else {
    snprintf(text, sizeof(ProcessText), "%s (%d)", name, process->pid);
  }
  return text;
}

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t room, const char *format, ...) {
  size_t length = strlen(text);
  va_list args;
  va_start(args, format);
  vsnprintf(text + length, room - length, format, args);
  va_end(args);
}

/* "12.5 %": hundredths of a percent, as few decimals as there are. */
static const char *describePercent(FigureText text, uint64_t hundredths) {
  snprintf(text, sizeof(FigureText), "%" PRIu64 ".%02u", hundredths / 100, (unsigned)(hundredths % 100));
  size_t length = strlen(text);
  while (text[length - 1] == '0') text[--length] = '\0';
  if (text[length - 1] == '.') text[--length] = '\0';
  strcpy(text + length, " %");
  return text;
}

/* ---- gates -------------------------------------------------------------------------------------------------------- */

/* The figures that gates compare. */
typedef struct Run {
  const Processes *processes;
  const Match *matches;
} Run;

/* Without memory for the list, the gate falls all the same. */
static void addExcess(Gate *gate, const Run *run, size_t index, uint64_t figure) {
  if (gate->list == NULL) gate->list = calloc(run->processes->count, sizeof *gate->list);
  gate->fell = true;
  if (gate->list == NULL) return;
  gate->list[gate->count++] =
      (Excess){.process = &run->processes->list[index], .match = run->matches[index], .figure = figure};
}

/* "; also above it: a (1), b (2), ... (9 processes in all)" */
static void appendOthers(Gate *gate, const Process *named, const char *phrase) {
  size_t shown = 0;
  for (size_t i = 0; i < gate->count && shown < NAMED; i++) {
    ProcessText process;
    if (gate->list[i].process == named) continue;
    describeProcess(process, gate->list[i].process, &gate->list[i].match);
    append(gate->sentence, sizeof gate->sentence, "%s%s%s%s", shown == 0 ? "; " : ", ", shown == 0 ? phrase : "",
           shown == 0 ? ": " : "", process);
    shown++;
  }
  if (gate->count > shown + 1) append(gate->sentence, sizeof gate->sentence, ", ... (%zu processes in all)", gate->count);
}

static Gate *addGate(Verdict *verdict, const char *name) {
  Gate *gate = &verdict->gates[verdict->count++];
  *gate = (Gate){.name = name};
  return gate;
}

/* A gate of which nothing, or not all, was measured. */
static void judgeMeasured(Gate *gate, const Processes *processes) {
  if (processes->count == 0) {
    gate->fell = true;
    append(gate->sentence, sizeof gate->sentence, "no process reported its figures");
  }
  if (processes->lost == 0) return;
  gate->fell = true;
  append(gate->sentence, sizeof gate->sentence, "%s%zu process%s had no room in the table, and %s not measured",
         *gate->sentence != '\0' ? "; " : "", processes->lost, processes->lost == 1 ? "" : "es",
         processes->lost == 1 ? "was" : "were");
}

static void judgeLimit(Verdict *verdict, const Run *run, const Measure *measure, uint64_t limit) {
  if (limit == NO_GATE) return;
  Gate *gate = addGate(verdict, measure->limitGate);
  size_t worst = 0, count = run->processes->count;
  for (size_t i = 0; i < count; i++) {
    uint64_t figure = figureOf(measure, &run->processes->list[i]);
    if (figure > figureOf(measure, &run->processes->list[worst])) worst = i;
    if (figure > limit) addExcess(gate, run, i, figure);
  }
  if (count > 0) {
    FigureText figure, allowed;
    ProcessText process;
    append(gate->sentence, sizeof gate->sentence, "%s: %s of %s, %s %s", measure->name,
           describeFigure(figure, measure, figureOf(measure, &run->processes->list[worst])),
           describeProcess(process, &run->processes->list[worst], &run->matches[worst]), gate->fell ? "above" : "at most",
           describeFigure(allowed, measure, limit));
    appendOthers(gate, &run->processes->list[worst], "also above it");
  }
  judgeMeasured(gate, run->processes);
}

/* ---- growth ------------------------------------------------------------------------------------------------------- */

static bool growsBeyond(uint64_t now, uint64_t before, uint64_t hundredths) {
  return wideExceeds(wideProduct(now, 10000), wideProduct(before, 10000 + hundredths));
}

/* True if a's growth is larger in proportion than b's. A growth from nothing is larger than any other; of two, the larger figure. */
static bool growsMore(uint64_t now, uint64_t before, uint64_t otherNow, uint64_t otherBefore) {
  if (before == 0 && otherBefore == 0) return now > otherNow;
  return wideExceeds(wideProduct(now, otherBefore), wideProduct(otherNow, before));
}

/* "from 100 bytes to 200 bytes (100 %)": rounded up, so that what is too much shows. */
static void appendGrowth(Gate *gate, const Measure *measure, uint64_t before, uint64_t now) {
  FigureText from, to, percent;
  append(gate->sentence, sizeof gate->sentence, "from %s to %s", describeFigure(from, measure, before),
         describeFigure(to, measure, now));
  if (now <= before || before == 0) return;
  uint64_t hundredths = wideQuotientUp(now - before, 10000, before);
  if (hundredths < UINT64_MAX)
    append(gate->sentence, sizeof gate->sentence, " (%s more)", describePercent(percent, hundredths));
}

static void judgeGrowth(Verdict *verdict, const Run *run, const Measure *measure, uint64_t hundredths) {
  Gate *gate = addGate(verdict, measure->growthGate);
  const Process *list = run->processes->list;
  size_t worst = SIZE_MAX;
  for (size_t i = 0; i < run->processes->count; i++) {
    const BaselineProcess *before = run->matches[i].before;
    if (before == NULL) continue;
    uint64_t figure = figureOf(measure, &list[i]);
    if (worst == SIZE_MAX || growsMore(figure, figureBefore(measure, before), figureOf(measure, &list[worst]),
                                       figureBefore(measure, run->matches[worst].before))) {
      worst = i;
    }
    if (growsBeyond(figure, figureBefore(measure, before), hundredths)) addExcess(gate, run, i, figure);
  }
  if (worst != SIZE_MAX) {
    ProcessText process;
    FigureText allowed;
    append(gate->sentence, sizeof gate->sentence, "%s of %s ", measure->name,
           describeProcess(process, &list[worst], &run->matches[worst]));
    appendGrowth(gate, measure, figureBefore(measure, run->matches[worst].before), figureOf(measure, &list[worst]));
    append(gate->sentence, sizeof gate->sentence, ", allowed %s", describePercent(allowed, hundredths));
    appendOthers(gate, &list[worst], "also too much");
  } else if (run->processes->count > 0) {
    append(gate->sentence, sizeof gate->sentence, "no process is in the baseline");
  }
  judgeMeasured(gate, run->processes);
}

/* Each process has a match. One without would else grow from nothing unseen. */
static void judgePresence(Verdict *verdict, const Run *run) {
  Gate *gate = addGate(verdict, "baseline");
  const Process *list = run->processes->list;
  size_t count = run->processes->count, first = count;
  for (size_t i = count; i-- > 0;)
    if (run->matches[i].before == NULL) first = i;
  for (size_t i = first; i < count; i++)
    if (run->matches[i].before == NULL) addExcess(gate, run, i, 0);
  if (first < count) {
    ProcessText process;
    append(gate->sentence, sizeof gate->sentence, "%s is not in the baseline (--update writes it anew)",
           describeProcess(process, &list[first], &run->matches[first]));
    appendOthers(gate, &list[first], "nor are");
  } else if (count > 0) {
    append(gate->sentence, sizeof gate->sentence, "%zu process%s, each in the baseline", count, count == 1 ? "" : "es");
  }
  judgeMeasured(gate, run->processes);
}

/* ---- warnings ----------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void warn(Verdict *verdict, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(verdict->warnings[verdict->warningCount++], sizeof(Warning), format, args);
  va_end(args);
}

static void warnOfInexact(Verdict *verdict, const Run *run) {
  size_t count = 0, first = 0;
  ProcessText process;
  for (size_t i = run->processes->count; i-- > 0;) {
    if (run->processes->list[i].exact) continue;
    count++;
    first = i;
  }
  if (count == 0) return;
  describeProcess(process, &run->processes->list[first], &run->matches[first]);
  if (count == 1) {
    warn(verdict, "the figures of %s are at least these: it was killed, or still runs", process);
  } else {
    warn(verdict, "the figures of %zu processes are at least these: they were killed, or still run; the first is %s", count,
         process);
  }
}

static void warnOfUnreached(Verdict *verdict, const UnreachedList *list) {
  size_t count = atomic_load(&list->beyond);
  for (size_t i = 0; i < UNREACHED_ENTRIES; i++) count += unreachedState(&list->entries[i]) == UNREACHED_STARTED;
  if (count == 0) return;
  warn(verdict, "%zu program%s could not be reached: no gate measured %s", count, count == 1 ? "" : "s",
       count == 1 ? "it" : "them");
}

static void warnOfBaseline(Verdict *verdict, const Run *run, const Baseline *baseline) {
  size_t missing = baseline->count, inexact = 0;
  for (size_t i = 0; i < run->processes->count; i++) missing -= run->matches[i].before != NULL;
  for (size_t i = 0; i < baseline->count; i++) inexact += !baseline->list[i].exact;
  if (missing > 0) warn(verdict, "%zu process%s of the baseline did not run", missing, missing == 1 ? "" : "es");
  if (inexact > 0) {
    warn(verdict, "the baseline's figures of %zu process%s are at least these: %s killed, or still ran", inexact,
         inexact == 1 ? "" : "es", inexact == 1 ? "it was" : "they were");
  }
  if (baseline->lost > 0) {
    warn(verdict, "the baseline lacks %" PRIu64 " process%s, which the table had no room for", baseline->lost,
         baseline->lost == 1 ? "" : "es");
  }
}

/* ---- all of them -------------------------------------------------------------------------------------------------- */

static void judgeAll(Verdict *verdict, const GateOptions *gates, const Run *run, const Baseline *baseline) {
  judgeLimit(verdict, run, &peak, gates->maxPeak);
  judgeLimit(verdict, run, &live, gates->maxLive);
  judgeLimit(verdict, run, &allocations, gates->maxAllocations);
  if (baseline != NULL) {
    uint64_t hundredths = gates->maxGrowth == NO_GATE ? 0 : gates->maxGrowth;
    judgePresence(verdict, run);
    judgeGrowth(verdict, run, &peak, hundredths);
    judgeGrowth(verdict, run, &live, hundredths);
    judgeGrowth(verdict, run, &allocations, hundredths);
    warnOfBaseline(verdict, run, baseline);
  }
  warnOfInexact(verdict, run);
  warnOfUnreached(verdict, run->processes->unreached);
  for (size_t i = 0; i < verdict->count; i++) verdict->fallen += verdict->gates[i].fell;
}

void judgeGates(Verdict *verdict, const RunOptions *run, const Ending *ending, const Processes *processes,
                const Baseline *baseline) {
  *verdict = (Verdict){.status = ending->status};
  Match *matches = matchProcesses(processes, baseline);
  if (matches != NULL) {
    judgeAll(verdict, &run->gates, &(Run){.processes = processes, .matches = matches}, baseline);
  } else {
    Gate *gate = addGate(verdict, "gates");
    gate->fell = true;
    append(gate->sentence, sizeof gate->sentence, "there is no memory to judge them");
    verdict->fallen = 1;
  }
  free(matches);
}

void freeVerdict(Verdict *verdict) {
  for (size_t i = 0; i < verdict->count; i++) free(verdict->gates[i].list);
}
