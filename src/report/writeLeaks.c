/* writeLeaks.c - the live chunks of a tracked pool and of the pools below it, by the places that they come from. The sums
 * are taken while each pool is held, and written when none is. */
#include <string.h>

#include "../memory/os.h"
#include "../pool/sites.h"
#include "../pool/tree.h"
#include "family.h"
#include "writer.h"

/* The chunks of one place. Sums are found by the number of the place, and linked in the order of their oldest chunks. */
typedef struct Sum {
  size_t chunks, bytes, least, most;
  uint32_t next; /* number + 1; 0: none */
} Sum;

/* A sum that is kept until it is written. */
typedef struct Kept {
  Sum sum;
  uint32_t number;
  size_t member; /* the index of its pool */
} Kept;

typedef struct Sums {
  Sum *sums;            /* of one pool, by number; 0: chunks without a place. All are 0 between two pools. */
  uint32_t first, last; /* number + 1; 0: none */
  size_t size;          /* of the memory */
  uint32_t count;
  mema_List kept; /* of all pools, in the order of the members */
} Sums;

static void add(Sums *all, uint32_t number, size_t bytes) {
  Sum *sum = &all->sums[number < all->count ? number : 0];
  uint32_t link = (uint32_t)(sum - all->sums) + 1;
  if (sum->chunks++ == 0) {
    *(all->last != 0 ? &all->sums[all->last - 1].next : &all->first) = link;
    all->last = link;
    sum->least = bytes;
  }
  sum->bytes += bytes;
  if (bytes < sum->least) sum->least = bytes;
  if (bytes > sum->most) sum->most = bytes;
}

/* Adds up the chain of a held pool. False, and the failure noted, iff a Block was written over. */
static bool addUp(const mema_Pool *pool, mema_Heap *heap, Sums *all) {
  for (const mema_Block *block = pool->head; block != NULL; block = block->next) {
    if (!mema_isIntactBlock(pool, heap, block)) return false;
    add(all, pool->sites ? mema_siteOf(block) : 0, block->size);
  }
  return true;
}

/* Moves the sums of one pool to those that are kept. False, and the failure noted, iff there is no memory. */
static bool keep(Sums *all, size_t member) {
  for (uint32_t link = all->first, next; link != 0; link = next) {
    Kept *kept = mema_addItem(&all->kept, sizeof *kept);
    if (kept == NULL) return false;
    *kept = (Kept){.sum = all->sums[link - 1], .number = link - 1, .member = member};
    next = kept->sum.next;
    all->sums[link - 1] = (Sum){0};
  }
  all->first = all->last = 0;
  return true;
}

/* A mema_Visit. */
static bool addPool(void *arg, size_t index, const mema_Pool *pool, mema_Heap *heap) {
  Sums *all = arg;
  if (index == 0) all->kept.used = 0;
  return pool->untracked || (addUp(pool, heap, all) && keep(all, index));
}

static bool makeSums(Sums *all) {
  memset(all, 0, sizeof *all);
  all->count = mema_lastPlace() + 1; /* a place that comes later counts as none */
  all->size = mema_roundUp(all->count * sizeof(Sum), mema_osPageSize());
  all->sums = mema_osReserve(all->size, mema_osPageSize());
  if (all->sums == NULL) mema_failBytes(MEMA_NO_MEMORY, all->size, 0);
  return all->sums != NULL;
}

/* ---- text --------------------------------------------------------------------------------------------------------------- */

static void putCount(mema_Writer *writer, size_t count, const char *thing) {
  mema_putNumber(writer, count);
  mema_putText(writer, thing);
  if (count != 1) mema_putText(writer, "s");
}

static void putLine(mema_Writer *writer, const mema_Place *line) {
  mema_putText(writer, line->function);
  mema_putText(writer, " (");
  mema_putText(writer, line->file);
  mema_putText(writer, ":");
  mema_putNumber(writer, line->line);
  mema_putText(writer, ")\n");
}

/* Puts the call before a return address: the file that it lies in, and where. */
static void putFrame(mema_Writer *writer, uintptr_t returnAddress) {
  char path[256];
  uintptr_t place = returnAddress - 1;
  mema_putSpaces(writer, 8);
  if (mema_osFileOf(returnAddress - 1, path, sizeof path, &place)) {
    mema_putText(writer, path);
    mema_putText(writer, "+");
  }
  mema_putAddress(writer, place);
  mema_putText(writer, "\n");
}

static void putStack(mema_Writer *writer, const mema_Place *stack) {
  const mema_Place *line = atomic_load_explicit(&stack->at, memory_order_acquire);
  if (line != NULL) {
    putLine(writer, line);
  } else {
    mema_putText(writer, "a stack\n");
  }
  for (uint16_t i = 0; i < stack->depth; i++) putFrame(writer, (uintptr_t)stack->frames[i]);
}

static void putPlace(mema_Writer *writer, uint32_t number) {
  const mema_Place *place = mema_placeOf(number);
  if (place == NULL) {
    mema_putText(writer, "without a site\n");
  } else if (place->file != NULL) {
    putLine(writer, place);
  } else {
    putStack(writer, place);
  }
}

static void putSum(mema_Writer *writer, const Kept *kept) {
  const Sum *sum = &kept->sum;
  mema_putColumn(writer, sum->bytes, 12);
  mema_putText(writer, sum->bytes == 1 ? " byte  in" : " bytes in");
  mema_putColumn(writer, sum->chunks, 8);
  mema_putText(writer, sum->chunks == 1 ? " chunk " : " chunks");
  mema_putText(writer, " of ");
  mema_putNumber(writer, sum->least);
  if (sum->most != sum->least) {
    mema_putText(writer, " to ");
    mema_putNumber(writer, sum->most);
  }
  mema_putText(writer, ": ");
  putPlace(writer, kept->number);
}

/* Puts the name of a pool, and its number where there are several. */
static void putName(mema_Writer *writer, const mema_Member *member, bool isFirst, bool isAlone) {
  const char *name = member->stats.name;
  if (!isFirst) mema_putText(writer, "sub-pool ");
  if (name[0] != '\0') mema_putQuoted(writer, name, true);
  if (!isAlone) {
    mema_putText(writer, name[0] != '\0' ? ", id " : "id ");
    mema_putNumber(writer, member->id);
  }
  if (!isFirst) {
    mema_putText(writer, ", below ");
    mema_putNumber(writer, member->parent);
  }
  if (name[0] != '\0' || !isAlone) mema_putText(writer, ": ");
}

static void putChunks(mema_Writer *writer, size_t chunks) {
  putCount(writer, chunks, " chunk");
  mema_putText(writer, chunks == 1 ? " is live" : " are live");
}

/* Puts the sums of one pool: kept[0], up to kept[count - 1]. */
static void putSums(mema_Writer *writer, const Kept *kept, size_t count) {
  size_t chunks = 0, bytes = 0;
  for (size_t i = 0; i < count; i++) chunks += kept[i].sum.chunks, bytes += kept[i].sum.bytes;
  if (count == 0) {
    mema_putText(writer, "no chunk is live\n");
    return;
  }
  putChunks(writer, chunks);
  mema_putText(writer, ", of ");
  putCount(writer, bytes, " byte");
  mema_putText(writer, "; the oldest first\n");
  for (size_t i = 0; i < count; i++) putSum(writer, &kept[i]);
}

/* Puts a pool whose chunks cannot be listed here. */
static void putUnlisted(mema_Writer *writer, const mema_Member *member) {
  putChunks(writer, member->stats.liveChunks);
  mema_putText(writer, member->stats.untracked ? "; an untracked pool has no list of them\n"
                                               : "; its own thread alone can list them\n");
}

static void putFamily(mema_Writer *writer, const mema_Family *family, const Sums *all) {
  const Kept *kept = all->kept.items; /* NULL if there are none */
  size_t left = all->kept.used / sizeof *kept, count = mema_membersIn(family);
  for (size_t i = 0; i < count; i++) {
    const mema_Member *member = &mema_membersOf(family)[i];
    size_t own = 0;
    while (own < left && kept[own].member == i) own++;
    bool listed = member->exact && !member->stats.untracked;
    if (i != 0 && (listed ? own : member->stats.liveChunks) == 0) continue;
    putName(writer, member, i == 0, count == 1);
    if (listed) {
      putSums(writer, kept, own);
    } else {
      putUnlisted(writer, member);
    }
    if (own == 0) continue;
    kept += own;
    left -= own;
  }
}

bool mema_writeLeaks(const mema_Pool *pool, mema_Write *write, void *user) {
  Sums all;
  if (mema_openKind(pool) == mema_noPool) return false;
  if (write == NULL) return mema_failFor(mema_writeIsNull, 0, 0);
  if (pool->untracked) return mema_failFor(mema_leaksUntracked, 0, 0);
  if (!makeSums(&all)) return false;
  mema_Family family = {.visit = addPool, .arg = &all};
  bool done = mema_collectFamily(pool, &family);
  if (done) {
    mema_Writer writer;
    mema_beginText(&writer, write, user);
    putFamily(&writer, &family, &all);
    mema_forgetFamily(&family);
    done = mema_endText(&writer);
  }
  mema_endList(&all.kept);
  mema_osRelease(all.sums, all.size);
  return done;
}
