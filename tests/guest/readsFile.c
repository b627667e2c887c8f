/* readsFile - a program for fileHook: it reads a file by the C library. */
#include <stdio.h>

#include "../preload/check.h"

int main(int argc, char **argv) {
  char line[64];
  FILE *file = fopen(argc > 1 ? argv[1] : argv[0], "r");
  CHECK(file != NULL && fgets(line, sizeof line, file) != NULL && fclose(file) == 0);
  return 0;
}
