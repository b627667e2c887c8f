#include "misuse.h"

static _Alignas(16) char buffer[4000];

int main(void) {
  beginFixed(buffer, sizeof buffer);
  for (size_t i = 0; i < sizeof buffer; i++)
    if (!samePlace(buffer + i, neighbour)) REFUSED(pfree(&pool, hidePointer(buffer + i)), MEMA_BAD_POINTER);
  return end(0, 0);
}
