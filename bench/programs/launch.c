/* launch.c - starts a program and writes down what it took.
 *
 *   launch COMMAND [ARGUMENT…]      writes "NANOSECONDS MICROSECONDS KIBIBYTES STATUS\n" to descriptor 3
 *
 * from the start to the end of it, of the processors with the children it waited for, resident at most (of the largest of them),
 * and the status that wait gave. A program's ru_maxrss begins with that of the process it was forked from: so this one is small, and
 * linked statically. It makes nothing of LD_PRELOAD, which reaches the program. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REPORT = 3 };

static long long nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static long long microseconds(struct timeval t) {
  return (long long)t.tv_sec * 1000000 + t.tv_usec;
}

int main(int count, char **arguments) {
  if (count < 2) return 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* no server is left behind by a benchmark that is stopped */
  fcntl(REPORT, F_SETFD, FD_CLOEXEC);
  long long start = nanoseconds();
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(arguments[1], arguments + 1);
    _exit(127);
  }
  struct rusage usage;
  int status;
  if (child < 0 || wait4(child, &status, 0, &usage) != child) return 1;
  long long took = nanoseconds() - start;
  long long used = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
  return dprintf(REPORT, "%lld %lld %ld %d\n", took, used, usage.ru_maxrss, status) > 0 ? 0 : 1;
}
