/* attempt.c - see attempt.h. */
#define _GNU_SOURCE
#include "attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "complain.h"
#include "environment.h"
#include "point.h"

#define SECOND UINT64_C(1000000000)

/* After SIGTERM a program has so long to end. */
#define GRACE SECOND

static const int taken[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD};
enum { TAKEN_COUNT = sizeof taken / sizeof taken[0] };

static sigset_t takenSet, callersMask;
static char *preloadBefore, *preloadWithin;

uint64_t nowInNanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

/* ---- the environment ---------------------------------------------------------------------------------------------- */

static char *copyPreload(void) {
  const char *value = getenv("LD_PRELOAD");
  return value != NULL ? strdup(value) : NULL;
}

static void setPreload(const char *value) {
  if (value != NULL) {
    setenv("LD_PRELOAD", value, 1);
  } else {
    unsetenv("LD_PRELOAD");
  }
}

/* A caller that has a signal ignored, as nohup does, does not want it to end mema. SIGTERM always ends a keeper. */
static bool isTaken(int number) {
  struct sigaction action;
  return number == SIGTERM || number == SIGCHLD || sigaction(number, NULL, &action) != 0 || action.sa_handler != SIG_IGN;
}

bool prepareAttempts(void) {
  preloadBefore = copyPreload();
  if (!preloadLibrary(&runLibrary)) return false;
  preloadWithin = copyPreload();
  setPreload(preloadBefore);
  sigemptyset(&takenSet);
  for (size_t i = 0; i < TAKEN_COUNT; i++) {
    if (isTaken(taken[i])) sigaddset(&takenSet, taken[i]);
  }
  sigprocmask(SIG_BLOCK, &takenSet, &callersMask);
  signal(SIGCHLD, SIG_DFL);
  signal(SIGPIPE, SIG_IGN);
  return preloadWithin != NULL;
}

void leaveAttempts(void) {
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, &callersMask, NULL);
}

int awaitSignal(void) {
  const struct timespec fifth = {0, 200 * 1000 * 1000};
  int number = sigtimedwait(&takenSet, NULL, &fifth);
  return number > 0 && number != SIGCHLD ? number : 0;
}

/* ---- what the program writes -------------------------------------------------------------------------------------- */

/* FNV-1a. */
static void addBytes(Stream *stream, const char *bytes, size_t count) {
  if (stream->bytes == 0) stream->hash = 0xcbf29ce484222325;
  stream->bytes += count;
  for (size_t i = 0; i < count; i++) stream->hash = (stream->hash ^ (unsigned char)bytes[i]) * 0x100000001b3;
}

/* Of the first line with text in it. */
static void addMessage(char *message, const char *bytes, size_t count) {
  size_t length = strlen(message);
  for (size_t i = 0; i < count && length + 1 < MESSAGE_ROOM; i++) {
    if (length > 0 && message[length - 1] == '\n') return;
    if (length > 0 || bytes[i] != '\n') message[length++] = bytes[i];
    message[length] = '\0';
  }
}

/* Reads what is there. At the end of the file closes it and makes it -1. */
static void drain(int *file, Stream *stream, char *message) {
  char bytes[65536];
  ssize_t count = read(*file, bytes, sizeof bytes);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    close(*file);
    *file = -1;
    return;
  }
  addBytes(stream, bytes, (size_t)count);
  if (message != NULL) addMessage(message, bytes, (size_t)count);
}

/* ---- the end of all processes ------------------------------------------------------------------------------------- */

/* Sends the signal to each child of this process. False where the kernel does not list them. */
static bool signalChildren(int number) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  FILE *list = fopen(path, "re");
  if (list == NULL) return false;
  for (int child; fscanf(list, "%d", &child) == 1;) kill(child, number);
  fclose(list);
  return true;
}

/* The children of each killed process become this one's, so this ends when there is none. True if there was any. */
static bool killAll(pid_t group) {
  bool any = false;
  for (;;) {
    kill(-group, SIGKILL);
    bool knowsAll = signalChildren(SIGKILL);
    pid_t ended = waitpid(-1, NULL, knowsAll ? 0 : WNOHANG);
    if (ended <= 0 && errno != EINTR) return any;
    any = true;
  }
}

/* ---- the keeper's process ----------------------------------------------------------------------------------------- */

/* A program under way. */
typedef struct Course {
  Attempt *attempt;
  pid_t program;
  int output, errors, signals;
  bool ended;
  bool asked;        /* by SIGTERM to end */
  uint64_t deadline; /* of what comes next: SIGTERM, or SIGKILL */
  uint64_t mostOutput;
} Course;

__attribute__((noreturn)) static void becomeProgram(const Subject *subject, const Keeper *keeper) {
  const char *path = subject->target->path;
  setPreload(preloadWithin);
  leaveAttempts();
  keeper->attempt->reason = EIO;
  if (setEnvironment(&subject->run, &keeper->table)) {
    keeper->attempt->reason = 0;
    execv(path, subject->run.command);
    if (errno == ENOEXEC && isShellText(subject->target)) execvp(path, subject->run.command);
    keeper->attempt->reason = errno;
  }
  _exit(126);
}

__attribute__((noreturn)) static void becomeCheck(const char *check) {
  leaveAttempts();
  execl("/bin/sh", "sh", "-c", check, (char *)NULL);
  _exit(126);
}

/* Core files of the failing runs are not kept. */
static void prepareProgram(const char *input, int output, int errors) {
  struct rlimit core = {0, 0};
  prctl(PR_SET_PDEATHSIG, 0);
  setsid();
  int file = open(input, O_RDONLY | O_NOCTTY);
  dup2(file, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(errors, STDERR_FILENO);
  if (file > STDERR_FILENO) close(file);
  getrlimit(RLIMIT_CORE, &core);
  core.rlim_cur = 0;
  setrlimit(RLIMIT_CORE, &core);
}

/* The program's status; those of other processes are not kept. */
static void reap(Course *course, int *status) {
  pid_t ended;
  while ((ended = waitpid(-1, course->ended ? NULL : status, WNOHANG)) > 0) {
    if (ended == course->program) course->ended = true;
  }
}

static bool isOverdue(Course *course) {
  Attempt *attempt = course->attempt;
  bool floods = attempt->output.bytes > course->mostOutput || attempt->errors.bytes > course->mostOutput;
  return floods || nowInNanoseconds() >= course->deadline;
}

/* At the first time limit asks all processes to end, at the second gives up. */
static bool goesOn(Course *course) {
  if (course->ended && course->output < 0 && course->errors < 0) return false;
  if (!isOverdue(course)) return true;
  course->attempt->timedOut = true;
  if (course->asked) return false;
  kill(-course->program, SIGTERM);
  signalChildren(SIGTERM);
  course->asked = true;
  course->mostOutput = UINT64_MAX;
  course->deadline = nowInNanoseconds() + GRACE;
  return true;
}

static void takeSignals(const Course *course) {
  struct signalfd_siginfo info;
  while (read(course->signals, &info, sizeof info) == (ssize_t)sizeof info) {
    if (info.ssi_signo == SIGCHLD) continue;
    killAll(course->program);
    _exit(1);
  }
}

/* Reads and waits until the program has ended and its output is closed, or its time is up. Returns its status. */
static int attend(Course *course, Stream *output, Stream *errors, char *message) {
  int status = 0, last = 0;
  while (goesOn(course)) {
    struct pollfd files[] = {{.fd = course->output, .events = POLLIN},
                             {.fd = course->errors, .events = POLLIN},
                             {.fd = course->signals, .events = POLLIN}};
    poll(files, 3, 200);
    if (files[0].revents != 0) drain(&course->output, output, NULL);
    if (files[1].revents != 0) drain(&course->errors, errors, message);
    if (files[2].revents != 0) takeSignals(course);
    bool before = course->ended;
    reap(course, &last);
    if (!before && course->ended) status = last;
  }
  course->attempt->lasted = killAll(course->program) || course->attempt->lasted;
  return status;
}

/* Starts a child with its output in pipes. False if the system has no room. */
static bool begin(Course *course, const Subject *subject, const Keeper *keeper, const char *check) {
  int output[2], errors[2];
  if (pipe2(output, O_CLOEXEC) != 0 || pipe2(errors, O_CLOEXEC) != 0) return false;
  course->program = fork();
  if (course->program == 0) {
    prepareProgram(subject->input, output[1], errors[1]);
    if (check != NULL) becomeCheck(check);
    becomeProgram(subject, keeper);
  }
  close(output[1]);
  close(errors[1]);
  course->output = output[0];
  course->errors = errors[0];
  course->ended = course->asked = false;
  course->mostOutput = subject->mostOutput;
  course->deadline = nowInNanoseconds() + subject->nanoseconds;
  return course->program > 0;
}

static uint64_t inNanoseconds(struct timeval time) {
  return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_usec * 1000;
}

static uint64_t processorTime(void) {
  struct rusage usage;
  getrusage(RUSAGE_CHILDREN, &usage);
  return inNanoseconds(usage.ru_utime) + inNanoseconds(usage.ru_stime);
}

static void runProgram(Course *course, const Subject *subject, const Keeper *keeper) {
  Attempt *attempt = keeper->attempt;
  uint64_t start = nowInNanoseconds();
  if (!begin(course, subject, keeper, NULL)) {
    attempt->reason = EAGAIN;
    return;
  }
  int status = attend(course, &attempt->output, &attempt->errors, attempt->message);
  attempt->nanoseconds = nowInNanoseconds() - start;
  attempt->processorTime = processorTime();
  attempt->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  attempt->status = attempt->signal != 0 ? 128 + attempt->signal : WEXITSTATUS(status);
}

static void runCheck(Course *course, const Subject *subject, const Keeper *keeper) {
  Attempt *attempt = keeper->attempt;
  Stream errors = {0};
  bool timedOut = attempt->timedOut;
  if (!begin(course, subject, keeper, subject->check)) return;
  int status = attend(course, &attempt->checkOutput, &errors, NULL);
  attempt->checkStatus = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  attempt->timedOut = timedOut;
}

/* A signal that ends mema ends the keeper, and the keeper ends its program. */
__attribute__((noreturn)) static void keep(const Keeper *keeper, const Subject *subject, pid_t parent) {
  Course course = {.attempt = keeper->attempt};
  setsid();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(2);
  course.signals = signalfd(-1, &takenSet, SFD_CLOEXEC | SFD_NONBLOCK);
  runProgram(&course, subject, keeper);
  if (subject->check != NULL && keeper->attempt->reason == 0) runCheck(&course, subject, keeper);
  _exit(0);
}

/* ---- for the caller ----------------------------------------------------------------------------------------------- */

bool makeKeeper(Keeper *keeper) {
  keeper->pid = 0;
  if (!makeTableFile(&keeper->table)) return false;
  keeper->attempt = mmap(NULL, sizeof *keeper->attempt, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (keeper->attempt != MAP_FAILED) return true;
  complain("no memory for the results: %s", strerror(errno));
  removeTableFile(&keeper->table);
  return false;
}

void removeKeeper(Keeper *keeper) {
  munmap(keeper->attempt, sizeof *keeper->attempt);
  removeTableFile(&keeper->table);
}

static void askForStacks(RunPoints *points, const char *file) {
  if (file != NULL && strlen(file) < sizeof points->stacksFile) strcpy(points->stacksFile, file);
}

bool startAttempt(Keeper *keeper, const Subject *subject) {
  pid_t parent = getpid();
  clearTable(&keeper->table);
  memset(keeper->attempt, 0, sizeof *keeper->attempt);
  if (subject->counts) askForPoint(&keeper->table.table->points, subject->run.failAt, subject->run.fromThenOn);
  askForStacks(&keeper->table.table->points, subject->stacks);
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) keep(keeper, subject, parent);
  keeper->pid = pid > 0 ? pid : 0;
  return pid > 0;
}

bool attemptHasEnded(Keeper *keeper) {
  if (keeper->pid == 0 || waitpid(keeper->pid, NULL, WNOHANG) != keeper->pid) return false;
  keeper->pid = 0;
  return true;
}

void stopAttempt(Keeper *keeper) {
  if (keeper->pid == 0) return;
  kill(keeper->pid, SIGTERM);
  while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR) continue;
  keeper->pid = 0;
}

int makeAttempt(Keeper *keeper, const Subject *subject) {
  if (!startAttempt(keeper, subject)) {
    complain("cannot start a process: %s", strerror(errno));
    return -1;
  }
  while (!attemptHasEnded(keeper)) {
    int signal = awaitSignal();
    if (signal == 0) continue;
    stopAttempt(keeper);
    return signal;
  }
  return 0;
}
