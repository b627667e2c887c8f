/* mapBreak - the growth of the break is charged to the byte, goes back when it sinks, and is refused past the budget; the C library's
 * own heap, which lies there too, is neither charged nor disturbed. The caller sets MEMA_POOL_SIZE=4M, and looks for 12,345 bytes. */
#define _GNU_SOURCE
#include <stdlib.h>

#include "probe.h"

extern void *__libc_malloc(size_t size);
extern void __libc_free(void *ptr);

enum { MIB = 1 << 20 };

static char *broken(void) {
  return sbrk(0);
}

int main(void) {
  size_t all = pagesLeft(), page = pageBytes();
  char *start = broken();
  errno = 33;
  CHECK(sbrk(MIB) == start && broken() == start + MIB && errno == 33 && isLeft(all - MIB / page));
  start[MIB - 1] = 1;
  errno = 0;
  CHECK(sbrk(4 * MIB) == (void *)-1 && errno == ENOMEM && broken() == start + MIB && isLeft(all - MIB / page));
  CHECK(brk(start + 5 * MIB) == -1 && errno == ENOMEM && broken() == start + MIB && isLeft(all - MIB / page));
  CHECK(brk(start + 2 * MIB) == 0 && broken() == start + 2 * MIB && isLeft(all - 2 * MIB / page));
  CHECK(sbrk(-MIB) == start + 2 * MIB && isLeft(all - MIB / page));
  CHECK(brk(start) == 0 && broken() == start && isLeft(all));
  /* Which the C library takes for a success, though the kernel does not move it. */
  (void)brk((void *)page);
  CHECK(broken() == start && isLeft(all) && brk(start + page) == 0 && isLeft(all - 1));
  (void)brk((void *)page);
  (void)sbrk(-(intptr_t)((uintptr_t)start / 2));
  CHECK(broken() == start + page && isLeft(all - 1) && brk(start) == 0 && isLeft(all));

  /* The C library's heap grows between our pieces, and finds the break where we left it. */
  CHECK(sbrk(10 * (intptr_t)page) == start);
  memset(start, 7, 10 * page);
  unsigned char *chunk = __libc_malloc(50000);
  CHECK(chunk != NULL && (char *)chunk >= start + 10 * page && isLeft(all - 10));
  fill(chunk, 50000, 9);
  char *second = sbrk((intptr_t)page);
  CHECK(second >= (char *)chunk + 50000 && isLeft(all - 11));
  memset(second, 8, page);
  unsigned char *another = __libc_malloc(100000);
  CHECK(another != NULL && isLeft(all - 11));
  fill(another, 100000, 5);
  CHECK(isFilled(chunk, 50000, 9) && isFilled(start, 10 * page, 7) && isFilled(second, page, 8));
  __libc_free(another);
  __libc_free(chunk);

  /* More sinks than was charged: no more is given back than that. */
  CHECK(brk(start) == 0 && isLeft(all));
  CHECK(sbrk(12345) == start && isLeft(all - 4));
  return 0;
}
