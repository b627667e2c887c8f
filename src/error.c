/* error.c - see error.h. Sentences are put together by hand: a failure may be reported where stdio has no memory left. */
#include "error.h"

#include <errno.h>
#include <string.h>

typedef struct Failure {
  mema_Reason reason;
  size_t wanted, available;
  const char *invariant;
  int errnoBefore;
} Failure;

static _Thread_local Failure last;
static _Thread_local mema_Error told;
static _Thread_local char sentence[160];

#define REASON_NUMBER(code, number, message) number,
static const int numbers[] = {MEMA_REASONS(REASON_NUMBER)};
#define REASON_NAME(code, number, message) #code,
static const char *const names[] = {MEMA_REASONS(REASON_NAME)};
#define REASON_MESSAGE(code, number, message) message,
static const char *const messages[] = {MEMA_REASONS(REASON_MESSAGE)};

static void note(mema_Reason reason, size_t wanted, size_t available, const char *invariant) {
  last = (Failure){reason, wanted, available, invariant, errno};
  errno = numbers[reason];
}

void mema_fail(mema_Reason reason) {
  note(reason, 0, 0, NULL);
}

void mema_failBytes(mema_Reason reason, size_t wanted, size_t available) {
  note(reason, wanted, available, NULL);
}

void mema_failBroken(const char *invariant) {
  note(MEMA_BROKEN, 0, 0, invariant);
}

mema_Reason mema_lastReason(void) {
  return last.reason;
}

static char *putText(char *at, const char *text) {
  size_t length = strlen(text), room = (size_t)(sentence + sizeof sentence - 1 - at);
  if (length > room) length = room;
  memcpy(at, text, length);
  at[length] = '\0';
  return at + length;
}

static char *putNumber(char *at, size_t number) {
  char digits[24], *first = digits + sizeof digits - 1;
  *first = '\0';
  do {
    *--first = (char)('0' + number % 10);
  } while ((number /= 10) != 0);
  return putText(at, first);
}

static void makeSentence(void) {
  char *at = putText(sentence, messages[last.reason]);
  if (last.reason == MEMA_OVER_BUDGET) {
    at = putNumber(putText(at, " by "), last.wanted - last.available);
    at = putNumber(putText(at, " bytes: "), last.wanted);
    at = putNumber(putText(at, " wanted, "), last.available);
    putText(at, " free");
  } else if ((last.reason == MEMA_NO_MEMORY || last.reason == MEMA_FRAGMENTED) && last.wanted != 0) {
    putText(putNumber(putText(at, ": "), last.wanted), " bytes wanted");
  } else if (last.reason == MEMA_BELOW_USE) {
    at = putNumber(putText(at, ": "), last.wanted);
    at = putNumber(putText(at, " bytes wanted, "), last.available);
    putText(at, " in use");
  } else if (last.invariant != NULL) {
    putText(putText(at, ": "), last.invariant);
  }
}

const mema_Error *mema_lastError(void) {
  makeSentence();
  told = (mema_Error){.reason = last.reason,
                      .name = names[last.reason],
                      .sentence = sentence,
                      .wanted = last.wanted,
                      .available = last.available,
                      .errnoBefore = last.errnoBefore};
  return &told;
}

const char *mema_version(void) {
  return MEMA_VERSION;
}
