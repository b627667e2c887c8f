/* family.h - the figures of a pool and of the pools below it. */
#ifndef MEMA_REPORT_FAMILY_H
#define MEMA_REPORT_FAMILY_H

#include "list.h"
#include "report.h"

/* One pool. Ids are those of tree.h; a pool without a family has 0. */
typedef struct mema_Member {
  mema_Stats stats;
  uint32_t id, parent; /* `parent` is 0 if there is none */
  /* False for an unshared sub-pool of a shared pool, which no lock keeps its thread out of: each figure is then of an
   * instant of its own, those of the heap and of the pools below are 0, and the pools below are left out. */
  bool exact;
} mema_Member;

/* Called for each member that is exact, while its pool is held. False: the walk ends, and the failure is noted. The
 * call for index 0 begins a walk, perhaps anew. */
typedef bool mema_Visit(void *arg, size_t index, const mema_Pool *pool, mema_Heap *heap);

/* The pool itself first, then the pools below it: each behind its parent. */
typedef struct mema_Family {
  mema_List list;
  mema_Visit *visit; /* NULL: none */
  void *arg;
  size_t held;    /* shared pools whose locks the walk has */
  unsigned tries; /* walks that were begun anew */
  mema_Member alone;
} mema_Family;

static inline const mema_Member *mema_membersOf(const mema_Family *family) {
  return family->list.items;
}

static inline size_t mema_membersIn(const mema_Family *family) {
  return family->list.used / sizeof(mema_Member);
}

/* Collects the figures; the caller has set `visit` and `arg`. False, and the failure noted, iff the pool is not live, the
 * system has no memory, or `visit` failed. If true, mema_forgetFamily ends it. A shared sub-pool whose lock the calling
 * thread may not wait for, as in a signal handler, is left out with the pools below it. */
MEMA_HIDDEN bool mema_collectFamily(const mema_Pool *pool, mema_Family *family);
static inline void mema_forgetFamily(mema_Family *family) {
  mema_endList(&family->list);
}

#endif
