/*
 * The budget in parts: poolFree in the centre, quota in every cache. It is exact all the same.
 *
 * Users allocate one or two units and free what anybody allocated. Quota is read and written in two steps, so that whoever works on a cache
 * at the wrong moment is caught. What is proved: never more is live than the pool has (P1); a request is refused only if at some moment of
 * the call too little was free (P2); poolFree, the credits and what is live make up the pool whenever it is stopped, and at the end.
 *
 * Where little was found when all was called in, the pool is tight: all stay called, and whoever stops them finds them stopped; until there is
 * more, and some time after that. What is freed without the lock stays with who freed it, however much it is.
 *
 * With FORK a further thread forks, once, somewhere in between. In the child it is alone: it makes a new lock of the one it holds, takes the
 * credits of the threads that are no more, and finds all that is not live.
 *
 * check: OPERATIONS=3
 * check: partly SIZE=2 OPERATIONS=3
 * check: partly USERS=3 OPERATIONS=1
 * check: FORK
 * mutant: REFUSE_WITHOUT_CALL_IN assertion
 * mutant: CALL_IN_WITHOUT_STOP assertion
 * mutant: CREDIT_KEPT_AFTER_CALL_IN assertion
 * mutant: SLOW_WITHOUT_LOCK assertion
 * mutant: TIGHT_WITHOUT_STOP assertion
 * mutant: TIGHT_BUT_FOR_ITSELF assertion
 * mutant: FORK FORK_WITHOUT_STOP assertion
 * mutant: FORK CHILD_KEEPS_LOCK deadlock
 */
#ifndef USERS
#define USERS 2
#endif
#ifndef SIZE
#define SIZE 3
#endif
#ifndef OPERATIONS
#define OPERATIONS 2
#endif
#define LIMIT 1  /* more quota than that goes back when its owner comes by the lock */
#define SCARCE 1 /* so much or less in the centre is little */

bool lock;
bool tight;
bool busy[USERS], called[USERS];
byte quota[USERS];
byte poolFree = SIZE;
byte chunks[3]; /* live ones of one and of two units: any user may free any of them */

/* Seen by the proof alone. */
byte live;
byte asked[USERS];   /* what the request under way asks for */
bool sawShort[USERS]; /* at some moment of it less was free */
bool inChild;
byte ended;

inline takeLock() {
  atomic { !lock; lock = true }
}

inline releaseLock() {
  lock = false
}

/* biased.pml shows that this is what the barrier comes to. */
inline stopAll() {
#ifdef MUTANT_CALL_IN_WITHOUT_STOP
  skip
#else
  if
  :: tight
  :: else ->
    d_step {
      for (s : 0 .. USERS - 1) {
        called[s] = (s != me)
      }
      s = 0
    }
    do
    :: s < USERS -> s == me || !busy[s]; s++
    :: s == USERS -> break
    od;
    s = 0
  fi;
  checkEquation()
#endif
}

inline resumeAll() {
  d_step {
    for (s : 0 .. USERS - 1) {
#ifdef MUTANT_TIGHT_BUT_FOR_ITSELF
      called[s] = tight && s != me
#else
      called[s] = tight
#endif
    }
    s = 0
  }
}

/* At the end of a turn where there is more, at some time: who was called is let in. */
inline loosen() {
  if
  :: tight && poolFree > SCARCE -> tight = false; resumeAll()
  :: true
  fi
}

inline checkEquation() {
  d_step {
    sum = poolFree + live;
    for (s : 0 .. USERS - 1) {
      sum = sum + quota[s]
    }
    assert(sum == SIZE);
    sum = 0;
    s = 0
  }
}

inline callIn() {
  do
  :: s < USERS ->
    part = quota[s];
    poolFree = poolFree + part;
#ifndef MUTANT_CREDIT_KEPT_AFTER_CALL_IN
    quota[s] = 0;
#endif
    s++
  :: s == USERS -> break
  od;
  s = 0;
  part = 0;
  tight = tight || poolFree <= SCARCE
}

/* A life begins. Whoever asks meanwhile may see too little from here on. */
inline born() {
  d_step {
    live = live + charge;
    assert(live <= SIZE);
    chunks[charge]++;
    for (s : 0 .. USERS - 1) {
      sawShort[s] = sawShort[s] || asked[s] > SIZE - live
    }
    s = 0
  }
}

/* From the centre what is missing, or a batch. */
inline draw() {
  part = charge - quota[me];
  if
  :: true
  :: poolFree > part && !tight -> part++
  fi;
  poolFree = poolFree - part;
  quota[me] = quota[me] + part;
  part = 0
}

inline chargeOwn() {
  part = quota[me];
  quota[me] = part - charge;
  part = 0;
  born()
}

#ifndef MUTANT_SLOW_WITHOUT_LOCK
#define slowBegin() takeLock(); busy[me] = true
#define slowEnd() busy[me] = false; releaseLock()
#else
#define slowBegin() busy[me] = true
#define slowEnd() busy[me] = false
#endif

inline allocateSlowly() {
  slowBegin();
#ifdef MUTANT_TIGHT_WITHOUT_STOP
  tight = tight || poolFree <= SCARCE;
#endif
#ifndef MUTANT_REFUSE_WITHOUT_CALL_IN
  if
  :: quota[me] + poolFree < charge -> stopAll(); callIn(); resumeAll()
  :: else
  fi;
#endif
  if
  :: quota[me] + poolFree < charge -> assert(sawShort[me])
  :: else ->
    if
    :: quota[me] < charge -> draw()
    :: else
    fi;
    chargeOwn()
  fi;
  loosen();
  slowEnd()
}

inline allocate() {
  d_step {
    asked[me] = charge;
    sawShort[me] = charge > SIZE - live
  }
  busy[me] = true;
  if
  :: called[me] -> busy[me] = false; allocateSlowly()
  :: else ->
    if
    :: quota[me] < charge -> busy[me] = false; allocateSlowly()
    :: else -> chargeOwn(); busy[me] = false
    fi
  fi;
  d_step {
    asked[me] = 0;
    sawShort[me] = false
  }
}

/* The compare-exchange (slots.pml), and then, some time later, the quota. */
inline release() {
  d_step {
    if
    :: chunks[charge] > 0 -> chunks[charge]--; live = live - charge; done = true
    :: else
    fi
  }
  if
  :: done ->
    part = quota[me];
    quota[me] = part + charge;
    part = 0
  :: else
  fi
}

inline giveBack() {
  part = quota[me];
  poolFree = poolFree + part;
  quota[me] = 0;
  part = 0
}

inline free() {
  busy[me] = true;
  if
  :: called[me] ->
    busy[me] = false;
    slowBegin();
    release();
    if
    :: tight || quota[me] > LIMIT -> giveBack()
    :: else
    fi;
    loosen();
    slowEnd()
  :: else ->
    release();
    if
    :: busy[me] = false
    :: busy[me] = false; slowBegin(); giveBack(); slowEnd() /* a sub-pool let go of much */
    fi
  fi;
  done = false
}

inline operate() {
  do
  :: operations < OPERATIONS ->
    operations++;
    if
    :: charge = 1
    :: charge = 2
    fi;
    if
    :: allocate()
    :: free()
    fi;
    charge = 0
  :: operations == OPERATIONS -> break
  od;
  ended++
}

proctype User(byte me) {
  byte operations, charge, part, s, sum;
  bool done;
#ifdef FORK
  {
    operate()
  } unless { inChild } /* where no thread is but the one that forked */
#else
  operate()
#endif
}

#ifdef FORK
proctype Forker(byte me) { /* has no cache: me is nobody's number */
  byte part, s, sum;
  takeLock();
#ifndef MUTANT_FORK_WITHOUT_STOP
  stopAll();
#endif
  if
  :: resumeAll(); releaseLock() /* the parent goes on */
  :: inChild = true;
#ifndef MUTANT_CHILD_KEEPS_LOCK
    releaseLock();
#endif
    resumeAll();
    takeLock();
    callIn();
    releaseLock();
    checkEquation();
    assert(poolFree == SIZE - live)
  fi
}
#endif

init {
  byte s, sum;
  atomic {
    if
    :: skip
    :: quota[0] = 1; poolFree--
    fi;
    for (s : 0 .. USERS - 1) {
      run User(s)
    }
#ifdef FORK
    run Forker(USERS)
#endif
  }
  if
  :: atomic { ended == USERS && !inChild -> checkEquation() }
#ifdef FORK
  :: inChild
#endif
  fi
}
