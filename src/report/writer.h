/* writer.h - text for a function of the caller, gathered in a small buffer. Once the function has failed, the rest is
 * dropped. */
#ifndef MEMA_REPORT_WRITER_H
#define MEMA_REPORT_WRITER_H

#include "../base/base.h"

typedef struct mema_Writer {
  mema_Write *write;
  void *user;
  size_t used;
  bool failed;
  char buffer[512];
} mema_Writer;

static inline void mema_beginText(mema_Writer *writer, mema_Write *write, void *user) {
  writer->write = write;
  writer->user = user;
  writer->used = 0;
  writer->failed = false;
}

/* Writes what is left in the buffer. False, and the failure noted, iff the caller's function has failed. */
MEMA_HIDDEN bool mema_endText(mema_Writer *writer);

MEMA_HIDDEN void mema_putBytes(mema_Writer *writer, const char *bytes, size_t length);
MEMA_HIDDEN void mema_putText(mema_Writer *writer, const char *text);
MEMA_HIDDEN void mema_putNumber(mema_Writer *writer, size_t number);
MEMA_HIDDEN void mema_putAddress(mema_Writer *writer, uintptr_t address);

/* Puts a number, or a text, at the right end of a column. */
MEMA_HIDDEN void mema_putColumn(mema_Writer *writer, size_t number, size_t width);
MEMA_HIDDEN void mema_putSpaces(mema_Writer *writer, size_t count);

/* Puts a text in double quotes, as JSON and OpenMetrics have it: quotes, backslashes and new lines are escaped, and
 * bytes that are not UTF-8 become U+FFFD. Other control characters are escaped if `json`; OpenMetrics has no escapes of
 * them, and takes them as they are. */
MEMA_HIDDEN void mema_putQuoted(mema_Writer *writer, const char *text, bool json);

#endif
