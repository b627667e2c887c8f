/* jumps.h - the C library's functions that jump to a frame above. A signal handler that interrupted the heap may leave the
 * interrupted call by one of them, for good. */
#ifndef MEMA_PRELOAD_JUMPS_H
#define MEMA_PRELOAD_JUMPS_H

#include <setjmp.h>

#include <mema.h>

/* Finds the next functions of these names behind this library's. */
void startJumps(void);

#undef longjmp
#undef siglongjmp
MEMA_PUBLIC __attribute__((noreturn)) void longjmp(struct __jmp_buf_tag env[1], int val);
MEMA_PUBLIC __attribute__((noreturn)) void _longjmp(struct __jmp_buf_tag env[1], int val);
MEMA_PUBLIC __attribute__((noreturn)) void siglongjmp(struct __jmp_buf_tag env[1], int val);
MEMA_PUBLIC __attribute__((noreturn)) void __longjmp_chk(struct __jmp_buf_tag env[1], int val);

#endif
