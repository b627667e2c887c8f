/* report.h - the messages of the preload library: a line for a bad pointer under MEMA_STRICT, and a report at
 * exit. */
#ifndef MEMA_PRELOAD_REPORT_H
#define MEMA_PRELOAD_REPORT_H

#include <stddef.h>

/* Reports that the function `what` was called with a pointer to no live chunk. Returns, unless MEMA_STRICT is
 * set. */
void reportBadPointer(const char *what, const void *ptr);

/* Report that `what` was called for a live chunk with a size or an alignment that cannot be right. As
 * reportBadPointer. */
void reportBadSize(const char *what, const void *ptr, size_t size, size_t room);
void reportBadAlignment(const char *what, const void *ptr, size_t alignment);

#endif
