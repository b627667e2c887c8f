/* engine.h - what a pool asks of the memory under it.
 *
 * An engine hands out chunks and takes them back; it knows nothing of budgets, chains or owners. It answers, for any 64-bit
 * value, whether that is the start of one of its live chunks, without looking at the value's memory. For each chunk it keeps
 * room for one Block record, which the pool above writes.
 *
 * There is one engine so far, slab.h; pool.c calls it by name, so that the common path has no indirect call.
 */
#ifndef MEMA_ENGINE_H
#define MEMA_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/mema.h"

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

typedef struct mema_Slab mema_Slab;
typedef struct mema_Span mema_Span;

/* One chunk, as an engine sees it: filled in when it is handed out or found. */
typedef struct mema_Chunk {
  char *ptr;
  size_t room;        /* bytes that it occupies, and may use: at least what was asked for */
  mema_Block *record; /* its Block; NULL in a slab without records */
  mema_Slab *slab;
  mema_Span *span;
  uint32_t slot; /* its number in the span */
  bool zeroed;   /* handed out: all its bytes are known to be zero */
} mema_Chunk;

#endif
