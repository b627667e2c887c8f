/* jansson in the current pool: a document goes back to its own pool, and a refused request leaves nothing. jansson 2.14 may
 * lose a byte of a text without a word: the count of refused requests tells of it. */
#include "hosts.h"

#define MEMA_CURRENT_IMPLEMENTATION
#include <jansson.h>
#include <mema_current.h>

static const char *text =
    "{\"name\": \"a value that is long enough\", \"list\": [1, 2.5, true, null, {\"deep\": [\"x\", \"y\"]}]}";

static const char *compact =
    "{\"list\":[1,2.5,true,null,{\"deep\":[\"x\",\"y\"]}],\"name\":\"a value that is long enough\"}";

static Outcome readAndWrite(void) {
  json_error_t error;
  json_t *document = json_loads(text, 0, &error);
  if (document == NULL) return REFUSED;
  char *written = json_dumps(document, JSON_SORT_KEYS | JSON_COMPACT);
  Outcome outcome = written == NULL ? REFUSED : strcmp(written, compact) == 0 ? DONE : WRONG;
  mema_currentFree(written);
  json_decref(document);
  return outcome;
}

int main(void) {
  Pool request = {0}, other = {0};
  CHECK(initPool(&request, 16 * 1024) && initPool(&other, 16 * 1024));
  json_set_alloc_funcs(mema_currentMalloc, mema_currentFree);
  CHECK(mema_pushPool(&request));
  size_t silent = 0;
  CHECK(failEach(&request, readAndWrite, &silent) > 20);
  printf("jansson returned %zu results that lack a byte\n", silent);
  CHECK(request.freeSize == 16 * 1024);

  /* Two documents, each in its pool, freed while the other's pool is current. */
  json_error_t error;
  json_t *mine = json_loads(text, 0, &error);
  CHECK(mema_pushPool(&other));
  json_t *others = json_loads(text, 0, &error);
  CHECK(request.freeSize == other.freeSize && other.freeSize < 16 * 1024);
  json_decref(mine);
  CHECK(request.freeSize == 16 * 1024);
  CHECK(mema_popPool(&other));
  json_decref(others);
  CHECK(other.freeSize == 16 * 1024);

  /* A document that wants more than the budget is refused. */
  size_t length = 0;
  char *large = malloc(60000);
  large[length++] = '[';
  for (int i = 0; i < 5000; i++) length += (size_t)sprintf(large + length, "%d,", i);
  strcpy(large + length - 1, "]");
  CHECK(json_loads(large, 0, &error) == NULL && request.freeSize == 16 * 1024);
  CHECK(json_loads(text, 0, &error) != NULL);
  free(large);

  /* The end of a pool frees its documents. A later decref would read freed memory, so none is made. */
  CHECK(mema_popPool(&request) && freePool(&request) && freePool(&other) && badCalls == 0);
  return report();
}
