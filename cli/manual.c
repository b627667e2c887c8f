/* manual.c - see manual.h. */
#include "manual.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include <mema.h>

/* Lines of the source end before this column; escapes, which are not counted, have some columns left. */
enum { SOURCE_WIDTH = 68 };

/* ---- text --------------------------------------------------------------------------------------------------------- */

/* Writes a character so that roff shows it. A hyphen that is to be typed is a minus. */
static void writeCharacter(FILE *out, char character, bool isTyped) {
  if (character == '\\') {
    fputs("\\e", out);
  } else if (character == '-' && isTyped) {
    fputs("\\-", out);
  } else if (character == '\'' && isTyped) {
    fputs("\\(aq", out);
  } else {
    fputc(character, out);
  }
}

static void writeTyped(FILE *out, const char *text) {
  for (; *text != '\0'; text++) writeCharacter(out, *text, true);
}

static void writeBold(FILE *out, const char *text) {
  fputs("\\fB", out);
  writeTyped(out, text);
  fputs("\\fR", out);
}

/* True for options, names of files and of variables: their hyphens are typed. */
static bool isTypedWord(const char *word, size_t length) {
  size_t start = 0, letters = 0;
  while (start < length && strchr("([`", word[start]) != NULL) start++;
  if (start < length && word[start] == '-') return true;
  for (size_t i = start; i + 1 < length; i++) {
    if (word[i] == '/' || word[i] == '_') return true;
    if (word[i] == '.' && letters > 0 && isalpha((unsigned char)word[i + 1])) return true;
    letters++;
  }
  return false;
}

/* "`mema run'" becomes bold, without its quotes; the quotes may be in different words. */
static void writeWord(FILE *out, const char *word, size_t length, bool *isQuoted) {
  bool isTyped = isTypedWord(word, length);
  if (*word == '.' || (*word == '\'' && !*isQuoted)) fputs("\\&", out);
  for (size_t i = 0; i < length; i++) {
    if (word[i] == '`') {
      *isQuoted = true;
      fputs("\\fB", out);
    } else if (word[i] == '\'' && *isQuoted) {
      *isQuoted = false;
      fputs("\\fR", out);
    } else {
      writeCharacter(out, word[i], isTyped || *isQuoted);
    }
  }
}

/* Writes paragraphs from a column of the source on; each sentence begins a line. */
static void writeTextFrom(FILE *out, size_t column, const char *text) {
  bool isQuoted = false, isFirst = true;
  while (*text != '\0') {
    size_t length = strcspn(text, " \n");
    if (column > 0 && column + 1 + length > SOURCE_WIDTH) column = 0, fputc('\n', out);
    if (column > 0 && !isFirst) column++, fputc(' ', out);
    isFirst = false;
    writeWord(out, text, length, &isQuoted);
    column += length;
    bool endsSentence = length > 0 && (text[length - 1] == '.' || text[length - 1] == '?');
    text += length;
    if (*text == '\n') {
      fputs("\n.PP", out);
      column = 1;
    }
    text += strspn(text, " \n");
    if ((endsSentence || column == 1) && *text != '\0') column = 0, fputc('\n', out);
  }
  fputc('\n', out);
}

static void writeText(FILE *out, const char *text) {
  writeTextFrom(out, 0, text);
}

/* Writes "[--plain] COMMAND": what is typed is bold, what has a value is italic. */
static void writeSynopsis(FILE *out, const char *text) {
  while (*text != '\0') {
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (length > 0) {
      fprintf(out, "\\fI%.*s\\fR", (int)length, text);
    } else if (*text == '-') {
      length = strcspn(text, " =]|");
      fputs("\\fB", out);
      for (size_t i = 0; i < length; i++) writeCharacter(out, text[i], true);
      fputs("\\fR", out);
    } else {
      length = 1;
      fputc(*text, out);
    }
    text += length;
  }
  fputc('\n', out);
}

/* ---- sections ----------------------------------------------------------------------------------------------------- */

static void writeTitle(FILE *out, const char *name, const char *summary) {
  fputs(".\\\" Made from the tables of cli/ by: mema help --man\n.TH ", out);
  for (const char *at = name; *at != '\0'; at++) {
    if (*at == '-') fputc('\\', out);
    fputc(toupper((unsigned char)*at), out);
  }
  fprintf(out, " 1 %s \"mema %s\" \"User Commands\"\n.SH NAME\n", MANUAL_DATE, MEMA_VERSION);
  writeTyped(out, name);
  fputs(" \\- ", out);
  writeTextFrom(out, strlen(name) + 3, summary);
}

static void writeTerms(FILE *out, const char *title, const Term *terms) {
  if (terms == NULL) return;
  fprintf(out, ".SH %s\n", title);
  for (const Term *term = terms; term->term != NULL; term++) {
    fputs(".TP\n", out);
    writeBold(out, term->term);
    fputc('\n', out);
    writeText(out, term->meaning);
  }
}

static void writeOption(FILE *out, const Option *option) {
  fputs(".TP\n", out);
  if (option->letter != 0) fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
  fputs("\\fB\\-\\-", out);
  writeTyped(out, option->name);
  fputs("\\fR", out);
  if (option->value != NULL) fprintf(out, "=\\fI%s\\fR", option->value);
  fputc('\n', out);
  writeText(out, option->help);
}

static void writeOptions(FILE *out, const Command *command) {
  static const Option help = {.name = "help", .letter = 'h', .help = "show this"};
  fputs(".SH OPTIONS\n", out);
  for (const OptionGroup *group = command->groups; group->options != NULL; group++) {
    if (group->title != NULL) fprintf(out, ".SS %s\n", group->title);
    if (group->about != NULL) writeText(out, group->about);
    for (const Option *option = group->options; option->name != NULL; option++) writeOption(out, option);
    if (group == command->groups) writeOption(out, &help);
  }
}

static void writeSeeAlso(FILE *out, const Command *const *commands, const Command *except) {
  fputs(".SH SEE ALSO\n", out);
  if (except != NULL) fputs(".BR mema (1),\n", out);
  for (; *commands != NULL; commands++) {
    if (*commands != except) fprintf(out, ".BR mema\\-%s (1),\n", (*commands)->name);
  }
  fputs(".BR mema (3)\n", out);
}

/* ---- pages -------------------------------------------------------------------------------------------------------- */

void writeManual(FILE *out, const Command *const *commands, const Command *command) {
  char name[64];
  snprintf(name, sizeof name, "mema-%s", command->name);
  writeTitle(out, name, command->summary);
  fputs(".SH SYNOPSIS\n", out);
  for (const char *const *synopsis = command->synopses; *synopsis != NULL; synopsis++) {
    if (synopsis != command->synopses) fputs(".br\n", out);
    writeBold(out, command->full);
    fputc(' ', out);
    writeSynopsis(out, *synopsis);
  }
  fputs(".SH DESCRIPTION\n", out);
  writeText(out, command->description);
  if (command->notes != NULL) {
    fputs(".PP\n", out);
    writeText(out, command->notes);
  }
  writeOptions(out, command);
  writeTerms(out, "EXIT STATUS", command->statuses);
  writeTerms(out, "ENVIRONMENT", command->variables);
  writeTerms(out, "EXAMPLES", command->examples);
  writeSeeAlso(out, commands, command);
}

void writeProgramManual(FILE *out, const Command *const *commands, const char *summary) {
  writeTitle(out, "mema", "memory pools with a budget for unmodified programs");
  fputs(".SH SYNOPSIS\n\\fBmema\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR...]\n.SH DESCRIPTION\n", out);
  writeText(out, summary);
  fputs(".PP\nThe library of the same name is described in\n.BR mema (3).\n.SH COMMANDS\n", out);
  for (const Command *const *command = commands; *command != NULL; command++) {
    fprintf(out, ".TP\n.BR mema\\-%s (1)\n", (*command)->name);
    writeText(out, (*command)->summary);
  }
  fputs(
      ".SH OPTIONS\n.TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nlist the commands\n"
      ".TP\n\\fB\\-\\-version\\fR\nshow the version\n.SH EXIT STATUS\n",
      out);
  writeText(out, "That of the command; 2 if there is no such command.");
  writeSeeAlso(out, commands, NULL);
}
