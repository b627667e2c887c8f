/* os.h - all that mema asks of an operating system. One file per system implements it (linux.c).
 *
 * Preconditions, for every function: addresses and sizes are multiples of the page size, sizes are not 0, and a range lies in
 * one reservation. Memory of a reservation may be read and written from the start; pages come when they are first touched,
 * zeroed. No function allocates, takes a lock or sets errno for its caller (the caller's errno is kept).
 */
#ifndef MEMA_MEMORY_OS_H
#define MEMA_MEMORY_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The size of a page: a power of two. */
size_t mema_osPageSize(void);

/* The bytes of address space the process may have, or SIZE_MAX where nothing bounds it. */
size_t mema_osAddressLimit(void);

/* Address space of `size` bytes, aligned to `alignment` (a power of two, at least a page). NULL iff the system refuses. */
void *mema_osReserve(size_t size, size_t alignment);

/* Gives a whole reservation, or a part of one, back. Where the system refuses (too many mappings), its pages are given back
 * and the address space is lost. */
void mema_osRelease(void *base, size_t size);

/* Makes a range inaccessible: an access faults. Best effort. */
void mema_osGuard(void *base, size_t size);

/* Gives the pages of a range back; they read as zero when touched again. False iff the system refuses: the pages are then as
 * they were. */
bool mema_osPurge(void *base, size_t size);

/* The bytes of a range of whole pages that are in memory; all of them where the system does not say. */
size_t mema_osResident(void *base, size_t size);

/* As mema_osPurge, for a range whose pages were moved away or in by mema_osMove: the range becomes one mapping with its
 * neighbours again. */
bool mema_osRenew(void *base, size_t size);

/* Touches every page of a range now. False iff the system has not got the memory. */
bool mema_osPopulate(void *base, size_t size);

/* Keeps a range in memory. False iff the system does not allow so much: the range may be locked in part. */
bool mema_osLock(void *base, size_t size);
void mema_osUnlock(void *base, size_t size);

typedef enum mema_Moved { mema_moveDone, mema_moveRefused, mema_moveLost } mema_Moved;

/* Moves the pages of one range to another of the same size, which loses its own; the first reads as zero after that.
 * Refused: the system cannot, and both are as they were. Lost: `from` is as it was, but the addresses of `to` are gone. */
mema_Moved mema_osMove(void *to, void *from, size_t size);

/* Asks for huge pages in a range, where the system offers that: best effort. The unit that is worth asking for, a power of two. */
void mema_osPreferHuge(void *base, size_t size);
/* Has the system give none in this range. */
void mema_osAvoidHuge(void *base, size_t size);
size_t mema_osHugeSize(void);

/* Sleeps until mema_osWake, unless *word is no longer `seen`, or that many milliseconds pass (below 0: for ever). May return sooner. */
void mema_osWait(_Atomic uint32_t *word, uint32_t seen, int64_t milliseconds);

/* Wakes one of the threads, or all, that sleep on the word. */
void mema_osWake(_Atomic uint32_t *word, bool all);

/* Lets other threads run. */
void mema_osYield(void);

/* Signals that a thread has blocked, as many as any system has. */
typedef struct mema_OsSignals {
  unsigned long words[16 / sizeof(unsigned long)];
} mema_OsSignals;

/* Keeps signal handlers out of the calling thread, but those of faults and traps, which do not wait, and tells what was blocked before; the other
 * ends that. */
void mema_osBlockSignals(mema_OsSignals *before);
void mema_osUnblockSignals(const mema_OsSignals *before);

/* The processor that the calling thread runs on, for now: a hint. */
uint32_t mema_osProcessor(void);

/* Milliseconds on a clock that only goes forward. */
int64_t mema_osMilliseconds(void);

/* A barrier for all: when it returns, each running thread of the process has passed a full memory barrier since it was called. So a
 * thread that is never asked to wait pays nothing, and the one that calls this pays for both. mema_osCanBarrier, to be called once
 * beforehand in each process (a forked child is another one), tells whether the system offers it. */
bool mema_osCanBarrier(void);
void mema_osBarrier(void);

/* A number that differs from run to run and cannot be guessed. Never 0. */
uintptr_t mema_osRandom(void);

#endif
