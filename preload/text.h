/* text.h - short texts made without allocating, and written without disturbing the program: everything that the preload
 * library has to say goes through here. */
#ifndef MEMA_PRELOAD_TEXT_H
#define MEMA_PRELOAD_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* A line under construction. What does not fit is left out. */
typedef struct Text {
  size_t length;
  char bytes[1024];
} Text;

void addString(Text *text, const char *string);
void addNumber(Text *text, uint64_t number);
void addAddress(Text *text, const void *address);
void addSize(Text *text, uint64_t size);
void addJsonString(Text *text, const char *string);

/* One write(2) to the descriptor. Failures are nobody's business: errno and the program's signals are left alone. */
void writeText(int descriptor, const Text *text);

#endif
