/* convert.h - a raw log becomes a trace: addresses become objects, the threads' numbers begin at 0. */
#ifndef MEMA_CLI_CONVERT_H
#define MEMA_CLI_CONVERT_H

#include "rawFile.h"

typedef struct Converted {
  uint64_t processes;
  uint64_t operations;
  uint64_t lost; /* events that there was no room for */
} Converted;

/* Writes the trace to the descriptor. False, with errno, where that fails. Needs memory for what a process has live at a
 * time (32 to 64 bytes per object) and for the list of blocks, not for the events. */
bool convertRawFile(const RawFile *raw, int file, bool compressed, Converted *converted);

#endif
