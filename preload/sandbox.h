/* sandbox.h - has the program begun to limit its own system calls? A filter that it installs (seccomp) may end the
 * process for any call that it does not list, and most lists are made for the C library. */
#ifndef MEMA_PRELOAD_SANDBOX_H
#define MEMA_PRELOAD_SANDBOX_H

#include <stdbool.h>

#include <mema.h>

/* True from the moment when the program asked for no new privileges, which goes before a filter, or for the filter
 * itself. */
bool isInSandbox(void);

/* Finds the next prctl behind this library's. */
void startSandbox(void);

MEMA_PUBLIC int prctl(int option, ...);

#endif
