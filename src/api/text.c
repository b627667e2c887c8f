/* text.c - strings and other bytes copied or printed into a pool. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "../pool/pool.h"

/* Returns a new chunk with n bytes of `source` and, if asked for, a terminator. */
static char *copy(mema_Pool *pool, const void *source, size_t n, size_t terminator) {
  if (source == NULL) {
    if (mema_openKind(pool) != mema_noPool) mema_refuseFor(pool, mema_sourceIsNull, 0, 0);
    return NULL;
  }
  /* n is at most the length of an object, or an arbitrary argument. Adding 1 could overflow, so a too large n
   * is passed on as it is. */
  char *chunk = mema_palloc(pool, n > MEMA_UNLIMITED ? n : n + terminator);
  if (chunk == NULL) return NULL;
  memcpy(chunk, source, n);
  if (terminator != 0) chunk[n] = '\0';
  return chunk;
}

char *mema_pstrdup(mema_Pool *pool, const char *s) {
  return copy(pool, s, s == NULL ? 0 : strlen(s), 1);
}

char *mema_pstrndup(mema_Pool *pool, const char *s, size_t n) {
  return copy(pool, s, s == NULL ? 0 : strnlen(s, n), 1);
}

void *mema_pmemdup(mema_Pool *pool, const void *source, size_t n) {
  return copy(pool, source, n, 0);
}

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
