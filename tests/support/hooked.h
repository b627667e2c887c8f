/* Memory for pools by hooks that keep watch over the protocol: memory that was not committed cannot be touched (an access faults), and every
 * call is held against what mema.h says of it. A breach prints a line on stderr and ends the program. */
#ifndef HOOKED_H
#define HOOKED_H

#include "mema.h"

/* The settings and counts of a source. The first four may be set at any time. */
typedef struct Hooks {
  size_t failAt;    /* the call of this number from now on (1: the next) to reserve, commit or purge is refused; 0: none */
  bool failOn;      /* and all after it */
  size_t room;      /* bytes that may be reserved at one time; 0: any number */
  size_t most;      /* bytes that may be committed at one time; 0: any number */
  size_t calls;     /* to reserve, commit and purge */
  size_t refusals;  /* of them */
  size_t reserved;  /* bytes now */
  size_t committed; /* bytes now */
  size_t live;      /* reservations now */
  size_t reserves, releases, commits, purges;
} Hooks;

/* Reads as zero; holds garbage at first and after each purge; the same without purge; without commit. They share nothing but the code. */
extern const mema_Memory hookedZeroed, hookedDirty, hookedKept, hookedWhole;

static inline Hooks *hooksOf(const mema_Memory *memory) {
  return memory->user;
}

/* The source as if it had never been used. One that is not at rest ends the program. */
Hooks *freshHooks(const mema_Memory *memory);

/* Whether [base, base + size) lies in a reservation of this source, and is committed throughout. */
bool isCommitted(const mema_Memory *memory, const void *base, size_t size);

#endif
