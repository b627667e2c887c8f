/*
 * Threads come and go, and so do pools: exits, adoption, freePool while others are inside, and another pool in the same header.
 *
 * Users call with a handle of the first or of the second life of the pool; they exit, and may call again after it. Two threads free the first
 * life, both at once; whichever succeeds makes the second one in the same header, which one more call may free. A cache belongs to one thread
 * until that exits, also when the pool dies: then it serves the same thread in the next pool. When the thread exits before the pool dies, the cache
 * stays the pool's, with what it has, as an orphan that another thread adopts, or is dissolved; at once, or later, by whoever comes for all that
 * there is. An orphan ends with its pool. What is proved: no call works on a pool that its handle does not mean; of several freePool one
 * says true; nobody but its owner writes a cache's busy; and what an exiting thread held is not lost, nor found in another pool.
 *
 * check:
 * mutant: NO_RECHECK assertion
 * mutant: FREE_NO_RECHECK assertion
 * mutant: COMPARE_EARLY assertion
 * mutant: FREE_WITHOUT_STOP assertion
 * mutant: CACHES_KEEP_GENERATION assertion
 * mutant: FREE_IDLES_CACHES assertion
 * mutant: EXIT_WITHOUT_LOCK assertion
 * mutant: EXIT_KEEPS_CONTENT assertion
 * mutant: EXIT_INTO_DEAD assertion
 * mutant: ADOPT_EMPTIES assertion
 * mutant: FREE_KEEPS_ORPHANS assertion
 * mutant: HANDLER_SWEEPS assertion
 */
#ifndef STEPS
#define STEPS 2 /* calls and exits of each user */
#endif
#define USERS 2
#define CACHES 2
#define NONE CACHES
#define DEAD 0

/* The header, which outlives its pools. */
bool lock;
byte generation = 1;
byte centre; /* what was given back; stands for poolFree and the bitmaps */

typedef Cache {
  bool idle;   /* nobody's, and no pool's */
  bool orphan; /* its thread has exited, its pool lives */
  bool busy;
  bool called;
  byte generation;
  byte content /* one for each call that worked: stands for quota and magazines */
};
Cache cache[CACHES];
byte mine[USERS]; /* thread-local: nobody else reads or writes it */

/* Seen by the proof alone. */
byte worked;      /* calls that worked in this life */
byte freed[3];    /* true answers of freePool, by life */
byte ended;

inline takeLock() {
  atomic { !lock; lock = true }
}

inline releaseLock() {
  lock = false
}

/* Every store to busy is one of the owner. */
inline setBusy(value) {
  atomic {
    assert(!cache[s].idle && !cache[s].orphan && mine[1 - me] != s);
    cache[s].busy = value
  }
}

inline work() {
  content = cache[s].content;
  assert(generation == handle); /* or it works in memory that is no longer its own */
  atomic {
    cache[s].content = content + 1;
    worked++;
    content = 0
  }
}

/* A cache whose pool has died starts empty in the next. */
inline attach() {
  atomic {
    if
    :: cache[s].generation != generation -> cache[s].content = 0; cache[s].generation = generation
    :: else
    fi
  }
}

/* Its slots and quota go back to the pool. The lock is held. */
inline dissolve(which) {
#ifndef MUTANT_EXIT_KEEPS_CONTENT
  content = centre;
  centre = content + cache[which].content;
  content = 0;
#endif
  atomic {
    cache[which].content = 0;
    cache[which].orphan = false;
    cache[which].idle = true
  }
}

/* A cache that nobody has, or an orphan as it is; there is always one, since there are as many as threads. */
inline adopt() {
  atomic {
    if
    :: cache[0].orphan || cache[0].idle -> s = 0
    :: cache[1].orphan || cache[1].idle -> s = 1
    fi;
    mine[me] = s;
    if
    :: cache[s].orphan ->
#ifdef MUTANT_ADOPT_EMPTIES
      cache[s].content = 0;
#endif
      cache[s].orphan = false
    :: else -> cache[s].idle = false; attach()
    fi
  }
}

inline slow() {
  takeLock();
  if
#ifndef MUTANT_NO_RECHECK
  :: generation != handle /* refused */
#endif
  :: else ->
    if /* whoever needs all that there is */
    :: cache[0].orphan -> dissolve(0)
    :: cache[1].orphan -> dissolve(1)
    :: true
    fi;
    if
    :: mine[me] == NONE -> adopt()
    :: else -> attach()
    fi;
    setBusy(true);
    work();
    setBusy(false)
  fi;
  releaseLock()
}

inline call() {
  if
  :: handle = 1
  :: handle = 2
  fi;
  s = mine[me];
  if
  :: s == NONE
  :: else ->
#ifdef MUTANT_HANDLER_SWEEPS
    atomic { /* a signal handler, before the thread says that it is at work */
      if
      :: cache[s].generation == DEAD -> mine[me] = NONE; cache[s].idle = true
      :: else
      fi
    };
#endif
#ifdef MUTANT_COMPARE_EARLY
    fits = cache[s].generation == handle;
#endif
    setBusy(true);
    if
    :: cache[s].called -> fits = false
    :: else ->
#ifndef MUTANT_COMPARE_EARLY
      fits = cache[s].generation == handle;
#endif
      if
      :: fits -> work()
      :: else
      fi
    fi;
    setBusy(false)
  fi;
  if
  :: fits
  :: else -> slow()
  fi;
  fits = false;
  handle = 0;
  s = NONE
}

/* Thread exit. */
inline leave() {
#ifndef MUTANT_EXIT_WITHOUT_LOCK
  takeLock();
#endif
  s = mine[me];
  if
  :: s != NONE ->
    mine[me] = NONE;
    if
#ifdef MUTANT_EXIT_INTO_DEAD
    :: cache[s].generation == generation -> cache[s].orphan = true
    :: cache[s].generation == generation -> dissolve(s)
    :: else -> atomic { cache[s].content = 0; cache[s].idle = true }
#else
    /* Dead caches are equal to a dead pool. */
    :: cache[s].generation == generation && generation != DEAD -> cache[s].orphan = true
    :: cache[s].generation == generation && generation != DEAD -> dissolve(s)
    :: !(cache[s].generation == generation && generation != DEAD) -> atomic { cache[s].content = 0; cache[s].idle = true }
#endif
    fi;
    s = NONE
  :: else
  fi;
#ifndef MUTANT_EXIT_WITHOUT_LOCK
  releaseLock()
#endif
}

proctype User(byte me) {
  byte steps, s, handle, content;
  bool fits;
  s = NONE;
  do
  :: steps < STEPS ->
    if
    :: call()
    :: leave() /* what is called after it comes from a late destructor */
    fi;
    steps++
  :: steps == STEPS -> leave(); break
  od;
  ended++
}

inline stopAll() {
#ifdef MUTANT_FREE_WITHOUT_STOP
  skip
#else
  d_step {
    for (s : 0 .. CACHES - 1) {
      cache[s].called = true
    }
    s = 0
  }
  !cache[0].busy;
  !cache[1].busy
#endif
}

inline resumeAll() {
  d_step {
    for (s : 0 .. CACHES - 1) {
      cache[s].called = false
    }
    s = 0
  }
}

/* Between calls all that was done is in the centre or in a cache. */
inline checkSum() {
  assert(centre + (cache[0].generation == generation -> cache[0].content : 0) +
         (cache[1].generation == generation -> cache[1].content : 0) == worked)
}

/* Leaves in done what it answers. It takes no cache. */
inline freePool(handle) {
  takeLock();
  if
#ifndef MUTANT_FREE_NO_RECHECK
  :: generation != handle
#endif
  :: else ->
    stopAll();
#if !defined(MUTANT_FREE_NO_RECHECK) && !defined(MUTANT_FREE_WITHOUT_STOP)
    checkSum();
#endif
    generation = DEAD;
    d_step {
      centre = 0;
      worked = 0
    }
#ifndef MUTANT_CACHES_KEEP_GENERATION
    cache[0].generation = DEAD;
    cache[1].generation = DEAD;
#endif
#ifndef MUTANT_FREE_KEEPS_ORPHANS
    d_step {
      for (s : 0 .. CACHES - 1) {
        cache[s].idle = cache[s].idle || cache[s].orphan;
        cache[s].orphan = false
      }
      s = 0
    }
#endif
#ifdef MUTANT_FREE_IDLES_CACHES
    cache[0].idle = true;
    cache[1].idle = true;
#endif
    resumeAll();
    atomic {
      freed[handle]++;
      assert(freed[handle] == 1);
      done = true
    }
  fi;
  releaseLock()
}

proctype Freer() {
  byte s;
  bool done;
  freePool(1);
  if
  :: done ->
    takeLock();
    generation = 2;
    releaseLock();
    if
    :: freePool(2)
    :: skip
    fi
  :: else
  fi;
  ended++
}

init {
  atomic {
    cache[0].idle = true;
    cache[1].idle = true;
    mine[0] = NONE;
    mine[1] = NONE;
    run User(0);
    run User(1);
    run Freer();
    run Freer()
  }
  ended == 4;
  assert(freed[1] == 1 && (cache[0].idle || cache[0].orphan) && (cache[1].idle || cache[1].orphan));
  assert(centre + (cache[0].orphan -> cache[0].content : 0) + (cache[1].orphan -> cache[1].content : 0) == worked)
}
