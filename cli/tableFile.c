/* tableFile.c - see tableFile.h. */
#define _GNU_SOURCE
#include "tableFile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
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

/* ---- files that killed runs left ---------------------------------------------------------------------------------- */

#define NAME_BEGIN "mema-"
#define NAME_LETTERS 6

static bool hasTableName(const char *name) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  size_t begin = sizeof NAME_BEGIN - 1;
  return strncmp(name, NAME_BEGIN, begin) == 0 && strspn(name + begin, letters) == NAME_LETTERS &&
         name[begin + NAME_LETTERS] == '\0';
}

/* True if it is a table of this user whose run has ended: no process holds its lock. Tables of older versions have no lock. */
static bool isLeftOver(int file) {
  RunTable head;
  struct stat status;
  return fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
         pread(file, &head, offsetof(RunTable, unreached), 0) == (ssize_t)offsetof(RunTable, unreached) &&
         head.magic == RUN_TABLE_MAGIC && head.version >= RUN_TABLE_VERSION && flock(file, LOCK_EX | LOCK_NB) == 0;
}

static void removeLeftOver(int directory, const char *name) {
  int file = openat(directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return;
  if (isLeftOver(file)) unlinkat(directory, name, 0);
  close(file);
}

static void removeLeftOvers(const char *path) {
  DIR *directory = opendir(path);
  if (directory == NULL) return;
  for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
    if (hasTableName(entry->d_name)) removeLeftOver(dirfd(directory), entry->d_name);
  closedir(directory);
}

/* ---- this run's --------------------------------------------------------------------------------------------------- */

/* The guardian knows the name before the file is there. */
static int makeFile(TableFile *file, const char *directory) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345"; /* 32 */
  for (int tries = 0; tries < 100; tries++) {
    unsigned char random[NAME_LETTERS];
    char name[NAME_LETTERS + 1] = "";
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) return -1;
    for (size_t i = 0; i < NAME_LETTERS; i++) name[i] = letters[random[i] % 32];
    if (snprintf(file->path, sizeof file->path, "%s/" NAME_BEGIN "%s", directory, name) >= (int)sizeof file->path) return -1;
    if (access(file->path, F_OK) == 0) continue;
    nameFile(&file->guardian, file->path);
    int made = open(file->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (made >= 0 || errno != EEXIST) return moveAside(made);
  }
  return -1;
}

static bool makeIn(TableFile *file, const char *directory) {
  if (directory == NULL || *directory != '/') return false;
  removeLeftOvers(directory);
  file->descriptor = makeFile(file, directory);
  if (file->descriptor < 0) return false;
  flock(file->descriptor,
        LOCK_EX | LOCK_NB); /* before the table is one; where there are no locks, no run removes another's */
  file->table = mapTable(file->descriptor);
  if (file->table != NULL) return true;
  int reason = errno;
  close(file->descriptor);
  unlink(file->path);
  errno = reason;
  return false;
}

bool makeTableFile(TableFile *file) {
  startGuardian(&file->guardian);
  if (makeIn(file, "/dev/shm") || makeIn(file, getenv("TMPDIR")) || makeIn(file, "/tmp")) return true;
  complain("cannot make a table for the figures in /dev/shm, TMPDIR or /tmp: %s", strerror(errno));
  endGuardian(&file->guardian);
  return false;
}

static void copySlot(Process *process, const RunTable *table, uint32_t place) {
  const RunSlot *slot = &table->slots[place];
  uint32_t state = atomic_load(&slot->state);
  process->pid = slot->pid;
  process->parentPid = slot->parentPid;
  process->ended = (state & RUN_STATE_MASK) == RUN_ENDED;
  process->exact = (state & RUN_EXACT) != 0;
  process->programs = atomic_load(&slot->programs);
  memcpy(process->name, slot->name, sizeof process->name);
  process->name[sizeof process->name - 1] = '\0';
  readFigures(slot, &process->figures);
  process->onPurpose = loadFigure(&table->onPurpose[place]);
  process->overTotal = loadFigure(&table->leases[place].refused);
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
  processes->total = &file->table->total;
  processes->points = &file->table->points;
  processes->lost = claimed - slots;
  processes->list = calloc(slots + 1, sizeof *processes->list);
  if (processes->list == NULL) return false;
  for (size_t i = 0; i < slots; i++) {
    const RunSlot *slot = &file->table->slots[i];
    if (isOfInterest(slot)) copySlot(&processes->list[processes->count++], file->table, (uint32_t)i);
  }
  return true;
}

void clearTable(const TableFile *file) {
  RunTable *table = file->table;
  size_t claimed = atomic_load(&table->claimed);
  size_t slots = claimed < RUN_TABLE_SLOTS ? claimed : RUN_TABLE_SLOTS,
         pids = claimed < RUN_TABLE_PIDS ? claimed : RUN_TABLE_PIDS;
  memset(table->slots, 0, slots * sizeof(RunSlot));
  memset((void *)table->pids, 0, pids * sizeof table->pids[0]);
  memset(&table->unreached, 0, sizeof table->unreached);
  memset(&table->points, 0, sizeof table->points);
  atomic_store(&table->claimed, 0);
}

void removeTableFile(TableFile *file) {
  if (!endGuardian(&file->guardian)) unlink(file->path);
  close(file->descriptor);
  munmap(file->table, RUN_TABLE_BYTES);
}
