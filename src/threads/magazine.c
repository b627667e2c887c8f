/* magazine.c - the room of the magazines of a thread cache: how many slots they hold, and how that follows what the thread does.
 *
 * All magazines begin with their ordinary room, side by side in the cache. If a magazine overflows, and its slots are soon
 * fetched again, its room grows by as many slots as were fetched. It then lies in larger rooms, which the cache takes at
 * its first growth: a reservation with a place for each class, touched only as far as magazines grow. Growth is bounded by
 * the slots of a magazine, and by the bytes of slots of a cache and of a pool.
 *
 * Now and then the levels of grown magazines are looked at. After a number of looks, a magazine whose level changed by little
 * loses half of its room, down to the ordinary one, and the slots that do not fit go to the depot. A grown magazine also
 * loses its room if all its slots are taken, and at the end of its thread. The pages of a lost room go back.
 *
 * The lock is held, and the cache's thread calls this or is out. */
#include <string.h>

#include "../memory/cells.h"
#include "../memory/os.h"
#include "share.h"

enum {
  magazineGap = 20,           /* entries: five cache lines */
  growthStep = 32,            /* slots */
  soon = 1 << 19,             /* calls of the thread from an overflow to the fetch of its slots, at most */
  callsALook = 1 << 13,       /* calls of the thread from a look at its grown magazines to the next, at least */
  moreCallsALook = 613,       /* and so many more for each look before it: in step with no loop of the program */
  looksAWindow = 16,          /* looks until a magazine may lose room */
  grownMostOfCache = 1 << 20, /* bytes of slots at most in rooms beyond the ordinary ones */
  grownMostOfShare = 8 << 20,
};

/* The place and the size of a class's rooms, in entries. */
typedef struct Room {
  uint32_t magazine, returns, larger; /* places: in the cache (two), in the larger rooms */
  uint16_t ordinary, most;
  uint16_t ofReturns; /* a batch has room for them */
} Room;

static Room rooms[mema_classCount];
static uint32_t entriesOfCache, entriesOfLarger;

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static uint32_t lesser(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

static uint32_t ordinaryRoom(uint32_t slotSize) {
  uint32_t count = mema_cacheMagazineBytes / slotSize;
  if (count < mema_magazineLeast) return mema_magazineLeast;
  return lesser(count, slotSize <= mema_magazineSmall ? mema_cacheMagazineMost : mema_magazineMore);
}

/* Lays out the rooms. Without the gaps most would lie 2 KiB apart, and the tops of their magazines would share a few sets
 * of the processor's cache. Larger rooms share no page. */
void mema_layRooms(void) {
  uint32_t place = 0, larger = 0, entriesOfPage = (uint32_t)(mema_osPageSize() / sizeof(mema_CachedSlot));
  for (unsigned i = 0; i < mema_classCount; i++) {
    uint32_t slotSize = mema_classSize(i), ordinary = ordinaryRoom(slotSize),
             most = lesser(mema_cacheMagazineBytes / slotSize, mema_grownMagazineMost),
             gap = i * magazineGap % entriesOfPage;
    rooms[i] = (Room){.magazine = place, .larger = larger + gap, .ordinary = (uint16_t)ordinary};
    rooms[i].most = (uint16_t)(most > ordinary ? most : ordinary);
    rooms[i].ofReturns = (uint16_t)lesser(ordinary / 2, mema_returnsMost);
    place += ordinary + magazineGap;
    if (most > ordinary) larger += (uint32_t)mema_roundUp(gap + most, entriesOfPage);
  }
  for (unsigned i = 0; i < mema_classCount; i++) {
    rooms[i].returns = place;
    place += rooms[i].ofReturns + magazineGap;
  }
  entriesOfCache = place;
  entriesOfLarger = larger;
}

size_t mema_cacheBytes(void) {
  return mema_roundUp(sizeof(mema_ThreadCache) + entriesOfCache * sizeof(mema_CachedSlot), mema_osPageSize());
}

uint32_t mema_batchRoom(unsigned class) {
  return rooms[class].ordinary / 2;
}

static mema_Magazine emptyMagazine(mema_CachedSlot *bottom, uint32_t room, unsigned class) {
  return (mema_Magazine){.top = bottom,
                         .bottom = bottom,
                         .limit = bottom + room,
                         .slotSize = mema_classSize(class),
                         .state = (uint8_t)(class + 1)};
}

void mema_layMagazines(mema_ThreadCache *cache) {
  for (unsigned i = 0; i < mema_classCount; i++) {
    cache->magazines[i + 1] = emptyMagazine(cache->cachedSlots + rooms[i].magazine, rooms[i].ordinary, i);
    cache->magazines[i + 1].fill = mema_fillFirst;
    cache->returns[i + 1] = emptyMagazine(cache->cachedSlots + rooms[i].returns, rooms[i].ofReturns, i);
  }
  memset(cache->growths, 0, sizeof cache->growths);
  cache->larger = NULL;
  cache->grown = cache->grownBytes = 0;
  cache->looks = cache->lookedAt = 0;
}

/* ---- larger rooms ------------------------------------------------------------------------------------------------- */

static mema_Magazine *magazineOf(mema_ThreadCache *cache, unsigned class) {
  return &cache->magazines[class + 1];
}

static uint32_t roomOf(const mema_Magazine *magazine) {
  return (uint32_t)(magazine->limit - magazine->bottom);
}

static uint32_t levelOf(const mema_Magazine *magazine) {
  return (uint32_t)(magazine->top - magazine->bottom);
}

static bool isGrown(const mema_ThreadCache *cache, unsigned class) {
  return (cache->grown >> class & 1) != 0;
}

static mema_CellShape largerShape(void) {
  return (mema_CellShape){.front = mema_roundUp(entriesOfLarger * sizeof(mema_CachedSlot), mema_osPageSize())};
}

static bool takeLarger(mema_ThreadCache *cache) {
  mema_CellShape shape = largerShape();
  mema_Cell cell;
  if (cache->larger != NULL) return true;
  if (!mema_takeCell(mema_cellMagazines, &shape, &cell)) return false;
  cache->larger = (mema_CachedSlot *)(void *)cell.front;
  cache->largerIndex = cell.index;
  return true;
}

static void giveLarger(mema_ThreadCache *cache) {
  if (cache->larger == NULL) return;
  cache->larger = NULL;
  mema_giveCell(mema_cellMagazines, cache->largerIndex);
}

static uint32_t gapOf(unsigned class) {
  return rooms[class].larger % (uint32_t)(mema_osPageSize() / sizeof(mema_CachedSlot));
}

/* The bytes of the pages of a class's entries in the larger rooms. */
static size_t pagesFor(unsigned class, uint32_t room) {
  bool isLarger = room > rooms[class].ordinary;
  return isLarger ? mema_roundUp((gapOf(class) + room) * sizeof(mema_CachedSlot), mema_osPageSize()) : 0;
}

/* Counts the room of a magazine, and gives the pages back that its entries have left. */
static void countRoom(mema_Share *share, mema_ThreadCache *cache, unsigned class, uint32_t before, uint32_t after) {
  size_t pagesBefore = pagesFor(class, before), pagesAfter = pagesFor(class, after);
  size_t bytes = ((size_t)after - before) * mema_classSize(class); /* modulo the range of the word, if the room shrinks */
  cache->grownBytes += bytes;
  share->grownBytes += bytes;
  share->largerBytes += pagesAfter - pagesBefore;
  cache->grown &= ~(UINT64_C(1) << class);
  if (pagesAfter != 0) cache->grown |= UINT64_C(1) << class;
  char *start = (char *)(cache->larger + rooms[class].larger - gapOf(class));
  if (pagesAfter < pagesBefore) mema_osPurge(start + pagesAfter, pagesBefore - pagesAfter);
}

/* Gives a magazine another room, which holds all its slots. */
static void setRoom(mema_Share *share, mema_ThreadCache *cache, unsigned class, uint32_t room) {
  mema_Magazine *magazine = magazineOf(cache, class);
  const Room *places = &rooms[class];
  mema_CachedSlot *from = magazine->bottom,
                  *to = room > places->ordinary ? cache->larger + places->larger : cache->cachedSlots + places->magazine;
  uint32_t before = roomOf(magazine), level = levelOf(magazine);
  if (to != from) memcpy(to, from, level * sizeof *to);
  magazine->bottom = to;
  magazine->top = to + level;
  magazine->limit = to + room;
  countRoom(share, cache, class, before, room);
}

/* ---- growth ------------------------------------------------------------------------------------------------------- */

/* Forgets what went out long ago. */
static mema_Growth *growthNow(mema_ThreadCache *cache, unsigned class) {
  mema_Growth *growth = &cache->growths[class];
  if (cache->clock - growth->at > soon) *growth = (mema_Growth){.least = growth->least, .most = growth->most};
  growth->at = cache->clock;
  return growth;
}

void mema_noteOverflow(mema_ThreadCache *cache, unsigned class, uint32_t count) {
  mema_foldCalls(cache);
  mema_Growth *growth = growthNow(cache, class);
  growth->out = (uint16_t)lesser(growth->out + count, UINT16_MAX);
}

void mema_noteFetch(mema_ThreadCache *cache, unsigned class, uint32_t count) {
  if (cache->growths[class].out == 0) return;
  mema_foldCalls(cache);
  mema_Growth *growth = growthNow(cache, class);
  uint32_t again = lesser(growth->out, count);
  growth->out = (uint16_t)(growth->out - again);
  growth->again = (uint16_t)lesser(growth->again + again, UINT16_MAX);
}

/* The room that a full magazine is to have. */
static uint32_t wantedRoom(const mema_Share *share, const mema_ThreadCache *cache, unsigned class, uint32_t again) {
  uint32_t room = roomOf(&cache->magazines[class + 1]), step = (again + growthStep - 1) / growthStep * growthStep;
  size_t left = grownMostOfCache - cache->grownBytes, leftOfShare = grownMostOfShare - share->grownBytes;
  size_t slots = (left < leftOfShare ? left : leftOfShare) / mema_classSize(class);
  return lesser(room + (slots < step ? (uint32_t)slots : step), rooms[class].most);
}

bool mema_growMagazine(mema_Share *share, mema_ThreadCache *cache, unsigned class) {
  mema_Growth *growth = &cache->growths[class];
  if (growth->again < growthStep) return false;
  uint32_t wanted = wantedRoom(share, cache, class, growth->again);
  if (wanted <= roomOf(magazineOf(cache, class)) || !takeLarger(cache)) return false;
  growth->again = 0;
  setRoom(share, cache, class, wanted);
  return true;
}

/* ---- shrinking ---------------------------------------------------------------------------------------------------- */

/* The slots that went into the magazine first go to the depot. */
static void shrinkTo(mema_Share *share, mema_ThreadCache *cache, unsigned class, uint32_t room) {
  if (room < rooms[class].ordinary) room = rooms[class].ordinary;
  uint32_t level = levelOf(magazineOf(cache, class));
  if (level > room) mema_flushOlder(share, cache, class, level - room);
  setRoom(share, cache, class, room);
}

void mema_shrinkMagazine(mema_Share *share, mema_ThreadCache *cache, unsigned class) {
  if (isGrown(cache, class)) shrinkTo(share, cache, class, 0);
}

void mema_shrinkMagazines(mema_Share *share, mema_ThreadCache *cache) {
  for (; cache->grown != 0;) mema_shrinkMagazine(share, cache, (unsigned)__builtin_ctzll(cache->grown));
  giveLarger(cache);
}

/* Lays a class's magazine into its ordinary room, empty. */
static void layEmpty(mema_ThreadCache *cache, unsigned class) {
  mema_Magazine *magazine = magazineOf(cache, class);
  magazine->top = magazine->bottom = cache->cachedSlots + rooms[class].magazine;
  magazine->limit = magazine->bottom + rooms[class].ordinary;
}

/* A change of room may be half done, so all caches are counted. */
void mema_forgetMagazines(mema_Share *share, mema_ThreadCache *cache) {
  for (unsigned class = 0; class < mema_classCount; class ++) layEmpty(cache, class);
  if (cache->larger != NULL) mema_osPurge(cache->larger, largerShape().front);
  cache->grown = cache->grownBytes = 0;
  share->grownBytes = share->largerBytes = 0;
  for (mema_ThreadCache *each = share->caches; each != NULL; each = each->next) {
    share->grownBytes += each->grownBytes;
    for (uint64_t left = each->grown; left != 0; left &= left - 1) {
      unsigned class = (unsigned)__builtin_ctzll(left);
      share->largerBytes += pagesFor(class, roomOf(magazineOf(each, class)));
    }
  }
}

/* All threads are out, and the pool ends: its slots go with it. */
void mema_dropMagazines(mema_ThreadCache *cache) {
  if (cache->larger == NULL) return;
  for (; cache->grown != 0; cache->grown &= cache->grown - 1) layEmpty(cache, (unsigned)__builtin_ctzll(cache->grown));
  mema_osPurge(cache->larger, largerShape().front);
  giveLarger(cache);
}

bool mema_isLookDue(const mema_ThreadCache *cache) {
  return cache->grown != 0 && cache->clock - cache->lookedAt >= callsALook + cache->looks * moreCallsALook;
}

static void look(mema_ThreadCache *cache, unsigned class) {
  mema_Growth *growth = &cache->growths[class];
  uint16_t level = (uint16_t)levelOf(magazineOf(cache, class));
  if (cache->looks == 0 || level < growth->least) growth->least = level;
  if (cache->looks == 0 || level > growth->most) growth->most = level;
}

/* A magazine in use was nearly full and nearly empty at some looks. */
static void shrinkIfUnused(mema_Share *share, mema_ThreadCache *cache, unsigned class) {
  const mema_Growth *growth = &cache->growths[class];
  uint32_t room = roomOf(magazineOf(cache, class));
  if (growth->most - growth->least < (int)room / 4) shrinkTo(share, cache, class, room / 2);
}

void mema_lookAtMagazines(mema_Share *share, mema_ThreadCache *cache) {
  for (uint64_t left = cache->grown; left != 0; left &= left - 1) look(cache, (unsigned)__builtin_ctzll(left));
  cache->lookedAt = cache->clock;
  if (++cache->looks < looksAWindow) return;
  cache->looks = 0;
  for (uint64_t left = cache->grown; left != 0; left &= left - 1)
    shrinkIfUnused(share, cache, (unsigned)__builtin_ctzll(left));
  if (cache->grown == 0) giveLarger(cache);
}
