/* source.c - see source.h. */
#define _GNU_SOURCE
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"
#ifdef MEMA_ZSTD
#include <zstd.h>
#endif

enum { ROOM = 128 * 1024 };

struct Source {
  int file;
  size_t at, end; /* what is left of `bytes` */
  uint8_t bytes[ROOM];
  bool compressed;
#ifdef MEMA_ZSTD
  ZSTD_DStream *stream;
  bool frameEnded;
#endif
};

void setTraceError(TraceError *error, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(error->sentence, sizeof error->sentence, format, args);
  va_end(args);
}

/* Without O_NONBLOCK a pipe that nobody writes to would be waited for, for ever. */
static int openFile(const char *path, TraceError *error) {
  struct stat status;
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (file < 0 || fstat(file, &status) != 0) {
    setTraceError(error, "cannot be opened: %s", strerror(errno));
  } else if (S_ISDIR(status.st_mode)) {
    setTraceError(error, "is a directory");
  } else if (fcntl(file, F_SETFL, O_RDONLY) != 0) {
    setTraceError(error, "cannot be read: %s", strerror(errno));
  } else {
    return file;
  }
  if (file >= 0) close(file);
  return -1;
}

/* Reads more of the file behind what is left. False only where reading fails. */
static bool fill(Source *source, TraceError *error) {
  memmove(source->bytes, source->bytes + source->at, source->end - source->at);
  source->end -= source->at;
  source->at = 0;
  ssize_t length;
  do length = read(source->file, source->bytes + source->end, ROOM - source->end);
  while (length < 0 && errno == EINTR);
  if (length >= 0) {
    source->end += (size_t)length;
    return true;
  }
  setTraceError(error, "cannot be read: %s", strerror(errno));
  return false;
}

/* ---- plain -------------------------------------------------------------------------------------------------------- */

static ptrdiff_t readPlain(Source *source, uint8_t *out, size_t wanted, TraceError *error) {
  size_t done = 0;
  while (done < wanted) {
    if (source->at == source->end && !fill(source, error)) return -1;
    size_t length = source->end - source->at;
    if (length == 0) break;
    if (length > wanted - done) length = wanted - done;
    memcpy(out + done, source->bytes + source->at, length);
    source->at += length;
    done += length;
  }
  return (ptrdiff_t)done;
}

/* ---- zstd --------------------------------------------------------------------------------------------------------- */

#ifdef MEMA_ZSTD
static bool openStream(Source *source, TraceError *error) {
  source->stream = ZSTD_createDStream();
  if (source->stream == NULL) setTraceError(error, "cannot be read: no memory to decompress it");
  return source->stream != NULL;
}

static ptrdiff_t readCompressed(Source *source, void *out, size_t wanted, TraceError *error) {
  ZSTD_outBuffer output = {.dst = out, .size = wanted};
  while (output.pos < wanted) {
    if (source->at == source->end && !fill(source, error)) return -1;
    bool atEnd = source->at == source->end;
    if (atEnd && source->frameEnded) break;
    size_t before = output.pos;
    ZSTD_inBuffer input = {.src = source->bytes, .size = source->end, .pos = source->at};
    size_t result = ZSTD_decompressStream(source->stream, &output, &input);
    if (ZSTD_isError(result)) {
      setTraceError(error, "is damaged: zstd says '%s'", ZSTD_getErrorName(result));
      return -1;
    }
    source->at = input.pos;
    source->frameEnded = result == 0;
    /* The data that zstd still held is out, and its frame, with the checksum at its end, is not whole. */
    if (atEnd && output.pos == before) {
      setTraceError(error, "ends too early: it was cut off");
      return -1;
    }
  }
  return (ptrdiff_t)output.pos;
}

static void closeStream(Source *source) {
  ZSTD_freeDStream(source->stream);
}
#else
static bool openStream(Source *source, TraceError *error) {
  (void)source;
  setTraceError(error,
                "is compressed with zstd, which this build of mema cannot read: install libzstd-dev and make mema again, "
                "or decompress the file with `zstd -dc'");
  return false;
}

static void closeStream(Source *source) {
  (void)source;
}
#endif

/* ---- both --------------------------------------------------------------------------------------------------------- */

/* Looks at the first bytes. */
static bool begin(Source *source, TraceError *error) {
  size_t before;
  do {
    before = source->end;
    if (!fill(source, error)) return false;
  } while (source->end < sizeof ZSTD_MAGIC - 1 && source->end > before);
  if (source->end == 0) {
    setTraceError(error, "is empty");
    return false;
  }
  source->compressed = source->end >= sizeof ZSTD_MAGIC - 1 && memcmp(source->bytes, ZSTD_MAGIC, sizeof ZSTD_MAGIC - 1) == 0;
  return !source->compressed || openStream(source, error);
}

Source *openSource(const char *path, TraceError *error) {
  int file = openFile(path, error);
  if (file < 0) return NULL;
  Source *source = calloc(1, sizeof *source);
  if (source == NULL) {
    setTraceError(error, "cannot be read: no memory");
    close(file);
    return NULL;
  }
  source->file = file;
  if (begin(source, error)) return source;
  closeSource(source);
  return NULL;
}

bool isCompressed(const Source *source) {
  return source->compressed;
}

ptrdiff_t readSource(Source *source, void *out, size_t wanted, TraceError *error) {
#ifdef MEMA_ZSTD
  if (source->compressed) return readCompressed(source, out, wanted, error);
#endif
  return readPlain(source, out, wanted, error);
}

void closeSource(Source *source) {
  if (source->compressed) closeStream(source);
  close(source->file);
  free(source);
}
