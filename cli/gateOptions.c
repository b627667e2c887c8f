/* gateOptions.c - see gateOptions.h. */
#define _GNU_SOURCE
#include "gateOptions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../preload/sizeText.h"
#include "complain.h"

enum {
  OPTION_MAX_PEAK = 0x200,
  OPTION_MAX_LIVE,
  OPTION_MAX_ALLOCATIONS,
  OPTION_MAX_GROWTH,
  OPTION_BASELINE,
  OPTION_UPDATE,
  OPTION_JUNIT,
  OPTION_GITHUB
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Gates: they refuse nothing; where one falls at the end, the exit status is 3", 0},
    {"max-peak", OPTION_MAX_PEAK, "SIZE", 0, "no process may have had more live at once", 0},
    {"max-live", OPTION_MAX_LIVE, "SIZE", 0, "no process may leave more live at its exit (0: nothing)", 0},
    {"max-allocations", OPTION_MAX_ALLOCATIONS, "N", 0, "no process may have allocated more chunks", 0},
    {"baseline", OPTION_BASELINE, "FILE", 0, "compare peak, live and allocations with those in FILE, a JSON report", 0},
    {"max-growth", OPTION_MAX_GROWTH, "PERCENT", 0,
     "they may be so much above the baseline (2, 0.5); without it, not at all", 0},
    {"update", OPTION_UPDATE, NULL, 0, "write the baseline, instead of comparing with it", 0},
    {"junit", OPTION_JUNIT, "FILE", 0, "write the gates to FILE as JUnit XML", 0},
    {"github", OPTION_GITHUB, NULL, 0,
     "write a line on stderr for GitHub's annotations if a gate fell (also where GITHUB_ACTIONS is set)", 0},
    {0},
};

static bool isDigit(char character) {
  return character >= '0' && character <= '9';
}

/* Reads digits. Returns NULL if there are none, or the number is not below UINT64_MAX; else the end. */
static const char *readDigits(const char *text, uint64_t *number) {
  uint64_t sum = 0;
  if (!isDigit(*text)) return NULL;
  for (; isDigit(*text); text++) {
    uint64_t value = (uint64_t)(*text - '0');
    if (sum > (UINT64_MAX - 1 - value) / 10) return NULL;
    sum = sum * 10 + value;
  }
  *number = sum;
  return text;
}

static error_t readLimit(const char *option, const char *text, uint64_t *limit) {
  size_t size;
  const char *reason = parseBytes(text, &size);
  if (reason == NULL) {
    *limit = size;
    return 0;
  }
  complain("%s '%s' is %s", option, text, reason);
  return EINVAL;
}

static error_t readNumber(const char *option, const char *text, uint64_t *count) {
  const char *end = readDigits(text, count);
  if (end != NULL && *end == '\0') return 0;
  complain("%s '%s' is not a number that can be: write digits (250000)", option, text);
  return EINVAL;
}

/* "12", "12.5" and "0.25", each with or without "%". */
static error_t readPercent(const char *option, const char *text, uint64_t *hundredths) {
  const uint64_t most = 1000000;
  uint64_t whole = 0, tenth = 0, hundredth = 0;
  const char *at = readDigits(text, &whole);
  if (at != NULL && *at == '.') {
    at = isDigit(at[1]) ? at + 1 : NULL;
    if (at != NULL) tenth = (uint64_t)(*at++ - '0');
    if (at != NULL && isDigit(*at)) hundredth = (uint64_t)(*at++ - '0');
  }
  if (at != NULL && *at == '%') at++;
  if (at != NULL && *at == '\0' && whole <= most) {
    *hundredths = whole * 100 + tenth * 10 + hundredth;
    return 0;
  }
  complain("%s '%s' is not a percentage: write 0 to 1000000, with at most two decimals (10, 2.5)", option, text);
  return EINVAL;
}

static error_t readName(const char *option, const char *text, const char **name) {
  *name = text;
  if (*text != '\0' && strcmp(text, "-") != 0) return 0;
  complain("%s needs the name of a file", option);
  return EINVAL;
}

static error_t readOption(int key, char *value, struct argp_state *state) {
  GateOptions *gates = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      *gates = (GateOptions){.maxPeak = NO_GATE, .maxLive = NO_GATE, .maxAllocations = NO_GATE, .maxGrowth = NO_GATE};
      return 0;
    case OPTION_MAX_PEAK:
      return readLimit("--max-peak", value, &gates->maxPeak);
    case OPTION_MAX_LIVE:
      return readLimit("--max-live", value, &gates->maxLive);
    case OPTION_MAX_ALLOCATIONS:
      return readNumber("--max-allocations", value, &gates->maxAllocations);
    case OPTION_MAX_GROWTH:
      return readPercent("--max-growth", value, &gates->maxGrowth);
    case OPTION_BASELINE:
      return readName("--baseline", value, &gates->baseline);
    case OPTION_JUNIT:
      return readName("--junit", value, &gates->junit);
    case OPTION_UPDATE:
      gates->update = true;
      return 0;
    case OPTION_GITHUB:
      gates->annotates = true;
      return 0;
    default:
      return ARGP_ERR_UNKNOWN;
  }
}

const struct argp gateParser = {.options = options, .parser = readOption};

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
