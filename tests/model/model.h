/* A reference model of a pool: an array of live chunks, oldest first, and a number of free bytes. Each call below makes the
 * real call, knows the right answer, and ends the program with a complaint if the pool gives another one. */
#ifndef MODEL_H
#define MODEL_H

#include "support.h"

typedef struct ModelChunk {
  unsigned char *ptr;
  size_t size;   /* as requested, 1 at least */
  size_t charge; /* the bytes that the budget pays for it */
  unsigned seed; /* of the pattern it is filled with */
} ModelChunk;

/* freeSize == poolSize - the sum of the chunks' charges - charged, always. */
typedef struct Model {
  Pool *pool;
  bool untracked, shared;
  bool bound; /* a charge is of the bytes that a chunk occupies, and its Block; its size is the one asked for */
  bool inBuffer;
  bool bySize;    /* the charge goes by the size, wherever the chunk lies: in all engines but slabs */
  bool fragments; /* a request within the budget may be refused where no gap in the buffer has room for it */
  size_t poolSize, freeSize, peak;
  size_t charged;     /* by mema_chargePool */
  ModelChunk *chunks; /* in the order of the chain */
  size_t count, room;
  size_t allocations, frees, refused, badFrees;
  unsigned nextSeed;
  Pool twin;             /* of a bound pool: an untracked one with the same options */
  void (*explain)(void); /* how the program came here; printed with a complaint */
} Model;

/* The charge that an untracked pool made for a plain request of so many bytes; it is the same each time. */
enum { modelLearntSizes = 1025 };
extern size_t modelLearnt[modelLearntSizes];
void modelForget(void); /* another configuration begins */

/* The charge of a request to a pool with boundMemory. Its untracked twin knows the bytes that the request occupies. */
size_t modelBoundCharge(Pool *twin, size_t alignment, size_t size);

typedef enum ModelCall { modelPalloc, modelPcalloc, modelPmemalign } ModelCall;

void modelStart(Model *model, Pool *pool, const mema_Options *options);
void modelAllocate(Model *model, ModelCall call, size_t alignment, size_t size);
void modelRepalloc(Model *model, size_t index, size_t size);
void modelFree(Model *model, size_t index);
/* pfree of any value: true iff a live chunk starts there. */
void modelTryFree(Model *model, void *pointer);
/* repalloc of a value that is no live chunk. */
void modelTryRepalloc(Model *model, void *pointer, size_t size);
/* Any number of bytes, refused where they are too many. */
void modelCharge(Model *model, size_t bytes);
void modelCredit(Model *model, size_t bytes);
void modelReset(Model *model);
void modelResize(Model *model, size_t poolSize);
void modelTrim(Model *model);
void modelAudit(Model *model); /* mema_checkPool, the chain, every count, every byte; no chunk overlaps another */
void modelEnd(Model *model);

size_t modelFind(const Model *model, const void *pointer); /* its index, or count */

#endif
