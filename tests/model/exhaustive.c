/* Every sequence of operations at a small scope, each step against the model.
 *
 * A sequence is a number: each digit chooses among the operations that make sense after the digits before it. Sequences are
 * counted through like an odometer's; as a pool cannot be copied, each is played from the start, but only the steps that
 * differ from the sequence before are audited.
 *
 *   exhaustive [depth]    the depth of the widest alphabet; each configuration adds its own to it */
#include "model.h"

enum { maxDepth = 12, maxSizes = 6 };

typedef struct Scope {
  const char *name;
  mema_Options options;
  size_t sizes[maxSizes]; /* palloc of each */
  size_t resized[2];      /* repalloc of every live chunk to each */
  size_t alignment;       /* 0: no pmemalign */
  int deeper;             /* than the depth asked for */
  bool interior;          /* free and repalloc inside of chunks as well */
  size_t charged;         /* charge and credit so many bytes; 0: neither */
} Scope;

enum { none = 0 }; /* ends a list of sizes; a request of 0 bytes is written as zeroBytes */
static const size_t zeroBytes = SIZE_MAX;

static _Alignas(16) char tiny[256], small[700];
#define FIXED(memory) .engine = MEMA_FIXED, .buffer = (memory), .bufferSize = sizeof(memory)

static const Scope scopes[] = {
    {"1 byte", {.poolSize = 1}, {zeroBytes, 1, 2}, {1, 2}, 16, 0, true, 0},
    {"16 bytes", {.poolSize = 16}, {zeroBytes, 1, 15, 16, 17}, {1, 16}, 32, 0, true, 0},
    {"17 bytes", {.poolSize = 17}, {zeroBytes, 1, 16, 17}, {16, 17}, 64, 0, true, 0},
    {"48 bytes", {.poolSize = 48}, {1, 16, 17, 32, 48}, {1, 33}, 64, 0, true, 0},
    {"100 bytes", {.poolSize = 100}, {zeroBytes, 16, 17, 50, 100}, {40, 100}, 256, 0, true, 0},
    {"200 bytes", {.poolSize = 200}, {1, 100, 200}, {17, 150}, 4096, 0, true, 0},
    {"100 bytes, deep", {.poolSize = 100}, {1, 17, 60}, {33, none}, 0, 2, false, 0},
    {"40 bytes, deeper", {.poolSize = 40}, {10, 40}, {none, none}, 0, 4, false, 0},
    {"untracked, 16 bytes", {.poolSize = 16, .untracked = true}, {zeroBytes, 1, 16, 17}, {1, 16}, 16, 0, true, 0},
    {"untracked, 100 bytes", {.poolSize = 100, .untracked = true}, {1, 16, 17, 50, 100}, {1, 60}, 64, 0, true, 0},
    {"untracked, 200 bytes", {.poolSize = 200, .untracked = true}, {zeroBytes, 48, 100}, {1, 150}, 64, 0, true, 0},
    {"untracked, 100 bytes, deep", {.poolSize = 100, .untracked = true}, {1, 17, 48}, {33, none}, 0, 2, false, 0},
    {"bound, 56 bytes", {.poolSize = 56, .boundMemory = true}, {zeroBytes, 1}, {1, 16}, 16, 0, true, 0},
    {"bound, 200 bytes", {.poolSize = 200, .boundMemory = true}, {zeroBytes, 16, 17, 100}, {1, 40}, 64, 0, true, 0},
    {"bound, 57 + 74 bytes, deep", {.poolSize = 57 + 74, .boundMemory = true}, {1, 17, 60}, {33, none}, 0, 2, false, 0},
    {"bound, charged", {.poolSize = 250, .boundMemory = true}, {1, 50}, {33, none}, 0, 1, false, 50},
    {"bound, starved",
     {.poolSize = 300000, .reservation = 4096, .boundMemory = true},
     {1, 3000, 70000, 140000},
     {100, 80000},
     0,
     -1,
     true,
     0},
    {"bound, shared, 200 bytes",
     {.poolSize = 200, .shared = true, .boundMemory = true},
     {zeroBytes, 17, 100},
     {40, 100},
     256,
     -1,
     true,
     0},
    {"bound, arena, 200 bytes",
     {.poolSize = 200, .engine = MEMA_ARENA, .boundMemory = true},
     {1, 17, 100},
     {40, 100},
     256,
     0,
     true,
     0},
    {"bound, fixed, 700 B", {.boundMemory = true, FIXED(small)}, {1, 60, 150}, {17, 100}, 64, 0, true, 0},
    {"bound, fixed, 200 bytes",
     {.poolSize = 200, .boundMemory = true, FIXED(small)},
     {zeroBytes, 50, 100},
     {40, none},
     0,
     0,
     false,
     33},
    {"committed", {.poolSize = 100, .committed = true}, {1, 50, 100}, {17, 100}, 64, -1, true, 0},
    {"starved", {.poolSize = 300000, .reservation = 4096}, {1, 3000, 70000, 140000}, {100, 80000}, 0, -1, true, 0},
    {"100 bytes, charged", {.poolSize = 100}, {1, 50, 100}, {33, none}, 0, 1, false, 50},
    {"untracked, charged", {.poolSize = 100, .untracked = true}, {1, 50}, {33, none}, 0, 1, false, 36},
    {"starved, untracked",
     {.poolSize = 300000, .untracked = true, .reservation = 4096},
     {1, 3000, 70000, 140000},
     {100, 80000},
     0,
     -1,
     true,
     0},
    {"shared, untracked, 100 bytes",
     {.poolSize = 100, .untracked = true, .shared = true},
     {1, 17, 50, 100},
     {1, 60},
     64,
     -1,
     true,
     0},
    {"shared, untracked, 300 KB",
     {.poolSize = 300000, .untracked = true, .shared = true},
     {1, 9000, 140000},
     {100, 20000},
     65536,
     -1,
     true,
     0},
    {"fixed, 256 B", {.untracked = true, FIXED(tiny)}, {1, 17, 48}, {33, none}, 32, 0, true, 0},
    {"fixed, 700 B", {.untracked = true, FIXED(small)}, {1, 60, 200}, {33, 120}, 64, 0, false, 0},
    {"fixed, 700 B, deep", {.untracked = true, FIXED(small)}, {16, 100, 300}, {none, none}, 0, 2, false, 0},
    {"fixed, tracked, 700 B", {FIXED(small)}, {1, 60, 150}, {17, 100}, 64, 0, true, 0},
    {"fixed, tracked, 100 bytes", {.poolSize = 100, FIXED(small)}, {zeroBytes, 50, 100}, {40, none}, 0, 0, false, 33},
    {"fixed, fallback", {.poolSize = 1000, .fallback = true, FIXED(tiny)}, {1, 60, 200}, {100, none}, 64, -1, true, 0},
    {"shared, 100 bytes", {.poolSize = 100, .shared = true}, {zeroBytes, 16, 50, 100}, {40, 100}, 256, -1, true, 0},
    {"shared, starved",
     {.poolSize = 300000, .untracked = true, .shared = true, .reservation = 4096},
     {1, 3000, 140000},
     {100, 80000},
     0,
     -1,
     true,
     0},
    {"arena, 17 bytes", {.poolSize = 17, .engine = MEMA_ARENA}, {zeroBytes, 1, 16, 17}, {16, 17}, 64, 0, true, 0},
    {"arena, 100 bytes", {.poolSize = 100, .engine = MEMA_ARENA}, {1, 17, 50, 100}, {40, 100}, 256, 0, true, 0},
    {"arena, 100 bytes, deep", {.poolSize = 100, .engine = MEMA_ARENA}, {1, 17, 60}, {33, none}, 0, 2, false, 0},
    {"arena, untracked, 100 bytes",
     {.poolSize = 100, .untracked = true, .engine = MEMA_ARENA},
     {zeroBytes, 17, 48, 100},
     {1, 60},
     64,
     0,
     true,
     0},
    {"arena, untracked, 200 bytes, deep",
     {.poolSize = 200, .untracked = true, .engine = MEMA_ARENA},
     {1, 48, 100},
     {17, none},
     0,
     1,
     false,
     0},
    {"arena, 100 KB, over words",
     {.poolSize = 100000, .untracked = true, .engine = MEMA_ARENA},
     {900, 1100, 40000},
     {500, 3000},
     4096,
     -1,
     true,
     0},
    {"arena, starved",
     {.poolSize = 300000, .reservation = 16384, .engine = MEMA_ARENA},
     {1, 3000, 70000},
     {100, 80000},
     0,
     -1,
     true,
     0},
    {"arena, starved, untracked",
     {.poolSize = 300000, .untracked = true, .reservation = 16384, .engine = MEMA_ARENA},
     {1, 9000, 70000},
     {100, 80000},
     4096,
     -1,
     true,
     0},
};

/* The sequence being played, and the addresses that it has seen. */
static int digits[maxDepth];
static char *known[maxDepth];
static int depth, knownCount, playing;
static const Scope *scope;
static Model model;
static Pool pool;

static void printSequence(void) {
  fprintf(stderr, "  scope \"%s\", step %d of", scope->name, playing + 1);
  for (int i = 0; i < depth; i++) fprintf(stderr, " %d", digits[i]);
  fprintf(stderr, "\n");
}

static void remember(size_t chunksBefore) {
  if (model.count > chunksBefore && knownCount < maxDepth) known[knownCount++] = (char *)model.chunks[model.count - 1].ptr;
}

static void repallocKnown(char *pointer, size_t size) {
  size_t index = modelFind(&model, pointer);
  if (index == model.count) {
    modelTryRepalloc(&model, pointer, size);
    return;
  }
  modelRepalloc(&model, index, size);
  /* The new address, if it is one: the moved chunk is found where it was, or as the youngest. */
  for (size_t i = 0; i < model.count && knownCount < maxDepth; i++) {
    int k = 0;
    while (k < knownCount && !samePlace(known[k], model.chunks[i].ptr)) k++;
    if (k == knownCount) known[knownCount++] = (char *)model.chunks[i].ptr;
  }
}

/* Each of the following plays operation `digit` if it is one of its own; otherwise it says how many it has. */
static int playRequest(int digit) {
  int count = 0;
  size_t before = model.count;
  for (; count < maxSizes && scope->sizes[count] != none; count++) {
    if (digit != count) continue;
    modelAllocate(&model, modelPalloc, 0, scope->sizes[count] == zeroBytes ? 0 : scope->sizes[count]);
    remember(before);
    return -1;
  }
  if (scope->alignment == 0) return count;
  if (digit == count) {
    modelAllocate(&model, modelPmemalign, scope->alignment, 3);
    remember(before);
    return -1;
  }
  return count + 1;
}

static int playCharge(int digit) {
  if (scope->charged == 0) return 0;
  if (digit == 0) return modelCharge(&model, scope->charged), -1;
  if (digit == 1) return modelCredit(&model, scope->charged), -1;
  return 2;
}

static int playKnown(int digit) {
  int count = 0;
  for (int k = 0; k < knownCount; k++) {
    if (digit == count++) return modelTryFree(&model, known[k]), -1;
    for (int i = 0; i < 2 && scope->resized[i] != none; i++) {
      if (digit == count++) return repallocKnown(known[k], scope->resized[i]), -1;
    }
    if (!scope->interior) continue;
    if (digit == count++) return modelTryFree(&model, known[k] + 1), modelTryRepalloc(&model, known[k] + 1, 5), -1;
    if (digit == count++) return modelTryFree(&model, hidePointer(known[k] + 16)), -1;
  }
  return count;
}

/* False where there is no such operation. */
static bool playDigit(int digit) {
  if (digit == 0) return modelReset(&model), true;
  int rest = digit - 1, count = playRequest(rest);
  if (count < 0) return true;
  rest -= count;
  count = playCharge(rest);
  if (count < 0) return true;
  return playKnown(rest - count) < 0;
}

/* Plays the digits, auditing from step `fresh` on. Returns the first step that has no such operation, or depth. */
static int playSequence(int fresh) {
  knownCount = 0;
  modelStart(&model, &pool, &scope->options);
  for (playing = 0; playing < depth; playing++) {
    if (!playDigit(digits[playing])) break;
    if (playing >= fresh) modelAudit(&model);
  }
  int played = playing;
  modelEnd(&model);
  return played;
}

static size_t playScope(void) {
  size_t sequences = 0;
  int fresh = 0;
  memset(digits, 0, sizeof digits);
  modelForget();
  for (;;) {
    int played = playSequence(fresh);
    if (played == depth) {
      sequences++;
      fresh = depth - 1;
    } else {
      fresh = played - 1; /* the operations of this step are used up: the step before takes its next one */
    }
    if (fresh < 0) return sequences;
    digits[fresh]++;
    for (int i = fresh + 1; i < depth; i++) digits[i] = 0;
  }
}

int main(int argc, char **argv) {
  int base = argc > 1 ? atoi(argv[1]) : 4;
  size_t total = 0;
  model.explain = printSequence;
  for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
    scope = &scopes[i];
    depth = base + scope->deeper;
    if (depth > maxDepth - 1) depth = maxDepth - 1;
    if (depth < 1) continue;
    size_t sequences = playScope();
    printf("%-28s depth %d: %zu sequences\n", scope->name, depth, sequences);
    total += sequences;
  }
  printf("%zu sequences in %zu scopes\n", total, sizeof scopes / sizeof *scopes);
  free(model.chunks);
  return 0;
}
