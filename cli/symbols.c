/* symbols.c - see symbols.h. */
#define _GNU_SOURCE
#include "symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempt.h"
#include "layout.h"

typedef ElfW(Ehdr) Header;
typedef ElfW(Shdr) Section;
typedef ElfW(Phdr) Segment;
typedef ElfW(Sym) Symbol;

/* A file in memory. Each reference into it is checked against its size. */
typedef struct Image {
  const char *bytes;
  size_t size;
} Image;

/* symbols == NULL: it has none. */
typedef struct Module {
  char *path;
  char *debugPath; /* the file with the debug information; NULL: there is none */
  Image image;     /* the one that has the symbols */
  const Symbol *symbols;
  size_t count;
  const char *names;
  size_t namesSize;
  uint64_t begin; /* the address of its first segment, where offsets count from */
  struct Module *next;
} Module;

/* A frame that was described. */
typedef struct Answer {
  char *frame;
  bool lines;
  struct Answer *next;
  char text[FRAME_ROOM];
} Answer;

static Module *modules;
static Answer *answers;

/* ---- files -------------------------------------------------------------------------------------------------------- */

static Image openImage(const char *path) {
  Image image = {0};
  struct stat status;
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (file < 0) return image;
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > (off_t)sizeof(Header)) {
    void *memory = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (memory != MAP_FAILED) image = (Image){memory, (size_t)status.st_size};
  }
  close(file);
  return image;
}

static void closeImage(Image *image) {
  if (image->bytes != NULL) munmap((void *)(uintptr_t)image->bytes, image->size); /* NOLINT(performance-no-int-to-ptr) */
  *image = (Image){0};
}

/* NULL where the range is not in the file. */
static const void *at(const Image *image, uint64_t offset, uint64_t size) {
  if (offset > image->size || size > image->size - offset) return NULL;
  return image->bytes + offset;
}

static const Header *headerOf(const Image *image) {
  const Header *header = at(image, 0, sizeof *header);
  if (header == NULL || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return NULL;
  bool isOurs = header->e_ident[EI_CLASS] == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32);
  return isOurs && header->e_shentsize == sizeof(Section) && header->e_phentsize == sizeof(Segment) ? header : NULL;
}

static const Section *sectionAt(const Image *image, unsigned index) {
  const Header *header = headerOf(image);
  return header == NULL || index >= header->e_shnum ? NULL
                                                    : at(image, header->e_shoff + index * sizeof(Section), sizeof(Section));
}

static const Section *sectionOfType(const Image *image, uint32_t type) {
  const Section *section;
  for (unsigned i = 0; (section = sectionAt(image, i)) != NULL; i++)
    if (section->sh_type == type) return section;
  return NULL;
}

static const Section *sectionNamed(const Image *image, const char *name) {
  const Header *header = headerOf(image);
  const Section *strings = header == NULL ? NULL : sectionAt(image, header->e_shstrndx), *section;
  if (strings == NULL) return NULL;
  for (unsigned i = 0; (section = sectionAt(image, i)) != NULL; i++) {
    const char *found = at(image, strings->sh_offset + section->sh_name, strlen(name) + 1);
    if (found != NULL && strcmp(found, name) == 0) return section;
  }
  return NULL;
}

/* ---- a module ----------------------------------------------------------------------------------------------------- */

static bool readSymbols(Module *module, uint32_t type) {
  const Section *section = sectionOfType(&module->image, type);
  const Section *names = section == NULL ? NULL : sectionAt(&module->image, section->sh_link);
  if (names == NULL) return false;
  module->symbols = at(&module->image, section->sh_offset, section->sh_size);
  module->count = section->sh_size / sizeof(Symbol);
  module->names = at(&module->image, names->sh_offset, names->sh_size);
  module->namesSize = names->sh_size;
  if (module->symbols != NULL && module->names != NULL) return true;
  module->symbols = NULL;
  return false;
}

static uint64_t firstAddress(const Image *image) {
  const Header *header = headerOf(image);
  for (unsigned i = 0; header != NULL && i < header->e_phnum; i++) {
    const Segment *segment = at(image, header->e_phoff + i * sizeof(Segment), sizeof(Segment));
    if (segment != NULL && segment->p_type == PT_LOAD) return segment->p_vaddr & ~(uint64_t)4095;
  }
  return 0;
}

/* Where Debian and others put the debug information of a stripped file: named after its build's number. */
static bool nameDebugFile(char path[PATH_MAX], const Image *image) {
  const Section *note = sectionNamed(image, ".note.gnu.build-id");
  const unsigned char *bytes = note == NULL ? NULL : at(image, note->sh_offset, note->sh_size);
  if (bytes == NULL || note->sh_size <= 17 || note->sh_size > 64) return false;
  int length = snprintf(path, PATH_MAX, "/usr/lib/debug/.build-id/%02x/", bytes[16]);
  for (size_t i = 17; i < note->sh_size; i++) length += snprintf(path + length, PATH_MAX - (size_t)length, "%02x", bytes[i]);
  snprintf(path + length, PATH_MAX - (size_t)length, ".debug");
  return access(path, R_OK) == 0;
}

static void readModule(Module *module) {
  char debug[PATH_MAX];
  module->image = openImage(module->path);
  module->begin = firstAddress(&module->image);
  if (sectionNamed(&module->image, ".debug_line") != NULL) {
    module->debugPath = strdup(module->path);
  } else if (nameDebugFile(debug, &module->image)) {
    Image image = openImage(debug);
    module->debugPath = strdup(debug);
    if (sectionOfType(&image, SHT_SYMTAB) != NULL) {
      closeImage(&module->image);
      module->image = image;
    } else {
      closeImage(&image);
    }
  }
  if (!readSymbols(module, SHT_SYMTAB)) readSymbols(module, SHT_DYNSYM);
}

static Module *findModule(const char *path) {
  for (Module *module = modules; module != NULL; module = module->next)
    if (strcmp(module->path, path) == 0) return module;
  Module *module = calloc(1, sizeof *module);
  if (module == NULL || (module->path = strdup(path)) == NULL) {
    free(module);
    return NULL;
  }
  readModule(module);
  module->next = modules;
  modules = module;
  return module;
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

/* NULL where no function has the address: a function without a symbol is not named after its neighbour. */
static const char *functionAt(const Module *module, uint64_t address) {
  for (size_t i = 0; module->symbols != NULL && i < module->count; i++) {
    const Symbol *symbol = &module->symbols[i];
    unsigned type = symbol->st_info & 15u;
    if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol->st_shndx == SHN_UNDEF) continue;
    if (address < symbol->st_value || address - symbol->st_value >= symbol->st_size) continue;
    if (symbol->st_name >= module->namesSize || module->names[module->namesSize - 1] != '\0') continue;
    return module->names + symbol->st_name;
  }
  return NULL;
}

/* "file.c:12" as addr2line has it, without the directory. False where it knows none. */
static bool lineAt(const Module *module, uint64_t address, char *out, size_t room) {
  char text[32], answer[PATH_MAX] = "";
  int ends[2];
  if (module->debugPath == NULL || pipe2(ends, O_CLOEXEC) != 0) return false;
  snprintf(text, sizeof text, "0x%llx", (unsigned long long)address);
  pid_t pid = fork();
  if (pid == 0) {
    leaveAttempts();
    dup2(ends[1], STDOUT_FILENO);
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDERR_FILENO);
    execlp("addr2line", "addr2line", "-s", "-e", module->debugPath, text, (char *)NULL);
    _exit(127);
  }
  close(ends[1]);
  ssize_t length = pid > 0 ? read(ends[0], answer, sizeof answer - 1) : 0;
  close(ends[0]);
  while (pid > 0 && waitpid(pid, NULL, 0) < 0) continue;
  answer[length > 0 ? length : 0] = '\0';
  answer[strcspn(answer, "\n ")] = '\0';
  if (*answer == '\0' || *answer == '?' || strstr(answer, ":?") != NULL) return false;
  return snprintf(out, room, "%s", answer) < (int)room;
}

static const char *lastPart(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

static void describeAnew(char out[FRAME_ROOM], const char *frame, bool lines) {
  char path[PATH_MAX], line[128];
  const char *plus = strrchr(frame, '+');
  size_t length = plus != NULL ? (size_t)(plus - frame) : strlen(frame);
  if (length >= sizeof path) length = sizeof path - 1;
  memcpy(path, frame, length);
  path[length] = '\0';
  Module *module = *path == '/' && plus != NULL ? findModule(path) : NULL;
  uint64_t address = plus != NULL ? strtoull(plus + 1, NULL, 16) : 0;
  const char *function = module != NULL ? functionAt(module, address + module->begin) : NULL;
  bool known = lines && module != NULL && lineAt(module, address + module->begin, line, sizeof line);
  char name[4 * 80 + 1];
  copyName(name, function != NULL ? function : lastPart(path), 80);
  int written = snprintf(out, FRAME_ROOM, "%s%s", name, function != NULL || plus == NULL ? "" : plus);
  if (known) snprintf(out + written, FRAME_ROOM - (size_t)written, " (%s)", line);
}

/* Most frames are in many stacks, and addr2line takes its time. Without memory nothing is remembered. */
void describeFrame(char out[FRAME_ROOM], const char *frame, bool lines) {
  for (const Answer *answer = answers; answer != NULL; answer = answer->next) {
    if (answer->lines != lines || strcmp(answer->frame, frame) != 0) continue;
    strcpy(out, answer->text);
    return;
  }
  describeAnew(out, frame, lines);
  Answer *answer = malloc(sizeof *answer);
  if (answer == NULL) return;
  *answer = (Answer){.frame = strdup(frame), .lines = lines, .next = answers};
  strcpy(answer->text, out);
  if (answer->frame != NULL) {
    answers = answer;
  } else {
    free(answer);
  }
}

static void forgetAnswers(void) {
  while (answers != NULL) {
    Answer *answer = answers;
    answers = answer->next;
    free(answer->frame);
    free(answer);
  }
}

void forgetModules(void) {
  forgetAnswers();
  while (modules != NULL) {
    Module *module = modules;
    modules = module->next;
    closeImage(&module->image);
    free(module->debugPath);
    free(module->path);
    free(module);
  }
}
