/* error.h - the calling thread's last failure. The failing path stores a few words; the sentence is made when it is asked for. */
#ifndef MEMA_ERROR_H
#define MEMA_ERROR_H

#include "engine.h"

/* Notes a failure, and sets errno to its number. */
MEMA_HIDDEN MEMA_SLOW void mema_fail(mema_Reason reason);

/* The same with the bytes asked for and the bytes there were. */
MEMA_HIDDEN MEMA_SLOW void mema_failBytes(mema_Reason reason, size_t wanted, size_t available);

/* The same with the invariant that is broken, a constant string. */
MEMA_HIDDEN MEMA_SLOW void mema_failBroken(const char *invariant);

/* Why the calling thread's last failure was one. */
MEMA_HIDDEN mema_Reason mema_lastReason(void);

#endif
