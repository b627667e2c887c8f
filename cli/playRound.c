/* playRound.c - see playRound.h. */
#define _GNU_SOURCE
#include "playRound.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "complain.h"

/* The child's answer, in memory that it shares with the parent. */
typedef struct Answer {
  bool done;
  char reason[512]; /* why not; empty: it said nothing */
  Played played;
} Answer;

/* ---- the child ---------------------------------------------------------------------------------------------------- */

/* A line of /proc/self/status, in bytes. Without stdio, whose buffers would come from the heap that is measured. */
static uint64_t statusLine(const char *name) {
  char text[8192];
  int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  ssize_t length = file < 0 ? 0 : read(file, text, sizeof text - 1);
  if (file >= 0) close(file);
  text[length > 0 ? length : 0] = '\0';
  const char *line = strstr(text, name);
  return line == NULL ? 0 : strtoull(line + strlen(name), NULL, 10) * 1024;
}

/* The most that was resident begins anew. */
static void forgetPeak(void) {
  int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  if (write(file, "5", 1) < 0) errno = 0;
  close(file);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* In place before the clock runs, and not from the heap. */
static PlayObject *makeObjects(const TraceProcess *process) {
  size_t bytes = (process->objects + (size_t)1) * sizeof(PlayObject);
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

static void measure(const TraceProcess *process, const PlayHeap *heap, PlayObject *objects, Answer *answer) {
  forgetPeak();
  uint64_t before = statusLine("VmRSS:");
  double start = now();
  answer->played.counts = playProcess(process, heap, objects);
  answer->played.nanoseconds = now() - start;
  uint64_t peak = statusLine("VmHWM:");
  answer->played.footprint = peak > before ? peak - before : 0;
  answer->done = true;
}

__attribute__((noreturn)) static void play(const TraceProcess *process, const Contender *contender, Answer *answer) {
  PlayHeap heap;
  const char *reason = openContender(contender, &heap);
  PlayObject *objects = reason == NULL ? makeObjects(process) : NULL;
  if (objects != NULL) {
    measure(process, &heap, objects, answer);
  } else {
    snprintf(answer->reason, sizeof answer->reason, "%s", reason != NULL ? reason : "there is no memory for the objects");
  }
  _exit(0);
}

/* ---- the parent --------------------------------------------------------------------------------------------------- */

static bool judge(const Contender *contender, const Answer *answer, int status) {
  if (answer->done) return true;
  if (answer->reason[0] != '\0') {
    complain("cannot play against '%s': %s", contender->name, answer->reason);
  } else if (WIFSIGNALED(status)) {
    complain("'%s' was ended by signal %d while it was played against", contender->name, WTERMSIG(status));
  } else {
    complain("'%s' ended the process that it was played in", contender->name);
  }
  return false;
}

bool playRound(const TraceProcess *process, const Contender *contender, Played *played) {
  Answer *answer = mmap(NULL, sizeof *answer, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int status = 0;
  pid_t pid = answer == MAP_FAILED ? -1 : fork();
  if (pid == 0) play(process, contender, answer);
  if (pid < 0) {
    complain("cannot play: %s", strerror(errno));
    if (answer != MAP_FAILED) munmap(answer, sizeof *answer);
    return false;
  }
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  bool done = judge(contender, answer, status);
  *played = answer->played;
  munmap(answer, sizeof *answer);
  return done;
}
