/* sharing MODE: a program of several processes for tests of `mema run --total`. It prints what it got, in KiB. All of its chunks are at least
 * 1 KiB, and it uses no streams, whose buffers would be chunks. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KIB = 1024, MIB = 1024 * KIB, MOST = 1 << 16 };

static void *chunks[MOST];

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
  char line[200];
  va_list args;
  va_start(args, format);
  int length = vsnprintf(line, sizeof line, format, args);
  va_end(args);
  if (write(1, line, (size_t)length) != length) _exit(99);
}

/* Takes pieces until one is refused, or there are `most`. Returns their number. */
static int take(size_t piece, int most) {
  int count = 0;
  while (count < most && (chunks[count] = malloc(piece)) != NULL) count++;
  return count;
}

/* Keeps the chunk behind those of take. */
static int gets256(void) {
  chunks[MOST - 1] = malloc(256 * KIB);
  return chunks[MOST - 1] != NULL;
}

static void drop(int count) {
  for (int i = 0; i < count; i++) free(chunks[i]);
}

static int statusOf(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Each of `processes` takes pieces of `piece` bytes; all are alive until the last has. */
static int crowd(int processes, size_t piece) {
  int told[2], hold[2], sum = 0, got;
  if (pipe(told) != 0 || pipe(hold) != 0) return 99;
  for (int i = 0; i < processes; i++) {
    if (fork() != 0) continue;
    close(hold[1]);
    got = take(piece, MOST);
    if (write(told[1], &got, sizeof got) != sizeof got) _exit(99);
    _exit(read(hold[0], &got, 1) == 0 ? 0 : 99);
  }
  for (int i = 0; i < processes && read(told[0], &got, sizeof got) == sizeof got; i++) sum += got;
  close(hold[1]);
  while (wait(NULL) > 0) continue;
  say("%zu\n", (size_t)sum * (piece / KIB));
  return 0;
}

/* Children one after another, each of which takes 3 MiB and ends in another way; what they had is there again for the next. */
static int successors(void) {
  for (int i = 0; i < 30; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      int got = take(64 * KIB, 48);
      if (got != 48) _exit(1);
      if (i % 5 == 0) kill(getpid(), SIGKILL);
      if (i % 5 == 1) exit(0);
      if (i % 5 == 2) abort();
      if (i % 5 == 3) execl("/proc/self/exe", "sharing", "big", NULL);
      _exit(0);
    }
    if (statusOf(pid) == 1) {
      say("child %d was refused\n", i);
      return 1;
    }
  }
  say("all\n");
  return 0;
}

/* The copy that a fork makes counts at once. */
static int copies(void) {
  int got = take(64 * KIB, 40); /* 2.5 of 4 MiB */
  pid_t pid = fork();
  if (pid == 0) _exit(gets256());
  int refused = statusOf(pid) == 0, after = gets256();
  say("%d %d %d\n", got, refused, after);
  return 0;
}

/* Bytes that one process frees, another may take. */
static int handOver(void) {
  int told[2], hold[2];
  char byte = 0;
  if (pipe(told) != 0 || pipe(hold) != 0) return 99;
  pid_t pid = fork();
  if (pid == 0) {
    int got = take(KIB, 3 * KIB);
    if (write(told[1], &byte, 1) != 1 || read(hold[0], &byte, 1) != 1) _exit(99);
    drop(got);
    for (int i = 0; i < 20000; i++) drop(take(KIB, 1)); /* its next calls */
    if (write(told[1], &byte, 1) != 1 || read(hold[0], &byte, 1) != 1) _exit(99);
    _exit(got == 3 * KIB ? 0 : 1);
  }
  if (read(told[0], &byte, 1) != 1) return 99;
  int before = take(64 * KIB, 40);
  drop(before);
  if (write(hold[1], &byte, 1) != 1 || read(told[0], &byte, 1) != 1) return 99;
  int after = take(64 * KIB, 40);
  if (write(hold[1], &byte, 1) != 1) return 99;
  say("%d %d %d\n", statusOf(pid), before < 16, after);
  return 0;
}

static void *churn(void *failed) {
  void *own[64] = {0}, *result = NULL;
  unsigned seed = 1;
  for (int i = 0; i < 20000 && result == NULL; i++) {
    seed = seed * 1103515245 + 12345;
    void **at = &own[(seed >> 16) % 64];
    free(*at);
    *at = malloc(KIB + (seed >> 20));
    if (*at != NULL) memset(*at, 1, KIB);
    if (*at == NULL) result = failed;
  }
  for (int i = 0; i < 64; i++) free(own[i]);
  return result;
}

static int threads(void) {
  pthread_t all[8];
  int failed = 0;
  for (int i = 0; i < 8; i++) pthread_create(&all[i], NULL, churn, all);
  for (int i = 0; i < 8; i++) {
    void *result;
    pthread_join(all[i], &result);
    failed += result != NULL;
  }
  say("%d\n", failed);
  return 0;
}

static void *map(size_t size) {
  return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Every way to ask for memory leases more. */
static int ways(void) {
  chunks[0] = calloc(300, KIB);
  int good = chunks[0] != NULL;
  void *larger = realloc(chunks[0], 700 * KIB);
  if (larger != NULL) chunks[0] = larger;
  good += larger != NULL;
  good += posix_memalign(&chunks[1], 4096, 500 * KIB) == 0;
  void *mapped = map(MIB);
  good += mapped != MAP_FAILED;
  int refused = map(2 * MIB) == MAP_FAILED;
  munmap(mapped, MIB);
  good += map(2 * MIB) != MAP_FAILED;
  say("%d %d\n", good, refused);
  drop(2);
  return 0;
}

/* A peak of 1,500 KiB, whatever is leased and given back meanwhile. */
static int peaks(void) {
  for (int i = 0; i < 5; i++) {
    int got = take(KIB, 300 * (i + 1));
    drop(got);
  }
  for (int i = 0; i < 300; i++) drop(take(KIB, 1));
  return 0;
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  if (strcmp(mode, "crowd") == 0) return crowd(atoi(argv[2]), strtoul(argv[3], NULL, 10) * KIB);
  if (strcmp(mode, "successors") == 0) return successors();
  if (strcmp(mode, "copies") == 0) return copies();
  if (strcmp(mode, "handOver") == 0) return handOver();
  if (strcmp(mode, "threads") == 0) return threads();
  if (strcmp(mode, "ways") == 0) return ways();
  if (strcmp(mode, "peaks") == 0) return peaks();
  if (strcmp(mode, "big") == 0) return take(64 * KIB, 48) == 48 ? 0 : 1;
  return 98;
}
