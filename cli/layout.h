/* layout.h - text for people, in the width of their terminal. A character counts as one column. */
#ifndef MEMA_CLI_LAYOUT_H
#define MEMA_CLI_LAYOUT_H

#include <stddef.h>
#include <stdio.h>

/* The columns of a line: COLUMNS where that is a number above 0, else those of the terminal behind `out`, else 80. 20 at the
 * least, into which each figure of printFigures fits. */
unsigned lineWidth(FILE *out);

/* The columns that a text takes. */
unsigned textColumns(const char *text);

/* Copies at most `columns` characters of a name from outside, and "(no name)" where it is empty. A control character, and a byte that
 * is not UTF-8, becomes '?'. `out` has 4 bytes per column and one more. */
void copyName(char *out, const char *name, unsigned columns);

/* Prints a text as one or more lines, broken at spaces; a longer word is broken where the line ends. Each line begins with `indent`
 * spaces, those after the first with two more. */
__attribute__((format(printf, 4, 5))) void printWrapped(FILE *out, unsigned width, unsigned indent, const char *format, ...);

/* As above, from column `at` on, where the cursor is. Each further line begins with `indent` spaces. */
void printFlow(FILE *out, unsigned width, unsigned at, unsigned indent, const char *text);

/* Shows a text, or "", in place of the line where the cursor is, on a terminal. The text is cut one column before the end of the
 * line: a full line would make the terminal begin another, which the next text could not replace. */
__attribute__((format(printf, 2, 3))) void printOver(FILE *out, const char *format, ...);

/* A number and its name, and the name for narrow lines, of at most 9 letters. */
typedef struct Figure {
  const char *label;
  const char *shortLabel;
  char value[40];
} Figure;

/* Prints the figures in three columns, or as many as there is room for; at the narrowest one figure a line. */
void printFigures(FILE *out, unsigned width, const Figure *figures, size_t count);

#endif
