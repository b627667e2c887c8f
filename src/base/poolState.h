/* poolState.h - the private fields of a Pool, in the words that mema.h reserves for them.
 *
 * Include this before mema.h, as base.h does. The library's own files then see a Pool with these fields instead
 * of `reserved`.
 */
#ifndef MEMA_BASE_POOL_STATE_H
#define MEMA_BASE_POOL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef MEMA_H
#error "mema.h was included before poolState.h"
#endif

enum { mema_reservedWords = sizeof(void *) == 8 ? 43 : 50 };

struct mema_Heap;
struct mema_Node;
struct mema_Cleanup;

/* clang-format off */
#define MEMA_POOL_REST                                                                                         \
  union {                                                                                                      \
    uintptr_t reserved[mema_reservedWords];                                                                    \
    struct {                                                                                                   \
      uintptr_t seal;                                                                                          \
      uintptr_t generation;                                                                                    \
      struct mema_Heap *heap;                                                                                  \
      size_t slowPathBelow; /* a charge that would leave less takes the general path */                        \
      uint64_t ownerAndAge; /* the first value of the last word of this pool's Blocks */                       \
      size_t allocations;                                                                                      \
      size_t frees;                                                                                            \
      size_t refused;                                                                                          \
      size_t badFrees;                                                                                         \
      size_t lowWater; /* the least freeSize seen */                                                           \
      size_t charged;  /* by mema_chargePool, and not yet credited */                                          \
      bool untracked;                                                                                          \
      bool committed;                                                                                          \
      bool bound;      /* mema_Options.boundMemory */                                                          \
      bool alwaysSlow; /* requests below slowPathBelow must take the general path */                           \
      char name[22];                                                                                           \
      bool sites;                       /* mema_Options.sites */                                               \
      uint32_t ownerMask;               /* of a pool with a node: the bits of ownerAndAge that name owners */  \
      size_t held;                      /* of a shared pool's budget: bytes that sub-pools hold */             \
      size_t deferredCredit;            /* of `held`: credited by sub-pools while the pool's lock was taken */ \
      struct mema_Node *node;           /* if the pool has sub-pools, or is one */                             \
      uintptr_t life;                   /* the node's life */                                                  \
      struct mema_Cleanup *cleanups[2]; /* by mema_CleanupTime; the newest first */                            \
      void (*onLowWater)(struct MEMA_TAG(Pool) *, void *);                                                     \
      void *lowWaterArg;                                                                                       \
      size_t lowWaterBytes;                                                                                    \
      bool (*onExhausted)(struct MEMA_TAG(Pool) *, size_t, void *);                                            \
      void *exhaustedArg;                                                                                      \
      size_t failIn;    /* requests until one fails on purpose, + 1; 0: none does */                           \
      uint32_t callers; /* callbacks and clean-ups under way, of this pool or one below it */                  \
      bool failsOnce;                                                                                          \
      bool exhausting;      /* its onExhausted is under way */                                                 \
      bool lowering;        /* its onLowWater must be called */                                                \
      bool ending;          /* its chunks are about to end */                                                  \
      uintptr_t markLife;   /* of the marks since init or the last reset; 0: none yet */                       \
      uintptr_t markSerial; /* of the youngest mark */                                                         \
      uintptr_t markedAt;   /* `allocations` at the youngest mark */                                           \
      uintptr_t stale[8];   /* ranges of serials of expired marks: above, to; oldest first */                  \
      uintptr_t callThread; /* what keeps the pool busy began in this thread; 0: unknown (callbacks.c) */      \
      uintptr_t callFrame;  /* and below this address of its stack */                                          \
      int (*unwind)(void **, int); /* of a pool that notes stacks */                                           \
      uint16_t stackEvery;         /* one of so many chunks has its stack noted; 0: none has */                \
      uint16_t stackIn;            /* chunks until the next one */                                             \
    };                                                                                                         \
  };
/* clang-format on */

#include "../../include/mema.h"

_Static_assert(sizeof(mema_Pool) == offsetof(mema_Pool, reserved) + mema_reservedWords * sizeof(uintptr_t),
               "the private fields fit in the words that mema.h reserves");

#endif
