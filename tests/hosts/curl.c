/* libcurl in the current pool: a transfer of a file, with each request for memory refused once. */
#include "hosts.h"

#define MEMA_CURRENT_IMPLEMENTATION
#include <curl/curl.h>
#include <mema_current.h>
#include <unistd.h>

static char url[200];
static char received[100];

static size_t receive(char *data, size_t size, size_t count, void *user) {
  (void)user;
  strncat(received, data, size * count < 90 ? size * count : 90);
  return size * count;
}

static Outcome transfer(void) {
  received[0] = '\0';
  CURL *handle = curl_easy_init();
  if (handle == NULL) return REFUSED;
  CURLcode code = curl_easy_setopt(handle, CURLOPT_URL, url);
  if (code == CURLE_OK) code = curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive);
  if (code == CURLE_OK) code = curl_easy_perform(handle);
  curl_easy_cleanup(handle);
  return code != CURLE_OK ? REFUSED : strcmp(received, "the contents") == 0 ? DONE : WRONG;
}

/* A handle of one pool transfers, and ends, while the other pool is current. */
static void eachChunkGoesBackToItsPool(Pool *mine, Pool *other) {
  size_t free = mine->freeSize, freeOfOther = other->freeSize;
  CURL *handle = NULL;
  MEMA_WITH_POOL(mine) handle = curl_easy_init();
  received[0] = '\0';
  MEMA_WITH_POOL(other) {
    CHECK(curl_easy_setopt(handle, CURLOPT_URL, url) == CURLE_OK);
    CHECK(curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK);
    CHECK(curl_easy_perform(handle) == CURLE_OK && strcmp(received, "the contents") == 0);
    CHECK(mine->freeSize < free && other->freeSize < freeOfOther);
    curl_easy_cleanup(handle);
  }
  CHECK(mine->freeSize == free && other->freeSize == freeOfOther);
}

int main(void) {
  Pool process = {0}, request = {0};
  char path[] = "/tmp/mema-curl-XXXXXX";
  int file = mkstemp(path);
  CHECK(file >= 0 && write(file, "the contents", 12) == 12 && close(file) == 0);
  snprintf(url, sizeof url, "file://%s", path);
  CHECK(initPool(&process, 1 << 20) && initPool(&request, 1 << 20));
  CHECK(mema_pushPool(&process)); /* what lives as long as the process */
  CHECK(curl_global_init_mem(CURL_GLOBAL_ALL, mema_currentMalloc, mema_currentFree, mema_currentRealloc, mema_currentStrdup,
                             mema_currentCalloc) == CURLE_OK);
  CHECK(mema_pushPool(&request));
  CHECK(transfer() == DONE);
  CHECK(failEach(&request, transfer, NULL) > 10);
  CHECK(request.freeSize == 1 << 20 && mema_popPool(&request));
  eachChunkGoesBackToItsPool(&request, &process);

  /* A budget that is too small for a transfer. */
  CHECK(mema_shrinkPool(&request, 4096) == 4096);
  MEMA_WITH_POOL(&request) CHECK(transfer() == REFUSED);
  CHECK(request.freeSize == 4096);
  curl_global_cleanup();
  CHECK(mema_popPool(&process) && badCalls == 0 && process.freeSize == 1 << 20);
  CHECK(freePool(&request) && freePool(&process) && unlink(path) == 0);
  return report();
}
