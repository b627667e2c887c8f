/* gateReport.c - see gateReport.h. The forms of JUnit's XML and of GitHub's commands are those that
 * https://github.com/testmoapp/junitxml and https://github.com/actions/toolkit (packages/core/src/command.ts) describe. */
#define _GNU_SOURCE
#include "gateReport.h"

#include <inttypes.h>
#include <string.h>

#include "../preload/jsonText.h"
#include "layout.h"

/* ---- for people --------------------------------------------------------------------------------------------------- */

void printVerdict(FILE *out, const Verdict *verdict) {
  unsigned width = lineWidth(out);
  if (verdict->count == 0) return;
  if (verdict->fallen > 0) {
    printWrapped(out, width, 0, "mema run: %zu of %zu gate%s fell; the exit status is %d, that of the command is %d",
                 verdict->fallen, verdict->count, verdict->count == 1 ? "" : "s", STATUS_FELL, verdict->status);
  } else {
    printWrapped(out, width, 0, "mema run: %zu gate%s held", verdict->count, verdict->count == 1 ? "" : "s");
  }
  for (size_t i = 0; i < verdict->count; i++)
    printWrapped(out, width, 2, "%s  %s", verdict->gates[i].fell ? "fell" : "held", verdict->gates[i].sentence);
  for (size_t i = 0; i < verdict->warningCount; i++) printWrapped(out, width, 2, "warning: %s", verdict->warnings[i]);
}

/* ---- for GitHub --------------------------------------------------------------------------------------------------- */

/* A message is one line: its line feeds are %0A. No sentence has a line feed of its own. */
static void writeMessage(FILE *out, const char *text) {
  for (; *text != '\0'; text++) {
    if (*text == '%') {
      fputs("%25", out);
    } else {
      fputc(*text, out);
    }
  }
}

void annotateVerdict(FILE *out, const Verdict *verdict) {
  const char *separator = "";
  if (verdict->fallen > 0) {
    fprintf(out, "::error title=mema run - %zu of %zu gate%s fell::", verdict->fallen, verdict->count,
            verdict->count == 1 ? "" : "s");
    for (size_t i = 0; i < verdict->count; i++) {
      if (!verdict->gates[i].fell) continue;
      fputs(separator, out);
      writeMessage(out, verdict->gates[i].sentence);
      separator = "%0A";
    }
    fputc('\n', out);
  }
  separator = "::warning title=mema run::";
  for (size_t i = 0; i < verdict->warningCount; i++, separator = "%0A") {
    fputs(separator, out);
    writeMessage(out, verdict->warnings[i]);
  }
  if (verdict->warningCount > 0) fputc('\n', out);
}

/* ---- JUnit -------------------------------------------------------------------------------------------------------- */

/* The bytes of a character that XML 1.0 allows; 0: there is none, as in control characters and in bytes that are not UTF-8. */
static size_t xmlBytes(const char *text) {
  if ((unsigned char)*text < 0x20) return 0;
  if (strncmp(text, "\xef\xbf\xbe", 3) == 0 || strncmp(text, "\xef\xbf\xbf", 3) == 0) return 0;
  return utf8Length((const unsigned char *)text);
}

/* Characters that XML does not allow become U+FFFD. */
static void writeXml(FILE *out, const char *text) {
  while (*text != '\0') {
    size_t length = utf8Length((const unsigned char *)text), bytes = xmlBytes(text);
    if (strchr("<>&\"\n\t\r", *text) != NULL) {
      fprintf(out, "&#%d;", *text);
    } else if (bytes == 0) {
      fputs("&#xfffd;", out);
    } else {
      fwrite(text, 1, bytes, out);
    }
    text += length > 0 ? length : 1;
  }
}

/* Each process that is above the gate, with its figure; of the gate of the baseline, without. */
static void writeExcess(FILE *out, const Gate *gate) {
  for (size_t i = 0; i < gate->count; i++) {
    const Excess *excess = &gate->list[i];
    ProcessText process;
    writeXml(out, describeProcess(process, excess->process, &excess->match));
    if (excess->figure > 0) fprintf(out, ": %" PRIu64, excess->figure);
    fputc('\n', out);
  }
}

static void writeCase(FILE *out, const Gate *gate) {
  fprintf(out, "    <testcase classname=\"mema run\" name=\"%s\">\n", gate->name);
  if (gate->fell) {
    fputs("      <failure type=\"gate\" message=\"", out);
    writeXml(out, gate->sentence);
    fputs("\">", out);
    writeExcess(out, gate);
    fputs("</failure>\n", out);
  } else {
    fputs("      <system-out>", out);
    writeXml(out, gate->sentence);
    fputs("</system-out>\n", out);
  }
  fputs("    </testcase>\n", out);
}

static void writeCommand(FILE *out, char **words) {
  for (size_t i = 0; words[i] != NULL; i++) {
    if (i > 0) fputc(' ', out);
    writeXml(out, words[i]);
  }
}

void writeJunit(FILE *out, const RunOptions *run, const Verdict *verdict) {
  fprintf(out,
          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"mema run\" tests=\"%zu\" failures=\"%zu\" "
          "errors=\"0\">\n",
          verdict->count, verdict->fallen);
  fputs("  <testsuite name=\"", out);
  writeCommand(out, run->command);
  fprintf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\">\n", verdict->count, verdict->fallen);
  fprintf(out, "    <properties>\n      <property name=\"status\" value=\"%d\"/>\n    </properties>\n", verdict->status);
  for (size_t i = 0; i < verdict->count; i++) writeCase(out, &verdict->gates[i]);
  if (verdict->warningCount > 0) {
    fputs("    <system-err>", out);
    for (size_t i = 0; i < verdict->warningCount; i++) {
      writeXml(out, verdict->warnings[i]);
      fputc('\n', out);
    }
    fputs("</system-err>\n", out);
  }
  fputs("  </testsuite>\n</testsuites>\n", out);
}
