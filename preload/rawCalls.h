/* rawCalls.h - system calls past the names that this library exports (mappings.c, ending.c). The library's
 * own calls, and those that it passes on, must not come back to it. Results and errno are as from the C
 * library. */
#ifndef MEMA_PRELOAD_RAW_CALLS_H
#define MEMA_PRELOAD_RAW_CALLS_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline void *rawMap(void *address, size_t size, int protection, int flags, int file, int64_t offset) {
#ifdef SYS_mmap2
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

__attribute__((noreturn)) static inline void rawExit(int status) {
  for (;;) syscall(SYS_exit_group, status);
}

#endif
