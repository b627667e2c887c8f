/* mapModel - random maps, unmaps and remaps in a small area, against a model of a byte for each page. The budget is smaller than the
 * area, so that some are refused: which ones, the model knows. After each step the rest of the budget is found out to the page.
 * Prints the number of bytes that are charged in the end. The caller sets MEMA_POOL_SIZE=512K. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "probe.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

enum { PAGES = 400, LONGEST = 60, STEPS = 30000 };

static bool charged[PAGES], mapped[PAGES];
static char *area;
static size_t page, all, refused, moved, grown, doubled;
static uint64_t state = 12345;
static int file;

static size_t below(size_t limit) {
  return (size_t)(nextRandom(&state) % limit);
}

static size_t count(size_t first, size_t pages) {
  size_t sum = 0;
  for (size_t i = first; i < first + pages; i++) sum += charged[i];
  return sum;
}

static size_t left(void) {
  return all - count(0, PAGES);
}

static void set(size_t first, size_t pages, bool isMapped, bool isCharged) {
  for (size_t i = first; i < first + pages; i++) {
    mapped[i] = isMapped;
    charged[i] = isCharged;
  }
}

static char *at(size_t first) {
  return area + first * page;
}

static bool place(size_t first, size_t pages, int protection, int flags, int from) {
  void *result = mmap(at(first), pages * page, protection, flags | MAP_FIXED, from, 0);
  CHECK(result == at(first) || (result == MAP_FAILED && errno == ENOMEM));
  return result != MAP_FAILED;
}

/* Memory that is charged: refused iff the budget has no room for the new bytes. */
static void mapSome(size_t first, size_t pages) {
  bool fits = pages - count(first, pages) <= left();
  int kind = below(2) == 0 ? MAP_SHARED : MAP_PRIVATE;
  CHECK(place(first, pages, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | kind, -1) == fits);
  refused += !fits;
  if (fits) set(first, pages, true, true);
}

static void cover(size_t first, size_t pages) {
  bool anonymous = below(2) == 0;
  CHECK(place(first, pages, anonymous ? PROT_NONE : PROT_READ | PROT_WRITE, MAP_PRIVATE | (anonymous ? MAP_ANONYMOUS : 0),
              anonymous ? -1 : file));
  set(first, pages, true, false);
}

static void unmapSome(size_t first, size_t pages) {
  CHECK(munmap(at(first), pages * page) == 0);
  set(first, pages, false, false);
}

/* In its place, to another size. The kernel refuses a range of more than one mapping, or one without room. */
static void resizeSome(size_t first, size_t pages) {
  size_t size = 1 + below(2 * pages);
  if (first + size > PAGES) return;
  bool grows = size > pages && charged[first + pages - 1];
  void *result = mremap(at(first), pages * page, size * page, 0);
  CHECK(result == at(first) || result == MAP_FAILED);
  if (result == MAP_FAILED) return;
  if (grows) CHECK(size - pages <= left());
  if (size < pages) set(first + size, pages - size, false, false);
  if (size > pages) set(first + pages, size - pages, true, grows);
  grown += grows;
}

static bool isThere(size_t index) {
  return msync(at(index), page, MS_ASYNC) == 0;
}

/* The kernel may unmap pages that are in the way, and superfluous ones, before it finds that it has to refuse. */
static void lookAgain(size_t first, size_t pages) {
  for (size_t i = first; i < first + pages; i++) {
    mapped[i] = mapped[i] && isThere(i);
    charged[i] = charged[i] && mapped[i];
  }
}

/* To another place in the area, in which everything goes away. */
static void moveSome(size_t first, size_t pages) {
  size_t size = 1 + below(2 * pages), to = below(PAGES - LONGEST * 2);
  bool keeps = below(4) == 0;
  if (keeps) size = pages;
  if (to + size > first && to < first + pages) return;
  size_t kept = size < pages ? size : pages, growth = size > pages && charged[first + pages - 1] ? size - pages : 0;
  size_t need = growth + (keeps ? count(first, pages) : 0), gone = count(to, size);
  bool fits = need <= gone || need - gone <= left();
  bool wasCharged[LONGEST], wasMapped[LONGEST];
  memcpy(wasCharged, charged + first, kept * sizeof(bool));
  memcpy(wasMapped, mapped + first, kept * sizeof(bool));
  void *result =
      mremap(at(first), pages * page, size * page, MREMAP_MAYMOVE | MREMAP_FIXED | (keeps ? MREMAP_DONTUNMAP : 0), at(to));
  CHECK(result == at(to) || result == MAP_FAILED);
  CHECK(fits || (result == MAP_FAILED && errno == ENOMEM));
  refused += !fits;
  if (result == MAP_FAILED) {
    lookAgain(first, pages);
    lookAgain(to, size);
    return;
  }
  if (!keeps) set(first, pages, false, false);
  set(to, size, true, false);
  /* From Linux 6.17 on several mappings can be moved at once, with the gaps between them. */
  memcpy(charged + to, wasCharged, kept * sizeof(bool));
  memcpy(mapped + to, wasMapped, kept * sizeof(bool));
  /* The kernel's manual leaves open whether a hole stays when the old place is to stay. */
  for (size_t i = 0; keeps && i < size; i++) mapped[to + i] = isThere(to + i);
  for (size_t i = 0; i < growth; i++) charged[to + pages + i] = true;
  moved++;
}

/* A second mapping of shared memory. */
static void doubleSome(size_t first, size_t pages) {
  size_t to = below(PAGES - LONGEST);
  if (to + pages > first && to < first + pages) return;
  size_t need = charged[first] ? pages : 0, gone = count(to, pages);
  bool fits = need <= gone || need - gone <= left(), wasCharged = charged[first];
  void *result = mremap(at(first), 0, pages * page, MREMAP_MAYMOVE | MREMAP_FIXED, at(to));
  CHECK(result == at(to) || result == MAP_FAILED);
  CHECK(fits || result == MAP_FAILED);
  if (result == MAP_FAILED) {
    lookAgain(to, pages);
    return;
  }
  set(to, pages, true, wasCharged);
  doubled++;
}

static void step(void) {
  size_t pages = 1 + below(below(3) == 0 ? LONGEST / 2 : 6), first = below(PAGES - LONGEST);
  switch (below(10)) {
    case 0:
    case 1:
    case 2:
      mapSome(first, pages);
      return;
    case 3:
      cover(first, pages);
      return;
    case 4:
    case 5:
      unmapSome(first, pages);
      return;
    case 6:
      resizeSome(first, pages);
      return;
    case 7:
      /* The library does not see that a mapping is written to later. */
      (void)mprotect(at(first), pages * page, PROT_READ | PROT_WRITE);
      return;
    case 8:
      doubleSome(first, pages);
      return;
    default:
      moveSome(first, pages);
  }
}

/* An emulator may refuse to double a mapping. The system is asked past the library. */
static bool systemDoubles(void) {
  void *first = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  void *second = (void *)syscall(SYS_mremap, first, 0, page, MREMAP_MAYMOVE, NULL);
  CHECK(first != MAP_FAILED && munmap(first, page) == 0);
  return second != MAP_FAILED && munmap(second, page) == 0;
}

/* Which pages there are, as the kernel sees it. */
static void compareWithKernel(void) {
  for (size_t i = 0; i < PAGES; i++) CHECK(isThere(i) == mapped[i]);
}

int main(void) {
  page = pageBytes();
  all = pagesLeft();
  file = memfd_create("mapModel", MFD_CLOEXEC);
  CHECK(file >= 0 && ftruncate(file, (off_t)(LONGEST * 2 * page)) == 0);
  area = mmap(NULL, PAGES * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(area != MAP_FAILED && all > 100 && all < PAGES / 2);
  set(0, PAGES, true, false);
  for (int i = 0; i < STEPS; i++) {
    step();
    CHECK(isLeft(left()));
    if (i % 1000 == 0) compareWithKernel();
  }
  compareWithKernel();
  /* Else the test has shown nothing. */
  CHECK(refused > 100 && moved > 100 && grown > 10 && (doubled > 100 || !systemDoubles()));
  char text[32];
  int length = snprintf(text, sizeof text, "%zu\n", count(0, PAGES) * page);
  CHECK(write(1, text, (size_t)length) == length);
  return 0;
}
