/* cancel - malloc, free, mmap, munmap, mremap and brk are no points where a thread is cancelled, also where they fail or are refused.
 * A thread with a cancellation pending gets through them, and other threads go on afterwards. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "check.h"

#define MIB ((size_t)1 << 20)

static bool returned;

static void *map(void) {
  void *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  return memory;
}

static void moveMapping(void) {
  void *from = map(), *to = map();
  CHECK(mremap(from, MIB, MIB, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
  CHECK(munmap(to, MIB) == 0);
}

/* Neither private nor shared: the kernel refuses it, and the library looks which pages are still mapped. */
static void failToReplace(void) {
  void *memory = map();
  CHECK(mmap(memory, MIB, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
  CHECK(munmap(memory, MIB) == 0);
}

static void failToMove(void) {
  void *from = map(), *to = map();
  CHECK(munmap((char *)from + MIB / 2, MIB / 2) == 0);
  (void)mremap(from, MIB, MIB, MREMAP_MAYMOVE | MREMAP_FIXED, to);
  munmap(from, MIB);
  munmap(to, MIB);
}

/* The last request is more than the system or, of 32 bits, any chunk can be. */
static void allocate(void) {
  const volatile size_t tooLarge = sizeof(size_t) > 4 ? (size_t)(UINT64_C(1) << 46) : SIZE_MAX / 2 + 1;
  for (size_t size = 1; size < 8 * MIB; size += size / 3 + 1) {
    void *chunk = realloc(malloc(size), 2 * size);
    CHECK(chunk != NULL);
    free(chunk);
  }
  CHECK(malloc(tooLarge) == NULL);
}

/* Counted, and told under MEMA_STRICT only. */
static void freeBadly(void) {
  char *chunk = malloc(100);
  uintptr_t inside = (uintptr_t)chunk + 16;
  __asm__ volatile("" : "+r"(inside)); /* analysers do not know */
  free((void *)inside);
  free(chunk);
}

static void *call(void *function) {
  pthread_cancel(pthread_self());
  ((void (*)(void))function)();
  returned = true;
  pthread_testcancel();
  return NULL;
}

static void calledWhileCancelled(void (*function)(void)) {
  pthread_t thread;
  void *result;
  int status;
  returned = false;
  CHECK(pthread_create(&thread, NULL, call, (void *)function) == 0 && pthread_join(thread, &result) == 0);
  CHECK(returned && result == PTHREAD_CANCELED);
  moveMapping();
  free(malloc(MIB));
  pid_t child = fork();
  if (child == 0) _exit(0);
  CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
  calledWhileCancelled(moveMapping);
  calledWhileCancelled(failToReplace);
  calledWhileCancelled(failToMove);
  calledWhileCancelled(allocate);
  calledWhileCancelled(freeBadly);
  return 0;
}
