/* gateOptions.c - see gateOptions.h. */
#define _GNU_SOURCE
#include "gateOptions.h"

#include "complain.h"
#include "values.h"

const Option gateOptions[] = {
    {"max-peak", "SIZE", "no process may have had more live at once", readLimit, .field = offsetof(GateOptions, maxPeak)},
    {"max-live", "SIZE", "no process may leave more live at its exit (0: nothing)", readLimit,
     .field = offsetof(GateOptions, maxLive)},
    {"max-allocations", "N", "no process may have allocated more chunks", readNumber,
     .field = offsetof(GateOptions, maxAllocations)},
    {"baseline", "FILE", "compare peak, live and allocations with those in FILE, a JSON report", readRealFile,
     .field = offsetof(GateOptions, baseline), .offer = OFFER_FILES},
    {"max-growth", "PERCENT", "they may be so much above the baseline (2, 0.5); without it, not at all", readPercent,
     .field = offsetof(GateOptions, maxGrowth)},
    {"update", NULL, "write the baseline, instead of comparing with it", setFlag, .field = offsetof(GateOptions, update)},
    {"junit", "FILE", "write the gates to FILE as JUnit XML", readRealFile, offsetof(GateOptions, junit),
     .offer = OFFER_FILES},
    {"github", NULL, "write a line on stderr for GitHub's annotations if a gate fell (also where GITHUB_ACTIONS is set)",
     setFlag, .field = offsetof(GateOptions, annotates)},
    {.name = NULL},
};

static bool hasLimits(const GateOptions *gates) {
  return gates->maxPeak != NO_GATE || gates->maxLive != NO_GATE || gates->maxAllocations != NO_GATE;
}

bool hasGates(const GateOptions *gates) {
  return hasLimits(gates) || gates->baseline != NULL;
}

bool checkGateOptions(const GateOptions *gates) {
  const char *lacking = gates->update ? "--update" : gates->maxGrowth != NO_GATE ? "--max-growth" : NULL;
  if (gates->baseline == NULL && lacking != NULL) {
    complain("%s needs --baseline", lacking);
    return false;
  }
  if (hasGates(gates) || (gates->junit == NULL && !gates->annotates)) return true;
  complain("%s needs a gate: --max-peak, --max-live, --max-allocations or --baseline",
           gates->junit != NULL ? "--junit" : "--github");
  return false;
}
