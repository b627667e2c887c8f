/* expat in the current pool, and a small document that wants gigabytes: it ends at the budget of 2 MiB. */
#include "hosts.h"

#define MEMA_CURRENT_IMPLEMENTATION
#define XML_DTD /* how Debian builds expat: the functions of the protection are declared */
#include <expat.h>
#include <mema_current.h>

static const XML_Memory_Handling_Suite memory = {mema_currentMalloc, mema_currentRealloc, mema_currentFree};
static const char *text =
    "<?xml version='1.0'?><!DOCTYPE r [<!ENTITY e 'text'><!ATTLIST a b CDATA 'c'>]><r><a/><a b='d'>&e;&e;</a></r>";
static unsigned elements;

static void countElement(void *user, const XML_Char *name, const XML_Char **attributes) {
  (void)user, (void)name, (void)attributes;
  elements++;
}

static Outcome parse(void) {
  XML_Parser parser = XML_ParserCreate_MM(NULL, &memory, NULL);
  if (parser == NULL) return REFUSED;
  elements = 0;
  XML_SetStartElementHandler(parser, countElement);
  enum XML_Status status = XML_Parse(parser, text, (int)strlen(text), 1);
  Outcome outcome = status == XML_STATUS_OK && elements == 3                                        ? DONE
                    : status == XML_STATUS_ERROR && XML_GetErrorCode(parser) == XML_ERROR_NO_MEMORY ? REFUSED
                                                                                                    : WRONG;
  XML_ParserFree(parser);
  return outcome;
}

/* ---- the attack: entities that contain ten of the next kind, nine deep, in an attribute value, which expat builds as a whole ----- */

static size_t writeAttack(char *document, size_t size) {
  size_t length = (size_t)snprintf(document, size, "<!DOCTYPE r [<!ENTITY a0 'ha'>");
  for (int level = 1; level <= 9; level++) {
    length += (size_t)snprintf(document + length, size - length, "<!ENTITY a%d '", level);
    for (int i = 0; i < 10; i++) length += (size_t)snprintf(document + length, size - length, "&a%d;", level - 1);
    length += (size_t)snprintf(document + length, size - length, "'>");
  }
  return length + (size_t)snprintf(document + length, size - length, "]><r b='&a9;'/>");
}

static enum XML_Error attack(bool protectionRaised) {
  char document[2000];
  size_t length = writeAttack(document, sizeof document);
  XML_Parser parser = XML_ParserCreate_MM(NULL, &memory, NULL);
  if (parser == NULL) return XML_ERROR_NO_MEMORY;
  if (protectionRaised) {
    CHECK(XML_SetBillionLaughsAttackProtectionActivationThreshold(parser, (unsigned long long)-1));
    CHECK(XML_SetBillionLaughsAttackProtectionMaximumAmplification(parser, 1e30f));
  }
  enum XML_Status status = XML_Parse(parser, document, (int)length, 1);
  enum XML_Error error = status == XML_STATUS_OK ? XML_ERROR_NONE : XML_GetErrorCode(parser);
  XML_ParserFree(parser);
  return error;
}

/* A parser of one pool parses, and ends, while the other pool is current. */
static void eachChunkGoesBackToItsPool(Pool *mine) {
  Pool other = {0};
  size_t free = mine->freeSize;
  XML_Parser parser = XML_ParserCreate_MM(NULL, &memory, NULL);
  CHECK(initPool(&other, 1 << 20) && XML_Parse(parser, text, (int)strlen(text) / 2, 0) == XML_STATUS_OK);
  CHECK(mema_pushPool(&other));
  CHECK(XML_Parse(parser, text + strlen(text) / 2, (int)(strlen(text) - strlen(text) / 2), 1) == XML_STATUS_OK);
  CHECK(mine->freeSize < free && figures(&other).allocations > 0);
  XML_ParserFree(parser);
  CHECK(mine->freeSize == free && other.freeSize == 1 << 20);
  CHECK(mema_popPool(&other) && freePool(&other));
}

int main(void) {
  Pool pool = {0};
  CHECK(initPool(&pool, 2 << 20));
  MEMA_WITH_POOL(&pool) {
    CHECK(failEach(&pool, parse, NULL) > 20);
    CHECK(attack(true) == XML_ERROR_NO_MEMORY);
    mema_Stats stats = figures(&pool);
    CHECK(stats.liveChunks == 0 && stats.refused > 0 && stats.peakBytes > 1 << 19 && stats.peakBytes <= 2 << 20);
    CHECK(parse() == DONE); /* the pool, and expat, go on */
    eachChunkGoesBackToItsPool(&pool);
  }
  CHECK(pool.freeSize == 2 << 20 && badCalls == 0 && mema_checkPool(&pool) && freePool(&pool));
  return report();
}
