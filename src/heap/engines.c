/* engines.c - the engines, by the name that mema_Options gives them. */
#include "engines.h"

#include "arena/arena.h"
#include "fixed/fixed.h"

#ifdef MEMA_FURTHER_ENGINE /* a program's own engine: tests/internal/engine/ */
MEMA_HIDDEN extern const mema_HeapOps MEMA_FURTHER_ENGINE;
#endif

const mema_HeapOps *const mema_engines[] = {
    [MEMA_SLAB] = &mema_slabOps,
    [MEMA_ARENA] = &mema_arenaOps,
    [MEMA_FIXED] = &mema_fixedOps,
#ifdef MEMA_FURTHER_ENGINE
    &MEMA_FURTHER_ENGINE,
#endif
};

const unsigned mema_engineCount = sizeof mema_engines / sizeof mema_engines[0];

const char *mema_nameOfEngine(mema_Engine engine) {
  static const char *const names[] = {[MEMA_SLAB] = "slab", [MEMA_ARENA] = "arena", [MEMA_FIXED] = "fixed"};
  return (unsigned)engine < sizeof names / sizeof names[0] ? names[engine] : "further";
}
