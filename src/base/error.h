/* error.h - the last failure: of the calling thread, or of the program where there is no C library. The failing path stores a few words; the
 * sentence is made when it is asked for. */
#ifndef MEMA_BASE_ERROR_H
#define MEMA_BASE_ERROR_H

#include "base.h"
#include "faults.h"

/* Notes a failure, and sets errno to its number. */
MEMA_HIDDEN MEMA_SLOW void mema_fail(mema_Reason reason);

/* The same with the bytes asked for and the bytes there were. */
MEMA_HIDDEN MEMA_SLOW void mema_failBytes(mema_Reason reason, size_t wanted, size_t available);

/* The same with the fault, and its numbers (see faults.h). Returns false, for a tail call. */
MEMA_HIDDEN MEMA_SLOW bool mema_failFor(mema_Fault fault, size_t first, size_t second);

/* The same with the invariant that is broken, a constant string. */
MEMA_HIDDEN MEMA_SLOW void mema_failBroken(const char *invariant);

/* Why the last failure was one. */
MEMA_HIDDEN MEMA_SLOW mema_Reason mema_lastReason(void);

#endif
