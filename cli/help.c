/* help.c - see help.h. */
#define _GNU_SOURCE
#include "help.h"

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "complain.h"
#include "layout.h"

const char programSummary[] =
    "Puts the heaps of unmodified programs into memory pools with a budget, and records and replays what they ask for.";

/* Terms and options stand to the left of this column, their texts to the right; on a narrow terminal the text is on lines of its own. */
enum { TEXT_COLUMN = 26, TERM_COLUMN = 13, NARROW = 60, NARROW_COLUMN = 8, INDENT = 2 };

typedef struct Page {
  FILE *out;
  unsigned width;
} Page;

/* ---- parts of a page ---------------------------------------------------------------------------------------------- */

/* A blank line, and the title. */
static void printTitle(const Page *page, const char *title) {
  fputc('\n', page->out);
  printFlow(page->out, page->width, 0, INDENT, title);
}

/* A term, and its text from a column on. */
static void printEntry(const Page *page, const char *term, unsigned column, const char *text) {
  if (page->width < NARROW) column = NARROW_COLUMN;
  unsigned end = INDENT + textColumns(term);
  if (end > page->width) {
    printFlow(page->out, page->width, 0, 2 * INDENT, term);
  } else {
    fprintf(page->out, "%*s%s", (int)INDENT, "", term);
    if (end + 2 > column) fputc('\n', page->out);
  }
  if (end + 2 > column) end = 0;
  fprintf(page->out, "%*s", (int)(column - end), "");
  printFlow(page->out, page->width, column, column, text);
}

/* Paragraphs with an empty line between them, and one before. */
static void printParagraphs(const Page *page, const char *text) {
  while (text != NULL && *text != '\0') {
    char paragraph[1500];
    const char *end = strstr(text, "\n\n");
    size_t length = end != NULL ? (size_t)(end - text) : strlen(text);
    snprintf(paragraph, sizeof paragraph, "%.*s", (int)length, text);
    fputc('\n', page->out);
    printFlow(page->out, page->width, 0, 0, paragraph);
    text += length;
    text += strspn(text, "\n");
  }
}

static void printTerms(const Page *page, const char *title, const Term *terms) {
  if (terms == NULL) return;
  printTitle(page, title);
  for (const Term *term = terms; term->term != NULL; term++) printEntry(page, term->term, TERM_COLUMN, term->meaning);
}

/* A line for the shell stands alone: its words are not broken, where there is room. */
static void printExamples(const Page *page, const Term *examples) {
  if (examples == NULL) return;
  printTitle(page, "Examples:");
  for (const Term *example = examples; example->term != NULL; example++) {
    fprintf(page->out, "%*s", (int)INDENT, "");
    printFlow(page->out, page->width, INDENT, 2 * INDENT, example->term);
    fprintf(page->out, "%*s", 3 * INDENT, "");
    printFlow(page->out, page->width, 3 * INDENT, 3 * INDENT, example->meaning);
  }
}

const char *optionText(char text[OPTION_TEXT_ROOM], const Option *option) {
  bool valued = option->value != NULL;
  snprintf(text, OPTION_TEXT_ROOM, "--%s%s%s", option->name, valued ? "=" : "", valued ? option->value : "");
  return text;
}

static void printOption(const Page *page, const Option *option) {
  char text[OPTION_TEXT_ROOM], full[OPTION_TEXT_ROOM + 4] = "";
  if (option->letter != 0) snprintf(full, sizeof full, "-%c, ", option->letter);
  strncat(full, optionText(text, option), OPTION_TEXT_ROOM);
  printEntry(page, full, TEXT_COLUMN, option->help);
}

static void printGroup(const Page *page, const OptionGroup *group) {
  char title[200];
  snprintf(title, sizeof title, "%s:%s%s", group->title != NULL ? group->title : "Options", group->about != NULL ? " " : "",
           group->about != NULL ? group->about : "");
  printTitle(page, title);
  for (const Option *option = group->options; option->name != NULL; option++) printOption(page, option);
}

/* ---- pages -------------------------------------------------------------------------------------------------------- */

static void printUsage(const Page *page, const Command *command) {
  for (const char *const *synopsis = command->synopses; *synopsis != NULL; synopsis++) {
    char line[300];
    bool first = synopsis == command->synopses;
    snprintf(line, sizeof line, "%s %s %s", first ? "Usage:" : "   or:", command->full, *synopsis);
    printFlow(page->out, page->width, 0, 9, line);
  }
}

int showHelp(const Command *command) {
  static const Option help = {.name = "help", .letter = 'h', .help = "show this"};
  Page page = {.out = stdout, .width = lineWidth(stdout)};
  printUsage(&page, command);
  printParagraphs(&page, command->description);
  for (const OptionGroup *group = command->groups; group->options != NULL; group++) {
    printGroup(&page, group);
    if (group == command->groups) printOption(&page, &help);
  }
  printParagraphs(&page, command->notes);
  printTerms(&page, "Exit status:", command->statuses);
  printExamples(&page, command->examples);
  return finishOutput() ? 0 : STATUS_USAGE;
}

int showCommands(const Command *const *commands) {
  Page page = {.out = stdout, .width = lineWidth(stdout)};
  printFlow(stdout, page.width, 0, INDENT, "Usage: mema COMMAND [ARGUMENT...]");
  printParagraphs(&page, programSummary);
  printTitle(&page, "Commands:");
  for (; *commands != NULL; commands++) printEntry(&page, (*commands)->name, TERM_COLUMN, (*commands)->summary);
  printTitle(&page, "Options:");
  printEntry(&page, "--help", TERM_COLUMN, "show this");
  printEntry(&page, "--version", TERM_COLUMN, "show the version");
  printParagraphs(&page, "`mema COMMAND --help' explains a command.");
  return finishOutput() ? 0 : STATUS_USAGE;
}
