/* text.c - strings and other bytes copied into a pool. Part of both libraries. */
#define _GNU_SOURCE
#if __STDC_HOSTED__
#include <string.h>
#endif

#include "../pool/pool.h"

static size_t lengthOf(const char *s, size_t most) {
#if __STDC_HOSTED__
  return strnlen(s, most);
#else
  size_t length = 0;
  while (length < most && s[length] != '\0') length++;
  return length;
#endif
}

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
  __builtin_memcpy(chunk, source, n);
  if (terminator != 0) chunk[n] = '\0';
  return chunk;
}

char *mema_pstrdup(mema_Pool *pool, const char *s) {
  return copy(pool, s, s == NULL ? 0 : lengthOf(s, SIZE_MAX), 1);
}

char *mema_pstrndup(mema_Pool *pool, const char *s, size_t n) {
  return copy(pool, s, s == NULL ? 0 : lengthOf(s, n), 1);
}

void *mema_pmemdup(mema_Pool *pool, const void *source, size_t n) {
  return copy(pool, source, n, 0);
}
