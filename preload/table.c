/* table.c - see table.h. */
#define _GNU_SOURCE
#include "table.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heap.h"
#include "rawCalls.h"

static RunTable *table;
static RunSlot *slot;
/* A full table is asked once. */
static bool turnedAway;

static bool isRunTable(const RunTable *candidate) {
  return candidate->magic == RUN_TABLE_MAGIC && candidate->version == RUN_TABLE_VERSION &&
         candidate->slotSize == sizeof(RunSlot) && candidate->slotCount == RUN_TABLE_SLOTS;
}

static RunTable *mapTable(int file) {
  struct stat status;
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size != (off_t)RUN_TABLE_BYTES) return NULL;
  void *memory = rawMap(NULL, RUN_TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) return NULL;
  if (isRunTable(memory)) return memory;
  rawUnmap(memory, RUN_TABLE_BYTES);
  return NULL;
}

void tableOpen(void) {
  const char *path = secure_getenv(RUN_TABLE_VARIABLE);
  if (path == NULL || *path != '/') return;
  /* O_NONBLOCK: the name may have become that of a pipe. */
  int file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return;
  table = mapTable(file);
  close(file);
}

RunTable *sharedTable(void) {
  return table;
}

bool tableIsOpen(void) {
  return table != NULL;
}

static RunSlot *claimSlot(void) {
  uint32_t index = atomic_fetch_add_explicit(&table->claimed, 1, memory_order_relaxed);
  if (index >= RUN_TABLE_SLOTS) return NULL;
  RunSlot *claimed = &table->slots[index];
  claimed->pid = heapOwner.pid;
  claimed->parentPid = heapOwner.parentPid;
  for (size_t i = 0; i < RUN_NAME_ROOM; i++) claimed->name[i] = heapOwner.name[i];
  return claimed;
}

void tablePublish(const RunFigures *figures) {
  bool first = slot == NULL;
  if (table == NULL || turnedAway) return;
  if (first) slot = claimSlot();
  turnedAway = slot == NULL;
  if (turnedAway) return;
#define STORE_FIGURE(name) atomic_store_explicit(&slot->name, figures->name, memory_order_relaxed);
  RUN_FIGURES(STORE_FIGURE)
#undef STORE_FIGURE
  if (first) atomic_store_explicit(&slot->state, RUN_RUNNING, memory_order_release);
}

void tableForget(void) {
  slot = NULL;
  turnedAway = false;
}

void tableEnd(void) {
  if (slot != NULL) atomic_store_explicit(&slot->state, RUN_ENDED, memory_order_relaxed);
}
