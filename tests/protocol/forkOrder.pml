/*
 * The order of locks at a fork: the C library's fork takes the lock of the list of all streams, after the fork handlers took those of the pools.
 *
 * One thread allocates while it has a stream. Another flushes all streams: it has the list, and waits for the stream. A third one forks. With HANDLER
 * a fourth one is interrupted while it has the pool's lock, by a signal handler that forks too; then nobody allocates with a stream, since that
 * one would wait for the interrupted thread, which any allocator lets happen. What is proved: nobody waits for ever, and a fork finds the pool at
 * rest, unless its own thread is in the middle of a change.
 *
 * check: TURNS=3
 * check: partly HANDLER
 * mutant: POOL_FIRST deadlock
 * mutant: HANDLER WAITS_WITH_LIST deadlock
 * mutant: FORKS_WITHOUT_POOL assertion
 */
#ifndef TURNS
#define TURNS 2
#endif
#define NOBODY 255

byte list = NOBODY, stream = NOBODY, pool = NOBODY; /* who has the lock */

/* Seen by the proof alone. */
byte changes = NOBODY; /* who changes the pool */

inline take(lock) {
  atomic { lock == NOBODY; lock = me }
}

/* The list's lock may be taken again by the thread that has it. */
inline takeList() {
  atomic {
    if
    :: list == me
    :: list == NOBODY -> list = me
    fi;
    depth++
  }
}

inline leaveList() {
  atomic {
    depth--;
    if
    :: depth == 0 -> list = NOBODY
    :: else
    fi
  }
}

inline allocate() {
  take(pool);
  changes = me;
  changes = NOBODY;
  pool = NOBODY
}

/* Takes the locks that a fork needs, one try after the other. */
inline beforeFork() {
#ifdef MUTANT_POOL_FIRST
  take(pool);
  takeList()
#elif defined(MUTANT_WAITS_WITH_LIST)
  takeList();
  take(pool)
#elif defined(MUTANT_FORKS_WITHOUT_POOL)
  takeList()
#else
  do
  :: true ->
    takeList();
    if
    :: atomic { pool == NOBODY -> pool = me } break
    :: pool != NOBODY -> leaveList(); pool == NOBODY
    fi
  od
#endif
}

inline libraryForks() {
  takeList();
  assert(changes == NOBODY || changes == me);
  leaveList()
}

proctype HasStream(byte me) {
  byte turn;
  for (turn : 1 .. TURNS) {
    take(stream);
#ifndef HANDLER
    allocate();
#endif
    stream = NOBODY
  }
}

proctype Flushes(byte me) {
  byte turn, depth;
  for (turn : 1 .. TURNS) {
    takeList();
    take(stream);
    stream = NOBODY;
    leaveList()
  }
}

proctype Forks(byte me) {
  byte turn, depth;
  for (turn : 1 .. TURNS) {
    beforeFork();
    libraryForks();
#ifndef MUTANT_FORKS_WITHOUT_POOL
    pool = NOBODY;
#endif
    leaveList()
  }
}

#ifdef HANDLER
/* The handler does not wait for the pool, which its thread has. */
proctype IsInterrupted(byte me) {
  byte turn, depth;
  for (turn : 1 .. TURNS) {
    take(pool);
    changes = me;
    if
    :: true -> takeList(); libraryForks(); leaveList()
    :: true
    fi;
    changes = NOBODY;
    pool = NOBODY
  }
}
#endif

init {
  atomic {
    run HasStream(0);
    run Flushes(1);
    run Forks(2);
#ifdef HANDLER
    run IsInterrupted(3)
#endif
  }
}
