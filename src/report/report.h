/* report.h - what the reports share. */
#ifndef MEMA_REPORT_REPORT_H
#define MEMA_REPORT_REPORT_H

#include "../threads/share.h"

/* The statistics of a pool that no other thread is in. */
MEMA_HIDDEN void mema_collectStats(const mema_Pool *pool, const mema_Heap *first, mema_Stats *stats);

#endif
