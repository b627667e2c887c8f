/* Says whether a library of ours was preloaded: "hello preloaded", or "hello alone". With an argument "loader": the path of its loader. */
#define _GNU_SOURCE
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

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

int main(int argc, char **argv) {
  int preloaded = 0;
  if (argc > 1 && strcmp(argv[1], "loader") == 0) return puts(ownLoader()) < 0;
  dl_iterate_phdr(noteOurs, &preloaded);
  return puts(preloaded ? "hello preloaded" : "hello alone") < 0;
}
