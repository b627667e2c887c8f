/* fileHook - a library to preload beside mema's: its open, read, write, close and fstat allocate, map memory and start a thread, as
 * those of tools do that watch files. They must be served, whichever library calls them and when. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Thread_local int depth;

static void must(int served, const char *what) {
  if (served) return;
  syscall(SYS_write, 2, what, strlen(what));
  syscall(SYS_exit_group, 77);
}

static void *work(void *chunk) {
  free(malloc(100));
  return chunk;
}

static void useMemory(void) {
  pthread_t thread;
  void *result;
  if (depth++ == 0) {
    char *small = malloc(300), *zeroed = calloc(10, 3000), *large = malloc(1 << 20);
    must(small != NULL && zeroed != NULL && large != NULL, "malloc in a hook\n");
    void *pages = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(pages != MAP_FAILED, "mmap in a hook\n");
    must(pthread_create(&thread, NULL, work, small) == 0 && pthread_join(thread, &result) == 0, "a thread in a hook\n");
    munmap(pages, 65536);
    large = realloc(large, 2 << 20);
    must(large != NULL, "realloc in a hook\n");
    free(small);
    free(zeroed);
    free(large);
  }
  depth--;
}

#define NEXT(name)               \
  useMemory();                   \
  static __typeof__(name) *next; \
  if (next == NULL) *(void **)(void *)&next = dlsym(RTLD_NEXT, #name)

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int);
  va_end(rest);
  NEXT(open);
  return next(path, flags, mode);
}

int close(int file) {
  NEXT(close);
  return next(file);
}

ssize_t read(int file, void *bytes, size_t size) {
  NEXT(read);
  return next(file, bytes, size);
}

ssize_t write(int file, const void *bytes, size_t size) {
  NEXT(write);
  return next(file, bytes, size);
}

int fstat(int file, struct stat *status) {
  NEXT(fstat);
  return next(file, status);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  NEXT(clock_gettime);
  return next(clock, time);
}
