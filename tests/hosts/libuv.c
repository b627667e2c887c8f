/* libuv over the default pool, which is shared: its threads have no current pool. */
#include "hosts.h"

#define MEMA_CURRENT_IMPLEMENTATION
#include <mema_current.h>
#include <uv.h>

static Pool pool;
static uv_work_t work[20];
static char *results[20];

/* In a thread of libuv. */
static void doWork(uv_work_t *request) {
  results[request - work] = mema_currentStrdup("made by a thread of libuv");
}

static void useResult(uv_work_t *request, int status) {
  CHECK(status == 0 && strcmp(results[request - work], "made by a thread of libuv") == 0);
  mema_currentFree(results[request - work]);
}

static void seeDirectory(uv_fs_t *request) {
  CHECK(request->result == 0 && (request->statbuf.st_mode & S_IFMT) == S_IFDIR);
  uv_fs_req_cleanup(request);
}

int main(void) {
  uv_loop_t loop;
  mema_Options options = {.poolSize = 1 << 20, .shared = true, .untracked = true};
  CHECK(mema_initPoolWith(&pool, &options) && mema_setDefaultPool(&pool));
  CHECK(uv_replace_allocator(mema_currentMalloc, mema_currentRealloc, mema_currentCalloc, mema_currentFree) == 0);
  CHECK(uv_loop_init(&loop) == 0);
  for (int i = 0; i < 20; i++) CHECK(uv_queue_work(&loop, &work[i], doWork, useResult) == 0);
  CHECK(uv_run(&loop, UV_RUN_DEFAULT) == 0);
  CHECK(mema_freeSize(&pool) < 1 << 20);

  /* At the budget a request gives UV_ENOMEM. It works once there is room. */
  uv_fs_t request;
  size_t all = mema_shrinkPool(&pool, 1);
  CHECK(all > 1 && mema_freeSize(&pool) == 0);
  CHECK(uv_fs_stat(&loop, &request, "/tmp", seeDirectory) == UV_ENOMEM);
  CHECK(mema_resizePool(&pool, 1 << 20));
  CHECK(uv_fs_stat(&loop, &request, "/tmp", seeDirectory) == 0);
  CHECK(uv_run(&loop, UV_RUN_DEFAULT) == 0);
  CHECK(uv_loop_close(&loop) == 0);
  uv_library_shutdown();
  CHECK(mema_freeSize(&pool) == 1 << 20 && badCalls == 0);
  CHECK(mema_forgetPool(&pool) && freePool(&pool));
  return report();
}
