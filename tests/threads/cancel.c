/* No call on a pool is a point where a thread is cancelled. A cancelled thread would keep the pool's lock. */
#include "threads.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { done = 0, cannotTest = 3 };

static Pool pool;
static atomic_int calls;

/* Forbids membarrier from now on, as a sandbox may that begins after the pool was made. */
static bool forbidBarrier(void) {
  struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                               BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
                               BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                               BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {sizeof code / sizeof code[0], code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* A thread that is to be cancelled calls everything that waits for other threads. */
static void *callWhileCancelled(void *unused) {
  void *chunk = palloc(&pool, 100);
  pthread_cancel(pthread_self());
  mema_Stats stats;
  if (chunk != NULL && mema_freeSize(&pool) > 0) atomic_fetch_add(&calls, 1);
  if (mema_poolStats(&pool, &stats)) atomic_fetch_add(&calls, 1);
  if (mema_checkPool(&pool)) atomic_fetch_add(&calls, 1);
  if (mema_pallocWait(&pool, 2 * MIB, 1) == NULL) atomic_fetch_add(&calls, 1);
  mema_trimPool(&pool);
  if (pfree(&pool, chunk)) atomic_fetch_add(&calls, 1);
  pthread_testcancel();
  return unused;
}

static int tryInChild(bool forbid) {
  mema_Options options = {.poolSize = MIB, .shared = true, .untracked = true};
  pthread_t thread;
  void *result = NULL;
  if (!mema_initPoolWith(&pool, &options) || !pfree(&pool, palloc(&pool, 10))) return 4;
  if (forbid && !forbidBarrier()) return cannotTest;
  if (pthread_create(&thread, NULL, callWhileCancelled, NULL) != 0 || pthread_join(thread, &result) != 0) return 5;
  if (result != PTHREAD_CANCELED) return 6;
  if (atomic_load(&calls) != 5) return 7;
  /* the thread left nothing locked */
  return mema_freeSize(&pool) == MIB && freePool(&pool) ? done : 8;
}

static int inChild(bool forbid) {
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    alarm(hangLimit());
    _exit(tryInChild(forbid));
  }
  if (child < 0 || waitpid(child, &status, 0) != child) return 9;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* clang's address sanitizer takes the end of a cancelled thread for an overflow of its stack. */
static void callsCancelNoThread(void **state) {
  (void)state;
  if (UNDER_ASAN) skip();
  assert_int_equal(inChild(false), done);
}

static void callsCancelNoThreadWithoutTheBarrier(void **state) {
  (void)state;
  if (UNDER_ASAN) skip();
  int status = inChild(true);
  if (status == cannotTest) skip();
  assert_int_equal(status, done);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(callsCancelNoThread),
      cmocka_unit_test(callsCancelNoThreadWithoutTheBarrier),
  };
  return runTests(tests);
}
