/* sizedFree.c - frees that state the size of the chunk: free_sized and free_aligned_sized of C23, and the sized
 * deletes of C++, which its runtime library passes on without the size.
 *
 * The heap knows the room of each chunk, so it does not need the size. Under MEMA_STRICT a size that cannot be right
 * ends the program, as a bad pointer does:
 *
 *   each of them       the size is above the room of the chunk
 *   with an alignment  it is no power of two, or the chunk is not aligned so
 *   sized delete       a request of that size would have got another room: the object is of another type, as where a
 *                      derived class is deleted as its base, which has no virtual destructor. Only if `new` is that of
 *                      the runtime library: another one may have asked for more.
 *
 * A size that cannot be told from the right one is not noticed: requests of like sizes get the same room. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/auxv.h>

#include "family.h"
#include "heap.h"
#include "report.h"
#include "settings.h"

/* The names of C++: "m" or "j" is the type of sizes. */
#ifdef __LP64__
#define OPERATOR(before, after) before "m" after
#else
#define OPERATOR(before, after) before "j" after
#endif

/* ---- whether `new` asks for as much as `delete` states ----------------------------------------------------------- */

extern char newOperator __asm__(OPERATOR("_Znw", "")) __attribute__((weak));
extern char newArrayOperator __asm__(OPERATOR("_Zna", "")) __attribute__((weak));
extern char newQuietly __asm__(OPERATOR("_Znw", "RKSt9nothrow_t")) __attribute__((weak));
extern char newArrayQuietly __asm__(OPERATOR("_Zna", "RKSt9nothrow_t")) __attribute__((weak));
extern char throwing __asm__("__cxa_allocate_exception") __attribute__((weak));

extern void plainDelete(void *ptr) __asm__("_ZdlPv") __attribute__((weak));
extern void plainDeleteArray(void *ptr) __asm__("_ZdaPv") __attribute__((weak));
extern void alignedDelete(void *ptr, size_t alignment) __asm__("_ZdlPvSt11align_val_t") __attribute__((weak));
extern void alignedDeleteArray(void *ptr, size_t alignment) __asm__("_ZdaPvSt11align_val_t") __attribute__((weak));

static const void *objectOf(const void *address) {
  Dl_info info;
  return address != NULL && dladdr(address, &info) != 0 ? info.dli_fbase : NULL;
}

/* True if one library, which is not the program itself, has all of them: then the program has replaced none. */
static bool findsRuntime(void) {
  const void *parts[] = {&throwing,
                         &newOperator,
                         &newArrayOperator,
                         &newQuietly,
                         &newArrayQuietly,
                         (void *)(uintptr_t)plainDelete,
                         (void *)(uintptr_t)plainDeleteArray};
  const void *library = objectOf(parts[0]);
  if (library == NULL || library == objectOf((const void *)getauxval(AT_PHDR))) return false;
  for (size_t i = 1; i < sizeof parts / sizeof parts[0]; i++)
    if (objectOf(parts[i]) != library) return false;
  return true;
}

static bool newIsTheRuntimes(void) {
  enum { UNKNOWN, YES, NO };
  static atomic_int answer;
  int known = atomic_load_explicit(&answer, memory_order_relaxed);
  if (known == UNKNOWN) {
    known = findsRuntime() ? YES : NO;
    atomic_store_explicit(&answer, known, memory_order_relaxed);
  }
  return known == YES;
}

/* ---- the checks -------------------------------------------------------------------------------------------------- */

static void checkSize(const char *what, const void *ptr, size_t size, bool exact) {
  size_t room = heapOwnSize(ptr);
  if (room == 0) return; /* no chunk of the pool: the free itself finds out what it is */
  size_t expected = exact && newIsTheRuntimes() ? heapRoomFor(size) : 0;
  if (size > room || (expected != 0 && expected != room)) reportBadSize(what, ptr, size, room);
}

static void checkAlignment(const char *what, const void *ptr, size_t alignment) {
  bool good = alignment != 0 && (alignment & (alignment - 1)) == 0 && ((uintptr_t)ptr & (alignment - 1)) == 0;
  if (!good && heapOwnSize(ptr) != 0) reportBadAlignment(what, ptr, alignment);
}

/* Both keep errno. Their callers save no register for them: without MEMA_STRICT a free that states a size is hardly more than
 * a free. */
__attribute__((noinline, cold)) static void checkStrictly(const char *what, const void *ptr, size_t size, bool exact) {
  int savedErrno = errno;
  checkSize(what, ptr, size, exact);
  errno = savedErrno;
}

__attribute__((noinline, cold)) static void checkAlignedStrictly(const char *what, const void *ptr, size_t size,
                                                                 size_t alignment) {
  int savedErrno = errno;
  checkSize(what, ptr, size, false);
  checkAlignment(what, ptr, alignment);
  errno = savedErrno;
}

static inline bool isChecked(const void *ptr) {
  return __builtin_expect(settings.strict, 0) && ptr != NULL;
}

/* ---- C ----------------------------------------------------------------------------------------------------------- */

void free_sized(void *ptr, size_t size) {
  if (isChecked(ptr)) checkStrictly("free_sized", ptr, size, false);
  free(ptr);
}

void free_aligned_sized(void *ptr, size_t alignment, size_t size) {
  if (isChecked(ptr)) checkAlignedStrictly("free_aligned_sized", ptr, size, alignment);
  free(ptr);
}

/* ---- C++: each calls the delete without a size, which the program may have replaced ------------------------------- */

MEMA_PUBLIC void sizedDelete(void *ptr, size_t size) __asm__(OPERATOR("_ZdlPv", ""));
MEMA_PUBLIC void sizedDeleteArray(void *ptr, size_t size) __asm__(OPERATOR("_ZdaPv", ""));
MEMA_PUBLIC void sizedAlignedDelete(void *ptr, size_t size, size_t alignment) __asm__(OPERATOR("_ZdlPv", "St11align_val_t"));
MEMA_PUBLIC void sizedAlignedDeleteArray(void *ptr, size_t size,
                                         size_t alignment) __asm__(OPERATOR("_ZdaPv", "St11align_val_t"));

void sizedDelete(void *ptr, size_t size) {
  if (isChecked(ptr)) checkStrictly("sized delete", ptr, size, true);
  if (plainDelete != NULL) {
    plainDelete(ptr);
  } else {
    free(ptr);
  }
}

void sizedDeleteArray(void *ptr, size_t size) {
  if (isChecked(ptr)) checkStrictly("sized delete[]", ptr, size, true);
  if (plainDeleteArray != NULL) {
    plainDeleteArray(ptr);
  } else {
    free(ptr);
  }
}

void sizedAlignedDelete(void *ptr, size_t size, size_t alignment) {
  if (isChecked(ptr)) checkAlignedStrictly("sized delete", ptr, size, alignment);
  if (alignedDelete != NULL) {
    alignedDelete(ptr, alignment);
  } else {
    free(ptr);
  }
}

void sizedAlignedDeleteArray(void *ptr, size_t size, size_t alignment) {
  if (isChecked(ptr)) checkAlignedStrictly("sized delete[]", ptr, size, alignment);
  if (alignedDeleteArray != NULL) {
    alignedDeleteArray(ptr, alignment);
  } else {
    free(ptr);
  }
}
