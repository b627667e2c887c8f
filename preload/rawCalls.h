/* rawCalls.h - mapping memory by asking the kernel itself. mmap and its kin are names of this library (mappings.c): what it maps for
 * itself, and what it passes on, must not come back to it. They answer and set errno as the C library's do. */
#ifndef MEMA_PRELOAD_RAW_CALLS_H
#define MEMA_PRELOAD_RAW_CALLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline void *rawMap(void *address, size_t size, int protection, int flags, int file, int64_t offset) {
#ifdef SYS_mmap2
  /* Where addresses have 32 bits the kernel takes the offset in units of 4,096 bytes. */
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

#endif
