/* error.c - see error.h. Part of both libraries. It builds sentences by hand, because a failure may be reported
 * where stdio has no memory left, or where there is no stdio. */
#include "error.h"

#if __STDC_HOSTED__
#include <errno.h>
#define PER_THREAD _Thread_local
enum { sentenceSize = 192 };
#else
#define PER_THREAD
enum { sentenceSize = 128 };
/* The freestanding library leaves out the texts of reasons that its fixed pools never have. */
#define LEFT_OUT_MEMA_BAD_FORMAT LEFT_OUT
#define LEFT_OUT_MEMA_REENTERED LEFT_OUT
#define LEFT_OUT_MEMA_TIMED_OUT LEFT_OUT
#define LEFT_OUT_MEMA_BUSY LEFT_OUT
#define LEFT_OUT_MEMA_NOT_KIN LEFT_OUT
#define LEFT_OUT_MEMA_STALE_MARK LEFT_OUT
#define LEFT_OUT_MEMA_INJECTED LEFT_OUT
#define LEFT_OUT_MEMA_NOT_WRITTEN LEFT_OUT
#endif

/* Expands to `text`, or to "" if the macro LEFT_OUT_<code> is defined. */
#define LEFT_OUT 0, ""
#define SECOND(first, second, ...) second
#define UNLESS_LEFT_OUT(mark, text) SECOND(mark, text, )
#define TEXT_OF(code, text) UNLESS_LEFT_OUT(LEFT_OUT_##code, text)

typedef struct Failure {
  size_t first, second; /* the numbers of the fault's text; if mema_Error has bytes, the wanted and the available ones */
  const char *invariant;
  int errnoBefore;
  uint8_t reason, fault;
} Failure;

enum { numbersMost = 3, digitsMost = 20 };

static PER_THREAD Failure last;
static PER_THREAD mema_Error lastError;
static PER_THREAD char sentence[sentenceSize];

/* The strings lie one behind the other, so the loader has no pointers to fill in. Each list gives each string a
 * number, in this order: the names of the reasons, their messages, the texts of the faults. */
enum { firstName = 0, firstMessage = MEMA_REASON_COUNT, firstText = 2 * MEMA_REASON_COUNT };
#define REASON_NAME(code, number, message) TEXT_OF(code, #code) "\0"
#define REASON_MESSAGE(code, number, message) TEXT_OF(code, message) "\0"
#define FAULT_TEXT(code, reason, text) text "\0"
static const char strings[] = MEMA_REASONS(REASON_NAME) MEMA_REASONS(REASON_MESSAGE) MEMA_FAULTS(FAULT_TEXT);

#if __STDC_HOSTED__
/* The layout of `strings`: only its offsets are used. */
typedef struct Layout {
#define NAME_FIELD(code, number, message) char name_##code[sizeof TEXT_OF(code, #code)];
#define MESSAGE_FIELD(code, number, message) char message_##code[sizeof TEXT_OF(code, message)];
#define TEXT_FIELD(code, reason, text) char text_##code[sizeof(text)];
  MEMA_REASONS(NAME_FIELD) MEMA_REASONS(MESSAGE_FIELD) MEMA_FAULTS(TEXT_FIELD)
} Layout;
_Static_assert(sizeof(Layout) == sizeof strings - 1, "the layout is that of the strings");

#define NAME_OFFSET(code, number, message) offsetof(Layout, name_##code),
#define MESSAGE_OFFSET(code, number, message) offsetof(Layout, message_##code),
#define TEXT_OFFSET(code, reason, text) offsetof(Layout, text_##code),
static const uint16_t offsets[] = {MEMA_REASONS(NAME_OFFSET) MEMA_REASONS(MESSAGE_OFFSET) MEMA_FAULTS(TEXT_OFFSET)};

static const char *stringOf(unsigned number) {
  return strings + offsets[number];
}
#else
/* The freestanding library counts strings, since it has no room for the offsets. */
static MEMA_SLOW const char *stringOf(unsigned number) {
  const char *at = strings;
  while (number > 0) number -= *at++ == '\0';
  return at;
}
#endif

#define FAULT_REASON(code, reason, text) reason,
static const uint8_t reasons[] = {MEMA_FAULTS(FAULT_REASON)};

/* No sentence is cut off, except perhaps one that names a broken invariant. */
#define MESSAGE_SIZE(code, number, message) sizeOf_##code = sizeof TEXT_OF(code, message),
enum { MEMA_REASONS(MESSAGE_SIZE) };
#define TEXT_FITS(code, reason, text)                                                               \
  _Static_assert(sizeOf_##reason + sizeof(text) + numbersMost * digitsMost <= (size_t)sentenceSize, \
                 "a sentence has room for its fault: " #code);
MEMA_FAULTS(TEXT_FITS)

/* ---- noting ------------------------------------------------------------------------------------------------------------ */

#if __STDC_HOSTED__
#define REASON_NUMBER(code, number, message) number,
static const int numbers[] = {MEMA_REASONS(REASON_NUMBER)};

static int changeErrno(mema_Reason reason) {
  int before = errno;
  errno = numbers[reason];
  return before;
}

mema_Reason mema_lastReason(void) {
  return (mema_Reason)last.reason;
}
#else
static int changeErrno(mema_Reason reason) {
  (void)reason;
  return 0;
}
#endif

static void note(mema_Reason reason, mema_Fault fault, size_t first, size_t second) {
  last = (Failure){.first = first,
                   .second = second,
                   .errnoBefore = changeErrno(reason),
                   .reason = (uint8_t)reason,
                   .fault = (uint8_t)fault};
}

/* The faults of failures that name no other fault. */
static const uint8_t plainFaults[MEMA_REASON_COUNT] = {[MEMA_OVER_BUDGET] = mema_plainBudget,
                                                       [MEMA_NO_MEMORY] = mema_plainMemory,
                                                       [MEMA_FRAGMENTED] = mema_plainMemory,
                                                       [MEMA_BELOW_USE] = mema_plainBelowUse,
                                                       [MEMA_TOO_LARGE] = mema_sizeIsTooLarge};

void mema_failBytes(mema_Reason reason, size_t wanted, size_t available) {
  note(reason, wanted != 0 ? (mema_Fault)plainFaults[reason] : mema_noFault, wanted, available);
}

void mema_fail(mema_Reason reason) {
  mema_failBytes(reason, 0, 0);
}

bool mema_failFor(mema_Fault fault, size_t first, size_t second) {
  note((mema_Reason)reasons[fault], fault, first, second);
  return false;
}

void mema_failBroken(const char *invariant) {
  mema_fail(MEMA_BROKEN);
  last.invariant = invariant;
}

/* ---- reporting ----------------------------------------------------------------------------------------------------------- */

static char *put(char *at, char letter) {
  if (at < sentence + sentenceSize - 1) *at++ = letter;
  return at;
}

static MEMA_SLOW char *putNumber(char *at, size_t number) {
  char digits[digitsMost], *first = digits + digitsMost;
  do {
    *--first = (char)('0' + number % 10);
  } while ((number /= 10) != 0);
  while (first < digits + digitsMost) at = put(at, *first++);
  return at;
}

static MEMA_SLOW char *putText(char *at, const char *text) {
  for (; *text != '\0'; text++) {
    if (*text == '#') {
      at = putNumber(at, last.first);
    } else if (*text == '$') {
      at = putNumber(at, last.second);
    } else if (*text == '@') {
      at = putNumber(at, last.first - last.second);
    } else {
      at = put(at, *text);
    }
  }
  return at;
}

static MEMA_SLOW void makeSentence(void) {
  char *at = putText(putText(sentence, stringOf(firstMessage + last.reason)), stringOf(firstText + last.fault));
  if (last.invariant != NULL) at = putText(putText(at, ": "), last.invariant);
  *at = '\0';
}

/* True if the reason's numbers are bytes wanted and available. Other reasons use their numbers for the sentence
 * only. */
static bool isOfBytes(mema_Reason reason) {
  return reason == MEMA_OVER_BUDGET || reason == MEMA_NO_MEMORY || reason == MEMA_FRAGMENTED || reason == MEMA_BELOW_USE;
}

const mema_Error *mema_lastError(void) {
  makeSentence();
  mema_Reason reason = (mema_Reason)last.reason;
  bool hasAvailable = reason == MEMA_OVER_BUDGET || reason == MEMA_BELOW_USE;
  lastError = (mema_Error){.reason = reason,
                           .name = stringOf(firstName + reason),
                           .sentence = sentence,
                           .wanted = isOfBytes(reason) ? last.first : 0,
                           .available = hasAvailable ? last.second : 0,
                           .errnoBefore = last.errnoBefore};
  return &lastError;
}

const char *mema_version(void) {
  return MEMA_VERSION;
}
