/*
 * A signal handler that uses the pool which the thread under it is using.
 *
 * Thread 0 may be interrupted between any two of its steps; it stands still until its handler, which calls the same pool, is done. What is
 * proved: the handler works on the cache, or is refused, and never waits for what the thread under it holds; it never works on a cache
 * in the middle of a change; a thread makes one cache, not two.
 *
 * busy alone does not achieve that. A thread that holds the lock and is not busy yet, or no more, or has no cache so far, would be waited for by
 * its own handler. So the lock is taken with the thread's name, in the one atomic instruction that takes it.
 *
 * check:
 * mutant: LOCK_WITHOUT_NAME deadlock
 * mutant: BUSY_IGNORED assertion
 * mutant: STOPPER_NOT_BUSY assertion
 * mutant: SLOW_NOT_BUSY assertion
 * mutant: ATTACH_NO_RECHECK assertion
 */
#define THREADS 2
#define NOBODY THREADS
#ifndef ROUNDS
#define ROUNDS 2
#endif

byte holder = NOBODY; /* of the lock */
bool attached[THREADS], busy[THREADS], called[THREADS];
byte content[THREADS];

/* Seen by the proof alone. */
bool handling; /* thread 0 stands still */
byte worked, bank, ended;

inline takeLock() {
  atomic { holder == NOBODY; holder = me }
}

inline releaseLock() {
  holder = NOBODY
}

#ifdef MUTANT_LOCK_WITHOUT_NAME
#define interruptedHolder false
#else
#define interruptedHolder (holder == me)
#endif
#ifdef MUTANT_BUSY_IGNORED
#define interruptedOwner false
#else
#define interruptedOwner (attached[me] && busy[me])
#endif

inline work() {
  part = content[me];
  atomic {
    assert(content[me] == part);
    content[me] = part + 1;
    worked++;
    part = 0
  }
}

inline attach() {
#ifdef MUTANT_ATTACH_NO_RECHECK
  if
  :: none
#else
  if
  :: !attached[me]
#endif
    -> atomic { assert(!attached[me]); attached[me] = true }
  :: else
  fi
}

inline slow() {
  if
  :: interruptedHolder /* refused */
  :: else ->
    takeLock();
    attach();
#ifndef MUTANT_SLOW_NOT_BUSY
    busy[me] = true;
#endif
    work();
    busy[me] = false;
    releaseLock()
  fi
}

inline call() {
  none = !attached[me];
  if
  :: !none && interruptedOwner /* refused */
  :: none || !interruptedOwner ->
    if
    :: none
    :: !none ->
      busy[me] = true;
      if
      :: called[me] -> busy[me] = false
      :: !called[me] -> busy[me] = false /* too little quota, or no slot */
      :: !called[me] -> work(); busy[me] = false; done = true
      fi
    fi;
    if
    :: done -> done = false
    :: !done -> slow()
    fi
  fi;
  none = false
}

/* Calls in everything, its own as well. */
inline stop() {
  if
  :: interruptedOwner || interruptedHolder /* refused */
  :: else ->
    takeLock();
#ifndef MUTANT_STOPPER_NOT_BUSY
    busy[me] = true;
#endif
    called[1 - me] = true;
    !busy[1 - me];
    for (s : 0 .. THREADS - 1) {
      part = content[s];
      bank = bank + part;
      atomic {
        assert(content[s] == part);
        content[s] = 0;
        part = 0
      }
    }
    s = 0;
    called[1 - me] = false;
    busy[me] = false;
    releaseLock()
  fi
}

#define firstThread 1 /* thread 0, as Spin numbers processes */

proctype Thread(byte me) provided (_pid != firstThread || !handling) {
  byte part, s, round;
  bool none, done;
  do
  :: round < ROUNDS -> call(); round++
  :: round < ROUNDS -> stop(); round++
  :: round == ROUNDS -> break
  od;
  ended++
}

proctype Handler(byte me) {
  byte part, s;
  bool none, done;
  handling = true;
  if
  :: true -> call()
  :: true -> stop()
  fi;
  handling = false;
  ended++
}

init {
  atomic {
    run Thread(0);
    run Thread(1);
    run Handler(0)
  }
  ended == THREADS + 1;
  assert(bank + content[0] + content[1] == worked && holder == NOBODY)
}
