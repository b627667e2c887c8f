/* libxml2 in the current pool. After a refused request libxml2 may return a document that lacks a part: the count of refused
 * requests tells these apart. */
#include "hosts.h"

#define MEMA_CURRENT_IMPLEMENTATION
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <mema_current.h>

static const char *text = "<r><a b='c'>one</a><a b='d'>two<!-- three --></a><a>&lt;four&gt;</a></r>";
static Pool pool;

static void beSilent(void *context, const char *format, ...) {
  (void)context, (void)format;
}

static bool isWhole(xmlDocPtr document) {
  static const char *expected = "<r><a b=\"c\">one</a><a b=\"d\">two<!-- three --></a><a>&lt;four&gt;</a></r>";
  xmlBufferPtr buffer = xmlBufferCreate();
  xmlNodePtr root = xmlDocGetRootElement(document);
  bool whole = buffer != NULL && root != NULL && xmlNodeDump(buffer, document, root, 0, 0) >= 0 &&
               strcmp((const char *)xmlBufferContent(buffer), expected) == 0;
  xmlBufferFree(buffer);
  return whole;
}

static Outcome parse(void) {
  xmlDocPtr document = xmlReadMemory(text, (int)strlen(text), "text.xml", NULL, XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
  mema_failAfter(&pool, MEMA_UNLIMITED, true);
  Outcome outcome = document == NULL ? REFUSED : isWhole(document) ? DONE : WRONG;
  xmlFreeDoc(document);
  xmlResetLastError();
  return outcome;
}

/* A document of one pool is changed and ended while the other pool is current. */
static void eachChunkGoesBackToItsPool(void) {
  Pool other = {0};
  CHECK(initPool(&other, 1 << 20));
  size_t free = pool.freeSize;
  xmlDocPtr document = xmlReadMemory(text, (int)strlen(text), "text.xml", NULL, 0);
  CHECK(mema_pushPool(&other));
  CHECK(xmlNewChild(xmlDocGetRootElement(document), NULL, BAD_CAST "more", BAD_CAST "of the other pool") != NULL);
  CHECK(pool.freeSize < free && other.freeSize < 1 << 20);
  xmlFreeDoc(document);
  CHECK(pool.freeSize == free && other.freeSize == 1 << 20);
  CHECK(mema_popPool(&other) && freePool(&other));
}

int main(void) {
  CHECK(initPool(&pool, 1 << 20));
  CHECK(xmlMemSetup(mema_currentFree, mema_currentMalloc, mema_currentRealloc, mema_currentStrdup) == 0);
  CHECK(mema_pushPool(&pool));
  xmlInitParser();
  xmlSetGenericErrorFunc(NULL, beSilent);
  CHECK(parse() == DONE);
  size_t silent = 0;
  CHECK(failEach(&pool, parse, &silent) > 20);
  printf("libxml2 returned %zu documents that lack a part\n", silent);
  eachChunkGoesBackToItsPool();
  xmlCleanupParser();
  xmlMemoryDump();
  CHECK(mema_popPool(&pool) && badCalls == 0);
  CHECK(pool.freeSize == 1 << 20 && freePool(&pool));
  return report();
}
