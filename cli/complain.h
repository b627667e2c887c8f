/* complain.h - what `mema run` has to say when something is wrong: one line on stderr. */
#ifndef MEMA_CLI_COMPLAIN_H
#define MEMA_CLI_COMPLAIN_H

#include <stdbool.h>

/* Prints "mema run: " and the message, in one write and as one line whatever the arguments contain. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

#endif
