/* mappings - status 0 if msync tells a page that is mapped from one that was unmapped. qemu's emulation of 32-bit processors reserves the
 * whole address space, so there it does not. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  void *at = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED || msync(at, page, MS_ASYNC) != 0 || munmap(at, page) != 0) return 2;
  return msync(at, page, MS_ASYNC) != 0 && errno == ENOMEM ? 0 : 1;
}
