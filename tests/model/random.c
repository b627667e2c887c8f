/* Random calls, good and bad, against the model.
 *
 *   random [operations [seed [audit]]]    SEED=n in the environment does as well; audit: every so many operations
 *
 * Without a seed: each configuration with a fixed set of seeds, then with a fresh one, which is printed. */
#include "model.h"

#include "hooked.h"

#include <time.h>

enum { mostChunks = 4096, deadCount = 64 };

typedef struct Setting {
  const char *name;
  mema_Options options;
  size_t usual; /* most requests are below it, so that the pool holds many */
} Setting;

static _Alignas(16) char tiny[400], small[8 * KIB], middle[MIB + 7], large[16 * MIB];
#define FIXED(memory) .engine = MEMA_FIXED, .buffer = (memory), .bufferSize = sizeof(memory)

static const Setting settings[] = {
    {"tracked, 4 KiB", {.poolSize = 4 * KIB}, 300},
    {"tracked, 64 KiB", {.poolSize = 64 * KIB}, 500},
    {"tracked, 1 MiB", {.poolSize = MIB}, 2000},
    {"tracked, 64 MiB", {.poolSize = 64 * MIB}, 40000},
    {"tracked, odd size", {.poolSize = 777777}, 1000},
    {"untracked, 4 KiB", {.poolSize = 4 * KIB, .untracked = true}, 300},
    {"untracked, 1 MiB", {.poolSize = MIB, .untracked = true}, 2000},
    {"untracked, 64 MiB", {.poolSize = 64 * MIB, .untracked = true}, 40000},
    {"bound, 4 KiB", {.poolSize = 4 * KIB, .boundMemory = true}, 300},
    {"bound, 1 MiB", {.poolSize = MIB, .boundMemory = true}, 2000},
    {"bound, 64 MiB", {.poolSize = 64 * MIB, .boundMemory = true}, 40000},
    {"bound, starved, 1 MiB over 64 KiB", {.poolSize = MIB, .reservation = 64 * KIB, .boundMemory = true}, 2000},
    {"bound, hooked, 1 MiB", {.poolSize = MIB, .memory = &hookedDirty, .boundMemory = true}, 2000},
    {"bound, committed, 64 KiB", {.poolSize = 64 * KIB, .committed = true, .boundMemory = true}, 500},
    {"bound, shared, 1 MiB", {.poolSize = MIB, .shared = true, .boundMemory = true}, 2000},
    {"bound, arena, 1 MiB", {.poolSize = MIB, .engine = MEMA_ARENA, .boundMemory = true}, 2000},
    {"bound, arena, starved, 1 MiB over 64 KiB",
     {.poolSize = MIB, .reservation = 64 * KIB, .engine = MEMA_ARENA, .boundMemory = true},
     2000},
    {"bound, fixed, 1 MiB", {.boundMemory = true, FIXED(middle)}, 2000},
    {"bound, fixed, 4 KiB of 8 KiB", {.poolSize = 4 * KIB, .boundMemory = true, FIXED(small)}, 300},
    {"committed, 1 MiB", {.poolSize = MIB, .committed = true}, 2000},
    {"hooked, 1 MiB", {.poolSize = MIB, .memory = &hookedDirty}, 2000},
    {"hooked, untracked, 64 MiB", {.poolSize = 64 * MIB, .untracked = true, .memory = &hookedZeroed}, 40000},
    {"hooked, no purge, starved", {.poolSize = MIB, .reservation = 65536, .memory = &hookedKept}, 2000},
    {"hooked, no commit", {.poolSize = MIB, .memory = &hookedWhole}, 2000},
    {"hooked, shared", {.poolSize = MIB, .untracked = true, .shared = true, .memory = &hookedDirty}, 2000},
    {"committed, untracked, 64 KiB", {.poolSize = 64 * KIB, .committed = true, .untracked = true}, 500},
    {"starved, 1 MiB over 64 KiB", {.poolSize = MIB, .reservation = 64 * KIB}, 2000},
    {"starved, 64 MiB over 64 KiB", {.poolSize = 64 * MIB, .reservation = 64 * KIB}, 100000},
    {"starved, untracked, 1 MiB over 4 KiB", {.poolSize = MIB, .untracked = true, .reservation = 4 * KIB}, 2000},
    {"starved, committed, 1 MiB over 256 KiB", {.poolSize = MIB, .committed = true, .reservation = 256 * KIB}, 2000},
    {"shared, untracked, 4 KiB", {.poolSize = 4 * KIB, .untracked = true, .shared = true}, 300},
    {"shared, untracked, 1 MiB", {.poolSize = MIB, .untracked = true, .shared = true}, 2000},
    {"shared, untracked, 64 MiB", {.poolSize = 64 * MIB, .untracked = true, .shared = true}, 100000},
    {"shared, tracked, 1 MiB", {.poolSize = MIB, .shared = true}, 2000},
    {"shared, committed, 64 KiB", {.poolSize = 64 * KIB, .committed = true, .untracked = true, .shared = true}, 500},
    {"fixed, 400 B", {.untracked = true, FIXED(tiny)}, 40},
    {"fixed, tracked, 400 B", {FIXED(tiny)}, 40},
    {"fixed, 8 KiB", {.untracked = true, FIXED(small)}, 500},
    {"fixed, tracked, 4 KiB of 8 KiB", {.poolSize = 4 * KIB, FIXED(small)}, 300},
    {"fixed, 1 MiB", {.untracked = true, FIXED(middle)}, 2000},
    {"fixed, tracked, 1 MiB", {FIXED(middle)}, 2000},
    {"fixed, tracked, 8 MiB of 16 MiB", {.poolSize = 8 * MIB, FIXED(large)}, 20000},
    {"fixed, fallback, 1 MiB over 8 KiB", {.poolSize = MIB, .fallback = true, FIXED(small)}, 2000},
    {"fixed, fallback, untracked, 8 MiB over 1 MiB",
     {.poolSize = 8 * MIB, .untracked = true, .fallback = true, FIXED(middle)},
     20000},
    {"shared, starved, 1 MiB over 64 KiB",
     {.poolSize = MIB, .untracked = true, .shared = true, .reservation = 64 * KIB},
     2000},
    {"arena, 4 KiB", {.poolSize = 4 * KIB, .engine = MEMA_ARENA}, 300},
    {"arena, 1 MiB", {.poolSize = MIB, .engine = MEMA_ARENA}, 2000},
    {"arena, 64 MiB", {.poolSize = 64 * MIB, .engine = MEMA_ARENA}, 40000},
    {"arena, untracked, 64 KiB", {.poolSize = 64 * KIB, .untracked = true, .engine = MEMA_ARENA}, 500},
    {"arena, untracked, 8 MiB", {.poolSize = 8 * MIB, .untracked = true, .engine = MEMA_ARENA}, 20000},
    {"arena, committed, 256 KiB", {.poolSize = 256 * KIB, .committed = true, .engine = MEMA_ARENA}, 1000},
    {"arena, starved, 1 MiB over 64 KiB", {.poolSize = MIB, .reservation = 64 * KIB, .engine = MEMA_ARENA}, 2000},
    {"arena, starved, untracked, 1 MiB over 16 KiB",
     {.poolSize = MIB, .untracked = true, .reservation = 16 * KIB, .engine = MEMA_ARENA},
     2000},
};

static const Setting *setting;
static uint64_t seed, state;
static size_t step, operations, auditEvery;
static Model model;
static Pool pool;
static void *dead[deadCount]; /* addresses that were live once */

static void printCourse(void) {
  fprintf(stderr, "  setting \"%s\", step %zu; to repeat: random %zu %llu\n", setting->name, step, operations,
          (unsigned long long)seed);
}

/* 0: the bytes that the buffer holds, which is about its size. */
static size_t wholeBudget(void) {
  return setting->options.poolSize != 0 ? setting->options.poolSize : setting->options.bufferSize;
}

static size_t below(size_t limit) {
  return (size_t)(nextRandom(&state) % limit);
}

/* As likely between 16 and 32 as between 16 Ki and 32 Ki. */
static size_t logUniform(size_t limit) {
  unsigned bits = 0;
  while (bits < 62 && limit >> bits != 0) bits++;
  size_t size = (size_t)nextRandom(&state) & (((size_t)1 << below(bits + 1)) - 1);
  return size > limit ? limit : size;
}

static size_t someSize(void) {
  switch (below(32)) {
    case 0:
      return model.freeSize; /* the exact fill */
    case 1:
      return model.freeSize + 1;
    case 2:
      return logUniform(model.poolSize + 1);
    case 3:
      return nextRandom(&state) >> below(64); /* mostly absurd */
    default:
      return logUniform(setting->usual);
  }
}

static void bury(const void *pointer) {
  dead[below(deadCount)] = hidePointer(pointer);
}

static void allocateSome(void) {
  static const size_t badAlignments[] = {0, 3, 24, 4097, SIZE_MAX};
  size_t size = someSize(), kind = below(20);
  if (kind < 12) {
    modelAllocate(&model, modelPalloc, 0, size);
  } else if (kind < 15) {
    modelAllocate(&model, modelPcalloc, 0, size);
  } else if (kind < 19) {
    modelAllocate(&model, modelPmemalign, (size_t)1 << below(below(8) == 0 ? 21 : 13), size);
  } else {
    modelAllocate(&model, modelPmemalign, badAlignments[below(5)], size);
  }
}

static void freeSome(void) {
  if (model.count == 0) return;
  size_t index = below(4) == 0 ? model.count - 1 : below(model.count);
  bury(model.chunks[index].ptr);
  modelFree(&model, index);
}

static void repallocSome(void) {
  if (model.count == 0) return;
  size_t index = below(model.count);
  bury(model.chunks[index].ptr);
  modelRepalloc(&model, index, below(3) == 0 ? logUniform(2 * model.chunks[index].size) : someSize());
}

/* Any 64-bit value that is not, or only just may be, a live chunk. */
static void *somePointer(void) {
  const ModelChunk *chunk = model.count == 0 ? NULL : &model.chunks[below(model.count)];
  uintptr_t base = addressOf(pool.mem);
  switch (below(8)) {
    case 0:
      return NULL;
    case 1:
      return dead[below(deadCount)];
    case 2:
      return hidePointer((void *)(addressOf(dead[below(deadCount)]) ^ (uintptr_t)1 << below(wordBits)));
    case 3:
      return hidePointer((void *)(uintptr_t)nextRandom(&state));
    case 4:
      return hidePointer((void *)(base + below(8 * model.poolSize) / 16 * 16));
    case 5:
      return hidePointer((void *)(base + below(8 * model.poolSize)));
    case 6:
      return chunk == NULL ? &pool : hidePointer(chunk->ptr + 1 + below(chunk->size));
    default:
      return chunk == NULL ? &pool : hidePointer((void *)(addressOf(chunk->ptr) ^ (uintptr_t)1 << below(wordBits)));
  }
}

static void misuseSome(void) {
  void *pointer = somePointer();
  if (below(4) == 0) {
    modelTryRepalloc(&model, pointer, someSize());
  } else {
    modelTryFree(&model, pointer);
  }
}

/* Mostly small, and given back in other parts than they were charged in. */
static void chargeSome(void) {
  if (below(2) == 0) {
    modelCharge(&model, someSize());
  } else {
    modelCredit(&model, below(3) == 0 ? model.charged + below(2) : logUniform(model.charged + 1));
  }
}

/* Now and then the whole pool changes: emptied from the young or the old end, reset, resized, trimmed, made anew. */
static void changeThePool(void) {
  size_t leave = model.count / 8;
  switch (below(8)) {
    case 0:
      while (model.count > leave) modelFree(&model, model.count - 1);
      return;
    case 1:
      while (model.count > leave) modelFree(&model, below(model.count));
      return;
    case 2:
      modelReset(&model);
      return;
    case 3:
      modelResize(&model, logUniform(2 * wholeBudget()));
      return;
    case 4:
      modelResize(&model, wholeBudget());
      return;
    case 5:
      modelTrim(&model);
      return;
    case 6:
      modelEnd(&model);
      modelStart(&model, &pool, &setting->options);
      return;
    default:
      modelResize(&model, wholeBudget() + below(100000));
      return;
  }
}

static void playStep(void) {
  /* Waves of more and of fewer chunks; the wave's length is no multiple of anything else. */
  bool rising = step / 2777 % 2 == 0 && model.count < mostChunks;
  size_t choice = below(100);
  if (step % 997 == 996) {
    changeThePool();
  } else if (choice < (rising ? 50u : 25u)) {
    allocateSome();
  } else if (choice < 75) {
    freeSome();
  } else if (choice < 88) {
    repallocSome();
  } else if (choice < 92) {
    chargeSome();
  } else {
    misuseSome();
  }
}

static void playSeed(uint64_t with) {
  seed = state = with;
  memset(dead, 0, sizeof dead);
  modelForget();
  step = 0;
  modelStart(&model, &pool, &setting->options);
  for (; step < operations; step++) {
    playStep();
    if (step % auditEvery == 0) modelAudit(&model);
  }
  modelAudit(&model);
  modelEnd(&model);
}

int main(int argc, char **argv) {
  const char *given = argc > 2 ? argv[2] : getenv("SEED");
  uint64_t fresh = (uint64_t)time(NULL) * 1000003u % 1000000000u;
  operations = argc > 1 ? strtoull(argv[1], NULL, 0) : 20000;
  auditEvery = argc > 3 ? strtoull(argv[3], NULL, 0) : 1000;
  model.explain = printCourse;
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    setting = &settings[i];
    if (given != NULL) {
      playSeed(strtoull(given, NULL, 0));
      continue;
    }
    for (uint64_t fixed = 1; fixed <= 3; fixed++) playSeed(fixed);
    playSeed(fresh);
  }
  printf("%zu operations in each of %zu settings, seed %s\n", operations, sizeof settings / sizeof *settings,
         given != NULL ? given : "1, 2, 3");
  if (given == NULL) printf("and the fresh seed %llu\n", (unsigned long long)fresh);
  free(model.chunks);
  return 0;
}
