/*
 * Threads come and go, and so do pools: exits, adoption, freePool while others are inside, and another pool in the same header.
 *
 * Users call with a handle of the first or of the second life of the pool; they exit, and may call again after it. Two threads free the first
 * life, both at once; whichever succeeds makes the second one in the same header, which one more call may free. A shard belongs to one thread
 * until that exits, also when the pool dies. What is proved: no call works on a pool that its handle does not mean; of several freePool one says
 * true; nobody but its owner writes a shard's busy; and what an exiting thread held is not lost.
 *
 * check:
 * mutant: NO_RECHECK assertion
 * mutant: FREE_NO_RECHECK assertion
 * mutant: COMPARE_EARLY assertion
 * mutant: FREE_WITHOUT_STOP assertion
 * mutant: SHARDS_KEEP_GENERATION assertion
 * mutant: FREE_IDLES_SHARDS assertion
 * mutant: EXIT_WITHOUT_LOCK assertion
 * mutant: EXIT_KEEPS_CONTENT assertion
 * mutant: EXIT_INTO_DEAD assertion
 */
#ifndef STEPS
#define STEPS 2 /* calls and exits of each user */
#endif
#define USERS 2
#define SHARDS 2
#define NONE SHARDS
#define DEAD 0

/* The header, which outlives its pools. */
bool lock;
byte generation = 1;
byte centre; /* what was given back; stands for poolFree and the bitmaps */

typedef Shard {
  bool idle;
  bool busy;
  bool called;
  byte generation;
  byte content /* one for each call that worked: stands for credit and magazines */
};
Shard shard[SHARDS];
byte mine[USERS]; /* thread-local: nobody else reads or writes it */

/* What only the proof sees. */
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
    assert(!shard[s].idle && mine[1 - me] != s);
    shard[s].busy = value
  }
}

inline work() {
  content = shard[s].content;
  assert(generation == handle); /* or it works in memory that is no longer its own */
  atomic {
    shard[s].content = content + 1;
    worked++;
    content = 0
  }
}

/* A shard that nobody has; there is always one, since there are as many as threads. */
inline adopt() {
  atomic {
    if
    :: shard[0].idle -> s = 0
    :: !shard[0].idle && shard[1].idle -> s = 1
    fi;
    shard[s].idle = false;
    mine[me] = s
  }
}

/* A shard whose pool has died starts empty in the next. */
inline attach() {
  atomic {
    if
    :: shard[s].generation != generation -> shard[s].content = 0; shard[s].generation = generation
    :: else
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
    if
    :: mine[me] == NONE -> adopt()
    :: else
    fi;
    attach();
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
  :: s == NONE -> slow()
  :: else ->
#ifdef MUTANT_COMPARE_EARLY
    fits = shard[s].generation == handle;
    setBusy(true);
#else
    setBusy(true);
#endif
    if
    :: shard[s].called -> setBusy(false); slow()
    :: else ->
#ifndef MUTANT_COMPARE_EARLY
      fits = shard[s].generation == handle;
#endif
      if
      :: fits -> work(); setBusy(false)
      :: else -> setBusy(false); slow()
      fi
    fi
  fi;
  fits = false;
  handle = 0;
  s = NONE
}

/* Thread exit. The shard goes to whoever comes next. */
inline leave() {
#ifndef MUTANT_EXIT_WITHOUT_LOCK
  takeLock();
#endif
  s = mine[me];
  if
  :: s != NONE ->
    if
#ifdef MUTANT_EXIT_INTO_DEAD
    :: shard[s].generation == generation ->
#else
    :: shard[s].generation == generation && generation != DEAD -> /* dead shards are equal to a dead pool */
#endif
#ifndef MUTANT_EXIT_KEEPS_CONTENT
      content = centre;
      centre = content + shard[s].content;
      content = 0;
#endif
      shard[s].content = 0
    :: else
    fi;
    atomic { mine[me] = NONE; shard[s].idle = true; s = NONE }
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
    for (s : 0 .. SHARDS - 1) {
      shard[s].called = true
    }
    s = 0
  }
  !shard[0].busy;
  !shard[1].busy
#endif
}

inline resumeAll() {
  d_step {
    for (s : 0 .. SHARDS - 1) {
      shard[s].called = false
    }
    s = 0
  }
}

/* Between calls all that was done is in the centre or in a shard. */
inline checkSum() {
  assert(centre + (shard[0].generation == generation -> shard[0].content : 0) +
         (shard[1].generation == generation -> shard[1].content : 0) == worked)
}

/* Leaves in done what it answers. It takes no shard. */
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
#ifndef MUTANT_SHARDS_KEEP_GENERATION
    shard[0].generation = DEAD;
    shard[1].generation = DEAD;
#endif
#ifdef MUTANT_FREE_IDLES_SHARDS
    shard[0].idle = true;
    shard[1].idle = true;
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
    shard[0].idle = true;
    shard[1].idle = true;
    mine[0] = NONE;
    mine[1] = NONE;
    run User(0);
    run User(1);
    run Freer();
    run Freer()
  }
  ended == 4;
  assert(freed[1] == 1 && shard[0].idle && shard[1].idle && centre == worked)
}
