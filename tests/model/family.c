/* Random calls to a family of pools, against a model of it (family/tree.h).
 *
 *   family [operations [seed]]    SEED=n in the environment sets the seed too
 *
 * The pools are of many kinds: roots, parents and sub-pools. */
#include <time.h>

#include "family/tree.h"

static const Setting settings[] = {
    {"tracked, 16 KiB", {.poolSize = 16 * KIB}, 200},
    {"tracked, 1 MiB", {.poolSize = MIB}, 3000},
    {"tracked, 96 MiB", {.poolSize = 96 * MIB}, 300000},
    {"starved, 1 MiB over 64 KiB", {.poolSize = MIB, .reservation = 64 * KIB}, 5000},
    {"bound, 256 KiB", {.poolSize = 256 * KIB, .boundMemory = true}, 400},
    {"bound, arena, 256 KiB", {.poolSize = 256 * KIB, .engine = MEMA_ARENA, .boundMemory = true}, 800},
    {"bound, shared, 256 KiB", {.poolSize = 256 * KIB, .shared = true, .boundMemory = true}, 400},
    {"untracked, 64 KiB", {.poolSize = 64 * KIB, .untracked = true}, 300},
    {"committed, 256 KiB", {.poolSize = 256 * KIB, .committed = true}, 2000},
    {"arena, 256 KiB", {.poolSize = 256 * KIB, .engine = MEMA_ARENA}, 800},
    {"arena over 16 KiB, 1 MiB", {.poolSize = MIB, .engine = MEMA_ARENA, .reservation = arenaArea}, 5000},
    {"arena over 16 KiB, untracked, 1 MiB",
     {.poolSize = MIB, .engine = MEMA_ARENA, .untracked = true, .reservation = arenaArea},
     3000},
    {"shared, untracked, 256 KiB", {.poolSize = 256 * KIB, .untracked = true, .shared = true}, 500},
    {"shared, tracked, 256 KiB", {.poolSize = 256 * KIB, .shared = true}, 1000},
};

/* ---- pressure ------------------------------------------------------------------------------------------------------------- */

static void pressSome(void) {
  Node *node = someNode();
  bool on = below(3) != 0;
  size_t bytes = 1 + below(node->poolSize), n = below(12);
  if (node->shared) {
    REFUSES(mema_onLowWater(&node->pool, bytes, onLow, node), MEMA_BAD_ARGUMENT);
    REFUSES(mema_onExhausted(&node->pool, onExhausted, node), MEMA_BAD_ARGUMENT);
    REFUSES(mema_failAfter(&node->pool, n, true), MEMA_BAD_ARGUMENT);
    return;
  }
  switch (below(3)) {
    case 0:
      node->lowWater = on ? bytes : 0;
      MUST(mema_onLowWater(&node->pool, bytes, on ? onLow : NULL, node));
      return;
    case 1:
      node->exhausts = on;
      MUST(mema_onExhausted(&node->pool, on ? onExhausted : NULL, node));
      return;
    default:
      node->failIn = on ? n + 1 : 0;
      node->failsOnce = below(4) != 0;
      MUST(mema_failAfter(&node->pool, on ? n : MEMA_UNLIMITED, node->failsOnce));
      return;
  }
}

static void lookAtSome(void) {
  char picture[4000];
  Node *node = someNode();
  mema_trimPool(&node->pool);
  MUST(mema_drawPool(&node->pool, picture, sizeof picture, 40, true) != 0);
}

/* ---- a run ---------------------------------------------------------------------------------------------------------------- */

static void playStep(void) {
  static void (*const kinds[])(void) = {allocateSome, allocateSome, allocateSome, allocateSome, allocateSome,
                                        freeSome,     freeSome,     freeSome,     repallocSome, repallocSome,
                                        moveSome,     moveSome,     misuseSome,   chargeSome,   changeCleanUps,
                                        markSome,     keepSome,     pressSome,    makeSome};
  static void (*const rare[])(void) = {freeSomePool, resetSome, rewindSome, rewindSome, resizeSome, lookAtSome, pressSome};
  if (below(12) == 0) {
    rare[below(sizeof rare / sizeof *rare)]();
  } else {
    kinds[below(sizeof kinds / sizeof *kinds)]();
  }
}

static void playSeed(uint64_t seed) {
  run.seed = run.random = seed;
  run.now = 0;
  memset(nodes, 0, sizeof nodes);
  memset(cleanUps, 0, sizeof cleanUps);
  root->live = true;
  root->poolSize = run.setting->options.poolSize;
  root->untracked = run.setting->options.untracked;
  root->bound = run.setting->options.boundMemory;
  root->shared = run.setting->options.shared;
  root->arena = run.setting->options.engine == MEMA_ARENA;
  root->lender = root;
  MUST(mema_initPoolWith(&root->pool, &run.setting->options));
  for (run.step = 0; run.step < run.operations; run.step++) {
    playStep();
    compareAll();
  }
  endIn(root, 0);
  MUST(freePool(&root->pool));
  compareEvents();
}

int main(int argc, char **argv) {
  const char *given = argc > 2 ? argv[2] : getenv("SEED");
  uint64_t fresh = (uint64_t)time(NULL) * 1000003u % 1000000000u;
  run.operations = argc > 1 ? strtoull(argv[1], NULL, 0) : 10000;
  run.setting = settings;
  mema_Options options = {.poolSize = MIB, .untracked = true};
  MUST(mema_initPoolWith(&oracle, &options));
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    run.setting = &settings[i];
    if (given != NULL) {
      playSeed(strtoull(given, NULL, 0));
      continue;
    }
    for (uint64_t fixed = 1; fixed <= 4; fixed++) playSeed(fixed);
    playSeed(fresh);
  }
  printf("%zu operations in each of %zu settings, seed %s\n", run.operations, sizeof settings / sizeof *settings,
         given != NULL ? given : "1, 2, 3, 4");
  if (given == NULL) printf("and the fresh seed %llu\n", (unsigned long long)fresh);
  return 0;
}
