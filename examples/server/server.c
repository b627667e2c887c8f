/* server.c - an HTTP server to copy: each tenant has a budget, and each request a pool of 256 KiB in the budget of its tenant.
 *
 *   gcc examples/server/server.c -Iinclude build/libmema.a -lmicrohttpd -pthread -o build/server
 *   build/server 8080 alice=8M bob=8M
 *
 *   GET    /alice/page?items=100    a page, made in the pool of the request
 *   POST   /alice/sort              the lines of the body, sorted
 *   POST   /alice/notes             keeps the body, in the budget of the tenant; GET counts the notes, DELETE forgets them
 *   GET    /metrics                 the figures of all pools, in OpenMetrics
 *
 * A request that needs more than its pool, or than its tenant has left, is answered with 503. Other requests do not notice. When a request
 * ends, in whatever way, its pool ends with it, and so no code path can leak. One thread serves all connections: pools and tenants need
 * no lock, and /metrics shows all of them at one moment. For more processors, start more processes. */
#define _GNU_SOURCE /* for compilers that are told -std=c11 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <mema.h>

enum { REQUEST_BUDGET = 256 * 1024, MOST_TENANTS = 16, MOST_ITEMS = 1000000 };

typedef struct Note {
  struct Note *next;
  char text[];
} Note;

typedef struct Tenant {
  char name[22];
  Pool pool;
  Note *notes;
  size_t noteCount;
} Tenant;

/* Text that grows, in the pool of a request. */
typedef struct Text {
  char *bytes;
  size_t length, room;
} Text;

/* A request, in a chunk of its tenant's pool. */
typedef struct Request {
  Pool pool;
  Tenant *tenant; /* whose budget this is: one tenant is the server itself */
  Text body, answer;
  bool refused; /* it has met its budget */
} Request;

static Pool server;
static Tenant tenants[MOST_TENANTS]; /* the first one serves /metrics */
static size_t tenantCount;

/* Answers that need no memory of a budget, made at the start. */
static struct MHD_Response *tooMuch, *notFound;
static int refusedMark; /* stands for a request that could not begin */

/* ---- a request's pool ------------------------------------------------------------------------------------------------ */

static Request *beginRequest(Tenant *tenant) {
  mema_Options options = {.poolSize = REQUEST_BUDGET, .engine = MEMA_ARENA, .untracked = true, .name = "request"};
  Request *request = palloc(&tenant->pool, sizeof *request);
  if (request == NULL) return NULL;
  memset(request, 0, sizeof *request);
  request->tenant = tenant;
  if (mema_initSubPool(&request->pool, &tenant->pool, &options)) return request;
  pfree(&tenant->pool, request);
  return NULL;
}

static void endRequest(Request *request) {
  Tenant *tenant = request->tenant;
  freePool(&request->pool);
  pfree(&tenant->pool, request);
}

/* Appends bytes. In an arena the youngest chunk grows in place. */
static bool append(Request *request, Text *text, const char *bytes, size_t length) {
  if (length >= text->room - text->length) {
    size_t room = 2 * (text->length + length) + 256;
    char *grown = mema_repalloc(&request->pool, text->bytes, room);
    if (grown == NULL) return false;
    text->bytes = grown;
    text->room = room;
  }
  memcpy(text->bytes + text->length, bytes, length);
  text->length += length;
  text->bytes[text->length] = '\0';
  return true;
}

static bool appendToAnswer(void *request, const char *bytes, size_t length) {
  return append(request, &((Request *)request)->answer, bytes, length);
}

/* ---- what the server does: each returns false if the budget has no room ------------------------------------------------ */

static bool answerPage(Request *request, struct MHD_Connection *connection) {
  const char *wanted = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "items");
  unsigned long items = wanted != NULL ? strtoul(wanted, NULL, 10) : 10;
  char line[100];
  for (unsigned long i = 1; i <= items && i <= MOST_ITEMS; i++) {
    int length = snprintf(line, sizeof line, "item %lu of %s\n", i, request->tenant->name);
    if (!appendToAnswer(request, line, (size_t)length)) return false;
  }
  return items > 0 || appendToAnswer(request, "no items\n", 9);
}

static int compareLines(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool answerSorted(Request *request) {
  size_t count = 0, i = 0;
  if (request->body.length == 0) return appendToAnswer(request, "no lines\n", 9);
  for (size_t at = 0; at < request->body.length; at++) count += request->body.bytes[at] == '\n';
  char **lines = palloc(&request->pool, (count + 1) * sizeof *lines), *rest = NULL;
  if (lines == NULL) return false;
  for (char *line = strtok_r(request->body.bytes, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
    lines[i++] = line;
  qsort(lines, i, sizeof *lines, compareLines);
  for (size_t k = 0; k < i; k++)
    if (!appendToAnswer(request, lines[k], strlen(lines[k])) || !appendToAnswer(request, "\n", 1)) return false;
  return i > 0 || appendToAnswer(request, "no lines\n", 9); /* the body has line ends alone */
}

static void forgetNotes(Tenant *tenant) {
  for (Note *note = tenant->notes, *next; note != NULL; note = next) {
    next = note->next;
    pfree(&tenant->pool, note);
  }
  tenant->notes = NULL;
  tenant->noteCount = 0;
}

static bool answerNotes(Request *request, const char *method) {
  Tenant *tenant = request->tenant;
  char line[60];
  if (strcmp(method, MHD_HTTP_METHOD_POST) == 0) {
    Note *note = palloc(&tenant->pool, sizeof *note + request->body.length + 1);
    if (note == NULL) return false;
    memcpy(note->text, request->body.length > 0 ? request->body.bytes : "", request->body.length + 1);
    note->next = tenant->notes;
    tenant->notes = note;
    tenant->noteCount++;
  } else if (strcmp(method, MHD_HTTP_METHOD_DELETE) == 0) {
    forgetNotes(tenant);
  }
  return appendToAnswer(request, line, (size_t)snprintf(line, sizeof line, "%zu notes\n", tenant->noteCount));
}

static bool answerMetrics(Request *request) {
  return mema_writeStats(&server, MEMA_OPENMETRICS, appendToAnswer, request);
}

/* ---- HTTP -------------------------------------------------------------------------------------------------------------- */

/* Returns the tenant that a path names, and the rest of the path, behind "/NAME/"; else NULL. */
static Tenant *tenantOf(const char *path, const char **rest) {
  *rest = path + 1;
  if (strcmp(path, "/metrics") == 0) return &tenants[0];
  for (size_t i = 1; i < tenantCount; i++) {
    size_t length = strlen(tenants[i].name);
    if (strncmp(path + 1, tenants[i].name, length) != 0 || path[1 + length] != '/') continue;
    *rest = path + length + 2;
    return &tenants[i];
  }
  return NULL;
}

/* Sends the answer. Its text lies in the pool of the request, which lives until the answer is sent. */
static enum MHD_Result sendAnswer(Request *request, struct MHD_Connection *connection, bool metrics) {
  struct MHD_Response *response =
      MHD_create_response_from_buffer(request->answer.length, request->answer.bytes, MHD_RESPMEM_PERSISTENT);
  if (response == NULL) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                          metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain");
  enum MHD_Result sent = MHD_queue_response(connection, MHD_HTTP_OK, response);
  MHD_destroy_response(response);
  return sent;
}

static enum MHD_Result answer(Request *request, struct MHD_Connection *connection, const char *path, const char *method) {
  const char *rest;
  bool isPost = strcmp(method, MHD_HTTP_METHOD_POST) == 0, fits;
  tenantOf(path, &rest);
  bool metrics = request->tenant == &tenants[0];
  if (request->refused) return MHD_queue_response(connection, MHD_HTTP_SERVICE_UNAVAILABLE, tooMuch);
  if (metrics) {
    fits = answerMetrics(request);
  } else if (strcmp(rest, "page") == 0) {
    fits = answerPage(request, connection);
  } else if (strcmp(rest, "sort") == 0 && isPost) {
    fits = answerSorted(request);
  } else if (strcmp(rest, "notes") == 0) {
    fits = answerNotes(request, method);
  } else {
    return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, notFound);
  }
  if (!fits) return MHD_queue_response(connection, MHD_HTTP_SERVICE_UNAVAILABLE, tooMuch);
  return sendAnswer(request, connection, metrics);
}

/* The library calls this when a request's head has come, for each part of its body, and when all of it is there. */
static enum MHD_Result handle(void *data, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *upload, size_t *uploadSize, void **state) {
  (void)data, (void)version;
  Request *request = *state;
  if (request == NULL) {
    const char *rest;
    Tenant *tenant = tenantOf(path, &rest);
    if (tenant == NULL) return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, notFound);
    *state = request = beginRequest(tenant);
    if (request != NULL) return MHD_YES;
    *state = &refusedMark;
    return MHD_queue_response(connection, MHD_HTTP_SERVICE_UNAVAILABLE, tooMuch);
  }
  if (*uploadSize == 0) return answer(request, connection, path, method);
  if (!request->refused) request->refused = !append(request, &request->body, upload, *uploadSize);
  *uploadSize = 0; /* a refused body is read to its end, and dropped */
  return MHD_YES;
}

static void completed(void *data, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code) {
  (void)data, (void)connection, (void)code;
  if (*state != NULL && *state != &refusedMark) endRequest(*state);
  *state = NULL;
}

/* ---- start and end ------------------------------------------------------------------------------------------------------- */

/* Makes a tenant, whose whole budget is guaranteed, from "NAME=8M". */
static bool addTenant(const char *text) {
  Tenant *tenant = &tenants[tenantCount];
  const char *equals = strchr(text, '=');
  if (tenantCount == MOST_TENANTS || equals == NULL || equals == text || equals - text >= (long)sizeof tenant->name)
    return false;
  size_t megabytes = strtoul(equals + 1, NULL, 10);
  snprintf(tenant->name, sizeof tenant->name, "%.*s", (int)(equals - text), text);
  mema_Options options = {.poolSize = megabytes << 20, .guaranteed = megabytes << 20, .name = tenant->name};
  if (!mema_initSubPool(&tenant->pool, &server, &options)) return false;
  tenantCount++;
  return true;
}

static struct MHD_Response *fixedAnswer(const char *text) {
  return MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
}

static struct MHD_Daemon *start(unsigned short port) {
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  tooMuch = fixedAnswer("503: this needs more memory than its budget has\n");
  notFound = fixedAnswer("404\n");
  if (tooMuch == NULL || notFound == NULL) return NULL;
  MHD_add_response_header(tooMuch, MHD_HTTP_HEADER_RETRY_AFTER, "1");
  return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, port, NULL, NULL, handle, NULL, MHD_OPTION_SOCK_ADDR, &here,
                          MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
}

static int fail(const char *what) {
  fprintf(stderr, "server: %s: %s\n", what, mema_lastError()->sentence);
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: server PORT NAME=MEGABYTES[M]…\n");
    return 2;
  }
  if (!initPool(&server, (size_t)1 << 30) || !addTenant("metrics=2")) return fail("start");
  for (int i = 2; i < argc; i++)
    if (!addTenant(argv[i])) return fail(argv[i]);

  sigset_t ending;
  int number;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ending, NULL); /* also in the thread that serves */
  struct MHD_Daemon *daemon = start((unsigned short)strtoul(argv[1], NULL, 10));
  if (daemon == NULL) return fail("no server at this port");
  printf("listening at 127.0.0.1:%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
  fflush(stdout);
  sigwait(&ending, &number);

  MHD_stop_daemon(daemon); /* ends all requests */
  MHD_destroy_response(tooMuch);
  MHD_destroy_response(notFound);
  for (size_t i = 0; i < tenantCount; i++) {
    forgetNotes(&tenants[i]);
    if (tenants[i].pool.freeSize != tenants[i].pool.poolSize) return fail("a request has left memory");
  }
  return mema_checkPool(&server) && freePool(&server) ? 0 : fail("end");
}
