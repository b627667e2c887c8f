/* ending.h - the ends of a process that no destructor sees: _exit, _Exit, quick_exit, abort, and a failed assertion. */
#ifndef MEMA_PRELOAD_ENDING_H
#define MEMA_PRELOAD_ENDING_H

#include <assert.h>

#include <mema.h>

/* The type of a line in the C library's declaration of __assert_fail. */
#ifdef __GLIBC__
typedef unsigned AssertLine;
#else
typedef int AssertLine;
#endif

MEMA_PUBLIC __attribute__((noreturn)) void _exit(int status);
MEMA_PUBLIC __attribute__((noreturn)) void _Exit(int status);
MEMA_PUBLIC __attribute__((noreturn)) void abort(void);
MEMA_PUBLIC __attribute__((noreturn)) void __assert_fail(const char *assertion, const char *file, AssertLine line,
                                                         const char *function);

/* Finds the next functions of these names behind this library's. */
void startEndings(void);

#endif
