/* jsonString.c - see jsonString.h. */
#include "jsonString.h"

#include "../preload/jsonText.h"

void writeJsonString(FILE *out, const char *string) {
  char escape[JSON_ESCAPE_ROOM];
  fputc('"', out);
  while (nextJsonEscape(&string, escape) > 0) fputs(escape, out);
  fputc('"', out);
}

void writeJsonStrings(FILE *out, char *const *strings) {
  fputc('[', out);
  for (size_t i = 0; strings[i] != NULL; i++) {
    if (i > 0) fputs(", ", out);
    writeJsonString(out, strings[i]);
  }
  fputc(']', out);
}
