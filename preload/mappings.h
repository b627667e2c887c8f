/* mappings.h - memory that the program takes from the system by itself, counted against the budget like its chunks.
 *
 * mmap, munmap, mremap, brk and sbrk of the program, and of its libraries, come here. Charged are, in whole pages, anonymous mappings
 * that may be written, and in bytes the growth of the break; past the budget the program gets ENOMEM. Not charged are mappings of
 * files, and those that may not be written when they are made: a later mprotect is not seen. Calls that the C library and the loader
 * make for themselves (stacks of threads, libraries, its own heap) do not come here, nor do those of a program that asks the kernel
 * without the C library.
 *
 * Every function may be called from any thread, from a signal handler and around fork, and before any constructor has run. */
#ifndef MEMA_PRELOAD_MAPPINGS_H
#define MEMA_PRELOAD_MAPPINGS_H

#include <mema.h>

/* Registers what is to be done at a fork, once. To be called before the heap and its pool register theirs: so the lock of the set is the last
 * to be taken, and nobody waits for it, in a signal handler that interrupted the heap, while the heap is waited for. */
void startMappings(void);

#endif
