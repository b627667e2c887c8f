/* Two threads write to the same chunk, and nothing orders them. The thread sanitizer must report this race. */
#include <mema.h>
#include <pthread.h>

static int *common;

static void *count(void *arg) {
  (void)arg;
  for (int i = 0; i < 1000; i++) ++*(volatile int *)common;
  return NULL;
}

int main(void) {
  Pool pool;
  pthread_t thread;
  mema_Options options = {.poolSize = 100000, .untracked = true, .shared = true};
  if (!mema_initPoolWith(&pool, &options) || (common = mema_pcalloc(&pool, 1, sizeof *common)) == NULL) return 1;
  if (pthread_create(&thread, NULL, count, NULL) != 0) return 1;
  count(NULL);
  pthread_join(thread, NULL);
  return freePool(&pool) ? 0 : 1;
}
