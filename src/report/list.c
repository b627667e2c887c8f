/* list.c - see list.h. */
#include "list.h"

#include <string.h>

#include "../base/error.h"
#include "../memory/os.h"

static bool grow(mema_List *list, size_t bytes) {
  size_t size = mema_roundUp(2 * list->size + bytes, mema_osPageSize());
  void *items = mema_osReserve(size, mema_osPageSize());
  if (items == NULL) {
    mema_failBytes(MEMA_NO_MEMORY, size, 0);
    return false;
  }
  if (list->used != 0) memcpy(items, list->items, list->used);
  mema_endList(list);
  list->items = items;
  list->size = size;
  list->mapped = true;
  return true;
}

void *mema_addItem(mema_List *list, size_t bytes) {
  if (list->size - list->used < bytes && !grow(list, bytes)) return NULL;
  char *item = (char *)list->items + list->used;
  list->used += bytes;
  return item;
}

void mema_endList(mema_List *list) {
  if (list->mapped) mema_osRelease(list->items, list->size);
}
