/* A program without a C library: it starts at _start, uses a fixed pool, and ends by a raw system call, with the line of the first check that
 * failed, modulo 256, or 0. Built by tests/freestanding.sh, which does without the rest of the test support, and by tests/cortexM4.sh for a
 * processor without an operating system: cortexM4.c is its start and its end. */
#include "mema.h"

enum { chunks = 200, rounds = 40000, bufferSize = 64 * 1024 };

static char buffer[bufferSize];
static Pool pool;
static unsigned char *live[chunks];
static size_t sizes[chunks];
static uint64_t seed = 1;

#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
_Noreturn void leave(int status);
#else
static _Noreturn void leave(int status) {
#if defined(__x86_64__)
  __asm__ volatile("syscall" : : "a"(60), "D"(status) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long number __asm__("x8") = 93, value __asm__("x0") = status;
  __asm__ volatile("svc 0" : : "r"(number), "r"(value) : "memory");
#else
#error "tests/freestanding.sh asks for x86-64 or aarch64"
#endif
  for (;;) continue;
}
#endif

/* The largest sizes, in digits. */
#if SIZE_MAX > UINT32_MAX
#define ALL "18446744073709551615"
#define UNLIMITED "9223372036854775807"
#else
#define ALL "4294967295"
#define UNLIMITED "2147483647"
#endif

static void check(bool good, int line) {
  if (!good) leave(line % 255 + 1);
}
#define CHECK(condition) check((condition), __LINE__)

/* The call fails, with this sentence. */
static bool says(bool done, const char *sentence) {
  const char *said = mema_lastError()->sentence;
  while (*said != '\0' && *said == *sentence) said++, sentence++;
  return !done && *said == *sentence;
}

static size_t below(size_t n) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (size_t)((seed >> 33) % n);
}

static void fill(size_t i) {
  for (size_t k = 0; k < sizes[i]; k++) live[i][k] = (unsigned char)(i * 7 + k);
}

static bool isFilled(size_t i, size_t upTo) {
  for (size_t k = 0; k < upTo; k++)
    if (live[i][k] != (unsigned char)(i * 7 + k)) return false;
  return true;
}

/* A pointer that the compiler knows nothing about. */
static void *hidden(void *ptr) {
  __asm__ volatile("" : "+r"(ptr));
  return ptr;
}

static size_t hiddenSize(size_t size) {
  __asm__ volatile("" : "+r"(size));
  return size;
}

/* The charge of a chunk: its size, or the bytes that it occupies, or these and its Block. */
static size_t chargeOf(size_t size, bool untracked, bool bound) {
  if (!untracked && !bound) return size;
  return (size + 15) / 16 * 16 + (untracked ? 0 : (sizeof(Block) + 15) / 16 * 16);
}

static void replaceSome(bool untracked, bool bound) {
  size_t bytes = 0, count = 0;
  for (int round = 0; round < rounds; round++) {
    size_t i = below(chunks);
    if (live[i] == NULL) {
      sizes[i] = 1 + below(600);
      live[i] = below(4) == 0 ? mema_pmemalign(&pool, 64, sizes[i]) : palloc(&pool, sizes[i]);
      if (live[i] == NULL) {
        CHECK(mema_lastError()->reason == MEMA_FRAGMENTED || mema_lastError()->reason == MEMA_OVER_BUDGET);
      } else {
        fill(i);
      }
    } else if (below(3) == 0) {
      size_t size = 1 + below(600), kept = size < sizes[i] ? size : sizes[i];
      unsigned char *moved = mema_repalloc(&pool, live[i], size);
      if (moved == NULL) continue;
      live[i] = moved;
      CHECK(isFilled(i, kept));
      sizes[i] = size;
      fill(i);
    } else {
      CHECK(isFilled(i, sizes[i]));
      CHECK(!pfree(&pool, hidden(live[i] + 1)));
      CHECK(pfree(&pool, live[i]));
      CHECK(!pfree(&pool, hidden(live[i])));
      live[i] = NULL;
    }
  }
  for (size_t i = 0; i < chunks; i++) {
    count += live[i] != NULL;
    if (live[i] != NULL) bytes += chargeOf(sizes[i], untracked, bound);
  }
  CHECK(mema_checkPool(&pool));
  CHECK(pool.freeSize + bytes == pool.poolSize);
  for (const Block *block = pool.head; block != NULL; block = block->next) count--;
  CHECK(untracked || count == 0);
}

static void useOne(bool untracked, bool bound) {
  mema_Options options = {
      .untracked = untracked, .boundMemory = bound, .engine = MEMA_FIXED, .buffer = buffer, .bufferSize = bufferSize};
  CHECK(mema_initPoolWith(&pool, &options));
  CHECK(!mema_initPoolWith(&pool, &options) && mema_lastError()->reason == MEMA_LIVE_POOL);
  for (size_t i = 0; i < chunks; i++) live[i] = NULL;
  replaceSome(untracked, bound);
  CHECK(mema_resetPool(&pool) && pool.freeSize == pool.poolSize);
  size_t largest = mema_largestChunk(&pool), budget = pool.poolSize;
  void *whole = palloc(&pool, largest);
  CHECK(whole != NULL && mema_largestChunk(&pool) == 0 && palloc(&pool, 1) == NULL);
  size_t charged = chargeOf(largest, untracked, bound);
  CHECK(mema_shrinkPool(&pool, 1) == charged && pool.freeSize == 0 && mema_shrinkPool(&pool, 0) == 0);
  CHECK(mema_resizePool(&pool, budget) && !mema_resizePool(&pool, charged - 1) && pfree(&pool, whole));
  unsigned char *zero = mema_pcalloc(&pool, 10, 100);
  for (size_t i = 0; i < 1000; i++) CHECK(zero[i] == 0);
  char *text = mema_pstrdup(&pool, "mema");
  CHECK(text[0] == 'm' && text[4] == '\0');
  CHECK(mema_palloc(&pool, pool.freeSize + 1) == NULL && mema_lastError()->reason == MEMA_OVER_BUDGET);
  CHECK(freePool(&pool) && !freePool(&pool));
}

static void refuseOthers(void) {
  mema_Options options = {.poolSize = 1000};
  CHECK(!mema_initPoolWith(&pool, &options) && mema_lastError()->reason == MEMA_BAD_ARGUMENT);
  CHECK(!initPool(&pool, 1000));
  options = (mema_Options){.engine = MEMA_FIXED, .buffer = buffer, .bufferSize = bufferSize, .fallback = true};
  CHECK(!mema_initPoolWith(&pool, &options));
}

static bool makeOf(mema_Options options) {
  return mema_initPoolWith(&pool, &options);
}

/* Each with its numbers. */
static void nameFaults(void) {
  static const mema_Memory hooks = {0};
  const mema_Options good = {.poolSize = 1000, .engine = MEMA_FIXED, .buffer = buffer, .bufferSize = bufferSize};
  mema_Options bad = good;
  CHECK(says(mema_initPoolWith(NULL, &good), "bad argument: pool is NULL"));
  CHECK(says(mema_initPoolWith(&pool, NULL), "bad argument: options is NULL"));
  CHECK(says(initPool(&pool, 1000), "bad argument: engine 0 is not MEMA_FIXED"));
  bad.engine = MEMA_ARENA;
  CHECK(says(makeOf(bad), "bad argument: engine 1 is not MEMA_FIXED"));
  bad = good, bad.fallback = true;
  CHECK(says(makeOf(bad), "bad argument: fallback without a system"));
  bad = good, bad.sites = true;
  CHECK(says(makeOf(bad), "bad argument: sites without a system"));
  bad = good, bad.bufferSize = 255;
  CHECK(says(makeOf(bad), "bad argument: bufferSize 255 is below 256"));
  bad.bufferSize = SIZE_MAX;
  CHECK(says(makeOf(bad), "bad argument: bufferSize " ALL " passes memory's end"));
  bad = good, bad.shared = true;
  CHECK(says(makeOf(bad), "bad argument: MEMA_FIXED with shared"));
  bad = good, bad.memory = &hooks;
  CHECK(says(makeOf(bad), "bad argument: MEMA_FIXED with memory"));
  bad = good, bad.poolSize = SIZE_MAX;
  CHECK(says(makeOf(bad), "larger than any object can be: " ALL " is above " UNLIMITED));
  CHECK(makeOf(good));
  CHECK(says(palloc(&pool, 1001) != NULL, "over budget by 1 bytes: 1001 wanted, 1000 free"));
  CHECK(mema_lastError()->wanted == 1001 && mema_lastError()->available == 1000);
  CHECK(says(mema_pmemalign(&pool, hiddenSize(24), 1) != NULL, "the alignment is not a power of two: 24"));
  CHECK(mema_lastError()->wanted == 0);
  CHECK(mema_chargePool(&pool, 30) && says(mema_creditPool(&pool, 31), "bad argument: bytes 31 is above the 30 charged"));
  CHECK(says(mema_resizePool(&pool, 29), "the new size is below what is in use: 29 bytes wanted, 30 in use"));
  CHECK(says(mema_pcalloc(&pool, hiddenSize(SIZE_MAX), 3) != NULL, "count times size overflows: " ALL " times 3"));
  CHECK(says(mema_poolStats(&pool, NULL), "bad argument: stats is NULL"));
  CHECK(says(mema_pstrdup(&pool, NULL) != NULL, "bad argument: the source is NULL"));
  CHECK(mema_resizePool(&pool, SIZE_MAX / 4) &&
        says(palloc(&pool, bufferSize) != NULL, "the buffer has no free piece so large: 65536 bytes wanted"));
  CHECK(freePool(&pool) && says(freePool(&pool), "not a live pool (never made, freed, copied or moved)"));
}

int run(void);
int run(void) {
  refuseOthers();
  nameFaults();
  useOne(true, false);
  useOne(false, false);
  useOne(false, true);
  leave(0);
}

/* The stack is aligned as a call leaves it only behind a call. */
#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n  xorl %ebp, %ebp\n  andq $-16, %rsp\n  call run\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n  bl run\n");
#endif
