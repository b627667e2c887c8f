/* hello [VARIABLE] - says whether the preload library is in this program, and the value of a variable. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
  char line[4096];
  const char *where = "alone";
  void *volatile chunk = malloc(10);
  FILE *maps = fopen("/proc/self/maps", "r");
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
    if (strstr(line, "libmema-preload") != NULL) where = "preloaded";
  }
  if (maps != NULL) fclose(maps);
  free(chunk);
  printf("hello %s\n", where);
  if (argc > 1) printf("%s\n", getenv(argv[1]) != NULL ? getenv(argv[1]) : "unset");
  return 0;
}
