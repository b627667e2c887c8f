/* forks - children made by fork, by _Fork and by a raw system call, each of which allocates 1000 times, releases one object of
 * its parent's and ends; a child of vfork, which does nothing; and children forked while other threads allocate. The parent
 * allocates 10 objects before and 10 after. Exit status 0: all children came to theirs. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern pid_t _Fork(void) __attribute__((weak));

static void *kept[10];
static _Atomic int stop;

static void allocateTen(size_t size) {
  for (int i = 0; i < 10; i++) {
    free(kept[i]);
    kept[i] = malloc(size);
  }
}

__attribute__((noreturn)) static void beChild(void) {
  void *chunks[1000];
  for (int i = 0; i < 1000; i++) chunks[i] = malloc(33);
  for (int i = 0; i < 1000; i++) free(chunks[i]);
  free(kept[3]);
  _exit(5);
}

static int endedWell(pid_t pid) {
  int status = 0;
  return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 5;
}

static void *allocateOn(void *unused) {
  (void)unused;
  while (!atomic_load(&stop)) free(malloc(77));
  return NULL;
}

static int forkAmongThreads(void) {
  pthread_t threads[2];
  int well = 1;
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, allocateOn, NULL);
  for (int i = 0; i < 8; i++) {
    pid_t pid = fork();
    if (pid == 0) beChild();
    well = endedWell(pid) && well;
  }
  atomic_store(&stop, 1);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  return well;
}

int main(int argc, char **argv) {
  (void)argv;
  allocateTen(11);
  pid_t pid = fork();
  if (pid == 0) beChild();
  if (!endedWell(pid)) return 1;
  pid = _Fork != NULL ? _Fork() : fork();
  if (pid == 0) beChild();
  if (!endedWell(pid)) return 2;
  pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
  if (pid == 0) beChild();
  if (!endedWell(pid)) return 3;
  pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): it is what is tested */
  if (pid == 0) _exit(5);
  if (!endedWell(pid)) return 4;
  allocateTen(12);
  return argc > 1 && !forkAmongThreads() ? 5 : 0;
}
