// mema.h in C++: the same names, the same symbols.
#include "mema.h"

#include <type_traits>

static_assert(std::is_same<Pool, mema_Pool>::value, "an alias");
static_assert(std::is_trivially_copyable<Block>::value, "a plain struct");

int main() {
  Pool pool;
  if (!initPool(&pool, 100)) return 1;
  char *chunk = static_cast<char *>(palloc(&pool, 60));
  const Block *block = pool.head;
  if (chunk == nullptr || block->ptr != chunk || mema_freeSize(&pool) != 40) return 2;
  if (palloc(&pool, 41) != nullptr || mema_lastError()->reason != MEMA_OVER_BUDGET) return 3;
  char *text = mema_psprintf(&pool, "%d", 7);
  return pfree(&pool, chunk) && text != nullptr && freePool(&pool) ? 0 : 4;
}
