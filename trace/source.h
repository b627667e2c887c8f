/* source.h - the bytes of a trace, from a file that is plain or compressed with zstd. */
#ifndef MEMA_TRACE_SOURCE_H
#define MEMA_TRACE_SOURCE_H

#include "trace.h"

typedef struct Source Source;

/* NULL, with the sentence, where the file cannot be opened, is empty or a directory, or is compressed and this build cannot
 * decompress. */
Source *openSource(const char *path, TraceError *error);

bool isCompressed(const Source *source);

/* The bytes read, fewer than wanted only at the end; -1, with the sentence, where they cannot be read or decompressed, or
 * what is compressed is not whole. */
ptrdiff_t readSource(Source *source, void *out, size_t wanted, TraceError *error);

void closeSource(Source *source);

/* Sets the sentence. */
__attribute__((format(printf, 2, 3))) void setTraceError(TraceError *error, const char *format, ...);

#endif
