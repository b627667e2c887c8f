/* pools FORMAT (0 text, 1 JSON, 2 OpenMetrics): the figures of a family of pools whose names need care, on stdout. */
#include <mema.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  Pool root, pools[8];
  mema_Options options[] = {
      {.poolSize = 5000, .name = "same"},
      {.poolSize = 5000, .name = "same"},
      {.poolSize = 4096, .untracked = true, .name = "quote\" back\\ line\n"},
      {.poolSize = 1000, .guaranteed = 1000, .shared = true, .name = "tab\t bell\a no\xff"},
      {.poolSize = 9000, .engine = MEMA_ARENA, .committed = true},
      {.poolSize = 100, .name = "}{=,#"},
      {.poolSize = 600, .engine = MEMA_ARENA, .plain = true, .name = "busy"},
      {.poolSize = 500, .untracked = true, .name = "left out"},
  };
  const int parents[] = {-1, -1, -1, -1, -1, 0, 3, 6}; /* -1: root */
  if (argc != 2 || !mema_initPoolWith(&root, &(mema_Options){.poolSize = MEMA_UNLIMITED, .name = "root"})) return 1;
  for (int i = 0; i < 8; i++) {
    Pool *parent = parents[i] < 0 ? &root : &pools[parents[i]];
    if (!mema_initSubPool(&pools[i], parent, &options[i]) || palloc(&pools[i], 10 + (size_t)i) == NULL) return 1;
  }
  if (palloc(&pools[1], 6000) != NULL || pfree(&root, &root) || !mema_chargePool(&root, 1234)) return 1;
  bool done = mema_writeStats(&root, (mema_Format)atoi(argv[1]), mema_writeToFile, stdout);
  return !done || fflush(stdout) != 0 || !freePool(&root);
}
