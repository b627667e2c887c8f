/* contender.h - the heaps that a trace is played against: a pool, the C library's, and those of other libraries. */
#ifndef MEMA_CLI_CONTENDER_H
#define MEMA_CLI_CONTENDER_H

#include <stdbool.h>
#include <stddef.h>

#include "../trace/player.h"

typedef enum ContenderKind { CONTENDER_POOL, CONTENDER_LIBC, CONTENDER_LIBRARY } ContenderKind;

typedef struct Contender {
  ContenderKind kind;
  const char *name; /* as shown; of a library what dlopen is given */
  size_t poolSize;  /* of a pool */
  bool tracked;     /* of a pool */
} Contender;

/* Makes the heap ready in this process, which is for it alone. Returns NULL, or what is wrong as the end of a sentence. */
const char *openContender(const Contender *contender, PlayHeap *heap);

#endif
