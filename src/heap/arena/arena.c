/* arena.c - see arena.h: puts chunks one behind the other, and forgets them all at once. */
#include "arena.h"

#include <string.h>

#include "../../memory/os.h"
#include "../slab/source.h"

enum { wordGrains = mema_wordGrains };

static uint32_t larger(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}

static bool hasRecords(const mema_Slab *slab) {
  return slab->records != NULL;
}

static uint64_t bitOf(uint32_t grain) {
  return UINT64_C(1) << grain % wordGrains;
}

static uint32_t count(uint64_t bits) {
  return (uint32_t)__builtin_popcountll(bits);
}

static uint32_t highestBit(uint64_t bits) {
  return 63 - (uint32_t)__builtin_clzll(bits);
}

/* ---- dead pieces ------------------------------------------------------------------------------------------------------- */

/* Marks a piece of `grains` grains as dead. The caller clears its live bit. */
static void noteDead(mema_Arena *arena, uint32_t grain, uint32_t grains) {
  uint32_t word = grain / wordGrains;
  arena->words[word].dead |= bitOf(grain);
  arena->deadGrains += grains;
  if (word < arena->firstDead) arena->firstDead = word;
  if (word > arena->lastDead) arena->lastDead = word;
}

static void forgetDead(mema_Arena *arena) {
  arena->firstDead = UINT32_MAX;
  arena->lastDead = arena->deadGrains = 0;
}

static void noteTouched(mema_Arena *arena) {
  arena->touched = larger(arena->touched, arena->bump);
  arena->touchedPieces = larger(arena->touchedPieces, arena->pieces);
}

static void startAnew(mema_Arena *arena) {
  noteTouched(arena);
  arena->bump = arena->pieces = arena->floor = 0;
  forgetDead(arena);
}

/* Clears the dead bits when nothing is live any more, and starts anew. */
static void forgetAllDead(mema_Arena *arena) {
  for (uint32_t w = arena->firstDead; w <= arena->lastDead && arena->deadGrains != 0; w++) arena->words[w].dead = 0;
  startAnew(arena);
}

/* Moves the bump back to a grain of this word; no piece begins at this grain or behind it. */
static void bumpBack(mema_Arena *arena, uint32_t w, uint32_t grain) {
  arena->bump = grain;
  arena->words[w].end = grain;
  arena->words[w].last = arena->pieces - 1;
}

/* Moves the bump back over the dead pieces just before it, in at most mema_arenaLookBack words. */
static void lookBack(mema_Arena *arena) {
  uint32_t w = arena->bump / wordGrains + 1, lowest = arena->floor / wordGrains;
  for (int tries = mema_arenaLookBack; tries > 0 && w > lowest && arena->deadGrains != 0; tries--) {
    mema_ArenaWord *word = &arena->words[--w];
    uint64_t live = word->live, dead = word->dead;
    if (live != 0) dead &= UINT64_MAX << highestBit(live);
    if (w == lowest) dead &= UINT64_MAX << arena->floor % wordGrains;
    if (dead != 0) {
      uint32_t grain = w * wordGrains + (uint32_t)mema_lowestBit(dead);
      word->dead &= ~dead;
      arena->pieces -= count(dead);
      arena->deadGrains -= arena->bump - grain;
      bumpBack(arena, w, grain);
    }
    if (live != 0) return;
  }
}

bool mema_arenaGive(mema_Slab *slab, uint32_t grain, uint32_t end) {
  mema_Arena *arena = mema_arenaOf(slab);
  uint32_t w = grain / wordGrains;
  arena->words[w].live &= ~bitOf(grain);
  if (end == arena->bump && grain >= arena->floor) {
    noteTouched(arena);
    arena->pieces--;
    bumpBack(arena, w, grain);
    if (arena->deadGrains != 0) lookBack(arena);
  } else {
    noteDead(arena, grain, end - grain);
  }
  if (arena->deadGrains != 0 && arena->deadGrains == arena->bump && arena->floor == 0) forgetAllDead(arena);
  return true;
}

/* ---- taking ------------------------------------------------------------------------------------------------------------ */

/* The new limit: `needed` are ready, and at most `most` can be; `settled` bytes need no other huge page. */
static uint32_t limitFor(size_t needed, uint32_t most, size_t settled, size_t ready, size_t size) {
  size_t limit = mema_least(settled, ready) / size;
  return (uint32_t)(limit < needed ? needed : mema_least(limit, most));
}

bool mema_arenaReady(mema_Slab *slab, size_t grains) {
  size_t words = grains / wordGrains + 1, most = mema_arenaWords(mema_arenaOf(slab)->grains);
  return mema_readyBytes(slab, mema_partWords, mema_least(words, most) * sizeof(mema_ArenaWord)) &&
         mema_readyBytes(slab, mema_partArea, grains << mema_grainLog);
}

/* The bytes of the grains whose memory and words are ready. */
static size_t grainBytesReady(const mema_Slab *slab) {
  size_t area = mema_bytesReady(slab, mema_partArea), words = mema_bytesReady(slab, mema_partWords);
  return words == SIZE_MAX ? area : mema_least(area, (words / sizeof(mema_ArenaWord) - 1) * wordGrains << mema_grainLog);
}

/* Makes ready the grains up to `end`, and asks for huge pages ahead of them: see hugePages.c. False iff memory is
 * lacking. */
static MEMA_NOINLINE bool raiseLimit(mema_Slab *slab, mema_Arena *arena, uint64_t end) {
  if (!mema_arenaReady(slab, end)) return false;
  size_t settled = mema_slabHugeAhead(slab, false, (size_t)end << mema_grainLog, slab->areaSize);
  arena->limit = limitFor(end, arena->grains, settled, grainBytesReady(slab), (size_t)1 << mema_grainLog);
  return true;
}

/* As raiseLimit, for two records more. */
static MEMA_NOINLINE bool raisePieceLimit(mema_Slab *slab, mema_Arena *arena) {
  size_t pieces = mema_least(arena->pieces + 2, arena->records), bytes = pieces * sizeof(mema_Block);
  if (!mema_readyBytes(slab, mema_partRecords, bytes)) return false;
  size_t settled = mema_slabHugeAhead(slab, true, bytes, arena->records * sizeof(mema_Block));
  arena->pieceLimit = limitFor(pieces, arena->records, settled, mema_bytesReady(slab, mema_partRecords), sizeof(mema_Block));
  return true;
}

static void fillIn(mema_Slab *slab, uint32_t grain, uint32_t end, mema_Chunk *chunk) {
  chunk->ptr = mema_grainAddress(slab, grain);
  chunk->room = (size_t)(end - grain) << mema_grainLog;
  chunk->record = hasRecords(slab) ? mema_arenaRecord(slab, mema_arenaOf(slab), grain) : NULL;
  chunk->heap = &slab->heap;
  chunk->span = NULL;
  chunk->slot = grain;
  chunk->zeroed = false;
}

bool mema_arenaTake(mema_Heap *heap, size_t size, size_t alignment, mema_Chunk *chunk) {
  mema_Slab *slab = mema_slabIn(heap);
  mema_Arena *arena = mema_arenaOf(slab);
  uint32_t bump = arena->bump;
  size_t grains = mema_grainsFor(size);
  uintptr_t next = (uintptr_t)mema_grainAddress(slab, bump);
  size_t gap = (mema_roundUp(next, alignment) - next) >> mema_grainLog;
  if (gap > arena->grains - bump || grains > arena->grains - bump - gap) return false;
  if (hasRecords(slab) && arena->records - arena->pieces < 2) return false;
  if (bump + gap + grains > arena->limit && !raiseLimit(slab, arena, bump + gap + grains)) return false;
  if (arena->pieces + 2 > arena->pieceLimit && arena->pieceLimit < arena->records && !raisePieceLimit(slab, arena))
    return false;
  if (gap != 0) {
    mema_arenaPut(arena, hasRecords(slab), bump, bump + (uint32_t)gap);
    arena->words[bump / wordGrains].live &= ~bitOf(bump);
    noteDead(arena, bump, (uint32_t)gap);
    bump = arena->bump;
  }
  mema_arenaPut(arena, hasRecords(slab), bump, bump + (uint32_t)grains);
  fillIn(slab, bump, arena->bump, chunk);
  chunk->zeroed = bump >= arena->touched;
  return true;
}

bool mema_arenaFind(mema_Heap *heap, const void *ptr, mema_Chunk *chunk) {
  mema_Slab *slab = mema_slabIn(heap);
  const mema_Arena *arena = mema_arenaOf(slab);
  size_t grain = mema_grainOf(slab, ptr);
  if (!mema_arenaIsLive(arena, grain)) return false;
  fillIn(slab, (uint32_t)grain, mema_pieceEnd(arena, (uint32_t)grain), chunk);
  return true;
}

/* ---- another size ------------------------------------------------------------------------------------------------------ */

/* Moves the end of the youngest chunk. False iff memory is lacking. */
static bool moveEnd(mema_Slab *slab, mema_Arena *arena, uint32_t grain, uint32_t end) {
  if (end > arena->limit && !raiseLimit(slab, arena, end)) return false;
  noteTouched(arena);
  arena->words[grain / wordGrains].end = arena->bump = end;
  return true;
}

/* Makes the part that a chunk gives up a dead piece of its own. */
static void cutOff(mema_Arena *arena, uint32_t grain, uint32_t from, uint32_t end) {
  mema_ArenaWord *first = &arena->words[grain / wordGrains], *word = &arena->words[from / wordGrains];
  if (mema_piecesBehind(word, from) == 0) word->end = end;
  if (word != first) first->end = from;
  noteDead(arena, from, end - from);
}

/* In an arena with records a chunk keeps the part that it could give up, since another piece would change the
 * numbers of the pieces behind it. */
bool mema_arenaStretch(mema_Heap *heap, mema_Chunk *chunk, size_t size) {
  mema_Slab *slab = mema_slabIn(heap);
  mema_Arena *arena = mema_arenaOf(slab);
  uint32_t grain = chunk->slot, end = mema_pieceEnd(arena, grain);
  size_t grains = mema_grainsFor(size);
  if (end == arena->bump && grain >= arena->floor) {
    if (grains > arena->grains - grain || !moveEnd(slab, arena, grain, grain + (uint32_t)grains)) return false;
  } else {
    if (grains > end - grain) return false;
    if (hasRecords(slab)) return true;
    if (grains < end - grain) cutOff(arena, grain, grain + (uint32_t)grains, end);
  }
  chunk->room = grains << mema_grainLog;
  return true;
}

/* ---- all of it --------------------------------------------------------------------------------------------------------- */

/* Clears several words per step. Most requests then run the loop equally often, so the processor predicts its
 * end. */
void mema_arenaClear(mema_Heap *heap) {
  mema_Slab *slab = mema_slabIn(heap);
  mema_Arena *arena = mema_arenaOf(slab);
  mema_ArenaWord *word = arena->words, *end = word + (arena->bump + wordGrains - 1) / wordGrains;
  for (; word < end; word += mema_arenaRow) {
#pragma GCC unroll 8
    for (int i = 0; i < mema_arenaRow; i++) word[i].live = word[i].dead = 0;
  }
  startAnew(arena);
}

void mema_arenaInit(mema_Slab *slab, mema_ArenaWord *words, uint32_t records) {
  mema_Arena *arena = mema_arenaOf(slab);
  size_t settled = mema_slabHugeAhead(slab, false, 0, 0) >> mema_grainLog,
         settledPieces = mema_slabHugeAhead(slab, true, 0, 0) / sizeof(mema_Block);
  memset(arena, 0, sizeof *arena);
  arena->words = words;
  arena->grains = (uint32_t)(slab->areaSize >> mema_grainLog);
  arena->limit = settled < arena->grains ? (uint32_t)settled : arena->grains;
  arena->records = records;
  arena->pieceLimit = settledPieces < records ? (uint32_t)settledPieces : records;
  forgetDead(arena);
}

size_t mema_arenaWordBytes(const mema_Slab *slab) {
  const mema_Arena *arena = mema_arenaOf(slab);
  size_t words = ((size_t)larger(arena->touched, arena->bump) + wordGrains - 1) / wordGrains;
  return mema_roundUp(words, mema_arenaRow) * sizeof(mema_ArenaWord);
}

size_t mema_arenaRecordBytes(const mema_Slab *slab) {
  const mema_Arena *arena = mema_arenaOf(slab);
  return hasRecords(slab) ? larger(arena->touchedPieces, arena->pieces) * sizeof(mema_Block) : 0;
}

size_t mema_arenaAreaBytes(const mema_Slab *slab) {
  const mema_Arena *arena = mema_arenaOf(slab);
  return (size_t)larger(arena->touched, arena->bump) << mema_grainLog;
}

/* Gives back the whole pages of [base + used, base + touched), and sets *touched to what is left. Pages that
 * are not resident are included: they may have been swapped out, and must read as zero. Returns the resident
 * bytes. */
static size_t giveBack(void *base, size_t used, size_t *touched) {
  uintptr_t page = mema_osPageSize(), start = (uintptr_t)base;
  uintptr_t from = mema_roundUp(start + used, page), to = mema_roundUp(start + *touched, page);
  if (from >= to) return 0;
  size_t resident = mema_osResident((void *)from, to - from);
  if (!mema_osPurge((void *)from, to - from)) return 0;
  *touched = from - start;
  return resident;
}

/* Trims the words last, since the touched part of the area says how many of them there are. */
size_t mema_arenaTrim(mema_Heap *heap) {
  mema_Slab *slab = mema_slabIn(heap);
  mema_Arena *arena = mema_arenaOf(slab);
  if (slab->committed) return 0;
  noteTouched(arena);
  size_t area = mema_arenaAreaBytes(slab), records = mema_arenaRecordBytes(slab), words = mema_arenaWordBytes(slab);
  if (slab->huge.area > area) area = mema_least(slab->huge.area, mema_bytesReady(slab, mema_partArea));
  if (slab->huge.records > records) records = mema_least(slab->huge.records, mema_bytesReady(slab, mema_partRecords));
  size_t given = giveBack(slab->heap.area, (size_t)arena->bump << mema_grainLog, &area);
  if (hasRecords(slab)) given += giveBack(slab->records, arena->pieces * sizeof(mema_Block), &records);
  arena->touched = (uint32_t)(area >> mema_grainLog);
  arena->touchedPieces = (uint32_t)(records / sizeof(mema_Block));
  if (slab->huge.area > area) slab->huge.area = area;
  if (slab->huge.records > records) slab->huge.records = records;
  return given + giveBack(arena->words, mema_arenaWordBytes(slab), &words);
}

/* ---- marks ------------------------------------------------------------------------------------------------------------- */

uint32_t mema_arenaMark(mema_Heap *heap) {
  mema_Slab *slab = mema_slabIn(heap);
  mema_Arena *arena = mema_arenaOf(slab);
  return arena->floor = arena->bump;
}

/* Removes the pieces that begin in this word, at or behind the mark. Adds the grains of its dead pieces to
 * *deadGrains. Returns the number of live ones. */
static uint32_t rewindWord(mema_Arena *arena, uint32_t w, uint32_t mark, uint32_t *deadGrains) {
  mema_ArenaWord *word = &arena->words[w];
  uint64_t behind = mark / wordGrains == w ? UINT64_MAX << mark % wordGrains : UINT64_MAX;
  uint64_t live = word->live & behind;
  for (uint64_t dead = word->dead & behind; dead != 0; dead &= dead - 1) {
    uint32_t grain = w * wordGrains + (uint32_t)mema_lowestBit(dead);
    *deadGrains += mema_pieceEnd(arena, grain) - grain;
  }
  arena->pieces -= count(live | (word->dead & behind));
  word->live &= ~behind;
  word->dead &= ~behind;
  return count(live);
}

void mema_arenaRewind(mema_Heap *heap, uint32_t mark, size_t *bytes, size_t *chunks) {
  mema_Slab *slab = mema_slabIn(heap);
  mema_Arena *arena = mema_arenaOf(slab);
  uint32_t end = arena->bump, deadGrains = 0;
  *bytes = *chunks = 0;
  if (mark >= end) return;
  noteTouched(arena);
  for (uint32_t w = mark / wordGrains; w < (end + wordGrains - 1) / wordGrains; w++)
    *chunks += rewindWord(arena, w, mark, &deadGrains);
  *bytes = (size_t)(end - mark - deadGrains) << mema_grainLog;
  arena->deadGrains -= deadGrains;
  bumpBack(arena, mark / wordGrains, mark);
  arena->floor = mark;
}

/* ---- looking ----------------------------------------------------------------------------------------------------------- */

bool mema_arenaNext(const mema_Slab *slab, uint32_t grain, mema_Piece *piece) {
  const mema_Arena *arena = mema_arenaOf(slab);
  for (uint64_t mask = UINT64_MAX << grain % wordGrains; grain < arena->bump; mask = UINT64_MAX) {
    uint32_t w = grain / wordGrains;
    uint64_t bits = (arena->words[w].live | arena->words[w].dead) & mask;
    if (bits != 0) {
      piece->grain = w * wordGrains + (uint32_t)mema_lowestBit(bits);
      piece->end = mema_pieceEnd(arena, piece->grain);
      piece->live = (arena->words[w].live & bitOf(piece->grain)) != 0;
      return piece->grain < arena->bump;
    }
    grain = (w + 1) * wordGrains;
  }
  return false;
}

static const char *checkWords(const mema_Slab *slab, const mema_Arena *arena, uint32_t *pieces) {
  size_t all = (arena->grains + (size_t)wordGrains - 1) / wordGrains;
  uint32_t words = (uint32_t)mema_least(all, mema_bytesReady(slab, mema_partWords) / sizeof(mema_ArenaWord));
  uint32_t used = arena->bump / wordGrains, written = (larger(arena->touched, arena->bump) + wordGrains - 1) / wordGrains;
  for (uint32_t w = 0; w < words && w <= written; w++) { /* words behind these were never written */
    const mema_ArenaWord *word = &arena->words[w];
    uint64_t bits = word->live | word->dead, behind = w < used   ? 0
                                                      : w > used ? UINT64_MAX
                                                                 : UINT64_MAX << arena->bump % wordGrains;
    if ((word->live & word->dead) != 0) return "a piece is live or dead";
    if ((bits & behind) != 0) return "nothing begins behind the bump";
    if (word->dead != 0 && (w < arena->firstDead || w > arena->lastDead)) return "the words with dead pieces are known";
    *pieces += count(bits);
    if (hasRecords(slab) && bits != 0 && word->last != *pieces - 1) return "a word knows the number of its last piece";
  }
  return hasRecords(slab) && *pieces != arena->pieces ? "the pieces are counted where there are records" : NULL;
}

const char *mema_arenaCheck(const mema_Heap *heap, size_t *chunks, size_t *room) {
  const mema_Slab *slab = mema_constSlab(heap);
  const mema_Arena *arena = mema_arenaOf(slab);
  if (slab->heap.generation != 0 && slab->heap.generation % mema_modeCount != slab->heap.mode)
    return "a slab's generation tells its mode";
  if (arena->bump > arena->grains || arena->limit > arena->grains || arena->touched > arena->grains)
    return "the bump lies in the area";
  const char *unready = mema_sourceCheck(slab, (const size_t[mema_parts]){[mema_partArea] = mema_arenaAreaBytes(slab),
                                                                          [mema_partWords] = mema_arenaWordBytes(slab),
                                                                          [mema_partRecords] = mema_arenaRecordBytes(slab)});
  if (unready != NULL) return unready;
  if (arena->floor > arena->bump) return "nothing went back behind the last mark";
  if (hasRecords(slab) && arena->pieces > arena->records) return "there are records for all pieces";
  uint32_t end = 0, pieces = 0;
  const char *broken = checkWords(slab, arena, &pieces);
  if (broken != NULL) return broken;
  size_t dead = 0;
  mema_Piece piece;
  for (; mema_arenaNext(slab, end, &piece); end = piece.end) {
    if (piece.grain != end || piece.end <= piece.grain || piece.end > arena->bump) return "pieces lie side by side";
    pieces--;
    *chunks += piece.live;
    *(piece.live ? room : &dead) +=
        piece.live ? (size_t)(piece.end - piece.grain) << mema_grainLog : piece.end - piece.grain;
  }
  if (end != arena->bump || pieces != 0) return "pieces reach as far as the bump, and there are no others";
  return dead == arena->deadGrains ? NULL : "the grains of dead pieces are counted";
}
