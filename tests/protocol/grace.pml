/*
 * When a row of states may pass from one span to another: no look-up of the former span may still be under way.
 *
 * Two readers look the row up by the map and then act on it, without the lock; or they take the lock, and note the period: they are in no look-up
 * then. A holder of the lock ends the span, and later gives the row to another span. It begins a period where all readers noted the present one, and
 * waits two periods. What is proved: nothing that was looked up in the former span acts on the row when it is another's.
 *
 * check:
 * mutant: ONE_PERIOD assertion
 * mutant: NOTED_INSIDE assertion
 * mutant: ONE_READER_IS_ENOUGH assertion
 * mutant: REUSED_AT_ONCE assertion
 */
#define READERS 2
#ifndef TURNS
#define TURNS 3 /* of each reader */
#endif
#ifndef STEPS
#define STEPS 5 /* of the holder */
#endif

bool lock;
byte period = 1, ended;    /* the period in which the span ended */
byte wasOut[READERS];
bool mapped = true;        /* the map leads to the row */

/* Seen by the proof alone. */
bool others;               /* the row is another span's */

inline takeLock() {
  atomic { !lock; lock = true }
}

inline releaseLock() {
  lock = false
}

inline lookUp() {
  found = mapped;
#ifdef MUTANT_NOTED_INSIDE
  wasOut[me] = period;
#endif
  if
  :: found -> assert(!others)
  :: else
  fi;
  found = false
}

proctype Reader(byte me) {
  byte turns;
  bool found;
  do
  :: turns < TURNS -> turns++; lookUp()
  :: turns < TURNS -> turns++; takeLock(); wasOut[me] = period; releaseLock()
  :: turns == TURNS -> break
  od
}

#ifdef MUTANT_ONE_READER_IS_ENOUGH
#define allWereOut (wasOut[0] == period || wasOut[1] == period)
#else
#define allWereOut (wasOut[0] == period && wasOut[1] == period)
#endif

#ifdef MUTANT_REUSED_AT_ONCE
#define isOld true
#else
#ifdef MUTANT_ONE_PERIOD
#define isOld (period - ended >= 1)
#else
#define isOld (period - ended >= 2)
#endif
#endif

proctype Holder() {
  byte steps;
  do
  :: steps < STEPS ->
    steps++;
    takeLock();
    if
    :: mapped -> mapped = false; ended = period
    :: !mapped && isOld -> others = true
    :: allWereOut -> period++
    :: else
    fi;
    releaseLock()
  :: steps == STEPS -> break
  od
}

init {
  atomic {
    run Reader(0);
    run Reader(1);
    run Holder()
  }
}
