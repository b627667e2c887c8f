/* idle.c - memory that is not in use goes back to the system by itself.
 *
 * Windows. A window ends when the slab has taken and given much memory, or when a second has passed. Free units that
 * were dirty all through a window were of no use in it. They are given back, except an allowance: 64 MiB, and half of
 * what is in use. The allowance fades: it is halved each second in which nothing speaks against it, and is gone after a
 * second without any work. A program that uses memory in turn keeps its pages, and a program that has freed most of its
 * memory does not.
 *
 * Drains. If more becomes free than 256 MiB, and what is in use, the program has left a peak: that memory, and what
 * becomes free next, goes back at once, except 64 MiB.
 *
 * Sweeps. After each window a sweep goes through the spans, a part at each look. It gives back the pages of free slots,
 * and those behind large chunks, that were already there at the sweep before and were not used since.
 *
 * Growth. When the memory in use has grown by an eighth, classes with mostly free slots give up their empty spans
 * (mema_slabReleaseSparse), and here the pages of their free slots.
 *
 * Regret. If a quarter of what was given back is soon taken again, the allowance is whole again, and the next window,
 * second and growth take twice as much. So a program with steady habits pays for page faults a few times only.
 *
 * The budget. When fresh pages would exceed it, pages in spans are given back after those of free runs
 * (mema_idleSqueeze).
 *
 * The common paths do nothing for this. The slab looks at its work and at the clock once in some dozen calls that take
 * longer anyhow: refills, exchanges of slots with threads, runs taken or given. A pool without such calls keeps its
 * memory.
 */
#include "../../memory/os.h"
#include "source.h"

enum {
  lookEvery = 16,         /* visits from one look to the next */
  lookBytes = 128 * 1024, /* the work that the visits of a look stand for, beside the units that they take or give */
  heldLeast = 4 << 20,    /* bytes: a slab that holds less does not look at the clock */
  allowanceBytes = 64 << 20,
  drainFrom = 256 << 20,     /* bytes: if more than this, and than what is in use, becomes free, */
  drainTo = 64 << 20,        /* it goes back but for this, */
  drainStep = 32 << 20,      /* and so much of it at a time */
  windowBytes = 64 << 20,    /* the work of a window is at least this, and twice what the slab holds */
  windowMilliseconds = 1000, /* a second, as said above */
  fadesMost = 6,             /* a whole allowance, and then a half, to a 64th of it */
  regretsMost = 6,
  judgedLeast = 1024,    /* KiB given back, below which nothing is regretted */
  sweptLeast = 24 << 20, /* bytes: a slab that holds less keeps the pages of its spans, unless it meets its budget */
  sweptUnits = 1024,     /* units that a sweep goes through at each look */
  growthFew = 16,        /* units: a growth by so few does not count */
  budgetShare = 64,      /* a squeeze reaches this part of the budget below it */
};

/* The time as last told (mema_idleTellTime); 0: it never was. */
static _Atomic uint32_t toldTime;

static size_t unitBytes(const mema_Slab *slab, uint64_t units) {
  return (size_t)units << slab->unitShift;
}

static uint32_t least(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

/* ---- regret ------------------------------------------------------------------------------------------------------------ */

static void noteGiven(mema_Slab *slab, size_t bytes) {
  slab->idle.given += (uint32_t)(bytes >> 10);
}

/* Judges what was given back lately by what was taken again. */
static void judge(mema_Slab *slab) {
  mema_Idle *idle = &slab->idle;
  if (idle->given < judgedLeast) return;
  if (idle->again >= idle->given / 4) {
    if (idle->regrets < regretsMost) idle->regrets++;
    idle->fades = 0;
    idle->given = idle->again = 0;
  }
}

/* Forgets half of what was given back. What is left after a window without regret speaks for giving more. */
static void forget(mema_Idle *idle) {
  if (idle->given >= judgedLeast && idle->regrets > 0) idle->regrets--;
  idle->given /= 2;
  idle->again /= 2;
}

/* ---- sweeps ------------------------------------------------------------------------------------------------------------ */

/* True if the magazine of its class holds a slot of the span. */
static bool isInMagazine(mema_Slab *slab, const mema_Span *span) {
  const mema_SlotClass *class = mema_spanClass(slab, span);
  for (const mema_FreeSlot *slot = class->bottom; slot < class->top; slot++)
    if (mema_slabSpanAt(slab, slot->ptr) == span) return true;
  return false;
}

/* Gives back the pages of free slots. Without `now`, only if an earlier sweep has seen the span, which has not served
 * its class since. Spans whose slots are handed out next are left alone. */
static size_t sweepSlots(mema_Slab *slab, mema_Span *span, bool now) {
  if (span->place != mema_placePartial) return 0;
  if (span->clean == 0 && !now) {
    span->clean = mema_cleanSeen;
    slab->idle.seesSpans = true;
    return 0;
  }
  return isInMagazine(slab, span) ? 0 : mema_spanPurge(slab, span);
}

static size_t sweepLarge(mema_Slab *slab, mema_Span *span, bool now) {
  if (span->tail == mema_tailClean || span->place == mema_placeLost) return 0;
  if (span->tail == mema_tailDirty && !now) {
    span->tail = mema_tailSeen;
    return 0;
  }
  return mema_tailPurge(slab, span);
}

static bool maySweep(const mema_Slab *slab) {
  return !slab->keepsDirty && mema_heldBytes(slab) >= sweptLeast;
}

static size_t sweepSpan(mema_Slab *slab, mema_Span *span, bool now) {
  return span->kind == mema_unitSlots ? sweepSlots(slab, span, now) : sweepLarge(slab, span, now);
}

static bool isUsed(const mema_Span *span) {
  return span->kind == mema_unitSlots || span->kind == mema_unitLarge;
}

/* Sweeps some units from `unit` on, which may be any. Returns the unit where the next call goes on; the frontier or
 * more: there is none. A free run has its length in its last unit too, so it is passed as a whole only behind a span. */
static uint32_t sweepSome(mema_Slab *slab, uint32_t unit, bool now, size_t *bytes) {
  uint32_t end = slab->runs.frontier - unit > sweptUnits ? unit + sweptUnits : slab->runs.frontier;
  bool behind = unit == 0;
  if (slab->spans[unit].kind == mema_unitInside) unit -= slab->spans[unit].back;
  while (unit < end) {
    mema_Span *span = &slab->spans[unit];
    bool used = isUsed(span);
    if (used) *bytes += sweepSpan(slab, span, now);
    unit += used || (behind && span->kind == mema_unitFree) ? span->units : 1;
    behind |= used;
  }
  return unit;
}

static void goOn(mema_Slab *slab) {
  mema_Idle *idle = &slab->idle;
  size_t bytes = 0;
  if (idle->sweepAt >= slab->runs.frontier) return;
  idle->sweepAt = sweepSome(slab, idle->sweepAt, idle->sweepsNow, &bytes);
  noteGiven(slab, bytes);
  slab->runs.purged += bytes;
}

/* ---- windows ----------------------------------------------------------------------------------------------------------- */

/* The units that stay, though they are idle. */
static uint32_t allowance(const mema_Slab *slab) {
  return (uint32_t)((allowanceBytes >> slab->unitShift) + mema_usedUnits(slab) / 2) >> slab->idle.fades;
}

static uint32_t patience(const mema_Idle *idle) {
  return (uint32_t)windowMilliseconds << idle->regrets;
}

static bool isWorkDone(const mema_Slab *slab) {
  const mema_Idle *idle = &slab->idle;
  return unitBytes(slab, idle->work) >= (2 * (uint64_t)mema_heldBytes(slab) + windowBytes) << idle->regrets;
}

/* Ends a window in which `units` were idle, and begins the next. `paused`: the program took and gave almost nothing for
 * a while. */
static void endWindow(mema_Slab *slab, uint32_t units, bool paused) {
  mema_Idle *idle = &slab->idle;
  judge(slab);
  forget(idle);
  if (paused) idle->fades = fadesMost;
  if (maySweep(slab)) {
    idle->sweepAt = 0;
    idle->sweepsNow = paused;
  }
  uint32_t kept = allowance(slab), before = slab->runs.dirtyUnits;
  if (units > kept) mema_runPurge(slab, before - least(units - kept, before));
  noteGiven(slab, unitBytes(slab, before - slab->runs.dirtyUnits));
  idle->work = 0;
  idle->least = slab->runs.dirtyUnits;
  idle->worked = true;
}

/* The second is over: halves the allowance. If no window has ended in it, this one has lasted for a second. */
static void endSecond(mema_Slab *slab, uint32_t now) {
  mema_Idle *idle = &slab->idle;
  if (idle->fades < fadesMost) idle->fades++;
  if (!idle->worked) endWindow(slab, idle->least, false);
  idle->worked = false;
  idle->second = now;
}

/* Gives back what becomes free behind a peak. */
static void drain(mema_Slab *slab) {
  mema_Idle *idle = &slab->idle;
  uint64_t free = unitBytes(slab, slab->runs.dirtyUnits), kept = (uint64_t)drainTo << idle->regrets;
  if (free > ((uint64_t)drainFrom << idle->regrets) + unitBytes(slab, mema_usedUnits(slab))) idle->drains = true;
  if (free < kept) idle->drains = false;
  if (!idle->drains || free < kept + drainStep) return;
  mema_runPurge(slab, (uint32_t)(kept >> slab->unitShift));
  noteGiven(slab, free - unitBytes(slab, slab->runs.dirtyUnits));
}

/* Begins with the first second and window. */
static void start(mema_Slab *slab, uint32_t now) {
  mema_Idle *idle = &slab->idle;
  idle->second = now;
  idle->work = 0;
  idle->least = slab->runs.dirtyUnits;
  idle->worked = false;
}

/* The clock in milliseconds, modulo 2^32; never 0. */
static uint32_t readClock(void) {
  return (uint32_t)mema_osMilliseconds() | 1;
}

void mema_idleTellTime(void) {
  atomic_store_explicit(&toldTime, readClock(), memory_order_relaxed);
}

static uint32_t timeNow(void) {
  uint32_t told = atomic_load_explicit(&toldTime, memory_order_relaxed);
  return told != 0 ? told : readClock();
}

void mema_idleLook(mema_Slab *slab) {
  mema_Idle *idle = &slab->idle;
  idle->visits = lookEvery;
  idle->work += lookBytes >> slab->unitShift;
  if (slab->keepsDirty || mema_heldBytes(slab) < heldLeast) return;
  uint32_t now = timeNow();
  if (idle->seen == 0) start(slab, now);
  if (idle->seen != 0 && now - idle->seen >= patience(idle)) {
    endWindow(slab, least(idle->last, slab->runs.dirtyUnits), true);
  } else if (isWorkDone(slab)) {
    endWindow(slab, idle->least, false);
  }
  if (now - idle->second >= patience(idle)) endSecond(slab, now);
  drain(slab);
  idle->seen = now;
  idle->last = slab->runs.dirtyUnits;
  goOn(slab);
}

void mema_idleRestart(mema_Slab *slab) {
  slab->idle = (mema_Idle){.visits = lookEvery, .sweepAt = mema_noUnit};
}

/* ---- growth ------------------------------------------------------------------------------------------------------------ */

void mema_idleSettle(mema_Slab *slab) {
  uint64_t touched = mema_usedUnits(slab) - (slab->runs.cleanBytes >> slab->unitShift);
  uint64_t most = touched + ((touched / 8 + growthFew) << slab->idle.regrets);
  slab->runs.growAt = most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

void mema_idleSweepClasses(mema_Slab *slab, uint64_t classes) {
  size_t bytes = 0;
  if (!maySweep(slab)) return;
  judge(slab);
  for (uint32_t unit = 0; unit < slab->runs.frontier; unit += slab->spans[unit].units) {
    mema_Span *span = &slab->spans[unit];
    if (span->kind == mema_unitSlots && (classes >> span->class & 1) != 0) bytes += sweepSlots(slab, span, true);
  }
  noteGiven(slab, bytes);
  slab->runs.purged += bytes;
}

/* ---- the budget -------------------------------------------------------------------------------------------------------- */

/* The bytes by which a squeeze goes below the budget, so that the next one is not needed at once. */
static size_t marginOf(const mema_Slab *slab) {
  return unitBytes(slab, slab->runs.budgetUnits / budgetShare + growthFew);
}

/* Sweeps until at most `target` bytes are held, or all spans were swept. */
static void squeezeTo(mema_Slab *slab, size_t target) {
  size_t bytes = 0;
  for (uint32_t unit = 0; unit < slab->runs.frontier && mema_heldBytes(slab) > target;)
    unit = sweepSome(slab, unit, true, &bytes);
  slab->runs.purged += bytes;
}

/* After a squeeze in vain the slab must grow by an eighth before the next one: most of what that gave back is probably
 * in use again. */
void mema_idleSqueeze(mema_Slab *slab, size_t bytes) {
  size_t margin = marginOf(slab), budget = unitBytes(slab, slab->runs.budgetUnits), held = mema_heldBytes(slab);
  if (slab->keepsDirty || held < unitBytes(slab, slab->idle.squeezed + slab->idle.squeezed / 8) + margin) return;
  size_t spared = margin + bytes, target = budget > spared ? budget - spared : 0;
  squeezeTo(slab, target);
  held = mema_heldBytes(slab);
  slab->idle.squeezed = held > target ? (uint32_t)(held >> slab->unitShift) : 0;
}
