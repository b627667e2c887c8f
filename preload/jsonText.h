/* jsonText.h - the escaping of JSON strings, one character at a time, so that it needs no buffer of its own.
 *
 * Shared by the report of the preload library, which may not allocate, and that of the command line. */
#ifndef MEMA_JSON_TEXT_H
#define MEMA_JSON_TEXT_H

#include <stddef.h>

/* Room for the longest escape, terminator included. */
#define JSON_ESCAPE_ROOM 8

/* Returns the bytes of the UTF-8 character at text; 0 if there is none (overlong forms and surrogates
 * included). */
static inline size_t utf8Length(const unsigned char *text) {
  unsigned char first = text[0];
  if (first < 0x80) return 1;
  size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                  : first >= 0xe0 && first <= 0xef ? 3
                  : first >= 0xf0 && first <= 0xf4 ? 4
                                                   : 0;
  for (size_t i = 1; i < length; i++) {
    if ((text[i] & 0xc0) != 0x80) return 0;
  }
  if ((first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] > 0x9f)) return 0;
  if ((first == 0xf0 && text[1] < 0x90) || (first == 0xf4 && text[1] > 0x8f)) return 0;
  return length;
}

static inline size_t copyEscape(char *out, const char *text) {
  size_t length = 0;
  while (text[length] != '\0') {
    out[length] = text[length];
    length++;
  }
  out[length] = '\0';
  return length;
}

/* Writes the next character of *text in its escaped form to out, moves *text behind it, and returns the bytes written; 0 at
 * the end of the text. A byte that is not UTF-8 (a file name may hold any) becomes U+FFFD. */
static inline size_t nextJsonEscape(const char **text, char *out) {
  static const char hex[] = "0123456789abcdef";
  const unsigned char *at = (const unsigned char *)*text;
  out[0] = '\0';
  if (*at == '\0') return 0;
  size_t length = utf8Length(at);
  *text += length > 0 ? length : 1;
  if (length == 0) return copyEscape(out, "\\ufffd");
  if (*at == '\n') return copyEscape(out, "\\n");
  if (*at == '\t') return copyEscape(out, "\\t");
  if (*at < 0x20 || *at == 0x7f) {
    char escape[] = {'\\', 'u', '0', '0', hex[*at >> 4], hex[*at & 15], '\0'};
    return copyEscape(out, escape);
  }
  size_t written = 0;
  if (*at == '"' || *at == '\\') out[written++] = '\\';
  for (size_t i = 0; i < length; i++) out[written++] = (char)at[i];
  out[written] = '\0';
  return written;
}

#endif
