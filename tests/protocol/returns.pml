/*
 * Slots on their way from the threads that free them to the owner of their span: batches, an inbox, and the stack of unused batches.
 *
 * All slots are of one owner and one class, and each batch has one slot. Two others free live slots: each looks for an unused batch and puts it into
 * the inbox; if there is none, or the inbox is full, the slot goes by the lock. The owner takes its whole inbox, and hands the slots out again. A
 * holder of the lock empties the inbox at any time, beside the owner and the others, who do not have the lock. What is proved: a slot is always in one
 * place, a batch in one list, and no slot is lost.
 *
 * check:
 * check: partly SLOTS=2 BATCHES=3 MOST=2
 * mutant: NO_COUNT assertion
 * mutant: PUT_WITHOUT_EXCHANGE assertion
 * mutant: TAKEN_IN_TWO_STEPS assertion
 * mutant: DROPPED_BEFORE_LINK assertion
 * mutant: FILLED_IN_INBOX assertion
 * mutant: FULL_IS_LOST assertion
 */
#ifndef SLOTS
#define SLOTS 3
#endif
#ifndef BATCHES
#define BATCHES 2
#endif
#ifndef MOST
#define MOST 1 /* batches in the inbox */
#endif
#ifndef FREES
#define FREES 2 /* by each of the others */
#endif
#ifndef TAKES
#define TAKES 2 /* of the inbox, by the owner */
#endif
#ifndef CLEARS
#define CLEARS 1 /* by a holder of the lock */
#endif

bool lock;
byte unused, changes;      /* the stack of unused batches: its top, and the count of its changes */
byte inbox, held;          /* its top, and the count of its batches: one word */
byte link[BATCHES + 1];
byte content[BATCHES + 1]; /* slot + 1 */
bool live[SLOTS];

/* Seen by the proof alone. */
#define NOWHERE 0
#define USER 1
#define HAND 2
#define BATCH 3
#define MAGAZINE 4
#define DEPOT 5
byte place[SLOTS];
bool mine[BATCHES + 1]; /* some thread works on the batch, which is in no list */

inline move(slot, from, to) {
  assert(place[slot] == from);
  place[slot] = to
}

inline takeLock() {
  atomic { !lock; lock = true }
}

inline releaseLock() {
  lock = false
}

#ifdef MUTANT_NO_COUNT
#define sameChanges true
#else
#define sameChanges (changes == before)
#endif

inline hold(n) {
  assert(!mine[n]);
  mine[n] = true
}

inline letGo(n) {
  assert(mine[n]);
  mine[n] = false
}

/* number: the batch; 0: none is unused. */
inline takeUnused() {
  do
  :: true ->
    d_step { number = unused; before = changes };
    if
    :: number == 0 -> break
    :: else
    fi;
    next = link[number];
    if
    :: atomic { unused == number && sameChanges -> unused = next; changes++; hold(number) }; break
    :: atomic { !(unused == number && sameChanges) -> skip }
    fi
  od;
  next = 0;
  before = 0
}

inline dropBatch(n) {
  do
  :: true ->
    d_step { top = unused; before = changes };
    link[n] = top;
    if
    :: atomic { unused == top && changes == before -> letGo(n); unused = n; changes++ }; break
    :: atomic { !(unused == top && changes == before) -> skip }
    fi
  od;
  top = 0;
  before = 0
}

inline fill(n) {
  d_step { content[n] = slot + 1; move(slot, HAND, BATCH) }
}

/* sent: the batch is in the inbox. */
inline put(n) {
  do
  :: true ->
    d_step { top = inbox; count = held };
    if
    :: count >= MOST -> break
    :: else
    fi;
    link[n] = top;
#ifdef MUTANT_PUT_WITHOUT_EXCHANGE
    d_step { letGo(n); inbox = n; held = count + 1 };
    sent = true;
    break
#else
    if
    :: atomic { inbox == top && held == count -> letGo(n); inbox = n; held = count + 1; sent = true }; break
    :: atomic { !(inbox == top && held == count) -> skip }
    fi
#endif
  od;
  top = 0;
  count = 0
}

/* number: the batch that was put in last; 0: none. */
inline takeAll() {
#ifdef MUTANT_TAKEN_IN_TWO_STEPS
  number = inbox;
  d_step { inbox = 0; held = 0 }
#else
  d_step { number = inbox; inbox = 0; held = 0 }
#endif
}

/* All batches from `number` on; their slots go to a place. */
inline unpackAll(to) {
  do
  :: number != 0 ->
    d_step {
      hold(number);
      assert(content[number] != 0);
      slot = content[number] - 1;
      move(slot, BATCH, to);
      content[number] = 0
    };
#ifdef MUTANT_DROPPED_BEFORE_LINK
    dropBatch(number);
    next = link[number];
#else
    next = link[number];
    dropBatch(number);
#endif
    d_step { number = next; next = 0; slot = 0 }
  :: number == 0 -> break
  od
}

inline giveByLock() {
  takeLock();
  d_step { move(slot, HAND, DEPOT) };
  releaseLock()
}

inline send() {
  takeUnused();
  if
  :: number == 0 -> giveByLock()
  :: else ->
#ifdef MUTANT_FILLED_IN_INBOX
    put(number);
    if
    :: sent -> fill(number)
    :: else
    fi;
#else
    fill(number);
    put(number);
#endif
    if
    :: sent
    :: else ->
#ifndef MUTANT_FULL_IS_LOST
#ifndef MUTANT_FILLED_IN_INBOX
      d_step { move(slot, BATCH, HAND); content[number] = 0 };
#endif
#endif
      dropBatch(number);
#ifndef MUTANT_FULL_IS_LOST
      giveByLock()
#endif
    fi
  fi;
  sent = false;
  number = 0
}

/* A live slot: all are alike. The claim is a compare-and-exchange (slots.pml). */
inline claim() {
  atomic {
    if
    :: live[0] -> slot = 0; claimed = true
    :: !live[0] && live[1] -> slot = 1; claimed = true
    :: !live[0] && !live[1] && live[SLOTS - 1] -> slot = SLOTS - 1; claimed = true
    :: else
    fi;
    if
    :: claimed -> live[slot] = false; move(slot, USER, HAND)
    :: else
    fi
  }
}

proctype Other() {
  byte frees, slot, number, next, before, top, count;
  bool sent, claimed;
  do
  :: frees < FREES ->
    claim();
    if
    :: claimed -> send()
    :: else
    fi;
    d_step { claimed = false; slot = 0; frees++ }
  :: frees == FREES -> break
  od
}

proctype Owner() {
  byte takes, slot, number, next, before, top;
  do
  :: takes < TAKES ->
    takes++;
    takeAll();
    unpackAll(MAGAZINE);
    atomic {
      for (slot : 0 .. SLOTS - 1) {
        if
        :: place[slot] == MAGAZINE -> move(slot, MAGAZINE, USER); live[slot] = true
        :: else
        fi
      }
      slot = 0
    }
  :: takes == TAKES -> break
  od
}

proctype Holder() {
  byte clears, slot, number, next, before, top;
  do
  :: clears < CLEARS ->
    clears++;
    takeLock();
    takeAll();
    unpackAll(DEPOT);
    releaseLock()
  :: clears == CLEARS -> break
  od
}

init {
  byte i, number;
  atomic {
    for (i : 0 .. SLOTS - 1) {
      live[i] = true;
      place[i] = USER
    }
    for (i : 1 .. BATCHES) {
      link[i] = i - 1
    }
    unused = BATCHES;
    run Other();
    run Other();
    run Owner();
    run Holder()
  }
  _nr_pr == 1;
  d_step {
    number = inbox;
    do
    :: number != 0 ->
      assert(content[number] != 0);
      i = content[number] - 1;
      move(i, BATCH, MAGAZINE);
      content[number] = 0;
      held--;
      number = link[number]
    :: number == 0 -> break
    od;
    assert(held == 0);
    for (i : 0 .. SLOTS - 1) {
      assert((place[i] == USER) == live[i] && (place[i] == USER || place[i] == MAGAZINE || place[i] == DEPOT))
    }
    for (i : 1 .. BATCHES) {
      assert(!mine[i])
    }
  }
}
