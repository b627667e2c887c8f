/* writeLeaks.c - the live chunks of a tracked pool, by the places that they come from. The sums are taken while the pool is
 * held, and written when it is not. */
#include <string.h>

#include "../memory/os.h"
#include "../pool/sites.h"
#include "../pool/tree.h"
#include "report.h"
#include "writer.h"

/* The chunks of one place. Sums are found by the number of the place, and linked in the order of their oldest chunks. */
typedef struct Sum {
  size_t chunks, bytes, least, most;
  uint32_t next; /* number + 1; 0: none */
} Sum;

typedef struct Sums {
  Sum *sums;            /* by number; 0: chunks without a place */
  uint32_t first, last; /* number + 1; 0: none */
  size_t chunks, bytes;
  size_t size; /* of the memory */
  uint32_t count;
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
  all->chunks++;
  all->bytes += bytes;
}

/* Adds up the chain of a held pool. False, and the failure noted, iff a Block was written over. */
static bool addUp(const mema_Pool *pool, mema_Heap *heap, Sums *all) {
  for (const mema_Block *block = pool->head; block != NULL; block = block->next) {
    if (!mema_isIntactBlock(pool, heap, block)) return false;
    add(all, pool->sites ? mema_siteOf(block) : 0, block->size);
  }
  return true;
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

static void putSums(mema_Writer *writer, const Sums *all) {
  for (uint32_t link = all->first; link != 0; link = all->sums[link - 1].next) {
    const Sum *sum = &all->sums[link - 1];
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
    putPlace(writer, link - 1);
  }
}

static void putHead(mema_Writer *writer, const mema_Stats *stats, const Sums *all) {
  if (stats->name[0] != '\0') {
    mema_putQuoted(writer, stats->name, true);
    mema_putText(writer, ": ");
  }
  if (all->chunks == 0) {
    mema_putText(writer, "no chunk is live\n");
    return;
  }
  putCount(writer, all->chunks, " chunk");
  mema_putText(writer, all->chunks == 1 ? " is live, of " : " are live, of ");
  putCount(writer, all->bytes, " byte");
  mema_putText(writer, "; the oldest first\n");
}

bool mema_writeLeaks(const mema_Pool *pool, mema_Write *write, void *user) {
  Sums all;
  mema_Stats stats;
  if (mema_openKind(pool) == mema_noPool) return false;
  if (write == NULL) return mema_failFor(mema_writeIsNull, 0, 0);
  if (pool->untracked) return mema_failFor(mema_leaksUntracked, 0, 0);
  if (!makeSums(&all)) return false;
  mema_Heap *heap = mema_holdPool(pool, false);
  bool done = heap != NULL && addUp(pool, heap, &all);
  if (heap != NULL) {
    mema_countStats(pool, &stats);
    mema_unlockPool(heap);
  }
  if (done) {
    mema_Writer writer;
    mema_beginText(&writer, write, user);
    putHead(&writer, &stats, &all);
    putSums(&writer, &all);
    done = mema_endText(&writer);
  }
  mema_osRelease(all.sums, all.size);
  return done;
}
