/* owner.h - the process that the heap belongs to: its numbers and its name, as other processes see them. */
#ifndef MEMA_PRELOAD_OWNER_H
#define MEMA_PRELOAD_OWNER_H

#include <stdint.h>

#include "runTable.h"

/* The process that the heap belongs to. After vfork this is still the parent. */
typedef struct HeapOwner {
  int32_t pid;
  int32_t parentPid;
  char name[RUN_NAME_ROOM];
} HeapOwner;
extern HeapOwner heapOwner;

/* Notes the numbers of the calling process: when it starts, and in a forked child. */
void noteOwner(void);

/* Notes a copy of the program's name. The C library's pointer may later lead to memory that the program
 * frees. */
void noteOwnerName(void);

#endif
