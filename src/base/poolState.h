/* poolState.h - the fields of a Pool that its user does not see: they lie in the words that mema.h reserves.
 *
 * To be included before mema.h, as engine.h does: the library's own files then see a Pool with these fields in the place of
 * `reserved`. */
#ifndef MEMA_BASE_POOL_STATE_H
#define MEMA_BASE_POOL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef MEMA_H
#error "mema.h was included before poolState.h"
#endif

enum { mema_reservedWords = sizeof(void *) == 8 ? 41 : 48 };

struct mema_Heap;
struct mema_Node;
struct mema_Cleanup;

/* clang-format off */
#define MEMA_POOL_REST                                                                                                    \
  union {                                                                                                                  \
    uintptr_t reserved[mema_reservedWords];                                                                                \
    struct {                                                                                                               \
      uintptr_t seal;                                                                                                \
      uintptr_t generation;                                                                                          \
      struct mema_Heap *heap;                                                                                        \
      size_t slowPathBelow;   /* a charge that would leave less takes the long way */                                        \
      uint64_t ownerAndAge; /* what the last word of a Block begins its life as */                                         \
      size_t allocations;                                                                                            \
      size_t frees;                                                                                                  \
      size_t refused;                                                                                                \
      size_t badFrees;                                                                                               \
      size_t lowWater; /* the least freeSize seen */                                                                 \
      size_t charged;  /* by mema_chargePool, and not credited since */                                              \
      bool untracked;                                                                                                \
      bool committed;                                                                                                \
      bool bound;   /* as mema_Options.boundMemory */                                                                \
      bool alwaysSlow; /* requests below the watch are to be seen by the general path */                                \
      char name[22];                                                                                                 \
      size_t held;                      /* of the budget of a pool that threads share, by sub-pools */               \
      size_t deferredCredit;                      /* of that, let go by sub-pools when the pool's lock could not be taken */   \
      struct mema_Node *node;             /* of a pool that has sub-pools, or is one */                                \
      uintptr_t life;                   /* of the kin */                                                             \
      struct mema_Cleanup *cleanups[2]; /* newest first; by mema_CleanupTime */                                      \
      void (*onLowWater)(struct MEMA_TAG(Pool) *, void *);                                                           \
      void *lowWaterArg;                                                                                             \
      size_t lowWaterBytes;                                                                                          \
      bool (*onExhausted)(struct MEMA_TAG(Pool) *, size_t, void *);                                                  \
      void *exhaustedArg;                                                                                            \
      size_t failIn;    /* requests until one fails on purpose, + 1; 0: none does */                                 \
      uint32_t callers; /* callbacks and clean-ups under way, of this pool or of one below it */                     \
      bool failsOnce;                                                                                                \
      bool exhausting;      /* its onExhausted is under way */                                                       \
      bool lowering;        /* its onLowWater is to be called */                                                     \
      bool ending;          /* its chunks are about to end */                                                        \
      uintptr_t markLife;   /* of the marks since init, or the last reset; 0: none yet */                            \
      uintptr_t markSerial; /* of the youngest mark */                                                               \
      uintptr_t markedAt;   /* allocations at that time */                                                           \
      uintptr_t stale[8];   /* serials of expired marks: from, above which, and to; the oldest first */              \
      uintptr_t spare[2];                                                                                             \
    };                                                                                                                     \
  };
/* clang-format on */

#include "../../include/mema.h"

_Static_assert(sizeof(mema_Pool) == offsetof(mema_Pool, reserved) + mema_reservedWords * sizeof(uintptr_t),
               "the private fields fit in the words that mema.h reserves");

#endif
