/* replaceFile.h - files that are written when the command has ended. A regular file is replaced as a whole: it is the old one until the new one is
 * complete. Anything else, as a device or a pipe, is written to. */
#ifndef MEMA_CLI_REPLACE_FILE_H
#define MEMA_CLI_REPLACE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* True if the file can be written, as far as can be known before. It makes nothing. False after complaining: "cannot write WHAT 'NAME'". */
bool canReplaceFile(const char *what, const char *name);

/* False after complaining; then nothing is left behind, and a regular file is as it was. */
bool replaceFile(const char *what, const char *name, const char *text, size_t length);

#endif
