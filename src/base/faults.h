/* faults.h - the faults of failed calls: one list, which yields the codes, the reasons and the ends of the
 * sentences.
 *
 * A sentence is the reason's message (mema.h) followed by the fault's text, with two numbers of the call filled
 * in:
 *     #  the first        $  the second        @  the first minus the second
 * The plain faults are those of failures that name no other fault with their reason.
 */
#ifndef MEMA_BASE_FAULTS_H
#define MEMA_BASE_FAULTS_H

#include "poolState.h"

/* Faults that both libraries have, since fixed pools have them too. */
#define MEMA_COMMON_FAULTS(X)                                                      \
  X(mema_noFault, MEMA_OK, "")                                                     \
  X(mema_plainBudget, MEMA_OVER_BUDGET, " by @ bytes: # wanted, $ free")           \
  X(mema_plainMemory, MEMA_NO_MEMORY, ": # bytes wanted")                          \
  X(mema_plainBelowUse, MEMA_BELOW_USE, ": # bytes wanted, $ in use")              \
  X(mema_sizeIsTooLarge, MEMA_TOO_LARGE, ": # is above $")                         \
  X(mema_productOverflows, MEMA_OVERFLOW, ": # times $")                           \
  X(mema_alignmentIsBad, MEMA_BAD_ALIGNMENT, ": #")                                \
  X(mema_alignmentIsLarge, MEMA_NO_MEMORY, ": alignment $ is above 1 GiB")         \
  X(mema_poolIsNull, MEMA_BAD_ARGUMENT, ": pool is NULL")                          \
  X(mema_optionsAreNull, MEMA_BAD_ARGUMENT, ": options is NULL")                   \
  X(mema_poolIsLive, MEMA_LIVE_POOL, "")                                           \
  X(mema_poolSizeIsZero, MEMA_BAD_ARGUMENT, ": poolSize is 0")                     \
  X(mema_bufferIsNull, MEMA_BAD_ARGUMENT, ": buffer is NULL")                      \
  X(mema_bufferIsSmall, MEMA_BAD_ARGUMENT, ": bufferSize # is below $")            \
  X(mema_bufferPassesEnd, MEMA_BAD_ARGUMENT, ": bufferSize # passes memory's end") \
  X(mema_fixedIsShared, MEMA_BAD_ARGUMENT, ": MEMA_FIXED with shared")             \
  X(mema_fixedHasHooks, MEMA_BAD_ARGUMENT, ": MEMA_FIXED with memory")             \
  X(mema_fixedIsLocked, MEMA_BAD_ARGUMENT, ": MEMA_FIXED with locked")             \
  X(mema_fixedIsHuge, MEMA_BAD_ARGUMENT, ": MEMA_FIXED with hugePages")            \
  X(mema_quotaIsLarge, MEMA_BAD_ARGUMENT, ": bytes # is above the $ charged")      \
  X(mema_statsAreNull, MEMA_BAD_ARGUMENT, ": stats is NULL")                       \
  X(mema_sourceIsNull, MEMA_BAD_ARGUMENT, ": the source is NULL")

#if __STDC_HOSTED__
#define MEMA_OTHER_FAULTS(X)                                                                                    \
  X(mema_plainTimeOut, MEMA_TIMED_OUT, ": # bytes wanted, $ milliseconds waited")                               \
  X(mema_belowGuaranteed, MEMA_BELOW_USE, ": # bytes wanted, $ guaranteed")                                     \
  X(mema_lockedMemory, MEMA_NO_MEMORY, ": # bytes wanted, and locked: see RLIMIT_MEMLOCK")                      \
  X(mema_committedMemory, MEMA_NO_MEMORY, ": # bytes wanted, and committed")                                    \
  X(mema_hookedMemory, MEMA_NO_MEMORY, ": # bytes wanted, of the memory's hooks")                               \
  X(mema_engineIsNone, MEMA_BAD_ARGUMENT, ": engine # is none")                                                 \
  X(mema_arenaIsShared, MEMA_BAD_ARGUMENT, ": MEMA_ARENA with shared")                                          \
  X(mema_arenaHasHooks, MEMA_BAD_ARGUMENT, ": MEMA_ARENA with memory")                                          \
  X(mema_noReserveHook, MEMA_BAD_ARGUMENT, ": memory->reserve is NULL")                                         \
  X(mema_reservationIsLarge, MEMA_BAD_ARGUMENT, ": reservation # is above $")                                   \
  X(mema_parentIsFixed, MEMA_BAD_ARGUMENT, ": the parent has MEMA_FIXED")                                       \
  X(mema_childIsFixed, MEMA_BAD_ARGUMENT, ": a sub-pool with MEMA_FIXED")                                       \
  X(mema_guaranteedIsLarge, MEMA_BAD_ARGUMENT, ": guaranteed # is above poolSize $")                            \
  X(mema_guaranteedInPart, MEMA_BAD_ARGUMENT, ": guaranteed # of a shared sub-pool must be its poolSize $")     \
  X(mema_sharedChildResized, MEMA_BAD_ARGUMENT, ": a shared sub-pool cannot be resized")                        \
  X(mema_sharedLowWater, MEMA_BAD_ARGUMENT, ": a shared pool cannot have a callback for low water")             \
  X(mema_sharedExhausted, MEMA_BAD_ARGUMENT, ": a shared pool cannot have a callback for no room")              \
  X(mema_sharedInjection, MEMA_BAD_ARGUMENT, ": a shared pool cannot fail on purpose")                          \
  X(mema_sharedMark, MEMA_BAD_ARGUMENT, ": a shared pool cannot have marks")                                    \
  X(mema_untrackedMark, MEMA_BAD_ARGUMENT, ": an untracked pool can have marks only if it is an arena")         \
  X(mema_untrackedKeep, MEMA_BAD_ARGUMENT, ": an untracked arena cannot keep a single chunk")                   \
  X(mema_sharedCleanup, MEMA_BAD_ARGUMENT, ": a shared pool cannot have clean-ups")                             \
  X(mema_cleanupIsNull, MEMA_BAD_ARGUMENT, ": cleanup is NULL")                                                 \
  X(mema_cleanupDoesNothing, MEMA_BAD_ARGUMENT, ": run is NULL")                                                \
  X(mema_cleanupTimeIsNone, MEMA_BAD_ARGUMENT, ": when is #, which is no mema_CleanupTime")                     \
  X(mema_cleanupInUse, MEMA_BAD_ARGUMENT, ": the clean-up is in use already")                                   \
  X(mema_cleanupNotInUse, MEMA_BAD_ARGUMENT, ": the clean-up is not in use by this pool")                       \
  X(mema_formatIsNull, MEMA_BAD_ARGUMENT, ": format is NULL")                                                   \
  X(mema_sitesUntracked, MEMA_BAD_ARGUMENT, ": sites with untracked")                                           \
  X(mema_stacksShared, MEMA_BAD_ARGUMENT, ": stacks with shared")                                               \
  X(mema_noUnwinder, MEMA_BAD_ARGUMENT, ": stacks without unwind, and the C library has no backtrace")          \
  X(mema_leaksUntracked, MEMA_BAD_ARGUMENT, ": an untracked pool has no list of its chunks")                    \
  X(mema_writeIsNull, MEMA_BAD_ARGUMENT, ": write is NULL")                                                     \
  X(mema_formatIsNone, MEMA_BAD_ARGUMENT, ": format is #, which is no mema_Format")                             \
  X(mema_calledBack, MEMA_BUSY,                                                                                 \
    ": a callback or clean-up of it, or below it, has not returned (if a jump left one, call where that led)")  \
  X(mema_endsSoon, MEMA_BUSY, ": it is about to end")                                                           \
  X(mema_markIsZero, MEMA_STALE_MARK, ": the mark is zero")                                                     \
  X(mema_markIsForeign, MEMA_STALE_MARK, ": it was made by another pool, or before this one was made or reset") \
  X(mema_markIsOver, MEMA_STALE_MARK, ": the pool has gone back to an older mark since")
#else
/* The faults without a text are named by code that both libraries have, and never met here. */
#define MEMA_OTHER_FAULTS(X)                                              \
  X(mema_engineIsNone, MEMA_BAD_ARGUMENT, ": engine # is not MEMA_FIXED") \
  X(mema_noFallback, MEMA_BAD_ARGUMENT, ": fallback without a system")    \
  X(mema_noSites, MEMA_BAD_ARGUMENT, ": sites without a system")          \
  X(mema_belowGuaranteed, MEMA_BELOW_USE, "")                             \
  X(mema_lockedMemory, MEMA_NO_MEMORY, "")                                \
  X(mema_committedMemory, MEMA_NO_MEMORY, "")                             \
  X(mema_hookedMemory, MEMA_NO_MEMORY, "")                                \
  X(mema_noReserveHook, MEMA_BAD_ARGUMENT, "")                            \
  X(mema_reservationIsLarge, MEMA_BAD_ARGUMENT, "")                       \
  X(mema_sharedChildResized, MEMA_BAD_ARGUMENT, "")
#endif

#define MEMA_FAULTS(X) MEMA_COMMON_FAULTS(X) MEMA_OTHER_FAULTS(X)

#define MEMA_FAULT_CODE(code, reason, text) code,
typedef enum mema_Fault { MEMA_FAULTS(MEMA_FAULT_CODE) mema_faultCount } mema_Fault;
#undef MEMA_FAULT_CODE

#endif
