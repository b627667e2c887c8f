/* mema.h - a memory pool: a byte budget kept exactly, chunks freed one by one or all at once, every free checked.
 *
 *   Pool pool;
 *   if (!initPool(&pool, 64 * 1024)) return 1;
 *   char *text = palloc(&pool, 100);         // pool.freeSize is now 65436
 *   palloc(&pool, 1000000);                  // NULL: over budget; mema_lastError() says by how much
 *   pfree(&pool, text + 1);                  // false: not the start of a live chunk; nothing happened
 *   pfree(&pool, text);                      // true
 *   freePool(&pool);
 *
 * What holds throughout, unless a function says otherwise:
 *   units        every size is in bytes
 *   alignment    every chunk is aligned to MEMA_ALIGNMENT (16 bytes)
 *   errors       are values: NULL or false, errno, and mema_lastError(). The library never prints, aborts or exits. A call
 *                that fails leaves the pool and every live chunk as they were, and counts at most itself in the statistics.
 *                A call that succeeds leaves errno alone.
 *   pools        a Pool that is NULL, zeroed, never initialised, copied, moved or freed is recognised by every function:
 *                it fails with MEMA_BAD_POOL and EINVAL. A Pool must stay at the address where it was initialised.
 *   threads      a pool is used by one thread at a time, unless it was made `shared`: then by any number at once, and what one allocates
 *                another may free. Different pools may be used by different threads at the same time.
 *                After fork the child owns a copy of every pool, as of all its memory; shared pools may be in use meanwhile.
 *   signals      a handler may call a shared pool; where it interrupted a call of its own thread to the same pool it may be refused
 *                (MEMA_REENTERED, EDEADLK), with nothing changed. It never waits for its own thread. Where it interrupted a call to
 *                another shared pool, it is refused so if it would have to wait for others for more than a fifth of a second:
 *                their handlers may be waiting for this thread.
 *   complexity   "constant" does not count page faults, nor the system call that now and then extends a pool.
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

/* The specification's short names (Pool, Block, initPool, palloc, pfree, freePool) come with this header, as aliases and
 * inline wrappers: no linker symbol bears a short name. Define MEMA_NO_SHORT_NAMES before the include to leave them out.
 * In C `struct Pool` is a Pool too. In C++, where a tag gets into the symbols of all functions that take one, it is not: so
 * both kinds of source files can call each other. */
#if defined(MEMA_NO_SHORT_NAMES) || defined(__cplusplus)
#define MEMA_TAG(name) mema_##name
#else
#define MEMA_TAG(name) name
#endif

/* Alignment of every chunk, in bytes. */
#define MEMA_ALIGNMENT 16

/* The largest budget, and the one to give for "no limit". No single object can be larger in C. */
#define MEMA_UNLIMITED ((size_t)PTRDIFF_MAX)

/* One live chunk of a tracked pool. The library writes it, everyone may read it; it is valid while its chunk lives. */
typedef struct MEMA_TAG(Block) {
  void *ptr;                     /* the chunk */
  size_t size;                   /* its bytes, as requested */
  struct MEMA_TAG(Block) * next; /* the next younger live chunk, or NULL */
  struct MEMA_TAG(Block) * prev; /* the next older live chunk, or NULL */
  bool poolAllocated;            /* true: the chunk lies in the pool's own reservation */
} mema_Block;

/* What a Pool keeps beyond the specification's fields, for the library alone. */
#ifndef MEMA_POOL_REST
#define MEMA_POOL_REST uintptr_t reserved[sizeof(void *) == 8 ? 41 : 48];
#endif

/* A pool. Its fields are read-only for its user. At all times
 *     poolSize == freeSize + the sum of mema_chunkSize() over the live chunks + what mema_chargePool() charged + what sub-pools hold. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): the specification's fields come first */
typedef struct MEMA_TAG(Pool) {
  size_t poolSize;               /* the budget */
  size_t freeSize;               /* what is left of it now */
  bool initialized;              /* true while the pool lives (information only: the library trusts its own seal) */
  void *mem;                     /* first byte of the pool's reservation */
  struct MEMA_TAG(Block) * head; /* the live chunks, oldest first; NULL when there are none or the pool is untracked */
  struct MEMA_TAG(Block) * tail; /* the youngest live chunk */

  MEMA_POOL_REST
} mema_Pool;

/* How a pool hands chunks out. */
typedef enum mema_Engine {
  MEMA_SLAB,  /* slots of one size side by side: for any mix of lives and sizes */
  MEMA_ARENA, /* one after the other: for many chunks that end together, as those of a request do; see mema_initPoolWith */
  MEMA_FIXED  /* in a buffer of the caller's, and nothing else touched: no system, constant time in the worst case */
} mema_Engine;

/* Where a pool's memory comes from, if not from the system: mema_Options.memory. All that the pool holds comes from these hooks, in
 * one reservation at its start and one more for each piece outside it: chunks, Blocks and all its tables; but for a small header
 * (up to 8 KiB; in a shared pool one more for each thread), which is the system's and is never unmapped, since that is how a stale
 * Pool is told from a live one. (mema_trimPool takes a few pages of the system's for notes while it runs.)
 *
 * Sizes and addresses are multiples of the system's page size, sizes are not 0. Memory is in one of two states: reserved (mema does not
 * touch it, nor ask what it holds) or committed (mema reads and writes it). Nothing moves, protects, remaps or gives advice for it but the
 * hooks (except `locked`, which is mlock and munlock on it, and `committed`, which has the system populate it).
 *
 *   reserve  `size` bytes of addresses that nothing else uses, the first at a multiple of `alignment` (a power of two, at least a
 *            page, at most 64 KiB; 2 MiB with hugePages). NULL: there are none; less may then be asked for, and if that fails too
 *            the call has MEMA_NO_MEMORY. A reservation that is not aligned is released at once, and counts as NULL. Must not be NULL itself.
 *   commit   [base, base + size), reserved until now, in one reservation, is about to be touched. false: it cannot be, and stays
 *            reserved; less may then be asked for, and if that fails too the call has MEMA_NO_MEMORY, with nothing changed. No
 *            byte is committed twice in the life of its reservation. NULL: reserved memory counts as committed, and the
 *            default reservation is mema_committedReservation(poolSize).
 *   purge    the contents of [base, base + size), all committed, are no longer needed; the memory may go elsewhere. It stays committed:
 *            it may be touched again at any time without being asked for. false, or NULL: mema goes on as if its pages are kept.
 *   release  a reservation ends: the base and size of one reserve, whatever of it is committed. Once for each, at the latest in
 *            mema_freePool. NULL: nothing is told.
 *   zeroed   true: memory reads as zero when it is touched for the first time after its commit (without that hook: its
 *            reserve), and after its purge. false: it may hold anything, and mema clears what it needs to.
 *
 * The struct is copied; `user` is passed to each hook and must live as long as the pool. Hooks are called by the thread that calls
 * the pool, one at a time for each pool (of a shared pool by any thread, its lock held), and in a signal handler where that calls a
 * pool: by any call that allocates, frees, resets or trims. They must return, and must not call that pool; errno is kept for them. A
 * pool with hooks has nothing kept warm for it and leaves nothing warm. In a forked child its memory is what the system makes of it: where that
 * is shared with the parent, only one of the two may go on with the pool. */
typedef struct mema_Memory {
  void *(*reserve)(void *user, size_t size, size_t alignment);
  bool (*commit)(void *user, void *base, size_t size);
  bool (*purge)(void *user, void *base, size_t size);
  void (*release)(void *user, void *base, size_t size);
  bool zeroed;
  void *user;
} mema_Memory;

/* How to make a pool. Zero a field to have its default; later versions add fields at the end. */
typedef struct mema_Options {
  size_t poolSize;    /* the budget: 1 to MEMA_UNLIMITED. Required, but for MEMA_FIXED, where 0 is what the buffer holds. */
  bool untracked;     /* keep no chain, and charge the bytes that a chunk really occupies instead of those requested: faster,
                         and no cost per chunk */
  bool committed;     /* populate the whole reservation now: the pool then asks the system for memory only when the
                         reservation itself has no room left. See `reservation`. */
  size_t reservation; /* address space for chunks, in bytes; 0: several times poolSize (uncommitted; of an arena twice), or
                         mema_committedReservation(poolSize) (committed). Where it has no room in one piece, chunks come
                         from memory outside it (Block.poolAllocated is then false). */
  const char *name;   /* shown in statistics and pictures; the first 21 bytes are copied; NULL: no name */
  /* For several threads at once. Untracked, each thread works by itself, with spare slots and a part of the budget: up to 4 MiB at a
   * time, plus the bytes that it frees. Both are called in before a request is refused. Pool.freeSize is then the part that no thread
   * holds; mema_freeSize returns the exact figure. Tracked, calls take turns. */
  bool shared;
  mema_Engine engine;
  /* MEMA_FIXED: where the pool's chunks and records lie: at any address, for as long as the Pool is used, in which it is also found that
   * the Pool was freed. Two bits for each 16 bytes and 140 bytes to 2 KiB of it are for records. Tracked, each chunk's Block lies in
   * front of the chunk: 48 bytes of the buffer, not of the budget. No other code may write to it. */
  void *buffer;
  size_t bufferSize;
  /* MEMA_FIXED: chunks that the buffer has no room for come from the system (Block.poolAllocated is then false). */
  bool fallback;
  size_t guaranteed; /* mema_initSubPool: bytes of the parent's budget that are the sub-pool's own from the start */
  /* Ask for huge pages from the start: the reservation is whole ones, of 2 MiB, and begins at one. Each that is touched may be memory in
   * full. Nothing is promised: AnonHugePages in /proc/self/smaps, at the address Pool.mem, says what the system gave,
   * /sys/kernel/mm/transparent_hugepage/enabled whether it gives any. With `memory` only the alignment is asked for. */
  bool hugePages;
  /* `committed`, and kept in memory: never swapped out, nor is what lies outside the reservation. Counts against RLIMIT_MEMLOCK (without
   * CAP_IPC_LOCK): where that forbids it, MEMA_NO_MEMORY. A forked child's copy is not locked. */
  bool locked;
  const mema_Memory *memory; /* where all memory comes from; NULL: from the system */
} mema_Options;

/* Why a call failed: code, errno, message. One list, from which the constants, errno and the sentences are made. */
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
  X(MEMA_INJECTED, ENOMEM, "made to fail by mema_failAfter")

#define MEMA_REASON_CODE(code, number, message) code,
typedef enum mema_Reason { MEMA_REASONS(MEMA_REASON_CODE) MEMA_REASON_COUNT } mema_Reason;
#undef MEMA_REASON_CODE

/* The last failure of the calling thread. */
typedef struct mema_Error {
  mema_Reason reason;
  const char *name; /* the constant's name, such as "MEMA_OVER_BUDGET" */
  /* Such as "over budget by 40 bytes: 1064 wanted, 1024 free", or "bad argument: guaranteed 4096 is above poolSize 1024": the reason's
   * message, and behind it which argument was bad and what its limit is. */
  const char *sentence;
  /* MEMA_OVER_BUDGET, MEMA_NO_MEMORY, MEMA_FRAGMENTED, MEMA_BELOW_USE: the bytes asked for (by repalloc over the budget: in addition);
   * else 0. */
  size_t wanted;
  size_t available; /* MEMA_OVER_BUDGET: the bytes that were free; MEMA_BELOW_USE: the bytes in use; else 0 */
  int errnoBefore;  /* errno as it was before the failure, for callers that are to leave it alone */
} mema_Error;

/* What a pool holds and has done. */
typedef struct mema_Stats {
  char name[22]; /* as given, or "" */
  bool untracked;
  bool committed;   /* or locked */
  size_t poolSize;  /* the budget */
  size_t freeSize;  /* what is left of it */
  size_t liveBytes; /* poolSize - freeSize: the live chunks, chargedBytes, and subPoolBytes */
  /* The most liveBytes has been since init (or since the budget was last resized). In a shared pool with several threads it may be told too
   * high, by what they held of the budget unused: up to 8 MiB each. */
  size_t peakBytes;
  size_t liveChunks;
  size_t allocations;   /* chunks handed out since init; repalloc counts when the chunk moved */
  size_t frees;         /* chunks taken back since init, by whatever call */
  size_t refused;       /* allocation requests answered with NULL */
  size_t badFrees;      /* pointers (NULL apart) refused by pfree and repalloc */
  size_t outsideChunks; /* live chunks outside the reservation (Block.poolAllocated == false) */
  size_t reservation;   /* address space held for chunks, outside pieces included */
  size_t footprint;     /* memory held from the system: pages in use or kept for reuse, and the pool's own records. An upper
                           bound: it takes spans that are in use for touched, and huge pages for given when asked for */
  size_t chargedBytes;  /* charged by mema_chargePool, and not credited since */
  size_t subPoolBytes;  /* held by sub-pools: of each the larger of what is guaranteed to it, and what it uses */
  size_t subPools;      /* sub-pools, not counting theirs */
} mema_Stats;

/* ---- a pool's life ------------------------------------------------------------------------------------------------ */

/* Makes a tracked pool with a budget of poolSize bytes. `pool` may be uninitialised memory.
 * Returns false iff pool is NULL (MEMA_BAD_ARGUMENT, EINVAL), is a live pool (MEMA_LIVE_POOL, EINVAL), poolSize is 0
 * (MEMA_BAD_ARGUMENT, EINVAL) or above MEMA_UNLIMITED (MEMA_TOO_LARGE, ENOMEM), or the system has no address space for
 * the records of even an empty pool (MEMA_NO_MEMORY, ENOMEM). A refused pool is left untouched.
 * Constant; no system call when a reservation of a freed pool of the same size is still warm. */
MEMA_PUBLIC bool mema_initPool(mema_Pool *pool, size_t poolSize);

/* The same with options. Also returns false iff
 *   - options is NULL, options->engine is no engine, options->reservation is above MEMA_UNLIMITED, options->memory has no reserve, or an
 *     arena is to be shared or to have hooks (MEMA_BAD_ARGUMENT, EINVAL);
 *   - a committed reservation could not be populated, a locked one not be locked, or the hooks refused what even an empty pool needs
 *     (MEMA_NO_MEMORY, ENOMEM). Memory that the hooks gave before that is given back to them.
 *
 * With MEMA_FIXED it returns false iff
 *   - pool, options or options->buffer is NULL, bufferSize is below 256 or passes the end of memory, or `shared`, `memory`, `locked` or
 *     `hugePages` is asked for (MEMA_BAD_ARGUMENT, EINVAL);
 *   - pool is a live pool (MEMA_LIVE_POOL, EINVAL), or poolSize is above MEMA_UNLIMITED (MEMA_TOO_LARGE, ENOMEM).
 * The system is not asked; `reservation` and `committed` mean nothing. Linear in bufferSize / 64: the records are cleared, and nothing else of
 * the buffer is touched. A buffer that another pool was made in is taken from it where it begins at the same place: that one is then no live
 * pool.
 *
 * An arena (options->engine == MEMA_ARENA) keeps every promise of the default engine: the budget, frees, chain and figures are as exact.
 * It differs in this:
 *   time         a palloc takes at most half the time; the life of a small arena (init, free) takes a third
 *   frees        credit the budget at once. The memory itself can be reused at once if the chunk was the youngest, or if no chunk is
 *                live; else after the next reset. When twice the budget has been handed out that way, chunks come from outside the
 *                reservation (Block.poolAllocated is then false), where freed memory is reused at once. So memory stays bounded, and
 *                no request is refused
 *   charges      an untracked arena charges the size rounded up to 16 bytes, wherever the chunk lies
 *   repalloc     the youngest chunk grows and shrinks in place, others shrink in place and move to grow
 *   reset, free  take time that grows with the bytes handed out (16 bytes are cleared for each KiB), not with the chunks
 *   trim         gives back the pages behind the youngest chunk
 *   reservation  at most 32 GiB; chunks beyond it come from outside
 *   memory       32 bytes of records for each KiB handed out; a tracked arena's Blocks lie side by side in order of allocation.
 *                Small arenas are kept warm up to 1 MiB each, as other pools are. A live pool still counts its kept-warm memory
 * mema_pfree of the last live chunk clears the bits of those freed before it: it too takes time by the KiB that lie between them. */
MEMA_PUBLIC bool mema_initPoolWith(mema_Pool *pool, const mema_Options *options);

/* The reservation, in bytes, that a committed pool of poolSize bytes is given by default: a little more than twice the budget. Within
 * it lie, always, in a pool that is not shared, while pool.poolSize is at most poolSize:
 *   - chunks of any sizes from mema_palloc, pcalloc, pstrdup, pstrndup and pmemdup, at least 32 bytes each (untracked: of any size),
 *     where none was freed since mema_initPool or mema_resetPool;
 *   - chunks freed and allocated in any order, whose sizes one slot size serves (the size rounded up: to 16 bytes up to 128, to 32 up
 *     to 512, above that to four sizes per doubling), at least 32 bytes each (untracked: of any size).
 * The usual mix of sizes lies in it too. No useful bound for every sequence of requests is known: a sequence can leave spans with one
 * live chunk each behind, for each slot size in turn. If that matters, give a larger .reservation, and look at
 * mema_Stats.outsideChunks.
 * Within the reservation of a committed pool, palloc, pcalloc, pmemalign, repalloc and pfree make no system call and no page fault. The
 * pages of a `locked` pool are never swapped out either. (A shared pool makes system calls at a thread's first call, and when threads
 * wait for one another or call in each other's slots and budget. After a fork the first write to each page is a fault, in parent and
 * child.) */
MEMA_PUBLIC size_t mema_committedReservation(size_t poolSize);

/* Bytes of a buffer, at whatever address, in which an untracked fixed pool refuses nothing for fragmentation (MEMA_FRAGMENTED), whatever the
 * sequence of calls, as long as no request is for more than `largest` bytes and no more than `peak` bytes are live at once, each request
 * rounded up to a multiple of 16, that of the moment included. 0: more than any buffer has.
 *   tracked     each chunk also has its Block in the buffer: 48 bytes more to each request, in both figures
 *   aligned     mema_pmemalign(pool, alignment, size) counts as a request for size + alignment - 16, in both figures, at that moment
 *   repalloc    a chunk that moves is live twice for that moment
 * The bound is that of any allocator that never moves a chunk and refuses only where no free piece is as large as the request rounded up to r':
 * (peak - r + 1) * r' grains of 16 bytes, at its worst r up to `largest`. For best fit and its kin nothing much better is true (Robson, "Worst
 * case fragmentation of first fit and best fit storage allocation strategies", The Computer Journal 20(3), 1977): it grows with peak *
 * largest, and is meant for sizes that are not far apart. docs/design.md has the argument. Grows with the logarithm of largest. */
MEMA_PUBLIC size_t mema_fixedBufferSize(size_t peak, size_t largest);

/* Frees every chunk and gives the reservation back (or keeps it warm for the next pool); the Pool's memory may then be
 * reused or initialised again. Charged bytes are forgotten. Returns false iff pool is not a live pool, a callback or clean-up of it is under way
 * (MEMA_BUSY), or the caller is a signal handler that interrupted a call to it, or, where it is shared, one that makes or ends any shared pool
 * (MEMA_REENTERED).
 * Time grows with the spans in use, not with the chunks.
 * Shared pools: calls of other threads that are under way come to their end first, or find that there is no pool any more
 * (MEMA_BAD_POOL); of two threads that free the pool at once one gets true. The Pool's own memory must stay until they have returned. */
MEMA_PUBLIC bool mema_freePool(mema_Pool *pool);

/* Frees every chunk and keeps the pool, its budget, options and counts (each chunk counts as freed). Charged bytes stay charged.
 * Returns false iff pool is not a live pool. Time grows with the spans in use, not with the chunks. */
MEMA_PUBLIC bool mema_resetPool(mema_Pool *pool);

/* Changes the budget. Returns false iff pool is not a live pool, poolSize is 0 (MEMA_BAD_ARGUMENT, EINVAL) or above
 * MEMA_UNLIMITED (MEMA_TOO_LARGE, ENOMEM), or more bytes than poolSize are live or charged (MEMA_BELOW_USE, EBUSY). Constant. */
MEMA_PUBLIC bool mema_resizePool(mema_Pool *pool, size_t poolSize);

/* Gives the pool's free pages back to the system, and those of all warm reservations in the process (the latter alone when
 * pool is NULL): whole free spans, and pages between live chunks. Returns the bytes given back, which is 0 when pool is neither
 * NULL nor a live pool. The pages of a committed pool stay. Time grows with the slots of the pool, free ones included. */
MEMA_PUBLIC size_t mema_trimPool(mema_Pool *pool);

/* Counts bytes that are no chunk against the budget: a mapping, a buffer from elsewhere, another resource. The pool holds nothing for
 * them, and they stay charged until they are credited. 0 bytes are no failure.
 * Returns false iff pool is not a live pool, or bytes is above freeSize (MEMA_OVER_BUDGET, ENOMEM; MEMA_TOO_LARGE where above
 * MEMA_UNLIMITED), which counts as a refused request. Constant. */
MEMA_PUBLIC bool mema_chargePool(mema_Pool *pool, size_t bytes);

/* Gives charged bytes back to the budget, all at once or in parts. Returns false iff pool is not a live pool, or fewer bytes are
 * charged (MEMA_BAD_ARGUMENT, EINVAL). Constant. */
MEMA_PUBLIC bool mema_creditPool(mema_Pool *pool, size_t bytes);

/* As mema_resizePool, but where more bytes than poolSize are in use the budget becomes what is in use (of a sub-pool: or guaranteed): no
 * further growth. Returns the new budget; 0 iff mema_resizePool would fail for another reason than MEMA_BELOW_USE. Constant. */
MEMA_PUBLIC size_t mema_shrinkPool(mema_Pool *pool, size_t poolSize);

/* ---- sub-pools ---------------------------------------------------------------------------------------------------- */

/* Makes `child` a pool inside `parent`, with a budget, chain and statistics of its own, and everything that can be done with a pool. Of
 * *options, poolSize is the most it may use; `guaranteed` bytes of that (0 to poolSize) are taken from the parent's budget now, and are the
 * sub-pool's alone; what it uses beyond them is charged to the parent as it grows, and credited as it shrinks, to the byte, and so
 * on upwards. poolSize may be above what the parent has. At all times, in every pool of the family,
 *     poolSize == freeSize + its live chunks + what it was charged + what its sub-pools hold (each: the larger of guaranteed, and used).
 * A request is refused where any level has no room (MEMA_OVER_BUDGET; `available` is then the most that would be granted). A chunk of one pool is foreign to
 * all others.
 *   memory     a sub-pool of a tracked, unshared MEMA_SLAB pool takes its chunks from its parent's memory, unless its options ask for
 *              anything else than that (untracked, shared, committed, reservation, engine): then, and under other parents, it has memory of
 *              its own, and only its budget is the parent's. One with its parent's memory gives its chunks back one by one when it ends
 *              (time grows with its chunks) and shows its parent's memory in pictures; its statistics count none.
 *   shared     under a shared parent, sub-pools have memory of their own, and each may be used by another thread. A shared sub-pool must have
 *              guaranteed == poolSize, and cannot be resized. While one thread frees or resets a shared parent, another may be in
 *              mema_initSubPool: either that fails (MEMA_BAD_POOL, MEMA_BUSY), or the sub-pool is freed with the rest. The caller sees to it
 *              that no thread then uses or frees a sub-pool that is not shared itself, and that the Pools of all stay until all have
 *              returned; and initialises the parent's Pool again only after that.
 * Returns false iff parent is not a live pool, or is about to end (MEMA_BUSY, EBUSY: from a clean-up), or mema_initPoolWith would fail, or
 * guaranteed is above poolSize, or the parent or options->engine is MEMA_FIXED (MEMA_BAD_ARGUMENT, EINVAL), or the parent has not got
 * the guaranteed bytes (MEMA_OVER_BUDGET, ENOMEM). Constant; with its parent's memory, no system call. */
MEMA_PUBLIC bool mema_initSubPool(mema_Pool *child, mema_Pool *parent, const mema_Options *options);

/* Makes a chunk of `from` one of `to`, its youngest, at the same address and of the same size: nothing is copied. Both must be pools of one
 * family that take their chunks from the same memory (see mema_initSubPool).
 * Returns false, with nothing changed, iff either is not a live pool, they do not share memory (MEMA_NOT_KIN, EXDEV), ptr is not the start of
 * a live chunk of `from` (MEMA_BAD_POINTER, EINVAL), or `to` or a pool above it has no room for it (MEMA_OVER_BUDGET, ENOMEM). Constant. */
MEMA_PUBLIC bool mema_moveChunk(mema_Pool *to, mema_Pool *from, void *ptr);

/* ---- marks -------------------------------------------------------------------------------------------------------- */

/* A moment of a pool's life, to go back to. Treat it as one value, of which `position` is a part too (0 but in untracked arenas); one that is
 * zero is no mark. It needs no memory and no end. */
typedef struct mema_Mark {
  uintptr_t life, serial, age, position;
} mema_Mark;

/* Marks the present. Zero iff pool is not a live pool, or is shared, or untracked and no arena (MEMA_BAD_ARGUMENT, EINVAL). Constant.
 * In an untracked arena, age is judged by address. So a chunk that repalloc moves may become as young as its move, and is then freed when
 * the pool goes back to a mark made before the move. Memory freed in the reservation, of chunks older than the youngest mark, is reused
 * only after a reset, or after going back to an older mark. */
MEMA_PUBLIC mema_Mark mema_markPool(mema_Pool *pool);

/* Goes back to a mark, and frees everything younger: sub-pools made since, newest first; clean-ups added since, which run; and chunks
 * allocated since, save those that were kept. (repalloc is no allocation here, except for moves in an untracked arena: see
 * mema_markPool.) Single chunks, older or younger, may have been freed meanwhile. The mark itself stays valid; marks made after it have
 * expired. Marks with no allocation between them are of the same moment. (If expired marks lie in more than four places between valid
 * ones, the oldest of them may be taken for the nearest older valid mark, and go back to that.)
 * Returns false iff pool is not a live pool; the mark was not made by this pool since its init or last reset, or has expired
 * (MEMA_STALE_MARK, EINVAL); this is called from a callback or clean-up of the pool, or of one below it (MEMA_BUSY, EBUSY); or in a fixed
 * pool a younger chunk's Block was written over (MEMA_BROKEN, EFAULT: all that is older than that chunk stays). Time grows with the
 * number of younger chunks, and little more; in an untracked arena with the bytes handed out since (one step for each KiB), and with all
 * that lies outside its reservation. */
MEMA_PUBLIC bool mema_rewindPool(mema_Pool *pool, mema_Mark mark);

/* Makes a chunk older than a mark: it moves to that place in the chain, and stays when the pool goes back. Returns false iff pool is not
 * a live pool, the mark is zero or has expired (MEMA_STALE_MARK, EINVAL), the pool is an untracked arena, whose chunks stay where they are
 * (MEMA_BAD_ARGUMENT, EINVAL), or ptr is not the start of a live chunk of the pool (MEMA_BAD_POINTER, EINVAL). Time grows with the number of
 * chunks allocated between the mark and this one. */
MEMA_PUBLIC bool mema_keepChunk(mema_Pool *pool, mema_Mark mark, void *ptr);

/* ---- clean-ups ---------------------------------------------------------------------------------------------------- */

typedef enum mema_CleanupTime { MEMA_AFTER_SUB_POOLS, MEMA_BEFORE_SUB_POOLS } mema_CleanupTime;

/* A clean-up. The caller's memory, which may be part of a chunk of the same pool; to stay until it has run or been cancelled. */
typedef struct mema_Cleanup {
  /* Private. */
  void (*run)(void *arg);
  void *arg;
  struct mema_Cleanup *next;
  uintptr_t serial, token;
} mema_Cleanup;

/* Has run(arg) called when the pool is freed or reset, or goes back to a mark older than this call: the clean-ups for before the
 * end of its sub-pools first, then (when that has come) those for after it, each newest first; the pool's chunks are all there still.
 * A clean-up may do anything with the pool but free or reset it, or one above it, or go back to a mark (MEMA_BUSY), add clean-ups, or make
 * sub-pools.
 * Returns false iff pool is not a live pool, or is about to end (MEMA_BUSY, EBUSY), is shared, cleanup or run is NULL, `when` is neither,
 * or the record is in use already, for whatever pool (MEMA_BAD_ARGUMENT, EINVAL). Constant. */
MEMA_PUBLIC bool mema_addCleanup(mema_Pool *pool, mema_Cleanup *cleanup, void (*run)(void *arg), void *arg,
                                 mema_CleanupTime when);

/* Forgets a clean-up. Returns false iff pool is not a live pool, or the record is not in use for it (MEMA_BAD_ARGUMENT, EINVAL). Linear in the
 * clean-ups added after it. */
MEMA_PUBLIC bool mema_cancelCleanup(mema_Pool *pool, mema_Cleanup *cleanup);

/* ---- pressure ----------------------------------------------------------------------------------------------------- */

/* Has fn(pool, arg) called each time freeSize goes from at least `bytes` to below, at the end of the call that did it, even where a
 * sub-pool's call did. fn may do anything with the pool but free or reset it, or one above it or the one whose call it was, or go back to
 * a mark (MEMA_BUSY). (The chunk that the call is about to return is in the chain already, but the caller's: text and zeros may be written to it
 * after fn. So fn is not to free it, nor to change its size.) One function for each pool; fn NULL: none any more.
 * Returns false iff pool is not a live pool, or is shared (MEMA_BAD_ARGUMENT, EINVAL). Constant. While freeSize is below, allocations take a
 * few nanoseconds more. */
MEMA_PUBLIC bool mema_onLowWater(mema_Pool *pool, size_t bytes, void (*fn)(mema_Pool *pool, void *arg), void *arg);

/* Has fn(pool, wanted, arg) called where a request, of this pool or one below it, would be refused because this pool's budget has no room
 * for `wanted` bytes more, or the system has no memory: it may free what can be spared, or raise the budget, and return true to have
 * the request tried again. It is called again while it returns true and has freed something; otherwise the request is refused. A request
 * made by fn itself does not call fn. What fn may do is as for mema_onLowWater. (A chunk that is being repalloc'ed may be freed by fn: the
 * call then fails with MEMA_BAD_POINTER.) One function for each pool; fn NULL: none any more.
 * Returns false iff pool is not a live pool, or is shared (MEMA_BAD_ARGUMENT, EINVAL; there is mema_pallocWait). Constant. */
MEMA_PUBLIC bool mema_onExhausted(mema_Pool *pool, bool (*fn)(mema_Pool *pool, size_t wanted, void *arg), void *arg);

/* The size of the largest request that would be granted now, as far as budgets tell; 0: none, or pool is not a live pool. Constant but for
 * the number of pools above it. Sets no error. */
MEMA_PUBLIC size_t mema_largestChunk(const mema_Pool *pool);

/* For tests: lets n requests to the pool pass, then has the next one fail (`once`), or all from then on, with MEMA_INJECTED, ENOMEM.
 * A request is an allocation, a repalloc that makes a chunk larger, a charge, or the guaranteed part of a sub-pool; those refused count
 * too, but for those that nothing could serve: larger than any object can be, a bad alignment or argument, a product that
 * overflows. n of MEMA_UNLIMITED ends it. Returns false iff pool is not a live pool, or is shared (MEMA_BAD_ARGUMENT, EINVAL).
 * Constant. */
MEMA_PUBLIC bool mema_failAfter(mema_Pool *pool, size_t n, bool once);

/* ---- chunks ------------------------------------------------------------------------------------------------------- */

/* A chunk of `size` bytes (a request for 0 bytes is one for 1), contents undefined.
 * Returns NULL iff pool is not a live pool, size is above freeSize (MEMA_OVER_BUDGET, ENOMEM; MEMA_TOO_LARGE where above
 * MEMA_UNLIMITED), or the system has no memory (MEMA_NO_MEMORY, ENOMEM): never for fragmentation. In an untracked pool it
 * is the bytes that the chunk would occupy that are compared with freeSize and charged. Constant.
 * Of a pool with MEMA_FIXED and no fallback NULL also iff no free piece of the buffer is sure to have the room (MEMA_FRAGMENTED, ENOMEM), as do
 * the calls below; mema_fixedBufferSize says when that cannot be. Constant in the worst case: see docs/design.md. */
MEMA_PUBLIC void *mema_palloc(mema_Pool *pool, size_t size) MEMA_ATTRIBUTE((malloc, alloc_size(2)));

/* As mema_palloc on a shared pool. But if the budget has no room, it sleeps until other threads have freed enough, for at most that many
 * milliseconds (below 0: without end; 0: not at all). Also returns NULL iff that time has passed (MEMA_TIMED_OUT, ETIMEDOUT), or, at
 * once, if the budget could never have the room or the pool is not shared (MEMA_OVER_BUDGET). The thread that waits longest is not
 * always served first. While threads wait, every call of the others takes the pool's lock. Not for signal handlers. */
MEMA_PUBLIC void *mema_pallocWait(mema_Pool *pool, size_t size, int milliseconds) MEMA_ATTRIBUTE((malloc, alloc_size(2)));

/* Frees a chunk. Returns true iff ptr is the start of a live chunk of this pool. Any other value, NULL included, gives false
 * (MEMA_BAD_POINTER, EINVAL) and changes nothing; it is never dereferenced. Constant.
 * A pointer freed twice is refused unless its address has been handed out again since: it is then the start of a live chunk. */
MEMA_PUBLIC bool mema_pfree(mema_Pool *pool, void *ptr);

/* A chunk of count * size zero bytes. Returns NULL iff mema_palloc of the product would, or the product overflows
 * (MEMA_OVERFLOW, EOVERFLOW). Linear in the size, except where the memory is fresh from the system; from 2 MiB on, pages that
 * are not in memory are not brought in. */
MEMA_PUBLIC void *mema_pcalloc(mema_Pool *pool, size_t count, size_t size) MEMA_ATTRIBUTE((malloc, alloc_size(2, 3)));

/* Changes a chunk's size, keeping the contents up to the lesser of both sizes; the result may be at another address, and ptr
 * is then no longer live. ptr NULL: as mema_palloc(pool, size). size 0: a chunk of 1 byte, as mema_palloc makes.
 * Returns NULL iff pool is not a live pool, ptr is neither NULL nor a live chunk (MEMA_BAD_POINTER, EINVAL), the growth is
 * above freeSize (MEMA_OVER_BUDGET, ENOMEM), or the system has no memory; ptr then lives on unchanged. Shrinking never fails.
 * In place where the slot, or the free run behind a large chunk, has room; large chunks that must move have their pages moved
 * where the system can do that, not copied. In the chain the chunk keeps its place. A chunk from mema_pmemalign keeps its alignment only
 * while it is not moved. */
MEMA_PUBLIC void *mema_repalloc(mema_Pool *pool, void *ptr, size_t size) MEMA_ATTRIBUTE((alloc_size(3)));

/* As mema_palloc, aligned to `alignment` bytes. Also returns NULL iff alignment is not a power of two (MEMA_BAD_ALIGNMENT,
 * EINVAL) or is above 1 GiB (MEMA_NO_MEMORY, ENOMEM). size need not be a multiple of it. */
MEMA_PUBLIC void *mema_pmemalign(mema_Pool *pool, size_t alignment, size_t size)
    MEMA_ATTRIBUTE((malloc, alloc_align(2), alloc_size(3)));

/* Copies of a string, of at most n bytes of it (terminated in either case), of n bytes. Return NULL iff mema_palloc would for
 * the bytes needed, or the source is NULL (MEMA_BAD_ARGUMENT, EINVAL). */
MEMA_PUBLIC char *mema_pstrdup(mema_Pool *pool, const char *s) MEMA_ATTRIBUTE((malloc));
MEMA_PUBLIC char *mema_pstrndup(mema_Pool *pool, const char *s, size_t n) MEMA_ATTRIBUTE((malloc));
MEMA_PUBLIC void *mema_pmemdup(mema_Pool *pool, const void *source, size_t n) MEMA_ATTRIBUTE((malloc, alloc_size(3)));

/* The text that printf would print. Return NULL iff mema_palloc would for the text and its terminator, format is NULL
 * (MEMA_BAD_ARGUMENT, EINVAL), or vsnprintf fails (MEMA_BAD_FORMAT, EILSEQ). */
MEMA_PUBLIC char *mema_psprintf(mema_Pool *pool, const char *format, ...) MEMA_ATTRIBUTE((malloc, format(printf, 2, 3)));
MEMA_PUBLIC char *mema_pvsprintf(mema_Pool *pool, const char *format, va_list args)
    MEMA_ATTRIBUTE((malloc, format(printf, 2, 0)));

/* ---- questions ---------------------------------------------------------------------------------------------------- */

/* The bytes charged for a live chunk: those requested in a tracked pool, those it occupies in an untracked one. (All of them are
 * the chunk's; but a compiler that checks sizes goes by the size that was requested, here as with malloc_usable_size.)
 * Returns 0 iff ptr is not the start of a live chunk of this pool, or pool is not a live pool. Constant. Sets no error. */
MEMA_PUBLIC size_t mema_chunkSize(const mema_Pool *pool, const void *ptr);

/* True iff ptr is the start of a live chunk of this live pool. Constant. Sets no error. */
MEMA_PUBLIC bool mema_ownsChunk(const mema_Pool *pool, const void *ptr);

/* What is left of the budget; 0 when pool is not a live pool. Constant. Sets no error. Of a shared pool it is the exact figure of one
 * instant of the call, for which all threads are kept out of it: grows with the threads that use the pool. (0 also to a signal handler
 * that interrupted the pool.) */
MEMA_PUBLIC size_t mema_freeSize(const mema_Pool *pool);

/* Fills in *stats. Returns false iff pool is not a live pool or stats is NULL (MEMA_BAD_ARGUMENT, EINVAL).
 * Time grows with the pieces outside the reservation (usually none), and with the pool's own sub-pools. */
MEMA_PUBLIC bool mema_poolStats(const mema_Pool *pool, mema_Stats *stats);

/* Checks every invariant of the pool: budget, chain, spans, bitmaps, runs. Returns false iff pool is not a live pool, or one is
 * broken (MEMA_BROKEN, EFAULT): the sentence of mema_lastError() says which. Linear in spans and chunks. */
MEMA_PUBLIC bool mema_checkPool(const mema_Pool *pool);

/* Draws the pool as text for a terminal: its budget, a map of its reservation, and from 41 columns on a key to both. Writes at most
 * size bytes, terminated, and returns the length of the whole picture, as snprintf does (and like it may cut within a character at
 * the end); 0 iff pool is not a live pool. `columns` is the width, 20 to 200 (0: 72). ASCII where `ascii` is true, else UTF-8 block
 * characters. Linear in the spans and slots. */
MEMA_PUBLIC size_t mema_drawPool(const mema_Pool *pool, char *buffer, size_t size, unsigned columns, bool ascii);

/* The last failure of the calling thread (MEMA_OK before the first). Never NULL; valid until the thread's next call of
 * mema_lastError, or its end. The sentence is made here, not on the failing path. */
MEMA_PUBLIC const mema_Error *mema_lastError(void);

/* The version of the library in use, such as "0.1.0". */
MEMA_PUBLIC const char *mema_version(void);

/* ---- the specification's names ------------------------------------------------------------------------------------ */

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

#ifdef __cplusplus
}
#endif
#endif
