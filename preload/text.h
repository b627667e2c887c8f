/* text.h - short texts, made without allocating and written without disturbing the program. All messages of
 * the preload library use it. */
#ifndef MEMA_PRELOAD_TEXT_H
#define MEMA_PRELOAD_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* A line under construction. Text that does not fit is left out. */
typedef struct Text {
  size_t length;
  char bytes[1024];
} Text;

void addString(Text *text, const char *string);
void addNumber(Text *text, uint64_t number);
void addAddress(Text *text, const void *address);
void addSize(Text *text, uint64_t size);
void addJsonString(Text *text, const char *string);

/* Writes the text by one write(2). Failures are ignored. errno and the program's signals are left alone. */
void writeText(int descriptor, const Text *text);

#endif
