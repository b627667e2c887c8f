/* print.c - printing into a pool. */
#include <stdio.h>

#include "../pool/pool.h"

char *mema_pvsprintf(mema_Pool *pool, const char *format, va_list args) {
  if (mema_openKind(pool) == mema_noPool) return NULL;
  if (format == NULL) {
    mema_refuseFor(pool, mema_formatIsNull, 0, 0);
    return NULL;
  }
  va_list again;
  va_copy(again, args);
  int length = vsnprintf(NULL, 0, format, again);
  va_end(again);
  if (length < 0) {
    mema_refuse(pool, MEMA_BAD_FORMAT, 0);
    return NULL;
  }
  char *chunk = mema_palloc(pool, (size_t)length + 1);
  if (chunk != NULL) vsnprintf(chunk, (size_t)length + 1, format, args);
  return chunk;
}

char *mema_psprintf(mema_Pool *pool, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *chunk = mema_pvsprintf(pool, format, args);
  va_end(args);
  return chunk;
}
