/* peers.c - mema and its peers behind one set of function pointers.
 *
 * malloc and its kin are pointed at directly, as the linker does it for users of a shared library. The timed loops call mema with
 * its pool (work.h, traces.c), as its users do; the pointers here serve where nothing is timed. talloc's context costs it an
 * instruction and a jump.
 *
 * The libraries are loaded in the child that measures them, and locally: most also define malloc, which must stay glibc's for
 * the rest of the program. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <glob.h>
#include <gnu/libc-version.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peers.h"

#include "nginxPool.h"

mema_Pool benchPool;

static _Noreturn void fail(const char *what, const char *why) {
  fprintf(stderr, "bench: %s: %s\n", what, why);
  _exit(1);
}

/* ---- nothing: the cost of the loop itself ------------------------------------------------------------------------- */

/* The chunk handed out changes, but stays in the first cache: the rest is the cost of the loop, not that of memory. Behind
 * the ring there is room for the largest request, as some rows touch all of its pages. */
enum {
  SLOT_BYTES = 64,
  RING_BYTES = 64 * SLOT_BYTES,
  NULL_BYTES = 17 << 20,
  NULL_MOST = NULL_BYTES - 2 * MOST_THREADS * RING_BYTES
};

static _Alignas(4096) char nullMemory[NULL_BYTES];
static _Thread_local char *ring = nullMemory;
static _Thread_local size_t ringPosition;

void enterThread(int index) {
  ring = nullMemory + (size_t)index * 2 * RING_BYTES; /* a distance at which no prefetcher joins them */
}

static void *nullAlloc(size_t size) {
  if (size > NULL_MOST) return NULL;
  ringPosition = (ringPosition + SLOT_BYTES) % RING_BYTES;
  return ring + ringPosition;
}

static void *nullZeroed(size_t count, size_t size) {
  return nullAlloc(count * size);
}

static void *nullResize(void *ptr, size_t size) {
  return ptr != NULL && size <= NULL_MOST ? ptr : nullAlloc(size);
}

static void *nullAligned(size_t alignment, size_t size) {
  (void)alignment;
  return size <= NULL_BYTES ? nullMemory : NULL;
}

static void nullFree(void *ptr) {
  (void)ptr;
}

static void *nullPool(void) {
  return nullMemory;
}

static void *nullPoolAlloc(void *pool, size_t size) {
  (void)pool;
  return nullAlloc(size);
}

/* ---- mema --------------------------------------------------------------------------------------------------------- */

/* Far above what any row needs, so that the budget is counted but never in the way. */
#define BUDGET ((size_t)1 << 30)

static const mema_Options untracked = {.poolSize = BUDGET, .untracked = true};
static const mema_Options tracked = {.poolSize = BUDGET};
static const mema_Options arena = {.poolSize = BUDGET, .untracked = true, .engine = MEMA_ARENA};
static const mema_Options trackedArena = {.poolSize = BUDGET, .engine = MEMA_ARENA};
/* Its buffer is populated when the peer is opened (openPeer): zeroed memory of the program costs nothing until then. */
enum { FIXED_BYTES = 128 << 20 };
static _Alignas(4096) char fixedBuffer[FIXED_BYTES];
static const mema_Options fixedOptions = {
    .poolSize = BUDGET, .untracked = true, .engine = MEMA_FIXED, .buffer = fixedBuffer, .bufferSize = FIXED_BYTES};
static const mema_Options shared = {.poolSize = BUDGET, .untracked = true, .shared = true};

static void *memaAlloc(size_t size) {
  return mema_palloc(&benchPool, size);
}

static void *memaZeroed(size_t count, size_t size) {
  return mema_pcalloc(&benchPool, count, size);
}

static void *memaResize(void *ptr, size_t size) {
  return mema_repalloc(&benchPool, ptr, size);
}

static void *memaAligned(size_t alignment, size_t size) {
  return mema_pmemalign(&benchPool, alignment, size);
}

/* The answer is dropped here, as free() has none, and asked for in closePeer. */
static void memaFree(void *ptr) {
  mema_pfree(&benchPool, ptr);
}

static void memaPurge(void) {
  mema_trimPool(&benchPool);
}

/* The pool of one request: small, and short-lived. */
enum { REQUEST_BUDGET = 64 * 1024 };
static mema_Pool requestPool;

static void *makeUntracked(void) {
  static const mema_Options options = {.poolSize = REQUEST_BUDGET, .untracked = true};
  return mema_initPoolWith(&requestPool, &options) ? &requestPool : NULL;
}

static void *makeTracked(void) {
  static const mema_Options options = {.poolSize = REQUEST_BUDGET};
  return mema_initPoolWith(&requestPool, &options) ? &requestPool : NULL;
}

static void *makeArena(void) {
  static const mema_Options options = {.poolSize = REQUEST_BUDGET, .untracked = true, .engine = MEMA_ARENA};
  return mema_initPoolWith(&requestPool, &options) ? &requestPool : NULL;
}

static void *makeTrackedArena(void) {
  static const mema_Options options = {.poolSize = REQUEST_BUDGET, .engine = MEMA_ARENA};
  return mema_initPoolWith(&requestPool, &options) ? &requestPool : NULL;
}

static void *memaPoolAlloc(void *pool, size_t size) {
  return mema_palloc(pool, size);
}

static void memaPoolFree(void *pool) {
  mema_freePool(pool);
}

/* ---- talloc, APR -------------------------------------------------------------------------------------------------- */

static void *(*tallocNamed)(const void *context, size_t size, const char *name);
static void *(*tallocZero)(const void *context, size_t size, const char *name);
static void *(*tallocRealloc)(const void *context, void *ptr, size_t size, const char *name);
static int (*tallocFree)(void *ptr, const char *location);
static void *tallocContext;

static void *tallocAlloc(size_t size) {
  return tallocNamed(tallocContext, size, "chunk");
}

static void *tallocZeroed(size_t count, size_t size) {
  return tallocZero(tallocContext, count * size, "chunk");
}

static void *tallocResize(void *ptr, size_t size) {
  return tallocRealloc(tallocContext, ptr, size, "chunk");
}

static void tallocRelease(void *ptr) {
  tallocFree(ptr, "bench");
}

static void *tallocPool(void) {
  return tallocNamed(NULL, 0, "pool");
}

static void *tallocPoolAlloc(void *pool, size_t size) {
  return tallocNamed(pool, size, "chunk");
}

static int (*aprCreate)(void **pool, void *parent, void *abortCall, void *allocator);

static void *aprPool(void) {
  void *pool = NULL;
  return aprCreate(&pool, NULL, NULL, NULL) == 0 ? pool : NULL;
}

/* ---- who gives memory back, and how ------------------------------------------------------------------------------- */

static union {
  void (*mimalloc)(bool force);
  int (*jemalloc)(const char *name, void *old, size_t *oldSize, void *new, size_t newSize);
  void (*tcmalloc)(void);
  int (*tbbmalloc)(int command, void *parameter);
  int (*scudo)(int option, int value);
} command;

static void glibcPurge(void) {
  malloc_trim(0);
}

static void mimallocPurge(void) {
  command.mimalloc(true);
}

/* 4096: all arenas (MALLCTL_ARENAS_ALL). */
static void jemallocPurge(void) {
  command.jemalloc("thread.tcache.flush", NULL, NULL, NULL, 0);
  command.jemalloc("arena.4096.purge", NULL, NULL, NULL, 0);
}

static void tcmallocPurge(void) {
  command.tcmalloc();
}

/* 0: TBBMALLOC_CLEAN_ALL_BUFFERS. */
static void tbbmallocPurge(void) {
  command.tbbmalloc(0, NULL);
}

/* -101: M_PURGE. */
static void scudoPurge(void) {
  command.scudo(-101, 0);
}

/* ---- all ---------------------------------------------------------------------------------------------------------- */

#ifdef __aarch64__
#define SCUDO_FILE "libclang_rt.scudo_standalone-aarch64.so"
#else
#define SCUDO_FILE "libclang_rt.scudo_standalone-x86_64.so"
#endif

Peer peers[PEER_COUNT] = {
    [PEER_NULL] = {.name = "null",
                   .alloc = nullAlloc,
                   .free = nullFree,
                   .zeroed = nullZeroed,
                   .resize = nullResize,
                   .aligned = nullAligned,
                   .pool = {nullPool, nullPoolAlloc, nullFree}},
    [PEER_GLIBC] = {.name = "glibc",
                    .alloc = malloc,
                    .free = free,
                    .zeroed = calloc,
                    .resize = realloc,
                    .aligned = memalign,
                    .purge = glibcPurge},
    [PEER_MIMALLOC] = {.name = "mimalloc",
                       .package = "libmimalloc2.0",
                       .library = "libmimalloc.so.2",
                       .preload = "libmimalloc.so.2",
                       .purge = mimallocPurge},
    [PEER_JEMALLOC] = {.name = "jemalloc",
                       .package = "libjemalloc2",
                       .library = "libjemalloc.so.2",
                       .preload = "libjemalloc.so.2",
                       .purge = jemallocPurge},
    [PEER_TCMALLOC] = {.name = "tcmalloc",
                       .package = "libtcmalloc-minimal4",
                       .library = "libtcmalloc_minimal.so.4",
                       .preload = "libtcmalloc_minimal.so.4",
                       .purge = tcmallocPurge},
    [PEER_TBBMALLOC] = {.name = "tbbmalloc",
                        .package = "libtbbmalloc2",
                        .library = "libtbbmalloc.so.2",
                        .preload = "libtbbmalloc_proxy.so.2",
                        .purge = tbbmallocPurge},
    [PEER_SCUDO] = {.name = "scudo",
                    .package = "libclang-rt-14-dev",
                    .library = "/usr/lib/llvm-*/lib/clang/*/lib/linux/" SCUDO_FILE,
                    .purge = scudoPurge},
    [PEER_TALLOC] = {.name = "talloc",
                     .package = "libtalloc2",
                     .library = "libtalloc.so.2",
                     .alloc = tallocAlloc,
                     .free = tallocRelease,
                     .zeroed = tallocZeroed,
                     .resize = tallocResize,
                     .purge = glibcPurge,
                     .pool = {tallocPool, tallocPoolAlloc, tallocRelease}},
    [PEER_APR] = {.name = "APR", .package = "libapr1", .library = "libapr-1.so.0", .pool = {.make = aprPool}},
    [PEER_NGINX] = {.name = "nginx-style", .pool = {nginxMake, nginxAlloc, nginxFree}},
    [PEER_UNTRACKED] = {.name = "mema untracked",
                        .alloc = memaAlloc,
                        .free = memaFree,
                        .zeroed = memaZeroed,
                        .resize = memaResize,
                        .aligned = memaAligned,
                        .purge = memaPurge,
                        .pool = {makeUntracked, memaPoolAlloc, memaPoolFree},
                        .options = &untracked},
    [PEER_TRACKED] = {.name = "mema tracked",
                      .alloc = memaAlloc,
                      .free = memaFree,
                      .zeroed = memaZeroed,
                      .resize = memaResize,
                      .aligned = memaAligned,
                      .purge = memaPurge,
                      .pool = {makeTracked, memaPoolAlloc, memaPoolFree},
                      .options = &tracked},
    [PEER_ARENA] = {.name = "mema arena",
                    .alloc = memaAlloc,
                    .free = memaFree,
                    .pool = {makeArena, memaPoolAlloc, memaPoolFree},
                    .options = &arena},
    [PEER_ARENA_TRACKED] = {.name = "mema arena tr.",
                            .alloc = memaAlloc,
                            .free = memaFree,
                            .pool = {makeTrackedArena, memaPoolAlloc, memaPoolFree},
                            .options = &trackedArena},
    [PEER_SHARED] = {.name = "mema shared", .alloc = memaAlloc, .free = memaFree, .options = &shared},
    [PEER_FIXED] = {.name = "mema fixed", .alloc = memaAlloc, .free = memaFree, .options = &fixedOptions},
    [PEER_EARLIER] = {.name = "mema earlier"},
    [PEER_PRELOAD] = {.name = "mema preload"},
};

/* ---- loading ------------------------------------------------------------------------------------------------------ */

/* The last file that matches, as it is the newest. */
static void *openLibrary(const char *pattern) {
  glob_t found;
  if (pattern[0] != '/') return dlopen(pattern, RTLD_NOW | RTLD_LOCAL);
  if (glob(pattern, 0, NULL, &found) != 0) fail(pattern, "no such file");
  return dlopen(found.gl_pathv[found.gl_pathc - 1], RTLD_NOW | RTLD_LOCAL);
}

/* dlsym would look in the libraries that a library needs as well, and glibc has functions of the same names. */
static void find(void *library, const char *name, void *function) {
  void *address = dlsym(library, name);
  Dl_info own, end;
  if (address == NULL || dladdr(address, &own) == 0) fail(name, "not in the library");
  void *libc = (void *)(uintptr_t)gnu_get_libc_version;
  if (dladdr(libc, &end) != 0 && own.dli_fbase == end.dli_fbase) fail(name, "not in the library, but in glibc");
  memcpy(function, &address, sizeof address); /* POSIX has function pointers and object pointers of one kind */
}

typedef struct {
  const char *alloc, *free, *zeroed, *resize, *aligned;
} MallocNames;

static void findMalloc(Peer *peer, void *library, MallocNames names) {
  find(library, names.alloc, &peer->alloc);
  find(library, names.free, &peer->free);
  find(library, names.zeroed, &peer->zeroed);
  find(library, names.resize, &peer->resize);
  if (names.aligned != NULL) find(library, names.aligned, &peer->aligned);
}

static void loadMimalloc(Peer *peer, void *library) {
  int (*version)(void);
  findMalloc(peer, library, (MallocNames){"mi_malloc", "mi_free", "mi_calloc", "mi_realloc", "mi_memalign"});
  find(library, "mi_collect", &command);
  find(library, "mi_version", &version);
  int v = version();
  snprintf(peer->version, sizeof peer->version, "%d.%d.%d", v / 100, v / 10 % 10, v % 10);
}

static void loadJemalloc(Peer *peer, void *library) {
  const char *version = "";
  size_t size = sizeof(char *);
  findMalloc(peer, library, (MallocNames){"malloc", "free", "calloc", "realloc", "memalign"});
  find(library, "mallctl", &command);
  command.jemalloc("version", &version, &size, NULL, 0);
  snprintf(peer->version, sizeof peer->version, "%.*s", (int)strcspn(version, "-"), version);
}

static void loadTcmalloc(Peer *peer, void *library) {
  const char *(*version)(int *major, int *minor, const char **patch);
  findMalloc(peer, library, (MallocNames){"tc_malloc", "tc_free", "tc_calloc", "tc_realloc", "tc_memalign"});
  find(library, "MallocExtension_ReleaseFreeMemory", &command);
  find(library, "tc_version", &version);
  int major, minor;
  const char *patch;
  version(&major, &minor, &patch);
  snprintf(peer->version, sizeof peer->version, "gperftools %d.%d", major, minor);
}

static int (*tbbPosixMemalign)(void **ptr, size_t alignment, size_t size);

static void *tbbAligned(size_t alignment, size_t size) {
  void *ptr;
  return tbbPosixMemalign(&ptr, alignment, size) == 0 ? ptr : NULL;
}

/* Where a library tells no version, that in its file's name is shown. */
static void versionFromFile(Peer *peer, const void *function, const char *before) {
  Dl_info info;
  char path[4096];
  if (dladdr(function, &info) == 0 || realpath(info.dli_fname, path) == NULL) return;
  const char *at = strstr(path, before);
  if (at == NULL) return;
  at += strlen(before);
  snprintf(peer->version, sizeof peer->version, "%.*s", (int)strcspn(at, "/"), at);
}

static void loadTbbmalloc(Peer *peer, void *library) {
  findMalloc(peer, library, (MallocNames){"scalable_malloc", "scalable_free", "scalable_calloc", "scalable_realloc", NULL});
  find(library, "scalable_posix_memalign", &tbbPosixMemalign);
  find(library, "scalable_allocation_command", &command);
  peer->aligned = tbbAligned;
  versionFromFile(peer, dlsym(library, "scalable_malloc"), "libtbbmalloc.");
}

static void loadScudo(Peer *peer, void *library) {
  findMalloc(peer, library, (MallocNames){"malloc", "free", "calloc", "realloc", "memalign"});
  find(library, "mallopt", &command);
  versionFromFile(peer, dlsym(library, "malloc"), "/lib/clang/");
}

static void loadTalloc(Peer *peer, void *library) {
  int (*major)(void), (*minor)(void);
  find(library, "talloc_named_const", &tallocNamed);
  find(library, "_talloc_zero", &tallocZero);
  find(library, "_talloc_realloc", &tallocRealloc);
  find(library, "_talloc_free", &tallocFree);
  find(library, "talloc_version_major", &major);
  find(library, "talloc_version_minor", &minor);
  snprintf(peer->version, sizeof peer->version, "%d.%d", major(), minor());
  tallocContext = tallocPool();
}

static void loadApr(Peer *peer, void *library) {
  int (*initialize)(void);
  const char *(*version)(void);
  find(library, "apr_initialize", &initialize);
  find(library, "apr_version_string", &version);
  find(library, "apr_pool_create_ex", &aprCreate);
  find(library, "apr_palloc", &peer->pool.alloc);
  find(library, "apr_pool_destroy", &peer->pool.free);
  if (initialize() != 0) fail(peer->name, "apr_initialize failed");
  snprintf(peer->version, sizeof peer->version, "%s", version());
}

static void load(Peer *peer) {
  static void (*const loaders[PEER_COUNT])(Peer *, void *) = {[PEER_MIMALLOC] = loadMimalloc,
                                                              [PEER_JEMALLOC] = loadJemalloc,
                                                              [PEER_TCMALLOC] = loadTcmalloc,
                                                              [PEER_TBBMALLOC] = loadTbbmalloc,
                                                              [PEER_SCUDO] = loadScudo,
                                                              [PEER_TALLOC] = loadTalloc,
                                                              [PEER_APR] = loadApr};
  void *library = openLibrary(peer->library);
  if (library == NULL) fail(peer->name, dlerror());
  if (loaders[peer - peers] != NULL) loaders[peer - peers](peer, library);
}

/* ---- opening and closing ------------------------------------------------------------------------------------------ */

void openPeer(Peer *peer) {
  if (peer->library != NULL) load(peer);
  if (peer->options != NULL && peer->options->buffer != NULL) memset(fixedBuffer, 0, FIXED_BYTES);
  if (peer->options != NULL && !mema_initPoolWith(&benchPool, peer->options)) fail("pool", mema_lastError()->sentence);
}

/* Every free must have been one, and no request refused, or the times are those of something else. */
void closePeer(const Peer *peer) {
  if (peer->options == NULL) return;
  mema_Stats stats;
  if (!mema_poolStats(&benchPool, &stats)) fail("poolStats", mema_lastError()->sentence);
  if (stats.badFrees != 0) fail(peer->name, "a free was refused while it was timed");
  if (stats.refused != 0 && stats.poolSize == BUDGET) fail(peer->name, "a request was refused while it was timed");
  if (!mema_freePool(&benchPool)) fail("freePool", mema_lastError()->sentence);
}

void freshPool(const Peer *peer, size_t budget) {
  if (peer->options == NULL) return;
  closePeer(peer);
  mema_Options options = *peer->options;
  if (budget != 0) options.poolSize = budget;
  if (!mema_initPoolWith(&benchPool, &options)) fail("pool", mema_lastError()->sentence);
}

/* ---- who is here -------------------------------------------------------------------------------------------------- */

static bool probe(Peer *peer) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  pid_t child = fork();
  if (child == 0) {
    load(peer);
    _exit(write(ends[1], peer->version, sizeof peer->version) == (ssize_t)sizeof peer->version ? 0 : 1);
  }
  close(ends[1]);
  bool here = read(ends[0], peer->version, sizeof peer->version) == (ssize_t)sizeof peer->version;
  close(ends[0]);
  if (child > 0) waitpid(child, NULL, 0);
  return here;
}

static bool probePreload(const char *file) {
  pid_t child = fork();
  if (child == 0) _exit(dlopen(file, RTLD_LAZY | RTLD_LOCAL) != NULL ? 0 : 1);
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static char *wholePath(const char *file) {
  char *path = realpath(file, NULL);
  if (path == NULL) fail(file, "no such file");
  return path;
}

void probePreloads(unsigned set, const char *memaPreload, const char *earlier) {
  peers[PEER_PRELOAD].preload = wholePath(memaPreload);
  peers[PEER_EARLIER].preload = earlier != NULL ? wholePath(earlier) : NULL;
  peers[PEER_EARLIER].present = earlier != NULL;
  for (int id = 0; id < PEER_COUNT; id++) {
    Peer *peer = &peers[id];
    if ((set & SET(id)) == 0 || !peer->present || peer->preload == NULL || probePreload(peer->preload)) continue;
    peer->present = false;
    fprintf(stderr, "bench: %s cannot be preloaded: its lines are left out\n", peer->preload);
  }
}

void probePeers(unsigned set) {
  for (int id = 0; id < PEER_COUNT; id++) {
    Peer *peer = &peers[id];
    if ((set & SET(id)) == 0) continue;
    peer->present = peer->library == NULL || probe(peer);
    if (!peer->present) fprintf(stderr, "bench: no %s (Debian: %s): its rows are left out\n", peer->name, peer->package);
  }
  snprintf(peers[PEER_GLIBC].version, sizeof peers->version, "%s", gnu_get_libc_version());
}
