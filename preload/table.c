/* table.c - see table.h. */
#define _GNU_SOURCE
#include "table.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "owner.h"
#include "rawCalls.h"
#include "sandbox.h"

#define NANOSECONDS UINT64_C(1000000000)

static RunTable *table;
/* NULL: the private slot. (Its address is not the initial value, since while the loader relocates no address
 * is written.) */
static RunSlot *slot;
static RunSlot privateSlot = {.programs = 1, .reserve = {.leastFree = UINT64_MAX}};

RunSlot *ownSlot(void) {
  return slot != NULL ? slot : &privateSlot;
}

bool slotIsShared(void) {
  return slot != NULL;
}

/* ---- the file ----------------------------------------------------------------------------------------------------- */

static bool isRunTable(const RunTable *candidate) {
  return candidate->magic == RUN_TABLE_MAGIC && candidate->version == RUN_TABLE_VERSION &&
         candidate->slotSize == sizeof(RunSlot) && candidate->slotCount == RUN_TABLE_SLOTS;
}

static RunTable *mapTable(int file) {
  if (rawFileSize(file) != (long)RUN_TABLE_BYTES) return NULL;
  void *memory = rawMap(NULL, RUN_TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) return NULL;
  if (isRunTable(memory)) return memory;
  rawUnmap(memory, RUN_TABLE_BYTES);
  return NULL;
}

static RunTable *openTable(void) {
  const char *path = secure_getenv(RUN_TABLE_VARIABLE);
  if (path == NULL || *path != '/') return NULL;
  /* O_NONBLOCK: the name may be that of a pipe by now */
  int file = rawOpen(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
  if (file < 0) return NULL;
  RunTable *mapped = mapTable(file);
  rawClose(file);
  return mapped;
}

RunTable *sharedTable(void) {
  return table;
}

/* ---- a slot ------------------------------------------------------------------------------------------------------- */

static void putName(RunSlot *named) {
  for (size_t i = 0; i < RUN_NAME_ROOM; i++) named->name[i] = heapOwner.name[i];
}

/* The C library asks the kernel's page, without a system call, but another library may have taken its name. */
static uint64_t timeOfClaim(void) {
  struct timespec time;
  if (!isInSandbox()) return rawBootTime();
  if (clock_gettime(CLOCK_BOOTTIME, &time) != 0) return UINT64_MAX;
  return (uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec;
}

/* Claims a new slot. NULL: the table is full. */
static RunSlot *claimSlot(void) {
  uint32_t index = atomic_fetch_add_explicit(&table->claimed, 1, memory_order_relaxed);
  if (index < RUN_TABLE_PIDS) atomic_store_explicit(&table->pids[index], heapOwner.pid, memory_order_relaxed);
  if (index >= RUN_TABLE_SLOTS) return NULL;
  RunSlot *claimed = &table->slots[index];
  claimed->pid = heapOwner.pid;
  claimed->parentPid = heapOwner.parentPid;
  claimed->claimedAt = timeOfClaim();
  putName(claimed);
  atomic_store_explicit(&claimed->programs, 1, memory_order_relaxed);
  putFigure(&claimed->reserve.leastFree, UINT64_MAX);
  return claimed;
}

static void share(RunSlot *claimed, uint32_t beside) {
  slot = claimed;
  if (slot != NULL) atomic_store_explicit(&slot->state, RUN_RUNNING | beside, memory_order_release);
}

static RunState stateIn(uint32_t state) {
  return (RunState)(state & RUN_STATE_MASK);
}

void tableTell(RunState state, bool exact) {
  uint32_t beside = atomic_load_explicit(&ownSlot()->state, memory_order_relaxed) & (RUN_FORKED | RUN_LACKING);
  if (exact && (beside & RUN_LACKING) == 0) beside |= RUN_EXACT;
  atomic_store_explicit(&ownSlot()->state, state | beside, memory_order_relaxed);
}

/* ---- after exec --------------------------------------------------------------------------------------------------- */

/* Returns the 22nd word of /proc/self/stat; NULL: there is none. The second word is a name in brackets, which
 * may contain any bytes. */
static const char *startTime(char *text) {
  char *at = strrchr(text, ')');
  for (int word = 2; at != NULL && word < 22; word++) {
    at = strchr(at, ' ');
    if (at != NULL) at++;
  }
  return at;
}

/* Returns the start of this process in nanoseconds of CLOCK_BOOTTIME, or up to a tick of the system earlier;
 * UINT64_MAX: unknown. */
static uint64_t processBegan(void) {
  char text[1024];
  int file = rawOpen("/proc/self/stat", O_RDONLY | O_CLOEXEC, 0);
  ssize_t length = file < 0 ? -1 : rawRead(file, text, sizeof text - 1);
  if (file >= 0) rawClose(file);
  if (length <= 0) return UINT64_MAX;
  text[length] = '\0';
  const char *ticks = startTime(text);
  long perSecond = sysconf(_SC_CLK_TCK);
  if (ticks == NULL || perSecond <= 0) return UINT64_MAX;
  return strtoull(ticks, NULL, 10) * (NANOSECONDS / (uint64_t)perSecond);
}

static uint32_t stateOf(const RunSlot *candidate) {
  return atomic_load_explicit(&candidate->state, memory_order_acquire);
}

/* Finds the index of this process in the table, if it was another program before; else -1. Older slots with
 * its number are of processes that were killed. A slot in state RUN_REPLACED is preferred to a running one:
 * another space of process numbers may have a second process with this number. */
static int64_t findPlace(void) {
  int64_t place = -1, at = atomic_load_explicit(&table->claimed, memory_order_relaxed);
  uint64_t began = 0;
  if (at > RUN_TABLE_PIDS) at = RUN_TABLE_PIDS;
  while (at-- > 0) {
    if (atomic_load_explicit(&table->pids[at], memory_order_relaxed) != heapOwner.pid) continue;
    if (at >= RUN_TABLE_SLOTS) return at;
    RunState state = stateIn(stateOf(&table->slots[at]));
    if (began == 0) began = processBegan();
    if (began != UINT64_MAX && table->slots[at].claimedAt < began) break;
    if (state == RUN_REPLACED) return at;
    if (state == RUN_RUNNING && began != UINT64_MAX && place < 0) place = at;
  }
  return place;
}

static void addExchanged(_Atomic uint64_t *sum, _Atomic uint64_t *figure) {
  uint64_t value = atomic_exchange_explicit(figure, 0, memory_order_relaxed);
  atomic_fetch_add_explicit(sum, value, memory_order_relaxed);
}

/* Takes over the slot of the program before. Its counts stay, its live memory is gone. Returns the bits
 * beside the state. */
static uint32_t takeOver(RunSlot *before) {
  uint32_t state = stateOf(before);
  RunFigures figures;
  readFigures(before, &figures);
  putFigure(&before->peakBefore, differenceOf(figures.peakBytes, loadFigure(&before->inheritedBytes)));
  putFigure(&before->peakMapped, differenceOf(figures.peakMapped, loadFigure(&before->inheritedMapped)));
  addExchanged(&before->allocationsBefore, &before->pool.allocations);
  addExchanged(&before->freesBefore, &before->pool.frees);
  putFigure(&before->inheritedBytes, 0);
  putFigure(&before->inheritedMapped, 0);
  putFigure(&before->mappedBytes, 0);
  putFigure(&before->pool.peakBytes, 0);
  putFigure(&before->pool.liveBytes, 0);
  putFigure(&before->reserve.size, 0);
  putFigure(&before->reserve.held, 0);
  putFigure(&before->reserve.leastFree, UINT64_MAX);
  putName(before);
  atomic_fetch_add_explicit(&before->programs, 1, memory_order_relaxed);
  return stateIn(state) == RUN_REPLACED && (state & RUN_EXACT) != 0 ? 0 : RUN_LACKING;
}

/* Adds the counts from before the slot was claimed. */
static void addPrivate(RunSlot *to) {
  addExchanged(&to->refused, &privateSlot.refused);
  addExchanged(&to->overBudget, &privateSlot.overBudget);
  addExchanged(&to->badFrees, &privateSlot.badFrees);
  addExchanged(&to->foreignFrees, &privateSlot.foreignFrees);
  addExchanged(&to->droppedFrees, &privateSlot.droppedFrees);
  addExchanged(&to->unknownFrees, &privateSlot.unknownFrees);
  addExchanged(&to->deepBinds, &privateSlot.deepBinds);
}

void tableOpen(void) {
  table = openTable();
  if (table == NULL) return;
  int64_t place = findPlace();
  if (place >= RUN_TABLE_SLOTS) return; /* the process is counted already, as one without a slot */
  RunSlot *found = place < 0 ? claimSlot() : &table->slots[place];
  if (found == NULL) return;
  uint32_t beside = place < 0 ? 0 : takeOver(found);
  addPrivate(found);
  share(found, beside);
}

/* ---- after fork --------------------------------------------------------------------------------------------------- */

static void copyFigure(_Atomic uint64_t *to, const _Atomic uint64_t *from) {
  putFigure(to, loadFigure(from));
}

void copyPool(RunPool *to, const RunPool *from) {
  copyFigure(&to->peakBytes, &from->peakBytes);
  copyFigure(&to->liveBytes, &from->liveBytes);
  copyFigure(&to->allocations, &from->allocations);
  copyFigure(&to->frees, &from->frees);
  copyFigure(&to->footprint, &from->footprint);
}

static void copyReserve(RunReserve *to, const RunReserve *from) {
  copyFigure(&to->size, &from->size);
  copyFigure(&to->held, &from->held);
  copyFigure(&to->leastFree, &from->leastFree);
}

static void clearCounts(RunSlot *child) {
  _Atomic uint64_t *counts[] = {&child->refused,      &child->overBudget,   &child->badFrees,  &child->foreignFrees,
                                &child->droppedFrees, &child->unknownFrees, &child->deepBinds, &child->peakBefore};
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) putFigure(counts[i], 0);
}

/* Fills the slot of a child. If the parent's slot is private, both may be one. */
static void beginChild(RunSlot *child, const RunSlot *parent, const RunPool *now, uint64_t mapped) {
  RunFigures figures;
  copyFigure(&child->poolSize, &parent->poolSize);
  copyReserve(&child->reserve, &parent->reserve);
  copyPool(&child->pool, now);
  clearCounts(child);
  putFigure(&child->allocationsBefore, -loadFigure(&now->allocations));
  putFigure(&child->freesBefore, -loadFigure(&now->frees));
  putFigure(&child->mappedBytes, mapped);
  putFigure(&child->peakMapped, mapped);
  putFigure(&child->inheritedMapped, mapped);
  readFigures(child, &figures);
  putFigure(&child->inheritedBytes, figures.liveBytes);
}

void tableFork(const RunPool *now, uint64_t mapped) {
  const RunSlot *parent = ownSlot();
  RunSlot *claimed = table != NULL ? claimSlot() : NULL;
  beginChild(claimed != NULL ? claimed : &privateSlot, parent, now, mapped);
  share(claimed, RUN_FORKED);
}
