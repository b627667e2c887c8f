/* shadow.c - see shadow.h.
 *
 * The numbers of the requests are part of Valgrind's binary interface: its manual, "Memory Pools: describing and
 * working with custom allocators", and the enumerations in its valgrind.h and memcheck.h list them. */
#include "shadow.h"

/* Requests of memcheck, and of Valgrind for lists of chunks. */
enum {
  memcheckHide = 0x4D430000,
  memcheckGrant = 0x4D430001,
  listOpen = 0x1303,
  listClose = 0x1304,
  listTake = 0x1305,
  listGive = 0x1306,
  listTrim = 0x1307,
  listChange = 0x1309,
};

extern void mema_asanPoison(const volatile void *at, size_t bytes) __asm__("__asan_poison_memory_region")
    __attribute__((weak));
extern void mema_asanUnpoison(const volatile void *at, size_t bytes) __asm__("__asan_unpoison_memory_region")
    __attribute__((weak));
extern void mema_lsanAddRoot(const void *at, size_t bytes) __asm__("__lsan_register_root_region") __attribute__((weak));
extern void mema_lsanRemoveRoot(const void *at, size_t bytes) __asm__("__lsan_unregister_root_region") __attribute__((weak));

extern void mema_lsanIgnore(const void *block) __asm__("__lsan_ignore_object") __attribute__((weak));

bool mema_isAsanThere(void) {
  return mema_asanPoison != NULL && mema_asanUnpoison != NULL;
}

static void tell(uintptr_t request, const void *first, uintptr_t second, uintptr_t third) {
  mema_clientRequest(request, (uintptr_t)first, second, third);
}

void mema_shadowHide(const void *at, size_t bytes) {
  if (bytes == 0) return;
  if (mema_isAsanThere()) mema_asanPoison(at, bytes);
  tell(memcheckHide, at, bytes, 0);
}

void mema_shadowGrant(const void *at, size_t bytes) {
  if (bytes == 0) return;
  if (mema_isAsanThere()) mema_asanUnpoison(at, bytes);
  tell(memcheckGrant, at, bytes, 0);
}

void mema_shadowReveal(const void *at, size_t bytes) {
  if (bytes == 0) return;
  if (mema_isAsanThere()) mema_asanUnpoison(at, bytes);
  mema_markDefined(at, bytes);
}

void mema_shadowOpen(const void *pool, size_t redzone) {
  tell(listOpen, pool, redzone, 0);
}

void mema_shadowClose(const void *pool) {
  tell(listClose, pool, 0, 0);
}

/* The bytes become undefined. */
void mema_shadowTake(const void *pool, const void *chunk, size_t bytes) {
  tell(listTake, pool, (uintptr_t)chunk, bytes);
}

void mema_shadowGive(const void *pool, const void *chunk) {
  tell(listGive, pool, (uintptr_t)chunk, 0);
}

void mema_shadowResize(const void *pool, const void *chunk, size_t bytes) {
  mema_clientRequestOf4(listChange, (uintptr_t)pool, (uintptr_t)chunk, (uintptr_t)chunk, bytes);
}

/* A list is trimmed to the chunks in a range, here an empty one. */
void mema_shadowClear(const void *pool) {
  tell(listTrim, pool, (uintptr_t)pool, 0);
}

void mema_shadowAddRoot(const void *at, size_t bytes) {
  if (bytes != 0 && mema_lsanAddRoot != NULL && mema_lsanRemoveRoot != NULL) mema_lsanAddRoot(at, bytes);
}

void mema_shadowRemoveRoot(const void *at, size_t bytes) {
  if (bytes != 0 && mema_lsanAddRoot != NULL && mema_lsanRemoveRoot != NULL) mema_lsanRemoveRoot(at, bytes);
}

void mema_shadowOwn(const void *block) {
  if (mema_lsanIgnore != NULL) mema_lsanIgnore(block);
}
