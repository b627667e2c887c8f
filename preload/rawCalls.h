/* rawCalls.h - system calls past the names that this library exports (mappings.c, ending.c), and past those that
 * another preloaded library may have taken over (open, read and their kin). The library's own calls, and those that
 * it passes on, must not come back to it: a hook of open() that maps memory would need the lock of the heap, which its
 * caller holds. Nor may malloc, free or mmap be a point where a thread is cancelled, as open, read, write, close and
 * msync of the C library are: a cancelled thread would keep the library's locks. Results and errno are as from the C
 * library. */
#ifndef MEMA_PRELOAD_RAW_CALLS_H
#define MEMA_PRELOAD_RAW_CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static inline void *rawMap(void *address, size_t size, int protection, int flags, int file, int64_t offset) {
#if defined(__s390__)
  /* The kernel takes the address of the arguments. */
  const unsigned long arguments[6] = {(unsigned long)address,    size,
                                      (unsigned long)protection, (unsigned long)flags,
                                      (unsigned long)file,       (unsigned long)offset};
  return (void *)syscall(SYS_mmap, arguments);
#elif defined(SYS_mmap2)
  /* On systems with 32-bit addresses the kernel takes the offset in units of 4,096 bytes. */
  return (void *)syscall(SYS_mmap2, address, size, protection, flags, file, (long)(offset >> 12));
#else
  return (void *)syscall(SYS_mmap, address, size, protection, flags, file, offset);
#endif
}

static inline int rawUnmap(void *address, size_t size) {
  return (int)syscall(SYS_munmap, address, size);
}

static inline void *rawRemap(void *address, size_t size, size_t newSize, int flags, void *newAddress) {
  return (void *)syscall(SYS_mremap, address, size, newSize, flags, newAddress);
}

/* True if all pages of a range are mapped. Nothing is written back. */
static inline int rawIsMapped(void *address, size_t size) {
  return syscall(SYS_msync, address, size, MS_ASYNC) == 0;
}

enum { KERNEL_SIGNAL_BYTES = 8 }; /* the kernel's set of signals is smaller than the C library's */

/* Takes one pending signal of a set. False if there is none. */
static inline int rawTakeSignal(const sigset_t *wanted) {
  const long now[2] = {0, 0}; /* a struct timespec, as this call has it */
  return syscall(SYS_rt_sigtimedwait, wanted, NULL, now, (size_t)KERNEL_SIGNAL_BYTES) > 0;
}

/* The C library's sbrk under another name: this library exports sbrk. */
extern void *__sbrk(intptr_t increment) __attribute__((weak));

/* Moves the break through the C library, whose record of the break must stay right. The C library's heap is
 * there too. */
static inline void *rawBreak(intptr_t increment) {
  if (__sbrk != NULL) return __sbrk(increment);
  uintptr_t now = (uintptr_t)syscall(SYS_brk, 0), wanted = now + (uintptr_t)increment;
  if (increment == 0 || (uintptr_t)syscall(SYS_brk, wanted) == wanted) return (void *)now;
  errno = ENOMEM;
  return (void *)-1;
}

/* True if the eight bytes at the address can be read. The kernel copies the set of signals before it looks at what is to
 * be done with it, and knows nothing that has the number -1. */
static inline bool rawIsReadable(const void *address) {
  int savedErrno = errno;
  syscall(SYS_rt_sigprocmask, -1, address, NULL, _NSIG / 8);
  bool isReadable = errno != EFAULT;
  errno = savedErrno;
  return isReadable;
}

static inline int rawOpen(const char *path, int flags, unsigned mode) {
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static inline ssize_t rawRead(int file, void *out, size_t size) {
  return (ssize_t)syscall(SYS_read, file, out, size);
}

static inline ssize_t rawWrite(int file, const void *bytes, size_t size) {
  return (ssize_t)syscall(SYS_write, file, bytes, size);
}

/* Returns the size of an open file; below 0 for a pipe. */
static inline long rawFileSize(int file) {
  return syscall(SYS_lseek, file, 0L, SEEK_END);
}

static inline void rawClose(int file) {
  syscall(SYS_close, file);
}

/* Returns nanoseconds of CLOCK_BOOTTIME; UINT64_MAX: unknown. */
static inline uint64_t rawBootTime(void) {
  struct timespec time;
#if defined(SYS_clock_gettime)
  if (syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &time) != 0) return UINT64_MAX;
#else
  if (clock_gettime(CLOCK_BOOTTIME, &time) != 0) return UINT64_MAX;
#endif
  return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

__attribute__((noreturn)) static inline void rawExit(int status) {
  for (;;) syscall(SYS_exit_group, status);
}

#endif
