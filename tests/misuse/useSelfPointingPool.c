/* Memory that holds its own address everywhere, or that and zeroes or ones, as a stack does: before the first pool is made too. */
#include "misuse.h"

static void useAs(uintptr_t even, uintptr_t odd) {
  static Pool garbage;
  uintptr_t words[sizeof garbage / sizeof(uintptr_t)];
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) words[i] = i % 2 == 0 ? even : odd;
  memcpy(&garbage, words, sizeof garbage);
  FAILS(palloc(&garbage, 1), MEMA_BAD_POOL);
  FAILS(pfree(&garbage, &garbage), MEMA_BAD_POOL);
  FAILS(freePool(&garbage), MEMA_BAD_POOL);
  CHECK(initPool(&garbage, 1000));
  CHECK(freePool(&garbage));
  for (uintptr_t other = 0; other < 3; other++) {
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) words[i] = i % 2 == 0 ? addressOf(&garbage) : other;
    memcpy(&garbage, words, sizeof garbage);
    FAILS(freePool(&garbage), MEMA_BAD_POOL);
  }
}

/* Before anything: one of the Pool's private words is its own address, the others are 0. */
static Pool first;
static void useFirst(void) {
  for (size_t i = 0; i < sizeof first.reserved / sizeof first.reserved[0]; i++) {
    first.reserved[i] = addressOf(&first);
    FAILS(palloc(&first, 1), MEMA_BAD_POOL);
    FAILS(pfree(&first, &first), MEMA_BAD_POOL);
    first.reserved[i] = 0;
  }
}

int main(void) {
  useFirst();
  useAs(0, addressOf(&first));
  begin();
  useAs(addressOf(&pool), 1);
  return end(0, 0);
}
