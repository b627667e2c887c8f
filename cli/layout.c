/* layout.c - see layout.h. */
#define _GNU_SOURCE
#include "layout.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "complain.h"

/* ---- widths ------------------------------------------------------------------------------------------------------- */

enum { DEFAULT_WIDTH = 80, LEAST_WIDTH = 20, MOST_WIDTH = 1000 };

/* 0 where the text is no number. */
static unsigned readWidth(const char *text) {
  unsigned width = 0;
  if (text == NULL) return 0;
  for (; *text >= '0' && *text <= '9'; text++) {
    if (width < MOST_WIDTH) width = width * 10 + (unsigned)(*text - '0');
  }
  return *text == '\0' ? width : 0;
}

static unsigned terminalWidth(FILE *out) {
  struct winsize size = {0};
  return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

unsigned lineWidth(FILE *out) {
  unsigned width = readWidth(getenv("COLUMNS"));
  if (width == 0) width = terminalWidth(out);
  if (width == 0) width = DEFAULT_WIDTH;
  if (width < LEAST_WIDTH) width = LEAST_WIDTH;
  return width < MOST_WIDTH ? width : MOST_WIDTH;
}

/* The bytes of the first characters, as many as columns. */
static size_t bytesOf(const char *text, unsigned columns) {
  size_t bytes = 0;
  while (columns-- > 0 && text[bytes] != '\0') bytes += characterBytes(text + bytes);
  return bytes;
}

unsigned textColumns(const char *text) {
  unsigned columns = 0;
  for (; *text != '\0'; text += characterBytes(text)) columns++;
  return columns;
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

void copyName(char *out, const char *name, unsigned columns) {
  if (*name == '\0') name = "(no name)";
  while (columns-- > 0 && *name != '\0') {
    size_t bytes = characterBytes(name);
    if (isHarmless(name)) {
      memcpy(out, name, bytes);
      out += bytes;
    } else {
      *out++ = '?';
    }
    name += bytes;
  }
  *out = '\0';
}

/* ---- sentences ---------------------------------------------------------------------------------------------------- */

/* The bytes of the text that a line with room for `columns` takes. */
static size_t fittingBytes(const char *text, unsigned columns) {
  size_t most = bytesOf(text, columns), end = most;
  if (text[most] == '\0') return most;
  while (end > 0 && text[end] != ' ') end--;
  return end > 0 ? end : most;
}

void printFlow(FILE *out, unsigned width, unsigned at, unsigned indent, const char *text) {
  for (;;) {
    size_t bytes = fittingBytes(text, at < width ? width - at : 1);
    fprintf(out, "%.*s\n", (int)bytes, text);
    text += bytes;
    text += strspn(text, " ");
    if (*text == '\0') return;
    fprintf(out, "%*s", (int)indent, "");
    at = indent;
  }
}

void printWrapped(FILE *out, unsigned width, unsigned indent, const char *format, ...) {
  char line[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  fprintf(out, "%*s", (int)indent, "");
  printFlow(out, width, indent, indent + 2, line);
}

void printOver(FILE *out, const char *format, ...) {
  char line[256];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  fprintf(out, "\r%.*s\033[K", (int)lineWidth(out) - 1, line);
  fflush(out);
}

/* ---- figures ------------------------------------------------------------------------------------------------------ */

/* "  live at exit  530.2 KiB   footprint ...", and "live       530.2 KiB". */
enum { INDENT = 2, GAP = 3, LABEL = 13, SHORT_LABEL = 10, VALUE = 10, MOST_COLUMNS = 3 };

static void printFigure(FILE *out, unsigned width, const Figure *figure) {
  int value = (int)strlen(figure->value);
  if (SHORT_LABEL + value > (int)width) {
    fprintf(out, "%s\n%*s\n", figure->shortLabel, (int)width, figure->value);
  } else {
    fprintf(out, "%-*s%*s\n", (int)SHORT_LABEL, figure->shortLabel, value > VALUE ? value : (int)VALUE, figure->value);
  }
}

void printFigures(FILE *out, unsigned width, const Figure *figures, size_t count) {
  size_t value = VALUE;
  for (size_t i = 0; i < count; i++) {
    if (strlen(figures[i].value) > value) value = strlen(figures[i].value);
  }
  size_t columns = (width - INDENT + GAP) / (LABEL + value + GAP);
  if (columns > MOST_COLUMNS) columns = MOST_COLUMNS;
  for (size_t i = 0; i < count; i++) {
    if (columns == 0) {
      printFigure(out, width, &figures[i]);
      continue;
    }
    bool ends = i % columns == columns - 1 || i == count - 1;
    fprintf(out, "%*s%-*s%*s%s", i % columns == 0 ? (int)INDENT : (int)GAP, "", (int)LABEL, figures[i].label, (int)value,
            figures[i].value, ends ? "\n" : "");
  }
}
