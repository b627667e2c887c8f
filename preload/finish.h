/* finish.h - the figures of a process made complete, when it ends or becomes another program. */
#ifndef MEMA_PRELOAD_FINISH_H
#define MEMA_PRELOAD_FINISH_H

#include <stdbool.h>

#include "runTable.h"

/* The process comes to its end: its figures are complete, and stay so. The heap goes on working, for those who end later. Waits for other threads, but
 * for some seconds at most. Nothing in a child of vfork, whose memory is its parent's. False there, and where the caller interrupted the heap. Keeps
 * errno. */
bool heapEnd(RunState how);

/* Another program is about to take the place of this one (exec): the same. */
void heapPublish(void);

/* That failed, and this program goes on. Keeps errno. */
void heapResume(void);

#endif
