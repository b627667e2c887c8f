/* writer.c - see writer.h. */
#include "writer.h"

#include <string.h>

#include "../base/error.h"

static void flush(mema_Writer *writer) {
  if (writer->used != 0 && !writer->failed) writer->failed = !writer->write(writer->user, writer->buffer, writer->used);
  writer->used = 0;
}

bool mema_endText(mema_Writer *writer) {
  flush(writer);
  if (writer->failed) mema_fail(MEMA_NOT_WRITTEN);
  return !writer->failed;
}

void mema_putBytes(mema_Writer *writer, const char *bytes, size_t length) {
  while (length != 0 && !writer->failed) {
    size_t part = mema_least(length, sizeof writer->buffer - writer->used);
    memcpy(writer->buffer + writer->used, bytes, part);
    writer->used += part;
    bytes += part;
    length -= part;
    if (writer->used == sizeof writer->buffer) flush(writer);
  }
}

void mema_putText(mema_Writer *writer, const char *text) {
  mema_putBytes(writer, text, strlen(text));
}

/* Puts a number with this base at the right end of a column. */
static void putDigits(mema_Writer *writer, size_t number, unsigned base, size_t width) {
  char digits[20], *first = digits + sizeof digits;
  do {
    *--first = "0123456789abcdef"[number % base];
  } while ((number /= base) != 0);
  size_t length = (size_t)(digits + sizeof digits - first);
  if (length < width) mema_putSpaces(writer, width - length);
  mema_putBytes(writer, first, length);
}

void mema_putNumber(mema_Writer *writer, size_t number) {
  putDigits(writer, number, 10, 0);
}

void mema_putColumn(mema_Writer *writer, size_t number, size_t width) {
  putDigits(writer, number, 10, width);
}

void mema_putAddress(mema_Writer *writer, uintptr_t address) {
  mema_putText(writer, "0x");
  putDigits(writer, address, 16, 0);
}

void mema_putSpaces(mema_Writer *writer, size_t count) {
  while (count-- > 0) mema_putBytes(writer, " ", 1);
}

/* ---- quoted text ------------------------------------------------------------------------------------------------------- */

/* Returns the length of the character of UTF-8 that begins here: 1 to 4; 0: none does. The shortest form alone is
 * UTF-8, and neither surrogates nor numbers above U+10FFFF are characters. */
static size_t characterAt(const unsigned char *at) {
  if (at[0] < 0x80) return 1;
  size_t length = at[0] >= 0xF5 || at[0] < 0xC2 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
  for (size_t i = 1; i < length; i++)
    if ((at[i] & 0xC0) != 0x80) return 0;
  bool tooLong = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);
  bool outside = (at[0] == 0xED && at[1] >= 0xA0) || (at[0] == 0xF4 && at[1] >= 0x90);
  return tooLong || outside ? 0 : length;
}

static void putEscape(mema_Writer *writer, unsigned char letter, bool json) {
  char escape[] = {'\\', (char)letter};
  if (letter == '\n') escape[1] = 'n';
  if (letter == '\n' || letter == '"' || letter == '\\') {
    mema_putBytes(writer, escape, sizeof escape);
  } else if (json) {
    mema_putText(writer, letter < 16 ? "\\u000" : "\\u00");
    putDigits(writer, letter, 16, 0);
  } else {
    mema_putBytes(writer, (const char *)&letter, 1);
  }
}

void mema_putQuoted(mema_Writer *writer, const char *text, bool json) {
  const unsigned char *at = (const unsigned char *)text;
  mema_putText(writer, "\"");
  while (*at != '\0') {
    size_t length = characterAt(at);
    if (length == 0) {
      mema_putText(writer, "\xEF\xBF\xBD");
    } else if (*at < ' ' || *at == '"' || *at == '\\') {
      putEscape(writer, *at, json);
    } else {
      mema_putBytes(writer, (const char *)at, length);
    }
    at += length + (length == 0);
  }
  mema_putText(writer, "\"");
}
