#include "misuse.h"

#include <sys/mman.h>

int main(void) {
  begin();
  void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(page != MAP_FAILED);
  REFUSED(pfree(&pool, page), MEMA_BAD_POINTER);
  return end(0, 0);
}
