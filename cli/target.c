/* target.c - see target.h. */
#define _GNU_SOURCE
#include "target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "complain.h"

#if UINTPTR_MAX > 0xffffffffu
typedef Elf64_Ehdr ElfHeader;
typedef Elf64_Phdr ElfSegment;
enum { OUR_CLASS = ELFCLASS64, OUR_BITS = 64, OTHER_BITS = 32 };
#else
typedef Elf32_Ehdr ElfHeader;
typedef Elf32_Phdr ElfSegment;
enum { OUR_CLASS = ELFCLASS32, OUR_BITS = 32, OTHER_BITS = 64 };
#endif

/* What execve looks at to tell what a file is. */
enum { HEAD_BYTES = 256 };

/* ---- finding ------------------------------------------------------------------------------------------------------ */

/* 0, or why the file cannot be run. */
static int runnable(const char *path) {
  struct stat status;
  if (stat(path, &status) != 0) return errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  if (!S_ISREG(status.st_mode)) return EACCES;
  return access(path, X_OK) == 0 ? 0 : errno;
}

static int searchPath(Target *target, const char *name) {
  const char *path = getenv("PATH");
  if (path == NULL) path = "/bin:/usr/bin";
  int found = ENOENT;
  for (;;) {
    size_t length = strcspn(path, ":");
    /* An empty entry is the current directory. */
    int room = snprintf(target->path, sizeof target->path, "%.*s%s%s", (int)length, path, length > 0 ? "/" : "./", name);
    if (room < (int)sizeof target->path) {
      int reason = runnable(target->path);
      if (reason == 0) return 0;
      if (reason != ENOENT && reason != ENOTDIR && reason != EISDIR) found = reason;
    }
    if (path[length] == '\0') return found;
    path += length + 1;
  }
}

static int lookUp(Target *target, const char *name) {
  if (*name == '\0') return ENOENT;
  if (strchr(name, '/') == NULL) return searchPath(target, name);
  if (strlen(name) >= sizeof target->path) return ENAMETOOLONG;
  snprintf(target->path, sizeof target->path, "%s", name);
  return runnable(target->path);
}

int findTarget(Target *target, const char *name) {
  int reason = lookUp(target, name);
  if (reason == 0) return 0;
  complain("cannot run '%s': %s", name, strerror(reason));
  return reason == ENOENT ? 127 : 126;
}

/* ---- looking into it ---------------------------------------------------------------------------------------------- */

static bool isPrivileged(int file, const char *path, const char *consequence) {
  struct stat status;
  if (fstat(file, &status) != 0) return false;
  /* Set-group-ID without the group's right to execute once meant something else, and does nothing now. */
  bool setGroup = (status.st_mode & S_ISGID) != 0 && (status.st_mode & S_IXGRP) != 0;
  const char *kind = NULL;
  if ((status.st_mode & S_ISUID) != 0) {
    kind = "is set-user-ID";
  } else if (setGroup) {
    kind = "is set-group-ID";
  } else if (fgetxattr(file, "security.capability", NULL, 0) > 0) {
    kind = "has file capabilities";
  }
  if (kind != NULL) complain("'%s' %s: such programs run without preloaded libraries, so %s", path, kind, consequence);
  return kind != NULL;
}

/* True unless the file is readable and names no loader. */
static bool hasInterpreter(int file, const ElfHeader *header) {
  if (header->e_phentsize != sizeof(ElfSegment)) return true;
  for (unsigned i = 0; i < header->e_phnum; i++) {
    ElfSegment segment;
    off_t at = (off_t)(header->e_phoff + (size_t)i * sizeof segment);
    if (pread(file, &segment, sizeof segment, at) != (ssize_t)sizeof segment) return true;
    if (segment.p_type == PT_INTERP) return true;
  }
  return false;
}

static bool isReachableElf(int file, const char *path, const char *head, ssize_t length, const char *consequence) {
  if (length > EI_CLASS && head[EI_CLASS] != OUR_CLASS) {
    complain("'%s' is a %d-bit program: the preload library is a %d-bit one and cannot be loaded into it", path,
             (int)OTHER_BITS, (int)OUR_BITS);
    return false;
  }
  ElfHeader header;
  if (length < (ssize_t)sizeof header) return true;
  memcpy(&header, head, sizeof header);
  if (hasInterpreter(file, &header)) return true;
  complain("'%s' is statically linked: it loads no libraries, so %s", path, consequence);
  return false;
}

/* Cuts "#! /bin/sh -e\n..." down to "/bin/sh". */
static const char *scriptInterpreter(char *head) {
  char *name = head + 2;
  name += strspn(name, " \t");
  name[strcspn(name, " \t\n")] = '\0';
  return name;
}

static bool isReachable(const char *path, bool mayBeScript, const char *consequence) {
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return true;
  char head[HEAD_BYTES + 1] = {0};
  ssize_t length = pread(file, head, HEAD_BYTES, 0);
  bool reachable = true;
  if (length >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0) {
    reachable = !isPrivileged(file, path, consequence) && isReachableElf(file, path, head, length, consequence);
  } else if (mayBeScript && length >= 2 && head[0] == '#' && head[1] == '!') {
    /* The privileges of a script are of no effect; those of its interpreter are. */
    reachable = isReachable(scriptInterpreter(head), false, consequence);
  }
  close(file);
  return reachable;
}

bool canPreload(const Target *target, const char *consequence) {
  return isReachable(target->path, true, consequence);
}
