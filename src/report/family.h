/* family.h - the figures of a pool and of the pools below it, of one moment. */
#ifndef MEMA_REPORT_FAMILY_H
#define MEMA_REPORT_FAMILY_H

#include "report.h"

/* One pool. Ids are those of tree.h; a pool without a family has 0. */
typedef struct mema_Member {
  mema_Stats stats;
  uint32_t id, parent; /* `parent` is 0 if there is none */
} mema_Member;

/* The pool itself first, then the pools below it: each behind its parent. */
typedef struct mema_Family {
  mema_Member *members;
  size_t count;
  size_t bytes; /* of the memory that holds the members; 0: `alone` does */
  mema_Member alone;
} mema_Family;

/* Collects the figures. Sub-pools of shared pools are left out, since other threads may be in them. False, and the
 * failure noted, iff the pool is not live, or the system has no memory. mema_forgetFamily ends it. */
MEMA_HIDDEN bool mema_collectFamily(const mema_Pool *pool, mema_Family *family);
MEMA_HIDDEN void mema_forgetFamily(mema_Family *family);

#endif
