/* total.c - see total.h. */
#define _GNU_SOURCE
#include "total.h"

#include <errno.h>

#include "../src/threads/calls.h"
#include "rawCalls.h"
#include "sandbox.h"
#include "settings.h"
#include "table.h"

/* A lease grows by a request's pages and a batch; free bytes beyond KEPT go back, but for a batch. */
enum { PAGE = 4 << 10, BATCH = 64 << 10, KEPT = 256 << 10 };

/* NULL: the run has no total. */
static RunLease *own;
static RunLease privateLease; /* of a process without a slot */
static bool ended;            /* the lease was given back, and the process still runs */
static bool refusedByTotal;

static RunTotal *total(void) {
  return &sharedTable()->total;
}

static size_t lesser(size_t a, size_t b) {
  return a < b ? a : b;
}

/* ---- leases ------------------------------------------------------------------------------------------------------- */

static void notePeak(uint64_t leased) {
  uint64_t peak = atomic_load_explicit(&total()->peak, memory_order_relaxed);
  while (leased > peak && !atomic_compare_exchange_weak(&total()->peak, &peak, leased)) continue;
}

static void takeAnyway(uint64_t bytes) {
  notePeak(atomic_fetch_add(&total()->leased, bytes) + bytes);
  atomic_fetch_add(&own->bytes, bytes);
}

static bool take(uint64_t bytes) {
  uint64_t leased = atomic_load(&total()->leased), budget = total()->budget;
  do {
    if (leased > budget || bytes > budget - leased) return false;
  } while (!atomic_compare_exchange_weak(&total()->leased, &leased, leased + bytes));
  notePeak(leased + bytes);
  atomic_fetch_add(&own->bytes, bytes);
  return true;
}

static void giveBack(uint64_t bytes) {
  atomic_fetch_sub(&own->bytes, bytes);
  atomic_fetch_sub(&total()->leased, bytes);
}

/* Makes the pool's budget `bytes`, or what is in use if that is more. Returns it; 0: the pool cannot be called. A new peak
 * of the pool begins, so the slot keeps the old one. */
static size_t setBudget(mema_Pool *pool, size_t bytes) {
  size_t peak;
  size_t budget = mema_sharedRebudget(pool, bytes, &peak);
  if (budget > 0 && peak > loadFigure(&ownSlot()->peakBefore)) putFigure(&ownSlot()->peakBefore, peak);
  return budget;
}

/* ---- processes that were killed ----------------------------------------------------------------------------------- */

/* Returns the number of the space of process numbers that this process is in; 0: unknown. */
static uint64_t ownSpace(void) {
  char text[64];
  uint64_t number = 0;
  ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/ns/pid", text, sizeof text);
  for (ssize_t i = 0; i < length; i++)
    if (text[i] >= '0' && text[i] <= '9') number = number * 10 + (uint64_t)(text[i] - '0');
  return number;
}

static bool isGone(int pid) {
  return syscall(SYS_kill, pid, 0) != 0 && errno == ESRCH;
}

/* Takes the lease of each process that is gone. True if there was one. A process number that is in use again counts as the
 * old process. */
static bool reclaim(void) {
  RunTable *table = sharedTable();
  uint32_t claimed = atomic_load(&table->claimed);
  bool any = false;
  if (own->space == 0 || isInSandbox()) return false;
  for (uint32_t i = 0; i < claimed && i < RUN_TABLE_SLOTS; i++) {
    RunLease *lease = &table->leases[i];
    uint64_t bytes = atomic_load(&lease->bytes);
    if (bytes == 0 || lease == own || lease->space != own->space || !isGone(table->slots[i].pid)) continue;
    if (!atomic_compare_exchange_strong(&lease->bytes, &bytes, 0)) continue;
    atomic_fetch_sub(&table->total.leased, bytes);
    any = true;
  }
  return any;
}

/* ---- the life of a process ---------------------------------------------------------------------------------------- */

static RunLease *findLease(void) {
  RunTable *table = sharedTable();
  return slotIsShared() ? &table->leases[ownSlot() - table->slots] : &privateLease;
}

/* The program before, if there was one, had the same lease. */
void beginTotal(mema_Pool *pool) {
  int savedErrno = errno;
  if (sharedTable() == NULL || total()->budget == 0) return;
  own = findLease();
  giveBack(atomic_load(&own->bytes));
  own->space = ownSpace();
  size_t used = setBudget(pool, 1);
  takeAnyway(used);
  size_t batch = used < settings.poolSize ? lesser(BATCH, settings.poolSize - used) : 0;
  if (batch > 0 && take(batch)) setBudget(pool, used + batch);
  errno = savedErrno;
}

void forkTotal(mema_Pool *pool, bool atRest) {
  int savedErrno = errno;
  if (own == NULL) return;
  uint64_t space = own->space;
  own = findLease();
  atomic_store(&own->bytes, 0);
  own->space = space;
  size_t used = atRest ? setBudget(pool, 1) : 0;
  takeAnyway(used > 0 ? used : pool->poolSize);
  errno = savedErrno;
}

void endTotal(void) {
  if (own == NULL) return;
  giveBack(atomic_load(&own->bytes));
  ended = true;
}

/* A process that goes on after its end (a handler of SIGABRT may leave by a jump) has its lease again. */
static void resume(const mema_Pool *pool) {
  if (!ended) return;
  takeAnyway(pool->poolSize);
  ended = false;
}

/* ---- requests ----------------------------------------------------------------------------------------------------- */

/* Leases at least `bytes`, and at most as many as `room`. Returns the number; 0: the total has no room. */
static size_t leaseFrom(size_t bytes, size_t room) {
  size_t pages = lesser((bytes + PAGE - 1) / PAGE * PAGE, room), batch = lesser(pages + BATCH, room);
  if (take(batch)) return batch;
  return take(pages) ? pages : take(bytes) ? bytes : 0;
}

static bool refuse(void) {
  refusedByTotal = true;
  atomic_fetch_add(&total()->refused, 1);
  atomic_fetch_add(&own->refused, 1);
  return false;
}

bool leaseMore(mema_Pool *pool) {
  const mema_Error *error = mema_lastError();
  refusedByTotal = false;
  if (own == NULL || error->reason != MEMA_OVER_BUDGET || pool->poolSize >= settings.poolSize) return false;
  size_t lacking = error->wanted > error->available ? error->wanted - error->available : 1;
  size_t room = settings.poolSize - pool->poolSize;
  if (lacking > room) return false;
  int savedErrno = errno;
  resume(pool);
  size_t leased = leaseFrom(lacking, room);
  if (leased == 0 && reclaim()) leased = leaseFrom(lacking, room);
  bool done = leased > 0 && setBudget(pool, pool->poolSize + leased) > 0;
  if (leased > 0 && !done) giveBack(leased);
  errno = savedErrno;
  return done || refuse();
}

bool wasRefusedByTotal(void) {
  bool was = refusedByTotal;
  refusedByTotal = false;
  return was;
}

bool hasExcess(const mema_Pool *pool) {
  return own != NULL && pool->freeSize > KEPT;
}

void returnExcess(mema_Pool *pool) {
  int savedErrno = errno;
  size_t before = pool->poolSize, available = pool->freeSize;
  if (own == NULL || available <= KEPT || ended) return;
  size_t now = setBudget(pool, before - available + BATCH);
  if (now > 0 && now < before) giveBack(before - now);
  errno = savedErrno;
}
