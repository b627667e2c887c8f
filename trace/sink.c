/* sink.c - see sink.h. */
#define _GNU_SOURCE
#include "sink.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef MEMA_ZSTD
#include <zstd.h>
/* Higher levels take twice as long for a few percent. */
enum { LEVEL = 6 };
#endif

enum { ROOM = 128 * 1024 };

struct Sink {
  int file;
  int reason; /* an errno: why nothing more can be written; or 0 */
  bool compressed;
  size_t length;
  uint8_t bytes[ROOM];
#ifdef MEMA_ZSTD
  ZSTD_CStream *stream;
#endif
};

static bool flush(Sink *sink) {
  size_t done = 0;
  while (sink->reason == 0 && done < sink->length) {
    ssize_t length = write(sink->file, sink->bytes + done, sink->length - done);
    if (length > 0) {
      done += (size_t)length;
    } else if (length == 0 || errno != EINTR) {
      sink->reason = length == 0 ? EIO : errno;
    }
  }
  sink->length = 0;
  errno = sink->reason;
  return sink->reason == 0;
}

#ifdef MEMA_ZSTD
bool canCompress(void) {
  return true;
}

static bool openStream(Sink *sink) {
  sink->stream = ZSTD_createCStream();
  return sink->stream != NULL && !ZSTD_isError(ZSTD_CCtx_setParameter(sink->stream, ZSTD_c_compressionLevel, LEVEL)) &&
         !ZSTD_isError(ZSTD_CCtx_setParameter(sink->stream, ZSTD_c_checksumFlag, 1));
}

static void closeStream(Sink *sink) {
  ZSTD_freeCStream(sink->stream);
}

/* Until all of the input is taken, and with ZSTD_e_end until all of the output is out. */
static bool compress(Sink *sink, const void *bytes, size_t length, ZSTD_EndDirective directive) {
  ZSTD_inBuffer input = {.src = bytes, .size = length};
  size_t left;
  do {
    ZSTD_outBuffer output = {.dst = sink->bytes, .size = ROOM, .pos = sink->length};
    left = ZSTD_compressStream2(sink->stream, &output, &input, directive);
    sink->length = output.pos;
    if (ZSTD_isError(left)) sink->reason = ENOMEM;
    if ((sink->length == ROOM || sink->reason != 0) && !flush(sink)) return false;
  } while (input.pos < input.size || (directive == ZSTD_e_end && left > 0));
  return true;
}

static bool endStream(Sink *sink) {
  return compress(sink, NULL, 0, ZSTD_e_end);
}
#else
enum { ZSTD_e_continue };

bool canCompress(void) {
  return false;
}

static bool openStream(Sink *sink) {
  (void)sink;
  return false;
}

static void closeStream(Sink *sink) {
  (void)sink;
}

static bool compress(Sink *sink, const void *bytes, size_t length, int directive) {
  (void)sink, (void)bytes, (void)length, (void)directive;
  return false;
}

static bool endStream(Sink *sink) {
  (void)sink;
  return false;
}
#endif

static bool store(Sink *sink, const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (sink->length == ROOM && !flush(sink)) return false;
    sink->bytes[sink->length++] = bytes[i];
  }
  errno = sink->reason;
  return sink->reason == 0;
}

Sink *openSink(int file, bool compressed) {
  Sink *sink = calloc(1, sizeof *sink);
  if (sink == NULL) return NULL;
  sink->file = file;
  sink->compressed = compressed;
  if (!compressed || openStream(sink)) return sink;
  closeStream(sink);
  free(sink);
  return NULL;
}

bool writeSink(Sink *sink, const void *bytes, size_t length) {
  return sink->compressed ? compress(sink, bytes, length, ZSTD_e_continue) : store(sink, bytes, length);
}

bool closeSink(Sink *sink) {
  if (sink->compressed) {
    if (sink->reason == 0) endStream(sink);
    closeStream(sink);
  }
  bool done = flush(sink);
  int reason = sink->reason;
  free(sink);
  errno = reason;
  return done;
}
