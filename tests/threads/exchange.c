/* A slot that one thread frees goes back to the thread that owns it, as long as that comes for more. Threads keep to spans of their own. Free slots
 * of all threads are found before a request is refused. */
#include "held.h"
#include "hooked.h"

#include <semaphore.h>

static void *giveWhatItGets(void *held) {
  giveAll(held);
  return NULL;
}

static void slotsGoBackToTheirThread(void **state) {
  (void)state;
  static Held own, again;
  for (unsigned times = 0; times < 20; times++) {
    begin(16 * MIB);
    take(&own, 3 * batch);
    runThread(giveWhatItGets, &own);
    take(&again, span);
    assert_int_equal(common(&own, &again), 3 * batch);
    giveAll(&again);
    end();
  }
}

/* The owner takes the slots that came back, each time. */
static void slotsGoBackAsLongAsTheirThreadComesForMore(void **state) {
  (void)state;
  static Held own, some;
  begin(16 * MIB);
  take(&own, span);
  for (unsigned times = 0; times < 20; times++) {
    some.count = 3 * batch;
    memcpy(some.chunks, own.chunks, 3 * batch * sizeof *some.chunks);
    runThread(giveWhatItGets, &some);
    take(&own, 3 * batch);
    assert_int_equal(common(&own, &some), 3 * batch);
  }
  assert_true(mema_resetPool(&pool));
  end();
}

static Held theirs;

static void *giveAndTake(void *held) {
  giveAll(held);
  take(&theirs, 1000);
  giveAll(&theirs);
  return NULL;
}

/* A few slots wait for their thread. The freeing thread has spans of its own. */
static void theFreeingThreadLeavesFewSlotsAlone(void **state) {
  (void)state;
  static Held own;
  begin(16 * MIB);
  take(&own, 3 * batch);
  runThread(giveAndTake, &own);
  assert_int_equal(common(&own, &theirs), 0);
  end();
}

/* Otherwise the slots of a thread that only allocates, and of another that only frees, would lie idle. */
static void theFreeingThreadUsesSlotsThatNoThreadFetches(void **state) {
  (void)state;
  static Held own;
  begin(16 * MIB);
  take(&own, 2000);
  runThread(giveAndTake, &own);
  assert_true(common(&own, &theirs) > 300);
  end();
}

static void *giveSomeAndAll(void *chunks) {
  void **some = chunks;
  for (unsigned i = 0; i < few; i++)
    if (!pfree(&pool, some[i])) return hidePointer("not freed");
  for (unsigned i = few; i < few + 10 * batch; i++)
    if (!pfree(&pool, some[i])) return hidePointer("not freed either");
  for (unsigned i = few; i-- > 0;)
    if (palloc(&pool, 2 * size) != some[i]) return hidePointer("another slot");
  return NULL;
}

/* A thread frees a few slots of one size, then many of another. It gets the few back. */
static void manyFreesOfOneSizeFlushNoOtherSize(void **state) {
  (void)state;
  static void *chunks[few + 10 * batch];
  begin(16 * MIB);
  for (unsigned i = 0; i < few + 10 * batch; i++) assert_non_null(chunks[i] = palloc(&pool, i < few ? 2 * size : size));
  runThread(giveSomeAndAll, chunks);
  assert_true(mema_resetPool(&pool));
  end();
}

static void *giveAndTakeTwo(void *chunks) {
  void **given = chunks, *taken[2];
  for (unsigned i = 0; i < 3; i++)
    if (!pfree(&pool, given[i])) return hidePointer("not freed");
  for (unsigned i = 0; i < 2; i++) {
    taken[i] = palloc(&pool, large);
    if (taken[i] != given[0] && taken[i] != given[1] && taken[i] != given[2]) return hidePointer("another slot");
  }
  for (unsigned i = 0; i < 2; i++)
    if (!pfree(&pool, taken[i])) return hidePointer("not freed again");
  return NULL;
}

/* If the reservation, of at least 64 MiB, has no other slots, slots that were to go back are used before memory outside it. */
static void waitingSlotsServeWhereThereAreNoOthers(void **state) {
  (void)state;
  enum { filling = 2048 };
  static void *chunks[filling];
  beginIn(64 * MIB, 128 * MIB);
  for (unsigned i = 0; i < filling; i++) assert_non_null(chunks[i] = palloc(&pool, large));
  runThread(giveAndTakeTwo, chunks);
  for (unsigned i = 3; i < filling; i++) assert_true(pfree(&pool, chunks[i]));
  end();
}

/* ---- whose spans -------------------------------------------------------------------------------------------------------- */

enum { many = 20000, atATime = 2000, turns = 20, unitShift = 16, unitCount = 4096 };

/* The chunks of one of two threads. It works on them while the other waits. */
typedef struct {
  void *chunks[many];
  sem_t turn;
  uint64_t random;
} Lane;

static Lane lanes[2];

/* Of four classes, so that now one has more slots free and now another. */
static void *takeOfAnySize(Lane *lane) {
  return palloc(&pool, 225 + nextRandom(&lane->random) % 64);
}

static void replaceSome(Lane *lane) {
  static void **places[atATime];
  for (unsigned i = 0; i < atATime; i++) {
    places[i] = &lane->chunks[nextRandom(&lane->random) % many];
    pfree(&pool, *places[i]); /* NULL where it was drawn before */
    *places[i] = NULL;
  }
  for (unsigned i = 0; i < atATime; i++)
    if (*places[i] == NULL) *places[i] = takeOfAnySize(lane);
}

static void workInTurn(Lane *mine, Lane *other) {
  for (unsigned i = 0; i <= turns; i++) {
    sem_wait(&mine->turn);
    for (unsigned k = 0; i == 0 && k < many; k++) mine->chunks[k] = takeOfAnySize(mine);
    replaceSome(mine);
    sem_post(&other->turn);
  }
  sem_wait(&mine->turn);
}

static void *giveAllAtLast(void *unused) {
  (void)unused;
  workInTurn(&lanes[1], &lanes[0]);
  for (unsigned k = 0; k < many; k++) pfree(&pool, lanes[1].chunks[k]);
  sem_post(&lanes[0].turn);
  sem_wait(&lanes[1].turn);
  return NULL;
}

static size_t unitOf(const void *chunk, const void *first) {
  return ((uintptr_t)chunk >> unitShift) - ((uintptr_t)first >> unitShift) + unitCount / 2;
}

/* Notes the units of the pool's memory in which a thread has chunks. */
static void noteUnits(bool *units, void *const *chunks) {
  for (unsigned k = 0; k < many; k++) {
    size_t unit = unitOf(chunks[k], lanes[0].chunks[0]);
    assert_true(unit < unitCount);
    units[unit] = true;
  }
}

/* Threads do not fill up each other's spans while little is free there, but do where it is much. */
static void threadsKeepToTheirSpans(void **state) {
  static bool first[unitCount], second[unitCount];
  static void *more[many];
  (void)state;
  begin(64 * MIB);
  for (unsigned i = 0; i < 2; i++) {
    sem_init(&lanes[i].turn, 0, i == 0);
    lanes[i].random = i + 1;
  }
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, giveAllAtLast, NULL), 0);
  workInTurn(&lanes[0], &lanes[1]);
  noteUnits(first, lanes[0].chunks);
  noteUnits(second, lanes[1].chunks);
  for (unsigned unit = 0; unit < unitCount; unit++) assert_false(first[unit] && second[unit]);
  sem_post(&lanes[1].turn);
  sem_wait(&lanes[0].turn);
  unsigned others = 0;
  for (unsigned k = 0; k < many; k++) {
    more[k] = takeOfAnySize(&lanes[0]);
    others += second[unitOf(more[k], lanes[0].chunks[0])];
  }
  assert_true(others > many / 2);
  for (unsigned k = 0; k < many; k++) assert_true(pfree(&pool, more[k]) && pfree(&pool, lanes[0].chunks[k]));
  sem_post(&lanes[1].turn);
  pthread_join(thread, NULL);
  end();
}

/* ---- what a request is refused for ----------------------------------------------------------------------------------------- */

static void *takeAllThereIs(void *taken) {
  Held *all = taken;
  while (all->count < most && (all->chunks[all->count] = palloc(&pool, large)) != NULL) all->count++;
  return mema_lastError()->reason == MEMA_NO_MEMORY ? NULL : hidePointer("refused for something else");
}

static sem_t given, looked;

static void *giveFew(void *taken) {
  Held *all = taken;
  for (unsigned i = 0; i < 3; i++)
    if (!pfree(&pool, all->chunks[i])) return hidePointer("not freed");
  sem_post(&given);
  sem_wait(&looked);
  return NULL;
}

static void *takeAllAndGiveFew(void *taken) {
  void *wrong = takeAllThereIs(taken);
  return wrong != NULL ? wrong : giveFew(taken);
}

/* Without other memory a request gets unused slots of threads that have ended, and of threads that go on. */
static void slotsOfOtherThreadsServeBeforeARefusal(void **state) {
  static Held all;
  bool ends = *(const bool *)*state;
  mema_Options options = {
      .poolSize = 128 * MIB, .reservation = 2 * MIB, .untracked = true, .shared = true, .memory = &hookedKept};
  assert_true(mema_initPoolWith(&pool, &options));
  hooksOf(&hookedKept)->room = hooksOf(&hookedKept)->reserved;
  void *own = palloc(&pool, size);
  assert_non_null(own); /* so this thread takes over no shard */
  all.count = 0;
  pthread_t thread;
  sem_init(&given, 0, 0);
  sem_init(&looked, 0, ends ? 1 : 0);
  assert_int_equal(pthread_create(&thread, NULL, takeAllAndGiveFew, &all), 0);
  if (ends) pthread_join(thread, NULL);
  sem_wait(&given);
  for (unsigned i = 0; i < 3; i++) assert_non_null(all.chunks[i] = palloc(&pool, large));
  assert_null(palloc(&pool, large));
  assert_int_equal(mema_lastError()->reason, MEMA_NO_MEMORY);
  if (!ends) {
    sem_post(&looked);
    pthread_join(thread, NULL);
  }
  for (unsigned i = 0; i < all.count; i++) assert_true(pfree(&pool, all.chunks[i]));
  assert_true(pfree(&pool, own));
  hooksOf(&hookedKept)->room = 0;
  end();
}

/* ---- what others have free ------------------------------------------------------------------------------------------------- */

enum { poorSpans = 90, allSpans = 200, oneIn = 32 };

static void *spread[allSpans * span];
static unsigned spreadFreed;

/* Frees one slot in each of the first spans, and nearly all in the others. */
static void freeUnevenly(void) {
  for (unsigned i = 0; i < allSpans * span; i++) assert_non_null(spread[i] = palloc(&pool, size));
  for (unsigned i = 0; i < allSpans * span; i++) {
    if (i == poorSpans * span) mema_trimPool(&pool); /* no slot is spare: those spans are known */
    if (i / span < poorSpans ? i % span != 0 : i % oneIn == 0) continue;
    assert_true(pfree(&pool, spread[i]));
    spread[i] = NULL;
    spreadFreed++;
  }
}

static void *fillUp(void *unused) {
  for (unsigned i = 0; i < allSpans * span && spreadFreed > 0; i++) {
    if (spread[i] != NULL) continue;
    spread[i] = palloc(&pool, size);
    spreadFreed--;
  }
  return unused;
}

/* Many spans have next to nothing free, and do not hide the others. */
static void freeSlotsOfOtherThreadsAreFound(void **state) {
  (void)state;
  mema_Stats before, after;
  begin(64 * MIB);
  freeUnevenly();
  assert_true(mema_poolStats(&pool, &before));
  runThread(fillUp, NULL);
  assert_true(mema_poolStats(&pool, &after));
  assert_int_equal(after.liveBytes, sizeof spread / sizeof *spread * size);
  assert_true(after.footprint < before.footprint + MIB);
  for (unsigned i = 0; i < allSpans * span; i++) assert_true(pfree(&pool, spread[i]));
  end();
}

/* ---- near the limit --------------------------------------------------------------------------------------------------------- */

/* Near the limit all budget belongs to the pool at once, and threads hold no quota. This stays so for a while after: to go to and fro costs too much.
 * Else threads hold quota. */
static void noQuotaIsLentWhereLittleIsLeft(void **state) {
  (void)state;
  begin(MIB);
  void *much = palloc(&pool, MIB - 8 * KIB), *one, *two;
  for (unsigned round = 0; round < 3; round++) {
    assert_non_null(much);
    size_t before = pool.freeSize;
    assert_non_null(one = palloc(&pool, size));
    assert_int_equal(pool.freeSize, before - size);
    assert_true(pfree(&pool, one));
    assert_int_equal(pool.freeSize, before);
    assert_true(pfree(&pool, much));
    for (unsigned turn = 0; turn < 200; turn += 2) {
      before = pool.freeSize;
      assert_non_null(one = palloc(&pool, size));
      assert_int_equal(pool.freeSize, before - size);
      assert_true(pfree(&pool, one));
    }
    for (unsigned turn = 200; turn < 300; turn += 4) {
      one = palloc(&pool, size);
      two = palloc(&pool, size);
      assert_true(pfree(&pool, one) && pfree(&pool, two));
    }
    assert_non_null(one = palloc(&pool, size));
    before = pool.freeSize;
    assert_non_null(two = palloc(&pool, size));
    assert_int_equal(pool.freeSize, before);
    assert_true(pfree(&pool, two));
    assert_true(pfree(&pool, one));
    assert_int_equal(pool.freeSize, before);
    much = palloc(&pool, MIB - 8 * KIB);
  }
  assert_true(pfree(&pool, much));
  end();
}

int main(void) {
  static bool ended = true, going = false;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(slotsGoBackToTheirThread),
      cmocka_unit_test(slotsGoBackAsLongAsTheirThreadComesForMore),
      cmocka_unit_test(theFreeingThreadLeavesFewSlotsAlone),
      cmocka_unit_test(theFreeingThreadUsesSlotsThatNoThreadFetches),
      cmocka_unit_test(manyFreesOfOneSizeFlushNoOtherSize),
      cmocka_unit_test(waitingSlotsServeWhereThereAreNoOthers),
      cmocka_unit_test(threadsKeepToTheirSpans),
      cmocka_unit_test(freeSlotsOfOtherThreadsAreFound),
      cmocka_unit_test(noQuotaIsLentWhereLittleIsLeft),
      cmocka_unit_test_prestate(slotsOfOtherThreadsServeBeforeARefusal, &ended),
      cmocka_unit_test_prestate(slotsOfOtherThreadsServeBeforeARefusal, &going),
  };
  return runTests(tests);
}
