/* settings.c - see settings.h. */
#define _GNU_SOURCE
#include "settings.h"

#include <stdlib.h>
#include <unistd.h>

#include "sizeText.h"
#include "text.h"

Settings settings = {.poolSize = MEMA_UNLIMITED};

bool environmentIsThere(void) {
  return environ != NULL;
}

__attribute__((noreturn)) static void refuseSize(const char *size, const char *reason) {
  Text line = {0};
  addString(&line, "mema: MEMA_POOL_SIZE: '");
  for (size_t i = 0; i < 64 && size[i] != '\0'; i++) {
    const char character[] = {size[i], '\0'};
    addString(&line, size[i] == '\n' ? " " : character);
  }
  addString(&line, "' is ");
  addString(&line, reason);
  addString(&line, "\n");
  writeText(STDERR_FILENO, &line);
  _exit(2);
}

static void readPoolSize(void) {
  const char *size = secure_getenv("MEMA_POOL_SIZE");
  if (size == NULL) return;
  const char *reason = parseSize(size, &settings.poolSize);
  if (reason != NULL) refuseSize(size, reason);
}

static void readReport(void) {
  const char *report = secure_getenv("MEMA_REPORT");
  if (report == NULL) return;
  size_t length = 0;
  while (report[length] != '\0') length++;
  /* A name cut short would be another file's. */
  if (length >= sizeof settings.report) return;
  for (size_t i = 0; i <= length; i++) settings.report[i] = report[i];
}

void readSettings(void) {
  readPoolSize();
  const char *strict = secure_getenv("MEMA_STRICT");
  settings.strict = strict != NULL && *strict != '\0' && !(strict[0] == '0' && strict[1] == '\0');
  readReport();
}
