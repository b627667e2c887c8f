/* report.h - the function that the reports have in common. */
#ifndef MEMA_REPORT_REPORT_H
#define MEMA_REPORT_REPORT_H

#include "../threads/hold.h"

/* Collects the statistics of a pool that no other thread is in. */
MEMA_HIDDEN void mema_collectStats(const mema_Pool *pool, const mema_Heap *first, mema_Stats *stats);

#endif
