/* text.c - see text.h. */
#define _GNU_SOURCE
#include "text.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>

#include "jsonText.h"
#include "rawCalls.h"
#include "sizeText.h"

static void addCharacter(Text *text, char character) {
  if (text->length < sizeof text->bytes) text->bytes[text->length++] = character;
}

void addString(Text *text, const char *string) {
  while (*string != '\0') addCharacter(text, *string++);
}

void addNumber(Text *text, uint64_t number) {
  char digits[SIZE_TEXT_ROOM];
  formatNumber(digits, number);
  addString(text, digits);
}

void addAddress(Text *text, const void *address) {
  uintptr_t value = (uintptr_t)address;
  unsigned digits = 1;
  while (digits < sizeof value * 2 && value >> (4 * digits) != 0) digits++;
  addString(text, "0x");
  while (digits-- > 0) addCharacter(text, "0123456789abcdef"[(value >> (4 * digits)) & 15]);
}

void addSize(Text *text, uint64_t size) {
  char digits[SIZE_TEXT_ROOM];
  addString(text, formatSize(digits, size));
}

void addJsonString(Text *text, const char *string) {
  char escape[JSON_ESCAPE_ROOM];
  addCharacter(text, '"');
  while (nextJsonEscape(&string, escape) > 0) addString(text, escape);
  addCharacter(text, '"');
}

/* True for the signals of a failed write, which would end the program: the reader has gone, or the file is at
 * its limit. */
static bool isWriteSignal(int number) {
  return number == SIGPIPE || number == SIGXFSZ;
}

static void discardWriteSignals(const sigset_t *wanted) {
  while (rawTakeSignal(wanted)) continue;
}

void writeText(int descriptor, const Text *text) {
  int savedErrno = errno;
  sigset_t blocked, before, pending;
  sigemptyset(&blocked);
  sigpending(&pending);
  for (int number = 1; number < 32; number++) {
    if (isWriteSignal(number) && !sigismember(&pending, number)) sigaddset(&blocked, number);
  }
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  if (rawWrite(descriptor, text->bytes, text->length) < 0) discardWriteSignals(&blocked);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = savedErrno;
}
