/* sandbox [filter] - a program that limits its own system calls, then allocates: chunks of all sizes, large zeroed chunks in memory that
 * was used before, threads that free each other's chunks, threads that begin and end. With "filter" any call ends the process that is not
 * in the list, which is made for the malloc of the C library; without it, strace sees the calls behind prctl. */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "../preload/check.h"

enum { PLACES = 1000, STEPS = 60000, SHARED = 20000, LARGE = 10 << 20 };

static void *shared[SHARED];
static pthread_barrier_t barrier;

static void churn(uint64_t random) {
  void *places[PLACES] = {NULL};
  for (int i = 0; i < STEPS; i++) {
    void **place = &places[nextRandom(&random) % PLACES];
    free(*place);
    *place = malloc((size_t)(nextRandom(&random) % (i % 50 != 0 ? 2000 : 200000)));
    CHECK(*place != NULL);
  }
  for (int i = 0; i < PLACES; i++) free(places[i]);
}

static void *work(void *unused) {
  free(malloc(10));
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  for (int i = 0; i < SHARED; i++) free(shared[i]);
  churn(3);
  return unused;
}

static void *begin(void *unused) {
  churn(5);
  return unused;
}

static void useLarge(void) {
  for (int i = 0; i < 3; i++) {
    unsigned char *chunk = calloc(1, LARGE);
    CHECK(chunk != NULL && isFilled(chunk, LARGE, 0));
    if (i > 0) fill(chunk, LARGE, 7);
    chunk = realloc(chunk, 3 * (size_t)LARGE);
    CHECK(chunk != NULL && chunk[LARGE - 1] == (i > 0 ? 7 : 0));
    free(chunk);
  }
}

static bool limitCalls(void) {
  const int list[] = {SYS_mmap,  SYS_munmap, SYS_mremap, SYS_brk,        SYS_madvise,   SYS_mprotect,
                      SYS_futex, SYS_write,  SYS_exit,   SYS_exit_group, SYS_getrandom, SYS_rt_sigprocmask};
  enum { COUNT = sizeof list / sizeof list[0] };
  struct sock_filter filter[2 * COUNT + 2];
  size_t length = 0;
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, nr));
  for (int i = 0; i < COUNT; i++) {
    filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)list[i], 0, 1);
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  const struct sock_fprog program = {(unsigned short)length, filter};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int main(int argc, char **argv) {
  bool isFiltered = argc > 1 && strcmp(argv[1], "filter") == 0;
  pthread_t thread;
  useLarge();
  churn(1);
  if (!isFiltered) {
    pthread_barrier_init(&barrier, NULL, 2);
    CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
    pthread_barrier_wait(&barrier);
  }
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  if (isFiltered && !limitCalls()) return 4;
  churn(2);
  useLarge();
  if (!isFiltered) {
    for (int i = 0; i < SHARED; i++) CHECK((shared[i] = malloc(50 + (size_t)i % 300)) != NULL);
    pthread_barrier_wait(&barrier);
    churn(4);
    CHECK(pthread_join(thread, NULL) == 0);
    for (int i = 0; i < 3; i++) CHECK(pthread_create(&thread, NULL, begin, NULL) == 0 && pthread_join(thread, NULL) == 0);
  }
  _exit(0);
}
