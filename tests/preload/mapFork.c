/* mapFork - children that are forked while other threads map and unmap have a budget that is right to the page, and can map at once;
 * so have theirs. The caller sets MEMA_POOL_SIZE=16M. MEMA_TEST_SCALE divides the forks. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "probe.h"

enum { THREADS = 3, FORKS = 300, OWN = 4 };

static char *places;
static atomic_bool stop, go;

/* Maps and unmaps a place of its own: 1, 2 or 3 pages. */
static void *work(void *argument) {
  size_t number = (size_t)(uintptr_t)argument, bytes = (number + 1) * pageBytes();
  char *place = places + 4 * number * pageBytes();
  while (!atomic_load(&go)) usleep(100);
  while (!atomic_load(&stop)) {
    CHECK(mmap(place, bytes, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == place);
    CHECK(munmap(place, bytes) == 0);
  }
  return NULL;
}

/* The pages that the threads, which are not here, had mapped when this process was forked. The places between them are reserved:
 * the kernel puts no mapping of this process there, which the end of all places would end, too. */
static size_t keepPlaces(void) {
  size_t pages = 0;
  for (size_t i = 0; i < THREADS * 4; i++) {
    char *place = places + i * pageBytes();
    if (msync(place, pageBytes(), MS_ASYNC) == 0) {
      pages++;
    } else {
      CHECK(mmap(place, pageBytes(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == place);
    }
  }
  return pages;
}

static void waitFor(pid_t child) {
  int status;
  CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void descend(size_t all, int depth) {
  pid_t child = fork();
  if (child == 0) {
    size_t pages = keepPlaces();
    CHECK(isLeft(all - pages));
    char *memory = mapPages(2);
    CHECK(memory != MAP_FAILED && isLeft(all - pages - 2));
    if (depth > 0) {
      CHECK(munmap(places, THREADS * 4 * pageBytes()) == 0 && isLeft(all - 2));
      descend(all - 2, depth - 1);
    }
    _exit(0);
  }
  waitFor(child);
}

int main(void) {
  const char *scale = getenv("MEMA_TEST_SCALE");
  int forks = FORKS / (scale != NULL ? atoi(scale) : 1);
  pthread_t threads[THREADS];
  size_t page = pageBytes();
  places = mmap(NULL, THREADS * 4 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *own = mapPages(OWN);
  CHECK(places != MAP_FAILED && own != MAP_FAILED);
  for (uintptr_t i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
  size_t all = pagesLeft();
  /* From here on the threads alone map memory in this process. */
  CHECK(munmap(places, THREADS * 4 * page) == 0);
  atomic_store(&go, true);
  for (int i = 0; i < forks; i++) descend(all, i % 10 == 0 ? 2 : 0);
  atomic_store(&stop, true);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(munmap(own, OWN * page) == 0);
  return 0;
}
