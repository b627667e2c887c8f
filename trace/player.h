/* player.h - plays the operations of a process against a heap. */
#ifndef MEMA_TRACE_PLAYER_H
#define MEMA_TRACE_PLAYER_H

#include "playHeap.h"
#include "trace.h"

/* Plays the process from its first operation to its last, in the recorded order and on the calling thread. What is new of an
 * object is touched: its first byte, and one byte of each page of its first 256 MiB. `live` has process->objects entries, all
 * zero; afterwards it holds what is still live. */
PlayCounts playProcess(const TraceProcess *process, const PlayHeap *heap, PlayObject *live);

/* Releases what is still live. */
void releaseRest(const TraceProcess *process, const PlayHeap *heap, PlayObject *live);

#endif
