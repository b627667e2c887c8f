/* rawFile.h - the reader's side of the raw log (record/rawLog.h): the file that recorded programs write into. */
#ifndef MEMA_CLI_RAW_FILE_H
#define MEMA_CLI_RAW_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "../record/rawLog.h"

typedef struct RawFile {
  char path[PATH_MAX];
  int file;
  RawHead *head; /* mapped */
} RawFile;

/* Makes the file for a trace that will be `output`: output.raw next to it where that can be, else in TMPDIR or /tmp. It has
 * room for as many events as the file system lets it have, and takes none for those that do not come. False after
 * complaining. */
bool makeRawFile(RawFile *raw, const char *output);

/* Opens what a recording that was killed has left. False after complaining: where it is no such file, or the recording still
 * goes on. */
bool openRawFile(RawFile *raw, const char *path);

/* The blocks that hold events, in order: those of a process follow each other, by ordinal. NULL where there is no memory; to
 * be freed. */
typedef struct RawBlockPlace {
  uint32_t process;
  uint32_t ordinal;
  uint32_t number;
} RawBlockPlace;
RawBlockPlace *listRawBlocks(const RawFile *raw, size_t *count);

/* False, with errno, where it cannot be read. */
bool readRawBlock(const RawFile *raw, uint32_t number, RawBlock *block);

/* The file goes, unless it is kept. */
void closeRawFile(RawFile *raw, bool keep);

#endif
