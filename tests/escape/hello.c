/* Says whether a library of ours was preloaded: "hello preloaded", or "hello alone"; and then, for each argument, in
 * a line: "loader", the path of its loader; "pid", its number; "#", how many variables its environment has; any
 * other, the value of that variable, or "unset". */
#define _GNU_SOURCE
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static int noteOurs(struct dl_phdr_info *info, size_t size, void *found) {
  (void)size;
  if (info->dlpi_name != NULL && strstr(info->dlpi_name, "/libmema-") != NULL) *(int *)found = 1;
  return 0;
}

static const char *ownLoader(void) {
  const ElfW(Phdr) *segments = (const ElfW(Phdr) *)getauxval(AT_PHDR);
  ElfW(Addr) base = 0;
  const char *path = "";
  for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++) {
    if (segments[i].p_type == PT_PHDR) base = (ElfW(Addr))segments - segments[i].p_vaddr;
    if (segments[i].p_type == PT_INTERP) path = (const char *)(base + segments[i].p_vaddr);
  }
  return path;
}

static int countVariables(void) {
  int count = 0;
  while (environ != NULL && environ[count] != NULL) count++;
  return count;
}

int main(int argc, char **argv) {
  int preloaded = 0;
  dl_iterate_phdr(noteOurs, &preloaded);
  puts(preloaded ? "hello preloaded" : "hello alone");
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "loader") == 0) {
      puts(ownLoader());
    } else if (strcmp(argv[i], "pid") == 0) {
      printf("%d\n", (int)getpid());
    } else if (strcmp(argv[i], "#") == 0) {
      printf("%d\n", countVariables());
    } else {
      puts(getenv(argv[i]) != NULL ? getenv(argv[i]) : "unset");
    }
  }
  return 0;
}
