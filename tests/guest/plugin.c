/* plugin - a library with chunks that cross its border: its caller frees chunks of pluginMake, and it frees chunks of others. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

void *pluginMake(size_t size);
void pluginTake(void *chunk);
char *pluginPrint(int number);

void *pluginMake(size_t size) {
  return malloc(size);
}

void pluginTake(void *chunk) {
  free(chunk);
}

/* The C library makes this chunk. */
char *pluginPrint(int number) {
  char *text;
  return asprintf(&text, "%d", number) < 0 ? NULL : text;
}
