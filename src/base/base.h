/* base.h - the base of every part of the library: compiler macros, operations on words and bits, the modes of
 * heaps, and the description of one chunk. */
#ifndef MEMA_BASE_BASE_H
#define MEMA_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checkers.h"
#include "poolState.h"

#define mema_likely(condition) __builtin_expect(!!(condition), 1)
#define mema_unlikely(condition) __builtin_expect(!!(condition), 0)
#define MEMA_HIDDEN __attribute__((visibility("hidden")))
#if defined(__OPTIMIZE_SIZE__)
#define MEMA_INLINE inline
#else
#define MEMA_INLINE inline __attribute__((always_inline))
#endif
#define MEMA_NOINLINE __attribute__((noinline))
#define MEMA_SLOW __attribute__((noinline, cold))

/* True where short paths are written in instructions of x86-64. -DMEMA_PORTABLE takes the general branch beside each of
 * them there too, so that tests reach it. */
#if defined(__x86_64__) && defined(__LP64__) && !defined(MEMA_PORTABLE)
#define MEMA_X86_64 1
#else
#define MEMA_X86_64 0
#endif

/* The number of the lowest set bit of a word that is not 0. It is 64 bits wide, since compilers widen the int
 * of the builtin by one more instruction. */
static inline uint64_t mema_lowestBit(uint64_t word) {
#if MEMA_X86_64
  uint64_t bit;
  __asm__("rep bsfq %1, %0"
          : "=r"(bit)
          : "r"(word)
          : "cc"); /* runs as tzcnt where the processor has it; both agree for words that are not 0 */
  return bit;
#else
  return (uint64_t)__builtin_ctzll(word);
#endif
}

/* Makes gcc compute an address once and keep it. Otherwise gcc, when short of registers, computes it again at
 * each use. */
#define MEMA_HELD(pointer) __asm__("" : "+r"(pointer))

/* mema_loadWord and mema_storeWord access words of plain structs that one thread may write while others read
 * them. A reader uses any value it sees only as a hint, and reads again under a lock before a result depends on
 * it. Hardware reads an aligned word at once, on every system that mema runs on, so a plain load is enough.
 * Compilers fold a plain load into a comparison, but not an atomic one; this saves 4 instructions of each
 * palloc. */
static inline uintptr_t mema_loadWord(const uintptr_t *word) {
#if defined(MEMA_THREAD_SANITIZED)
  return __atomic_load_n(word, __ATOMIC_RELAXED);
#else
  return *word;
#endif
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written */
static inline void mema_storeWord(uintptr_t *word, uintptr_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* Tells the processor that this loop waits for another thread. */
static inline void mema_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* Stores `before` with one bit set in *after; `bit` counts modulo 64. True iff the bit was set already. */
static inline bool mema_setBit(uint64_t before, uint64_t bit, uint64_t *after) {
#if MEMA_X86_64
  bool was;
  __asm__("btsq %2, %1" : "=@ccc"(was), "+r"(before) : "r"(bit)); /* one instruction tests and sets */
  *after = before;
  return was;
#else
  *after = before | UINT64_C(1) << bit % 64;
  return *after == before;
#endif
}

/* log2 of the most bytes that one reservation takes: little of the address space of the process. A build for an emulator,
 * which is slow where much address space is looked for, may set less, and a shorter distance (memory/linux.c). */
#ifndef MEMA_RESERVATION_LOG_MOST
#define MEMA_RESERVATION_LOG_MOST (sizeof(void *) > 4 ? 40 : 28)
#endif
enum { mema_reservationLogMost = MEMA_RESERVATION_LOG_MOST };

static inline size_t mema_least(size_t a, size_t b) {
  return a < b ? a : b;
}

static inline size_t mema_roundUp(size_t n, size_t powerOfTwo) {
  return (n + powerOfTwo - 1) & ~(powerOfTwo - 1);
}

/* The mode of a heap: bits that choose the variant of palloc and pfree for its pools (the table in chunk.c). A
 * heap's header begins with its generation, to which the mode is added (identity.h). */
enum mema_Mode {
  mema_modeRecords = 1,      /* each chunk has a Block */
  mema_modeMagazines = 2,    /* freed slots are kept in magazines */
  mema_modeSlotsMost = 3,    /* modes up to here: slots, in a pool that has no family and does not bound memory */
  mema_modeArena = 4,        /* an arena: with or without records, never with magazines */
  mema_modeFamily = 8,       /* the slab's pools are in a family: pool/tree.h */
  mema_modeParentHeap = 16,  /* of a pool, not of a heap: the pool uses its parent's slabs */
  mema_modeBound = 32,       /* the budget of the slab's pools bounds memory: every call takes the general path */
  mema_modeCount = 64,       /* the number of modes of slabs and arenas */
  mema_modeFixed = 64,       /* a heap in a caller's buffer: pool/fixedChunk.c */
  mema_modeGeneral = 96,     /* and up: no variant serves the heap, so every call takes the general path */
  mema_generationStep = 128, /* two generations differ by a multiple of this */
};

typedef struct mema_Heap mema_Heap;
typedef struct mema_Span mema_Span;

/* One chunk, as its heap describes it. The heap fills this in when it hands the chunk out or finds it. */
typedef struct mema_Chunk {
  char *ptr;
  size_t room;        /* bytes that the chunk occupies and may use: at least the bytes requested */
  mema_Block *record; /* the chunk's Block; NULL in a heap without records */
  mema_Heap *heap;
  mema_Span *span; /* the span of a slab's chunk; else NULL */
  uint32_t slot;   /* the slot's number in the span; in an arena, the chunk's first grain */
  bool zeroed;     /* set on handing out: all bytes are known to be zero */
} mema_Chunk;

#endif
