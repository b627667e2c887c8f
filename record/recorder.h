/* recorder.h - events into the raw log. Never allocates, never waits, keeps errno; may be called from any thread, from a signal
 * handler that interrupted it, and in a child however it was made. */
#ifndef MEMA_RECORDER_H
#define MEMA_RECORDER_H

#include "rawLog.h"

/* In the raw log; NULL where there is none. */
UnreachedList *unreachedList(void);

/* A library was opened without RTLD_DEEPBIND, which its call had. */
void recordDeepBind(void);

void recordEvent(RawKind kind, const void *address, uint64_t size);

#endif
