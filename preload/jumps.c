/* jumps.c - see jumps.h. Each function tells the heap the frame that the jump leads to, and passes the call on. POSIX leaves
 * it undefined to jump out of malloc; the C library's own survives it in a process with one thread. */
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE
#include "jumps.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "gate.h"

typedef void Jump(struct __jmp_buf_tag *env, int val);

static Jump *nextJump, *nextSignalJump, *nextCheckedJump;

/* The conversion to a function pointer is the one that POSIX prescribes for dlsym. */
static void find(Jump **function, const char *name) {
  *(void **)(void *)function = dlsym(RTLD_NEXT, name);
}

void startJumps(void) {
  find(&nextJump, "longjmp");
  find(&nextSignalJump, "siglongjmp");
  find(&nextCheckedJump, "__longjmp_chk");
}

/* Returns the stack pointer that glibc keeps in a jmp_buf; 0: unknown. It is mixed with a secret of the process, which
 * lies in the thread's control block (sysdeps/unix/sysv/linux/x86_64/pointer_guard.h). */
static uintptr_t frameIn(const struct __jmp_buf_tag *env) {
#if defined(__x86_64__) && defined(__LP64__) && defined(__GLIBC__)
  enum { STACK_POINTER = 6, TURN = 17 };
  uintptr_t guard, mixed = (uintptr_t)env->__jmpbuf[STACK_POINTER];
  __asm__("movq %%fs:0x30, %0" : "=r"(guard));
  return (mixed >> TURN | mixed << (64 - TURN)) ^ guard;
#else
  (void)env;
  return 0;
#endif
}

__attribute__((noreturn)) static void jump(Jump *next, struct __jmp_buf_tag *env, int val) {
  int savedErrno = errno;
  leaveHeapFor(frameIn(env));
  errno = savedErrno;
  if (next != NULL) next(env, val);
  abort();
}

void longjmp(struct __jmp_buf_tag env[1], int val) {
  jump(nextJump, env, val);
}

void _longjmp(struct __jmp_buf_tag env[1], int val) {
  jump(nextJump, env, val);
}

void siglongjmp(struct __jmp_buf_tag env[1], int val) {
  jump(nextSignalJump, env, val);
}

void __longjmp_chk(struct __jmp_buf_tag env[1], int val) {
  jump(nextCheckedJump, env, val);
}
