/* owner.h - the process that the heap belongs to, by the numbers and the name that it shows others. */
#ifndef MEMA_PRELOAD_OWNER_H
#define MEMA_PRELOAD_OWNER_H

#include <stdint.h>

#include "runTable.h"

/* After vfork this is still the parent. */
typedef struct HeapOwner {
  int32_t pid;
  int32_t parentPid;
  char name[RUN_NAME_ROOM];
} HeapOwner;
extern HeapOwner heapOwner;

/* Notes the numbers of the calling process: when it starts, and in a forked child. */
void noteOwner(void);

/* Notes the name of the program. Programs point the C library's name at memory of their own, and free it: hence a copy. */
void noteOwnerName(void);

#endif
