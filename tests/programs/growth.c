/* growth [threadsEnd|threadsWork|mappings COUNT]: calls while there are many of something. tests/growth.sh counts their instructions. Each case is prepared with 64,
 * 256 and 1,024 of its kind (shared pools and threads: 16, 64, 256), then plays its calls, then ends what it has prepared. With threadsEnd: so
 * many threads use a pool, all at once, and end. With threadsWork: they also take and give large chunks, all at once; each call takes the lock. With mappings: the program maps memory so many times, with pages in between that it may not
 * write, and gives it back in another order. */
#include "support.h"

#include <pthread.h>
#include <sys/mman.h>

enum { most = 1024, operations = 128 };

static Pool pool, other, many[most];
static void *chunks[most];
static mema_Cleanup cleanups[most + 1];
static mema_Mark marks[most];

static void need(bool good) {
  if (!good) abort();
}

static void make(Pool *made, const mema_Options *options) {
  need(mema_initPoolWith(made, options));
}

static void pairIn(Pool *used, size_t size) {
  void *chunk = palloc(used, size);
  need(chunk != NULL && pfree(used, chunk));
}

/* ---- pools ---------------------------------------------------------------------------------------------------------------- */

/* Valgrind has little address space. */
static const mema_Options tracked = {.poolSize = 64 * KIB},
                          shared = {.poolSize = MIB, .reservation = 256 * KIB, .untracked = true, .shared = true},
                          sharedTracked = {.poolSize = MIB, .reservation = 256 * KIB, .shared = true};

static void makePools(size_t count) {
  for (size_t i = 0; i < count; i++) {
    make(&many[i], &tracked);
    pairIn(&many[i], 100);
  }
}

static void freePools(size_t count) {
  for (size_t i = 0; i < count; i++) need(freePool(&many[i]));
}

static void liveOnce(size_t count) {
  (void)count;
  make(&pool, &tracked);
  pairIn(&pool, 100);
  need(freePool(&pool));
}

static void makeShared(size_t count) {
  for (size_t i = 0; i < count; i++) {
    make(&many[i], &shared);
    pairIn(&many[i], 100);
  }
  make(&pool, &shared);
  make(&other, &sharedTracked);
}

static void freeShared(size_t count) {
  freePools(count);
  need(freePool(&pool) && freePool(&other));
}

static void forgetShared(size_t count) {
  makeShared(count);
  freePools(count);
}

static void freeTwo(size_t count) {
  (void)count;
  need(freePool(&pool) && freePool(&other));
}

/* In three pools in turn: the second and the third always look for a cache. */
static void useInTurn(size_t count) {
  static size_t turn;
  pairIn(&pool, 100);
  pairIn(&many[turn++ * 7 % count], 100);
  pairIn(&other, 100);
}

static void useTwoInTurn(size_t count) {
  (void)count;
  pairIn(&pool, 100);
  pairIn(&other, 100);
}

static void useAnother(size_t count) {
  (void)count;
  Pool more = {0};
  make(&more, &shared);
  pairIn(&more, 100);
  need(freePool(&more));
}

/* ---- slabs outside -------------------------------------------------------------------------------------------------------- */

/* Pieces of at most 1 MiB and a little. */
static void *reservePiece(void *user, size_t size, size_t alignment) {
  (void)user;
  if (size > 2 * MIB || alignment > 64 * KIB) return NULL;
  void *piece = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (piece != MAP_FAILED && isAligned(piece, alignment)) return piece;
  if (piece != MAP_FAILED) munmap(piece, size);
  return NULL;
}

static void releasePiece(void *user, void *base, size_t size) {
  (void)user;
  munmap(base, size);
}

static const mema_Memory pieces = {.reserve = reservePiece, .release = releasePiece, .zeroed = true};

static void makeOutside(size_t count) {
  mema_Options options = {.poolSize = 4 * GIB, .reservation = 64 * KIB, .untracked = true, .memory = &pieces};
  make(&pool, &options);
  for (size_t i = 0; i < count; i++) need((chunks[i] = palloc(&pool, MIB)) != NULL);
}

static void freeOutside(size_t count) {
  (void)count;
  need(freePool(&pool));
}

static void replaceOutside(size_t count) {
  static size_t turn;
  size_t i = turn++ * 7919 % count;
  need(mema_chunkSize(&pool, chunks[i]) >= MIB && !pfree(&pool, hidePointer((char *)chunks[i] + 16)));
  need(pfree(&pool, chunks[i]) && (chunks[i] = palloc(&pool, MIB)) != NULL);
}

static void useBesideOutside(size_t count) {
  (void)count;
  pairIn(&pool, 3000);
  pairIn(&pool, 100 * KIB);
}

/* ---- families ------------------------------------------------------------------------------------------------------------- */

static void makeSubPools(size_t count) {
  need(initPool(&pool, 64 * MIB));
  for (size_t i = 0; i < count; i++) need(mema_initSubPool(&many[i], &pool, &tracked) && palloc(&many[i], 100) != NULL);
}

static void useSubPools(size_t count) {
  static size_t turn;
  pairIn(&many[turn++ * 7 % count], 100);
  pairIn(&pool, 100);
  need(mema_initSubPool(&other, &pool, &tracked));
  pairIn(&other, 100);
  need(freePool(&other));
}

static void freeOne(size_t count) {
  (void)count;
  need(freePool(&pool));
}

static void makeMarks(size_t count) {
  need(initPool(&pool, 64 * MIB));
  for (size_t i = 0; i < count; i++) {
    marks[i] = mema_markPool(&pool);
    need(palloc(&pool, 100) != NULL);
  }
}

static void useMarks(size_t count) {
  (void)count;
  mema_Mark mark = mema_markPool(&pool);
  need(palloc(&pool, 100) != NULL && mema_rewindPool(&pool, mark));
  pairIn(&pool, 100);
}

static void doNothing(void *arg) {
  (void)arg;
}

static void addCleanups(size_t count) {
  need(initPool(&pool, 64 * MIB));
  for (size_t i = 0; i < count; i++) need(mema_addCleanup(&pool, &cleanups[i], doNothing, NULL, MEMA_BEFORE_SUB_POOLS));
}

static void addAndCancel(size_t count) {
  need(mema_addCleanup(&pool, &cleanups[count], doNothing, NULL, MEMA_BEFORE_SUB_POOLS));
  need(mema_cancelCleanup(&pool, &cleanups[count]));
  pairIn(&pool, 100);
}

/* ---- threads -------------------------------------------------------------------------------------------------------------- */

static pthread_t threads[most];
static pthread_barrier_t ready, over;

static bool works; /* the threads take and give large chunks before they end */

static void workByLock(void) {
  for (size_t i = 0; works && i < 64; i++) pairIn(&pool, 100 * KIB);
}

static void *stay(void *unused) {
  void *kept = palloc(&pool, 100);
  pthread_barrier_wait(&ready);
  pthread_barrier_wait(&over);
  workByLock();
  need(pfree(&pool, kept));
  return unused;
}

static void startThreads(size_t count) {
  pthread_attr_t small;
  mema_Options options = {.poolSize = 16 * GIB, .reservation = 256 * MIB, .untracked = true, .shared = true};
  make(&pool, &options);
  pairIn(&pool, 100); /* the first 255 threads have owner ids */
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 * KIB);
  pthread_barrier_init(&ready, NULL, (unsigned)count + 1);
  pthread_barrier_init(&over, NULL, (unsigned)count + 1);
  for (size_t i = 0; i < count; i++) need(pthread_create(&threads[i], &small, stay, NULL) == 0);
  pthread_barrier_wait(&ready);
  pthread_attr_destroy(&small);
}

static void endThreads(size_t count) {
  pthread_barrier_wait(&over);
  for (size_t i = 0; i < count; i++) pthread_join(threads[i], NULL);
  pthread_barrier_destroy(&ready);
  pthread_barrier_destroy(&over);
  need(freePool(&pool));
}

/* Large chunks take the lock each time; a batch of small ones now and then. */
static void useBesideThreads(size_t count) {
  void *batch[64];
  (void)count;
  pairIn(&pool, 100 * KIB);
  for (size_t i = 0; i < 64; i++) need((batch[i] = palloc(&pool, 1000)) != NULL);
  for (size_t i = 0; i < 64; i++) need(pfree(&pool, batch[i]));
}

/* ---- mappings ------------------------------------------------------------------------------------------------------------- */

static void *mapped(int protection) {
  void *memory = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  need(memory != MAP_FAILED);
  return memory;
}

static void mapOften(size_t count) {
  for (size_t i = 0; i < count; i++) {
    chunks[i] = mapped(PROT_READ | PROT_WRITE);
    mapped(PROT_READ);
  }
  for (size_t i = 0; i < count; i++) need(munmap(chunks[i * 7 % count], 4096) == 0);
}

/* ---- all cases ------------------------------------------------------------------------------------------------------------ */

typedef struct {
  const char *name;
  void (*prepare)(size_t count), (*play)(size_t count), (*end)(size_t count);
  size_t least; /* of its kind; then four and sixteen times as many */
} Case;

static const Case cases[] = {
    {"pools", makePools, liveOnce, freePools, 64},
    {"sharedPoolsOfAThread", makeShared, useInTurn, freeShared, 16},
    {"sharedPoolsOnceUsed", forgetShared, useTwoInTurn, freeTwo, 16},
    {"anotherSharedPool", makeShared, useAnother, freeShared, 16},
    {"slabsOutside", makeOutside, replaceOutside, freeOutside, 64},
    {"besideSlabsOutside", makeOutside, useBesideOutside, freeOutside, 64},
    {"subPools", makeSubPools, useSubPools, freeOne, 64},
    {"marks", makeMarks, useMarks, freeOne, 64},
    {"cleanups", addCleanups, addAndCancel, freeOne, 64},
    {"threads", startThreads, useBesideThreads, endThreads, 16},
};

static void playAll(const Case *each, size_t count, size_t times) {
  for (size_t i = 0; i < times; i++) each->play(count);
}

/* Callgrind collects what is called from here, and nothing else. */
static __attribute__((noinline, used)) void measured(const Case *each, size_t count) {
  playAll(each, count, operations);
  __asm__ volatile("" ::: "memory"); /* no tail call: it would leave this function early */
}

typedef struct {
  const Case *each;
  size_t count;
} Turn;

static void *playTurn(void *argument) {
  const Turn *turn = argument;
  turn->each->prepare(turn->count);
  playAll(turn->each, turn->count, operations); /* what is made once is made */
  measured(turn->each, turn->count);
  turn->each->end(turn->count);
  return NULL;
}

/* In a thread of its own: what a thread remembers of pools ends with it. */
static void play(const Case *each, size_t count) {
  Turn turn = {each, count};
  pthread_t thread;
  need(pthread_create(&thread, NULL, playTurn, &turn) == 0 && pthread_join(thread, NULL) == 0);
  printf("%s %zu %d\n", each->name, count, operations);
}

int main(int argc, char **argv) {
  if (argc == 3) {
    size_t count = strtoul(argv[2], NULL, 10);
    works = strcmp(argv[1], "threadsWork") == 0;
    bool end = works || strcmp(argv[1], "threadsEnd") == 0;
    if (count > most || (!end && strcmp(argv[1], "mappings") != 0)) return 2;
    if (end) startThreads(count);
    (end ? endThreads : mapOften)(count);
    return 0;
  }
  for (const Case *each = cases; each < cases + sizeof cases / sizeof *cases; each++)
    for (size_t count = each->least; count <= 16 * each->least; count *= 4) play(each, count);
  return 0;
}
