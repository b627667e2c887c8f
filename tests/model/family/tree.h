/* A model of a family of pools, which the files of this directory share.
 *
 * The model is a tree of nodes, one for each pool. A node has the pool's chunks in the order of the chain, the time at which each was made (marks,
 * sub-pools and clean-ups are made at such times too), and the bytes that were charged to the pool. Two lines give all budgets:
 *     used(pool)   == charged + its chunks + the sum of holds(child)        freeSize == poolSize - used
 *     holds(child) == max(guaranteed, used(child))
 * Each operation first happens in the model. The model says which answer is right, and which callbacks come in which order. Then the real call is
 * made, and everything is compared. */
#ifndef TREE_H
#define TREE_H

#include "support.h"

enum {
  arenaArea = 16 * 1024,
  nodeMost = 14,
  itemMost = 80,
  markMost = 10,
  validMarks = 4,
  cleanUpMost = 40,
  eventMost = 400,
  depthMost = 6
};

typedef struct Item {
  unsigned char *ptr;
  size_t size, charge;
  unsigned seed;
  uint64_t made;
  bool ballast; /* onExhausted of its pool may free it */
} Item;

typedef struct Mark {
  mema_Mark value;
  uint64_t made;
  bool valid;
} Mark;

typedef struct Node Node;
struct Node {
  Pool pool;
  Node *parent, *lender; /* the lender is the pool whose heap this one uses */
  uint64_t made;
  size_t poolSize, guaranteed, charged, peak;
  Item items[itemMost];
  size_t count;
  Mark marks[markMost];
  size_t lowWater, failIn;
  bool live, untracked, bound, shared, arena, exhausts, failsOnce;
  void *toFree[itemMost]; /* by onExhausted, in this order */
  size_t toFreeCount, toFreeAt;
};

/* A clean-up. Its node is NULL while it belongs to no pool. */
typedef struct CleanUp {
  mema_Cleanup record;
  Node *node;
  mema_CleanupTime when;
  uint64_t made;
} CleanUp;

typedef struct Setting {
  const char *name;
  mema_Options options;
  size_t usual; /* bytes of most requests, at the most */
} Setting;

typedef struct Run {
  const Setting *setting;
  uint64_t seed, random, now; /* `now` counts the things that were made */
  size_t step, operations;
} Run;

extern Run run;
extern Node nodes[nodeMost];
extern CleanUp cleanUps[cleanUpMost];
extern Pool oracle; /* an untracked pool; it shows how many bytes a request occupies */
#define root (&nodes[0])

_Noreturn void complain(const char *complaint, const char *file, int line);
#define MUST(condition) \
  if (!(condition)) complain(#condition ": not so", __FILE__, __LINE__)
#define MUST_WELL(sentence)                                             \
  do {                                                                  \
    const char *whatIsWrong = (sentence);                               \
    if (whatIsWrong != NULL) complain(whatIsWrong, __FILE__, __LINE__); \
  } while (0)
/* The call is refused, for this reason. */
#define REFUSES(call, reason)                                  \
  do {                                                         \
    forgetError(reason);                                       \
    if (call) complain(#call " succeeds", __FILE__, __LINE__); \
    MUST_WELL(errorIsNot(reason));                             \
  } while (0)

/* ---- tree.c: nodes and budgets ------------------------------------------------------------------------------------------- */

size_t below(size_t limit); /* a random number */
size_t larger(size_t a, size_t b);
Node *someNode(void); /* any live one */
size_t depthOf(const Node *node);
void removeItem(Node *node, size_t index);

bool isBare(const Node *node);
bool chargesSlots(const Node *node);
bool hasMarks(const Node *node);

size_t used(const Node *node);
size_t holds(const Node *node);
size_t heldBy(const Node *node);
size_t room(const Node *node);
Node *limitingPool(Node *node, size_t bytes);
size_t largest(Node *node);

/* ---- events.c: callbacks ------------------------------------------------------------------------------------------------- */

typedef struct Rooms {
  size_t at[depthMost + 2];
} Rooms;

Rooms roomsOf(const Node *node);
void expectLows(const Node *node, Rooms before);
void expect(char kind, const void *whose);
bool isGranted(Node *node, size_t bytes);
bool isInjected(Node *node);
bool callbacksCame(void); /* since the last comparison */
void compareEvents(void);
void onLow(Pool *pool, void *arg);
bool onExhausted(Pool *pool, size_t wanted, void *arg);
void onCleanup(void *arg);

/* ---- compare.c ----------------------------------------------------------------------------------------------------------- */

void compareAll(void);

/* ---- operations: each on pools that chance chooses ------------------------------------------------------------------------- */

bool allocateIn(Node *node, size_t size);
void allocateSome(void);
void freeSome(void);
void misuseSome(void);
void repallocSome(void);
void chargeSome(void);
void moveSome(void);

void endIn(Node *node, uint64_t since); /* everything in the node that was made after that time ends, in the model */
void makeSome(void);
void freeSomePool(void);
void resetSome(void);
void resizeSome(void);

void markSome(void);
void rewindSome(void);
void keepSome(void);
void changeCleanUps(void);

#endif
