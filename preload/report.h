/* report.h - what the preload library says: a line when a pointer is bad and the setting strict, and a report at exit. */
#ifndef MEMA_PRELOAD_REPORT_H
#define MEMA_PRELOAD_REPORT_H

/* `what` was called with a pointer that is nobody's. Returns, unless MEMA_STRICT is set. */
void reportBadPointer(const char *what, const void *ptr);

#endif
