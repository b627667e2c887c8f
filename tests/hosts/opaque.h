/* opaque.h - the mistakes that each library with a host must survive: its pool has ended; another thread calls; two pools are mixed.
 * Include it after hosts.h and mema_host.h. `allocate` and `release` call the library's own hooks. */
#ifndef MEMA_TESTS_HOSTS_OPAQUE_H
#define MEMA_TESTS_HOSTS_OPAQUE_H

#include <pthread.h>

typedef struct Hooks {
  void *(*allocate)(void *host, size_t size);
  void (*release)(void *host, void *ptr);
} Hooks;

typedef struct Call {
  const Hooks *hooks;
  mema_Host *host;
  void *chunk;
} Call;

static void *callElsewhere(void *arg) {
  Call *call = arg;
  CHECK(call->hooks->allocate(call->host, 10) == NULL);
  call->hooks->release(call->host, call->chunk);
  CHECK(badCalls == 2 && strstr(badSentence, "in a thread that the host") != NULL);
  return NULL;
}

static void mistakesAreRefused(const Hooks *hooks) {
  Pool pool = {0}, other = {0};
  mema_Host host = {.pool = NULL}, otherHost = {.pool = NULL};
  pthread_t thread;
  CHECK(initPool(&pool, 1000) && initPool(&other, 1000));
  CHECK(mema_initHost(&host, &pool) && mema_initHost(&otherHost, &other));
  Call call = {hooks, &host, hooks->allocate(&host, 100)};
  badCalls = 0;
  CHECK(pthread_create(&thread, NULL, callElsewhere, &call) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(pool.freeSize == 900);
  hooks->release(&otherHost, call.chunk);
  CHECK(badCalls == 3 && strstr(badSentence, "not the start of a live chunk") != NULL && pool.freeSize == 900);
  hooks->release(&host, call.chunk);
  hooks->release(&host, NULL);
  CHECK(badCalls == 3 && pool.freeSize == 1000);
  CHECK(hooks->allocate(&host, 2000) == NULL && badCalls == 3); /* above the budget is no mistake */
  CHECK(freePool(&pool) && hooks->allocate(&host, 10) == NULL);
  CHECK(badCalls == 4 && strstr(badSentence, "not a live pool") != NULL);
  hooks->release(&host, call.chunk);
  CHECK(badCalls == 5 && !mema_initHost(&host, &pool) && freePool(&other));
  badCalls = 0;
}

#endif
