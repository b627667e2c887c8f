#include "misuse.h"

#include <sys/mman.h>

int main(void) {
  begin();
  void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(page != MAP_FAILED && munmap(page, 4096) == 0);
  REFUSED(pfree(&pool, page), MEMA_BAD_POINTER);
  return end(0, 0);
}
