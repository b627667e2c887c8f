/* rawFile.c - see rawFile.h. */
#define _GNU_SOURCE
#include "rawFile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "complain.h"
#include "descriptor.h"

/* 4,000 million events. Where addresses have 32 bits, 32 million: each recorded process maps the file. */
#define MOST_BYTES (sizeof(void *) < 8 ? (off_t)512 << 20 : (off_t)64 << 30)
#define LEAST_BYTES ((off_t)16 << 20)

/* ---- making ------------------------------------------------------------------------------------------------------- */

/* One beyond the limit would be a signal. */
static off_t fileSizeLimit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= (rlim_t)MOST_BYTES) {
    return MOST_BYTES;
  }
  return (off_t)limit.rlim_cur / RAW_BLOCK_BYTES * RAW_BLOCK_BYTES;
}

static off_t makeHole(int file) {
  off_t bytes = fileSizeLimit();
  while (bytes >= LEAST_BYTES && ftruncate(file, bytes) != 0) bytes = bytes / 2 / RAW_BLOCK_BYTES * RAW_BLOCK_BYTES;
  if (bytes < LEAST_BYTES) errno = EFBIG;
  return bytes < LEAST_BYTES ? 0 : bytes;
}

static RawHead *mapHead(int file) {
  void *memory = mmap(NULL, RAW_BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

/* The head is written and not stored, so that a full disk is an answer. */
static RawHead *formatFile(int file) {
  off_t bytes = makeHole(file);
  if (bytes == 0) return NULL;
  static RawHead head = {.magic = RAW_LOG_MAGIC, .version = RAW_LOG_VERSION, .blockBytes = RAW_BLOCK_BYTES, .claimed = 1};
  head.blockCount = (uint32_t)(bytes / RAW_BLOCK_BYTES);
  if (pwrite(file, &head, sizeof head, 0) != (ssize_t)sizeof head) return NULL;
  /* Held for as long as this process lives. The recorded programs hold one each: see openRawFile. */
  if (flock(file, LOCK_SH | LOCK_NB) != 0) return NULL;
  return mapHead(file);
}

static bool takeFile(RawFile *raw, int file) {
  raw->file = moveAside(file);
  raw->head = raw->file < 0 ? NULL : formatFile(raw->file);
  if (raw->head != NULL) return true;
  int reason = errno;
  if (raw->file >= 0) close(raw->file);
  unlink(raw->path);
  errno = reason;
  return false;
}

static bool isRegular(const char *path) {
  struct stat status;
  return stat(path, &status) != 0 || S_ISREG(status.st_mode);
}

/* "/where/it/is/output.raw", absolute since programs change directories. */
static bool nameNextTo(char *path, const char *output) {
  char directory[PATH_MAX];
  const char *slash = strrchr(output, '/'), *name = slash == NULL ? output : slash + 1;
  int length = slash == NULL ? snprintf(directory, sizeof directory, ".")
                             : snprintf(directory, sizeof directory, "%.*s/", (int)(slash - output), output);
  if (length >= (int)sizeof directory || realpath(directory, path) == NULL) return false;
  length = (int)strlen(path);
  return snprintf(path + length, PATH_MAX - (size_t)length, "/%s.raw", name) < PATH_MAX - length;
}

static bool makeNextTo(RawFile *raw, const char *output) {
  errno = EINVAL;
  if (!isRegular(output) || !nameNextTo(raw->path, output)) return false;
  int file = open(raw->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
  return file >= 0 && takeFile(raw, file);
}

static bool makeIn(RawFile *raw, const char *directory) {
  if (directory == NULL || *directory != '/') return false;
  if (snprintf(raw->path, sizeof raw->path, "%s/mema-XXXXXX", directory) >= (int)sizeof raw->path) return false;
  int file = mkostemp(raw->path, O_CLOEXEC);
  return file >= 0 && takeFile(raw, file);
}

bool makeRawFile(RawFile *raw, const char *output) {
  if (makeNextTo(raw, output)) return true;
  if (errno == EEXIST) {
    complain("there is '%s', of a recording that goes on or was killed: --finish makes a trace of it", raw->path);
    return false;
  }
  if (makeIn(raw, getenv("TMPDIR")) || makeIn(raw, "/tmp")) return true;
  complain("cannot make a file for the events next to '%s', in TMPDIR or in /tmp: %s", output, strerror(errno));
  return false;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static bool isRawLog(const RawFile *raw) {
  struct stat status;
  RawHead head;
  return fstat(raw->file, &status) == 0 && S_ISREG(status.st_mode) &&
         pread(raw->file, &head, sizeof head, 0) == (ssize_t)sizeof head && head.magic == RAW_LOG_MAGIC &&
         head.version == RAW_LOG_VERSION && head.blockBytes == RAW_BLOCK_BYTES &&
         head.blockCount == (uint64_t)status.st_size / RAW_BLOCK_BYTES;
}

static const char *whyNotOpened(RawFile *raw) {
  if (raw->file < 0) return strerror(errno);
  if (!isRawLog(raw)) return "it is not what a recording leaves behind";
  if (flock(raw->file, LOCK_EX | LOCK_NB) != 0) {
    return "its recording still goes on, in `mema record' or in a program that it started";
  }
  raw->head = mapHead(raw->file);
  return raw->head == NULL ? strerror(errno) : NULL;
}

bool openRawFile(RawFile *raw, const char *path) {
  snprintf(raw->path, sizeof raw->path, "%s", path);
  raw->file = moveAside(open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  const char *reason = whyNotOpened(raw);
  if (reason == NULL) return true;
  complain("cannot finish '%s': %s", path, reason);
  if (raw->file >= 0) close(raw->file);
  return false;
}

static int byPlace(const void *left, const void *right) {
  const RawBlockPlace *a = left, *b = right;
  if (a->process != b->process) return a->process < b->process ? -1 : 1;
  if (a->ordinal != b->ordinal) return a->ordinal < b->ordinal ? -1 : 1;
  return (a->number > b->number) - (a->number < b->number);
}

RawBlockPlace *listRawBlocks(const RawFile *raw, size_t *count) {
  struct {
    uint32_t process, ordinal;
  } label;
  uint32_t claimed = atomic_load(&raw->head->claimed), blocks = raw->head->blockCount;
  if (claimed < blocks) blocks = claimed;
  RawBlockPlace *places = calloc(blocks + 1, sizeof *places);
  *count = 0;
  for (uint32_t number = 1; places != NULL && number < blocks; number++) {
    ssize_t length = pread(raw->file, &label, sizeof label, (off_t)number * RAW_BLOCK_BYTES);
    if (length != (ssize_t)sizeof label || label.process == 0) continue;
    places[(*count)++] = (RawBlockPlace){.process = label.process, .ordinal = label.ordinal, .number = number};
  }
  if (places != NULL) qsort(places, *count, sizeof *places, byPlace);
  return places;
}

bool readRawBlock(const RawFile *raw, uint32_t number, RawBlock *block) {
  ssize_t length = pread(raw->file, block, sizeof *block, (off_t)number * RAW_BLOCK_BYTES);
  if (length >= 0 && length != (ssize_t)sizeof *block) errno = EIO;
  return length == (ssize_t)sizeof *block;
}

void closeRawFile(RawFile *raw, bool keep) {
  if (!keep) unlink(raw->path);
  munmap(raw->head, RAW_BLOCK_BYTES);
  close(raw->file);
}
