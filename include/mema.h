/* mema.h - memory pools with an exact byte budget. Chunks are freed one by one or all together, and every free is
 * checked.
 *
 *   Pool pool;
 *   if (!initPool(&pool, 64 * 1024)) return 1;  // the budget: 65,536 bytes
 *   char *text = palloc(&pool, 100);            // pool.freeSize is now 65436
 *   palloc(&pool, 1000000);                     // NULL: over budget; mema_lastError()->sentence gives the figures
 *   pfree(&pool, text + 1);                     // false: not the start of a live chunk; nothing has changed
 *   pfree(&pool, text);                         // true
 *   freePool(&pool);                            // frees every chunk that is left
 *
 * The first section has all that most programs need. Each later section is independent of the others. docs/guide.md has a
 * program for each kind of pool, and a chapter "Corner cases"; docs/glossary.md has the terms.
 *
 * These rules hold for every call, unless its comment says otherwise:
 *   sizes      Every size is in bytes. A request for 0 bytes is a request for 1.
 *   alignment  Every chunk is aligned to MEMA_ALIGNMENT (16 bytes).
 *   errors     A call that fails returns NULL, false or 0, and sets errno and mema_lastError(). It leaves the pool and every
 *              live chunk unchanged; at most, the statistics count it. A call that succeeds leaves errno alone.
 *              The library never prints, aborts or exits.
 *   cases      A list under "Returns NULL if" or "Returns false if" is complete: the call fails in these cases only. Three
 *              reasons are not repeated there: MEMA_REENTERED (see "shared pools"), MEMA_INJECTED (see mema_failAfter), and
 *              MEMA_BROKEN in a fixed pool, if other code has written to the records in its buffer.
 *   pools      A pool is live from its init until it is freed. Its Pool must stay at one address meanwhile. Every call
 *              recognises a Pool that is NULL, zeroed, never initialised, copied, moved or freed.
 *   threads    One thread at a time uses a pool, unless the pool is shared. Different pools may be used in parallel.
 *              After fork, the child has its own copy of every pool. Shared pools may be in use during the fork.
 *   time       "Constant" does not count page faults, nor the system call that sometimes extends a pool. It includes the
 *              logarithm of the number of pieces outside the reservation, and of shared pools that the thread uses.
 */
#ifndef MEMA_H
#define MEMA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MEMA_VERSION_MAJOR 0
#define MEMA_VERSION_MINOR 1
#define MEMA_VERSION_PATCH 0
#define MEMA_VERSION "0.1.0"

#if defined(__GNUC__)
#define MEMA_PUBLIC __attribute__((visibility("default")))
#define MEMA_ATTRIBUTE(list) __attribute__(list)
#else
#define MEMA_PUBLIC
#define MEMA_ATTRIBUTE(list)
#endif

/* The specification's short names are Pool, Block, initPool, palloc, pfree and freePool. This header defines them as
 * aliases and inline wrappers, so no linker symbol has a short name. To leave them out, define MEMA_NO_SHORT_NAMES before
 * the include. In C, `struct Pool` names a Pool too. In C++ it does not: a C++ symbol contains the tags of its
 * parameters, and files with the short names must link with files without them. */
#if defined(MEMA_NO_SHORT_NAMES) || defined(__cplusplus)
#define MEMA_TAG(name) mema_##name
#else
#define MEMA_TAG(name) name
#endif

/* ---- pools and chunks: what every program needs ------------------------------------------------------------------- */

/* The alignment of every chunk, in bytes. */
#define MEMA_ALIGNMENT 16

/* The largest budget, which also means "no limit". No single object in C can be larger. */
#define MEMA_UNLIMITED ((size_t)PTRDIFF_MAX)

/* One live chunk of a tracked pool. The library writes a Block; the program may read it while the chunk is live. */
typedef struct MEMA_TAG(Block) {
  void *ptr;                     /* the chunk */
  size_t size;                   /* its size, as requested */
  struct MEMA_TAG(Block) * next; /* the next younger live chunk, or NULL */
  struct MEMA_TAG(Block) * prev; /* the next older live chunk, or NULL */
  bool poolAllocated;            /* true: the chunk lies in the pool's own reservation */
#if UINTPTR_MAX <= UINT32_MAX
  uint8_t reserved[7]; /* only the library uses these bytes, which are padding where a pointer has 64 bits */
#endif
} mema_Block;

/* The words of a Pool that only the library uses. */
#ifndef MEMA_POOL_REST
#define MEMA_POOL_REST uintptr_t reserved[sizeof(void *) == 8 ? 43 : 50];
#endif

/* A pool. The program may read these six fields, and writes none of them. After every call
 *     poolSize == freeSize + mema_chunkSize() of every live chunk + the charge of mema_chargePool() + what sub-pools hold.
 * (With mema_Options.boundMemory, a chunk is charged more than mema_chunkSize() returns.) */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): the specification's fields come first */
typedef struct MEMA_TAG(Pool) {
  size_t poolSize;               /* the budget */
  size_t freeSize;               /* the part of the budget that is free now */
  bool initialized;              /* true while the pool is live (for reading: the library checks a seal of its own) */
  void *mem;                     /* the first byte of the pool's reservation */
  struct MEMA_TAG(Block) * head; /* the oldest live chunk; NULL if there is none, or the pool is untracked */
  struct MEMA_TAG(Block) * tail; /* the youngest live chunk, or NULL */

  MEMA_POOL_REST
} mema_Pool;

/* initPool: makes a tracked pool with a budget of poolSize bytes. `pool` may be uninitialised memory. Returns false, and
 * leaves *pool untouched, if
 *   pool is NULL, or poolSize is 0                            MEMA_BAD_ARGUMENT, EINVAL
 *   pool is a live pool already                               MEMA_LIVE_POOL, EINVAL
 *   poolSize is above MEMA_UNLIMITED                          MEMA_TOO_LARGE, ENOMEM
 *   the system has no room for the records of an empty pool   MEMA_NO_MEMORY, ENOMEM
 * Constant. It makes no system call if the reservation of a freed pool of the same size is still warm. */
MEMA_PUBLIC bool mema_initPool(mema_Pool *pool, size_t poolSize);

/* palloc: returns a new chunk of `size` bytes with undefined contents, or NULL if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   size is above freeSize                                    MEMA_OVER_BUDGET, ENOMEM
 *   size is above MEMA_UNLIMITED                              MEMA_TOO_LARGE, ENOMEM
 *   the system has no memory                                  MEMA_NO_MEMORY, ENOMEM
 *   a fixed pool without fallback has no free piece of a sufficient size      MEMA_FRAGMENTED, ENOMEM
 * An untracked pool compares, and charges, the bytes that the chunk would occupy. Only a fixed pool refuses a request for
 * fragmentation; mema_fixedBufferSize returns a buffer size that excludes it. Constant; in a fixed pool without fallback,
 * constant in the worst case (docs/design.md). */
MEMA_PUBLIC void *mema_palloc(mema_Pool *pool, size_t size) MEMA_ATTRIBUTE((malloc, alloc_size(2)));

/* pfree: frees a chunk. Returns true if ptr is the start of a live chunk of this pool. Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   ptr is any other value, NULL included                     MEMA_BAD_POINTER, EINVAL
 * A refused pointer is never dereferenced, and nothing changes. A second free of a pointer is refused too, unless a later
 * chunk has the address by then: the pointer then is the start of that live chunk. Constant; for arenas see
 * docs/guide.md, "The memory of an arena". */
MEMA_PUBLIC bool mema_pfree(mema_Pool *pool, void *ptr);

/* freePool: frees every chunk, forgets charged bytes, and gives the reservation back (or keeps it warm for the next
 * pool). The memory of *pool may then be reused, or initialised again. Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   a callback or clean-up of it, or of a pool below it, is running           MEMA_BUSY, EBUSY
 *   the caller is a signal handler that has interrupted a call to this pool; or, if this pool is shared, a call that
 *   makes or ends any shared pool                             MEMA_REENTERED, EDEADLK
 * Time grows with the spans in use, not with the chunks. Threads: docs/guide.md, "The end of a shared pool". */
MEMA_PUBLIC bool mema_freePool(mema_Pool *pool);

#ifndef MEMA_NO_SHORT_NAMES
typedef mema_Block Block;
typedef mema_Pool Pool;

/* (1) */
static inline bool initPool(Pool *pool, size_t poolSize) {
  return mema_initPool(pool, poolSize);
}

/* (2) */
MEMA_ATTRIBUTE((malloc, alloc_size(2))) static inline void *palloc(Pool *pool, size_t size) {
  return mema_palloc(pool, size);
}

/* (3) */
static inline bool pfree(Pool *pool, void *ptr) {
  return mema_pfree(pool, ptr);
}

/* (4) */
static inline bool freePool(Pool *pool) {
  return mema_freePool(pool);
}
#endif

/* ---- options and engines ------------------------------------------------------------------------------------------ */

/* How a pool places its chunks. Every engine has the same exact budget, checked frees, chain and figures. */
typedef enum mema_Engine {
  MEMA_SLAB,  /* slots of one size side by side: for any mix of lives and sizes */
  MEMA_ARENA, /* one chunk behind the other: for many chunks that end together, as those of a request do */
  MEMA_FIXED  /* a fixed pool lies in a buffer of the caller: it makes no system call, and takes constant time at worst */
} mema_Engine;

/* Hooks: functions of the program that give a pool its memory, instead of the system. See mema_Options.memory. A pool
 * makes one reservation at its start, and one more for each piece outside it. Sizes and addresses are multiples of the
 * system's page size; no size is 0. Memory is either reserved (mema does not touch it) or committed (mema reads and
 * writes it). The struct is copied. Each hook gets `user`, which must stay valid while the pool is live. The thread that
 * calls the pool calls the hooks, one at a time for each pool; in a shared pool it holds the pool's lock. A hook must
 * return, and must not call that pool. mema restores errno after it. docs/guide.md, "Memory hooks", has the details. */
typedef struct mema_Memory {
  /* Reserves `size` bytes of addresses that nothing else uses. The first is a multiple of `alignment`: a power of two, at
   * least a page, at most 64 KiB (2 MiB with hugePages). NULL: there are none. mema may then ask for less; if that fails
   * too, the call fails with MEMA_NO_MEMORY. The hook is required. */
  void *(*reserve)(void *user, size_t size, size_t alignment);
  /* Prepares [base, base + size), reserved until now, for use. false: the bytes stay reserved, and mema goes on as above.
   * No byte is committed twice in one reservation. A NULL hook: reserved memory is committed from the start, and the
   * default reservation is mema_committedReservation(poolSize). */
  bool (*commit)(void *user, void *base, size_t size);
  /* Drops the contents of [base, base + size), which is committed and stays so: mema may touch it again at any time.
   * false, or a NULL hook: mema assumes that the pages are kept. */
  bool (*purge)(void *user, void *base, size_t size);
  /* Ends a reservation, whatever part of it is committed: `base` and `size` are those of one reserve. Each reservation is
   * released once, in mema_freePool at the latest. A NULL hook: mema calls nothing. */
  void (*release)(void *user, void *base, size_t size);
  /* true: memory reads as zero at its first use after its commit (without that hook: its reserve), and after its purge.
   * false: memory may hold anything, and mema clears the bytes that it needs cleared. */
  bool zeroed;
  void *user;
} mema_Memory;

/* How to make a pool. A field that is zero has its default; later versions add fields at the end. */
typedef struct mema_Options {
  /* The budget: 1 to MEMA_UNLIMITED. Required, except for a fixed pool, where 0 means as much as the buffer holds. */
  size_t poolSize;
  /* Keep no chain and no Blocks: faster, and no cost per chunk. A chunk is charged the bytes that it occupies, instead of
   * the bytes requested. */
  bool untracked;
  /* Bring the whole reservation into memory now. Later, the pool asks the system for memory only if the reservation is
   * full. */
  bool committed;
  /* The address space for chunks. 0: several times poolSize (for an arena twice); of a committed pool
   * mema_committedReservation(poolSize). A chunk for which it has no room in one piece lies outside it
   * (Block.poolAllocated is then false). */
  size_t reservation;
  const char *name; /* shown in statistics and pictures; the first 21 bytes are copied; NULL: no name */
  /* Let several threads use the pool at once: see the section "shared pools". */
  bool shared;
  mema_Engine engine;
  /* Of a fixed pool: its buffer, at any address, for the chunks and all records. It must last as long as the Pool is used
   * (a freed pool is recognised by the buffer), and no other code may write to it. Records take two bits for each 16
   * bytes, and 160 bytes to 2 KiB. If tracked, each chunk has its Block in front of it: 48 bytes of the buffer, not of
   * the budget. */
  void *buffer;
  size_t bufferSize;
  bool fallback;     /* of a fixed pool: the system serves chunks that do not fit (Block.poolAllocated is then false) */
  size_t guaranteed; /* of a sub-pool: the bytes of the parent's budget that belong to it from the start */
  /* Ask the system for huge pages: the reservation consists of pieces of 2 MiB, aligned to 2 MiB. Each piece that is
   * touched may become resident in full. Nothing is promised: see docs/guide.md, "Huge and locked pages". */
  bool hugePages;
  /* Like `committed`, and no page is ever swapped out, inside or outside the reservation. The pages count against
   * RLIMIT_MEMLOCK, unless the process has CAP_IPC_LOCK; above it, calls fail with MEMA_NO_MEMORY. */
  bool locked;
  /* The budget bounds memory too: a chunk of a tracked pool is charged the bytes that it occupies, its Block included,
   * instead of the bytes requested. See docs/guide.md, "A budget that bounds memory". */
  bool boundMemory;
  /* Of a tracked pool: note where each chunk comes from, for mema_writeLeaks. This takes no memory for each chunk. Compile
   * the program with MEMA_SITES: see mema_sites.h. Without it, chunks have no line. */
  bool sites;
  /* With `sites`, and not shared: note the call stack too, of one chunk in so many (1: of each; above 65,535: as 65,535). It
   * needs no MEMA_SITES. Each allocation then takes the general path. */
  unsigned stacks;
  const mema_Memory *memory; /* the hooks that give all memory; NULL: the system does */
  /* The function that walks the stack: it stores up to `most` return addresses, the innermost first, and returns their
   * number. It may not call the pool. glibc's backtrace and libunwind's unw_backtrace fit. NULL: libunwind's, if the
   * program is linked with it, else the C library's, if the program has that. */
  int (*unwind)(void **frames, int most);
  /* The chunks of a pool are visible to the address sanitizer and to Valgrind: docs/checkers.md. */
  bool plain;     /* each chunk is a malloc of its own, for any tool that watches malloc */
  bool leakCheck; /* plain, and chunks that are live at mema_freePool are not freed: a leak checker reports them */
  bool unwatched; /* tell no checker of the chunks, and ignore MEMA_PLAIN and MEMA_LEAKS of the environment */
  /* Under a checker: the bytes of freed chunks, with their redzones, that are kept a while before they are used again. 0:
   * 16 MiB, 1: none. Never more than the budget has free. */
  size_t quarantine;
} mema_Options;

/* Makes a pool with options. Returns false in the cases of mema_initPool, and if
 *   options is NULL, or options->engine is no engine          MEMA_BAD_ARGUMENT, EINVAL
 *   reservation is above MEMA_UNLIMITED                       MEMA_BAD_ARGUMENT, EINVAL
 *   memory->reserve is NULL, or an arena has `shared` or `memory`             MEMA_BAD_ARGUMENT, EINVAL
 *   pages cannot be committed or locked, or the hooks refuse the first memory MEMA_NO_MEMORY, ENOMEM
 *   a fixed pool has no buffer, one below 256 bytes, or one that passes the end of memory, or has `shared`, `memory`,
 *   `locked` or `hugePages`                                   MEMA_BAD_ARGUMENT, EINVAL
 *   sites with untracked, or with stacks but shared, or no unwind             MEMA_BAD_ARGUMENT, EINVAL
 * A fixed pool may have poolSize 0, and ignores `reservation` and `committed`. Constant; of a fixed pool linear in
 * bufferSize / 64, to clear its records. See docs/guide.md, "The memory of an arena" and "The buffer of a fixed pool". */
MEMA_PUBLIC bool mema_initPoolWith(mema_Pool *pool, const mema_Options *options);

/* Returns the default reservation of a committed pool with this budget: a little more than twice poolSize. If the pool is
 * not shared, and its budget stays at most poolSize, the reservation always has room for
 *   - chunks from mema_palloc, pcalloc, pstrdup, pstrndup and pmemdup, if none was freed since the init or the last reset;
 *   - chunks freed and allocated in any order, if all their sizes fit one slot size.
 * Both need chunks of at least 32 bytes, or an untracked pool. Calls that stay within a committed reservation make no
 * system call and no page fault. The bound for other sequences, the slot sizes, and what a shared pool adds:
 * docs/guide.md, "A committed reservation". */
MEMA_PUBLIC size_t mema_committedReservation(size_t poolSize);

/* Returns the bytes of a buffer in which an untracked fixed pool never fails with MEMA_FRAGMENTED, at whatever address; 0
 * if no buffer is so large. This holds as long as no request is above `largest`, and at most `peak` bytes are live at
 * once. Each request counts rounded up to a multiple of 16, and the request that is being served counts too. The bound
 * holds for any allocator that moves no chunk and serves each request that fits a free piece (docs/design.md has the
 * argument). It grows with peak * largest. Robson shows that best fit can need nearly as much ("Worst case fragmentation
 * of first fit and best fit storage allocation strategies", The Computer Journal 20(3), 1977). Tracked pools, aligned
 * chunks and repalloc: docs/guide.md, "The size of a fixed buffer". Time grows with log(largest). */
MEMA_PUBLIC size_t mema_fixedBufferSize(size_t peak, size_t largest);

/* ---- more ways to get chunks -------------------------------------------------------------------------------------- */

/* Returns a chunk of count * size zero bytes. Returns NULL in the cases of mema_palloc, and if
 *   count * size overflows                                    MEMA_OVERFLOW, EOVERFLOW
 * Linear in the size, unless the memory is fresh from the system. From 2 MiB on, pages that are not resident stay so. */
MEMA_PUBLIC void *mema_pcalloc(mema_Pool *pool, size_t count, size_t size) MEMA_ATTRIBUTE((malloc, alloc_size(2, 3)));

/* Changes a chunk's size, and keeps the contents up to the smaller of both sizes. The chunk may move: only the address
 * that is returned is then live. It keeps its place in the chain. If ptr is NULL, this is mema_palloc(pool, size).
 * Returns NULL, and leaves the chunk as it was, in the cases of mema_palloc (with the growth compared to freeSize), and if
 *   ptr is neither NULL nor the start of a live chunk         MEMA_BAD_POINTER, EINVAL
 * Shrinking never fails. A chunk of mema_pmemalign keeps its alignment only until it moves. At most linear in the size.
 * Details: docs/guide.md, "Changing the size of a chunk". */
MEMA_PUBLIC void *mema_repalloc(mema_Pool *pool, void *ptr, size_t size) MEMA_ATTRIBUTE((alloc_size(3)));

/* As mema_palloc, aligned to `alignment` bytes, of which size need not be a multiple. Also returns NULL if
 *   alignment is not a power of two                           MEMA_BAD_ALIGNMENT, EINVAL
 *   alignment is above 1 GiB                                  MEMA_NO_MEMORY, ENOMEM */
MEMA_PUBLIC void *mema_pmemalign(mema_Pool *pool, size_t alignment, size_t size)
    MEMA_ATTRIBUTE((malloc, alloc_align(2), alloc_size(3)));

/* Copies of a string; of at most n bytes of a string; of n bytes. Both strings end with a zero byte. Linear in the bytes
 * copied. Return NULL in the cases of mema_palloc for the bytes needed, and if
 *   the source is NULL                                        MEMA_BAD_ARGUMENT, EINVAL */
MEMA_PUBLIC char *mema_pstrdup(mema_Pool *pool, const char *s) MEMA_ATTRIBUTE((malloc));
MEMA_PUBLIC char *mema_pstrndup(mema_Pool *pool, const char *s, size_t n) MEMA_ATTRIBUTE((malloc));
MEMA_PUBLIC void *mema_pmemdup(mema_Pool *pool, const void *source, size_t n) MEMA_ATTRIBUTE((malloc, alloc_size(3)));

/* The text that printf would print, in a chunk. Return NULL in the cases of mema_palloc for the text and its zero byte,
 * and if
 *   format is NULL                                            MEMA_BAD_ARGUMENT, EINVAL
 *   vsnprintf fails                                           MEMA_BAD_FORMAT, EILSEQ */
MEMA_PUBLIC char *mema_psprintf(mema_Pool *pool, const char *format, ...) MEMA_ATTRIBUTE((malloc, format(printf, 2, 3)));
MEMA_PUBLIC char *mema_pvsprintf(mema_Pool *pool, const char *format, va_list args)
    MEMA_ATTRIBUTE((malloc, format(printf, 2, 0)));

/* ---- questions and reports ---------------------------------------------------------------------------------------- */

/* Returns the size of a live chunk: in a tracked pool the bytes requested, in an untracked pool the bytes occupied. The
 * chunk is charged these bytes, except with mema_Options.boundMemory. All of them belong to the chunk. But a compiler that
 * checks sizes goes by the request, as with malloc_usable_size. Returns 0 if pool is not a live pool, or ptr is not the
 * start of a live chunk of it. Sets no error. Constant. */
MEMA_PUBLIC size_t mema_chunkSize(const mema_Pool *pool, const void *ptr);

/* Returns true if pool is a live pool, and ptr the start of a live chunk of it; else false. Sets no error. Constant. */
MEMA_PUBLIC bool mema_ownsChunk(const mema_Pool *pool, const void *ptr);

/* Returns the free part of the budget. Returns 0 if pool is not a live pool, or if a signal handler calls this that has
 * interrupted the pool. Sets no error. Constant. In a shared pool the figure is exact for one instant of the call: the
 * call keeps all other threads out, and takes time that grows with the threads that use the pool. */
MEMA_PUBLIC size_t mema_freeSize(const mema_Pool *pool);

/* Returns the size of the largest request that the budgets would grant now (in a fixed pool: and the buffer). Returns 0
 * if there is none, or pool is not a live pool. Sets no error. Time grows with the number of pools above it. */
MEMA_PUBLIC size_t mema_largestChunk(const mema_Pool *pool);

/* Returns true if pool is a live pool that threads share: one with mema_Options.shared. Sets no error. Constant. */
MEMA_PUBLIC bool mema_isShared(const mema_Pool *pool);

/* The figures of a pool. */
typedef struct mema_Stats {
  char name[22]; /* as given, or "" */
  bool untracked;
  bool committed;   /* or locked */
  size_t poolSize;  /* the budget */
  size_t freeSize;  /* the free part of it */
  size_t liveBytes; /* poolSize - freeSize: live chunks, chargedBytes, and subPoolBytes */
  /* The most that liveBytes has been since the init, or since the last change of the budget. In a shared pool it may be too
   * high, by unused credit of its threads: up to 8 MiB each. */
  size_t peakBytes;
  size_t liveChunks;    /* chunks that are live */
  size_t allocations;   /* chunks handed out since the init; a repalloc that moves its chunk counts too */
  size_t frees;         /* chunks taken back since the init, by any call */
  size_t refused;       /* requests for memory that failed */
  size_t badFrees;      /* pointers, apart from NULL, that pfree and repalloc refused */
  size_t outsideChunks; /* live chunks outside the reservation (Block.poolAllocated is false) */
  size_t reservation;   /* address space for chunks, pieces outside the reservation included */
  /* Memory held from the system: pages in use or kept for reuse, and the pool's records. An upper bound: spans in use count
   * as touched, and huge pages as given if they were asked for. Memory that malloc holds for plain chunks is not in it. */
  size_t footprint;
  size_t chargedBytes; /* bytes that mema_chargePool charged, and that were not credited since */
  size_t subPoolBytes; /* held by sub-pools: for each, the larger of its guaranteed bytes and the bytes it uses */
  size_t subPools;     /* sub-pools, without the sub-pools of sub-pools */
  bool shared;
  bool plain;   /* each chunk is a malloc of its own: docs/checkers.md */
  bool watched; /* a checker sees the chunks where they lie: the address sanitizer or memcheck */
  mema_Engine engine;
} mema_Stats;

/* Fills in *stats. Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   stats is NULL                                             MEMA_BAD_ARGUMENT, EINVAL
 * Time grows with the pieces outside the reservation (usually none) and with the pool's own sub-pools. */
MEMA_PUBLIC bool mema_poolStats(const mema_Pool *pool, mema_Stats *stats);

/* Checks every invariant of the pool: budget, chain, spans, bitmaps, runs. Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   an invariant is broken (mema_lastError()->sentence says which)            MEMA_BROKEN, EFAULT
 * Linear in spans and chunks. */
MEMA_PUBLIC bool mema_checkPool(const mema_Pool *pool);

/* Draws the pool as text for a terminal: its budget, a map of its reservation, and from 41 columns on a key. Like
 * snprintf, it writes at most `size` bytes with the final zero byte, may cut the last character in two, and returns the
 * length of the whole picture. `columns` is the width, 20 to 200 (0: 72). `ascii`: true for ASCII, false for UTF-8.
 * Returns 0 if pool is not a live pool. Linear in spans and slots. */
MEMA_PUBLIC size_t mema_drawPool(const mema_Pool *pool, char *buffer, size_t size, unsigned columns, bool ascii);

/* A function of the program that takes text, in parts: the next `length` bytes, not ended by a zero byte. It returns false
 * to stop: the call that writes then writes no more, and returns false. `user` comes from that call. No pool is held
 * meanwhile, so the function may use any pool. If its thread is cancelled in it, or longjmp leaves it, up to 400 bytes for
 * each pool stay mapped, and of mema_writeLeaks up to 200 for each line. */
typedef bool mema_Write(void *user, const char *bytes, size_t length);

/* A mema_Write whose `user` is a FILE *, as in mema_writeStats(&pool, MEMA_TEXT, mema_writeToFile, stdout). Returns false if
 * fwrite does. A disk may turn out to be full only at fflush or fclose. */
MEMA_PUBLIC bool mema_writeToFile(void *file, const char *bytes, size_t length);

typedef enum mema_Format {
  MEMA_TEXT,       /* a figure in each line, for people */
  MEMA_JSON,       /* one object: docs/stats.schema.json is its schema */
  MEMA_OPENMETRICS /* OpenMetrics 1.0, with "# EOF": docs/guide.md, "Figures of a pool", lists the metrics */
} mema_Format;

/* Writes the figures of mema_poolStats: of the pool, and of all pools below it. The figures of one pool are of one moment.
 * The calls of other threads to a shared pool wait meanwhile. An unshared sub-pool of a shared pool is the exception,
 * since no lock keeps its own thread out of it: each of its figures is of an instant of its own (JSON has "exact": false).
 * Its reservation, footprint, outsideChunks, subPools and subPoolBytes are not known, and the pools below it are left out,
 * unless its own thread makes this call for it. A shared sub-pool is left out, with the pools below it, if its lock cannot
 * be had: in a signal handler that interrupted a call to it, or if another thread keeps it for a second or more while the
 * pool above is shared too. Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   write is NULL, or format is no mema_Format                MEMA_BAD_ARGUMENT, EINVAL
 *   write returns false                                       MEMA_NOT_WRITTEN, EIO
 *   there are sub-pools, and the system has no memory for the copy of their figures   MEMA_NO_MEMORY, ENOMEM
 * It allocates from no pool, and calls no malloc. Linear in the pools, with the time of mema_poolStats for each. */
MEMA_PUBLIC bool mema_writeStats(const mema_Pool *pool, mema_Format format, mema_Write *write, void *user);

/* Writes the picture that mema_drawPool draws. Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   write is NULL                                             MEMA_BAD_ARGUMENT, EINVAL
 *   write returns false                                       MEMA_NOT_WRITTEN, EIO
 *   the system has no memory for the picture                  MEMA_NO_MEMORY, ENOMEM
 * Linear in spans and slots. */
MEMA_PUBLIC bool mema_writePicture(const mema_Pool *pool, unsigned columns, bool ascii, mema_Write *write, void *user);

/* A place in a program that allocates. The library sets `number` at the first call, to know the place again. */
typedef struct mema_Site {
  const char *file, *function;
  int line;
  unsigned number; /* 0 at first */
} mema_Site;

/* Notes the place that a chunk comes from, if its pool has sites (mema_Options.sites), and returns ptr. ptr is NULL, or what a
 * call of this pool has just returned; for any other value nothing happens. Never fails: it sets no error, and leaves
 * errno alone. A process has room for 16,383 places and stacks; chunks of further ones have none. Constant. The macros of
 * mema_sites.h call this; so can allocation functions of your own, with a record for each of their callers. */
MEMA_PUBLIC void *mema_noteSite(mema_Pool *pool, void *ptr, mema_Site *site);

/* Writes what is live in a pool and in the pools below it, as text: a line for each site with its bytes, its chunks and
 * their sizes. The site that has the oldest chunk comes first. A chunk that mema_repalloc changed keeps its site. Chunks
 * without a site are one line. Each sub-pool that has live chunks follows with its name, its number and its parent's,
 * which are those of mema_writeStats. Of two kinds of sub-pools only the number of chunks is known: of untracked ones, and
 * of unshared ones below a shared pool, whose own thread alone can list them. As for mema_writeStats, the calls of other
 * threads to a shared pool wait meanwhile, and the pools that it leaves out are left out here. Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   write is NULL, or pool is untracked                       MEMA_BAD_ARGUMENT, EINVAL
 *   write returns false                                       MEMA_NOT_WRITTEN, EIO
 *   the system has no memory for the sums                     MEMA_NO_MEMORY, ENOMEM
 *   other code has overwritten the records of a fixed pool    MEMA_BROKEN, EFAULT
 * Linear in the chunks, and in the sites of the process. */
MEMA_PUBLIC bool mema_writeLeaks(const mema_Pool *pool, mema_Write *write, void *user);

/* Returns the version of the library in use, such as "0.1.0". */
MEMA_PUBLIC const char *mema_version(void);

/* ---- a pool's life: reset, resize, trim --------------------------------------------------------------------------- */

/* Frees every chunk. The pool keeps its budget, options and counts (each chunk counts as freed); charged bytes stay
 * charged. Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   a callback or clean-up of it, or of a pool below it, is running           MEMA_BUSY, EBUSY
 * Time grows with the spans in use, not with the chunks. */
MEMA_PUBLIC bool mema_resetPool(mema_Pool *pool);

/* Changes the budget. Constant. Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   poolSize is 0, or pool is a shared sub-pool               MEMA_BAD_ARGUMENT, EINVAL
 *   poolSize is above MEMA_UNLIMITED                          MEMA_TOO_LARGE, ENOMEM
 *   more bytes than poolSize are in use: live, charged, or guaranteed to it   MEMA_BELOW_USE, EBUSY */
MEMA_PUBLIC bool mema_resizePool(mema_Pool *pool, size_t poolSize);

/* As mema_resizePool. But if more bytes than poolSize are in use, the budget becomes that number, and the pool cannot
 * grow. Returns the new budget; 0 in the cases of mema_resizePool, except MEMA_BELOW_USE. Constant. */
MEMA_PUBLIC size_t mema_shrinkPool(mema_Pool *pool, size_t poolSize);

/* Gives the pool's free pages back to the system: free spans, and pages between live chunks. It also gives back all warm
 * reservations of the process; if pool is NULL, only these. The pages of a committed pool stay. Returns the bytes given
 * back; 0 if pool is neither NULL nor a live pool. Time grows with the slots of the pool, free ones included. */
MEMA_PUBLIC size_t mema_trimPool(mema_Pool *pool);

/* ---- families: pools inside pools --------------------------------------------------------------------------------- */

/* Makes `child` a sub-pool of `parent`: a pool with its own budget, chain and statistics. options->poolSize is the most
 * that it may use; it may be above the parent's budget. options->guaranteed bytes (0 to poolSize) are charged to the
 * parent now. Bytes beyond them are charged to the parent as the sub-pool grows, credited as it shrinks, to the byte,
 * and so on upwards. In each pool
 *     poolSize == freeSize + live chunks + charged bytes + for each sub-pool the larger of its guaranteed bytes and its use.
 * A request fails with MEMA_OVER_BUDGET if any pool above has no room; mema_Error.available is then the most that would
 * succeed. Returns false in the cases of mema_initPoolWith, and if
 *   parent is not a live pool                                 MEMA_BAD_POOL, EINVAL
 *   parent is about to end (the caller is a clean-up)         MEMA_BUSY, EBUSY
 *   guaranteed is above poolSize, or a fixed pool takes part  MEMA_BAD_ARGUMENT, EINVAL
 *   a shared sub-pool has guaranteed below poolSize           MEMA_BAD_ARGUMENT, EINVAL
 *   the parent has no room for the guaranteed bytes           MEMA_OVER_BUDGET, ENOMEM
 * Constant. See docs/guide.md, "The memory of a sub-pool" and "Sub-pools of a shared pool". */
MEMA_PUBLIC bool mema_initSubPool(mema_Pool *child, mema_Pool *parent, const mema_Options *options);

/* Makes a chunk of `from` the youngest chunk of `to`. Address, size and contents stay; nothing is copied. Constant.
 * Returns false if
 *   either is not a live pool                                 MEMA_BAD_POOL, EINVAL
 *   the pools do not take their chunks from the same memory   MEMA_NOT_KIN, EXDEV
 *   ptr is not the start of a live chunk of `from`            MEMA_BAD_POINTER, EINVAL
 *   `to`, or a pool above it, has no room                     MEMA_OVER_BUDGET, ENOMEM */
MEMA_PUBLIC bool mema_moveChunk(mema_Pool *to, mema_Pool *from, void *ptr);

/* ---- marks and clean-ups ------------------------------------------------------------------------------------------ */

/* A moment in a pool's life, to go back to. Its four words are one value (`position` is 0 except in untracked arenas). A
 * mark that is all zero is no mark. A mark holds no memory, and needs no end. */
typedef struct mema_Mark {
  uintptr_t life, serial, age, position;
} mema_Mark;

/* Returns a mark of the present moment, or a zero mark if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   pool is shared, or untracked and no arena                 MEMA_BAD_ARGUMENT, EINVAL
 * Constant. Untracked arenas judge age by address: docs/guide.md, "Marks in arenas". */
MEMA_PUBLIC mema_Mark mema_markPool(mema_Pool *pool);

/* Goes back to a mark: ends the sub-pools made since, newest first; runs the clean-ups added since; and frees the chunks
 * allocated since, except kept ones (mema_keepChunk). A repalloc is no allocation here. The mark stays valid, and younger
 * marks expire. Single chunks of any age may have been freed before. Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   mark is not of this pool since its init or last reset, or has expired     MEMA_STALE_MARK, EINVAL
 *   a callback or clean-up of it, or of a pool below it, is running           MEMA_BUSY, EBUSY
 *   in a fixed pool, other code has overwritten a younger chunk's Block; older chunks then stay     MEMA_BROKEN, EFAULT
 * Time grows with the number of younger chunks. See docs/guide.md, "Marks that have expired" and "Marks in arenas". */
MEMA_PUBLIC bool mema_rewindPool(mema_Pool *pool, mema_Mark mark);

/* Makes a chunk older than a mark: it moves to that place in the chain, and stays when the pool goes back.
 * Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   mark is not of this pool since its init or last reset, or has expired     MEMA_STALE_MARK, EINVAL
 *   pool is an untracked arena, whose chunks cannot move      MEMA_BAD_ARGUMENT, EINVAL
 *   ptr is not the start of a live chunk of the pool          MEMA_BAD_POINTER, EINVAL
 * Time grows with the number of chunks allocated between the mark and this chunk. */
MEMA_PUBLIC bool mema_keepChunk(mema_Pool *pool, mema_Mark mark, void *ptr);

/* When a clean-up runs: after the sub-pools of its pool have ended, or before. */
typedef enum mema_CleanupTime { MEMA_AFTER_SUB_POOLS, MEMA_BEFORE_SUB_POOLS } mema_CleanupTime;

/* The record of a clean-up, in memory of the caller (which may be a chunk of that pool). It must stay in place until the
 * clean-up has run or is cancelled. Its fields are private. */
typedef struct mema_Cleanup {
  void (*run)(void *arg);
  void *arg;
  struct mema_Cleanup *next;
  uintptr_t serial, token;
} mema_Cleanup;

/* Adds a clean-up: run(arg) is called when the pool is freed or reset, or goes back to a mark older than this call. The
 * pool's chunks are all live then. Clean-ups of one time run newest first. A clean-up may use the pool, but not end it,
 * add clean-ups or make sub-pools. See docs/guide.md, "What clean-ups and callbacks may do". Constant. Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   pool is about to end                                      MEMA_BUSY, EBUSY
 *   pool is shared, cleanup or run is NULL, or `when` is neither time         MEMA_BAD_ARGUMENT, EINVAL
 *   the record is in use, in any pool                         MEMA_BAD_ARGUMENT, EINVAL */
MEMA_PUBLIC bool mema_addCleanup(mema_Pool *pool, mema_Cleanup *cleanup, void (*run)(void *arg), void *arg,
                                 mema_CleanupTime when);

/* Forgets a clean-up without running it. Linear in the clean-ups added after it. Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   cleanup is NULL, or not in use in this pool               MEMA_BAD_ARGUMENT, EINVAL */
MEMA_PUBLIC bool mema_cancelCleanup(mema_Pool *pool, mema_Cleanup *cleanup);

/* ---- callbacks and pressure --------------------------------------------------------------------------------------- */

/* Sets the callback for low memory. fn(pool, arg) is called each time freeSize falls from at least `bytes` to less, at
 * the end of the call that caused it, even a sub-pool's call. A pool has one such callback; fn NULL removes it. fn must
 * not free or resize the chunk that the call is about to return: see docs/guide.md, "What clean-ups and callbacks may
 * do". Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   pool is shared                                            MEMA_BAD_ARGUMENT, EINVAL
 * Constant. While freeSize is below `bytes`, each allocation takes a few nanoseconds more. */
MEMA_PUBLIC bool mema_onLowWater(mema_Pool *pool, size_t bytes, void (*fn)(mema_Pool *pool, void *arg), void *arg);

/* Sets the callback for exhausted memory. fn(pool, wanted, arg) is called before a request, of this pool or one below it,
 * is refused because this pool's budget has no room for `wanted` bytes more, or the system has no memory. fn may free
 * chunks or raise the budget. If it then returns true, the request is tried again; fn is called again as long as it
 * returns true and has freed something. A request that fn makes does not call fn. A pool has one such callback; fn NULL
 * removes it. Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   pool is shared (use mema_pallocWait)                      MEMA_BAD_ARGUMENT, EINVAL
 * Constant. See docs/guide.md, "What clean-ups and callbacks may do". */
MEMA_PUBLIC bool mema_onExhausted(mema_Pool *pool, bool (*fn)(mema_Pool *pool, size_t wanted, void *arg), void *arg);

/* For tests: lets n requests pass, then makes the next one (`once`) or all later ones fail with MEMA_INJECTED, ENOMEM.
 * MEMA_UNLIMITED for n ends this. A request is an allocation, a growing repalloc, a charge, or the guaranteed part of a
 * sub-pool. Refused requests count, except those that nothing could serve: too large for any object, a bad alignment or
 * argument, an overflow. Constant. Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   pool is shared                                            MEMA_BAD_ARGUMENT, EINVAL */
MEMA_PUBLIC bool mema_failAfter(mema_Pool *pool, size_t n, bool once);

/* ---- other bytes in the budget ------------------------------------------------------------------------------------ */

/* Charges bytes that are no chunk: a mapping, a buffer from elsewhere, another resource. The pool holds no memory for
 * them. They stay charged until they are credited; 0 bytes are allowed. A refused charge counts as a refused request.
 * Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   bytes is above freeSize                                   MEMA_OVER_BUDGET, ENOMEM
 *   bytes is above MEMA_UNLIMITED                             MEMA_TOO_LARGE, ENOMEM
 * Constant. */
MEMA_PUBLIC bool mema_chargePool(mema_Pool *pool, size_t bytes);

/* Credits charged bytes, all at once or in parts. Constant. Returns false if
 *   pool is not a live pool                                   MEMA_BAD_POOL, EINVAL
 *   fewer bytes are charged                                   MEMA_BAD_ARGUMENT, EINVAL */
MEMA_PUBLIC bool mema_creditPool(mema_Pool *pool, size_t bytes);

/* ---- shared pools ------------------------------------------------------------------------------------------------- */

/* Any number of threads may use a shared pool at once (mema_Options.shared). One thread may free the chunks of another.
 *   tracked    Calls take turns.
 *   untracked  Each thread works with its own cached slots and quota: up to 4 MiB of the budget at a time, and the bytes
 *              that it frees. The pool collects both before it refuses a request. Pool.freeSize is then the part of the
 *              budget that no thread holds; mema_freeSize returns the exact figure.
 *   signals    A signal handler may call a shared pool, except mema_pallocWait. If the handler has interrupted a call of
 *              its thread to that pool, its own call may fail with MEMA_REENTERED, EDEADLK, and then changes nothing.
 *              It never waits for its own thread. Other shared pools: docs/guide.md, "Signal handlers".
 *   time       A constant call is so whatever the number of threads, with three exceptions, which keep all threads out and
 *              look at each: the refusal of a request, while the budget is not nearly used up; the first free, in a size,
 *              of another thread's chunk; and now and then a call that makes up for many others. */

/* As mema_palloc on a shared pool. But if the budget has no room, the thread sleeps until other threads have freed
 * enough, for at most `milliseconds` (negative: without limit; 0: not at all). Returns NULL in the cases of mema_palloc,
 * and if
 *   the time has passed                                       MEMA_TIMED_OUT, ETIMEDOUT
 *   the budget can never have the room, or pool is not shared (at once)       MEMA_OVER_BUDGET, ENOMEM
 * The thread that has waited longest is not always served first. While a thread waits, each call of the others takes the
 * pool's lock. A signal handler must not call this. */
MEMA_PUBLIC void *mema_pallocWait(mema_Pool *pool, size_t size, int milliseconds) MEMA_ATTRIBUTE((malloc, alloc_size(2)));

/* ---- errors ------------------------------------------------------------------------------------------------------- */

/* Every reason for a failure: its code, its errno and its message. The enum below is made from this list. */
#define MEMA_REASONS(X)                                                                             \
  X(MEMA_OK, 0, "no error")                                                                         \
  X(MEMA_BAD_POOL, EINVAL, "not a live pool (never made, freed, copied or moved)")                  \
  X(MEMA_LIVE_POOL, EINVAL, "the pool is initialised already")                                      \
  X(MEMA_BAD_POINTER, EINVAL, "not the start of a live chunk of this pool")                         \
  X(MEMA_BAD_ARGUMENT, EINVAL, "bad argument")                                                      \
  X(MEMA_BAD_ALIGNMENT, EINVAL, "the alignment is not a power of two")                              \
  X(MEMA_TOO_LARGE, ENOMEM, "larger than any object can be")                                        \
  X(MEMA_OVERFLOW, EOVERFLOW, "count times size overflows")                                         \
  X(MEMA_OVER_BUDGET, ENOMEM, "over budget")                                                        \
  X(MEMA_NO_MEMORY, ENOMEM, "the system has no memory to give")                                     \
  X(MEMA_BELOW_USE, EBUSY, "the new size is below what is in use")                                  \
  X(MEMA_BAD_FORMAT, EILSEQ, "the format could not be printed")                                     \
  X(MEMA_BROKEN, EFAULT, "the pool's own records are damaged")                                      \
  X(MEMA_REENTERED, EDEADLK, "called by a signal handler that interrupted a call to a shared pool") \
  X(MEMA_TIMED_OUT, ETIMEDOUT, "the budget had no room in time")                                    \
  X(MEMA_BUSY, EBUSY, "the pool is busy")                                                           \
  X(MEMA_NOT_KIN, EXDEV, "the pools do not share their memory")                                     \
  X(MEMA_STALE_MARK, EINVAL, "not a valid mark of this pool")                                       \
  X(MEMA_FRAGMENTED, ENOMEM, "the buffer has no free piece so large")                               \
  X(MEMA_INJECTED, ENOMEM, "made to fail by mema_failAfter")                                        \
  X(MEMA_NOT_WRITTEN, EIO, "the write function failed")

#define MEMA_REASON_CODE(code, number, message) code,
typedef enum mema_Reason { MEMA_REASONS(MEMA_REASON_CODE) MEMA_REASON_COUNT } mema_Reason;
#undef MEMA_REASON_CODE

/* The last failure of a thread. */
typedef struct mema_Error {
  mema_Reason reason;
  const char *name; /* the name of the reason, such as "MEMA_OVER_BUDGET" */
  /* The message of the reason, then the bad argument and its limit. For example "over budget by 40 bytes: 1064 wanted,
   * 1024 free", or "bad argument: guaranteed 4096 is above poolSize 1024". */
  const char *sentence;
  /* For MEMA_OVER_BUDGET, MEMA_NO_MEMORY, MEMA_FRAGMENTED and MEMA_BELOW_USE: the bytes asked for (for a repalloc over
   * budget: the growth). Else 0. */
  size_t wanted;
  size_t available; /* for MEMA_OVER_BUDGET: the bytes that were free; for MEMA_BELOW_USE: the bytes in use; else 0 */
  int errnoBefore;  /* errno before the failure, for a caller that must restore it */
} mema_Error;

/* Returns the last failure of the calling thread (before the first: MEMA_OK); never NULL. The result is valid until the
 * thread calls mema_lastError again, or ends. This call makes the sentence, so a failing call does not spend time on it. */
MEMA_PUBLIC const mema_Error *mema_lastError(void);

#ifdef __cplusplus
}
#endif

#ifdef MEMA_SITES
#include "mema_sites.h"
#endif
#endif
