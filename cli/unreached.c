/* unreached.c - see unreached.h. */
#define _GNU_SOURCE
#include "unreached.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "layout.h"

enum { KINDS_SHOWN = 5, INDENT = 2 };

/* Programs of one name, state and reason. */
typedef struct Kind {
  const Unreached *first;
  size_t count;
} Kind;

/* Of one state. The kinds are in the order in which they were first noted; later the most frequent come first. */
typedef struct Kinds {
  Kind list[UNREACHED_ENTRIES];
  size_t count;
  size_t programs;
} Kinds;

UnreachedState unreachedState(const Unreached *entry) {
  return (UnreachedState)atomic_load_explicit(&entry->state, memory_order_acquire);
}

const char *unreachedReason(char text[REASON_ROOM], const Unreached *entry) {
  snprintf(text, REASON_ROOM, "%s%s", entry->interpreters > 0 ? "interpreter: " : "", obstacleName(entry->obstacle));
  return text;
}

static bool isAlike(const Unreached *a, const Unreached *b) {
  return a->obstacle == b->obstacle && (a->interpreters > 0) == (b->interpreters > 0) &&
         strncmp(a->name, b->name, UNREACHED_NAME_ROOM) == 0;
}

static void countProgram(Kinds *kinds, const Unreached *entry) {
  size_t i = 0;
  while (i < kinds->count && !isAlike(kinds->list[i].first, entry)) i++;
  if (i == kinds->count) kinds->list[kinds->count++] = (Kind){.first = entry};
  kinds->list[i].count++;
  kinds->programs++;
}

static int byCount(const void *left, const void *right) {
  const Kind *a = left, *b = right;
  if (a->count != b->count) return a->count < b->count ? 1 : -1;
  return (a->first > b->first) - (a->first < b->first);
}

static const Kinds *sortKinds(const UnreachedList *list, UnreachedState state) {
  static Kinds kinds;
  kinds.count = kinds.programs = 0;
  for (size_t i = 0; i < UNREACHED_ENTRIES; i++) {
    if (unreachedState(&list->entries[i]) == state) countProgram(&kinds, &list->entries[i]);
  }
  qsort(kinds.list, kinds.count, sizeof(Kind), byCount);
  return &kinds;
}

typedef char KindText[4 * UNREACHED_NAME_ROOM + REASON_ROOM + 32];

static const char *describeKind(KindText text, const Kind *kind) {
  char name[4 * UNREACHED_NAME_ROOM + 1], reason[REASON_ROOM];
  copyName(name, kind->first->name, UNREACHED_NAME_ROOM);
  int length = snprintf(text, sizeof(KindText), "%s (%s)", name, unreachedReason(reason, kind->first));
  if (kind->count > 1) snprintf(text + length, sizeof(KindText) - (size_t)length, ", %zu times", kind->count);
  return text;
}

static void printKinds(FILE *out, const char *command, const char *fate, const char *fates, const Kinds *kinds) {
  KindText text;
  unsigned width = lineWidth(out);
  size_t shown = kinds->count < KINDS_SHOWN ? kinds->count : KINDS_SHOWN, rest = kinds->programs;
  if (kinds->count == 0) return;
  const char *sentence = kinds->programs == 1 ? fate : fates;
  if (kinds->count == 1) {
    describeKind(text, &kinds->list[0]);
    printWrapped(out, width, 0, "%s: %zu %s: %s", command, kinds->programs, sentence, text);
    return;
  }
  printWrapped(out, width, 0, "%s: %zu %s:", command, kinds->programs, sentence);
  for (size_t i = 0; i < shown; i++) {
    printWrapped(out, width, INDENT, "%s", describeKind(text, &kinds->list[i]));
    rest -= kinds->list[i].count;
  }
  if (rest > 0) printWrapped(out, width, INDENT, "and %zu more", rest);
}

void printUnreached(FILE *out, const char *command, const UnreachedList *list) {
  unsigned beyond = atomic_load(&list->beyond);
  printKinds(out, command, "program could not be reached", "programs could not be reached",
             sortKinds(list, UNREACHED_STARTED));
  printKinds(out, command, "program was not started", "programs were not started", sortKinds(list, UNREACHED_REFUSED));
  if (beyond > 0) printWrapped(out, lineWidth(out), INDENT, "and %u more, which the list had no room for", beyond);
  fflush(out);
}
