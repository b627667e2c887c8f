/* objectMap.h - which object lives at an address: a hash table with open addressing. */
#ifndef MEMA_CLI_OBJECT_MAP_H
#define MEMA_CLI_OBJECT_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An address of 0 is no entry. */
typedef struct ObjectEntry {
  uint64_t address;
  uint32_t object;
} ObjectEntry;

/* Zeroed: empty. */
typedef struct ObjectMap {
  ObjectEntry *entries;
  size_t room; /* a power of two, more than half of it free; or 0 */
  size_t count;
  unsigned shift; /* 64 less the room as a power of two */
} ObjectMap;

typedef enum ObjectAnswer { OBJECT_ADDED, OBJECT_REPLACED, OBJECT_NO_MEMORY } ObjectAnswer;

/* Puts an object at an address. OBJECT_REPLACED: there was one already, *former. */
ObjectAnswer putObject(ObjectMap *map, uint64_t address, uint32_t object, uint32_t *former);

/* Takes an address out of the map. False where it is not in it. */
bool takeObject(ObjectMap *map, uint64_t address, uint32_t *object);

/* Empties it. */
void clearObjects(ObjectMap *map);

void freeObjects(ObjectMap *map);

#endif
