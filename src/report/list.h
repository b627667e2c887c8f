/* list.h - a list that grows, in memory of its own: a report uses no pool and no malloc. */
#ifndef MEMA_REPORT_LIST_H
#define MEMA_REPORT_LIST_H

#include "../base/base.h"

typedef struct mema_List {
  void *items;
  size_t used, size; /* bytes */
  bool mapped;       /* false: in memory of the caller */
} mema_List;

/* The list begins in `size` bytes of the caller; 0: none. */
static inline void mema_beginList(mema_List *list, void *items, size_t size) {
  *list = (mema_List){.items = items, .size = size};
}

/* Returns the room for one more item, at the end. NULL, and the failure noted, iff there is no memory. */
MEMA_HIDDEN void *mema_addItem(mema_List *list, size_t bytes);
MEMA_HIDDEN void mema_endList(mema_List *list);

#endif
