/*
 * The lock that sleeps: each release wakes a sleeper, if there is any.
 *
 * A thread that was woken may run a signal handler first, for as long as that likes. So it is not enough that one wakes the next: the lock may be
 * taken and released meanwhile, and whoever does so must know that others sleep. The word is the holder's number, or 0 while the lock is free; its
 * lowest bit, the mark, says that threads may sleep. What is proved: one thread has the lock at a time; no release leaves all those asleep that
 * slept when it began, unless an earlier one is about to wake them; and all threads come to their end.
 *
 * check:
 * check: THREADS=4 TURNS=1
 * mutant: MARK_GOES_WITH_RELEASE assertion
 * mutant: TAKEN_WITHOUT_MARK assertion
 * mutant: THREADS=4 TURNS=2 NO_SECOND_LOOK assertion
 * mutant: SLEEPS_UNSEEN assertion
 */
#ifndef THREADS
#define THREADS 3
#endif
#ifndef TURNS
#define TURNS 2
#endif
#define MARK 1
#define mine (2 * (me + 1))
#define isFree ((word & 254) == 0)

byte word;
byte asleep; /* a bit for each thread */

/* Seen by the proof alone. */
byte inside, ended, waking;
byte owed[THREADS]; /* the threads that sleep since before its release began */
#define bit (1 << me)

/* The futex compares and puts to sleep in one step. */
inline sleepWhile(value) {
  atomic {
    if
    :: word == value -> asleep = asleep | bit
    :: else
    fi
  }
  (asleep & bit) == 0
}

inline rouse(which) {
  asleep = asleep & ~(which);
  for (t : 0 .. THREADS - 1) {
    owed[t] = owed[t] & ~(which)
  }
  t = 0;
  woke = true;
  any = true
}

/* Any thread that sleeps is woken. */
inline wake() {
  atomic {
    woke = false;
    if
    :: (asleep & 1) != 0 -> rouse(1)
    :: (asleep & 2) != 0 -> rouse(2)
    :: (asleep & 4) != 0 -> rouse(4)
#if THREADS > 3
    :: (asleep & 8) != 0 -> rouse(8)
#endif
    :: asleep == 0
    fi
  }
}

#ifdef MUTANT_TAKEN_WITHOUT_MARK
#define kept slept
#else
#define kept (word | slept)
#endif

inline takeLock() {
  do
  :: atomic { isFree -> word = mine | kept; seen = 0; slept = 0; break }
  :: atomic { !isFree -> seen = word }
    if
#ifndef MUTANT_SLEEPS_UNSEEN
    :: (seen & MARK) == 0 ->
      atomic {
        if
        :: word == seen -> word = seen | MARK
        :: else
        fi
      }
#endif
    :: else
    fi;
#ifdef MUTANT_SLEEPS_UNSEEN
    sleepWhile(seen);
#else
    sleepWhile((seen | MARK));
#endif
    slept = MARK
  od
}

inline wakeOne() {
  do
  :: true ->
#ifndef MUTANT_MARK_GOES_WITH_RELEASE
    word = word | MARK;
#endif
    wake();
    if
    :: woke -> break
    :: else
    fi;
    atomic {
      if
      :: word == MARK -> word = 0
      :: else -> break
      fi
    }
#ifdef MUTANT_NO_SECOND_LOOK
    break
#else
    wake();
    if
    :: woke
    :: else -> break
    fi
#endif
  od;
  woke = false
}

inline releaseLock() {
  atomic {
    seen = word;
    word = 0;
    if
    :: waking == 0 -> owed[me] = asleep
    :: else
    fi;
    waking = waking + (seen & MARK)
  }
  if
  :: (seen & MARK) != 0 -> wakeOne()
  :: else
  fi;
  atomic {
    waking = waking - (seen & MARK);
    assert(any || owed[me] == 0);
    owed[me] = 0;
    any = false;
    seen = 0
  }
}

proctype Thread(byte me) {
  byte turn, seen, slept, t;
  bool woke, any;
  do
  :: turn < TURNS ->
    turn++;
    takeLock();
    inside++;
    assert(inside == 1);
    inside--;
    releaseLock()
  :: turn == TURNS -> break
  od;
  ended++
}

init {
  byte t;
  atomic {
    for (t : 0 .. THREADS - 1) {
      run Thread(t)
    }
  }
  ended == THREADS;
  assert(isFree)
}
