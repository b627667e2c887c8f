/* shellWords.c - see shellWords.h. */
#include "shellWords.h"

#include <stdbool.h>
#include <string.h>

static bool isPlainWord(const char *word) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+@%";
  return *word != '\0' && word[strspn(word, plain)] == '\0';
}

void writeWord(FILE *out, const char *word) {
  if (isPlainWord(word)) {
    fputs(word, out);
    return;
  }
  fputc('\'', out);
  for (; *word != '\0'; word++) {
    if (*word == '\'') {
      fputs("'\\''", out);
    } else {
      fputc(*word, out);
    }
  }
  fputc('\'', out);
}

void writeWords(FILE *out, char **words) {
  for (size_t i = 0; words[i] != NULL; i++) {
    if (i > 0) fputc(' ', out);
    writeWord(out, words[i]);
  }
}
