/* tortureReport.c - see tortureReport.h. */
#define _GNU_SOURCE
#include "tortureReport.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../preload/sizeText.h"
#include "layout.h"
#include "shellWords.h"
#include "symbols.h"

enum { INDENT = 2, ROWS = 10, CHAIN = 6 };

typedef struct OutcomeText {
  char letter;
  const char *colour; /* of a terminal: the number of an SGR sequence */
  const char *name;
  const char *sentence;
} OutcomeText;

static const OutcomeText texts[OUTCOME_COUNT] = {
    [WRONG_OUTPUT] = {'W', "41;97", "wrongOutput", "wrong output with success"},
    [CRASH] = {'C', "31", "crash", "ended by a signal"},
    [ABORT] = {'A', "35", "abort", "aborted"},
    [HANG] = {'H', "33", "hang", "no end in time"},
    [LEAK] = {'L', "36", "leak", "right output, more memory live at exit"},
    [SILENT] = {'s', "32", "silentRefusal", "refusal: a status, but no message"},
    [REFUSAL] = {'r', "32", "refusal", "refusal: a message and a status"},
    [SAME] = {'.', "32", "same", "the same output and status"},
    [UNREACHED] = {'-', "2", "unreached", "not reached: the run made fewer requests"},
    [UNTRIED] = {' ', "2", "untried", "not tried"},
};

const char *outcomeName(Outcome outcome) {
  return texts[outcome].name;
}

Outcome outcomeNamed(const char *name) {
  Outcome outcome = WRONG_OUTPUT;
  while (outcome < OUTCOME_COUNT && strcmp(texts[outcome].name, name) != 0) outcome++;
  return outcome;
}

/* Where the lines go. */
typedef struct Page {
  FILE *out;
  unsigned width;
  bool colours;
} Page;

/* ---- commands ----------------------------------------------------------------------------------------------------- */

static void writeRun(FILE *out, const Subject *subject, uint64_t number) {
  fprintf(out, "mema run --fail-at %" PRIu64, number);
  if (subject->run.fromThenOn) fputs(" --from-then-on", out);
  fputs(" --", out);
  fputc(' ', out);
  writeWords(out, subject->run.command);
}

static char *writtenCommand(const Subject *subject, uint64_t number, const char *before) {
  char *text = NULL;
  size_t length;
  FILE *out = open_memstream(&text, &length);
  if (out == NULL) return NULL;
  fputs(before, out);
  writeRun(out, subject, number);
  if (strcmp(subject->input, "/dev/null") != 0 && *before == '\0') {
    fputs(" < ", out);
    writeWord(out, subject->input);
  }
  if (fclose(out) == 0) return text;
  free(text);
  return NULL;
}

char *repeatCommand(const Subject *subject, uint64_t number) {
  return writtenCommand(subject, number, "");
}

char *debugCommand(const Subject *subject, uint64_t number) {
  return writtenCommand(subject, number,
                        "gdb -q -ex 'set detach-on-fork off' -ex 'set schedule-multiple on' -ex 'set breakpoint pending on' "
                        "-ex 'break failOnPurpose' -ex run --args ");
}

/* ---- the picture -------------------------------------------------------------------------------------------------- */

static void printLetter(const Page *page, Outcome outcome) {
  if (page->colours && outcome != UNTRIED) {
    fprintf(page->out, "\033[%sm%c\033[0m", texts[outcome].colour, texts[outcome].letter);
  } else {
    fputc(texts[outcome].letter, page->out);
  }
}

static void printPicture(const Page *page, const Points *points) {
  unsigned columns = page->width - INDENT;
  for (size_t i = 0; i < points->count; i++) {
    if (i % columns == 0) fprintf(page->out, "%s%*s", i > 0 ? "\n" : "", INDENT, "");
    printLetter(page, points->list[i].outcome);
  }
  if (points->count > 0) fputc('\n', page->out);
}

/* Without a comparison of output, a run that ends as the plain one does may have written anything. */
static const char *sentenceOf(Outcome outcome, const Plain *plain) {
  return outcome == SAME && plain->outputDiffers ? "the same status; the output is not compared" : texts[outcome].sentence;
}

static void printCounts(const Page *page, const Points *points, const Plain *plain) {
  size_t counts[OUTCOME_COUNT] = {0};
  for (size_t i = 0; i < points->count; i++) counts[points->list[i].outcome]++;
  for (Outcome outcome = WRONG_OUTPUT; outcome < OUTCOME_COUNT; outcome++) {
    if (counts[outcome] == 0) continue;
    printWrapped(page->out, page->width, INDENT, "%c %6zu  %s", texts[outcome].letter, counts[outcome],
                 sentenceOf(outcome, plain));
  }
}

/* ---- stacks ------------------------------------------------------------------------------------------------------- */

/* "inner (file.c:3) < outer < main", CHAIN frames at most. */
static void describeChain(char *out, size_t room, const char *frames) {
  char list[RUN_STACK_ROOM], frame[FRAME_ROOM];
  char *rest = list;
  size_t length = 0;
  snprintf(list, sizeof list, "%s", frames != NULL ? frames : "");
  *out = '\0';
  for (int i = 0; i < CHAIN && rest != NULL && *rest != '\0'; i++) {
    describeFrame(frame, strsep(&rest, "\t"), true);
    length += (size_t)snprintf(out + length, room - length, "%s%s", i > 0 ? " < " : "", frame);
    if (length >= room) return;
  }
  if (*out == '\0') snprintf(out, room, "(no call stack)");
}

static void printWhat(const Page *page, const Point *point) {
  char name[4 * RUN_NAME_ROOM + 1];
  copyName(name, point->program != NULL ? point->program : "", RUN_NAME_ROOM);
  printWrapped(page->out, page->width, INDENT, "%c request %" PRIu64 ", %" PRIu64 " byte%s for %s: %s",
               texts[point->outcome].letter, point->number, point->size, point->size == 1 ? "" : "s", name,
               texts[point->outcome].sentence);
}

static void printEnd(const Page *page, const Point *point) {
  char message[4 * MESSAGE_ROOM + 1], size[SIZE_TEXT_ROOM];
  if (point->signal != 0) {
    printWrapped(page->out, page->width, 2 * INDENT, "signal %d, %s", point->signal, strsignal(point->signal));
  }
  if (point->outcome == LEAK) {
    printWrapped(page->out, page->width, 2 * INDENT, "%s more than without the failure", formatSize(size, point->more));
  }
  if (point->message != NULL && *point->message != '\0') {
    copyName(message, point->message, MESSAGE_ROOM);
    printWrapped(page->out, page->width, 2 * INDENT, "says: %s", message);
  }
}

static void printPointRow(const Page *page, const Subject *subject, const Point *point) {
  char chain[CHAIN * FRAME_ROOM];
  char *command = repeatCommand(subject, point->number);
  printWhat(page, point);
  describeChain(chain, sizeof chain, point->frames);
  printWrapped(page->out, page->width, 2 * INDENT, "%.1000s", chain);
  printEnd(page, point);
  if (command != NULL) fprintf(page->out, "%*s%s\n", 2 * INDENT, "", command);
  free(command);
}

static bool sameStack(const Point *a, const Point *b) {
  return a->frames != NULL && b->frames != NULL && strcmp(a->frames, b->frames) == 0;
}

/* True if an earlier point has this outcome and this stack. */
static bool isRepeated(const Points *points, size_t index) {
  for (size_t i = 0; i < index; i++)
    if (points->list[i].outcome == points->list[index].outcome && sameStack(&points->list[i], &points->list[index]))
      return true;
  return false;
}

static void printWorst(const Page *page, const Torture *torture) {
  const Points *points = torture->points;
  size_t shown = 0, left = 0;
  const Point *first = NULL;
  for (Outcome outcome = WRONG_OUTPUT; isBad(outcome); outcome++) {
    for (size_t i = 0; i < points->count; i++) {
      if (points->list[i].outcome != outcome || isRepeated(points, i)) continue;
      if (shown == ROWS) {
        left++;
        continue;
      }
      if (shown++ == 0) printWrapped(page->out, page->width, 0, "the worst call stacks, from the request out:");
      if (first == NULL) first = &points->list[i];
      printPointRow(page, torture->subject, &points->list[i]);
    }
  }
  if (left > 0) printWrapped(page->out, page->width, INDENT, "... and %zu more call stacks; --json FILE has all", left);
  if (first == NULL) return;
  char *command = debugCommand(torture->subject, first->number);
  if (command != NULL) fprintf(page->out, "  under gdb:\n    %s\n", command);
  free(command);
}

/* ---- the summary -------------------------------------------------------------------------------------------------- */

static void printDifferences(const Page *page, const Plain *plain) {
  static const char *const sentences[] = {
      "two plain runs end with different statuses: no status can be judged",
      "two plain runs write different output: output is not compared",
      "two plain runs make different numbers of requests: a number may hit another request in the next run",
      "two plain runs leave different amounts of memory, or were killed: leaks are not looked for",
  };
  const bool differs[] = {plain->statusDiffers, plain->outputDiffers, plain->requestsDiffer, plain->liveDiffers};
  for (size_t i = 0; i < sizeof differs / sizeof differs[0]; i++)
    if (differs[i]) printWrapped(page->out, page->width, INDENT, "%s", sentences[i]);
}

static void printPlain(const Page *page, const Torture *torture) {
  const Plain *plain = torture->plain;
  char stacks[64] = "";
  if (plain->stacks > 0) snprintf(stacks, sizeof stacks, " from %zu call stacks", plain->stacks);
  printWrapped(page->out, page->width, INDENT,
               "plain run: status %d, %" PRIu64 " bytes of output, %" PRIu64 " requests%s, %zu process%s, %.2f s",
               plain->attempt.status, plain->attempt.output.bytes, plain->requests, stacks, plain->processes,
               plain->processes == 1 ? "" : "es", (double)plain->nanoseconds / 1e9);
  printDifferences(page, plain);
}

static void printChoice(const Page *page, const Torture *torture) {
  static const char *const choices[] = {
      [BY_STACK] = "each call stack once", [EVERY] = "every request", [SAMPLE] = "a sample of the requests"};
  size_t tried = 0;
  for (size_t i = 0; i < torture->points->count; i++) tried += torture->points->list[i].outcome != UNTRIED;
  printWrapped(page->out, page->width, INDENT, "%zu points, %s; in each run %s", torture->points->count,
               choices[torture->choice],
               torture->subject->run.fromThenOn ? "a request and all after it fail" : "one request fails");
  if (tried < torture->points->count) {
    printWrapped(page->out, page->width, INDENT, "%s after %zu of them", torture->unfinished ? "interrupted" : "ended",
                 tried);
  }
}

/* As no-color.org has it, and for terminals that know no colours. */
static bool takesColours(FILE *out) {
  const char *noColour = getenv("NO_COLOR"), *terminal = getenv("TERM");
  bool knowsThem = terminal != NULL && *terminal != '\0' && strcmp(terminal, "dumb") != 0;
  return isatty(fileno(out)) && knowsThem && (noColour == NULL || *noColour == '\0');
}

void printTorture(FILE *out, const Torture *torture) {
  Page page = {.out = out, .width = lineWidth(out)};
  char name[4 * 60 + 1];
  page.colours = takesColours(out);
  copyName(name, torture->subject->run.command[0], 60);
  printWrapped(out, page.width, 0, "mema torture: %s", name);
  printPlain(&page, torture);
  printChoice(&page, torture);
  printPicture(&page, torture->points);
  printCounts(&page, torture->points, torture->plain);
  printWorst(&page, torture);
  forgetModules();
}
