/*
 * A cache is touched by its owner, without any fence, or by the thread that has stopped the pool.
 *
 * Every thread owns one cache and does two things, in any order: a step on its own cache, and a stop of all others. Its stores wait in a buffer
 * until the memory takes them: in order (TSO, as on x86), or in any order that keeps those to one address and those before a release in order
 * (WEAK). The membarrier empties the buffers of all threads, one thread after the other.
 *
 * A cache's content is one number. Its owner adds one to it, in two instructions; a stopper moves it to the bank. None may get lost.
 *
 * check: TSO ROUNDS=3
 * check: WEAK ROUNDS=3
 * check: TSO THREADS=3 ROUNDS=1
 * check: WEAK THREADS=3 ROUNDS=1
 * mutant: TSO NO_BARRIER assertion
 * mutant: WEAK NO_BARRIER assertion
 * mutant: TSO CALLED_FIRST assertion
 * mutant: WEAK NO_RELEASE assertion
 * mutant: WEAK NO_ACQUIRE assertion
 * mutant: WEAK RESUME_NO_RELEASE assertion
 * mutant: TSO NO_WAIT assertion
 * mutant: TSO BUSY_WHILE_WAITING deadlock
 */
#ifndef THREADS
#define THREADS 2
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#define STORES 4

/* Addresses. */
#define BUSY(s) (s)
#define CALLED(s) (THREADS + (s))
#define CONTENT(s) (2 * THREADS + (s))
#define LOCK (3 * THREADS)
byte memory[3 * THREADS + 1];

typedef Buffer {
  byte count;
  byte address[STORES];
  byte value[STORES];
  bool release[STORES]
};
Buffer buffer[THREADS];
bool loadedEarly[THREADS]; /* a load that the processor made before one that precedes it; a fence in between repeats it */

/* Seen by the proof alone. */
bool inside[THREADS]; /* the owner is at work on its cache */
bool held[THREADS];   /* a stopper may be */
byte added, bank, ended;

#define PLAIN false
#define RELEASE true

inline store(where, what, isRelease) {
  atomic {
    buffer[me].count < STORES;
    buffer[me].address[buffer[me].count] = where;
    buffer[me].value[buffer[me].count] = what;
    buffer[me].release[buffer[me].count] = isRelease;
    buffer[me].count++
  }
}

/* A thread sees its own stores at once. */
inline load(where, into) {
  d_step {
    into = memory[where];
    for (i : 0 .. STORES - 1) {
      if
      :: i < buffer[me].count && buffer[me].address[i] == where -> into = buffer[me].value[i]
      :: else
      fi
    }
    i = 0
  }
}

/* The memory takes the store at place k; those behind it move up. */
inline commit(whose, k) {
  d_step {
    memory[buffer[whose].address[k]] = buffer[whose].value[k];
    for (i : k .. STORES - 2) {
      buffer[whose].address[i] = buffer[whose].address[i + 1];
      buffer[whose].value[i] = buffer[whose].value[i + 1];
      buffer[whose].release[i] = buffer[whose].release[i + 1]
    }
    i = 0;
    buffer[whose].address[STORES - 1] = 0;
    buffer[whose].value[STORES - 1] = 0;
    buffer[whose].release[STORES - 1] = false;
    buffer[whose].count--
  }
}

#define at(k) buffer[me].address[k]
#define free1 (at(1) != at(0))
#define free2 (at(2) != at(0) && at(2) != at(1))
#define free3 (at(3) != at(0) && at(3) != at(1) && at(3) != at(2))

proctype Memory(byte me) {
  byte i;
end:
  do
  :: atomic { buffer[me].count > 0 -> commit(me, 0) }
#ifdef WEAK
  :: atomic { buffer[me].count > 1 && !buffer[me].release[1] && free1 -> commit(me, 1) }
  :: atomic { buffer[me].count > 2 && !buffer[me].release[2] && free2 -> commit(me, 2) }
  :: atomic { buffer[me].count > 3 && !buffer[me].release[3] && free3 -> commit(me, 3) }
#endif
  od
}

/* Taking the lock is one atomic instruction; on x86 it is a fence as well. */
inline takeLock() {
#ifdef WEAK
  atomic { memory[LOCK] == 0; memory[LOCK] = 1 }
#else
  atomic { memory[LOCK] == 0 && buffer[me].count == 0; memory[LOCK] = 1 }
#endif
}

inline releaseLock() {
  store(LOCK, 0, RELEASE)
}

/* A fence in the caller, and one in every other thread between two of its instructions. */
inline membarrier() {
  buffer[me].count == 0;
  other = 0;
  do
  :: other < THREADS ->
    atomic {
      do
      :: other != me && buffer[other].count > 0 -> commit(other, 0)
      :: else -> break
      od;
      loadedEarly[other] = false
    }
    other++
  :: else -> break
  od;
  other = 0
}

#ifdef MUTANT_NO_RELEASE
#define LEAVE PLAIN
#else
#define LEAVE RELEASE
#endif

inline addOne() {
#ifdef MUTANT_NO_ACQUIRE
  if
  :: loadedEarly[me] -> content = early
  :: else -> load(CONTENT(me), content)
  fi;
#else
  load(CONTENT(me), content);
#endif
  store(CONTENT(me), content + 1, PLAIN);
  added++;
  content = 0
}

inline loadEarly() {
#ifdef MUTANT_NO_ACQUIRE
  if
  :: load(CONTENT(me), early); loadedEarly[me] = true
  :: skip
  fi
#else
  skip
#endif
}

inline slow() {
#ifdef MUTANT_BUSY_WHILE_WAITING
  store(BUSY(me), 1, PLAIN);
#endif
  takeLock();
  store(BUSY(me), 1, PLAIN);
  loadedEarly[me] = false;
  addOne();
  store(BUSY(me), 0, LEAVE);
  releaseLock()
}

inline step() {
#ifdef MUTANT_CALLED_FIRST
  load(CALLED(me), called);
  store(BUSY(me), 1, PLAIN);
#else
  store(BUSY(me), 1, PLAIN);
  loadEarly();
  load(CALLED(me), called);
#endif
  if
  :: called == 0 ->
    atomic { inside[me] = true; assert(!held[me]) }
    addOne();
    atomic { inside[me] = false; loadedEarly[me] = false }
    store(BUSY(me), 0, LEAVE)
  :: else ->
    called = 0;
    store(BUSY(me), 0, LEAVE);
    slow()
  fi;
  early = 0
}

#ifdef MUTANT_RESUME_NO_RELEASE
#define RESUME PLAIN
#else
#define RESUME RELEASE
#endif

inline stop() {
  takeLock();
  s = 0;
  do
  :: s < THREADS && s != me -> store(CALLED(s), 1, PLAIN); s++
  :: s == me -> s++
  :: s == THREADS -> break
  od;
#ifndef MUTANT_NO_BARRIER
  membarrier();
#else
  buffer[me].count == 0; /* a fence of the stopper alone */
#endif
  s = 0;
  do
  :: s < THREADS && s != me ->
#ifndef MUTANT_NO_WAIT
    memory[BUSY(s)] == 0;
#endif
    atomic { held[s] = true; assert(!inside[s]) }
    load(CONTENT(s), content);
    bank = bank + content;
    content = 0;
    store(CONTENT(s), 0, PLAIN);
    s++
  :: s == me -> s++
  :: s == THREADS -> break
  od;
  s = 0;
  do
  :: s < THREADS && s != me ->
    held[s] = false;
    store(CALLED(s), 0, RESUME);
    s++
  :: s == me -> s++
  :: s == THREADS -> break
  od;
  s = 0;
  releaseLock()
}

proctype Thread(byte me) {
  byte i, s, other, called, content, early, round;
  do
  :: round < ROUNDS -> step(); round++
  :: round < ROUNDS -> stop(); round++
  :: round == ROUNDS -> break
  od;
  atomic { buffer[me].count == 0; ended++ }
}

init {
  byte t, sum;
  atomic {
    for (t : 0 .. THREADS - 1) {
      run Memory(t);
      run Thread(t)
    }
  }
  ended == THREADS;
  sum = bank;
  for (t : 0 .. THREADS - 1) {
    sum = sum + memory[CONTENT(t)];
    assert(memory[BUSY(t)] == 0 && memory[CALLED(t)] == 0)
  }
  assert(sum == added)
}
