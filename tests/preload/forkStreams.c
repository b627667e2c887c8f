/* forkStreams - a thread allocates while it has a stream; a second one flushes all streams and waits for that stream; a third one
 * forks, and waits for the second. The C library's fork takes the lock of the list of streams after the fork handlers. If the heap is
 * taken before that lock, each of the three waits for the next. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"

enum { ROUNDS = 20 };

static FILE *stream;
static pthread_barrier_t ready;
static _Atomic pid_t flusher, forker;

static pid_t threadId(void) {
  return (pid_t)syscall(SYS_gettid);
}

/* No function here allocates. */
static bool isAsleep(pid_t thread) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
  int file = open(path, O_RDONLY);
  ssize_t length = file < 0 ? 0 : read(file, text, sizeof text - 1);
  if (file >= 0) close(file);
  if (length <= 0) return false;
  text[length] = '\0';
  const char *name = strrchr(text, ')');
  return name != NULL && name[1] == ' ' && name[2] == 'S';
}

static void waitUntilAsleep(_Atomic pid_t *thread) {
  while (atomic_load(thread) == 0 || !isAsleep(atomic_load(thread))) sched_yield();
}

/* Large chunks, and mappings, are made under locks; so is the first small chunk of a thread. */
static void *allocateWithStream(void *unused) {
  flockfile(stream);
  pthread_barrier_wait(&ready);
  waitUntilAsleep(&flusher);
  waitUntilAsleep(&forker);
  void *small = malloc(100), *large = malloc(2000000),
       *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(small != NULL && large != NULL && memory != MAP_FAILED && munmap(memory, 8192) == 0);
  funlockfile(stream);
  free(small);
  free(large);
  return unused;
}

static void *flushAll(void *unused) {
  pthread_barrier_wait(&ready);
  atomic_store(&flusher, threadId());
  fflush(NULL);
  return unused;
}

static void *forkAfterFlush(void *unused) {
  int status;
  pthread_barrier_wait(&ready);
  waitUntilAsleep(&flusher);
  atomic_store(&forker, threadId());
  pid_t child = fork();
  if (child == 0) {
    /* the streams are free here */
    fprintf(stream, "child\n");
    fflush(NULL);
    free(malloc(2000000));
    _exit(0);
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return unused;
}

int main(void) {
  static void *(*const roles[])(void *) = {allocateWithStream, flushAll, forkAfterFlush};
  pthread_t threads[3];
  stream = fopen("/dev/null", "w");
  CHECK(stream != NULL);
  for (int round = 0; round < ROUNDS; round++) {
    atomic_store(&flusher, 0);
    atomic_store(&forker, 0);
    CHECK(pthread_barrier_init(&ready, NULL, 3) == 0);
    for (int i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, roles[i], NULL) == 0);
    for (int i = 0; i < 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    pthread_barrier_destroy(&ready);
  }
  fclose(stream);
  return 0;
}
