/* libcChunks KIND - gives one pointer into the C library's own heap to free or realloc. A live chunk goes back to that heap. Any other
 * pointer ends no process, unless MEMA_STRICT is set. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "../preload/check.h"

extern void *__libc_malloc(size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *ptr);

enum { SMALL = 100, MEDIUM = 5000, LARGE = 1 << 20, HUGE = 40 << 20 };

/* The pointers are volatile, so that the compiler does not reason from their being freed. */
static char *volatile chunk;

static void *makeThere(void *size) {
  return __libc_malloc((size_t)size);
}

static void *makeInThread(size_t size) {
  pthread_t thread;
  void *made;
  CHECK(pthread_create(&thread, NULL, makeThere, (void *)size) == 0 && pthread_join(thread, &made) == 0);
  return made;
}

static void *freeThere(void *ptr) {
  __libc_free(ptr);
  return NULL;
}

/* Bytes like those in front of a chunk of 32 bytes in use, and behind it. */
static void forge(char *at) {
  const size_t field = 0x21;
  memcpy(at - sizeof field, &field, sizeof field);
  memcpy(at + 32 - sizeof field, &field, sizeof field);
}

typedef struct Kind {
  const char *name;
  const char *state;
  void (*give)(void);
} Kind;

static void checkAndFree(size_t size) {
  CHECK(chunk != NULL && malloc_usable_size(chunk) >= size);
  fill(chunk, size, 7);
  free(chunk);
  CHECK(malloc_usable_size(chunk) == 0);
}

static void giveSmall(void) {
  chunk = __libc_malloc(SMALL);
  checkAndFree(SMALL);
  CHECK(__libc_malloc(SMALL) == chunk); /* so it did arrive there */
}

static void giveLarge(void) {
  chunk = __libc_malloc(LARGE);
  checkAndFree(LARGE);
}

static void giveHuge(void) {
  chunk = __libc_malloc(HUGE);
  checkAndFree(HUGE);
}

static void giveAligned(void) {
  chunk = __libc_memalign(4096, 10000);
  checkAndFree(10000);
}

static void giveThreads(void) {
  chunk = makeInThread(SMALL);
  checkAndFree(SMALL);
}

static void giveThreadsLarge(void) {
  chunk = makeInThread(LARGE);
  checkAndFree(LARGE);
}

/* By the C library's own name, as a plug-in of another allocator finds it. */
static void giveFound(void) {
  void *library = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
  void *(*make)(size_t) = NULL;
  if (library != NULL) *(void **)(void *)&make = dlsym(library, "malloc");
  chunk = make != NULL ? make(SMALL) : __libc_malloc(SMALL);
  checkAndFree(SMALL);
}

/* The program has memory of its own in front of the heap. */
static void giveBehind(void) {
  CHECK(sbrk(12345) != (void *)-1);
  chunk = __libc_malloc(SMALL);
  checkAndFree(SMALL);
}

/* The program has memory of its own in the middle of the heap. */
static void giveFarther(void) {
  __libc_malloc(SMALL);
  CHECK(sbrk(4096) != (void *)-1);
  chunk = __libc_malloc(LARGE);
  fill(chunk, LARGE, 7);
  free(chunk);
  CHECK(isFilled(chunk, LARGE, 7));
}

static void giveResized(void) {
  chunk = __libc_malloc(MEDIUM);
  fill(chunk, MEDIUM, 7);
  chunk = realloc(chunk, LARGE);
  CHECK(chunk != NULL && isFilled(chunk, MEDIUM, 7));
}

static void giveTwice(void) {
  chunk = __libc_malloc(SMALL);
  __libc_malloc(SMALL);
  __libc_free(chunk);
  free(chunk);
}

static void giveTwiceMedium(void) {
  chunk = __libc_malloc(MEDIUM);
  __libc_malloc(SMALL);
  __libc_free(chunk);
  free(chunk);
}

/* The last chunk finds the thread's cache full. */
static void giveTwiceSmallest(void) {
  enum { CACHED = 7 };
  char *others[CACHED];
  for (int i = 0; i < CACHED; i++) others[i] = __libc_malloc(24);
  chunk = __libc_malloc(24);
  __libc_malloc(24);
  for (int i = 0; i < CACHED; i++) __libc_free(others[i]);
  __libc_free(chunk);
  free(chunk);
}

/* The second chunk joins the first, and both join the unused end of the heap. Its old header stays as it was. */
static void giveJoined(void) {
  char *volatile first = __libc_malloc(MEDIUM);
  chunk = __libc_malloc(MEDIUM);
  __libc_free(first);
  __libc_free(chunk);
  free(chunk);
}

static void giveTwiceFromThread(void) {
  pthread_t thread;
  chunk = __libc_malloc(SMALL);
  CHECK(pthread_create(&thread, NULL, freeThere, chunk) == 0 && pthread_join(thread, NULL) == 0);
  free(chunk);
}

static void giveTwiceHuge(void) {
  chunk = __libc_malloc(HUGE);
  __libc_free(chunk);
  free(chunk);
}

static void giveOdd(void) {
  chunk = __libc_malloc(SMALL);
  free(chunk + 8);
}

static void giveInterior(void) {
  chunk = __libc_malloc(SMALL);
  free(chunk + 16);
}

static void giveForged(void) {
  chunk = __libc_malloc(SMALL);
  forge(chunk + 16);
  free(chunk + 16);
}

static void giveForgedLarge(void) {
  chunk = __libc_malloc(LARGE);
  forge(chunk + 4096);
  free(chunk + 4096);
}

static void giveForgedMapping(void) {
  const size_t field = 0x1002; /* as of a chunk with a mapping of its own */
  __libc_malloc(SMALL);
  chunk = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK((void *)chunk != MAP_FAILED);
  memcpy(chunk + sizeof field, &field, sizeof field);
  free(chunk + 2 * sizeof field);
  chunk[0] = 1;
}

/* Leaves small chunks in the thread's cache, so that none is taken from the unused end of the heap. */
static void fillCache(void) {
  for (size_t size = 8; size <= 128; size += 8) __libc_free(__libc_malloc(size));
}

static void giveEnd(void) {
  fillCache();
  __libc_malloc(SMALL);
  chunk = __libc_malloc(SMALL);
  free(chunk + SMALL / 16 * 16 + 16);
}

/* Behind the unused end of the heap lies memory of the program. */
static void giveEndBefore(void) {
  fillCache();
  __libc_malloc(SMALL);
  chunk = __libc_malloc(SMALL);
  char *behind = sbrk(4096);
  CHECK(behind != (void *)-1);
  memset(behind, 0x21, 4096);
  free(chunk + SMALL / 16 * 16 + 16);
}

static void giveBeyond(void) {
  chunk = __libc_malloc(SMALL);
  free((char *)sbrk(0) - 16);
}

static void resizeTwice(void) {
  chunk = __libc_malloc(SMALL);
  __libc_free(chunk);
  CHECK(realloc(chunk, 200) == NULL);
}

static const Kind kinds[] = {{"small", "live", giveSmall},
                             {"large", "live", giveLarge},
                             {"huge", "live", giveHuge},
                             {"aligned", "live", giveAligned},
                             {"threads", "live", giveThreads},
                             {"threadsLarge", "live", giveThreadsLarge},
                             {"found", "live", giveFound},
                             {"resized", "live", giveResized},
                             {"behind", "live", giveBehind},
                             {"farther", "unknown", giveFarther},
                             {"twice", "bad", giveTwice},
                             {"twiceMedium", "bad", giveTwiceMedium},
                             {"twiceSmallest", "bad", giveTwiceSmallest},
                             {"joined", "bad", giveJoined},
                             {"twiceFromThread", "bad", giveTwiceFromThread},
                             {"twiceHuge", "bad", giveTwiceHuge},
                             {"odd", "bad", giveOdd},
                             {"interior", "bad", giveInterior},
                             {"forged", "bad", giveForged},
                             {"forgedLarge", "bad", giveForgedLarge},
                             {"forgedMapping", "bad", giveForgedMapping},
                             {"end", "bad", giveEnd},
                             {"endBefore", "bad", giveEndBefore},
                             {"beyond", "bad", giveBeyond},
                             {"resizeTwice", "bad", resizeTwice}};

/* Without a kind: prints the names of all, and the state of each pointer as far as it is known. */
int main(int argc, char **argv) {
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (argc == 1) printf("%s %s\n", kinds[i].name, kinds[i].state);
    if (argc == 1 || strcmp(argv[1], kinds[i].name) != 0) continue;
    kinds[i].give();
    /* Both heaps go on. */
    for (size_t size = 1; size < LARGE; size *= 2) {
      void *ours = malloc(size), *theirs = __libc_malloc(size);
      CHECK(ours != NULL && theirs != NULL);
      free(ours);
      __libc_free(theirs);
    }
    return 0;
  }
  return argc == 1 ? 0 : 3;
}
