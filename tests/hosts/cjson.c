/* cJSON in the current pool. cJSON_InitHooks takes no realloc. */
#include "hosts.h"

#define MEMA_CURRENT_IMPLEMENTATION
#include <cjson/cJSON.h>
#include <mema_current.h>

static const char *text = "{\"name\": \"a value\", \"list\": [1, 2.5, true, null, {\"deep\": [\"x\", \"y\"]}]}";

static Outcome readAndWrite(void) {
  cJSON *document = cJSON_Parse(text);
  if (document == NULL) return REFUSED;
  Outcome outcome = cJSON_GetArraySize(cJSON_GetObjectItem(document, "list")) == 5 ? DONE : WRONG;
  char *written = cJSON_PrintUnformatted(document);
  if (written == NULL) outcome = REFUSED;
  if (written != NULL && strstr(written, "{\"deep\":[\"x\",\"y\"]}") == NULL) outcome = WRONG;
  cJSON_free(written);
  cJSON_Delete(document);
  return outcome;
}

int main(void) {
  Pool request = {0}, other = {0};
  cJSON_Hooks hooks = {mema_currentMalloc, mema_currentFree};
  CHECK(initPool(&request, 16 * 1024) && initPool(&other, 16 * 1024));
  cJSON_InitHooks(&hooks);
  CHECK(mema_pushPool(&request));
  CHECK(failEach(&request, readAndWrite, NULL) > 15);
  cJSON *document = cJSON_Parse(text);
  CHECK(mema_pushPool(&other) && request.freeSize < 16 * 1024);
  cJSON_AddItemToObject(document, "more", cJSON_CreateString("of the other pool")); /* a document of two pools */
  CHECK(other.freeSize < 16 * 1024);
  CHECK(mema_popPool(&other) && mema_popPool(&request));
  cJSON_Delete(document);
  CHECK(request.freeSize == 16 * 1024 && other.freeSize == 16 * 1024 && badCalls == 0);
  CHECK(freePool(&request) && freePool(&other));
  return report();
}
