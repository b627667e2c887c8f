/*
 * The owner of a span may free by a plain load and a plain store, as long as no other thread frees there.
 *
 * One slot, in a span of the owner's. The owner allocates it again and again, and frees it or leaves that to others; two others free it at any time,
 * live or not. The first of them that finds the privilege there ends it, with the owner stopped. A thread that saw it gone remembers that, and looks
 * no more. The owner takes it back at any time, with all stopped, and makes all forget. The owner may end; the next owner of the tag then has the
 * slot. A tag that no owner ever had has no spans, so it is given without a stop; one that is used again is given with all stopped, who forget.
 * The proof: of all frees of one life of the chunk, one returns true.
 *
 * check:
 * check: partly LIVES=3 ROUNDS=1
 * mutant: REVOKE_WITHOUT_STOP assertion
 * mutant: REGAIN_WITHOUT_STOP assertion
 * mutant: REVOKED_FOR_OTHERS_ONLY assertion
 * mutant: REGAINED_FOR_OWNER_ONLY assertion
 * mutant: LOOK_BEFORE_BUSY assertion
 * mutant: REGAINED_UNNOTICED assertion
 * mutant: FRESH_IF_UNUSED assertion
 * mutant: TAKEN_UNNOTICED assertion
 */
#ifndef LIVES
#define LIVES 2
#endif
#ifndef ROUNDS
#define ROUNDS 2 /* frees by each of the others */
#endif
#define OWNERS 2 /* of the tag, one after the other */
#define OWNER 2
#define THREADS 3

bool lock;
bool busy[THREADS], called[THREADS];
bool given, ever;         /* an owner has the tag; one had it at some time */
bool exists;              /* the span of the slot: others find no tag without it */
bool revoked = true, own; /* what the others look at, and what the owner does */
bool known[2];            /* by thread: it saw that the privilege is gone */
bool state;               /* live */
bool spare = true;        /* the slot is the owner's to hand out */

/* Seen by the proof alone. */
bool alive;

inline takeLock() {
  atomic { !lock; lock = true }
}

inline releaseLock() {
  lock = false
}

/* biased.pml shows that this is what the barrier comes to. */
inline stopAll() {
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
}

inline resumeAll() {
  d_step {
    for (s : 0 .. THREADS - 1) {
      called[s] = false
    }
    s = 0
  }
}

/* One is told true. */
inline freed() {
  assert(alive);
  alive = false;
  spare = true
}

inline compareAndExchange() {
  atomic {
    if
    :: state -> state = false; freed()
    :: else
    fi
  }
}

/* Others may do anything between the two. */
inline claimPlainly() {
  if
  :: state ->
    atomic { state = false; freed() }
  :: else
  fi
}

inline revoke() {
#ifndef MUTANT_REVOKE_WITHOUT_STOP
  stopAll();
#endif
#ifndef MUTANT_REVOKED_FOR_OTHERS_ONLY
  own = false;
#endif
  revoked = true;
  resumeAll()
}

inline regain() {
#ifndef MUTANT_REGAIN_WITHOUT_STOP
  stopAll();
#endif
#ifndef MUTANT_REGAINED_FOR_OWNER_ONLY
  revoked = false;
#endif
#ifndef MUTANT_REGAINED_UNNOTICED
  d_step { known[0] = false; known[1] = false };
#endif
  own = true;
  resumeAll()
}

#ifdef MUTANT_FRESH_IF_UNUSED
#define isFresh !given
#else
#define isFresh !ever
#endif

inline takeTag() {
  if
  :: isFresh
  :: else ->
    stopAll();
#ifndef MUTANT_TAKEN_UNNOTICED
    d_step { known[0] = false; known[1] = false }
#endif
  fi;
  given = true;
  ever = true;
  revoked = false;
  own = true;
  resumeAll()
}

inline giveTagBack() {
  own = false;
  revoked = true;
  given = false
}

#define slowBegin() takeLock(); busy[me] = true
#define slowEnd() busy[me] = false; releaseLock()

inline freeSlowly() {
  slowBegin();
  if
  :: exists ->
    if
    :: !revoked -> revoke()
    :: else
    fi;
    compareAndExchange()
  :: else
  fi;
  slowEnd()
}

inline freeAsOther() {
#ifdef MUTANT_LOOK_BEFORE_BUSY
  mayExchange = revoked;
#endif
  busy[me] = true;
  if
  :: called[me] -> busy[me] = false; freeSlowly()
  :: !called[me] && !exists -> busy[me] = false
  :: else ->
#ifndef MUTANT_LOOK_BEFORE_BUSY
    if
    :: known[me] -> mayExchange = true
    :: else -> mayExchange = revoked; known[me] = mayExchange
    fi;
#endif
    if
    :: mayExchange -> compareAndExchange(); busy[me] = false
    :: else -> busy[me] = false; freeSlowly()
    fi
  fi;
  mayExchange = false
}

inline claim() {
  if
  :: own -> claimPlainly()
  :: else -> compareAndExchange()
  fi
}

inline freeAsOwner() {
  busy[me] = true;
  if
  :: called[me] ->
    busy[me] = false;
    slowBegin();
    claim();
    slowEnd()
  :: else -> claim(); busy[me] = false
  fi
}

proctype Other(byte me) {
  byte round, s;
  bool mayExchange;
  do
  :: round < ROUNDS -> round++; freeAsOther()
  :: round < ROUNDS -> round++; slowBegin(); stopAll(); resumeAll(); slowEnd() /* for something else */
  :: round == ROUNDS -> break
  od
}

proctype Owner(byte me) {
  byte lives, owners, s;
  do
  :: !given && owners < OWNERS -> owners++; slowBegin(); takeTag(); slowEnd()
  :: given && lives < LIVES && spare ->
    lives++;
    exists = true;
    atomic { spare = false; state = true; alive = true }
  :: given && lives > 0 -> freeAsOwner()
  :: given -> slowBegin(); regain(); slowEnd()
  :: given && owners < OWNERS -> slowBegin(); giveTagBack(); slowEnd()
  :: given && lives == LIVES -> break
  od
}

init {
  atomic {
    run Other(0);
    run Other(1);
    run Owner(OWNER)
  }
}
