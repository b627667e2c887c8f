/* jsonString.h - strings in JSON. */
#ifndef MEMA_CLI_JSON_STRING_H
#define MEMA_CLI_JSON_STRING_H

#include <stdio.h>

/* Writes a string with its quotes. */
void writeJsonString(FILE *out, const char *string);

/* Writes an array of strings; NULL ends them. */
void writeJsonStrings(FILE *out, char *const *strings);

#endif
