/* PCRE2 in a pool: patterns, matches, and a pattern that wants more than the budget. */
#include "hosts.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <mema_host.h>
#include <pcre2.h>

#include "opaque.h"

static Pool pool;
static mema_Host host;
static const char *pattern = "(?<year>\\d{4})-(?<month>\\d\\d)|((a|b)*c){1,20}";
static const char *subject = "in 2026-11 and aabbabc";

static Outcome match(pcre2_code *code, pcre2_general_context *context) {
  pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, context);
  if (data == NULL) return REFUSED;
  int count = pcre2_match(code, (PCRE2_SPTR)subject, strlen(subject), 0, 0, data, NULL);
  const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(data);
  Outcome outcome = count == PCRE2_ERROR_NOMEMORY                       ? REFUSED
                    : count == 3 && offsets[0] == 3 && offsets[1] == 10 ? DONE
                                                                        : WRONG;
  pcre2_match_data_free(data);
  return outcome;
}

static Outcome compileAndMatch(void) {
  int error;
  PCRE2_SIZE at;
  Outcome outcome = REFUSED;
  pcre2_general_context *context = pcre2_general_context_create(mema_pcre2Malloc, mema_pcre2Free, &host);
  if (context == NULL) return REFUSED;
  pcre2_compile_context *compiling = pcre2_compile_context_create(context);
  pcre2_code *code =
      compiling != NULL ? pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, 0, &error, &at, compiling) : NULL;
  if (code != NULL) outcome = match(code, context);
  pcre2_code_free(code);
  pcre2_compile_context_free(compiling);
  pcre2_general_context_free(context);
  return outcome;
}

static void *allocate(void *opaque, size_t size) {
  return mema_pcre2Malloc(size, opaque);
}

static void release(void *opaque, void *ptr) {
  mema_pcre2Free(ptr, opaque);
}

int main(void) {
  CHECK(initPool(&pool, 64 * 1024) && mema_initHost(&host, &pool));
  CHECK(failEach(&pool, compileAndMatch, NULL) >= 4);
  pattern = "(((a{1,900}b){1,90}c){1,9}d)"; /* 18 KB of code: repeats are unrolled */
  size_t before = figures(&pool).refused;
  CHECK(mema_shrinkPool(&pool, 8192) == 8192 && compileAndMatch() == REFUSED && figures(&pool).refused > before);
  CHECK(pool.freeSize == 8192 && badCalls == 0 && freePool(&pool));
  mistakesAreRefused(&(Hooks){allocate, release});
  return report();
}
