/* mema_current.h: a chunk is freed into its own pool, whichever pool is current, and each mistake is refused with a sentence. */
#include "hosts.h"

#define MEMA_CURRENT_IMPLEMENTATION
#include <errno.h>
#include <mema_current.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static Pool first, second;

static void begin(void) {
  CHECK(initPool(&first, 10000) && initPool(&second, 10000));
  badCalls = 0;
}

static void end(void) {
  CHECK(mema_checkPool(&first) && mema_checkPool(&second));
  CHECK(first.freeSize == 10000 && second.freeSize == 10000);
  CHECK(freePool(&first) && freePool(&second));
}

static void requestsGoToTheCurrentPool(void) {
  begin();
  CHECK(mema_currentPool() == NULL);
  CHECK(mema_pushPool(&first) && mema_currentPool() == &first);
  char *a = mema_currentMalloc(100);
  CHECK(mema_pushPool(&second) && mema_currentPool() == &second);
  char *b = mema_currentCalloc(10, 20), *c = mema_currentStrdup("text");
  CHECK(first.freeSize == 9900 && second.freeSize == 9795 && b[199] == 0 && strcmp(c, "text") == 0);
  CHECK(mema_currentMalloc(20000) == NULL && errno == ENOMEM && strstr(mema_currentError(), "over budget") != NULL);
  mema_currentFree(a); /* the pool below the current one */
  a = mema_currentMalloc(1);
  CHECK(mema_popPool(&second));
  mema_currentFree(b); /* a pool that is no longer on the stack */
  mema_currentFree(c);
  CHECK(mema_currentSize(a) == 1);
  mema_currentFree(a);
  mema_currentFree(NULL);
  CHECK(mema_popPool(&first) && mema_currentPool() == NULL && badCalls == 0);
  end();
}

static void aChunkGrowsInItsOwnPool(void) {
  begin();
  CHECK(mema_pushPool(&first));
  char *a = mema_currentMalloc(10);
  strcpy(a, "123456789");
  CHECK(mema_pushPool(&second));
  a = mema_currentRealloc(a, 5000);
  CHECK(first.freeSize == 5000 && second.freeSize == 10000 && strcmp(a, "123456789") == 0);
  CHECK(mema_currentRealloc(a, 20000) == NULL && first.freeSize == 5000);
  char *b = mema_currentRealloc(NULL, 100);
  CHECK(second.freeSize == 9900);
  a = mema_currentRealloc(a, 0);
  CHECK(a != NULL && first.freeSize == 9999);
  CHECK(mema_popPool(&second) && mema_popPool(&first));
  a = mema_currentReallocOrAbort(a, 1, 7);
  mema_currentFreeSized(a, 7);
  mema_currentFree(b);
  CHECK(badCalls == 0);
  end();
}

static bool leaveEarly(void) {
  MEMA_WITH_POOL(&first) {
    CHECK(mema_currentPool() == &first);
    MEMA_WITH_POOL(&second) {
      CHECK(mema_currentPool() == &second);
      return true;
    }
  }
  return false;
}

static void aScopeIsLeftInAnyWay(void) {
  begin();
  CHECK(leaveEarly() && mema_currentPool() == NULL);
  for (int i = 0; i < 3; i++) MEMA_WITH_POOL(&first) {
      if (i == 1) break;
    }
  CHECK(mema_currentPool() == NULL && badCalls == 0);
  Pool none = {0};
  MEMA_WITH_POOL(&none) CHECK(false);
  CHECK(badCalls == 1 && strstr(badSentence, "not a live pool") != NULL);
  end();
}

static void popsAreChecked(void) {
  begin();
  CHECK(!mema_popPool(&first) && errno == EINVAL && strstr(mema_currentError(), "not the current one") != NULL);
  CHECK(mema_pushPool(&first) && mema_pushPool(&second));
  CHECK(!mema_popPool(&first) && mema_currentPool() == &second);
  for (int i = 2; i < MEMA_CURRENT_DEPTH; i++) CHECK(mema_pushPool(&first));
  CHECK(!mema_pushPool(&first) && errno == EAGAIN);
  for (int i = 2; i < MEMA_CURRENT_DEPTH; i++) CHECK(mema_popPool(&first));
  CHECK(mema_popPool(&second) && mema_popPool(&first) && !mema_popPool(&first));
  end();
}

/* ---- mistakes ------------------------------------------------------------------------------------------------------------ */

static void aRequestWithoutAPoolIsReported(void) {
  badCalls = 0;
  CHECK(mema_currentMalloc(1) == NULL && mema_currentCalloc(1, 1) == NULL && mema_currentRealloc(NULL, 1) == NULL);
  CHECK(errno == EINVAL && badCalls == 3 && strstr(badSentence, "no pool is current") != NULL);
}

static void aForeignPointerIsRefused(void) {
  begin();
  char *other = malloc(10), local;
  CHECK(mema_pushPool(&first));
  char *a = mema_currentMalloc(64);
  mema_currentFree(other);
  mema_currentFree(&local);
  mema_currentFree(a + 16);
  mema_currentFree((void *)(uintptr_t)0xdeadbeefdeadbee0);
  CHECK(badCalls == 4 && strstr(badSentence, "not the start of a live chunk") != NULL);
  CHECK(!mema_currentRelease(other) && errno == EINVAL && mema_currentSize(other) == 0);
  CHECK(mema_currentRealloc(other, 20) == NULL && badCalls == 5);
  CHECK(figures(&first).badFrees == 6 && first.freeSize == 10000 - 64);
  mema_currentFree(a);
  mema_currentFree(a);
  CHECK(badCalls == 6);
  CHECK(mema_popPool(&first));
  free(other);
  end();
}

static void aChunkOfAnEndedPoolIsRefused(void) {
  begin();
  CHECK(mema_pushPool(&second));
  char *kept = mema_currentMalloc(10);
  CHECK(mema_pushPool(&first));
  char *chunk = mema_currentMalloc(3000), *large = mema_currentMalloc(6000);
  CHECK(freePool(&first)); /* while it is current */
  badCalls = 0;
  CHECK(mema_currentMalloc(1) == NULL && badCalls == 1 && strstr(badSentence, "not a live pool") != NULL);
  mema_currentFree(chunk);
  CHECK(mema_currentRealloc(large, 1) == NULL && badCalls == 3);
  CHECK(mema_popPool(&first));
  mema_currentFree(chunk);
  CHECK(badCalls == 4 && second.freeSize == 9990);
  memset(&first, 0x55, sizeof first); /* it is off the stack: its struct may go */
  mema_currentFree(large);
  CHECK(badCalls == 5);
  mema_currentFree(kept);
  CHECK(mema_popPool(&second) && initPool(&first, 10000));
  end();
}

static void aPoolMayBeResetWhileItIsCurrent(void) {
  begin();
  CHECK(mema_pushPool(&first));
  for (int i = 0; i < 3; i++) {
    char *chunk = mema_currentMalloc(9000);
    CHECK(chunk != NULL && mema_resetPool(&first));
  }
  char *chunk = mema_currentMalloc(9000);
  CHECK(mema_popPool(&first));
  mema_currentFree(chunk);
  CHECK(badCalls == 0);
  end();
}

static Pool *toEnd;
static void freeInCleanup(void *chunk) {
  mema_currentFree(chunk);
}

static void cleanUpsMayFree(void) {
  begin();
  mema_Cleanup early = {0}, late = {0};
  CHECK(mema_pushPool(&first));
  toEnd = &first;
  CHECK(mema_addCleanup(&first, &late, freeInCleanup, mema_currentMalloc(10), MEMA_AFTER_SUB_POOLS));
  CHECK(mema_addCleanup(&first, &early, freeInCleanup, mema_currentMalloc(10), MEMA_BEFORE_SUB_POOLS));
  CHECK(freePool(toEnd) && badCalls == 0 && mema_popPool(&first) && initPool(&first, 10000));
  end();
}

/* ---- threads ------------------------------------------------------------------------------------------------------------- */

static char *ofFirst, *ofShared;
static Pool everyones;

static void *inAnotherThread(void *arg) {
  (void)arg;
  badCalls = 0;
  mema_currentFree(ofFirst); /* the main thread's pool */
  CHECK(badCalls == 1 && strstr(badSentence, "this thread may use") != NULL);
  CHECK(mema_currentMalloc(1) == NULL && badCalls == 2); /* it has no current pool */
  mema_currentFree(ofShared);
  CHECK(badCalls == 2 && mema_freeSize(&everyones) == 100000);
  CHECK(mema_setDefaultPool(&everyones));
  ofShared = mema_currentMalloc(100);
  CHECK(ofShared != NULL && mema_freeSize(&everyones) < 100000);
  return NULL;
}

static void *takeOver(void *arg) {
  (void)arg;
  CHECK(mema_pushPool(&first));
  mema_currentFree(ofFirst);
  CHECK(badCalls == 0 && mema_popPool(&first));
  return NULL;
}

static void run(void *(*body)(void *)) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
}

static void threadsFreeWhatTheyMay(void) {
  begin();
  mema_Options options = {.poolSize = 100000, .shared = true};
  CHECK(mema_initPoolWith(&everyones, &options));
  CHECK(!mema_setDefaultPool(&first) && strstr(mema_currentError(), "not shared") != NULL);
  CHECK(mema_pushPool(&first));
  ofFirst = mema_currentMalloc(100);
  CHECK(mema_popPool(&first));
  CHECK(mema_pushPool(&everyones));
  ofShared = mema_currentMalloc(100);
  CHECK(mema_popPool(&everyones));
  run(inAnotherThread);
  CHECK(first.freeSize == 9900); /* nothing is lost */
  mema_currentFree(ofShared);
  CHECK(badCalls == 2);
  badCalls = 0;
  char *last = palloc(&first, 10), *stays = palloc(&first, 10);
  mema_currentFree(last); /* the last search found this pool, which is then another thread's */
  run(takeOver);
  CHECK(!mema_currentRelease(stays));
  CHECK(mema_pushPool(&first)); /* and back */
  CHECK(mema_currentRelease(stays));
  ofFirst = mema_currentMalloc(100);
  CHECK(mema_popPool(&first));
  mema_currentFree(ofFirst);
  CHECK(mema_forgetPool(&everyones) && !mema_forgetPool(&everyones) && freePool(&everyones));
  CHECK(mema_currentPool() == NULL && badCalls == 0);
  end();
}

/* A shared pool ends while it is current, or while it is the default pool. Its struct stays in place. */
static void aSharedPoolThatHasEndedIsReported(void) {
  mema_Options options = {.poolSize = 100000, .shared = true};
  for (int i = 0; i < 2; i++) {
    CHECK(mema_initPoolWith(&everyones, &options));
    CHECK(i == 0 ? mema_pushPool(&everyones) : mema_setDefaultPool(&everyones));
    char *chunk = mema_currentMalloc(10);
    CHECK(chunk != NULL && freePool(&everyones));
    badCalls = 0;
    CHECK(mema_currentMalloc(1) == NULL && errno == EINVAL && strstr(badSentence, "not a live pool") != NULL);
    CHECK(mema_currentCalloc(1, 1) == NULL && mema_currentStrdup("text") == NULL && badCalls == 3);
    mema_currentFree(chunk);
    CHECK(mema_currentRealloc(chunk, 20) == NULL && badCalls == 5);
    if (i == 0) CHECK(mema_popPool(&everyones));
    CHECK(mema_forgetPool(&everyones) && mema_currentPool() == NULL);
  }
  badCalls = 0;
}

/* The struct of a shared pool has a pool of one thread next. */
static void aStructChangesItsKind(void) {
  static Pool pool;
  mema_Options options = {.poolSize = 100000, .shared = true};
  for (int i = 0; i < 4; i++) {
    options.shared = i % 2 == 0;
    CHECK(mema_initPoolWith(&pool, &options) && mema_pushPool(&pool));
    char *chunk = mema_currentMalloc(100);
    CHECK(mema_popPool(&pool));
    mema_currentFree(chunk);
    CHECK(badCalls == 0 && mema_freeSize(&pool) == 100000);
    CHECK(!mema_setDefaultPool(&pool) == !options.shared);
    if (options.shared) CHECK(mema_setDefaultPool(NULL));
    CHECK(freePool(&pool));
  }
}

/* ---- many pools ---------------------------------------------------------------------------------------------------------- */

enum { POOLS = 3000 };

static void anyOfManyPoolsIsFound(void) {
  static Pool pools[POOLS];
  static char *chunks[POOLS];
  begin();
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < POOLS; i++) {
      CHECK(initPool(&pools[i], 1000) && mema_pushPool(&pools[i]));
      chunks[i] = mema_currentMalloc(10);
      CHECK(mema_popPool(&pools[i]));
    }
    for (int i = 0; i < POOLS; i += 2) mema_currentFree(chunks[(size_t)i * 7919 % POOLS]);
    for (int i = 0; i < POOLS; i++) CHECK((pools[i].freeSize == 1000) == (i % 2 == 0));
    for (int i = 0; i < POOLS; i++) CHECK(freePool(&pools[i]));
  }
  mema_currentFree(chunks[1]);
  CHECK(badCalls == 1);
  end();
}

static void aChildOfForkHasItsPools(void) {
  begin();
  CHECK(mema_pushPool(&first));
  char *chunk = mema_currentMalloc(10);
  CHECK(mema_popPool(&first));
  pid_t child = fork();
  if (child == 0) {
    alarm(600);
    mema_currentFree(chunk);
    _exit(badCalls == 0 && first.freeSize == 10000 && freePool(&first) ? 0 : 1);
  }
  int status = 1;
  CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
  mema_currentFree(chunk);
  end();
}

int main(void) {
  requestsGoToTheCurrentPool();
  aChunkGrowsInItsOwnPool();
  aScopeIsLeftInAnyWay();
  popsAreChecked();
  aRequestWithoutAPoolIsReported();
  aForeignPointerIsRefused();
  aChunkOfAnEndedPoolIsRefused();
  aPoolMayBeResetWhileItIsCurrent();
  cleanUpsMayFree();
  threadsFreeWhatTheyMay();
  aSharedPoolThatHasEndedIsReported();
  aStructChangesItsKind();
  anyOfManyPoolsIsFound();
  aChildOfForkHasItsPools();
  return report();
}
