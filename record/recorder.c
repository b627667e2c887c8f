/* recorder.c - see recorder.h.
 *
 *   cold   no environment yet: events are kept in `early`
 *   open   the log is mapped; events go there
 *   off    there is no log: nothing is recorded
 *
 * All that belongs to a process lies in memory that the kernel wipes when it makes a child by copying: so every such child,
 * whichever call made it, begins as a process of its own, while one that shares our memory (vfork) goes on as a part of us. */
#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

typedef enum RecorderState { RECORDER_COLD, RECORDER_OPEN, RECORDER_OFF } RecorderState;

typedef struct Recorder {
  _Atomic uint32_t process; /* as in RawBlock; 0: not begun */
  _Atomic uint32_t threads;
  _Atomic uint64_t position; /* of the next event */
  _Atomic uint32_t spare;    /* a block that is claimed and not used, or 0 */
  _Atomic uint32_t blocks[]; /* by ordinal: the block's place in the file, or 0 */
} Recorder;

/* A thread's number, which it keeps for as long as it belongs to the process. */
typedef struct Thread {
  uint32_t process;
  uint32_t number;
} Thread;

enum { EARLY_EVENTS = 1024 };

static _Atomic RecorderState state;
static Recorder *recorder;
static RawHead *head;
static uint32_t windowBlocks; /* of the file that are mapped */
static char programName[RAW_NAME_ROOM];
static _Thread_local Thread self;

static RawEvent early[EARLY_EVENTS];
static _Atomic uint32_t earlyCount;

static RawBlock *blockAt(uint32_t number) {
  return (RawBlock *)(void *)((char *)head + (size_t)number * RAW_BLOCK_BYTES);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------- */

static void stop(void) {
  uint32_t goesOn = RAW_GOES_ON;
  atomic_compare_exchange_strong(&head->stopped, &goesOn, RAW_NO_ROOM);
}

/* A disk that is full is heard of here, and not by a signal when the block is written. An old kernel cannot be asked. */
static bool populate(RawBlock *block) {
  return madvise(block, RAW_BLOCK_BYTES, MADV_POPULATE_WRITE) == 0 || errno == EINVAL;
}

/* A block for this process alone; 0 where there is none. Where only our window ends, the others go on. */
static uint32_t claimBlock(void) {
  uint32_t number = atomic_exchange(&recorder->spare, 0);
  if (number != 0) return number;
  bool isLeft = atomic_load(&head->claimed) < windowBlocks;
  if (isLeft) number = atomic_fetch_add(&head->claimed, 1);
  if (isLeft && number < windowBlocks && populate(blockAt(number))) return number;
  if (isLeft || windowBlocks == head->blockCount) stop();
  return 0;
}

static uint32_t processNumber(void) {
  uint32_t number = atomic_load(&recorder->process);
  if (number != 0) return number;
  uint32_t claimed = atomic_fetch_add(&head->processes, 1) + 1;
  return atomic_compare_exchange_strong(&recorder->process, &number, claimed) ? claimed : number;
}

static void labelBlock(RawBlock *block, uint32_t ordinal) {
  block->ordinal = ordinal;
  block->pid = getpid();
  block->parentPid = getppid();
  for (size_t i = 0; i < RAW_NAME_ROOM; i++) block->name[i] = programName[i];
  atomic_store_explicit(&block->process, processNumber(), memory_order_release);
}

/* A full part need not be mapped: it is in the file, and would count as the program's memory. A thread that is late with an
 * event for it finds it again. */
static void forgetBlock(uint32_t ordinal) {
  uint32_t number = atomic_load(&recorder->blocks[ordinal]);
  if (number != 0) madvise(blockAt(number), RAW_BLOCK_BYTES, MADV_DONTNEED);
}

/* Several threads, and a signal handler in one of them, may find the block missing at the same time. Nobody waits: all bring
 * one, and the first is taken. */
__attribute__((noinline)) static uint32_t makeBlock(uint32_t ordinal) {
  int savedErrno = errno;
  uint32_t number = 0, there = 0;
  if (ordinal < windowBlocks && atomic_load(&head->stopped) == RAW_GOES_ON) number = claimBlock();
  if (number != 0) {
    labelBlock(blockAt(number), ordinal);
    if (!atomic_compare_exchange_strong(&recorder->blocks[ordinal], &there, number)) {
      atomic_store(&blockAt(number)->process, 0);
      atomic_store(&recorder->spare, number);
      number = there;
    }
    if (ordinal >= 2) forgetBlock(ordinal - 2);
  }
  errno = savedErrno;
  return number;
}

/* Once the trace is being made, an event comes too late: it is not missing from what was recorded. */
static void countLost(void) {
  if (atomic_load(&head->stopped) == RAW_CLOSED) return;
  uint32_t first = atomic_load(&recorder->blocks[0]);
  atomic_fetch_add_explicit(first != 0 ? &blockAt(first)->lost : &head->lost, 1, memory_order_relaxed);
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

static inline uint32_t threadNumber(void) {
  uint32_t process = atomic_load_explicit(&recorder->process, memory_order_relaxed);
  if (self.process != process) {
    self.number = atomic_fetch_add_explicit(&recorder->threads, 1, memory_order_relaxed);
    self.process = process;
  }
  return self.number;
}

static inline void storeEvent(RawEvent *event, RawKind kind, uint64_t address, uint64_t size) {
  uint32_t thread = threadNumber();
  event->size = size;
  atomic_store_explicit(&event->head, rawHead(kind, address, thread < RAW_THREADS_MOST ? thread : RAW_THREADS_MOST),
                        memory_order_release);
}

static inline void logEvent(RawKind kind, uint64_t address, uint64_t size) {
  uint64_t position = atomic_fetch_add_explicit(&recorder->position, 1, memory_order_relaxed);
  uint64_t ordinal = position / RAW_EVENTS;
  uint32_t number = ordinal < windowBlocks ? atomic_load_explicit(&recorder->blocks[ordinal], memory_order_acquire) : 0;
  if (number == 0) number = makeBlock(ordinal < windowBlocks ? (uint32_t)ordinal : windowBlocks);
  if (number == 0) {
    countLost();
  } else {
    storeEvent(&blockAt(number)->events[position % RAW_EVENTS], kind, address, size);
  }
}

/* ---- start -------------------------------------------------------------------------------------------------------- */

/* Copied now: programs point the name at memory of their own, and free it. */
static void noteName(void) {
  char thread[16] = "";
  const char *name = program_invocation_short_name;
  if (name == NULL || *name == '\0') {
    prctl(PR_GET_NAME, thread);
    name = thread;
  }
  for (size_t i = 0; i + 1 < sizeof programName && name[i] != '\0'; i++) programName[i] = name[i];
}

static bool isRawLog(const RawHead *candidate, size_t bytes) {
  return candidate->magic == RAW_LOG_MAGIC && candidate->version == RAW_LOG_VERSION &&
         candidate->blockBytes == RAW_BLOCK_BYTES && candidate->blockCount == bytes / RAW_BLOCK_BYTES;
}

/* Where address space is limited, most of it is left to the program. */
static size_t windowLimit(size_t bytes) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur / 8 >= bytes) return bytes;
  return (size_t)limit.rlim_cur / 8 / RAW_BLOCK_BYTES * RAW_BLOCK_BYTES;
}

/* The kernel is asked itself: behind us may be a heap that counts what is mapped against a budget, and this is not the program's. */
static void *mapMemory(size_t bytes, int flags, int file) {
#if defined(__s390__)
  /* It takes the address of the arguments. */
  const unsigned long arguments[6] = {0, bytes, PROT_READ | PROT_WRITE, (unsigned long)flags, (unsigned long)file, 0};
  return (void *)syscall(SYS_mmap, arguments);
#elif defined(SYS_mmap2)
  return (void *)syscall(SYS_mmap2, NULL, bytes, PROT_READ | PROT_WRITE, flags, file, 0L);
#else
  return (void *)syscall(SYS_mmap, NULL, bytes, PROT_READ | PROT_WRITE, flags, file, 0L);
#endif
}

/* As much of the file as the limits of the process allow. */
static bool mapWindow(int file, size_t bytes) {
  for (size_t window = windowLimit(bytes); window >= (size_t)16 * RAW_BLOCK_BYTES;
       window = window / 4 / RAW_BLOCK_BYTES * RAW_BLOCK_BYTES) {
    void *memory = mapMemory(window, MAP_SHARED | MAP_NORESERVE, file);
    if (memory == MAP_FAILED) continue;
    /* The program's core dumps are its own. And there is nothing in a hole to be read ahead. */
    madvise(memory, window, MADV_DONTDUMP);
    madvise(memory, window, MADV_RANDOM);
    head = memory;
    windowBlocks = (uint32_t)(window / RAW_BLOCK_BYTES);
    if (isRawLog(memory, bytes)) return true;
    syscall(SYS_munmap, memory, window);
    return false;
  }
  return false;
}

static bool mapRecorder(void) {
  size_t bytes = sizeof(Recorder) + windowBlocks * sizeof recorder->blocks[0];
  void *memory = mapMemory(bytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
  if (memory == MAP_FAILED) return false;
  recorder = memory;
  return madvise(memory, bytes, MADV_WIPEONFORK) == 0;
}

/* Holds a shared lock for as long as the file is mapped, here or in a child: a mapping keeps its open file, and that one keeps the
 * lock after the descriptor is closed. So --finish notices a recording whose `mema record` was killed. False if --finish is at
 * work already. A file system without locks is no reason not to record. */
static bool joinRecording(int file) {
  return syscall(SYS_flock, file, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

/* Calls the kernel: another preloaded library may hook open() and its kin, and would come back here if it allocates. A
 * pipe has no size. */
static bool openLog(void) {
  const char *path = secure_getenv(RAW_LOG_VARIABLE);
  if (path == NULL || *path != '/') return false;
  /* O_NONBLOCK: the name may have become that of a pipe. */
  int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
  if (file < 0) return false;
  long bytes = syscall(SYS_lseek, file, 0L, SEEK_END);
  bool done = bytes > 0 && joinRecording(file) && mapWindow(file, (size_t)bytes) && mapRecorder();
  syscall(SYS_close, file);
  return done;
}

static void logEarlyEvents(void) {
  uint32_t count = atomic_load(&earlyCount);
  for (uint32_t i = 0; i < count && i < EARLY_EVENTS; i++) {
    uint64_t word = atomic_load(&early[i].head);
    logEvent(rawKind(word), rawAddress(word), early[i].size);
  }
  for (uint32_t i = EARLY_EVENTS; i < count; i++) countLost();
}

/* Called by the only thread that there is. */
static void startRecorder(void) {
  int savedErrno = errno;
  noteName();
  if (openLog()) {
    logEarlyEvents();
    atomic_store(&state, RECORDER_OPEN);
  } else {
    atomic_store(&state, RECORDER_OFF);
  }
  errno = savedErrno;
}

/* The loader allocates before the C library has its environment. */
static void keepEarly(RawKind kind, uint64_t address, uint64_t size) {
  uint32_t at = atomic_fetch_add(&earlyCount, 1);
  if (at >= EARLY_EVENTS) return;
  early[at].size = size;
  atomic_store(&early[at].head, rawHead(kind, address, 0));
}

UnreachedList *unreachedList(void) {
  return atomic_load(&state) == RECORDER_OPEN ? &head->unreached : NULL;
}

void recordDeepBind(void) {
  if (atomic_load(&state) == RECORDER_OPEN) atomic_fetch_add(&head->deepBinds, 1);
}

void recordEvent(RawKind kind, const void *address, uint64_t size) {
  if (atomic_load_explicit(&state, memory_order_relaxed) == RECORDER_COLD && environ != NULL) startRecorder();
  switch (atomic_load_explicit(&state, memory_order_relaxed)) {
    case RECORDER_OPEN:
      logEvent(kind, (uintptr_t)address, size);
      break;
    case RECORDER_COLD:
      keepEarly(kind, (uintptr_t)address, size);
      break;
    case RECORDER_OFF:
    default:
      break;
  }
}

/* A process that never allocates is known as well. */
__attribute__((constructor(101))) static void beginProcess(void) {
  if (atomic_load(&state) == RECORDER_COLD) startRecorder();
  if (atomic_load(&state) == RECORDER_OPEN && atomic_load(&recorder->blocks[0]) == 0) makeBlock(0);
}
