/* machine.h - what the numbers were taken on. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stddef.h>
#include <stdio.h>

/* Each line begins with `prefix`. */
void describeMachine(FILE *out, const char *prefix);
void describeLoad(FILE *out, const char *prefix);

/* Since the first call, which prints nothing. */
void describeStolen(FILE *out, const char *prefix);

/* "AMD EPYC, Linux 6.18, gcc 12.2.0 -O2": for the picture. */
void summarizeMachine(char *text, size_t size);

#endif
