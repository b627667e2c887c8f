/* nghttp2 in a pool: a request goes from a client session to a server session. */
#include "hosts.h"

#include <mema_host.h>
#include <nghttp2/nghttp2.h>

#include "opaque.h"

static Pool pool;
static mema_Host host;
static unsigned headers, resets;

static int countHeader(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t nameLength,
                       const uint8_t *value, size_t valueLength, uint8_t flags, void *user) {
  (void)session, (void)frame, (void)name, (void)nameLength, (void)value, (void)valueLength, (void)flags, (void)user;
  headers++;
  return 0;
}

/* At the client: the server has refused a stream, or ends the connection. */
static int countReset(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
  (void)session, (void)user;
  if (frame->hd.type == NGHTTP2_RST_STREAM || frame->hd.type == NGHTTP2_GOAWAY) resets++;
  return 0;
}

static const char *names[5] = {":method", ":scheme", ":authority", ":path", "x-long"};
static const char *values[5] = {"GET", "https", "example.org", "/",
                                "a value that is not in any table, and not short either"};

static bool submit(nghttp2_session *client) {
  nghttp2_nv fields[5];
  for (int i = 0; i < 5; i++)
    fields[i] = (nghttp2_nv){(uint8_t *)names[i], (uint8_t *)values[i], strlen(names[i]), strlen(values[i]), 0};
  return nghttp2_submit_settings(client, NGHTTP2_FLAG_NONE, NULL, 0) == 0 &&
         nghttp2_submit_request(client, NULL, fields, 5, NULL, NULL) > 0;
}

/* Moves what one side sends to the other. */
static bool transport(nghttp2_session *from, nghttp2_session *to) {
  const uint8_t *data;
  ssize_t length;
  while ((length = nghttp2_session_mem_send(from, &data)) > 0)
    if (nghttp2_session_mem_recv(to, data, (size_t)length) != length) return false;
  return length == 0;
}

static Outcome request(void) {
  nghttp2_mem memory = {&host, mema_nghttp2Malloc, mema_nghttp2Free, mema_nghttp2Calloc, mema_nghttp2Realloc};
  nghttp2_session_callbacks *callbacks = NULL;
  nghttp2_session *client = NULL, *server = NULL;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) return WRONG; /* this one call takes its memory from malloc */
  nghttp2_session_callbacks_set_on_header_callback(callbacks, countHeader);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, countReset);
  headers = resets = 0;
  bool done = nghttp2_session_client_new3(&client, callbacks, NULL, NULL, &memory) == 0 &&
              nghttp2_session_server_new3(&server, callbacks, NULL, NULL, &memory) == 0 && submit(client) &&
              transport(client, server) && transport(server, client);
  if (client != NULL) nghttp2_session_del(client);
  if (server != NULL) nghttp2_session_del(server);
  nghttp2_session_callbacks_del(callbacks);
  return !done || resets > 0 ? REFUSED : headers == 5 ? DONE : WRONG;
}

static void *allocate(void *opaque, size_t size) {
  return size == 100 ? mema_nghttp2Calloc(1, size, opaque) : mema_nghttp2Malloc(size, opaque);
}

static void release(void *opaque, void *ptr) {
  mema_nghttp2Free(ptr, opaque);
}

int main(void) {
  CHECK(initPool(&pool, 256 * 1024) && mema_initHost(&host, &pool));
  CHECK(failEach(&pool, request, NULL) > 20);
  CHECK(mema_shrinkPool(&pool, 20000) == 20000 && request() == REFUSED);
  CHECK(pool.freeSize == 20000 && badCalls == 0 && freePool(&pool));
  mistakesAreRefused(&(Hooks){allocate, release});
  return report();
}
