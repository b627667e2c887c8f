/* symbols.h - names for the frames of a call stack: the function from the symbols of its module, and file and line from debug
 * information, which addr2line reads if it is installed. */
#ifndef MEMA_CLI_SYMBOLS_H
#define MEMA_CLI_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>

enum { FRAME_ROOM = 512 };

/* Describes a frame, which is "MODULE+0xOFFSET": "function (file.c:12)", "function", or "module+0x1234". With `lines` addr2line is asked. */
void describeFrame(char out[FRAME_ROOM], const char *frame, bool lines);

/* Frees what was read. */
void forgetModules(void);

#endif
