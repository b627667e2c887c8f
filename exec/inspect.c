/* inspect.c - see inspect.h.
 *
 *   file -> script? its interpreter, and so on -> ELF: privileges, class, machine, loader, sanitizer */
#define _GNU_SOURCE
#include "inspect.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "kernelCalls.h"
#include "sanitizer.h"

#ifndef ST_NOSUID
#define ST_NOSUID 2
#endif

/* The kernel follows no more scripts from one to the next. */
enum { SCRIPTS_MOST = 5 };
/* The kernel reads no longer table. */
enum { SEGMENTS_MOST = 65536 / sizeof(ElfW(Phdr)) };

typedef ElfW(Ehdr) ElfHeader;
typedef ElfW(Phdr) ElfSegment;

/* The header of the library, or the program, that this code is part of: the linker defines it. */
extern const ElfHeader __ehdr_start __attribute__((visibility("hidden")));

/* ---- the loader --------------------------------------------------------------------------------------------------- */

/* The path of the loader that started this process, or NULL. */
static const char *ownLoader(void) {
  const ElfSegment *segments = (const ElfSegment *)getauxval(AT_PHDR), *named = NULL;
  unsigned long count = getauxval(AT_PHNUM);
  uintptr_t base = 0;
  for (unsigned long i = 0; segments != NULL && i < count; i++) {
    if (segments[i].p_type == PT_PHDR) base = (uintptr_t)segments - segments[i].p_vaddr;
    if (segments[i].p_type == PT_INTERP) named = &segments[i];
  }
  return named != NULL ? (const char *)(base + named->p_vaddr) : NULL;
}

static const char *lastName(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

static bool isSameFile(const struct stat *left, const struct stat *right) {
  return left->st_dev == right->st_dev && left->st_ino == right->st_ino;
}

/* True if a loader is of the C library that this code was built with: glibc or musl. */
static bool isLoaderOfOurKind(const char *path) {
  bool isMusl = strncmp(lastName(path), "ld-musl-", strlen("ld-musl-")) == 0;
#ifdef __GLIBC__
  return !isMusl;
#else
  return isMusl;
#endif
}

/* One C library may be installed in several places, and one place may have several names. A static `mema` has no loader. */
static bool isOurLoader(const char *path) {
  const char *ours = ownLoader();
  struct stat its, our;
  if (ours == NULL) return isLoaderOfOurKind(path);
  if (strcmp(lastName(path), lastName(ours)) == 0) return true;
  return stat(path, &its) == 0 && stat(ours, &our) == 0 && isSameFile(&its, &our);
}

/* The loader itself can be started as a program, and then preloads libraries into the one that it loads. */
static bool isLoaderItself(const struct stat *status) {
  const char *ours = ownLoader();
  struct stat our;
  return ours != NULL && stat(ours, &our) == 0 && isSameFile(status, &our);
}

/* ---- privileges --------------------------------------------------------------------------------------------------- */

/* The loader preloads nothing where the kernel tells it so: where the program's effective user or group is not the
 * caller's real one (or, since Linux 6.17, the caller's effective one), and where a user other than root gets
 * capabilities of the file. */
static Obstacle findPrivileges(int file, const struct stat *status) {
  struct statfs system;
  uid_t user = geteuid();
  gid_t group = getegid();
  bool ignored = fstatfs(file, &system) == 0 && (system.f_flags & ST_NOSUID) != 0;
  bool idsIgnored = ignored || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  bool setsUser = !idsIgnored && (status->st_mode & S_ISUID) != 0;
  /* Set-group-ID without the group's right to execute once meant something else, and does nothing now. */
  bool setsGroup = !idsIgnored && (status->st_mode & S_ISGID) != 0 && (status->st_mode & S_IXGRP) != 0;
  if (setsUser) user = status->st_uid;
  if (setsGroup) group = status->st_gid;
  if (user != getuid() || user != geteuid()) return setsUser ? OBSTACLE_USER_ID : OBSTACLE_RAISED;
  if (group != getgid() || group != getegid()) return setsGroup ? OBSTACLE_GROUP_ID : OBSTACLE_RAISED;
  if (!ignored && user != 0 && fgetxattr(file, "security.capability", NULL, 0) > 0) return OBSTACLE_CAPABILITIES;
  return OBSTACLE_NONE;
}

/* ---- ELF ---------------------------------------------------------------------------------------------------------- */

typedef enum LoaderAnswer { LOADER_NONE, LOADER_FOUND, LOADER_UNREADABLE } LoaderAnswer;

static bool readWhole(int file, void *out, size_t size, uint64_t at) {
  return rawReadAt(file, out, size, at) == (ssize_t)size;
}

/* Reads the name of the loader that the program asks for. */
static LoaderAnswer findLoader(Inspection *found, int file, const ElfHeader *header) {
  ElfSegment segment;
  if (header->e_phentsize != sizeof segment || header->e_phnum > SEGMENTS_MOST) return LOADER_UNREADABLE;
  for (unsigned i = 0; i < header->e_phnum; i++) {
    if (!readWhole(file, &segment, sizeof segment, header->e_phoff + i * sizeof segment)) return LOADER_UNREADABLE;
    if (segment.p_type != PT_INTERP) continue;
    size_t length = segment.p_filesz < sizeof found->loader ? segment.p_filesz : sizeof found->loader - 1;
    if (!readWhole(file, found->loader, length, segment.p_offset)) return LOADER_UNREADABLE;
    found->loader[length] = '\0';
    return LOADER_FOUND;
  }
  return LOADER_NONE;
}

static Obstacle checkLoader(Inspection *found, int file, const struct stat *status, const ElfHeader *header) {
  switch (findLoader(found, file, header)) {
    case LOADER_NONE:
      return isLoaderItself(status) ? OBSTACLE_NONE : OBSTACLE_STATIC;
    case LOADER_FOUND:
      if (!isOurLoader(found->loader)) return OBSTACLE_LOADER;
      found->lacksInterpreter = access(found->loader, F_OK) != 0 && errno == ENOENT;
      return hasSanitizer(file, header) ? OBSTACLE_SANITIZER : OBSTACLE_NONE;
    case LOADER_UNREADABLE:
    default:
      return OBSTACLE_NONE;
  }
}

static Obstacle checkElf(Inspection *found, int file, const struct stat *status, const char *head, size_t length) {
  ElfHeader header;
  Obstacle privileges = findPrivileges(file, status);
  if (privileges != OBSTACLE_NONE || length <= EI_CLASS) return privileges;
  unsigned char class = (unsigned char)head[EI_CLASS];
  if (class != ELFCLASS32 && class != ELFCLASS64) return OBSTACLE_NONE;
  if (class != __ehdr_start.e_ident[EI_CLASS]) return OBSTACLE_WORD_SIZE;
  if (length < sizeof header) return OBSTACLE_NONE;
  memcpy(&header, head, sizeof header);
  if (header.e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA] || header.e_machine != __ehdr_start.e_machine) {
    return OBSTACLE_MACHINE;
  }
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) return OBSTACLE_NONE;
  return checkLoader(found, file, status, &header);
}

/* ---- files -------------------------------------------------------------------------------------------------------- */

void formatDescriptorPath(char path[DESCRIPTOR_PATH_ROOM], int number) {
  static const char start[] = "/proc/self/fd/";
  size_t length = sizeof start - 1, digits = 1;
  for (int rest = number; rest >= 10; rest /= 10) digits++;
  memcpy(path, start, length);
  path[length + digits] = '\0';
  for (; digits > 0; digits--, number /= 10) path[length + digits - 1] = (char)('0' + number % 10);
}

/* A descriptor for the file, or -1; whether it is there at all. To open what is no regular file may have
 * consequences, and the kernel runs none. */
static int openProgram(const ProgramFile *file, struct stat *status, bool *isThere) {
  char link[DESCRIPTOR_PATH_ROOM];
  const char *path = file->path;
  int directory = file->directory, flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  *isThere = false;
  if (fstatat(directory, path, status, file->flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0) return -1;
  if (!S_ISREG(status->st_mode)) {
    errno = EACCES;
    return -1;
  }
  *isThere = true;
  if ((file->flags & AT_SYMLINK_NOFOLLOW) != 0) flags |= O_NOFOLLOW;
  if (*path == '\0') {
    /* The descriptor is perhaps one that cannot be read from. */
    formatDescriptorPath(link, directory);
    path = link;
    directory = AT_FDCWD;
    flags &= ~O_NOFOLLOW;
  }
  return rawOpenAt(directory, path, flags);
}

/* Of "#! /bin/sh -e\n..." the "/bin/sh". False where the kernel finds none. */
static bool readInterpreter(Inspection *found, const char *head, size_t length) {
  if (length < 2 || head[0] != '#' || head[1] != '!') return false;
  const char *name = head + 2;
  name += strspn(name, " \t");
  size_t end = strcspn(name, " \t\n");
  if (end == 0) return false;
  memcpy(found->interpreter, name, end);
  found->interpreter[end] = '\0';
  return true;
}

static const char shellPath[] = "/bin/sh";

/* Looks into one file. True: it is a script, and its interpreter is to be looked into. */
static bool inspectFile(Inspection *found, const ProgramFile *file) {
  char head[SCRIPT_HEAD_BYTES + 1] = {0};
  struct stat status;
  bool isThere;
  int opened = openProgram(file, &status, &isThere);
  if (found->interpreters == 0) found->isThere = isThere;
  if (opened < 0) {
    found->lacksInterpreter = found->interpreters > 0 && errno == ENOENT;
    return false;
  }
  ssize_t read = rawReadAt(opened, head, SCRIPT_HEAD_BYTES - 1, 0);
  size_t length = read > 0 ? (size_t)read : 0;
  bool isElf = length >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0;
  if (isElf) found->obstacle = checkElf(found, opened, &status, head, length);
  rawClose(opened);
  if (isElf || readInterpreter(found, head, length)) return !isElf;
  if (file->shellRunsText) memcpy(found->interpreter, shellPath, sizeof shellPath);
  return file->shellRunsText;
}

/* The privileges of a script are of no effect; those of its interpreter are. */
void inspectProgram(Inspection *found, const ProgramFile *file) {
  ProgramFile next = *file;
  found->obstacle = OBSTACLE_NONE;
  found->interpreters = 0;
  found->lacksInterpreter = false;
  found->interpreter[0] = found->loader[0] = '\0';
  while (inspectFile(found, &next) && found->interpreters < SCRIPTS_MOST) {
    found->interpreters++;
    next = (ProgramFile){.directory = AT_FDCWD, .path = found->interpreter};
  }
}
