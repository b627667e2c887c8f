/* shellWords.h - the words of a command, as they have to be written for a shell. */
#ifndef MEMA_CLI_SHELL_WORDS_H
#define MEMA_CLI_SHELL_WORDS_H

#include <stdio.h>

/* Writes a word, in quotes if it needs them. */
void writeWord(FILE *out, const char *word);

/* Writes the words up to NULL, with spaces between. */
void writeWords(FILE *out, char **words);

#endif
