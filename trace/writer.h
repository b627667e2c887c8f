/* writer.h - operations into a trace file. */
#ifndef MEMA_TRACE_WRITER_H
#define MEMA_TRACE_WRITER_H

#include "trace.h"

typedef struct TraceWriter TraceWriter;

/* A writer to the descriptor, from where it stands; NULL where there is no memory. */
TraceWriter *openWriter(int file, bool compressed);

void writeProcess(TraceWriter *writer, const char *name, int32_t pid, int32_t parentPid);

/* The next operation of the process. Of an allocation the writer sets operation->object; of any other the object must be live
 * and the thread known: at most one above all before it, as it is numbered in order. */
void writeOperation(TraceWriter *writer, TraceOperation *operation);

void writeProcessEnd(TraceWriter *writer, uint64_t lost);

/* Ends the file and frees the writer. False, with errno, where not all of it could be written. */
bool closeWriter(TraceWriter *writer);

#endif
