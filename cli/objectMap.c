/* objectMap.c - see objectMap.h. Linear probing; a removal moves those behind it up, so that there are no tombstones (Knuth,
 * The Art of Computer Programming, volume 3, algorithm 6.4 R). */
#include "objectMap.h"

#include <stdlib.h>
#include <string.h>

/* Addresses differ by multiples of 16 and come in rows; the high bits of the product (Fibonacci hashing, ibid. 6.4) lie far
 * apart for neighbours. */
static size_t homeOf(const ObjectMap *map, uint64_t address) {
  return (size_t)((address >> 4) * 0x9e3779b97f4a7c15u >> map->shift);
}

static size_t find(const ObjectMap *map, uint64_t address) {
  size_t at = homeOf(map, address);
  while (map->entries[at].address != 0 && map->entries[at].address != address) at = (at + 1) & (map->room - 1);
  return at;
}

static bool grow(ObjectMap *map) {
  ObjectMap larger = {.room = (size_t)1 << 12, .shift = 64 - 12, .count = map->count};
  if (map->room > 0) {
    larger.room = map->room * 2;
    larger.shift = map->shift - 1;
  }
  larger.entries = calloc(larger.room, sizeof *larger.entries);
  if (larger.entries == NULL) return false;
  for (size_t i = 0; i < map->room; i++) {
    const ObjectEntry *entry = &map->entries[i];
    if (entry->address != 0) larger.entries[find(&larger, entry->address)] = *entry;
  }
  free(map->entries);
  *map = larger;
  return true;
}

ObjectAnswer putObject(ObjectMap *map, uint64_t address, uint32_t object, uint32_t *former) {
  if (map->count >= map->room / 2 && !grow(map)) return OBJECT_NO_MEMORY;
  ObjectEntry *entry = &map->entries[find(map, address)];
  bool isNew = entry->address == 0;
  *former = entry->object;
  *entry = (ObjectEntry){.address = address, .object = object};
  map->count += isNew;
  return isNew ? OBJECT_ADDED : OBJECT_REPLACED;
}

/* Whether an entry at `at` may move to the gap: its home is not cyclically between the two. */
static bool mayMove(const ObjectMap *map, size_t gap, size_t at) {
  size_t home = homeOf(map, map->entries[at].address);
  return ((at - home) & (map->room - 1)) >= ((at - gap) & (map->room - 1));
}

bool takeObject(ObjectMap *map, uint64_t address, uint32_t *object) {
  if (map->count == 0) return false;
  size_t gap = find(map, address);
  if (map->entries[gap].address == 0) return false;
  *object = map->entries[gap].object;
  for (size_t at = (gap + 1) & (map->room - 1); map->entries[at].address != 0; at = (at + 1) & (map->room - 1)) {
    if (!mayMove(map, gap, at)) continue;
    map->entries[gap] = map->entries[at];
    gap = at;
  }
  map->entries[gap].address = 0;
  map->count--;
  return true;
}

/* A large one is given up: clearing it for each of many small processes would take long. */
void clearObjects(ObjectMap *map) {
  if (map->room > 1u << 16) freeObjects(map);
  if (map->count > 0) memset(map->entries, 0, map->room * sizeof *map->entries);
  map->count = 0;
}

void freeObjects(ObjectMap *map) {
  free(map->entries);
  *map = (ObjectMap){0};
}
