/* linux.c - os.h for Linux.
 *
 * Memory is private and anonymous, readable and writable, without swap accounting (MAP_NORESERVE). Neighbouring
 * mappings merge into one in the kernel. So any number of pools stays far from vm.max_map_count, and nothing
 * needs mprotect. All that is mapped counts against RLIMIT_AS and RLIMIT_DATA, under vm.overcommit_memory=2, in a
 * core dump and for mlockall, touched or not. So room is not mapped before it is used.
 *
 * These functions call the kernel directly. A process may replace mmap and its relatives by functions that count
 * such calls (preload/mappings.c does). And none of them may be a cancellation point, since a pool's lock is held
 * around many (tests/structure.sh looks).
 */
#define _GNU_SOURCE
#include "os.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../base/checkers.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4 /* Linux 5.7 */
#endif

/* Commands of system calls: the headers of the kernel that name them are not on every system. */
enum { futexWaitPrivate = 128, futexWakePrivate = 129, barrierAll = 8, registerBarrier = 16 };

enum { privateMemory = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };

/* The kernel maps into the highest room that fits, or into the lowest in the older layout of a process (`ulimit -s
 * unlimited`). So other mappings first fill what lies behind a room, or before it. The greatest distance that can be
 * had is kept: a limit on address space may allow less. */
#ifndef MEMA_ROOM_DISTANCE
#define MEMA_ROOM_DISTANCE (UINT64_C(8) << 30)
#endif
enum { distanceCount = 3 };
static const uint64_t distances[distanceCount] = {MEMA_ROOM_DISTANCE, MEMA_ROOM_DISTANCE / 32, 0};

/* This address stands for all mappings (checkers.h). The kernel may map a range for one thread as soon as another
 * thread has unmapped it. */
static const char mappings;

/* Anonymous memory needs no offset, so SYS_mmap2, which counts offsets in other units, does as well. On s390 the kernel
 * takes the address of the arguments. */
static void *mapAs(void *base, size_t size, int protection, int flags) {
#if defined(__s390__)
  const unsigned long arguments[6] = {(unsigned long)base, size, (unsigned long)protection, (unsigned long)flags, -1UL, 0};
  void *mapped = (void *)syscall(SYS_mmap, arguments);
#elif defined(SYS_mmap2)
  void *mapped = (void *)syscall(SYS_mmap2, base, size, protection, flags, -1, 0L);
#else
  void *mapped = (void *)syscall(SYS_mmap, base, size, protection, flags, -1, 0L);
#endif
  mema_noteAcquired(&mappings);
  return mapped;
}

static void *mapPages(void *base, size_t size, int flags) {
  return mapAs(base, size, PROT_READ | PROT_WRITE, flags);
}

static int unmapPages(void *base, size_t size) {
  mema_noteReleasing(&mappings);
  return (int)syscall(SYS_munmap, base, size);
}

static void *movePages(void *from, size_t size, int flags, void *to) {
  return (void *)syscall(SYS_mremap, from, size, size, flags, to);
}

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18 /* Linux 4.14 */
#endif

static atomic_bool inSandbox;

void mema_osEnterSandbox(void) {
  atomic_store_explicit(&inSandbox, true, memory_order_relaxed);
}

/* True if a call that the C library's malloc does not make might end the process. */
static bool isRestricted(void) {
  return atomic_load_explicit(&inSandbox, memory_order_relaxed);
}

/* Sets the ends of the stack that the calling thread was made with. False: not known. */
static bool findStack(uintptr_t *base, size_t *size) {
  pthread_attr_t attributes;
  void *address;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return false;
  bool found = pthread_attr_getstack(&attributes, &address, size) == 0;
  pthread_attr_destroy(&attributes);
  *base = (uintptr_t)address;
  return found;
}

bool mema_osIsOnOwnStack(uintptr_t low, uintptr_t high) {
  uintptr_t base;
  size_t size;
  stack_t other;
  int saved = errno;
  bool own =
      !isRestricted() && sigaltstack(NULL, &other) == 0 && (other.ss_flags & SS_ONSTACK) == 0 && findStack(&base, &size);
  errno = saved;
  return own && low >= base && high - base < size;
}

size_t mema_osPageSize(void) {
  static _Atomic size_t known;
  size_t size = atomic_load_explicit(&known, memory_order_relaxed);
  if (size == 0) {
    size = getauxval(AT_PAGESZ);
    if (size == 0) size = 4096;
    atomic_store_explicit(&known, size, memory_order_relaxed);
  }
  return size;
}

size_t mema_osAddressLimit(void) {
  struct rlimit limit;
  size_t least = SIZE_MAX;
  int saved = errno;
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) least = limit.rlim_cur;
  /* Private writable mappings count as data, whether touched or not. */
  if (getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < least)
    least = limit.rlim_cur;
  errno = saved;
  return least;
}

static char *map(size_t size) {
  int saved = errno;
  void *base = mapPages(NULL, size, privateMemory);
  errno = saved;
  return base == MAP_FAILED ? NULL : base;
}

void *mema_osReserve(size_t size, size_t alignment) {
  char *base = map(size);
  if (base == NULL || ((uintptr_t)base & (alignment - 1)) == 0) return base;
  mema_osRelease(base, size);
  if (size > SIZE_MAX - alignment) return NULL;
  base = map(size + alignment);
  if (base == NULL) return NULL;
  size_t before = (alignment - ((uintptr_t)base & (alignment - 1))) & (alignment - 1);
  if (before != 0) mema_osRelease(base, before);
  if (before != alignment) mema_osRelease(base + before + size, alignment - before);
  return base + before;
}

/* Finds `size` bytes, aligned, with `distance` bytes before and behind them, in which nothing is mapped, and maps the
 * first of them. The probe holds the room until then, so no other thread finds it. */
static char *findRoom(size_t size, size_t alignment, size_t first, size_t distance, bool *mapped) {
  size_t all = size + alignment + 2 * distance;
  char *base = mapAs(NULL, all, PROT_NONE, privateMemory);
  if (base == MAP_FAILED) return NULL;
  char *room = base + distance + (-(uintptr_t)(base + distance) & (alignment - 1));
  if (mapPages(room, first, privateMemory | MAP_FIXED) != room) {
    (void)unmapPages(base, all);
    return NULL;
  }
  if (room != base) (void)unmapPages(base, (size_t)(room - base));
  if (room + first == base + all || unmapPages(room + first, (size_t)(base + all - room) - first) == 0) return room;
  *mapped = mapPages(room, size, privateMemory | MAP_FIXED) == room;
  return *mapped ? room : NULL;
}

char *mema_osFindRoom(size_t size, size_t alignment, size_t first, bool *mapped) {
  int saved = errno;
  char *room = NULL;
  *mapped = false;
  for (unsigned i = 0; i < distanceCount && room == NULL; i++)
    if (distances[i] < SIZE_MAX / 8 && size <= PTRDIFF_MAX - alignment - 2 * (size_t)distances[i])
      room = findRoom(size, alignment, first, (size_t)distances[i], mapped);
  errno = saved;
  return room;
}

mema_Claim mema_osClaim(void *base, size_t size) {
  int saved = errno;
  void *at = mapPages(base, size, privateMemory | MAP_FIXED_NOREPLACE);
  mema_Claim claim = at == base ? mema_claimDone : at == MAP_FAILED && errno != EEXIST ? mema_claimRefused : mema_claimTaken;
  if (at != base && at != MAP_FAILED) (void)unmapPages(at, size); /* a kernel before 4.17 maps elsewhere */
  errno = saved;
  return claim;
}

bool mema_osRelease(void *base, size_t size) {
  int saved = errno;
  bool done = unmapPages(base, size) == 0;
  if (!done) (void)madvise(base, size, MADV_DONTNEED);
  errno = saved;
  return done;
}

void mema_osGuard(void *base, size_t size) {
  int saved = errno;
  (void)mprotect(base, size, PROT_NONE);
  errno = saved;
}

bool mema_osPurge(void *base, size_t size) {
  int saved = errno;
  bool done = madvise(base, size, MADV_DONTNEED) == 0;
  /* Locked pages (mlockall) refuse MADV_DONTNEED, and a sandbox may refuse it. A new mapping in their place has
   * an equal effect. */
  if (!done) done = mema_osRenew(base, size);
  errno = saved;
  return done;
}

size_t mema_osResident(void *base, size_t size) {
  if (isRestricted()) return size;
  unsigned char pages[256];
  size_t page = mema_osPageSize(), piece = page * sizeof pages, resident = 0;
  int saved = errno;
  for (size_t at = 0; at < size; at += piece) {
    size_t length = size - at < piece ? size - at : piece;
    bool known = mincore((char *)base + at, length, pages) == 0;
    for (size_t i = 0; i < length / page; i++) resident += known && (pages[i] & 1) == 0 ? 0 : page;
  }
  errno = saved;
  return resident;
}

bool mema_osRenew(void *base, size_t size) {
  int saved = errno;
  bool done = mapPages(base, size, privateMemory | MAP_FIXED) != MAP_FAILED;
  errno = saved;
  return done;
}

bool mema_osPopulate(void *base, size_t size) {
  int saved = errno;
  bool done = madvise(base, size, MADV_POPULATE_WRITE) == 0;
  if (!done && errno != ENOMEM &&
      errno != EFAULT) { /* an older kernel, or a sandbox: touch each page, keeping its contents */
    for (size_t i = 0; i < size; i += mema_osPageSize()) {
      volatile char *page = (volatile char *)base + i;
      *page = *page;
    }
    done = true;
  }
  errno = saved;
  return done;
}

bool mema_osLock(void *base, size_t size) {
  int saved = errno;
  bool done = syscall(SYS_mlock, base, size) == 0;
  errno = saved;
  return done;
}

void mema_osUnlock(void *base, size_t size) {
  int saved = errno;
  (void)syscall(SYS_munlock, base, size);
  errno = saved;
}

mema_Moved mema_osMove(void *to, void *from, size_t size) {
  int saved = errno;
  mema_Moved result = mema_moveRefused;
  /* The move takes two steps. The kernel may unmap `to` before it finds that `from` cannot be moved (`from` is
   * more than one mapping, or the system is short of mappings). The first step changes nothing if it fails, and
   * yields one mapping that can be moved. */
  void *between = movePages(from, size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
  if (between != MAP_FAILED) {
    if (movePages(between, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to) {
      result = mema_moveDone;
    } else {
      unsigned char resident;
      memcpy(from, between, size);
      (void)unmapPages(between, size);
      if (mincore(to, mema_osPageSize(), &resident) != 0 && mema_osClaim(to, size) != mema_claimDone) result = mema_moveLost;
    }
  }
  errno = saved;
  return result;
}

void mema_osPreferHuge(void *base, size_t size) {
  int saved = errno;
  (void)madvise(base, size, MADV_HUGEPAGE);
  errno = saved;
}

void mema_osAvoidHuge(void *base, size_t size) {
  int saved = errno;
  (void)madvise(base, size, MADV_NOHUGEPAGE);
  errno = saved;
}

size_t mema_osHugeSize(void) {
  return (size_t)2 << 20;
}

/* The time that SYS_futex takes. Where a long has 32 bits, a struct timespec of the C library may be larger. */
typedef struct KernelTime {
  long seconds, nanoseconds;
} KernelTime;

void mema_osWait(_Atomic uint32_t *word, uint32_t seen, int64_t milliseconds) {
  const KernelTime time = {.seconds = (long)(milliseconds / 1000), .nanoseconds = (long)(milliseconds % 1000) * 1000000};
  int saved = errno;
  syscall(SYS_futex, word, futexWaitPrivate, seen, milliseconds < 0 ? NULL : &time, NULL, 0);
  errno = saved;
}

bool mema_osWake(_Atomic uint32_t *word, bool all) {
  int saved = errno;
  bool any = syscall(SYS_futex, word, futexWakePrivate, all ? INT32_MAX : 1, NULL, NULL, 0) > 0;
  errno = saved;
  return any;
}

/* Sleeps, unless a signal comes, by a wait that nothing else ends. The C library's threads make no call that yields the
 * processor or only sleeps, and its functions that sleep are points where a thread may be cancelled. Returns false iff a
 * signal came. */
static bool sleepFor(long nanoseconds) {
  static _Atomic uint32_t neverChanged;
  const KernelTime pause = {.nanoseconds = nanoseconds};
  return syscall(SYS_futex, &neverChanged, futexWaitPrivate, 0, &pause, NULL, 0) == 0 || errno != EINTR;
}

void mema_osYield(void) {
  int saved = errno;
  (void)sleepFor(1);
  errno = saved;
}

static void changeSignals(int how, const mema_OsSignals *change, mema_OsSignals *before) {
  int saved = errno;
  syscall(SYS_rt_sigprocmask, how, change, before, (size_t)(_NSIG / 8));
  errno = saved;
}

void mema_osBlockSignals(mema_OsSignals *before) {
  const int faults[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};
  mema_OsSignals most;
  memset(&most, 0xff, sizeof most);
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) most.words[0] &= ~(1UL << (faults[i] - 1));
  changeSignals(SIG_BLOCK, &most, before);
}

void mema_osUnblockSignals(const mema_OsSignals *before) {
  changeSignals(SIG_SETMASK, before, NULL);
}

/* Of glibc since 2.2 and 2.32; other C libraries have no such names. */
extern void _IO_list_lock(void) __attribute__((weak));
extern void _IO_list_unlock(void) __attribute__((weak));
extern void _IO_list_resetlock(void) __attribute__((weak));
extern char __libc_single_threaded __attribute__((weak));

/* The C library's fork does not free the lock in the child of a process with one thread, and need not. */
bool mema_osLockStreams(void) {
  bool isAlone = &__libc_single_threaded != NULL && __libc_single_threaded != 0;
  if (isAlone || _IO_list_lock == NULL || _IO_list_unlock == NULL || _IO_list_resetlock == NULL) return false;
  _IO_list_lock();
  return true;
}

void mema_osUnlockStreams(bool inChild) {
  if (inChild) {
    _IO_list_resetlock();
  } else {
    _IO_list_unlock();
  }
}

uint32_t mema_osProcessor(void) {
  return (uint32_t)sched_getcpu();
}

int64_t mema_osMilliseconds(void) {
  struct timespec now = {0};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool mema_osCanBarrier(void) {
  int saved = errno;
  bool can = syscall(SYS_membarrier, registerBarrier, 0, 0) == 0;
  errno = saved;
  return can;
}

void mema_osBarrier(void) {
  int saved = errno;
  if (isRestricted() || syscall(SYS_membarrier, barrierAll, 0, 0) != 0) {
    /* A sandbox forbids the barrier, or may. The writes of other processors become visible in far less time than this
     * pause. */
    for (int tries = 0; tries < 20 && !sleepFor(1000000); tries++) continue;
  }
  errno = saved;
}

_Atomic uint32_t *mema_osProcessWord(void) {
  int saved = errno;
  size_t page = mema_osPageSize();
  void *word = mapPages(NULL, page, privateMemory);
  if (word != MAP_FAILED && madvise(word, page, MADV_WIPEONFORK) != 0) {
    (void)unmapPages(word, page);
    word = MAP_FAILED;
  }
  errno = saved;
  return word != MAP_FAILED ? word : NULL;
}

uintptr_t mema_osRandom(void) {
  uintptr_t number = 0;
  int saved = errno;
  if (syscall(SYS_getrandom, &number, sizeof number, GRND_NONBLOCK) != (long)sizeof number) {
    /* A sandbox forbids getrandom: use the sixteen random bytes that the kernel gives to every program. */
    const uintptr_t *given = (const uintptr_t *)getauxval(AT_RANDOM);
    number = given != NULL ? given[1] ^ (uintptr_t)&number : (uintptr_t)&number * (uintptr_t)0x9E3779B97F4A7C15u;
  }
  errno = saved;
  return number | 1;
}

/* ---- files of code ------------------------------------------------------------------------------------------------------ */

typedef struct Search {
  uintptr_t address;
  char *path;
  size_t size;
  uintptr_t *place;
} Search;

/* The loader has no name of the program itself. */
static void copyPath(const Search *search, const char *name) {
  ssize_t length = 0;
  if (name == NULL || name[0] == '\0') {
    length = readlink("/proc/self/exe", search->path, search->size - 1);
  } else {
    while ((size_t)length < search->size - 1 && name[length] != '\0') length++;
    memcpy(search->path, name, (size_t)length);
  }
  search->path[length > 0 ? length : 0] = '\0';
}

static int seeFile(struct dl_phdr_info *info, size_t size, void *arg) {
  const Search *search = arg;
  (void)size;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || search->address - (info->dlpi_addr + part->p_vaddr) >= part->p_memsz) continue;
    *search->place = search->address - info->dlpi_addr;
    copyPath(search, info->dlpi_name);
    return 1;
  }
  return 0;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written */
bool mema_osFileOf(uintptr_t address, char *path, size_t size, uintptr_t *place) {
  Search search = {.address = address, .path = path, .size = size, .place = place};
  int before = errno;
  bool found = dl_iterate_phdr(seeFile, &search) != 0;
  errno = before;
  return found;
}
