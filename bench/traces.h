/* traces.h - the heaps of real programs, replayed. */
#ifndef BENCH_TRACES_H
#define BENCH_TRACES_H

#include "peers.h"

Work replay; /* ns per operation: [0] again and again, [1] the first time; n: which trace */

/* Reads the traces of this directory. Returns how many there are; traceName(i) is the program's name. */
size_t readTraces(const char *directory);
const char *traceName(size_t which);

#endif
