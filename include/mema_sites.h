/* mema_sites.h - calls that note where they stand. mema.h includes this where MEMA_SITES is defined: -DMEMA_SITES for a whole
 * program, or #define MEMA_SITES before the include for one file.
 *
 * Each call below that makes a chunk is then a macro, which notes file, line and function of the call in a record of its
 * own, and the record's number in the chunk's Block if the pool has mema_Options.sites. mema_writeLeaks has the rest. A pool
 * without sites pays for one more call. Functions that are not called by name, as by a pointer, note nothing.
 *
 * An allocation function of your own hides its callers, since its call is one line for all. Give it a record of theirs:
 *
 *     void *parserAlloc(size_t size, mema_Site *site) { return mema_noteSite(pool, mema_palloc(pool, size), site); }
 *     #define parserAlloc(size) parserAlloc(size, MEMA_HERE)
 *
 * Needs gcc or clang. */
#ifndef MEMA_SITES_H
#define MEMA_SITES_H

#include "mema.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The record of this line: one for each use. */
#define MEMA_HERE                                                   \
  (__extension__({                                                  \
    static mema_Site mema_site = {__FILE__, __func__, __LINE__, 0}; \
    &mema_site;                                                     \
  }))

MEMA_ATTRIBUTE((malloc, alloc_size(2))) static inline void *mema_pallocAt(mema_Pool *pool, size_t size, mema_Site *site) {
  return mema_noteSite(pool, (mema_palloc)(pool, size), site);
}

MEMA_ATTRIBUTE((malloc, alloc_size(2, 3)))
static inline void *mema_pcallocAt(mema_Pool *pool, size_t count, size_t size, mema_Site *site) {
  return mema_noteSite(pool, (mema_pcalloc)(pool, count, size), site);
}

/* Notes the site of a new chunk only: one that changes keeps its own. */
MEMA_ATTRIBUTE((alloc_size(3)))
static inline void *mema_repallocAt(mema_Pool *pool, void *ptr, size_t size, mema_Site *site) {
  void *chunk = (mema_repalloc)(pool, ptr, size);
  return ptr != NULL ? chunk : mema_noteSite(pool, chunk, site);
}

MEMA_ATTRIBUTE((malloc, alloc_align(2), alloc_size(3)))
static inline void *mema_pmemalignAt(mema_Pool *pool, size_t alignment, size_t size, mema_Site *site) {
  return mema_noteSite(pool, (mema_pmemalign)(pool, alignment, size), site);
}

MEMA_ATTRIBUTE((malloc, alloc_size(2)))
static inline void *mema_pallocWaitAt(mema_Pool *pool, size_t size, int milliseconds, mema_Site *site) {
  return mema_noteSite(pool, (mema_pallocWait)(pool, size, milliseconds), site);
}

MEMA_ATTRIBUTE((malloc)) static inline char *mema_pstrdupAt(mema_Pool *pool, const char *s, mema_Site *site) {
  return (char *)mema_noteSite(pool, (mema_pstrdup)(pool, s), site);
}

MEMA_ATTRIBUTE((malloc)) static inline char *mema_pstrndupAt(mema_Pool *pool, const char *s, size_t n, mema_Site *site) {
  return (char *)mema_noteSite(pool, (mema_pstrndup)(pool, s, n), site);
}

MEMA_ATTRIBUTE((malloc, alloc_size(3)))
static inline void *mema_pmemdupAt(mema_Pool *pool, const void *source, size_t n, mema_Site *site) {
  return mema_noteSite(pool, (mema_pmemdup)(pool, source, n), site);
}

MEMA_ATTRIBUTE((malloc, format(printf, 3, 0)))
static inline char *mema_pvsprintfAt(mema_Pool *pool, mema_Site *site, const char *format, va_list args) {
  return (char *)mema_noteSite(pool, (mema_pvsprintf)(pool, format, args), site);
}

MEMA_ATTRIBUTE((malloc, format(printf, 3, 4)))
static inline char *mema_psprintfAt(mema_Pool *pool, mema_Site *site, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = mema_pvsprintfAt(pool, site, format, args);
  va_end(args);
  return text;
}

#ifdef __cplusplus
}
#endif

#define mema_palloc(pool, size) mema_pallocAt(pool, size, MEMA_HERE)
#define mema_pcalloc(pool, count, size) mema_pcallocAt(pool, count, size, MEMA_HERE)
#define mema_repalloc(pool, ptr, size) mema_repallocAt(pool, ptr, size, MEMA_HERE)
#define mema_pmemalign(pool, alignment, size) mema_pmemalignAt(pool, alignment, size, MEMA_HERE)
#define mema_pallocWait(pool, size, milliseconds) mema_pallocWaitAt(pool, size, milliseconds, MEMA_HERE)
#define mema_pstrdup(pool, s) mema_pstrdupAt(pool, s, MEMA_HERE)
#define mema_pstrndup(pool, s, n) mema_pstrndupAt(pool, s, n, MEMA_HERE)
#define mema_pmemdup(pool, source, n) mema_pmemdupAt(pool, source, n, MEMA_HERE)
#define mema_pvsprintf(pool, format, args) mema_pvsprintfAt(pool, MEMA_HERE, format, args)
#define mema_psprintf(pool, ...) mema_psprintfAt(pool, MEMA_HERE, __VA_ARGS__)
#ifndef MEMA_NO_SHORT_NAMES
#define palloc(pool, size) mema_pallocAt(pool, size, MEMA_HERE)
#endif

#endif
