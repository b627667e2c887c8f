/* descriptor.c - see descriptor.h. */
#define _GNU_SOURCE
#include "descriptor.h"

#include <fcntl.h>
#include <unistd.h>

int moveAside(int descriptor) {
  if (descriptor < 0) return -1;
  int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  close(descriptor);
  return moved;
}
