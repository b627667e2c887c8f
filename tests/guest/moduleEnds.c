/* moduleEnds MODULE - a module is unloaded while threads live that used its pools. They end later, and the process forks, without a
 * call into the unmapped module. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "../preload/check.h"

enum { THREADS = 4, ROUNDS = 20 };

static bool (*use)(void), (*end)(void);
static pthread_barrier_t barrier;

static void fail(void *unused) {
  (void)unused;
  abort();
}

static void *work(void *unused) {
  (void)unused;
  CHECK(use());
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  return NULL;
}

static void checkFork(void) {
  int status = -1;
  pid_t child = fork();
  if (child == 0) _exit(0);
  CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  pthread_barrier_init(&barrier, NULL, THREADS + 1);
  for (int round = 0; round < ROUNDS; round++) {
    pthread_t threads[THREADS];
    pthread_key_t key;
    void *module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    CHECK(module != NULL);
    *(void **)(void *)&use = dlsym(module, "moduleUse");
    *(void **)(void *)&end = dlsym(module, "moduleEnd");
    CHECK(use != NULL && end != NULL && use());
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
    pthread_barrier_wait(&barrier);
    CHECK(end() && dlclose(module) == 0);
    CHECK(dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) == NULL);
    /* A key that is made now may be the module's old one: the threads' ends have nothing for it. */
    CHECK(pthread_key_create(&key, fail) == 0);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(pthread_key_delete(key) == 0);
    checkFork();
  }
  return 0;
}
