/* owner.c - see owner.h. */
#define _GNU_SOURCE
#include "owner.h"

#include <errno.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

HeapOwner heapOwner;

void noteOwner(void) {
  heapOwner.pid = getpid();
  heapOwner.parentPid = getppid();
}

void noteOwnerName(void) {
  char thread[16] = "";
  const char *name = program_invocation_short_name;
  if (name == NULL || *name == '\0') {
    syscall(SYS_prctl, PR_GET_NAME, thread);
    name = thread;
  }
  for (size_t i = 0; i + 1 < sizeof heapOwner.name && name[i] != '\0'; i++) heapOwner.name[i] = name[i];
}
