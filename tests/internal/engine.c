/* A further engine, added in the places that docs/adding-an-engine.md lists and in no other, serves pools of all sorts: its row stands in a
 * table of engines of this program's own (tests.mk). The engine wraps malloc; the model and the sentences here are those for any pool. */
#include "../../src/base/poolState.h"

#include "places.h"
#include "unit.h"

#include "../model/model.h"
#include "engine/mallocEngine.h"

#define FURTHER .engine = (mema_Engine)mallocEngine

enum { budget = 64 * 1024, deadCount = 32 };

static Kind tracked = {"tracked", {.poolSize = budget, FURTHER}},
            untracked = {"untracked", {.poolSize = budget, .untracked = true, FURTHER}},
            bound = {"bound", {.poolSize = budget, .boundMemory = true, FURTHER}},
            full = {"full", {.poolSize = budget, .reservation = budget / 4, FURTHER}},
            fullUntracked = {"full, untracked", {.poolSize = budget, .reservation = budget / 4, .untracked = true, FURTHER}},
            fullBound = {"full, bound", {.poolSize = budget, .reservation = budget / 4, .boundMemory = true, FURTHER}};

#define eachSort(test)                                                                             \
  withKind(test, tracked), withKind(test, untracked), withKind(test, bound), withKind(test, full), \
      withKind(test, fullUntracked), withKind(test, fullBound)

/* ---- against the model ------------------------------------------------------------------------------------------------------- */

static uint64_t seed;
static void *dead[deadCount];

static size_t below(size_t n) {
  return n == 0 ? 0 : (size_t)(nextRandom(&seed) % n);
}

static void bury(void *ptr) {
  dead[below(deadCount)] = ptr;
}

/* A value that is not, or only just may be, a live chunk. */
static void *somePointer(const Model *model) {
  const ModelChunk *chunk = model->count != 0 ? &model->chunks[below(model->count)] : NULL;
  size_t choice = below(4);
  if (choice == 0) return NULL;
  if (choice == 1 || chunk == NULL) return dead[below(deadCount)];
  if (choice == 2) return hidePointer(chunk->ptr + 1 + below(chunk->size));
  return hidePointer((void *)(addressOf(chunk->ptr) ^ (uintptr_t)1 << below(wordBits)));
}

static void changeThePool(Model *model, Pool *pool, const mema_Options *options) {
  size_t choice = below(5);
  if (choice == 0) modelReset(model);
  if (choice == 1) modelResize(model, 1 + below(2 * options->poolSize));
  if (choice == 2) modelResize(model, options->poolSize);
  if (choice == 3) modelTrim(model);
  if (choice != 4) return;
  modelEnd(model);
  modelStart(model, pool, options);
}

static void playStep(Model *model) {
  size_t choice = below(100), size = below(10) == 0 ? below(budget) : below(1000), index = below(model->count);
  if (choice < 40) {
    modelAllocate(model, (ModelCall)below(3), (size_t)1 << below(13), size);
  } else if (choice < 65 && model->count != 0) {
    bury(model->chunks[index].ptr);
    modelFree(model, index);
  } else if (choice < 80 && model->count != 0) {
    bury(model->chunks[index].ptr);
    modelRepalloc(model, index, size);
  } else if (choice < 85) {
    modelCharge(model, size);
  } else if (choice < 90) {
    modelCredit(model, model->charged - below(model->charged + 1));
  } else if (choice < 95) {
    modelTryFree(model, somePointer(model));
  } else {
    modelTryRepalloc(model, somePointer(model), size);
  }
}

/* Calls of all kinds, good and bad, have the results that any pool has. */
static void theModelSeesNoDifference(void **state) {
  const mema_Options *options = &((const Kind *)*state)->options;
  static Pool pool;
  for (uint64_t round = 1; round <= 3; round++) {
    Model model = {0};
    seed = round;
    modelForget();
    memset(dead, 0, sizeof dead);
    modelStart(&model, &pool, options);
    for (size_t step = 1; step <= 6000; step++) {
      playStep(&model);
      if (step % 499 == 0) changeThePool(&model, &pool, options);
      if (step % 100 == 0) modelAudit(&model);
    }
    modelEnd(&model);
    free(model.chunks);
  }
}

/* ---- what the model does not tell ----------------------------------------------------------------------------------------------- */

static void optionsAreJudged(void **state) {
  Pool pool = {0};
  mema_Options options = ((const Kind *)*state)->options;
  options.shared = true;
  assertFails(mema_initPoolWith(&pool, &options), MEMA_BAD_ARGUMENT);
  options.shared = false;
  options.memory = &(const mema_Memory){0};
  assertFails(mema_initPoolWith(&pool, &options), MEMA_BAD_ARGUMENT);
  options.memory = NULL;
  options.poolSize = 0;
  assertFails(mema_initPoolWith(&pool, &options), MEMA_BAD_ARGUMENT);
  options.poolSize = budget;
  options.engine = (mema_Engine)(mallocEngine + 1);
  assertFails(mema_initPoolWith(&pool, &options), MEMA_BAD_ARGUMENT);
  options.engine = (mema_Engine)mallocEngine;
  assertWorks(mema_initPoolWith(&pool, &options));
  assertRefused(&pool, mema_initPoolWith(&pool, &options), MEMA_LIVE_POOL);
  assert_true(freePool(&pool));
}

static void copiesAndEarlierLivesAreNoPools(void **state) {
  const mema_Options *options = &((const Kind *)*state)->options;
  Pool pool = {0}, copy;
  assert_true(mema_initPoolWith(&pool, options));
  void *chunk = palloc(&pool, 100);
  copy = pool;
  assertFails(pfree(&copy, chunk), MEMA_BAD_POOL);
  assertFails(palloc(&copy, 1) != NULL, MEMA_BAD_POOL);
  assert_true(freePool(&pool));
  pool = copy;
  assertFails(mema_repalloc(&pool, chunk, 10) != NULL, MEMA_BAD_POOL);
  assertFails(freePool(&pool), MEMA_BAD_POOL);
  Pool other = {0};
  assert_true(mema_initPoolWith(&other, options)); /* in the header of the first */
  assertFails(palloc(&pool, 1) != NULL, MEMA_BAD_POOL);
  assertPool(&other, 0, 0);
  assert_true(freePool(&other));
}

static void reportsAskTheRow(void **state) {
  const mema_Options *options = &((const Kind *)*state)->options;
  Pool pool = {0};
  mema_Stats stats;
  char picture[2000];
  size_t inside = 0;
  assert_true(mema_initPoolWith(&pool, options));
  for (size_t i = 0; i < 40; i++) {
    const char *chunk = palloc(&pool, 1000);
    mema_Chunk found;
    assert_non_null(chunk);
    inside += pool.heap->ops->find(pool.heap, chunk, &found);
  }
  size_t room = options->reservation != 0 ? options->reservation / 1008 : 40;
  assert_int_equal(inside, room); /* the others lie outside */
  assert_true(mema_poolStats(&pool, &stats));
  assert_int_equal(stats.outsideChunks, 40 - inside);
  assert_true(stats.footprint >= 40 * 1000 && stats.liveChunks == 40);
  assert_true(mema_drawPool(&pool, picture, sizeof picture, 72, true) < sizeof picture);
  assert_non_null(strstr(picture, "40 chunks"));
  assert_non_null(strstr(picture, "  memory  untouched"));
  mema_Chunk chunk;
  size_t walked = 0;
  for (size_t at = 0; pool.heap->ops->walk(pool.heap, at, &chunk); walked++)
    at = (size_t)(addressOf(chunk.ptr) - addressOf(pool.mem)) + chunk.room;
  assert_int_equal(walked, inside);
  assert_true(mema_checkPool(&pool));
  assert_true(freePool(&pool));
}

static void marksGoBackWhereThereIsAChain(void **state) {
  const mema_Options *options = &((const Kind *)*state)->options;
  Pool pool = {0};
  assert_true(mema_initPoolWith(&pool, options));
  void *old = palloc(&pool, 100);
  if (options->untracked) {
    assertFails(mema_markPool(&pool).serial != 0, MEMA_BAD_ARGUMENT);
  } else {
    mema_Mark mark = mema_markPool(&pool);
    for (int i = 0; i < 30; i++) assert_non_null(palloc(&pool, 700));
    void *keptChunk = palloc(&pool, 50);
    assertWorks(mema_keepChunk(&pool, mark, keptChunk));
    assertWorks(mema_rewindPool(&pool, mark));
    assert_true(pool.head->ptr == old && pool.tail->ptr == keptChunk);
    assert_true(pfree(&pool, keptChunk));
  }
  assert_true(pfree(&pool, old));
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

/* With its pools as parent and as child of each other, and of slab pools: every level's budget is exact. */
static void familiesMixEngines(void **state) {
  const mema_Options *options = &((const Kind *)*state)->options;
  mema_Options slab = {.poolSize = budget, .untracked = options->untracked};
  for (int round = 0; round < 3; round++) {
    const mema_Options *above = round == 1 ? &slab : options, *under = round == 2 ? &slab : options;
    Pool parent = {0}, child = {0};
    assert_true(mema_initPoolWith(&parent, above));
    mema_Options sub = *under;
    sub.guaranteed = 1000;
    assertWorks(mema_initSubPool(&child, &parent, &sub));
    assert_int_equal(parent.freeSize, budget - 1000);
    void *first = palloc(&child, 800), *second = palloc(&child, 3000), *own = palloc(&parent, 500);
    assert_true(first != NULL && second != NULL && own != NULL);
    size_t charged = child.poolSize - child.freeSize;
    assertFails(pfree(&parent, first), MEMA_BAD_POINTER);
    assertFails(pfree(&child, own), MEMA_BAD_POINTER);
    assert_non_null(second = mema_repalloc(&child, second, 5000));
    assert_true(child.poolSize - child.freeSize > charged);
    assert_true(mema_checkPool(&parent) && mema_checkPool(&child));
    assert_true(pfree(&parent, own));
    assert_int_equal(parent.poolSize - parent.freeSize, child.poolSize - child.freeSize);
    assert_true(pfree(&child, first) && pfree(&child, second));
    assert_int_equal(parent.freeSize, budget - 1000);
    assert_non_null(palloc(&child, 100));
    assert_true(freePool(&parent)); /* and the child with it */
    assertFails(palloc(&child, 1) != NULL, MEMA_BAD_POOL);
  }
}

static bool freeOne(Pool *pool, size_t wanted, void *arg) {
  (void)wanted;
  void **chunk = arg;
  bool given = *chunk != NULL && pfree(pool, *chunk);
  *chunk = NULL;
  return given;
}

static void callbacksMakeRoom(void **state) {
  const mema_Options *options = &((const Kind *)*state)->options;
  Pool pool = {0};
  assert_true(mema_initPoolWith(&pool, options));
  void *victim = palloc(&pool, budget / 2);
  assert_true(mema_onExhausted(&pool, freeOne, &victim));
  void *chunk = palloc(&pool, budget * 3 / 4);
  assert_true(chunk != NULL && victim == NULL);
  assertRefused(&pool, palloc(&pool, hideSize(budget / 2)) != NULL, MEMA_OVER_BUDGET);
  assert_true(mema_failAfter(&pool, 0, true));
  assertRefused(&pool, palloc(&pool, 1) != NULL, MEMA_INJECTED);
  assertWorks(palloc(&pool, 1) != NULL);
  size_t most = mema_largestChunk(&pool);
  assert_true(palloc(&pool, hideSize(most + 1)) == NULL && palloc(&pool, most) != NULL);
  assert_true(freePool(&pool));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      eachSort(theModelSeesNoDifference),
      eachSort(optionsAreJudged),
      eachSort(copiesAndEarlierLivesAreNoPools),
      eachSort(reportsAskTheRow),
      eachSort(marksGoBackWhereThereIsAChain),
      eachSort(familiesMixEngines),
      eachSort(callbacksMakeRoom),
  };
  return runTests(tests);
}
