/* A fork while other threads use a shared pool: the pool is at rest and whole in parent and child, and in children of children. */
#include "threads.h"

#include <sys/wait.h>
#include <unistd.h>

static Pool pool; /* static: it is zero, and its memory stays */
static atomic_bool stopping;

static void *workOn(void *seed) {
  uint64_t random = addressOf(seed);
  unsigned char *chunks[40] = {NULL};
  while (!atomic_load(&stopping)) {
    unsigned i = (unsigned)(nextRandom(&random) % 40);
    if (chunks[i] == NULL) {
      size_t size = nextRandom(&random) % 50 == 0 ? 70000 : 1 + nextRandom(&random) % 2000;
      if ((chunks[i] = palloc(&pool, size)) != NULL) chunks[i][0] = (unsigned char)i;
    } else if (nextRandom(&random) % 4 == 0) {
      unsigned char *to = mema_repalloc(&pool, chunks[i], 1 + nextRandom(&random) % 3000);
      if (to != NULL) chunks[i] = to;
    } else {
      if (chunks[i][0] != i || !pfree(&pool, chunks[i])) complain("a chunk was lost");
      chunks[i] = NULL;
    }
  }
  for (unsigned i = 0; i < 40; i++)
    if (chunks[i] != NULL && !pfree(&pool, chunks[i])) complain("a chunk was lost at the end");
  return NULL;
}

static void *makePools(void *untracked) {
  while (!atomic_load(&stopping)) {
    Pool mine;
    if (!makeShared(memset(&mine, 0, sizeof mine), untracked != NULL, MIB)) complain("no pool");
    if (palloc(&mine, 100) == NULL || !freePool(&mine)) complain("a pool of a thread's own failed");
  }
  return NULL;
}

static int childsLife(unsigned depth);

static int forked(unsigned depth) {
  pid_t child = fork();
  if (child == 0) _exit(childsLife(depth));
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

static void *shortWork(void *itsPool) {
  void *chunk = palloc(itsPool, 1000);
  return chunk != NULL && pfree(itsPool, chunk) ? NULL : itsPool;
}

static int childsLife(unsigned depth) {
  alarm(hangLimit());
  mema_Stats stats;
  if (!mema_checkPool(&pool)) return 1;
  if (!mema_poolStats(&pool, &stats) || stats.freeSize != mema_freeSize(&pool)) return 2;
  void *chunk = palloc(&pool, 100);
  if (chunk == NULL || !pfree(&pool, chunk) || pfree(&pool, hidePointer(chunk))) return 3;
  if (depth < 3 && forked(depth + 1) != 0) return 9;
  /* All that is left can be had, in small pieces and to the last of them, and no more. */
  size_t most = mema_freeSize(&pool), piece = 512, pieces = 0;
  while (palloc(&pool, piece) != NULL) pieces++;
  if (pieces != most / piece) return 4;
  if (mema_lastError()->reason != MEMA_OVER_BUDGET) return 5;
  if (!mema_checkPool(&pool)) return 6;
  Pool mine = {0};
  if (!makeShared(&mine, stats.untracked, MIB) || palloc(&mine, 100) == NULL) return 7;
  pthread_t thread;
  void *answer = NULL;
  if (CHILD_MAY_START_THREADS &&
      (pthread_create(&thread, NULL, shortWork, &mine) != 0 || pthread_join(thread, &answer) != 0 || answer != NULL))
    return 8;
  return freePool(&mine) && mema_resetPool(&pool) && mema_freeSize(&pool) == stats.poolSize && freePool(&pool) ? 0 : 10;
}

static atomic_bool handlersCall;
static atomic_uint handlersCalls;

static void callInHandler(void) {
  if (!atomic_load(&handlersCall)) return;
  atomic_fetch_add(&handlersCalls, 1);
  void *chunk = palloc(&pool, 200), *large = palloc(&pool, 100000);
  if (chunk == NULL || large == NULL || !mema_ownsChunk(&pool, chunk)) complain("an atfork handler's request was refused");
  if (!pfree(&pool, chunk) || !pfree(&pool, large) || mema_freeSize(&pool) == 0)
    complain("an atfork handler's free was refused");
}

static void aForkFindsASharedPoolAtRest(void **state) {
  if (UNDER_ASAN) skip(); /* its allocator's own locks may be held by other threads at a fork, and stay so in the child */
  const Kind *kind = *state;
  enum { busy = 3 };
  pthread_t threads[busy + 1];
  forgetComplaints();
  atomic_store(&stopping, false);
  assert_true(makeShared(&pool, kind->options.untracked, 16 * MIB));
  for (unsigned i = 0; i < busy; i++) pthread_create(&threads[i], NULL, workOn, seedOf(i));
  pthread_create(&threads[busy], NULL, makePools, kind->options.untracked ? &pool : NULL);
  atomic_store(&handlersCall, true);
  unsigned forks = scaled(40);
  for (unsigned n = 0; n < forks; n++) {
    int status = forked(n % 10 == 0 ? 0 : 3);
    if (status != 0) fail_msg("child %u ended with wait status %#x: %s", n, (unsigned)status, mema_lastError()->sentence);
  }
  assert_true(atomic_load(&handlersCalls) >= 4 * forks);
  atomic_store(&handlersCall, false);
  atomic_store(&stopping, true);
  for (unsigned i = 0; i < busy + 1; i++) pthread_join(threads[i], NULL);
  assertNoComplaint();
  assertPool(&pool, 0, 0);
  assert_true(freePool(&pool));
}

int main(void) {
  pthread_atfork(callInHandler, callInHandler,
                 callInHandler); /* before the library's own, which come with the first shared pool */
  assert_true(makeShared(&pool, true, MIB) && freePool(&pool));
  pthread_atfork(callInHandler, callInHandler, callInHandler);
  const struct CMUnitTest tests[] = {
      withKind(aForkFindsASharedPoolAtRest, kindShared),
      withKind(aForkFindsASharedPoolAtRest, kindSharedTracked),
  };
  return runTests(tests);
}
