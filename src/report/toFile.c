/* toFile.c - the write function for a stream. It is the library's only call that writes. */
#include <stdio.h>

#include "../base/base.h"

bool mema_writeToFile(void *file, const char *bytes, size_t length) {
  return fwrite(bytes, 1, length, file) == length;
}
