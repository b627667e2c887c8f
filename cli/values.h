/* values.h - readers of the values of options (Option.read). Each sets a field of the type that its comment names, or complains in one
 * line and returns false. */
#ifndef MEMA_CLI_VALUES_H
#define MEMA_CLI_VALUES_H

#include "command.h"

/* bool: true; false */
bool setFlag(const Option *option, const char *value, void *field);
bool clearFlag(const Option *option, const char *value, void *field);

/* size_t: the bytes of a budget, which are not 0 */
bool readSize(const Option *option, const char *value, void *field);

/* size_t: a number from 1 to option->most */
bool readCount(const Option *option, const char *value, void *field);

/* uint64_t: bytes that may be 0; a number that may be 0; hundredths of a percent */
bool readLimit(const Option *option, const char *value, void *field);
bool readNumber(const Option *option, const char *value, void *field);
bool readPercent(const Option *option, const char *value, void *field);

/* const char *: any text; one that is not empty; the name of a file; the same, and not "-" */
bool readAnything(const Option *option, const char *value, void *field);
bool readText(const Option *option, const char *value, void *field);
bool readFileName(const Option *option, const char *value, void *field);
bool readRealFile(const Option *option, const char *value, void *field);

#endif
