/* forged - traces made by hand, each wrong in one way under checksums that fit: refused, and for that reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../trace/format.h"
#include "support/example.h"

static uint8_t bytes[3 * SECTION_MOST];
static size_t length;

static void begin(void) {
  memcpy(bytes, TRACE_MAGIC, TRACE_MAGIC_BYTES);
  bytes[TRACE_MAGIC_BYTES] = TRACE_VERSION;
  length = TRACE_HEAD_BYTES;
}

static void section(uint8_t tag, const void *payload, size_t count) {
  size_t start = length;
  bytes[length++] = tag;
  length += putNumber(bytes + length, count);
  memcpy(bytes + length, payload, count);
  length += count;
  uint32_t checksum = traceChecksum(0, bytes + start, length - start);
  for (int i = 0; i < CHECKSUM_BYTES; i++) bytes[length++] = (uint8_t)(checksum >> (8 * i));
}

/* The parts behind a tag in a text: "P" a process, "O..." operations in hexadecimal, and so on. */
static void sectionOf(const char *text, size_t count) {
  uint8_t payload[64];
  size_t used = 0;
  for (size_t i = 1; i + 1 < count; i += 2) {
    char digits[] = {text[i], text[i + 1], '\0'};
    payload[used++] = (uint8_t)strtoul(digits, NULL, 16);
  }
  section((uint8_t)text[0], payload, used);
}

static void checkFile(const char *what, const char *reason) {
  Trace trace;
  TraceError error = {""};
  const char *path;
  int file = makeFile(bytes, length, &path);
  bool read = readTrace(path, &trace, &error);
  if (read != (reason == NULL) || (reason != NULL && strstr(error.sentence, reason) == NULL)) {
    fprintf(stderr, "forged: %.60s: %s, and not: %s\n", what, read ? "accepted" : error.sentence,
            reason ? reason : "accepted");
    exit(1);
  }
  if (read) freeTrace(&trace);
  close(file);
}

/* Sections separated by blanks, and the sentence that is expected; NULL: none. */
static void check(const char *text, const char *reason) {
  begin();
  for (const char *at = text; *at != '\0';) {
    size_t count = strcspn(at, " ");
    sectionOf(at, count);
    at += count + (at[count] == ' ');
  }
  checkFile(text, reason);
}

#define PROCESS \
  "P010001"     \
  "61 " /* pid 1, its parent 0, a name of one letter */

static void sections(void) {
  check("E00", NULL);
  check(PROCESS "Q0000 E01", NULL);
  check(PROCESS "E01", "a process does not end");
  check(PROCESS PROCESS "Q0000 E01", "a process begins in another");
  check("O21 E00", "operations of no process");
  check("Q0000 E00", "a process ends that never began");
  check(PROCESS "Q0100 E01", "operations of a process are missing");
  check(PROCESS "O0900 Q0000 E01", "operations of a process are missing");
  check(PROCESS "O05 Q0000 E01", "operations of a process are missing");
  check(PROCESS "Q00 E01", "operations of a process are missing");
  check(PROCESS "Q000000 E01", "operations of a process are missing");
  check(PROCESS "Q0000 E02", "processes are missing");
  check(PROCESS "Q0000 E0100", "processes are missing");
  check("E", "processes are missing");
  check("X00 E00", "a section is of no known kind");
  check("E00 E00", "there is more behind its end");
  check("", "ends too early");
}

static void names(void) {
  check("P0100 Q0000 E01", "no proper name");
  check("P01000261 Q0000 E01", "no proper name");
  check("P0100026100 Q0000 E01", "no proper name");
  check(
      "P808080800800"
      "0161 Q0000 E01",
      "no proper name");
  check(
      "P81000001"
      "61 Q0000 E01",
      "no proper name");
  check(
      "P010030"
      "616161616161616161616161616161616161616161616161"
      "616161616161616161616161616161616161616161616161 Q0000 E01",
      "no proper name");
}

static void operations(void) {
  check(PROCESS
        "O09"
        "00"
        " Q0200 E01",
        NULL); /* malloc of 1, free of the object here */
  check(PROCESS "O090000 Q0300 E01", "used that is not live");
  check(PROCESS "O0910 Q0200 E01", "used that is not live");
  check(PROCESS "O0908 Q0200 E01", "used that is not live");
  check(PROCESS "O0404 Q0100 E01", "used that is not live");
  check(PROCESS "O04 Q0100 E01", "cut in two");
  check(PROCESS "O81 Q0100 E01", "cut in two");
  check(PROCESS "O8180 Q0100 E01", "cut in two");
  check(PROCESS "O8100 Q0100 E01", "cut in two");
  check(PROCESS "O818000 Q0100 E01", "cut in two");
  check(PROCESS "O0D Q0100 E01", "an operation is none");
  check(PROCESS "O0F09 Q0100 E01", NULL);
  check(PROCESS "O1709 Q0100 E01", "out of turn");
  check(PROCESS "O0709 Q0100 E01", "out of turn");
  check(PROCESS "OF30301 Q0100 E01", NULL); /* aligned to 2^62 */
  check(PROCESS "OFB0301 Q0100 E01", "an alignment is too large");
  check(PROCESS "O81808080808080808008 Q0100 E01", NULL); /* 2^63 bytes */
  check(PROCESS "O89808080808080808008 Q0100 E01", "a size is too large");
  check(PROCESS "O8E808080808080808008 Q0100 E01", NULL); /* which one may be refused */
  check(PROCESS "O81808080808080808010 Q0100 E01", "cut in two");
}

static void longSections(void) {
  static uint8_t payload[2 * SECTION_MOST];
  memset(payload, 5, sizeof payload);
  for (size_t more = 0; more < 3; more++) {
    begin();
    sectionOf("P01000161", 9);
    section(TAG_OPERATIONS, payload, more == 2 ? sizeof payload : SECTION_MOST + more);
    sectionOf("Q80800400", 9);
    sectionOf("E01", 3);
    checkFile("a long section", more == 0 ? NULL : "a section's length is none");
  }
  begin();
  bytes[length++] = TAG_OPERATIONS;
  for (int i = 0; i < NUMBER_MOST; i++) bytes[length++] = 0xff;
  bytes[length++] = 1;
  checkFile("a length of eleven bytes", "a section's length is none");
}

int main(void) {
  sections();
  names();
  operations();
  longSections();
  return 0;
}
