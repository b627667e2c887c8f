/* space MIB WHAT [BYTES] - a program that uses MIB of memory in chunks of 1,000 bytes. Then it tells or does what depends on all that is
 * mapped, touched or not:
 *
 *   figures      prints, in KiB: `core`, what a core dump writes; `size`, its address space; `data`, its private writable mappings, which
 *                count as data; `commit`, what a forked child is charged for by a system that overcommits nothing (vm.overcommit_memory=2)
 *                `huge`, the whole huge pages that the system may fill where it makes them by itself (THP=always)
 *   gcore FILE   has gdb write its memory into FILE.PID
 *   abort        ends by a signal that dumps core
 *   lock         locks all that is mapped
 *   as | data    sets the limit of that name to BYTES, and then starts a thread, maps memory and a file, opens a library, and allocates
 *
 * With -DPOOL it is a program of the library: the chunks come from one pool, and MIB counts KiB; with -DPLAIN as well, from malloc. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../preload/check.h"

#ifdef POOL
#define UNIT 1024
#else
#define UNIT (1024 * 1024)
#endif

#if defined(POOL) && !defined(PLAIN)
#include "mema.h"

static Pool pool;
#define begin(size) CHECK(initPool(&pool, size))
#define take(size) palloc(&pool, size)
#else
#define begin(size) (void)0
#define take(size) malloc(size)
#endif

enum { CHUNK = 1000, HUGE = 2 * 1024 * 1024 };

static void use(size_t bytes) {
  begin(bytes);
  for (size_t used = 0; used + 2 * CHUNK < bytes; used += 1024) {
    char *chunk = take(CHUNK);
    CHECK(chunk != NULL);
    memset(chunk, 1, CHUNK);
  }
}

/* A mapping, as /proc/self/smaps tells of it. */
typedef struct {
  size_t size, anonymous;
  int writable, dumped, charged, filled;
  unsigned long from, to;
} Mapping;

static size_t core, size, data, commit, huge;

/* The kernel dumps a mapping in full if any of its pages was ever private to the process (Documentation/filesystems/proc, and vma_dump_size
 * in fs/coredump.c). */
static void count(const Mapping *mapping) {
  size += mapping->size;
  if (mapping->writable) data += mapping->size;
  if (mapping->charged) commit += mapping->size;
  unsigned long first = (mapping->from + HUGE - 1) / HUGE, last = mapping->to / HUGE;
  if (mapping->writable && mapping->filled && last > first) huge += (last - first) * (HUGE / 1024);
  if (mapping->anonymous != 0 && mapping->dumped) core += mapping->size;
}

static void readMappings(void) {
  static char line[4096];
  FILE *maps = fopen("/proc/self/smaps", "r");
  Mapping mapping = {0};
  CHECK(maps != NULL);
  while (fgets(line, sizeof line, maps) != NULL) {
    char mode[5];
    unsigned long from, to;
    size_t kib;
    if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) == 3) {
      mapping = (Mapping){.size = (to - from) / 1024, .from = from, .to = to, .writable = mode[1] == 'w' && mode[3] == 'p'};
    } else if (sscanf(line, "Anonymous: %zu", &kib) == 1) {
      mapping.anonymous = kib;
    } else if (strncmp(line, "VmFlags:", 8) == 0) {
      mapping.filled = mapping.anonymous != 0 && strstr(line, " nh") == NULL;
      mapping.dumped = strstr(line, " dd") == NULL;
      mapping.charged = mapping.writable || strstr(line, " ac") != NULL; /* such a system ignores MAP_NORESERVE */
      count(&mapping);
    }
  }
  fclose(maps);
}

static void figures(void) {
  int status;
  readMappings();
  printf("core %zu\nsize %zu\ndata %zu\nhuge %zu\n", core, size, data, huge);
  fflush(stdout);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    commit = 0;
    readMappings();
    printf("commit %zu\n", commit);
    fflush(stdout);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void dumpByDebugger(const char *file) {
  char self[20];
  int status;
  snprintf(self, sizeof self, "%d", (int)getpid());
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* a child may not look into its parent everywhere */
  pid_t child = fork();
  if (child == 0) {
    execlp("gcore", "gcore", "-o", file, self, (char *)NULL);
    _exit(127);
  }
  CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static void *inThread(void *unused) {
  (void)unused;
  char *chunk = malloc(100);
  free(chunk);
  return chunk;
}

static void limit(int which, size_t bytes) {
  const struct rlimit most = {bytes, bytes};
  pthread_t thread;
  void *result = NULL;
  CHECK(setrlimit((__rlimit_resource_t)which, &most) == 0);
  CHECK(pthread_create(&thread, NULL, inThread, NULL) == 0 && pthread_join(thread, &result) == 0 && result != NULL);
  CHECK(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open("/proc/self/exe", O_RDONLY), 0) != MAP_FAILED);
  CHECK(dlopen("libnss_files.so.2", RTLD_NOW) != NULL || dlopen("libresolv.so.2", RTLD_NOW) != NULL);
  for (int i = 0; i < 30; i++) CHECK(take(1 << 19) != NULL);
}

static void dump(void) {
  const struct rlimit most = {RLIM_INFINITY, RLIM_INFINITY};
  CHECK(setrlimit(RLIMIT_CORE, &most) == 0);
  abort();
}

int main(int argc, char **argv) {
  CHECK(argc > 2);
  use((size_t)atol(argv[1]) * UNIT);
  const char *what = argv[2];
  size_t bytes = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;
  if (strcmp(what, "figures") == 0) figures();
  if (strcmp(what, "gcore") == 0) dumpByDebugger(argv[3]);
  if (strcmp(what, "abort") == 0) dump();
  if (strcmp(what, "lock") == 0) CHECK(mlockall(MCL_CURRENT) == 0);
  if (strcmp(what, "as") == 0) limit(RLIMIT_AS, bytes);
  if (strcmp(what, "data") == 0) limit(RLIMIT_DATA, bytes);
  return 0;
}
