/* os.h - all that mema asks of an operating system. One file per system implements it (linux.c).
 *
 * Preconditions of every function: addresses and sizes are multiples of the page size, sizes are not 0, and a
 * range is mapped, unless the function maps it. Mapped memory may be read and written; pages come, zeroed, when
 * they are first touched. No function allocates or takes a lock, and each keeps its caller's errno.
 */
#ifndef MEMA_MEMORY_OS_H
#define MEMA_MEMORY_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The size of a page: a power of two. */
size_t mema_osPageSize(void);

/* The bytes of address space that the process may have; SIZE_MAX if nothing limits them. */
size_t mema_osAddressLimit(void);

/* Maps `size` bytes, aligned to `alignment` (a power of two, at least a page). NULL iff the system refuses. */
void *mema_osReserve(size_t size, size_t alignment);

/* Finds room: `size` bytes of address space, aligned, in which nothing is mapped, and maps the first `first` of them.
 * The others cost nothing, and another mapping of the process may come to lie there; the system maps elsewhere as
 * long as it can. mema_osClaim maps a part of the room, and tells. If the system does not take back the mapping that
 * found the room, the room is mapped in full: *mapped. NULL iff there is no room. */
char *mema_osFindRoom(size_t size, size_t alignment, size_t first, bool *mapped);

/* Maps a range of a room. Refused: the system has no memory or mapping left. Taken: another mapping of the process
 * lies in the range. */
typedef enum mema_Claim { mema_claimDone, mema_claimRefused, mema_claimTaken } mema_Claim;
mema_Claim mema_osClaim(void *base, size_t size);

/* Unmaps a range. False iff the system refuses (too many mappings): the pages are given back, and the range stays
 * mapped. */
bool mema_osRelease(void *base, size_t size);

/* Makes a range inaccessible: an access faults. Best effort. */
void mema_osGuard(void *base, size_t size);

/* Gives back the pages of a range; they read as zero when touched again. False iff the system refuses: the
 * pages are then unchanged. */
bool mema_osPurge(void *base, size_t size);

/* The bytes of a range of whole pages that are in memory; the whole range if the system does not say, or may not be
 * asked. */
size_t mema_osResident(void *base, size_t size);

/* As mema_osPurge, for a range that mema_osMove moved pages into or out of: the range joins the mapping of its
 * neighbours again. */
bool mema_osRenew(void *base, size_t size);

/* Touches every page of a range now. False iff the system lacks the memory. */
bool mema_osPopulate(void *base, size_t size);

/* Keeps a range in memory. False iff the system does not allow so much: a part of the range may then be locked. */
bool mema_osLock(void *base, size_t size);
void mema_osUnlock(void *base, size_t size);

typedef enum mema_Moved { mema_moveDone, mema_moveRefused, mema_moveLost } mema_Moved;

/* Moves the pages of one range to another of equal size, which loses its own pages; the first range reads as
 * zero afterwards. Refused: the system cannot do it, and both ranges are unchanged. Lost: `from` is unchanged,
 * but the addresses of `to` are gone. */
mema_Moved mema_osMove(void *to, void *from, size_t size);

/* mema_osPreferHuge asks for huge pages in a range, if the system has them: best effort. mema_osHugeSize is the
 * size of one, a power of two. */
void mema_osPreferHuge(void *base, size_t size);
/* Asks the system for no huge pages in a range. */
void mema_osAvoidHuge(void *base, size_t size);
size_t mema_osHugeSize(void);

/* Sleeps until mema_osWake, or until `milliseconds` have passed (below 0: no limit). Returns at once unless
 * *word is `seen`. May return early. */
void mema_osWait(_Atomic uint32_t *word, uint32_t seen, int64_t milliseconds);

/* Wakes one thread, or all threads, that sleep on the word. False iff none did. */
bool mema_osWake(_Atomic uint32_t *word, bool all);

/* Lets other threads run. */
void mema_osYield(void);

/* The signals that a thread has blocked; room for as many as any system has. */
typedef struct mema_OsSignals {
  unsigned long words[16 / sizeof(unsigned long)];
} mema_OsSignals;

/* mema_osBlockSignals keeps signal handlers out of the calling thread, and stores the signals that were blocked
 * before. Signals of faults and traps stay unblocked, since they do not wait. mema_osUnblockSignals restores
 * the former state. */
void mema_osBlockSignals(mema_OsSignals *before);
void mema_osUnblockSignals(const mema_OsSignals *before);

/* The C library's fork takes locks of its own behind the fork handlers: first that of the list of all streams. A thread
 * in fflush(NULL) holds that lock while it waits for a stream, and the thread that has the stream may wait for a pool.
 * So a fork handler that takes a pool's lock takes this one before it. It may be taken again by its holder.
 *   mema_osLockStreams    takes the lock. False if that is not needed (the process has one thread), or not possible.
 *   mema_osUnlockStreams  releases it once; in the child of a fork it frees the lock. */
bool mema_osLockStreams(void);
void mema_osUnlockStreams(bool inChild);

/* The processor that the calling thread runs on now: a hint. */
uint32_t mema_osProcessor(void);

/* Finds the file of code that an address lies in: the program, or a shared library. Stores its path, cut to `size` with
 * the final zero byte, and the place of the address in it, as addr2line wants it. False iff there is none. Takes the
 * loader's lock. */
bool mema_osFileOf(uintptr_t address, char *path, size_t size, uintptr_t *place);

/* Milliseconds of a clock that only goes forward. */
int64_t mema_osMilliseconds(void);

/* mema_osBarrier is a barrier for all threads: when it returns, each running thread of the process has passed a
 * full memory barrier since the call. A thread that is never asked to wait pays nothing; the caller pays for
 * both. mema_osCanBarrier says whether the system offers it; each process, also a forked child, calls it once
 * beforehand. */
bool mema_osCanBarrier(void);
void mema_osBarrier(void);

/* Returns a word, 0 at first, that is 0 again in each copy of the process; NULL iff the system has no such memory. A
 * child that shares the process's memory (vfork) is no copy. */
_Atomic uint32_t *mema_osProcessWord(void);

/* A sandbox is about to limit the process's system calls, and may end the process for any other. From now on the
 * functions here make only those that the C library's malloc and threads make as well. Waiting for other threads
 * takes longer then. */
void mema_osEnterSandbox(void);

/* True iff both addresses lie on the stack that the system gave the calling thread, and the thread runs on it now. False
 * if that is not known for certain. It may call the C library's malloc, which is the one exception here. */
bool mema_osIsOnOwnStack(uintptr_t low, uintptr_t high);

/* A number that differs from run to run and cannot be guessed. Never 0. */
uintptr_t mema_osRandom(void);

#endif
