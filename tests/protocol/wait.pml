/*
 * pallocWait: who sleeps until there is budget is woken.
 *
 * At first everything is live, in chunks of one unit, one with each user. Users free and allocate and free again, or stop doing so at any moment.
 * Waiters want one or two units, sleep while they cannot have them, and free what they got or keep it. A user may have no cache before its
 * first call. When nothing moves any more, a waiter may be asleep only if what it wants is not free.
 *
 * As long as somebody waits the pool is tight: all stay called, so that each free comes by the lock. Else what is freed stays with who freed it.
 *
 * With FREE_POOL the pool is freed at some moment: then every waiter comes back refused.
 *
 * check:
 * check: FIRST=1
 * check: partly FREE_POOL ROUNDS=1
 * mutant: SEQUENCE_LATE assertion
 * mutant: NEVER_TIGHT assertion
 * mutant: TIGHT_WITHOUT_STOP assertion
 * mutant: LOOSENED_EARLY assertion
 * mutant: ROUNDS=3 NEW_CACHE_NOT_CALLED assertion
 * mutant: WAKE_ONE assertion
 * mutant: WAKE_WITHOUT_SEQUENCE assertion
 * mutant: WAIT_WITHOUT_CALL_IN assertion
 * mutant: FREE_POOL FREE_WITHOUT_WAKE assertion
 */
#ifndef FIRST
#define FIRST 2 /* units that the first waiter wants */
#endif
#ifndef SECOND
#define SECOND 1
#endif
#ifndef ROUNDS
#define ROUNDS 2 /* calls by each user */
#endif
#define SIZE 2
#define WAITERS 2
#define USERS 2
#define THREADS 4 /* the waiters first; each has a cache of its own number */

bool lock;
bool tight;
bool dead;
bool busy[THREADS], called[THREADS], attached[THREADS];
byte quota[THREADS];
byte poolFree;
byte waiters;
byte sequence;
bool asleep[WAITERS];

/* Seen by the proof alone. */
byte live = SIZE;
byte ended;

inline takeLock() {
  atomic { !lock; lock = true }
}

inline releaseLock() {
  lock = false
}

/* budget.pml shows that nobody is inside while it is tight. */
inline stopAll() {
  if
  :: tight
  :: else ->
    d_step {
      for (s : 0 .. THREADS - 1) {
        called[s] = (s != me)
      }
      s = 0
    }
    do
    :: s < THREADS -> s == me || !busy[s]; s++
    :: s == THREADS -> break
    od;
    s = 0
  fi
}

inline resumeAll() {
  d_step {
    for (s : 0 .. THREADS - 1) {
      called[s] = tight
    }
    s = 0
  }
}

/* When the lock is released. */
inline loosen() {
  if
#ifdef MUTANT_LOOSENED_EARLY
  :: tight -> tight = false; resumeAll()
#else
  :: tight && waiters == 0 -> tight = false; resumeAll()
#endif
  :: else
  fi
}

/* By whoever has stopped all. */
inline callIn() {
  d_step {
    for (s : 0 .. THREADS - 1) {
      poolFree = poolFree + quota[s];
      quota[s] = 0
    }
    s = 0
  }
}

/* The first call of a thread makes its cache, under the lock. */
inline attach() {
  if
  :: !attached[me] ->
    attached[me] = true;
#ifdef MUTANT_NEW_CACHE_NOT_CALLED
    called[me] = false
#else
    called[me] = tight
#endif
  :: else
  fi
}

inline wakeAll() {
  d_step {
#ifdef MUTANT_WAKE_ONE
    if
    :: asleep[0] -> asleep[0] = false
    :: else -> asleep[1] = false
    fi
#else
    asleep[0] = false;
    asleep[1] = false
#endif
  }
}

/* Under the lock; the wake itself comes after it. */
inline giveBack() {
  poolFree = poolFree + quota[me];
  quota[me] = 0;
#ifndef MUTANT_WAKE_WITHOUT_SEQUENCE
  sequence++
#endif
}

inline credited() {
  live--;
  assert(live < SIZE);
  quota[me] = quota[me] + 1
}

/* No thread sees the lock's holder change its own cache, so the change is one step. */
inline freeSlowly() {
  takeLock();
  if
  :: !dead ->
    busy[me] = true;
    d_step {
      attach();
      credited();
      over = waiters > 0;
      if
      :: over -> giveBack()
      :: else
      fi
    }
    loosen();
    busy[me] = false
#ifdef FREE_POOL
  :: dead -> over = false
#endif
  fi;
  releaseLock();
  if
  :: over -> wakeAll()
  :: else
  fi
}

/* One unit. */
inline free() {
  busy[me] = true;
  if
  :: called[me] || !attached[me] || dead -> busy[me] = false; freeSlowly()
  :: else ->
    d_step { credited() }
    busy[me] = false
  fi;
  over = false
}

inline born() {
  live = live + charge;
  assert(live <= SIZE);
  got = true
}

/* One unit from own quota, or from the centre (of batches, see budget.pml); it does not wait. */
inline allocate() {
  charge = 1;
  busy[me] = true;
  if
  :: !called[me] && !dead && quota[me] > 0 ->
    d_step { quota[me] = quota[me] - 1; born() }
    busy[me] = false
  :: else ->
    busy[me] = false;
    takeLock();
    if
    :: !dead && quota[me] + poolFree > 0 ->
      busy[me] = true;
      atomic {
        poolFree = poolFree + quota[me] - 1;
        quota[me] = 0;
        born()
      }
      loosen();
      busy[me] = false
    :: else
    fi;
    releaseLock()
  fi;
  charge = 0
}

proctype User(byte me) {
  byte s, charge, round;
  bool over, got;
  got = true;
  do
  :: round < ROUNDS && got -> got = false; free(); round++
  :: round < ROUNDS && !got -> allocate(); round++
  :: break
  od;
  ended++
}

/* Sleeps unless the sequence has moved on: the check and the falling asleep are one, which the futex sees to. */
inline sleep() {
  atomic {
    if
    :: sequence == seen -> asleep[me] = true
    :: else
    fi
  }
end:
  !asleep[me];
  seen = 0
}

/* With all stopped and all credits in poolFree it is still too little. */
inline beginToWait() {
#ifdef MUTANT_TIGHT_WITHOUT_STOP
  resumeAll();
#endif
  d_step {
    waiters++;
#ifndef MUTANT_NEVER_TIGHT
    tight = true;
#endif
#ifndef MUTANT_SEQUENCE_LATE
    seen = sequence
#endif
  }
}

/* The lock's next holder sees whether anybody waits still. */
inline endToWait() {
  takeLock();
  waiters--;
  releaseLock()
}

inline take() {
  d_step {
    poolFree = poolFree + quota[me] - charge;
    quota[me] = 0;
    born()
  }
}

#ifdef MUTANT_WAIT_WITHOUT_CALL_IN
#define stopIfShort() skip
#else
#define stopIfShort() if :: poolFree + quota[me] < charge -> stopAll(); callIn() :: else fi
#endif

inline pallocWait() {
  do
  :: true ->
    takeLock();
    busy[me] = true;
    d_step { attach() }
    if
#ifdef FREE_POOL
    :: dead -> busy[me] = false; releaseLock(); break
#endif
    :: !dead -> stopIfShort()
    fi;
    if
    :: poolFree + quota[me] >= charge -> take()
    :: else -> beginToWait()
    fi;
    resumeAll();
    loosen();
    busy[me] = false;
    releaseLock();
    if
    :: got -> break
    :: else
    fi;
#ifdef MUTANT_SEQUENCE_LATE
    seen = sequence;
#endif
    sleep();
    endToWait()
  od
}

proctype Waiter(byte me; byte charge) {
  byte s, seen;
  bool over, got;
  pallocWait();
  do
  :: got && charge > 0 -> free(); charge--
  :: break
  od;
  ended++
}

#ifdef FREE_POOL
proctype Freer(byte me) { /* has no cache */
  byte s;
  takeLock();
  stopAll();
  dead = true;
  resumeAll();
#ifndef MUTANT_FREE_WITHOUT_WAKE
  sequence++;
#endif
  releaseLock();
#ifndef MUTANT_FREE_WITHOUT_WAKE
  wakeAll();
#endif
}
#endif

#define wanted(w) ((w) == 0 -> FIRST : SECOND)

init {
  byte s, sum;
  atomic {
    if
    :: attached[2] = true
    :: skip
    fi;
    run Waiter(0, FIRST);
    run Waiter(1, SECOND);
    run User(2);
    run User(3);
#ifdef FREE_POOL
    run Freer(THREADS)
#endif
  }
  timeout; /* nothing moves any more */
  for (s : 0 .. WAITERS - 1) {
    assert(!asleep[s] || (!dead && SIZE - live < wanted(s)));
    sum = sum + asleep[s]
  }
  assert(ended + sum == THREADS && (dead || waiters == sum));
  sum = 0;
  for (s : 0 .. THREADS - 1) {
    sum = sum + quota[s]
  }
  assert(dead || poolFree + sum + live == SIZE)
}
