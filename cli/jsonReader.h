/* jsonReader.h - reads a JSON text (RFC 8259) piece by piece, in the order in which it stands there. Nothing is allocated.
 *
 * A text that is not what a call expects is a fault: that call and all later ones return false, and `fault` says what was expected. */
#ifndef MEMA_CLI_JSON_READER_H
#define MEMA_CLI_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct JsonReader {
  const char *text, *at, *end;
  const char *fault; /* "a string"; NULL: all is well so far */
  bool first;        /* no element of the innermost object or array has been read */
} JsonReader;

void startJson(JsonReader *reader, const char *text, size_t length);

/* The text has ended, but for blanks. */
bool endJson(JsonReader *reader);

/* The line in which the reader stands, from 1. */
size_t jsonLine(const JsonReader *reader);

/* `{`, or `[`. */
bool enterJsonObject(JsonReader *reader);
bool enterJsonArray(JsonReader *reader);

/* Goes on to the next key, or element. False at the end, which is passed, and at a fault. A key that is longer than its room is cut. */
bool nextJsonKey(JsonReader *reader, char *key, size_t room);
bool nextJsonElement(JsonReader *reader);

/* Reads a string, its escapes as UTF-8. One that is longer than its room, with the terminator, is a fault; so is U+0000. */
bool readJsonString(JsonReader *reader, char *out, size_t room);

/* Reads a whole number from 0 to UINT64_MAX. */
bool readJsonNumber(JsonReader *reader, uint64_t *number);
bool readJsonBool(JsonReader *reader, bool *value);

/* Passes over a value of any kind. One with more than 64 objects and arrays in one another is a fault. */
bool skipJson(JsonReader *reader);

#endif
