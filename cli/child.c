/* child.c - see child.h. */
#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "descriptor.h"

/* The last two for ourselves: where SIGCHLD is ignored, the kernel keeps no status of a child that ends; and what we write when
 * it has ended may meet a limit (`ulimit -f`), which is no reason to lose that status. */
static const int handled[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD, SIGXFSZ};
enum { HANDLED_COUNT = sizeof handled / sizeof handled[0] };

/* The settings that the caller of mema made for them, and the program is to find. */
typedef struct Dispositions {
  struct sigaction actions[HANDLED_COUNT];
  sigset_t pending; /* came meanwhile */
} Dispositions;

static sigset_t callersMask;
static bool holding;

static volatile pid_t childPid;

static void passOn(int number) {
  int savedErrno = errno;
  if (childPid > 0) kill(childPid, number);
  errno = savedErrno;
}

static void (*handlerFor(int number))(int) {
  switch (number) {
    case SIGINT:
    case SIGQUIT:
    case SIGXFSZ:
      return SIG_IGN;
    case SIGCHLD:
      return SIG_DFL;
    default:
      return passOn;
  }
}

void holdSignals(void) {
  sigset_t blocked;
  if (holding) return;
  holding = true;
  sigemptyset(&blocked);
  for (size_t i = 0; i < HANDLED_COUNT; i++) sigaddset(&blocked, handled[i]);
  sigprocmask(SIG_BLOCK, &blocked, &callersMask);
}

/* Leaves the signals blocked, so that none comes before there is a child to pass it on to. */
static void takeOver(Dispositions *before) {
  holdSignals();
  sigpending(&before->pending);
  for (size_t i = 0; i < HANDLED_COUNT; i++) {
    struct sigaction action = {.sa_handler = handlerFor(handled[i])};
    sigaction(handled[i], &action, &before->actions[i]);
  }
}

/* In the child. What its parent passes on comes from there; what the terminal sends came before it was born. */
static void giveBack(const Dispositions *before) {
  for (size_t i = 0; i < HANDLED_COUNT; i++) sigaction(handled[i], &before->actions[i], NULL);
  sigprocmask(SIG_SETMASK, &callersMask, NULL);
  if (sigismember(&before->pending, SIGINT)) raise(SIGINT);
  if (sigismember(&before->pending, SIGQUIT)) raise(SIGQUIT);
}

/* The reason why execve failed goes through a pipe that its success closes. */
__attribute__((noreturn)) static void becomeTarget(const Target *target, char **argv, const Dispositions *before,
                                                   int report) {
  giveBack(before);
  execv(target->path, argv);
  /* The path has a slash: execvp looks nowhere else, and gives the file to the shell. */
  if (errno == ENOEXEC && isShellText(target)) execvp(target->path, argv);
  int reason = errno;
  ssize_t written = write(report, &reason, sizeof reason);
  _exit(written == (ssize_t)sizeof reason ? 126 : 125);
}

static int receiveReason(int report) {
  int reason = 0;
  ssize_t length;
  do length = read(report, &reason, sizeof reason);
  while (length < 0 && errno == EINTR);
  return length == (ssize_t)sizeof reason ? reason : 0;
}

static Ending waitForEnd(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  /* From here on the number may be another process's. */
  childPid = 0;
  if (WIFSIGNALED(status)) return (Ending){.status = 128 + WTERMSIG(status), .signal = WTERMSIG(status)};
  return (Ending){.status = WEXITSTATUS(status)};
}

static Ending neverBegan(int reason) {
  return (Ending){.status = reason == ENOENT ? 127 : 126, .reason = reason};
}

Ending runChild(const Target *target, char **argv) {
  Dispositions before;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return neverBegan(errno);
  int receiver = moveAside(ends[0]), sender = moveAside(ends[1]);
  takeOver(&before);
  pid_t pid = fork();
  if (pid == 0) becomeTarget(target, argv, &before, sender);
  int reason = errno;
  childPid = pid;
  sigprocmask(SIG_SETMASK, &callersMask, NULL);
  close(sender);
  if (pid > 0) {
    reason = receiveReason(receiver);
  }
  close(receiver);
  if (pid < 0) return neverBegan(reason);
  Ending ending = waitForEnd(pid);
  return reason != 0 ? neverBegan(reason) : ending;
}
