/*
 * The state byte of a slot: one atomic compare-exchange decides whose free it is.
 *
 * One unit of four granules, which can be formatted for either of two classes: class 0 has slots at addresses 0 and 2, class 1 at 0 and 1. So one
 * state byte, with number 1, stands for different addresses in its time. A thread allocates, of any class; two free any addresses, at any time,
 * starts or not, live or not, twice or not. When every slot is in the centre the unit may be formatted anew, also while a free has read the home
 * word and not yet come to the state byte.
 *
 * The proof: a free returns true exactly once for each life, and then for the chunk at that very address; it says false only if at
 * some moment of the call no chunk began there; and a slot is always in one place.
 *
 * check:
 * mutant: PLAIN assertion
 * mutant: NO_CLASS assertion
 * mutant: FORMAT_BY_STATE assertion
 * mutant: ALWAYS_TRUE assertion
 */
#define FREERS 2
#define ALLOCATOR 2
#define THREADS 3
#define CLASSES 2
#define SLOTS 2
#define ADDRESSES 3
#ifndef ROUNDS
#define ROUNDS 2 /* frees by each freer */
#endif
#ifndef LIVES
#define LIVES 3 /* chunks allocated */
#endif

#ifdef MUTANT_NO_CLASS
#define LIVE(class) 1
#else
#define LIVE(class) ((class) + 1)
#endif
#define addressOf(class, slot) ((class) == 0 -> 2 * (slot) : (slot))
#define isStart(class, address) ((class) == 0 -> (address) % 2 == 0 : (address) < 2)
#define slotAt(class, address) ((class) == 0 -> (address) / 2 : (address))

byte home;         /* the class that the unit is formatted for */
byte state[SLOTS]; /* 0, or LIVE(class) */
bool lock;
typedef Set {
  bool has[SLOTS]
};
Set centre;
Set magazine[THREADS * CLASSES];
#define magazineOf(thread, class) magazine[(thread) * CLASSES + (class)]

/* Seen by the proof alone. */
#define NOWHERE 0
#define CENTRE 1
#define USER 2
#define MAGAZINE(thread) (3 + (thread))
byte place[SLOTS];
bool live[ADDRESSES];
byte lives, deaths, truths;
byte freeing[THREADS];   /* address + 1 */
bool sawNone[THREADS];   /* at some moment of this thread's free no chunk began at that address */

inline takeLock() {
  atomic { !lock; lock = true }
}

inline releaseLock() {
  lock = false
}

/* A slot leaves one place, and belongs to the call, before it reaches the next. */
inline leave(slot, from) {
  assert(place[slot] == from);
  place[slot] = NOWHERE
}

inline reach(slot, to) {
  assert(place[slot] == NOWHERE);
  place[slot] = to
}

inline push(slot) {
  reach(slot, MAGAZINE(me));
  assert(!magazineOf(me, class).has[slot]);
  magazineOf(me, class).has[slot] = true
}

/* The lock's holder alone sees magazine and centre: one step, to have fewer. */
inline flush() {
  takeLock();
  d_step {
    for (slot : 0 .. SLOTS - 1) {
      if
      :: magazineOf(me, class).has[slot] ->
        magazineOf(me, class).has[slot] = false;
        leave(slot, MAGAZINE(me));
        reach(slot, CENTRE);
        assert(!centre.has[slot] && home == class);
        centre.has[slot] = true
      :: else
      fi
    }
    slot = 0
  }
  releaseLock()
}

/* The end of a life, as the user sees it: the moment of the compare-exchange. */
inline die(address) {
  assert(live[address]);
  live[address] = false;
  deaths++;
  sawNone[0] = sawNone[0] || freeing[0] == address + 1;
  sawNone[1] = sawNone[1] || freeing[1] == address + 1
}

inline exchange() {
#ifdef MUTANT_PLAIN
  if
  :: state[slot] == LIVE(class) ->
    d_step { /* a second freer stores its 0 just as well */
      state[slot] = 0;
      done = true;
      if
      :: live[address] -> die(address); leave(slot, USER)
      :: else
      fi
    }
  :: else
  fi
#else
  d_step {
    if
    :: state[slot] == LIVE(class) ->
      state[slot] = 0;
      done = true;
      die(address);
      leave(slot, USER)
    :: else
    fi
  }
#endif
}

proctype Freer(byte me) {
  byte round, address, class, slot;
  bool done;
  do
  :: round < ROUNDS ->
    if
    :: address = 0
    :: address = 1
    :: address = 2
    fi;
    d_step {
      freeing[me] = address + 1;
      sawNone[me] = !live[address]
    }
    class = home; /* a hint: nobody is asked to keep it true */
    if
    :: isStart(class, address) ->
      slot = slotAt(class, address);
      exchange();
    :: else
    fi;
    if
    :: done -> d_step { truths++; push(slot) }
    :: else ->
#ifdef MUTANT_ALWAYS_TRUE
      truths++
#else
      assert(sawNone[me])
#endif
    fi;
    d_step {
      freeing[me] = 0;
      sawNone[me] = false;
      slot = 0;
      address = 0
    }
    if
    :: done -> done = false; flush()
    :: done -> done = false /* it stays in the magazine */
    :: else
    fi;
    class = 0;
    round++
  :: round == ROUNDS -> break
  od;
}

/* All of the unit is in the centre: it may have another class from here on. */
inline format() {
#ifdef MUTANT_FORMAT_BY_STATE
  if
  :: state[0] == 0 && state[1] == 0 -> home = class
#else
  if
  :: centre.has[0] && centre.has[1] -> home = class
#endif
  :: else
  fi
}

inline refill() {
  takeLock();
  if
  :: home != class -> format()
  :: else
  fi;
  d_step {
    for (slot : 0 .. SLOTS - 1) {
      if
      :: home == class && centre.has[slot] ->
        centre.has[slot] = false;
        leave(slot, CENTRE);
        push(slot)
      :: else
      fi
    }
    slot = 0
  }
  releaseLock()
}

inline pop(which) {
  d_step {
    magazineOf(me, class).has[which] = false;
    leave(which, MAGAZINE(me));
    slot = which
  }
  assert(state[slot] == 0);
  atomic {
    state[slot] = LIVE(class); /* a plain store */
    reach(slot, USER);
    assert(home == class && !live[addressOf(class, slot)]);
    live[addressOf(class, slot)] = true;
    lives++
  }
}

proctype Allocator(byte me) {
  byte tries, class, slot;
  do
  :: tries < LIVES ->
    if
    :: class = 0
    :: class = 1
    fi;
    if
    :: !magazineOf(me, class).has[0] && !magazineOf(me, class).has[1] -> refill()
    :: else
    fi;
    if
    :: magazineOf(me, class).has[0] -> pop(0)
    :: magazineOf(me, class).has[1] -> pop(1)
    :: else /* none is to be had */
    fi;
    slot = 0;
    if
    :: flush()
    :: skip
    fi;
    class = 0;
    tries++
  :: tries == LIVES -> break
  od;
}

init {
  byte i, left;
  atomic {
    centre.has[0] = true;
    centre.has[1] = true;
    place[0] = CENTRE;
    place[1] = CENTRE;
    run Freer(0);
    run Freer(1);
    run Allocator(ALLOCATOR)
  }
  _nr_pr == 1;
  for (i : 0 .. ADDRESSES - 1) {
    left = left + live[i]
  }
  assert(truths == deaths && lives == deaths + left);
  for (i : 0 .. SLOTS - 1) {
    assert(place[i] != NOWHERE && (place[i] == USER) == (state[i] != 0) && (place[i] == CENTRE) == centre.has[i])
  }
}
