/* settings.c - see settings.h. */
#define _GNU_SOURCE
#include "settings.h"

#include <stdlib.h>
#include <unistd.h>

#include "../exec/loading.h"
#include "rawCalls.h"
#include "sizeText.h"
#include "text.h"

Settings settings = {.poolSize = MEMA_UNLIMITED, .countMappings = true, .inherit = true};

bool environmentIsThere(void) {
  return environ != NULL;
}

__attribute__((noreturn)) static void refuseSize(const char *variable, const char *size, const char *reason) {
  Text line = {0};
  addString(&line, "mema: ");
  addString(&line, variable);
  addString(&line, ": '");
  for (size_t i = 0; i < 64 && size[i] != '\0'; i++) {
    const char character[] = {size[i], '\0'};
    addString(&line, size[i] == '\n' ? " " : character);
  }
  addString(&line, "' is ");
  addString(&line, reason);
  addString(&line, "\n");
  writeText(STDERR_FILENO, &line);
  rawExit(2);
}

/* Returns the variable's text. NULL if there is none: *bytes is unchanged then. */
static const char *readSize(const char *variable, size_t *bytes) {
  const char *size = secure_getenv(variable);
  const char *reason = size == NULL ? NULL : parseSize(size, bytes);
  if (reason != NULL) refuseSize(variable, size, reason);
  return size;
}

static void readSizes(void) {
  readSize("MEMA_POOL_SIZE", &settings.poolSize);
  const char *reserve = readSize("MEMA_RESERVE", &settings.reserve);
  if (settings.reserve >= settings.poolSize) refuseSize("MEMA_RESERVE", reserve, "not below MEMA_POOL_SIZE");
}

static bool isOff(const char *value) {
  return value[0] == '0' && value[1] == '\0';
}

static bool isOn(const char *variable) {
  const char *value = secure_getenv(variable);
  return value != NULL && *value != '\0' && !isOff(value);
}

static void readReport(void) {
  const char *report = secure_getenv("MEMA_REPORT");
  if (report == NULL) return;
  size_t length = 0;
  while (report[length] != '\0') length++;
  /* a name that was cut short would name another file */
  if (length >= sizeof settings.report) return;
  for (size_t i = 0; i <= length; i++) settings.report[i] = report[i];
}

void readSettings(void) {
  readSizes();
  const char *mappings = secure_getenv("MEMA_MMAP");
  settings.strict = isOn("MEMA_STRICT");
  leaveDeepBind(isOn("MEMA_DEEPBIND"));
  settings.countMappings = mappings == NULL || !isOff(mappings);
  const char *inherit = secure_getenv("MEMA_INHERIT");
  settings.inherit = inherit == NULL || !isOff(inherit);
  readReport();
}
