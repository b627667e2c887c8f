/* sink.h - the bytes of a trace, into a file, compressed with zstd where the build has it. */
#ifndef MEMA_TRACE_SINK_H
#define MEMA_TRACE_SINK_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Sink Sink;

/* True iff this build has zstd. */
bool canCompress(void);

/* Writes to the descriptor, from where it stands. NULL where there is no memory. `compressed` is true only where
 * canCompress() is. */
Sink *openSink(int file, bool compressed);

/* False, with errno, where something could not be written, now or earlier. */
bool writeSink(Sink *sink, const void *bytes, size_t length);

/* Writes what is left and frees the sink; the descriptor stays open. False, with errno, where not all could be written. */
bool closeSink(Sink *sink);

#endif
