/* peers.h - who does the work: mema, its peers, and an allocator that does nothing. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <mema.h>

#include <stdbool.h>
#include <stddef.h>

enum { MOST_RESULTS = 6, MOST_THREADS = 2 };

typedef enum {
  PEER_NULL,
  PEER_GLIBC,
  PEER_MIMALLOC,
  PEER_JEMALLOC,
  PEER_TCMALLOC,
  PEER_TBBMALLOC,
  PEER_SCUDO,
  PEER_TALLOC,
  PEER_APR,
  PEER_NGINX,
  PEER_UNTRACKED,
  PEER_TRACKED,
  PEER_ARENA, /* of rows of whole pools */
  PEER_ARENA_TRACKED,
  PEER_SHARED,  /* of rows with several threads */
  PEER_FIXED,   /* of a few rows: a pool in a buffer, untracked */
  PEER_EARLIER, /* the preload library of an earlier commit, if one was given */
  PEER_PRELOAD  /* of rows of whole programs */
} PeerId;
enum { PEER_COUNT = PEER_PRELOAD + 1 };

/* Sets of peers. */
#define SET(id) (1u << (id))
#define OWN_POOLS (SET(PEER_UNTRACKED) | SET(PEER_TRACKED))
#define ARENAS (SET(PEER_ARENA) | SET(PEER_ARENA_TRACKED))
#define MEMA_PEERS (OWN_POOLS | ARENAS | SET(PEER_SHARED) | SET(PEER_FIXED) | SET(PEER_EARLIER) | SET(PEER_PRELOAD))
#define ALL_PEERS (SET(PEER_COUNT) - 1)

/* Pools that are made, filled and freed as a whole. */
typedef struct {
  void *(*make)(void);
  void *(*alloc)(void *pool, size_t size);
  void (*free)(void *pool);
} PoolCalls;

typedef struct Peer {
  const char *name;
  const char *package; /* Debian's; NULL for what is linked into this program */
  const char *library; /* a file name or a pattern */
  const char *preload; /* what puts a whole program's heap into it; NULL: it is not of those rows, or needs nothing */
  void *(*alloc)(size_t size);
  void (*free)(void *ptr);
  void *(*zeroed)(size_t count, size_t size);
  void *(*resize)(void *ptr, size_t size);
  void *(*aligned)(size_t alignment, size_t size);
  void (*purge)(void);         /* gives free memory back to the system */
  PoolCalls pool;              /* empty where there are no pools: 50 chunks are then freed one by one */
  const mema_Options *options; /* the pool's; NULL where the peer is not mema */
  bool present;
  char version[32];
} Peer;

extern Peer peers[PEER_COUNT];

/* Each thread beside the first calls it before it does anything with a peer: nothing is then shared by the threads that use the
 * null peer, as nothing need be. `index` from 0, below MOST_THREADS. */
void enterThread(int index);

/* The pool behind the mema peers: one at a time lives, in the child that measures it. */
extern mema_Pool benchPool;

/* Loads every peer of the set in a child of its own, and notes which can be and their versions. Says on stderr which cannot. */
void probePeers(unsigned set);

/* Of those that are present: which can be preloaded. The file of mema's library is given, and that of an earlier one, or NULL. */
void probePreloads(unsigned set, const char *memaPreload, const char *earlier);

/* Loads the peer into this process, which is to be a child: hooks of one peer must not disturb the others. */
void openPeer(Peer *peer);
void closePeer(const Peer *peer);

/* The pool once more, empty, with another budget (0: the usual one) ; nothing for the others. The old one is closed. */
void freshPool(const Peer *peer, size_t budget);

/* Does `n` of something with the peer and stores what it took in results[], MOST_RESULTS at most. */
typedef void Work(const Peer *peer, size_t n, double *results);

#endif
