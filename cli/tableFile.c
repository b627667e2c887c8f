/* tableFile.c - see tableFile.h. */
#define _GNU_SOURCE
#include "tableFile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "complain.h"
#include "descriptor.h"

/* All of it now: a page that the file system cannot give later would be a SIGBUS in the program. A limit (`ulimit -f`) is an
 * answer, not a signal, which would leave the file behind. Returns an errno. */
static int takeRoom(int file) {
  struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
  sigaction(SIGXFSZ, &ignore, &before);
  int reason = posix_fallocate(file, 0, (off_t)RUN_TABLE_BYTES);
  sigaction(SIGXFSZ, &before, NULL);
  return reason;
}

static RunTable *mapTable(int file) {
  int reason = takeRoom(file);
  if (reason != 0) {
    errno = reason;
    return NULL;
  }
  RunTable *table = mmap(NULL, RUN_TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (table == MAP_FAILED) return NULL;
  table->version = RUN_TABLE_VERSION;
  table->slotSize = sizeof(RunSlot);
  table->slotCount = RUN_TABLE_SLOTS;
  table->magic = RUN_TABLE_MAGIC;
  return table;
}

static bool makeIn(TableFile *file, const char *directory) {
  if (directory == NULL || *directory != '/') return false;
  if (snprintf(file->path, sizeof file->path, "%s/mema-XXXXXX", directory) >= (int)sizeof file->path) return false;
  /* Which is O_EXCL and 0600. */
  int made = mkostemp(file->path, O_CLOEXEC);
  if (made < 0) return false;
  int descriptor = moveAside(made);
  file->table = descriptor < 0 ? NULL : mapTable(descriptor);
  int reason = errno;
  if (descriptor >= 0) close(descriptor);
  if (file->table != NULL) return true;
  unlink(file->path);
  errno = reason;
  return false;
}

bool makeTableFile(TableFile *file) {
  if (makeIn(file, "/dev/shm") || makeIn(file, getenv("TMPDIR")) || makeIn(file, "/tmp")) return true;
  complain("cannot make a table for the figures in /dev/shm, TMPDIR or /tmp: %s", strerror(errno));
  return false;
}

static void copySlot(Process *process, const RunSlot *slot) {
  uint32_t state = atomic_load(&slot->state);
  process->pid = slot->pid;
  process->parentPid = slot->parentPid;
  process->ended = (state & RUN_STATE_MASK) == RUN_ENDED;
  process->exact = (state & RUN_EXACT) != 0;
  process->programs = atomic_load(&slot->programs);
  memcpy(process->name, slot->name, sizeof process->name);
  process->name[sizeof process->name - 1] = '\0';
  readFigures(slot, &process->figures);
}

/* Whether the process is to be named. A copy of its parent that became a program without the library did so a moment after the fork, as a rule; the
 * program is told of elsewhere. */
static bool isOfInterest(const RunSlot *slot) {
  uint32_t state = atomic_load(&slot->state);
  if ((state & RUN_STATE_MASK) == RUN_UNUSED) return false;
  bool passing = (state & RUN_STATE_MASK) == RUN_REPLACED && (state & RUN_FORKED) != 0;
  return !passing || slot->refused + slot->badFrees > 0;
}

bool readProcesses(const TableFile *file, Processes *processes) {
  size_t claimed = atomic_load(&file->table->claimed);
  size_t slots = claimed < RUN_TABLE_SLOTS ? claimed : RUN_TABLE_SLOTS;
  processes->count = 0;
  processes->unreached = &file->table->unreached;
  processes->lost = claimed - slots;
  processes->list = calloc(slots + 1, sizeof *processes->list);
  if (processes->list == NULL) return false;
  for (size_t i = 0; i < slots; i++) {
    const RunSlot *slot = &file->table->slots[i];
    if (isOfInterest(slot)) copySlot(&processes->list[processes->count++], slot);
  }
  return true;
}

void removeTableFile(TableFile *file) {
  unlink(file->path);
  munmap(file->table, RUN_TABLE_BYTES);
}
