/* error.h - the last failure: of the calling thread, or of the program if there is no C library. The failing
 * path stores a few words; the sentence is made on request. */
#ifndef MEMA_BASE_ERROR_H
#define MEMA_BASE_ERROR_H

#include "base.h"
#include "faults.h"

/* Notes a failure, and sets errno to its number. */
MEMA_HIDDEN MEMA_SLOW void mema_fail(mema_Reason reason);

/* As mema_fail, with the bytes requested and the bytes available. */
MEMA_HIDDEN MEMA_SLOW void mema_failBytes(mema_Reason reason, size_t wanted, size_t available);

/* As mema_fail, with a fault and its numbers (see faults.h). Returns false, for a tail call. */
MEMA_HIDDEN MEMA_SLOW bool mema_failFor(mema_Fault fault, size_t first, size_t second);

/* As mema_fail, with the broken invariant, a constant string. */
MEMA_HIDDEN MEMA_SLOW void mema_failBroken(const char *invariant);

/* The reason of the last failure. */
MEMA_HIDDEN MEMA_SLOW mema_Reason mema_lastReason(void);

#endif
