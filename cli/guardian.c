/* guardian.c - see guardian.h. The names come through the pipe, each with a zero byte at its end; the last one counts. */
#define _GNU_SOURCE
#include "guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "descriptor.h"

/* Of newer C libraries. */
extern pid_t _Fork(void) __attribute__((weak)); /* NOLINT(bugprone-reserved-identifier) */

/* Without the handlers of a fork: if mema runs in a run itself, the guardian is no process of that. */
static pid_t forkQuietly(void) {
  return _Fork != NULL ? _Fork() : fork();
}

/* And without those of an end, which would note that this process has ended. */
__attribute__((noreturn)) static void leave(int status) {
  for (;;) syscall(SYS_exit_group, status);
}

static void closeFrom(int first) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first, ~0u, 0) == 0) return;
#endif
  for (int descriptor = first; descriptor < 4096; descriptor++) close(descriptor);
}

/* Nothing of the caller's is held open, or kept busy, and no signal but SIGKILL ends the guardian. */
static void detach(int receiver) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  setsid();
  dup2(receiver, STDIN_FILENO);
  closeFrom(STDIN_FILENO + 1);
  if (chdir("/") != 0) leave(1);
  prctl(PR_SET_NAME, "mema-guardian");
}

static ssize_t readAll(char *bytes, size_t room) {
  ssize_t length;
  do length = read(STDIN_FILENO, bytes, room);
  while (length < 0 && errno == EINTR);
  return length;
}

/* Reads names until the other process has ended, then removes the file of the last one. */
__attribute__((noreturn)) static void guard(void) {
  char path[PATH_MAX] = "", bytes[PATH_MAX];
  size_t at = 0;
  ssize_t length;
  while ((length = readAll(bytes, sizeof bytes)) > 0) {
    for (ssize_t i = 0; i < length; i++) {
      if (at < sizeof path) path[at++] = bytes[i];
      if (bytes[i] == '\0') at = 0;
    }
  }
  leave(at != 0 || unlink(path) == 0 || errno == ENOENT ? 0 : 1);
}

void startGuardian(Guardian *guardian) {
  int ends[2];
  *guardian = (Guardian){.pid = -1, .sender = -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  int receiver = moveAside(ends[0]), sender = moveAside(ends[1]);
  pid_t pid = receiver >= 0 && sender >= 0 ? forkQuietly() : -1;
  if (pid == 0) {
    detach(receiver);
    guard();
  }
  if (receiver >= 0) close(receiver);
  if (pid < 0 && sender >= 0) close(sender);
  if (pid > 0) *guardian = (Guardian){.pid = pid, .sender = sender};
}

/* A path is shorter than PIPE_BUF, so it is written whole. SIGPIPE is no end for a guardian that was killed. */
void nameFile(const Guardian *guardian, const char *path) {
  struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
  if (guardian->pid < 0) return;
  sigaction(SIGPIPE, &ignore, &before);
  ssize_t written = write(guardian->sender, path, strlen(path) + 1);
  (void)written;
  sigaction(SIGPIPE, &before, NULL);
}

bool endGuardian(Guardian *guardian) {
  int status = 0;
  pid_t ended;
  if (guardian->pid < 0) return false;
  close(guardian->sender);
  do ended = waitpid(guardian->pid, &status, 0);
  while (ended < 0 && errno == EINTR);
  *guardian = (Guardian){.pid = -1, .sender = -1};
  return ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
