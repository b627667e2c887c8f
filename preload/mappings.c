/* mappings.c - memory that the program maps by itself, charged to the budget like its chunks.
 *
 * This file replaces mmap, munmap, mremap, brk and sbrk for the program and its libraries.
 *   Charged      anonymous mappings that may be written, in whole pages; the growth of the break, in bytes. Beyond the
 *                budget the program gets ENOMEM.
 *   Not charged  mappings of files, and mappings that may not be written when they are made: a later mprotect is not
 *                seen.
 *   Not seen     calls that the C library and the loader make for themselves (stacks of threads, libraries, the C
 *                library's heap), and system calls of the program past the C library.
 *
 * Every function may be called from any thread, from a signal handler and around fork, and before any constructor has run.
 *
 *   bytes charged for mappings == ranges.bytes + breakBytes + bytes that current calls have charged, or must yet credit
 *
 * A call charges the bytes that it may need, changes the mapping and the set under the lock, and credits the bytes that it
 * did not need. A thread never waits for the lock of the heap, which guards the budget, with this lock held, nor for this
 * lock with that one held: a signal handler that interrupted the heap may wait for this lock. All signals are blocked while
 * the lock is held, so no handler finds the set half changed. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include <mema.h>

#include "chargedSet.h"
#include "charges.h"
#include "foreign.h"
#include "ranges.h"
#include "rawCalls.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4 /* Linux 5.7 */
#endif

/* The kernel's set of signals; the C library's is larger. */
enum { SIGNAL_BYTES = _NSIG / 8 };

/* True if the set is not empty. A call that unmaps reads it without the lock, since it knows its range to be
 * mapped. */
static atomic_bool anyCharged;

/* ---- under the lock --------------------------------------------------------------------------------------------------- */

/* One call in progress. All signals are blocked in its thread until it ends. */
typedef struct Section {
  unsigned char signals[SIGNAL_BYTES]; /* the signals that were blocked before */
  bool locked;
} Section;

static void changeSignals(const void *to, void *before) {
  int savedErrno = errno;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, to, before, SIGNAL_BYTES);
  errno = savedErrno;
}

static void lockSet(Section *section) {
  /* false if this thread holds the lock already, for a fork */
  section->locked = lockChargedSet();
}

static void unlockSet(const Section *section) {
  if (section->locked) unlockChargedSet();
}

static void enter(Section *section) {
  unsigned char all[SIGNAL_BYTES];
  memset(all, 0xff, sizeof all);
  changeSignals(all, section->signals);
  lockSet(section);
}

/* Ends the call. Credits the bytes that it did not need, or that are no longer mapped. */
static void leave(const Section *section, size_t credit) {
  atomic_store_explicit(&anyCharged, chargedSet.ranges.count > 0, memory_order_relaxed);
  unlockSet(section);
  heapCredit(credit);
  changeSignals(section->signals, NULL);
}

/* The ranges of one call: a range to map, or a range that becomes another one. */
typedef struct Call {
  Range from; /* mremap: the old range */
  Range to;   /* the new range; if the kernel chooses the address, only its size is right */
  bool fixed; /* the call replaces mappings at `to` */
  bool keeps; /* `from` stays mapped too */
} Call;

/* Begins a call with *held bytes charged: the bytes it needs in the present state of the set. False, with
 * ENOMEM and nothing charged, iff the budget refuses. */
static bool enterCharged(Section *section, size_t (*needOf)(const Call *call), const Call *call, size_t *held) {
  *held = 0;
  enter(section);
  for (size_t need; (need = needOf(call)) > *held; *held = need) {
    unlockSet(section);
    bool charged = heapCharge(need - *held);
    lockSet(section);
    if (charged) continue;
    leave(section, *held);
    errno = ENOMEM;
    return false;
  }
  return true;
}

/* ---- ranges ----------------------------------------------------------------------------------------------------------- */

/* Returns the pages that hold these bytes. The range is empty if they are no range; the kernel then refuses
 * the call itself. */
static Range pagesOf(const void *address, size_t size) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)address & ~(page - 1),
            bytes = (size + page - 1) & ~(page - 1);
  if (bytes < size || start + bytes < start) bytes = 0;
  return (Range){start, start + bytes};
}

static size_t sizeOf(Range range) {
  return range.end - range.start;
}

static Range movedTo(Range range, const void *address) {
  uintptr_t start = (uintptr_t)address;
  return (Range){start, start + sizeOf(range)};
}

static bool isMapped(Range range) {
  return rawIsMapped((void *)range.start, sizeOf(range));
}

/* Takes unmapped pages out of the set, after a call that failed. Such a call may have unmapped the range that
 * it was to replace already, and the rest of the range that it was to move. */
static size_t forgetUnmapped(Range within) {
  size_t bytes = 0, page = (size_t)sysconf(_SC_PAGESIZE);
  Range part;
  int savedErrno = errno;
  for (; rangesFirst(&chargedSet.ranges, within, &part); within.start = part.end) {
    if (isMapped(part)) continue;
    for (Range one = {part.start, part.start + page}; one.start < part.end; one.start += page, one.end += page) {
      if (!isMapped(one)) bytes += rangesRemove(&chargedSet.ranges, one);
    }
  }
  errno = savedErrno;
  return bytes;
}

/* ---- mmap ------------------------------------------------------------------------------------------------------------- */

static bool isCharged(int protection, int flags) {
  return (flags & MAP_ANONYMOUS) != 0 && (protection & PROT_WRITE) != 0;
}

static bool replaces(int flags) {
  return (flags & MAP_FIXED) != 0;
}

/* Returns the range of a new mapping. If the address is only a hint, only the size is right. */
static Range newPages(const void *address, size_t size, int flags) {
  return pagesOf(replaces(flags) ? address : NULL, size);
}

static size_t needToMap(const Call *call) {
  return sizeOf(call->to) - (call->fixed ? rangesOverlap(&chargedSet.ranges, call->to) : 0);
}

/* Makes a charged mapping. Earlier charges at its place end, also for ranges that were unmapped past the set
 * (by a raw munmap). */
static void *mapCharged(void *address, size_t size, int protection, int flags, int file, int64_t offset) {
  Section section;
  Call call = {.to = newPages(address, size, flags), .fixed = replaces(flags)};
  size_t held;
  if (!enterCharged(&section, needToMap, &call, &held)) return MAP_FAILED;
  void *mapped = MAP_FAILED;
  if (!rangesReserve(&chargedSet.ranges, 2)) {
    errno = ENOMEM;
  } else {
    mapped = rawMap(address, size, protection, flags, file, offset);
  }
  if (mapped != MAP_FAILED) {
    Range range = movedTo(call.to, mapped);
    held += rangesRemove(&chargedSet.ranges, range);
    rangesAdd(&chargedSet.ranges, range);
    held -= sizeOf(range);
  } else if (call.fixed) {
    held += forgetUnmapped(call.to);
  }
  leave(&section, held);
  return mapped;
}

/* Makes a mapping without charge, which may replace charged pages. If it splits a range, the set needs room
 * for both parts. */
static void *mapUncharged(void *address, size_t size, int protection, int flags, int file, int64_t offset) {
  Section section;
  size_t credit = 0;
  void *mapped = MAP_FAILED;
  enter(&section);
  if (!rangesReserve(&chargedSet.ranges, 1)) {
    errno = ENOMEM;
  } else {
    mapped = rawMap(address, size, protection, flags, file, offset);
  }
  credit = mapped != MAP_FAILED ? rangesRemove(&chargedSet.ranges, pagesOf(mapped, size))
                                : forgetUnmapped(pagesOf(address, size));
  leave(&section, credit);
  return mapped;
}

static void *mapMemory(void *address, size_t size, int protection, int flags, int file, int64_t offset) {
  if (isCharged(protection, flags) && heapCountsMappings() && sizeOf(newPages(address, size, flags)) > 0) {
    return mapCharged(address, size, protection, flags, file, offset);
  }
  if (replaces(flags) && atomic_load_explicit(&anyCharged, memory_order_relaxed)) {
    return mapUncharged(address, size, protection, flags, file, offset);
  }
  return rawMap(address, size, protection, flags, file, offset);
}

MEMA_PUBLIC void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset) {
  return mapMemory(addr, len, prot, flags, fd, offset);
}

#ifndef mmap64 /* else a name of mmap: its offsets have 64 bits */
MEMA_PUBLIC void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t offset) {
  return mapMemory(addr, len, prot, flags, fd, offset);
}
#endif

/* ---- munmap ----------------------------------------------------------------------------------------------------------- */

MEMA_PUBLIC int munmap(void *addr, size_t len) {
  Section section;
  size_t credit = 0;
  int result = -1;
  if (!atomic_load_explicit(&anyCharged, memory_order_relaxed)) return rawUnmap(addr, len);
  enter(&section);
  if (!rangesReserve(&chargedSet.ranges, 1)) {
    errno = ENOMEM;
  } else {
    result = rawUnmap(addr, len);
  }
  if (result == 0) credit = rangesRemove(&chargedSet.ranges, pagesOf(addr, len));
  leave(&section, credit);
  return result;
}

/* ---- mremap ----------------------------------------------------------------------------------------------------------- */

/* Returns the part of the old range that goes on in the new one. An old range of 0 bytes asks for a second
 * mapping of shared memory: its part is empty. */
static Range keptPart(const Call *call) {
  size_t size = sizeOf(call->from) < sizeOf(call->to) ? sizeOf(call->from) : sizeOf(call->to);
  return (Range){call->from.start, call->from.start + size};
}

/* Returns the growth to charge: new pages are charged iff the page before them is. */
static size_t chargedGrowth(const Call *call) {
  if (sizeOf(call->to) <= sizeOf(call->from)) return 0;
  uintptr_t last = sizeOf(call->from) > 0 ? call->from.end - 1 : call->from.start;
  return rangesOverlap(&chargedSet.ranges, (Range){last, last + 1}) > 0 ? sizeOf(call->to) - sizeOf(call->from) : 0;
}

static size_t needToRemap(const Call *call) {
  size_t need = chargedGrowth(call) + (call->keeps ? rangesOverlap(&chargedSet.ranges, call->from) : 0);
  size_t gone = call->fixed ? rangesOverlap(&chargedSet.ranges, call->to) : 0;
  return need > gone ? need - gone : 0;
}

/* Returns the number of charged parts in a range. In a move, each part may leave one range behind and make
 * one. */
static size_t partsOf(Range within) {
  size_t parts = 0;
  Range part;
  for (; rangesFirst(&chargedSet.ranges, within, &part); within.start = part.end) parts++;
  return parts;
}

/* Moves the charges to the new place of the pages. Returns the increase of the set's bytes, modulo 2^64. */
static size_t moveCharges(const Call *call, Range to, size_t growth) {
  size_t before = chargedSet.ranges.bytes;
  Range kept = keptPart(call), part;
  if (to.start != call->from.start) rangesRemove(&chargedSet.ranges, to);
  for (Range rest = kept; to.start != call->from.start && rangesFirst(&chargedSet.ranges, rest, &part);
       rest.start = part.end) {
    uintptr_t start = to.start + (part.start - kept.start);
    rangesAdd(&chargedSet.ranges, (Range){start, start + sizeOf(part)});
  }
  if (to.start == call->from.start) {
    rangesRemove(&chargedSet.ranges, (Range){kept.end, call->from.end > to.end ? call->from.end : to.end});
  } else if (!call->keeps) {
    rangesRemove(&chargedSet.ranges, call->from);
  }
  if (growth > 0) rangesAdd(&chargedSet.ranges, (Range){to.end - growth, to.end});
  return chargedSet.ranges.bytes - before;
}

static void *remapCharged(const Call *call, void *address, size_t size, size_t newSize, int flags, void *newAddress) {
  Section section;
  size_t held;
  void *mapped = MAP_FAILED;
  if (!enterCharged(&section, needToRemap, call, &held)) return MAP_FAILED;
  size_t growth = chargedGrowth(call);
  if (!rangesReserve(&chargedSet.ranges, 2 * partsOf(call->from) + 3)) {
    errno = ENOMEM;
  } else {
    /* Since Linux 6.17 a mapping stays if it lies opposite to a hole in the old range, contrary to the
     * manual. Its charge would look like that of a mapping that was replaced. */
    if (call->fixed && !isMapped(call->from)) (void)rawUnmap(newAddress, newSize);
    mapped = rawRemap(address, size, newSize, flags, newAddress);
  }
  if (mapped != MAP_FAILED) {
    held -= moveCharges(call, movedTo(call->to, mapped), growth);
  } else if (call->fixed) {
    held += forgetUnmapped(call->from) + forgetUnmapped(call->to);
  }
  leave(&section, held);
  return mapped;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the C library's names have underscores within */
MEMA_PUBLIC void *mremap(void *address, size_t size, size_t newSize, int flags, ...) {
  void *newAddress = NULL;
  if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0) {
    va_list rest;
    va_start(rest, flags);
    newAddress = va_arg(rest, void *);
    va_end(rest);
  }
  Call call = {.from = pagesOf(address, size),
               .to = pagesOf((flags & MREMAP_FIXED) != 0 ? newAddress : NULL, newSize),
               .fixed = (flags & MREMAP_FIXED) != 0,
               .keeps = (flags & MREMAP_DONTUNMAP) != 0 || size == 0};
  bool isRange = sizeOf(call.to) > 0 && (size == 0 || sizeOf(call.from) > 0);
  if (!isRange || !atomic_load_explicit(&anyCharged, memory_order_relaxed)) {
    return rawRemap(address, size, newSize, flags, newAddress);
  }
  return remapCharged(&call, address, size, newSize, flags, newAddress);
}

/* ---- the break -------------------------------------------------------------------------------------------------------- */

static bool isMoved(const void *result) {
  return result != (void *)-1;
}

/* Returns the bytes to credit when the break sinks: never more than was charged. The rest was the C
 * library's. */
static size_t sinkBreak(size_t bytes) {
  size_t credit = bytes < chargedSet.breakBytes ? bytes : chargedSet.breakBytes;
  chargedSet.breakBytes -= credit;
  return credit;
}

/* Moves the break, and charges its real change: the C library reports success even if the kernel refuses to
 * lower it. */
static void *moveBreakCharged(const Section *section, intptr_t increment, size_t held) {
  uintptr_t before = (uintptr_t)rawBreak(0);
  void *result = rawBreak(increment);
  uintptr_t after = (uintptr_t)rawBreak(0);
  noteProgramBreak();
  if (after > before) {
    chargedSet.breakBytes += after - before;
    held -= after - before;
  } else {
    held += sinkBreak(before - after);
  }
  leave(section, held);
  return result;
}

static size_t needToGrow(const Call *call) {
  return sizeOf(call->to);
}

static void *moveBreakUncharged(intptr_t increment) {
  void *result = rawBreak(increment);
  if (increment != 0) noteProgramBreak();
  return result;
}

MEMA_PUBLIC void *sbrk(intptr_t delta) {
  Section section;
  if (delta == 0 || !heapCountsMappings()) return moveBreakUncharged(delta);
  Call call = {.to.end = delta > 0 ? (uintptr_t)delta : 0};
  size_t held;
  if (!enterCharged(&section, needToGrow, &call, &held)) return (void *)-1;
  return moveBreakCharged(&section, delta, held);
}

static size_t needToBreak(const Call *call) {
  uintptr_t now = (uintptr_t)rawBreak(0);
  return call->to.end > now ? call->to.end - now : 0;
}

MEMA_PUBLIC int brk(void *addr) {
  Section section;
  Call call = {.to.end = (uintptr_t)addr};
  size_t held;
  if (!heapCountsMappings()) {
    return isMoved(moveBreakUncharged((intptr_t)((uintptr_t)addr - (uintptr_t)rawBreak(0)))) ? 0 : -1;
  }
  if (!enterCharged(&section, needToBreak, &call, &held)) return -1;
  intptr_t increment = (intptr_t)(call.to.end - (uintptr_t)rawBreak(0));
  return isMoved(moveBreakCharged(&section, increment, held)) ? 0 : -1;
}
