/* damage - no file is believed. A small trace is cut off at every length, has every byte changed in every bit, and has bytes
 * changed under checksums that fit: each time it is refused with one line, or else it is what it was (or, where the checksum
 * fits, a sound trace). Nothing reads or writes where it must not: this is for the sanitizers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../trace/format.h"
#include "../../trace/sink.h"
#include "support/example.h"

enum { FILE_MOST = 8192, OPERATIONS = 60 };

static uint8_t whole[FILE_MOST];
static size_t length;
static Trace original;

typedef enum Verdict { REFUSED, UNCHANGED, OTHER } Verdict;

/* Reads a file with these bytes, and says how that ended. */
static Verdict judge(const uint8_t *bytes, size_t count) {
  Trace trace;
  TraceError error = {"\n"};
  const char *path;
  int file = makeFile(bytes, count, &path);
  Verdict verdict = REFUSED;
  if (readTrace(path, &trace, &error)) {
    verdict = sameTrace(&original, &trace) ? UNCHANGED : OTHER;
    CHECK(isSound(&trace));
    freeTrace(&trace);
  } else {
    CHECK(trace.count == 0 && trace.processes == NULL);
    CHECK(error.sentence[0] != '\0' && strchr(error.sentence, '\n') == NULL);
  }
  close(file);
  return verdict;
}

static void makeOriginal(bool compressed) {
  const char *path;
  int file = makeFile("", 0, &path);
  seed(7);
  original = writeExample(file, compressed, 2, OPERATIONS);
  length = (size_t)pread(file, whole, sizeof whole, 0);
  CHECK(length > 100 && length < sizeof whole);
  CHECK(judge(whole, length) == UNCHANGED);
  close(file);
}

static void cutOff(void) {
  for (size_t count = 0; count < length; count++) CHECK(judge(whole, count) == REFUSED);
}

/* zstd's frame has bits of no meaning. */
static void flip(bool compressed) {
  for (size_t at = 0; at < length; at++) {
    for (int bit = 0; bit < 8; bit++) {
      whole[at] ^= (uint8_t)(1 << bit);
      Verdict verdict = judge(whole, length);
      CHECK(verdict == REFUSED || (compressed && verdict == UNCHANGED));
      whole[at] ^= (uint8_t)(1 << bit);
    }
  }
}

static void addMore(void) {
  uint8_t more[FILE_MOST];
  memcpy(more, whole, length);
  for (int last = 0; last < 256; last++) {
    more[length] = (uint8_t)last;
    CHECK(judge(more, length + 1) == REFUSED);
  }
  if (2 * length > sizeof more) return;
  memcpy(more + length, whole, length);
  CHECK(judge(more, 2 * length) == REFUSED);
}

/* ---- under a checksum that fits ----------------------------------------------------------------------------------- */

/* Calculates the checksums of a plain trace anew. */
static void reseal(uint8_t *bytes) {
  for (size_t at = TRACE_HEAD_BYTES; at < length;) {
    const uint8_t *payload = bytes + at + 1;
    uint64_t count = 0;
    if (!getNumber(&payload, bytes + length, &count) || count > (size_t)(bytes + length - payload)) return;
    uint8_t *end = bytes + (payload - bytes) + count;
    if (end + CHECKSUM_BYTES > bytes + length) return;
    uint32_t checksum = traceChecksum(0, bytes + at, (size_t)(end - bytes) - at);
    for (int i = 0; i < CHECKSUM_BYTES; i++) end[i] = (uint8_t)(checksum >> (8 * i));
    at = (size_t)(end - bytes) + CHECKSUM_BYTES;
  }
}

static void forge(int rounds) {
  int others = 0, refused = 0;
  for (int i = 0; i < rounds; i++) {
    uint8_t bytes[FILE_MOST];
    memcpy(bytes, whole, length);
    for (uint64_t changes = 1 + draw(3); changes > 0; changes--) bytes[draw(length)] = (uint8_t)draw(256);
    reseal(bytes);
    Verdict verdict = judge(bytes, length);
    others += verdict == OTHER;
    refused += verdict == REFUSED;
  }
  /* Else a cause other than the checksums let the changes through. */
  CHECK(others > rounds / 50 && refused > rounds / 50);
}

int main(int argc, char **argv) {
  for (int compressed = 0; compressed <= canCompress(); compressed++) {
    makeOriginal(compressed);
    cutOff();
    flip(compressed);
    addMore();
    if (!compressed) forge(argc > 1 ? atoi(argv[1]) : 20000);
    freeExample(&original);
  }
  return 0;
}
