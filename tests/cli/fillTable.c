/* fillTable FILE WORD=VALUE...: replaces the contents of the table of a run (preload/runTable.h), so that a test knows the figures
 * that `mema run` has to print. "name=" begins the next process, whose figures are exact ("exact=0": not); pid, parentPid, ended, programs and each figure are numbers,
 * "none" is no limit;
 * "lost" is how many processes found no slot; "times=N" repeats the process N times in all, its pid counting up. "unreached=" begins the
 * next program that could not be reached, with pid, obstacle, interpreters and started; "beyond" is how many found no entry. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mema.h>

#include "../../preload/runTable.h"

static RunTable *table;
static uint32_t count, unreachedCount;
static Unreached *unreached; /* the program that the words are about, or NULL: they are about a process */

static void begin(const char *name) {
  unreached = NULL;
  RunSlot *slot = &table->slots[count++];
  memset(slot, 0, sizeof *slot);
  strncpy(slot->name, name, sizeof slot->name - 1);
  slot->programs = 1;
  slot->state = RUN_LEFT | RUN_EXACT;
}

static void beginUnreached(const char *name) {
  unreached = &table->unreached.entries[unreachedCount++];
  strncpy(unreached->name, name, sizeof unreached->name - 1);
  unreached->state = UNREACHED_STARTED;
}

static void repeat(uint64_t times) {
  for (uint64_t i = 1; i < times && count < RUN_TABLE_SLOTS; i++, count++) {
    memcpy(&table->slots[count], &table->slots[count - 1], sizeof(RunSlot));
    table->slots[count].pid++;
  }
}

static bool isWord(const char *argument, const char *word) {
  size_t length = strlen(word);
  return strncmp(argument, word, length) == 0 && argument[length] == '=';
}

/* liveChunks are those of the last program; the rest of the counts is of programs before it. */
static bool setCount(RunSlot *slot, const char *argument, uint64_t number) {
  if (isWord(argument, "liveChunks")) {
    slot->allocationsBefore += slot->pool.allocations - number;
    slot->pool.allocations = number;
  } else if (isWord(argument, "allocations")) {
    slot->allocationsBefore = number - slot->pool.allocations;
  } else if (isWord(argument, "frees")) {
    slot->freesBefore = number;
  } else {
    return false;
  }
  return true;
}

static bool setFigure(RunSlot *slot, const char *argument, uint64_t number) {
#define FIGURE(name, field) \
  { #name, &slot->field }
  const struct {
    const char *name;
    _Atomic uint64_t *figure;
  } figures[] = {FIGURE(peakBytes, pool.peakBytes), FIGURE(liveBytes, pool.liveBytes),  FIGURE(footprint, pool.footprint),
                 FIGURE(poolSize, poolSize),        FIGURE(refused, refused),           FIGURE(overBudget, overBudget),
                 FIGURE(badFrees, badFrees),        FIGURE(foreignFrees, foreignFrees), FIGURE(droppedFrees, droppedFrees),
                 FIGURE(deepBinds, deepBinds),      FIGURE(unknownFrees, unknownFrees), FIGURE(mappedBytes, mappedBytes),
                 FIGURE(peakMapped, peakMapped)};
#undef FIGURE
  for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
    if (!isWord(argument, figures[i].name)) continue;
    *figures[i].figure = number;
    return true;
  }
  return setCount(slot, argument, number);
}

static bool describeUnreached(const char *argument, uint64_t number) {
  if (isWord(argument, "pid")) {
    unreached->pid = (int32_t)number;
  } else if (isWord(argument, "obstacle")) {
    unreached->obstacle = (uint16_t)number;
  } else if (isWord(argument, "interpreters")) {
    unreached->interpreters = (uint16_t)number;
  } else if (isWord(argument, "started")) {
    unreached->state = number != 0 ? UNREACHED_STARTED : UNREACHED_REFUSED;
  } else {
    return false;
  }
  return true;
}

static bool describeProcess(const char *argument, uint64_t number) {
  if (count == 0) return false;
  RunSlot *slot = &table->slots[count - 1];
  if (isWord(argument, "pid")) {
    slot->pid = (int32_t)number;
  } else if (isWord(argument, "parentPid")) {
    slot->parentPid = (int32_t)number;
  } else if (isWord(argument, "ended")) {
    slot->state = (number != 0 ? RUN_ENDED : RUN_LEFT) | RUN_EXACT;
  } else if (isWord(argument, "programs")) {
    slot->programs = (uint32_t)number;
  } else if (isWord(argument, "exact")) {
    slot->state = number != 0 ? RUN_LEFT | RUN_EXACT : RUN_RUNNING;
  } else if (isWord(argument, "times")) {
    repeat(number);
  } else {
    return setFigure(slot, argument, number);
  }
  return true;
}

static bool obey(const char *argument, uint32_t *lost) {
  const char *value = strchr(argument, '=');
  if (value == NULL) return false;
  value++;
  uint64_t number = strcmp(value, "none") == 0 ? MEMA_UNLIMITED : strtoull(value, NULL, 10);
  if (isWord(argument, "name")) {
    begin(value);
  } else if (isWord(argument, "unreached")) {
    beginUnreached(value);
  } else if (isWord(argument, "lost")) {
    *lost = (uint32_t)number;
  } else if (isWord(argument, "beyond")) {
    table->unreached.beyond = (uint32_t)number;
  } else if (unreached != NULL) {
    return describeUnreached(argument, number);
  } else {
    return describeProcess(argument, number);
  }
  return true;
}

/* All that processes have told. */
static void emptyTable(void) {
  uint32_t version = table->version;
  memset(table, 0, RUN_TABLE_BYTES);
  table->magic = RUN_TABLE_MAGIC;
  table->version = version;
  table->slotSize = sizeof(RunSlot);
  table->slotCount = RUN_TABLE_SLOTS;
}

int main(int argc, char **argv) {
  uint32_t lost = 0;
  int file = argc > 1 ? open(argv[1], O_RDWR) : -1;
  table = file < 0 ? MAP_FAILED : mmap(NULL, RUN_TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (table == MAP_FAILED || table->magic != RUN_TABLE_MAGIC) return 2;
  emptyTable();
  for (int i = 2; i < argc; i++) {
    if (!obey(argv[i], &lost)) return 3;
  }
  table->claimed = lost > 0 ? RUN_TABLE_SLOTS + lost : count;
  return 0;
}
