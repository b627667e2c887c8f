/* lingers COUNT - reads a line, makes COUNT objects and frees them, says "done", and waits to be killed. It says "ready" first. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *volatile sink;

static int say(const char *word) {
  return write(STDOUT_FILENO, word, strlen(word)) == (ssize_t)strlen(word);
}

int main(int argc, char **argv) {
  char line;
  if (argc != 2 || !say("ready\n")) return 2;
  while (read(STDIN_FILENO, &line, 1) == 1 && line != '\n') continue;
  for (long i = 0; i < atol(argv[1]); i++) {
    sink = malloc(10);
    free(sink);
  }
  if (!say("done\n")) return 2;
  for (;;) pause();
}
