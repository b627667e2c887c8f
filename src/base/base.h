/* engine.h - what a pool asks of the memory under it.
 *
 * An engine hands out chunks and takes them back; it knows nothing of charges, chains or owners. It answers, for any 64-bit
 * value, whether that is the start of one of its live chunks, without looking at the value's memory. For each chunk of a tracked
 * pool it keeps room for one Block record, which the pool above writes.
 *
 * slab.h is the default engine, arena.h another, which shares the slab's header, its life and its names: the general functions ask
 * which it is, the common paths know by the pool's mode. fixed.h, the engine of a caller's buffer,
 * has a header and a life of its own; the calls over it are in fixed/.
 */
#ifndef MEMA_BASE_BASE_H
#define MEMA_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "poolState.h"

#define mema_likely(condition) __builtin_expect(!!(condition), 1)
#define mema_unlikely(condition) __builtin_expect(!!(condition), 0)
#define MEMA_HIDDEN __attribute__((visibility("hidden")))
#define MEMA_INLINE inline __attribute__((always_inline))
#define MEMA_NOINLINE __attribute__((noinline))
#define MEMA_SLOW __attribute__((noinline, cold))

/* The number of the lowest bit set; word is not 0. (Compilers widen the int of the builtin once more.) */
static inline uint64_t mema_lowestBit(uint64_t word) {
#if defined(__x86_64__)
  uint64_t bit;
  __asm__("rep bsfq %1, %0"
          : "=r"(bit)
          : "r"(word)
          : "cc"); /* tzcnt where there is one; the same for words that are not 0 */
  return bit;
#else
  return (uint64_t)__builtin_ctzll(word);
#endif
}

/* Has an address computed once: gcc otherwise computes it anew at each use, where it is short of registers. */
#define MEMA_HELD(pointer) __asm__("" : "+r"(pointer))

/* Words of plain structs that one thread may write while others read them. A reader takes whatever value it meets, and asks again under a
 * lock before anything depends on it. A plain load of an aligned word is what the hardware reads at once, on every system that mema
 * runs on; compilers of today fold it into a comparison, as they do not fold an atomic one (4 instructions of each palloc). */
static inline uintptr_t mema_loadWord(const uintptr_t *word) {
#if defined(__SANITIZE_THREAD__)
  return __atomic_load_n(word, __ATOMIC_RELAXED);
#else
  return *word;
#endif
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written */
static inline void mema_storeWord(uintptr_t *word, uintptr_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* Tells the processor that a loop waits for another thread. */
static inline void mema_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* *after is `before` with a bit (its number modulo 64) set; true iff it was set already. */
static inline bool mema_setBit(uint64_t before, uint64_t bit, uint64_t *after) {
#if defined(__x86_64__)
  bool was;
  __asm__("btsq %2, %1" : "=@ccc"(was), "+r"(before) : "r"(bit)); /* one instruction for the question and the answer */
  *after = before;
  return was;
#else
  *after = before | UINT64_C(1) << bit % 64;
  return *after == before;
#endif
}

static inline size_t mema_roundUp(size_t n, size_t powerOfTwo) {
  return (n + powerOfTwo - 1) & ~(powerOfTwo - 1);
}

/* The mode of a heap: bits that choose the variant of palloc and pfree for its pools (the table in chunk.c). A heap's header begins with its
 * generation, to which the mode is added (identity.h). */
enum mema_Mode {
  mema_modeRecords = 1,      /* a Block for each chunk */
  mema_modeMagazines = 2,    /* slots freed are kept in magazines */
  mema_modeSlotsMost = 3,    /* modes up to here: slots, of a pool that stands alone */
  mema_modeArena = 4,        /* has records or not, and no magazines */
  mema_modeFamily = 8,       /* the slab's pools are in a family: family/tree.h */
  mema_modeParentHeap = 16,  /* of a pool, not of a slab: the pool uses its parent's slabs */
  mema_modeBound = 32,       /* the budget of the slab's pools bounds memory: every call takes the general path */
  mema_modeCount = 64,       /* of slabs */
  mema_modeFixed = 64,       /* a caller's buffer, whose calls are all in fixed/ */
  mema_generationStep = 128, /* two generations differ by a multiple */
};

typedef struct mema_Heap mema_Heap;
typedef struct mema_Span mema_Span;

/* One chunk, as an engine sees it: filled in when it is handed out or found. */
typedef struct mema_Chunk {
  char *ptr;
  size_t room;        /* bytes that it occupies, and may use: at least what was asked for */
  mema_Block *record; /* its Block; NULL in a slab without records */
  mema_Heap *heap;
  mema_Span *span; /* of a slab's chunk; else NULL */
  uint32_t slot;   /* its number in the span; in an arena its first grain */
  bool zeroed;     /* handed out: all its bytes are known to be zero */
} mema_Chunk;

#endif
