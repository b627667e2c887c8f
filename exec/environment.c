/* environment.c - see environment.h. */
#define _GNU_SOURCE
#include "environment.h"

#include <dlfcn.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* The loader parts the paths in LD_PRELOAD at these. */
#define SEPARATORS " :"

#define PRELOAD "LD_PRELOAD="

static char library[PATH_MAX];
/* The beginning of LD_PRELOAD when this process was started, up to the library: what stands there goes before it. */
static char before[PATH_MAX];
static char texts[INHERITED_ROOM];
static const char *variables[INHERITED_MOST]; /* "NAME=value" in `texts`, or NULL: it was not set */
static size_t variableCount;

static const char *const *entriesOf(char *const *environment) {
  static const char *const none[] = {NULL};
  return environment != NULL ? (const char *const *)environment : none;
}

/* The value, if the entry is that of the variable: a name, or the name with the sign behind it. */
static const char *valueIn(const char *entry, const char *name) {
  size_t length = strcspn(name, "=");
  return strncmp(entry, name, length) == 0 && entry[length] == '=' ? entry + length + 1 : NULL;
}

/* ---- lists of libraries ------------------------------------------------------------------------------------------- */

/* The length of the list's part before the path; the whole length where that is not in it. */
static size_t lengthBefore(const char *list, const char *path, size_t pathLength) {
  size_t at = 0;
  while (list[at] != '\0') {
    size_t length = strcspn(list + at, SEPARATORS);
    if (length == pathLength && memcmp(list + at, path, length) == 0) break;
    at += length;
    at += strspn(list + at, SEPARATORS);
  }
  return at;
}

static bool isListed(const char *list, const char *path, size_t pathLength) {
  return list[lengthBefore(list, path, pathLength)] != '\0';
}

/* Of a list without the library, what stood before it in this process as well. */
static size_t lengthOfLeaders(const char *list) {
  size_t at = 0;
  for (;;) {
    size_t length = strcspn(list + at, SEPARATORS);
    if (length == 0 || !isListed(before, list + at, length)) return at;
    at += length;
    at += strspn(list + at, SEPARATORS);
  }
}

/* ---- what is inherited -------------------------------------------------------------------------------------------- */

static bool copyText(char *to, size_t room, const char *text, size_t length) {
  if (length >= room) return false;
  memcpy(to, text, length);
  to[length] = '\0';
  return true;
}

static bool findLibrary(void) {
  Dl_info info;
  return dladdr(library, &info) != 0 && info.dli_fname != NULL && info.dli_fname[0] == '/' &&
         copyText(library, sizeof library, info.dli_fname, strlen(info.dli_fname));
}

/* A variable that there is no room for is not kept. */
static void keepVariable(size_t number, const char *name, size_t *used) {
  for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
    if (valueIn(*entry, name) == NULL) continue;
    size_t length = strlen(*entry);
    if (copyText(texts + *used, sizeof texts - *used, *entry, length)) {
      variables[number] = texts + *used;
      *used += length + 1;
    }
    return;
  }
}

static void keepLeaders(void) {
  Lack lack;
  findLack(&lack, environ);
  if (lack.preload == NULL || lack.library) return;
  copyText(before, sizeof before, lack.preload, lengthBefore(lack.preload, library, strlen(library)));
}

bool rememberEnvironment(const char *const *names) {
  size_t used = 0;
  if (!findLibrary()) return false;
  for (variableCount = 0; names[variableCount] != NULL && variableCount < INHERITED_MOST; variableCount++) {
    keepVariable(variableCount, names[variableCount], &used);
  }
  keepLeaders();
  return variables[0] != NULL;
}

const char *inheritedLibrary(void) {
  return library;
}

const char *inheritedFile(void) {
  return strchr(variables[0], '=') + 1;
}

/* ---- what is missing ---------------------------------------------------------------------------------------------- */

void findLack(Lack *lack, char *const *environment) {
  unsigned there = 0;
  *lack = (Lack){0};
  for (const char *const *entry = entriesOf(environment); *entry != NULL; entry++) {
    lack->entries++;
    /* Of several the loader takes the last. */
    const char *preload = valueIn(*entry, PRELOAD);
    if (preload != NULL) lack->preload = preload;
    for (size_t i = 0; i < variableCount; i++) {
      const char *value = variables[i] != NULL ? valueIn(*entry, variables[i]) : NULL;
      if (value == NULL) continue;
      there |= 1u << i;
      /* A run within this one has its own settings, and what it left out it left out on purpose. */
      if (i == 0 && strcmp(value, inheritedFile()) != 0) there = ~0u;
    }
  }
  lack->library = lack->preload == NULL || !isListed(lack->preload, library, strlen(library));
  for (size_t i = 0; i < variableCount; i++) {
    if (variables[i] != NULL && (there & 1u << i) == 0) lack->variables |= 1u << i;
  }
}

void withoutLibrary(Lack *lack) {
  lack->superfluous = !lack->library;
  lack->library = false;
}

bool isLost(const Lack *lack) {
  return lack->library || (lack->variables & 1u) != 0;
}

/* ---- putting back ------------------------------------------------------------------------------------------------- */

size_t preloadRoom(const Lack *lack) {
  if (lack->superfluous) return sizeof PRELOAD + strlen(lack->preload);
  if (!lack->library) return 0;
  return sizeof PRELOAD + strlen(library) + 1 + (lack->preload != NULL ? strlen(lack->preload) : 0);
}

size_t roomToRestore(const Lack *lack) {
  if (!lack->library && !lack->superfluous && lack->variables == 0) return 0;
  return (lack->entries + INHERITED_MOST + 2) * sizeof(char *) + preloadRoom(lack);
}

static char *append(char *at, const char *text, size_t length) {
  memcpy(at, text, length);
  return at + length;
}

/* "LD_PRELOAD=" and the list, with the library in its place. */
static void writePreload(char *at, const char *list) {
  size_t leaders = lengthOfLeaders(list), length = strlen(list);
  at = append(at, PRELOAD, sizeof PRELOAD - 1);
  at = append(at, list, leaders);
  if (leaders > 0 && strchr(SEPARATORS, list[leaders - 1]) == NULL) *at++ = ':';
  at = append(at, library, strlen(library));
  if (length > leaders) *at++ = ':';
  at = append(at, list + leaders, length - leaders);
  *at = '\0';
}

/* "LD_PRELOAD=" and the list without the library. False if nothing else is in it. */
static bool writeOthers(char *at, const char *list) {
  size_t libraryLength = strlen(library);
  char *first = append(at, PRELOAD, sizeof PRELOAD - 1), *end = first;
  for (list += strspn(list, SEPARATORS); *list != '\0'; list += strspn(list, SEPARATORS)) {
    size_t length = strcspn(list, SEPARATORS);
    if (length != libraryLength || memcmp(list, library, length) != 0) {
      if (end != first) *end++ = ':';
      end = append(end, list, length);
    }
    list += length;
  }
  *end = '\0';
  return end != first;
}

size_t missingTexts(const char **missing, char *room, const Lack *lack) {
  size_t count = 0;
  if (lack->superfluous && writeOthers(room, lack->preload)) missing[count++] = room;
  if (lack->library) {
    writePreload(room, lack->preload != NULL ? lack->preload : "");
    missing[count++] = room;
  }
  for (size_t i = 0; i < variableCount; i++) {
    if ((lack->variables & 1u << i) != 0) missing[count++] = variables[i];
  }
  return count;
}

char **restoreEnvironment(void *room, char *const *environment, const Lack *lack) {
  const char **copy = room, **end = copy;
  const char *missing[INHERITED_MOST + 1];
  size_t count = missingTexts(missing, (char *)(copy + lack->entries + INHERITED_MOST + 2), lack);
  for (const char *const *entry = entriesOf(environment); *entry != NULL; entry++) {
    if ((!lack->library && !lack->superfluous) || valueIn(*entry, PRELOAD) == NULL) *end++ = *entry;
  }
  for (size_t i = 0; i < count; i++) *end++ = missing[i];
  *end = NULL;
  return (char **)room;
}
