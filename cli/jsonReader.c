/* jsonReader.c - see jsonReader.h. */
#define _GNU_SOURCE
#include "jsonReader.h"

#include <string.h>

#include "../preload/jsonText.h"

enum { DEEPEST = 64 };

/* ---- characters --------------------------------------------------------------------------------------------------- */

void startJson(JsonReader *reader, const char *text, size_t length) {
  *reader = (JsonReader){.text = text, .at = text, .end = text + length};
}

static bool expected(JsonReader *reader, const char *what) {
  if (reader->fault == NULL) reader->fault = what;
  return false;
}

/* '\0' at the end. */
static char here(const JsonReader *reader) {
  return reader->at < reader->end ? *reader->at : '\0';
}

static char pastBlanks(JsonReader *reader) {
  while (here(reader) == ' ' || here(reader) == '\t' || here(reader) == '\n' || here(reader) == '\r') reader->at++;
  return here(reader);
}

static bool take(JsonReader *reader, char character, const char *what) {
  if (reader->fault != NULL || pastBlanks(reader) != character) return expected(reader, what);
  reader->at++;
  return true;
}

bool endJson(JsonReader *reader) {
  if (reader->fault != NULL) return false;
  pastBlanks(reader);
  return reader->at == reader->end || expected(reader, "the end");
}

size_t jsonLine(const JsonReader *reader) {
  size_t line = 1;
  for (const char *at = reader->text; at < reader->at; at++) line += *at == '\n';
  return line;
}

/* ---- objects and arrays ------------------------------------------------------------------------------------------- */

static bool enter(JsonReader *reader, char bracket, const char *what) {
  reader->first = true;
  return take(reader, bracket, what);
}

bool enterJsonObject(JsonReader *reader) {
  return enter(reader, '{', "an object");
}

bool enterJsonArray(JsonReader *reader) {
  return enter(reader, '[', "an array");
}

/* Passes the comma before an element, or the bracket at the end. False at that end, and at a fault. */
static bool next(JsonReader *reader, char bracket, const char *what) {
  if (reader->fault != NULL) return false;
  bool first = reader->first;
  reader->first = false;
  if (pastBlanks(reader) == bracket) {
    reader->at++;
    return false;
  }
  return first || take(reader, ',', what);
}

bool nextJsonElement(JsonReader *reader) {
  return next(reader, ']', "a comma or ]");
}

/* ---- strings ------------------------------------------------------------------------------------------------------ */

typedef struct Sink {
  char *out;
  size_t room, length;
  bool cut;
} Sink;

static void put(Sink *sink, const char *bytes, size_t count) {
  if (sink->length + count >= sink->room) {
    sink->cut = true;
  } else if (!sink->cut) {
    memcpy(sink->out + sink->length, bytes, count);
    sink->length += count;
  }
}

static int hexDigit(char character) {
  static const char digits[] = "0123456789abcdef";
  if (character >= 'A' && character <= 'F') character = (char)(character - 'A' + 'a');
  const char *found = character == '\0' ? NULL : strchr(digits, character);
  return found == NULL ? -1 : (int)(found - digits);
}

/* The four digits behind \u. False: there are none. */
static bool readUnit(JsonReader *reader, unsigned *unit) {
  *unit = 0;
  for (int i = 0; i < 4; i++) {
    int digit = hexDigit(here(reader));
    if (digit < 0) return false;
    *unit = *unit * 16 + (unsigned)digit;
    reader->at++;
  }
  return true;
}

static void putUnicode(Sink *sink, unsigned code) {
  char bytes[4];
  size_t count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = count; i-- > 1; code >>= 6) bytes[i] = (char)(0x80 | (code & 0x3f));
  bytes[0] = (char)(leads[count] | code);
  put(sink, bytes, count);
}

/* \uXXXX, or two of them for a character beyond U+FFFF. */
static bool readUnicode(JsonReader *reader, Sink *sink) {
  unsigned unit, low;
  if (!readUnit(reader, &unit) || unit == 0 || (unit >= 0xdc00 && unit <= 0xdfff)) return false;
  if (unit >= 0xd800 && unit <= 0xdbff) {
    if (reader->end - reader->at < 6 || strncmp(reader->at, "\\u", 2) != 0) return false;
    reader->at += 2;
    if (!readUnit(reader, &low) || low < 0xdc00 || low > 0xdfff) return false;
    unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
  }
  putUnicode(sink, unit);
  return true;
}

static bool readEscape(JsonReader *reader, Sink *sink) {
  static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  char letter = here(reader);
  if (letter == '\0') return false;
  reader->at++;
  if (letter == 'u') return readUnicode(reader, sink);
  const char *found = strchr(escapes, letter);
  if (found == NULL) return false;
  put(sink, &meant[found - escapes], 1);
  return true;
}

/* One character of UTF-8, as it stands. */
static bool readPlain(JsonReader *reader, Sink *sink) {
  char bytes[5] = "";
  size_t left = (size_t)(reader->end - reader->at);
  memcpy(bytes, reader->at, left < 4 ? left : 4);
  size_t count = utf8Length((const unsigned char *)bytes);
  if (count == 0 || (unsigned char)bytes[0] < 0x20) return false;
  put(sink, bytes, count);
  reader->at += count;
  return true;
}

static bool readInto(JsonReader *reader, Sink *sink) {
  if (!take(reader, '"', "a string")) return false;
  while (here(reader) != '"') {
    bool isEscape = here(reader) == '\\';
    if (isEscape) reader->at++;
    if (!(isEscape ? readEscape(reader, sink) : readPlain(reader, sink))) return expected(reader, "the rest of a string");
  }
  reader->at++;
  sink->out[sink->length] = '\0';
  return true;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the sink writes to it */
bool readJsonString(JsonReader *reader, char *out, size_t room) {
  Sink sink = {.out = out, .room = room};
  if (!readInto(reader, &sink)) return false;
  return !sink.cut || expected(reader, "a shorter string");
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the sink writes to it */
bool nextJsonKey(JsonReader *reader, char *key, size_t room) {
  Sink sink = {.out = key, .room = room};
  return next(reader, '}', "a comma or }") && readInto(reader, &sink) && take(reader, ':', "a colon");
}

/* ---- other values ------------------------------------------------------------------------------------------------- */

static bool isDigit(char character) {
  return character >= '0' && character <= '9';
}

bool readJsonNumber(JsonReader *reader, uint64_t *number) {
  static const char what[] = "a whole number";
  uint64_t sum = 0;
  if (reader->fault != NULL || !isDigit(pastBlanks(reader))) return expected(reader, what);
  if (here(reader) == '0' && reader->at + 1 < reader->end && isDigit(reader->at[1])) return expected(reader, what);
  for (; isDigit(here(reader)); reader->at++) {
    uint64_t value = (uint64_t)(here(reader) - '0');
    if (sum > (UINT64_MAX - value) / 10) return expected(reader, what);
    sum = sum * 10 + value;
  }
  if (here(reader) == '.' || here(reader) == 'e' || here(reader) == 'E') return expected(reader, what);
  *number = sum;
  return true;
}

static bool takeWord(JsonReader *reader, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(reader->end - reader->at) < length || strncmp(reader->at, word, length) != 0) return false;
  reader->at += length;
  return true;
}

bool readJsonBool(JsonReader *reader, bool *value) {
  if (reader->fault != NULL) return false;
  pastBlanks(reader);
  *value = takeWord(reader, "true");
  return *value || takeWord(reader, "false") || expected(reader, "true or false");
}

/* A number of any form, passed over. */
static bool skipNumber(JsonReader *reader) {
  const char *begin = reader->at;
  while (here(reader) != '\0' && (isDigit(here(reader)) || strchr("+-.eE", here(reader)) != NULL)) reader->at++;
  return reader->at > begin || expected(reader, "a value");
}

static bool skipWithin(JsonReader *reader, unsigned depth);

static bool skipMembers(JsonReader *reader, unsigned depth, bool isObject) {
  char key[1];
  if (depth == DEEPEST) return expected(reader, "fewer brackets");
  if (!(isObject ? enterJsonObject(reader) : enterJsonArray(reader))) return false;
  while (isObject ? nextJsonKey(reader, key, sizeof key) : nextJsonElement(reader)) skipWithin(reader, depth + 1);
  return reader->fault == NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): to a depth of DEEPEST */
static bool skipWithin(JsonReader *reader, unsigned depth) {
  Sink nowhere = {.out = (char[1]){0}, .room = 1};
  if (reader->fault != NULL) return false;
  switch (pastBlanks(reader)) {
    case '{':
    case '[':
      return skipMembers(reader, depth, here(reader) == '{');
    case '"':
      return readInto(reader, &nowhere);
    default:
      return takeWord(reader, "null") || takeWord(reader, "true") || takeWord(reader, "false") || skipNumber(reader);
  }
}

bool skipJson(JsonReader *reader) {
  return skipWithin(reader, 0);
}
