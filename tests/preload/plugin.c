/* plugin - a library for loadPlugin: it allocates when it is loaded, when called and when unloaded. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

void *pluginMake(size_t size);
void pluginTake(void *chunk);

static void *kept;
static _Thread_local char perThread[512];

__attribute__((constructor)) static void load(void) {
  kept = malloc(300);
}

__attribute__((destructor)) static void unload(void) {
  free(kept);
}

void *pluginMake(size_t size) {
  memset(perThread, 1, sizeof perThread);
  return calloc(1, size);
}

void pluginTake(void *chunk) {
  free(chunk);
}
