/* resident.c - what a budget bounds: a pool of 10 MiB is filled with chunks of one size, then its resident memory is
 * measured. A tracked pool counts the bytes requested, an untracked one the bytes occupied. The README shows this table.
 * With an argument the table has the option boundMemory too, and is the one in docs/guide.md.
 *
 *   gcc -O2 examples/resident.c -Iinclude build/libmema.a -o resident && ./resident && ./resident bound */
#define _POSIX_C_SOURCE 200809L
#include <mema.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { budget = 10 << 20 };

static const size_t sizes[] = {1, 16, 100, 1000, 10000};

typedef struct Filled {
  size_t chunks;
  double resident; /* MiB */
} Filled;

/* Bytes of this process that are in memory. */
static size_t residentNow(void) {
  unsigned long total = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%lu %lu", &total, &resident) != 2) resident = 0;
  fclose(file);
  return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

static Filled fill(size_t size, mema_Options options) {
  Filled filled = {0};
  Pool pool;
  options.poolSize = budget;
  size_t before = residentNow();
  if (!mema_initPoolWith(&pool, &options)) return filled;
  for (char *chunk; (chunk = palloc(&pool, size)) != NULL; filled.chunks++) memset(chunk, 'x', size);
  filled.resident = (double)(residentNow() - before) / (1 << 20);
  return freePool(&pool) ? filled : (Filled){0};
}

/* As above, in a child process, so that no measurement finds the memory of the one before. */
static bool measure(size_t size, mema_Options options, Filled *filled) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  pid_t child = fork();
  if (child == 0) {
    Filled result = fill(size, options);
    _exit(write(ends[1], &result, sizeof result) == (ssize_t)sizeof result ? 0 : 1);
  }
  close(ends[1]);
  bool came = child > 0 && read(ends[0], filled, sizeof *filled) == (ssize_t)sizeof *filled;
  close(ends[0]);
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0 && came && filled->chunks > 0;
}

static const mema_Options plain = {.untracked = false}, untrackedOnes = {.untracked = true}, bound = {.boundMemory = true};

static int compareAll(void) {
  int wrong = 0;
  puts("| bytes of each chunk | tracked | untracked | boundMemory |");
  puts("|---|---|---|---|");
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Filled tracked, untracked, bounded;
    if (!measure(sizes[i], plain, &tracked) || !measure(sizes[i], untrackedOnes, &untracked) ||
        !measure(sizes[i], bound, &bounded))
      return 1;
    printf("| %zu | %zu chunks, %.1f MiB | %zu chunks, %.1f MiB | %zu chunks, %.1f MiB |\n", sizes[i], tracked.chunks,
           tracked.resident, untracked.chunks, untracked.resident, bounded.chunks, bounded.resident);
    wrong += bounded.resident * (1 << 20) > budget + (1 << 20);
  }
  return wrong;
}

static int compare(void) {
  int wrong = 0;
  puts("| bytes of each chunk | tracked: chunks | resident | untracked: chunks | resident |");
  puts("|---|---|---|---|---|");
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Filled tracked, untracked;
    if (!measure(sizes[i], plain, &tracked) || !measure(sizes[i], untrackedOnes, &untracked)) return 1;
    printf("| %zu | %zu | %.1f MiB | %zu | %.1f MiB |\n", sizes[i], tracked.chunks, tracked.resident, untracked.chunks,
           untracked.resident);
    wrong += tracked.chunks != budget / sizes[i];           /* the budget is exact */
    wrong += untracked.resident * (1 << 20) > budget * 1.5; /* close to the budget; huge pages may add some MiB */
  }
  return wrong;
}

int main(int argc, char **argv) {
  (void)argv;
  return argc > 1 ? compareAll() : compare();
}
