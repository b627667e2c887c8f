/* fixedCheck.c - checks the invariants of the fixed engine, and walks over its chunks. It reads, and never writes. */
#include "fixed.h"

/* The start of the next piece, found by the bounds alone; at most `end`. */
static uint32_t boundBehind(const mema_Fixed *fixed, uint32_t grain) {
  uint32_t at = grain + 1;
  while (!mema_fixedIsBound(fixed, at)) {
    uint64_t rest = fixed->words[at / 64].bounds >> at % 64;
    at = rest != 0 ? at + (uint32_t)__builtin_ctzll(rest) : at / 64 * 64 + 64;
  }
  return at;
}

static const char *checkLength(const mema_Fixed *fixed, uint32_t grain, uint32_t grains) {
  uint32_t first = grain / 64 + 1, last = (grain + grains) / 64;
  if (mema_fixedSize(fixed, grain) != grains) return "a piece ends where the next one starts";
  return first >= last || fixed->words[last - 1].live == grains ? NULL : "a long piece tells its length at both ends";
}

/* Checks the map: pieces side by side from grain 1 to the end, no two free ones in a row. Adds to *free the
 * pieces that must be in bins. */
static const char *checkMap(const mema_Fixed *fixed, size_t *pieces, size_t *grains, size_t *free) {
  bool wasFree = false, metHot = fixed->hotSize == 0, metRecent = fixed->recentSize == 0;
  if (!mema_fixedIsBound(fixed, 0) || !mema_fixedIsLive(fixed, 0) || !mema_fixedIsBound(fixed, fixed->end) ||
      !mema_fixedIsLive(fixed, fixed->end) || !mema_fixedIsBound(fixed, 1))
    return "the map of the buffer begins and ends with a bound";
  for (uint32_t grain = 1, next; grain != fixed->end; grain = next) {
    next = boundBehind(fixed, grain);
    bool isFree = !mema_fixedIsLive(fixed, grain), isHot = isFree && grain == fixed->hot;
    if (isFree && wasFree) return "two free neighbours are one piece";
    wasFree = isFree;
    if (isHot) {
      metHot = true;
      if (fixed->hotSize != next - grain) return "the hot piece ends where the next one starts";
      continue;
    }
    if (grain == fixed->recent) {
      metRecent = true;
      if (fixed->recentSize != next - grain) return "the recent piece ends where the next one starts";
      continue;
    }
    const char *broken = checkLength(fixed, grain, next - grain);
    if (broken != NULL) return broken;
    if (isFree) {
      ++*free;
    } else {
      ++*pieces;
      *grains += next - grain;
    }
  }
  if (!metRecent) return "the recent piece is one that was live";
  return metHot ? NULL : "the hot piece is a free one";
}

static const char *checkBin(const mema_Fixed *fixed, uint32_t class, size_t most, size_t *count) {
  uint32_t prev = 0;
  for (uint32_t grain = fixed->heads[class]; grain != 0;) {
    if (grain >= fixed->end || !mema_fixedIsBound(fixed, grain) || mema_fixedIsLive(fixed, grain) || grain == fixed->hot)
      return "a bin lists free pieces";
    if (mema_fixedClass(mema_fixedSize(fixed, grain)) != class) return "a bin lists pieces of its class";
    if (++*count > most) return "the bins list each free piece once";
    const mema_FixedLink *link = (const mema_FixedLink *)(const void *)mema_fixedAt(fixed, grain);
    if (prev != 0 && link->prev != prev) return "a bin leads back as it leads on";
    prev = grain;
    grain = link->next;
  }
  return NULL;
}

static const char *checkBins(const mema_Fixed *fixed, size_t free) {
  size_t count = 0;
  for (uint32_t class = 0; class < fixed->classCount; class ++) {
    bool filled = (fixed->binned[class / 64] >> class % 64 & 1) != 0;
    if (filled != (fixed->heads[class] != 0)) return "a bin's bit says whether it is empty";
    if (filled && (fixed->filled >> class / 64 & 1) == 0) return "a word of bins' bits is noted as filled";
    const char *broken = checkBin(fixed, class, free, &count);
    if (broken != NULL) return broken;
  }
  return count == free ? NULL : "the bins list every free piece";
}

const char *mema_fixedCheck(const mema_Heap *heap, size_t *pieces, size_t *bytes) {
  const mema_Fixed *fixed = mema_constFixed(heap);
  size_t grains = 0, free = 0;
  const char *broken = checkMap(fixed, pieces, &grains, &free);
  if (broken != NULL) return broken;
  if (fixed->damaged) return "the links in free memory are as they were left: somebody wrote to a freed chunk";
  *bytes += grains << mema_grainShift;
  return checkBins(fixed, free);
}

/* ---- the walk, for reports that libmema-fixed.a does not have ----------------------------------------------------------- */

#if __STDC_HOSTED__

/* A chunk at or behind the offset has its piece at or behind the grain there, less the grains in front. */
bool mema_fixedWalk(mema_Heap *heap, size_t offset, mema_Chunk *chunk) {
  mema_Fixed *fixed = mema_fixedIn(heap);
  size_t behind = (offset >> mema_grainShift) + (offset % mema_grainSize != 0);
  uint32_t first = behind > fixed->front ? (uint32_t)behind - fixed->front : 0;
  for (uint32_t grain = boundBehind(fixed, first); grain != fixed->end; grain = boundBehind(fixed, grain)) {
    if (!mema_fixedIsLive(fixed, grain) || grain == fixed->recent) continue;
    mema_fixedDescribe(fixed, grain, mema_fixedSize(fixed, grain), chunk);
    return true;
  }
  return false;
}
#endif
