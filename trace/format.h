/* format.h - how a trace is bytes: docs/traces.md in C, shared by reader and writer.
 *
 *   file        "memaTRC" version, section..., E section, nothing more
 *   section     tag, number of payload bytes, payload, CRC-32 of all of these (little-endian)
 *   P section   begins a process: pid, parent's pid, name
 *   O section   operations of it, none of them cut in two
 *   Q section   ends it: the number of operations and lost ones
 *   E section   ends the trace: the number of processes
 *   number      7 bits a byte, the low ones first; the top bit says that more follow
 *   operation   a byte with the kind in its low 3 bits and the low 4 bits of the first number above them, its top bit saying
 *               that the rest of that number follows; then the other numbers
 *
 * The numbers of an operation:
 *   RELEASE           object
 *   ALLOCATE, ..._ZEROED, REFUSED   size
 *   ALLOCATE_ALIGNED  alignment as a power of two, size
 *   RESIZE            object, size
 *   STRANGER          0
 *   THREAD (7)        the thread of all operations from here on; a process begins with thread 0
 *
 * An allocation names no object: it is given the number that was released last, or else the lowest never given. An object is
 * named by its distance from the object of the operation before (0 at first), which is small, and the same each time that a
 * program does the same: d >= 0 as 2d, d < 0 as -2d - 1. */
#ifndef MEMA_TRACE_FORMAT_H
#define MEMA_TRACE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_MAGIC "memaTRC"
#define ZSTD_MAGIC "\x28\xb5\x2f\xfd"

enum {
  TRACE_VERSION = 1,
  TRACE_MAGIC_BYTES = 7,
  TRACE_HEAD_BYTES = 8, /* with the version */
  TRACE_THREAD = 7,     /* the kind that is no operation */
  SECTION_MOST = 65536, /* payload bytes */
  NUMBER_MOST = 10,     /* bytes */
  OPERATION_MOST = 1 + 2 * NUMBER_MOST,
  CHECKSUM_BYTES = 4,
  TAG_PROCESS = 'P',
  TAG_OPERATIONS = 'O',
  TAG_PROCESS_END = 'Q',
  TAG_END = 'E'
};

/* The largest size and alignment that a trace may hold: those that a C program can ask for. */
#define TRACE_SIZE_MOST ((uint64_t)1 << 63)
#define TRACE_ALIGNMENT_MOST 62
#define TRACE_OBJECTS_MOST (UINT32_MAX - 1)
#define TRACE_THREADS_MOST 65535

/* CRC-32 as of zip, gzip and PNG; begin with 0. */
uint32_t traceChecksum(uint32_t checksum, const void *bytes, size_t length);

static inline size_t putNumber(uint8_t *out, uint64_t number) {
  size_t length = 0;
  for (; number >= 0x80; number >>= 7) out[length++] = (uint8_t)(number | 0x80);
  out[length++] = (uint8_t)number;
  return length;
}

/* Reads a number at *at, before `end`, and moves *at behind it. False where there is none, or one that is longer than need be
 * or above 64 bits: every number has one form. */
static inline bool getNumber(const uint8_t **at, const uint8_t *end, uint64_t *number) {
  *number = 0;
  for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
    uint8_t byte = *(*at)++;
    if (shift == 63 && byte > 1) return false;
    *number |= (uint64_t)(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return byte != 0 || shift == 0;
  }
  return false;
}

/* The first byte of an operation, and the rest of its first number. */
static inline size_t putFirst(uint8_t *out, unsigned kind, uint64_t number) {
  out[0] = (uint8_t)(kind | (number & 15) << 3 | (number > 15 ? 0x80 : 0));
  return number > 15 ? 1 + putNumber(out + 1, number >> 4) : 1;
}

static inline bool getFirst(const uint8_t **at, const uint8_t *end, unsigned *kind, uint64_t *number) {
  if (*at >= end) return false;
  uint8_t byte = *(*at)++;
  *kind = byte & 7;
  *number = byte >> 3 & 15;
  if ((byte & 0x80) == 0) return true;
  uint64_t rest;
  if (!getNumber(at, end, &rest) || rest == 0 || rest >> 60 != 0) return false;
  *number |= rest << 4;
  return true;
}

static inline uint64_t distanceTo(uint32_t object, uint32_t from) {
  return object >= from ? (uint64_t)(object - from) * 2 : (uint64_t)(from - object) * 2 - 1;
}

/* The object that a distance leads to; UINT64_MAX where there can be none. */
static inline uint64_t objectAt(uint64_t distance, uint32_t from) {
  if ((distance & 1) == 0) return distance / 2 <= UINT32_MAX - from ? from + distance / 2 : UINT64_MAX;
  return distance / 2 < from ? from - distance / 2 - 1 : UINT64_MAX;
}

#endif
