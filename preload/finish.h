/* finish.h - completes the figures of a process when it ends, or becomes another program. */
#ifndef MEMA_PRELOAD_FINISH_H
#define MEMA_PRELOAD_FINISH_H

#include <stdbool.h>

#include "runTable.h"

/* The process ends: completes its figures, and keeps them so. The heap goes on working for threads and
 * handlers that end later. Waits for other threads, for some seconds at most. Does nothing in a child of
 * vfork, whose memory is its parent's. False there, and if the caller interrupted the heap. Keeps errno. */
bool heapEnd(RunState how);

/* As heapEnd, before exec replaces this program by another. */
void heapPublish(void);

/* Takes heapPublish back after a failed exec: this program goes on. Keeps errno. */
void heapResume(void);

#endif
