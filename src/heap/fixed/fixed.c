/* fixed.c - see fixed.h: takes pieces, gives them back, joins and bins them. */
#include "fixed.h"

/* ---- the map, written -------------------------------------------------------------------------------------------------- */

/* Writes the length of a long piece to the first and the last word that lie wholly inside it. Shorter pieces
 * cover no whole word. */
static MEMA_INLINE void tellLength(mema_Fixed *fixed, uint32_t grain, uint32_t grains) {
  if (mema_likely(grains <= mema_fixedNearby)) return;
  mema_FixedWord *first = &fixed->words[grain / 64 + 1], *behind = &fixed->words[(grain + grains) / 64];
  if (first >= behind) return;
  first->live = grains;
  behind[-1].live = grains;
}

static MEMA_INLINE void setFree(mema_Fixed *fixed, uint32_t grain) {
  mema_FixedWord *word = &fixed->words[grain / 64];
  uint64_t bit = UINT64_C(1) << grain % 64;
  word->bounds |= bit;
  word->live &= ~bit;
}

static MEMA_INLINE void setLive(mema_Fixed *fixed, uint32_t grain) {
  mema_FixedWord *word = &fixed->words[grain / 64];
  uint64_t bit = UINT64_C(1) << grain % 64;
  word->bounds |= bit;
  word->live |= bit;
}

/* As setLive, for a grain whose bound is set already. */
static MEMA_INLINE void turnLive(mema_Fixed *fixed, uint32_t grain) {
  fixed->words[grain / 64].live |= UINT64_C(1) << grain % 64;
}

static MEMA_INLINE void turnFree(mema_Fixed *fixed, uint32_t grain) {
  fixed->words[grain / 64].live &= ~(UINT64_C(1) << grain % 64);
}

static MEMA_INLINE void clearBound(mema_Fixed *fixed, uint32_t grain) {
  fixed->words[grain / 64].bounds &= ~(UINT64_C(1) << grain % 64);
}

static MEMA_NOINLINE uint32_t longBefore(const mema_Fixed *fixed, uint32_t grain) {
  const mema_FixedWord *previous = &fixed->words[grain / 64] - 1;
  return previous->bounds != 0 ? grain / 64 * 64 - 64 + mema_highestBit(previous->bounds) : grain - (uint32_t)previous->live;
}

/* The start of the piece that ends at a bound, and is not the hot one. (No bound lies before the first word:
 * bit 0 ends the search.) */
static MEMA_INLINE uint32_t pieceBefore(const mema_Fixed *fixed, uint32_t grain) {
  const mema_FixedWord *word = &fixed->words[grain / 64];
  uint32_t at = grain % 64;
  uint64_t before = word[0].bounds << 1 << (63 - at) | word[-1].bounds >> at;
  if (mema_unlikely(before == 0)) return longBefore(fixed, grain);
  return grain - 1 - (uint32_t)__builtin_clzll(before);
}

/* ---- bins -------------------------------------------------------------------------------------------------------------- */

static MEMA_INLINE mema_FixedLink *linkAt(const mema_Fixed *fixed, uint32_t grain) {
  return (mema_FixedLink *)(void *)mema_fixedAt(fixed, grain);
}

/* True if a free piece other than the hot one starts at this grain, which may be any value. */
static MEMA_INLINE bool canBeBinned(const mema_Fixed *fixed, uint32_t grain) {
  if (mema_unlikely(grain - 1 >= fixed->end - 1 || grain == fixed->hot)) return false;
  const mema_FixedWord *word = &fixed->words[grain / 64];
  return (word->bounds & ~word->live) >> grain % 64 & 1;
}

static MEMA_INLINE void emptyBin(mema_Fixed *fixed, uint32_t class) {
  fixed->heads[class] = 0;
  if ((fixed->binned[class / 64] &= ~(UINT64_C(1) << class % 64)) == 0) fixed->filled &= ~(UINT32_C(1) << class / 64);
}

/* The piece that a link names; 0 if it names none, or is damaged. */
static MEMA_INLINE uint32_t follow(mema_Fixed *fixed, uint32_t grain) {
  if (grain == 0 || mema_likely(canBeBinned(fixed, grain))) return grain;
  fixed->damaged = true;
  return 0;
}

/* Puts a piece in the bin of its size. The map shows the piece already, but not its length. */
static MEMA_INLINE void bin(mema_Fixed *fixed, uint32_t grain, uint32_t grains) {
  uint32_t class = mema_fixedClass(grains), head = follow(fixed, fixed->heads[class]);
  tellLength(fixed, grain, grains);
  linkAt(fixed, grain)->next = head;
  fixed->heads[class] = grain;
  if (head != 0) {
    linkAt(fixed, head)->prev = grain;
  } else {
    fixed->binned[class / 64] |= UINT64_C(1) << class % 64;
    fixed->filled |= UINT32_C(1) << class / 64;
  }
}

/* Takes a piece out of its bin, wherever it is in the list. */
static MEMA_INLINE void unbin(mema_Fixed *fixed, uint32_t grain, uint32_t grains) {
  const mema_FixedLink *link = linkAt(fixed, grain);
  uint32_t class = mema_fixedClass(grains), next = follow(fixed, link->next), prev = link->prev;
  if (fixed->heads[class] == grain) {
    if (next == 0) {
      emptyBin(fixed, class);
    } else {
      fixed->heads[class] = next;
    }
  } else if (mema_likely(canBeBinned(fixed, prev)) && linkAt(fixed, prev)->next == grain) {
    linkAt(fixed, prev)->next = next;
    if (next != 0) linkAt(fixed, next)->prev = prev;
  } else {
    fixed->damaged = true; /* now in no list */
  }
}

/* The lowest class, from this one on, whose bin is not empty; classCount if there is none. */
static MEMA_INLINE uint32_t filledClass(const mema_Fixed *fixed, uint32_t class) {
  if (mema_unlikely(class >= fixed->classCount)) return fixed->classCount;
  uint64_t here = fixed->binned[class / 64] >> class % 64;
  if (mema_likely(here != 0)) return class + (uint32_t)__builtin_ctzll(here);
  uint32_t words = fixed->filled >> class / 64 >> 1;
  if (words == 0) return fixed->classCount;
  uint32_t word = class / 64 + 1 + (uint32_t)__builtin_ctz(words);
  return word * 64 + (uint32_t)__builtin_ctzll(fixed->binned[word]);
}

/* Takes the first piece out of a bin, if it has `least` grains. Returns 0 if it has not, or if the list was
 * damaged; a damaged bin is emptied. */
static MEMA_INLINE uint32_t pop(mema_Fixed *fixed, uint32_t class, size_t least, uint32_t *grains) {
  uint32_t grain = fixed->heads[class], next;
  if (mema_unlikely(!canBeBinned(fixed, grain))) {
    fixed->damaged = true;
    emptyBin(fixed, class);
    return 0;
  }
  *grains = mema_fixedSize(fixed, grain);
  if (mema_unlikely(*grains < least)) {
    if (mema_fixedClass(*grains) == class) return 0; /* it is of the request's own class, but too small */
    fixed->damaged = true;
    emptyBin(fixed, class);
    return 0;
  }
  next = follow(fixed, linkAt(fixed, grain)->next);
  if (next == 0) {
    emptyBin(fixed, class);
  } else {
    fixed->heads[class] = next;
  }
  return grain;
}

/* ---- taking ------------------------------------------------------------------------------------------------------------ */

/* Carves `grains` grains from the front of the hot piece, which has at least as many. */
static MEMA_INLINE uint32_t carveHot(mema_Fixed *fixed, uint32_t grains) {
  uint32_t grain = fixed->hot, rest = fixed->hotSize - grains;
  fixed->hotSize = rest;
  fixed->hot = rest != 0 ? grain + grains : 0;
  if (mema_likely(rest != 0)) setFree(fixed, grain + grains);
  turnLive(fixed, grain);
  tellLength(fixed, grain, grains);
  return grain;
}

/* Carves `grains` grains from the front of the recent piece, which has more. The map shows them as live
 * already. */
static MEMA_INLINE uint32_t carveRecent(mema_Fixed *fixed, uint32_t grains) {
  uint32_t grain = fixed->recent;
  fixed->recent = grain + grains;
  fixed->recentSize -= grains;
  setLive(fixed, grain + grains);
  tellLength(fixed, grain, grains);
  return grain;
}

/* Makes the first `grains` grains of a free piece live, which is in no bin; the rest becomes hot, or goes to
 * its bin. */
static MEMA_INLINE uint32_t split(mema_Fixed *fixed, uint32_t grain, uint32_t whole, uint32_t grains) {
  if (whole != grains) {
    setFree(fixed, grain + grains);
    if (fixed->hotSize == 0) { /* the rest becomes the hot piece */
      fixed->hot = grain + grains;
      fixed->hotSize = whole - grains;
    } else {
      bin(fixed, grain + grains, whole - grains);
    }
  }
  turnLive(fixed, grain);
  tellLength(fixed, grain, grains);
  return grain;
}

/* Joins and bins the recent piece. */
static void settle(mema_Fixed *fixed) {
  uint32_t grain = fixed->recent, grains = fixed->recentSize;
  if (grains == 0) return;
  fixed->recent = fixed->recentSize = 0;
  mema_fixedGive(fixed, grain, grains);
}

/* Takes a piece when no class is sure to have one that serves. It joins the recent piece and tries again;
 * without a recent piece, it tries the first piece of the request's own class. */
static MEMA_NOINLINE uint32_t takeRest(mema_Fixed *fixed, uint32_t grains) {
  if (fixed->recentSize != 0) {
    settle(fixed);
    return mema_fixedTake(fixed, grains);
  }
  uint32_t class = mema_fixedClass(grains), whole;
  if (class >= fixed->classCount || fixed->heads[class] == 0) return 0;
  uint32_t grain = pop(fixed, class, grains, &whole);
  return grain != 0 ? split(fixed, grain, whole, grains) : 0;
}

uint32_t mema_fixedTake(mema_Fixed *fixed, size_t size) {
  if (mema_unlikely(size >= fixed->end)) return 0;
  uint32_t grains = (uint32_t)size, recentSize = fixed->recentSize, hotSize = fixed->hotSize;
  if (recentSize == grains) {
    uint32_t grain = fixed->recent;
    fixed->recent = fixed->recentSize = 0;
    tellLength(fixed, grain, grains);
    return grain;
  }
  /* A bin must have a better fit than `least`, the smaller of the recent and the hot piece that has room. */
  bool isRecent = recentSize > grains && (hotSize < grains || recentSize <= hotSize);
  uint32_t least = isRecent ? recentSize : hotSize >= grains ? hotSize : 0;
  if (fixed->filled == 0 && least != 0) return isRecent ? carveRecent(fixed, grains) : carveHot(fixed, grains);
  uint32_t up = mema_fixedClassUp(grains), leastClass = least != 0 ? mema_fixedClass(least) : UINT32_MAX;
  for (;;) {
    uint32_t class = filledClass(fixed, up);
    if (leastClass <= class) return isRecent ? carveRecent(fixed, grains) : carveHot(fixed, grains);
    if (mema_unlikely(class == fixed->classCount)) return takeRest(fixed, grains);
    uint32_t whole, grain = pop(fixed, class, grains, &whole);
    if (mema_likely(grain != 0)) return split(fixed, grain, whole, grains);
  } /* runs again only after damage, which has emptied a bin */
}

uint32_t mema_fixedTakeAligned(mema_Fixed *fixed, size_t size, size_t alignment) {
  if (alignment <= mema_grainSize) return mema_fixedTake(fixed, size);
  settle(fixed); /* the recent piece's length is not in the map, where a piece given back beside it would look */
  size_t more = (alignment >> mema_grainShift) - 1;
  uint32_t grain = mema_fixedTake(fixed, size + more);
  if (grain == 0) return 0;
  uintptr_t ptr = (uintptr_t)mema_fixedChunk(fixed, grain);
  uint32_t front = (uint32_t)((mema_roundUp(ptr, alignment) - ptr) >> mema_grainShift), grains = (uint32_t)size,
           whole = (uint32_t)(size + more), start = grain + front;
  if (front != 0) {
    setLive(fixed, start);
    tellLength(fixed, start, whole - front);
    tellLength(fixed, grain, front);
    mema_fixedGive(fixed, grain, front);
  }
  if (whole - front != grains) mema_fixedStretch(fixed, start, whole - front, grains);
  return start;
}

/* ---- giving back ------------------------------------------------------------------------------------------------------- */

bool mema_fixedGive(mema_Fixed *fixed, uint32_t grain, uint32_t grains) {
  uint32_t hot = fixed->hot, hotSize = fixed->hotSize, start = grain, size = grains, behind = grain + grains;
  turnFree(fixed, grain);
  bool joinsHot = behind == hot;
  if (joinsHot) {
    clearBound(fixed, behind);
    size += hotSize;
  } else if (!mema_fixedIsLive(fixed, behind)) {
    uint32_t more = mema_fixedSize(fixed, behind);
    unbin(fixed, behind, more);
    clearBound(fixed, behind);
    size += more;
  }
  if (hot + hotSize == grain) {
    joinsHot = true;
    clearBound(fixed, grain);
    start = hot;
    size += hotSize;
  } else {
    uint32_t before = pieceBefore(fixed, grain);
    if (!mema_fixedIsLive(fixed, before)) {
      unbin(fixed, before, grain - before);
      clearBound(fixed, grain);
      start = before;
      size += grain - before;
    }
  }
  fixed->hot = start;
  fixed->hotSize = size;
  if (!joinsHot && hotSize != 0) bin(fixed, hot, hotSize);
  return true;
}

/* ---- in place ---------------------------------------------------------------------------------------------------------- */

/* Lengthens a piece by `more` grains of the free piece behind it, which has `free` grains. */
static void grow(mema_Fixed *fixed, uint32_t grain, uint32_t before, uint32_t more, uint32_t free) {
  uint32_t behind = grain + before, rest = free - more;
  bool isHot = behind == fixed->hot;
  if (!isHot) unbin(fixed, behind, free);
  clearBound(fixed, behind);
  if (rest != 0) setFree(fixed, behind + more);
  if (isHot) {
    fixed->hot = rest != 0 ? behind + more : 0;
    fixed->hotSize = rest;
  } else if (rest != 0) {
    bin(fixed, behind + more, rest);
  }
  tellLength(fixed, grain, before + more);
}

bool mema_fixedStretch(mema_Fixed *fixed, uint32_t grain, uint32_t before, size_t after) {
  uint32_t behind = grain + before;
  if (after <= before) {
    uint32_t rest = before - (uint32_t)after;
    if (rest == 0) return true;
    setLive(fixed, behind - rest);
    tellLength(fixed, grain, (uint32_t)after);
    mema_fixedGive(fixed, behind - rest, rest);
    return true;
  }
  if (behind == fixed->recent) settle(fixed);
  if (mema_fixedIsLive(fixed, behind)) return false;
  uint32_t free = behind == fixed->hot ? fixed->hotSize : mema_fixedSize(fixed, behind);
  if (after - before > free) return false;
  grow(fixed, grain, before, (uint32_t)(after - before), free);
  return true;
}

static uint32_t longest(mema_Fixed *fixed) {
  uint32_t most = fixed->hotSize;
  if (fixed->filled == 0) return most;
  uint32_t word = mema_highestBit(fixed->filled), class = word * 64 + mema_highestBit(fixed->binned[word]);
  if (!canBeBinned(fixed, fixed->heads[class])) return most;
  uint32_t size = mema_fixedSize(fixed, fixed->heads[class]);
  return size > most ? size : most;
}

size_t mema_fixedLongest(mema_Heap *heap) {
  mema_Fixed *fixed = mema_fixedIn(heap);
  settle(fixed);
  uint32_t grains = longest(fixed);
  return grains > fixed->front ? (size_t)(grains - fixed->front) << mema_grainShift : 0;
}

/* ---- a life ------------------------------------------------------------------------------------------------------------ */

/* The layout of a heap: offsets from the start of the mema_Fixed. */
typedef struct Layout {
  uint32_t classes, binWords, words;
  size_t map, heads, heap; /* bytes; `heap` is the offset of grain 1 */
} Layout;

static Layout layoutFor(size_t grains) {
  Layout layout = {.classes = mema_fixedClass(grains) + 1};
  layout.binWords = (layout.classes + 63) / 64;
  layout.words = (uint32_t)((grains + 1) / 64 + 1);
  layout.map = mema_roundUp(sizeof(mema_Fixed) + layout.binWords * sizeof(uint64_t), mema_grainSize);
  /* The heads lie behind the map, because a look-up reads one word beyond the map's end. If the heap lay there,
   * another thread might write to it at that time. There are at least two heads, which fill that word. */
  layout.heads = layout.map + (size_t)layout.words * sizeof(mema_FixedWord);
  layout.heap = mema_roundUp(layout.heads + layout.classes * sizeof(uint32_t), mema_grainSize);
  return layout;
}

/* The bound makes every grain number, and one more, fit in 32 bits. */
size_t mema_fixedGrainsMost(void) {
  return sizeof(size_t) > 4 ? (size_t)UINT32_MAX - 64 : (size_t)PTRDIFF_MAX / mema_grainSize;
}

size_t mema_fixedBytesFor(size_t grains) {
  if (grains == 0) grains = 1;
  if (grains > mema_fixedGrainsMost()) return SIZE_MAX;
  Layout layout = layoutFor(grains);
  size_t front = layout.heap + mema_grainSize - 1;
  if (grains > (SIZE_MAX - front) / mema_grainSize) return SIZE_MAX;
  size_t bytes = front + grains * mema_grainSize;
  return bytes < mema_fixedBufferLeast ? mema_fixedBufferLeast : bytes;
}

/* The largest number of grains that fit into `size` bytes beside their records. The records grow with the
 * grains, so it is found by halving. */
static size_t grainsFor(size_t size) {
  size_t least = 0, most = size / mema_grainSize + 1; /* `least` fits, `most` does not */
  if (most > mema_fixedGrainsMost()) most = mema_fixedGrainsMost() + 1;
  while (most - least > 1) {
    size_t middle = least + (most - least) / 2;
    if (layoutFor(middle).heap + middle * mema_grainSize <= size) {
      least = middle;
    } else {
      most = middle;
    }
  }
  return least;
}

void mema_fixedClear(mema_Fixed *fixed) {
  uint32_t words = fixed->end / 64 + 1, binWords = (fixed->classCount + 63u) / 64;
  for (uint32_t i = 0; i < binWords; i++) fixed->binned[i] = 0;
  for (uint32_t i = 0; i < fixed->classCount; i++) fixed->heads[i] = 0;
  for (uint32_t i = 0; i < words; i++) fixed->words[i] = (mema_FixedWord){0, 0};
  fixed->filled = 0;
  fixed->damaged = false;
  setLive(fixed, 0);
  setFree(fixed, 1);
  setLive(fixed, fixed->end);
  fixed->recent = fixed->recentSize = 0;
  fixed->hot = 1;
  fixed->hotSize = fixed->end - 1;
}

mema_Fixed *mema_fixedOpen(void *buffer, size_t size, bool tracked) {
  uintptr_t skipped = -(uintptr_t)buffer % mema_grainSize;
  size_t grains = grainsFor(size - skipped);
  if (grains == 0) return NULL;
  char *start = (char *)buffer + skipped;
  Layout layout = layoutFor(grains);
  mema_Fixed *fixed = (mema_Fixed *)(void *)start;
  *fixed = (mema_Fixed){.heap = {.ops = &mema_fixedOps, .area = start + layout.heap},
                        .firstPtr = (uintptr_t)start + layout.heap + (tracked ? mema_fixedFront * mema_grainSize : 0),
                        .words = (mema_FixedWord *)(void *)(start + layout.map),
                        .heads = (uint32_t *)(void *)(start + layout.heads),
                        .end = (uint32_t)grains + 1,
                        .classCount = (uint16_t)layout.classes,
                        .front = tracked ? mema_fixedFront : 0};
  mema_fixedClear(fixed);
  return fixed;
}
