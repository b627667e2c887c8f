/* kernelCalls.h - opening, reading and closing files, and mapping memory, by asking the kernel itself. A thread may
 * be cancelled inside of the C library's open, read and close, but not where it starts a program; and mmap is perhaps
 * counted against a budget. They answer and set errno as the C library's do. */
#ifndef MEMA_EXEC_KERNEL_CALLS_H
#define MEMA_EXEC_KERNEL_CALLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static inline int rawOpenAt(int directory, const char *path, int flags) {
  return (int)syscall(SYS_openat, directory, path, flags, 0);
}

static inline ssize_t rawReadAt(int file, void *out, size_t size, uint64_t at) {
  /* Where a word has 32 bits, processors differ in how they pass the offset of pread64, but not in that of preadv. */
  if (sizeof(long) >= sizeof at) return (ssize_t)syscall(SYS_pread64, file, out, size, at);
  struct iovec part = {out, size};
  return (ssize_t)syscall(SYS_preadv, file, &part, 1, (unsigned long)at, (unsigned long)(at >> 32));
}

static inline void rawClose(int file) {
  syscall(SYS_close, file);
}

/* Memory of its own pages, to be written; MAP_FAILED where there is none. */
static inline void *rawMemory(size_t bytes) {
#if defined(__s390__)
  /* The kernel takes the address of the arguments. */
  const unsigned long arguments[6] = {0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1UL, 0};
  return (void *)syscall(SYS_mmap, arguments);
#elif defined(SYS_mmap2)
  return (void *)syscall(SYS_mmap2, NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
#else
  return (void *)syscall(SYS_mmap, NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
#endif
}

static inline void rawUnmap(void *memory, size_t bytes) {
  syscall(SYS_munmap, memory, bytes);
}

#endif
