/* sanitizer.c - see sanitizer.h. A runtime is either a library that the program needs, or part of the program. In the
 * second case the program defines both malloc and pthread_create, as no program without a sanitizer does. */
#define _GNU_SOURCE
#include "sanitizer.h"

#include <elf.h>
#include <string.h>

#include "kernelCalls.h"

/* Bounds for files that are damaged, and of the stack: a thread with the smallest one may start a program. */
enum { SEGMENTS_MOST = 64, LOADED_MOST = 16, ENTRIES_MOST = 4096, CHAIN_MOST = 4096, ENTRIES_AT_ONCE = 32 };

typedef ElfW(Phdr) Segment;
typedef ElfW(Dyn) Entry;
typedef ElfW(Sym) Symbol;

/* A part of the file that is loaded to an address. */
typedef struct Loaded {
  uint64_t address, size, offset;
} Loaded;

/* The parts of a program's dynamic section, as addresses; 0: not there. */
typedef struct Program {
  int file;
  unsigned loadedCount;
  Loaded loaded[LOADED_MOST];
  uint64_t dynamic, dynamicSize; /* a place in the file, and bytes */
  uint64_t strings, symbols, hashes;
} Program;

static bool readAll(int file, void *out, size_t size, uint64_t at) {
  return rawReadAt(file, out, size, at) == (ssize_t)size;
}

/* Reads bytes at an address of the program. Returns the bytes that there were. */
static size_t readAt(const Program *program, void *out, size_t size, uint64_t address) {
  for (unsigned i = 0; i < program->loadedCount; i++) {
    const Loaded *part = &program->loaded[i];
    if (address < part->address || address - part->address >= part->size) continue;
    uint64_t into = address - part->address;
    ssize_t count =
        rawReadAt(program->file, out, part->size - into < size ? (size_t)(part->size - into) : size, part->offset + into);
    return count > 0 ? (size_t)count : 0;
  }
  return 0;
}

/* Notes the parts of the file. False if there is no dynamic section. */
static bool findParts(Program *program, const ElfW(Ehdr) * header) {
  Segment segment;
  if (header->e_phentsize != sizeof segment) return false;
  for (unsigned i = 0; i < header->e_phnum && i < SEGMENTS_MOST; i++) {
    if (!readAll(program->file, &segment, sizeof segment, header->e_phoff + i * sizeof segment)) return false;
    if (segment.p_type == PT_LOAD && program->loadedCount < LOADED_MOST) {
      program->loaded[program->loadedCount++] = (Loaded){segment.p_vaddr, segment.p_filesz, segment.p_offset};
    } else if (segment.p_type == PT_DYNAMIC) {
      program->dynamic = segment.p_offset;
      program->dynamicSize = segment.p_filesz;
    }
  }
  return program->dynamicSize > 0;
}

/* Calls `visit` for each entry of the dynamic section, until it returns true. */
static bool visitEntries(Program *program, bool (*visit)(Program *program, const Entry *entry)) {
  Entry entries[ENTRIES_AT_ONCE];
  uint64_t count = program->dynamicSize / sizeof(Entry);
  for (uint64_t at = 0; at < count && at < ENTRIES_MOST; at += ENTRIES_AT_ONCE) {
    size_t part = count - at < ENTRIES_AT_ONCE ? (size_t)(count - at) : ENTRIES_AT_ONCE;
    if (!readAll(program->file, entries, part * sizeof(Entry), program->dynamic + at * sizeof(Entry))) return false;
    for (size_t i = 0; i < part; i++) {
      if (entries[i].d_tag == DT_NULL) return false;
      if (visit(program, &entries[i])) return true;
    }
  }
  return false;
}

static bool noteTable(Program *program, const Entry *entry) {
  if (entry->d_tag == DT_STRTAB) program->strings = entry->d_un.d_ptr;
  if (entry->d_tag == DT_SYMTAB) program->symbols = entry->d_un.d_ptr;
  if (entry->d_tag == DT_GNU_HASH) program->hashes = entry->d_un.d_ptr;
  return false;
}

/* ---- needed libraries --------------------------------------------------------------------------------------------- */

static bool isRuntime(const char *name) {
  static const char *const starts[] = {"libasan.so",       "libtsan.so",         "liblsan.so",
                                       "libhwasan.so",     "libclang_rt.asan",   "libclang_rt.tsan",
                                       "libclang_rt.lsan", "libclang_rt.hwasan", "libclang_rt.msan"};
  for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
    if (strncmp(name, starts[i], strlen(starts[i])) == 0) return true;
  }
  return false;
}

static bool needsRuntime(Program *program, const Entry *entry) {
  char name[32] = "";
  if (entry->d_tag != DT_NEEDED) return false;
  readAt(program, name, sizeof name - 1, program->strings + entry->d_un.d_val);
  return isRuntime(name);
}

/* ---- symbols ------------------------------------------------------------------------------------------------------ */

/* The hash function of DT_GNU_HASH. */
static uint32_t hashOf(const char *name) {
  uint32_t hash = 5381;
  for (; *name != '\0'; name++) hash = hash * 33 + (unsigned char)*name;
  return hash;
}

static bool isNamed(const Program *program, uint32_t number, const char *name) {
  Symbol symbol;
  char found[32] = "";
  size_t length = strlen(name) + 1;
  return readAt(program, &symbol, sizeof symbol, program->symbols + (uint64_t)number * sizeof symbol) == sizeof symbol &&
         symbol.st_shndx != SHN_UNDEF && length <= sizeof found &&
         readAt(program, found, length, program->strings + symbol.st_name) == length && memcmp(found, name, length) == 0;
}

/* True if the program itself defines the function. */
static bool defines(const Program *program, const char *name) {
  struct {
    uint32_t buckets, firstSymbol, filterWords, filterShift;
  } head;
  uint32_t hash = hashOf(name), number, found;
  if (program->hashes == 0 || readAt(program, &head, sizeof head, program->hashes) != sizeof head || head.buckets == 0)
    return false;
  uint64_t buckets = program->hashes + sizeof head + (uint64_t)head.filterWords * sizeof(ElfW(Addr));
  uint64_t chains = buckets + (uint64_t)head.buckets * sizeof number;
  if (readAt(program, &number, sizeof number, buckets + (uint64_t)(hash % head.buckets) * sizeof number) != sizeof number)
    return false;
  for (unsigned steps = 0; number >= head.firstSymbol && steps < CHAIN_MOST; steps++, number++) {
    uint64_t at = chains + (uint64_t)(number - head.firstSymbol) * sizeof found;
    if (readAt(program, &found, sizeof found, at) != sizeof found) return false;
    if ((found | 1) == (hash | 1) && isNamed(program, number, name)) return true;
    if ((found & 1) != 0) return false; /* the end of the chain */
  }
  return false;
}

bool hasSanitizer(int file, const ElfW(Ehdr) * header) {
  Program program = {.file = file};
  if (!findParts(&program, header)) return false;
  visitEntries(&program, noteTable);
  return visitEntries(&program, needsRuntime) || (defines(&program, "malloc") && defines(&program, "pthread_create"));
}
