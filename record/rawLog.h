/* rawLog.h - the file in which the recorded programs leave their events, and from which `mema record` makes a trace.
 *
 *   block 0      RawHead
 *   block 1...   RawBlock: events of one process
 *
 * `mema record` makes the file as large as it may ever become, all of it a hole, and names it in MEMA_RECORD; each process maps
 * it once and claims block after block. What is stored in a mapped file is kept whatever becomes of the process. `mema record`
 * and each open file that is mapped hold a shared lock (flock) on it; --finish takes the exclusive one.
 *
 * The events of a process are numbered by one counter: event n is entry n % RAW_EVENTS of the block with ordinal
 * n / RAW_EVENTS. An allocation is numbered after the heap has handed the memory out, a release before the heap gets it back:
 * so between two lives of an address the release comes first, whichever threads they belong to. */
#ifndef MEMA_RAW_LOG_H
#define MEMA_RAW_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#include "../exec/unreached.h"

#define RAW_LOG_VARIABLE "MEMA_RECORD"
#define RAW_LOG_MAGIC 0x0a574152414d454dULL /* "MEMARAW\n" in a little-endian file */
#define RAW_LOG_VERSION 3u
#define RAW_BLOCK_BYTES 65536u
#define RAW_EVENTS 4088u
#define RAW_NAME_ROOM 48

typedef enum RawKind {
  RAW_NONE,             /* never stored: the process was killed on the way */
  RAW_RELEASE,          /* address */
  RAW_ALLOCATE,         /* address, size */
  RAW_ALLOCATE_ZEROED,  /* address, size */
  RAW_ALLOCATE_ALIGNED, /* address, size | alignment as a power of two << RAW_ALIGNMENT_SHIFT */
  RAW_RESIZE_BEGIN,     /* address: what is about to be resized */
  RAW_RESIZE_END,       /* address: what it became, or NULL; size as requested */
  RAW_REFUSED           /* size */
} RawKind;

/* head: kind in 3 bits; then the address without its low 3 bits, in 45: user addresses have 48 at most unless a program asks
 * for more; then the thread's number, from 0, in 16. Half the size of a plain struct: what recording costs is, for the most
 * part, fresh pages of the file. */
typedef struct RawEvent {
  _Atomic uint64_t head; /* stored last */
  uint64_t size;
} RawEvent;

#define RAW_ALIGNMENT_SHIFT 58
#define RAW_THREADS_MOST 65535u /* stands for all beyond it as well */

static inline uint64_t rawHead(RawKind kind, uint64_t address, uint64_t thread) {
  return (uint64_t)kind | (address & 0xfffffffffff8u) | thread << 48;
}

static inline RawKind rawKind(uint64_t head) {
  return (RawKind)(head & 7);
}

static inline uint64_t rawAddress(uint64_t head) {
  return head & 0xfffffffffff8u;
}

static inline uint32_t rawThread(uint64_t head) {
  return (uint32_t)(head >> 48);
}

typedef struct RawBlock {
  _Atomic uint32_t process; /* from 1, in the order in which they began; 0: unused. Stored last. */
  uint32_t ordinal;
  int32_t pid;
  int32_t parentPid;
  _Atomic uint64_t lost; /* in the first block of a process: the events behind its last one */
  char name[RAW_NAME_ROOM];
  uint64_t spare[7];
  RawEvent events[RAW_EVENTS];
} RawBlock;

typedef enum RawStop {
  RAW_GOES_ON,
  RAW_NO_ROOM, /* neither in the file nor on its disk */
  RAW_CLOSED   /* `mema record` has begun to read */
} RawStop;

typedef struct RawHead {
  uint64_t magic;
  uint32_t version;
  uint32_t blockBytes;
  uint32_t blockCount;        /* all of the file, the head included */
  _Atomic uint32_t claimed;   /* blocks asked for, the head included; those beyond the file as well */
  _Atomic uint32_t processes; /* that began */
  _Atomic uint32_t stopped;   /* a RawStop */
  _Atomic uint64_t lost;      /* events of processes without any block */
  _Atomic uint64_t deepBinds; /* calls of dlopen and dlmopen with RTLD_DEEPBIND, which was taken out */
  UnreachedList unreached;
} RawHead;

_Static_assert(sizeof(RawBlock) == RAW_BLOCK_BYTES, "a block's events fill it");
_Static_assert(sizeof(RawHead) <= RAW_BLOCK_BYTES, "the head is a block");

#endif
