/*
 * A fork by a signal handler that interrupted its thread inside, while the holder of the lock waits for that thread to be out.
 *
 * The holder calls the two others, waits until they are out, and then changes the pool. One of them works without the lock. The other is interrupted
 * while it is busy, by a handler that forks: where it can have the lock it forks with all others out, else it keeps the holder where that waits.
 * The proof: the fork comes, and from its beginning to its end nothing is half done by others, nor begun.
 *
 * check:
 * check: TURNS=3
 * mutant: HOLDER_IS_NOT_KEPT deadlock
 * mutant: ONLY_LOOKS assertion
 * mutant: OTHERS_INSIDE assertion
 * mutant: HALF_DONE_WHERE_IT_WAITS assertion
 * mutant: NOT_LET_GO deadlock
 */
#ifndef TURNS
#define TURNS 2
#endif
#define FORKER 0
#define OTHER 1

mtype = { atWork, waits, kept };

bool lock;
bool busy[2], called[2];
mtype pause = atWork;

/* Seen by the proof alone. */
bool half;    /* the holder, or the other, is in the middle of a change */
bool forking; /* the process is being copied */

inline change() {
  assert(!forking);
  half = true;
  assert(!forking);
  half = false
}

/* The `busy` that it sees may be over when it goes on; unless it is kept. */
inline waitUntilOut(who) {
  pause = waits;
  do
  :: true ->
    !busy[who];
#ifdef MUTANT_ONLY_LOOKS
    pause = atWork;
    break
#else
    atomic {
      if
      :: pause == waits -> pause = atWork; break
      :: else
      fi
    };
    pause != kept
#endif
  od
}

proctype Holder() {
  byte turn;
  do
  :: turn < TURNS ->
    turn++;
    atomic { !lock; lock = true };
    atomic { called[FORKER] = true; called[OTHER] = true };
#ifdef MUTANT_HALF_DONE_WHERE_IT_WAITS
    half = true;
#endif
    if
    :: waitUntilOut(OTHER); waitUntilOut(FORKER)
    :: waitUntilOut(FORKER); waitUntilOut(OTHER)
    fi;
    change();
    atomic { called[FORKER] = false; called[OTHER] = false };
    lock = false
  :: turn == TURNS -> break
  od
}

proctype Other() {
  byte turn;
  do
  :: turn < TURNS ->
    turn++;
    busy[OTHER] = true;
    if
    :: called[OTHER]
    :: else -> change()
    fi;
    busy[OTHER] = false
  :: turn == TURNS -> break
  od
}

/* With all others out, or not at all. */
inline forkNow() {
  forking = true;
  assert(!half);
  forking = false
}

inline handle() {
  do
  :: atomic { !lock -> lock = true };
    called[OTHER] = true;
    if
    :: !busy[OTHER] -> forkNow(); forked = true
    :: busy[OTHER]
    fi;
    called[OTHER] = false;
    lock = false;
    if
    :: forked -> break
    :: else
    fi
#ifndef MUTANT_HOLDER_IS_NOT_KEPT
  :: atomic {
      pause == waits ->
#ifndef MUTANT_ONLY_LOOKS
      pause = kept
#endif
    };
    if
#ifdef MUTANT_OTHERS_INSIDE
    :: true -> forkNow(); forked = true
#else
    :: !busy[OTHER] -> forkNow(); forked = true
    :: busy[OTHER]
#endif
    fi;
#if !defined(MUTANT_NOT_LET_GO) && !defined(MUTANT_ONLY_LOOKS)
    pause = waits;
#endif
    if
    :: forked -> break
    :: else
    fi
#endif
  od;
  forked = false
}

/* The handler comes when it has said that it is inside, be it called by then or not. */
proctype Forker() {
  byte turn;
  bool forked;
  do
  :: turn < TURNS ->
    turn++;
    busy[FORKER] = true;
    if
    :: handle()
    :: true
    fi;
    if
    :: called[FORKER]
    :: else -> handle()
    fi;
    busy[FORKER] = false
  :: turn == TURNS -> break
  od
}

init {
  atomic {
    run Holder();
    run Other();
    run Forker()
  }
}
