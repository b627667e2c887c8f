/* checkers.h - messages to two tools that check a program while it runs: Valgrind's memcheck and the thread
 * sanitizer.
 *
 * memcheck keeps a shadow of all memory: one bit for each bit, set if that bit is undefined. It reports a branch
 * that depends on an undefined bit. The library makes such branches on purpose in two places. init asks whether
 * a Pool, which may be undefined memory, is a live pool, and mema_addCleanup asks whether a record is in a list
 * already. Both lift the shadow for that question and restore it. So memcheck still reports all other reads of
 * the same bytes.
 *
 * A program sends a client request to Valgrind by instructions that change nothing on a processor and that
 * Valgrind replaces. Its manual describes them (chapters "The Client Request mechanism" and "Memcheck: Client
 * Requests"). They are part of its binary interface, so no header of Valgrind is needed. On other processors no
 * request is sent.
 *
 * The thread sanitizer sees the locks of a program that was built with it. It does not see those of a library
 * that was not. Such a library can tell it by two functions (sanitizer/tsan_interface.h in gcc and clang): a
 * release of an address comes before each later acquire of the same address. Both functions are weak symbols,
 * NULL in a program without the sanitizer. */
#ifndef MEMA_BASE_CHECKERS_H
#define MEMA_BASE_CHECKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- memcheck -------------------------------------------------------------------------------------------------------------- */

/* Requests of memcheck: two letters, and a number. */
enum { mema_memcheckMakeDefined = 0x4D430002, mema_memcheckGetBits = 0x4D430008, mema_memcheckSetBits = 0x4D430009 };

/* A client request: the instructions, the register of the answer, and that of the address of six words. The
 * instructions rotate a register by a multiple of its width, or shift the zero register, or copy registers to
 * themselves. The last one tells which service is asked for. */
#if defined(__x86_64__) && defined(__LP64__)
#define MEMA_REQUEST_CODE "rolq $3, %%rdi; rolq $13, %%rdi; rolq $61, %%rdi; rolq $51, %%rdi; xchgq %%rbx, %%rbx"
#define MEMA_REQUEST_ANSWER "rdx"
#define MEMA_REQUEST_WORDS "rax"
#elif defined(__i386__)
#define MEMA_REQUEST_CODE "roll $3, %%edi; roll $13, %%edi; roll $29, %%edi; roll $19, %%edi; xchgl %%ebx, %%ebx"
#define MEMA_REQUEST_ANSWER "edx"
#define MEMA_REQUEST_WORDS "eax"
#elif defined(__aarch64__) && defined(__LP64__)
#define MEMA_REQUEST_CODE "ror x12, x12, #3; ror x12, x12, #13; ror x12, x12, #51; ror x12, x12, #61; orr x10, x10, x10"
#define MEMA_REQUEST_ANSWER "x3"
#define MEMA_REQUEST_WORDS "x4"
#elif defined(__arm__) && (!defined(__thumb__) || defined(__thumb2__)) && __ARM_ARCH_PROFILE != 'M'
#define MEMA_REQUEST_CODE \
  "mov r12, r12, ror #3; mov r12, r12, ror #13; mov r12, r12, ror #29; mov r12, r12, ror #19; orr r10, r10, r10"
#define MEMA_REQUEST_ANSWER "r3"
#define MEMA_REQUEST_WORDS "r4"
#elif defined(__riscv) && __riscv_xlen == 64
#define MEMA_REQUEST_CODE                                                                                                   \
  ".option push; .option norvc; srli zero, zero, 3; srli zero, zero, 13; srli zero, zero, 51; srli zero, zero, 61; or a0, " \
  "a0, a0; .option pop"
#define MEMA_REQUEST_ANSWER "a3"
#define MEMA_REQUEST_WORDS "a4"
#elif defined(__s390x__)
#define MEMA_REQUEST_CODE "lr 15,15; lr 1,1; lr 2,2; lr 3,3; lr 2,2"
#define MEMA_REQUEST_ANSWER "3"
#define MEMA_REQUEST_WORDS "2"
#endif

/* Sends a client request. Returns its answer, or 0 if the program does not run under Valgrind. */
static inline uintptr_t mema_clientRequestOf4(uintptr_t request, uintptr_t first, uintptr_t second, uintptr_t third,
                                              uintptr_t fourth) {
#if defined(MEMA_REQUEST_CODE)
  const uintptr_t words[6] = {request, first, second, third, fourth, 0};
  register uintptr_t answer __asm__(MEMA_REQUEST_ANSWER) = 0;
  register const uintptr_t *asked __asm__(MEMA_REQUEST_WORDS) = words;
  __asm__ volatile(MEMA_REQUEST_CODE : "+r"(answer) : "r"(asked) : "cc", "memory");
  return answer;
#else
  (void)request, (void)first, (void)second, (void)third, (void)fourth;
  return 0;
#endif
}

static inline uintptr_t mema_clientRequest(uintptr_t request, uintptr_t first, uintptr_t second, uintptr_t third) {
  return mema_clientRequestOf4(request, first, second, third, 0);
}

/* Marks bytes as defined. */
static inline void mema_markDefined(const void *at, size_t bytes) {
  mema_clientRequest(mema_memcheckMakeDefined, (uintptr_t)at, bytes, 0);
}

/* Copies the shadow of these bytes and marks the bytes as defined. Returns false, with nothing changed, if
 * memcheck does not run or if one of the bytes may not be accessed. */
static inline bool mema_liftShadow(const void *at, uint8_t *shadow, size_t bytes) {
  if (mema_clientRequest(mema_memcheckGetBits, (uintptr_t)at, (uintptr_t)shadow, bytes) != 1) return false;
  mema_markDefined(at, bytes);
  return true;
}

static inline void mema_restoreShadow(const void *at, const uint8_t *shadow, size_t bytes) {
  mema_clientRequest(mema_memcheckSetBits, (uintptr_t)at, (uintptr_t)shadow, bytes);
}

/* Whether the program runs under memcheck. The answer is the same throughout the life of a process. */
static inline bool mema_isMemcheckThere(void) {
  uint8_t known = 0, shadow = 0;
  return mema_liftShadow(&known, &shadow, sizeof known);
}

/* ---- the thread sanitizer -------------------------------------------------------------------------------------------------- */

#if defined(__SANITIZE_THREAD__)
#define MEMA_THREAD_SANITIZED
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MEMA_THREAD_SANITIZED
#endif
#endif

extern void mema_tsanAcquire(void *lock) __asm__("__tsan_acquire") __attribute__((weak));
extern void mema_tsanRelease(void *lock) __asm__("__tsan_release") __attribute__((weak));

/* To be called after a lock was taken. */
static inline void mema_noteAcquired(const void *lock) {
  if (__builtin_expect(mema_tsanAcquire != NULL, 0)) mema_tsanAcquire((void *)(uintptr_t)lock);
}

/* To be called before a lock is released. */
static inline void mema_noteReleasing(const void *lock) {
  if (__builtin_expect(mema_tsanRelease != NULL, 0)) mema_tsanRelease((void *)(uintptr_t)lock);
}

/* True if the program was built with the sanitizer, and the library was not. A library that was built with it needs
 * to note only its mappings (memory/linux.c), since the sanitizer sees all else. */
static inline bool mema_isRaceChecked(void) {
#if defined(MEMA_THREAD_SANITIZED)
  return false;
#else
  return __builtin_expect(mema_tsanAcquire != NULL, 0);
#endif
}

#endif
