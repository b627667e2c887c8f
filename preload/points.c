/* points.c - see points.h. */
#define _GNU_SOURCE
#include "points.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unwind.h>

#include "owner.h"
#include "rawCalls.h"
#include "sandbox.h"
#include "sizeText.h"
#include "table.h"

enum { FRAMES = 48, SKIPPED = 8, SEEN = 1 << 16 };

typedef struct Stack {
  uintptr_t frames[FRAMES + SKIPPED];
  unsigned depth;
} Stack;

/* The text of a stack, in memory that is mapped while the text is written. */
typedef struct Line {
  size_t length;
  char path[RUN_STACK_ROOM]; /* of the program's file */
  char bytes[RUN_STACK_ROOM];
} Line;

bool countsPoints;

static RunPoints *points;
static _Unwind_Reason_Code (*unwind)(_Unwind_Trace_Fn, void *);
static _Unwind_Ptr (*instructionOf)(struct _Unwind_Context *, int *);
/* The hashes of stacks that are written already; 0: free. */
static _Atomic uint64_t *seen;
/* True while the thread walks its stack: what the walk itself allocates is no point. */
static _Thread_local bool walking;

/* ---- the walk ----------------------------------------------------------------------------------------------------- */

/* The address of the call: that of return may belong to the next line. */
static _Unwind_Reason_Code addFrame(struct _Unwind_Context *context, void *argument) {
  Stack *stack = argument;
  int isExact = 0;
  uintptr_t address = instructionOf(context, &isExact);
  if (address == 0 || stack->depth == FRAMES + SKIPPED) return _URC_END_OF_STACK;
  stack->frames[stack->depth++] = isExact ? address : address - 1;
  return _URC_NO_REASON;
}

static void walk(Stack *stack) {
  stack->depth = 0;
  if (unwind != NULL) unwind(addFrame, stack);
}

/* FNV-1a, by words. Never 0. */
static uint64_t hashOf(const Stack *stack) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned i = 0; i < stack->depth; i++) {
    hash = (hash ^ stack->frames[i]) * 0x100000001b3;
    hash ^= hash >> 32;
  }
  return hash | 1;
}

/* True if the stack was not seen before in this process. A full table knows no new ones. */
static bool isNew(const Stack *stack) {
  uint64_t hash = hashOf(stack);
  for (size_t i = 0; i < SEEN; i++) {
    _Atomic uint64_t *place = &seen[(hash + i) % SEEN];
    uint64_t found = 0;
    if (atomic_compare_exchange_strong(place, &found, hash)) return true;
    if (found == hash) return false;
  }
  atomic_fetch_add(&points->lost, 1);
  return false;
}

/* ---- the text ----------------------------------------------------------------------------------------------------- */

static void addText(Line *line, const char *text) {
  for (; *text != '\0' && line->length < sizeof line->bytes; text++)
    line->bytes[line->length++] = (unsigned char)*text < ' ' ? '?' : *text;
}

static void addTab(Line *line) {
  if (line->length < sizeof line->bytes) line->bytes[line->length++] = '\t';
}

static void addDecimal(Line *line, uint64_t number) {
  char digits[SIZE_TEXT_ROOM];
  formatNumber(digits, number);
  addText(line, digits);
}

static void addHexadecimal(Line *line, uintptr_t number) {
  char digits[2 * sizeof number + 1];
  char *at = digits + sizeof digits - 1;
  *at = '\0';
  do *--at = "0123456789abcdef"[number & 15];
  while ((number >>= 4) != 0);
  addText(line, at);
}

/* The loader knows the program by the name that it was started with, and the kernel's library by one that is no file. */
static const char *moduleName(const Line *line, const Dl_info *module, const Dl_info *program) {
  if (module->dli_fbase == program->dli_fbase) return line->path;
  return module->dli_fname != NULL ? module->dli_fname : "?";
}

/* Adds "MODULE+OFFSET". A frame that does not fit is left out whole. */
static void addFrameText(Line *line, uintptr_t frame, const Dl_info *program) {
  Dl_info module;
  size_t before = line->length;
  addTab(line);
  if (dladdr((void *)frame, &module) != 0) { /* NOLINT(performance-no-int-to-ptr) */
    addText(line, moduleName(line, &module, program));
    frame -= (uintptr_t)module.dli_fbase;
  }
  addText(line, "+0x");
  addHexadecimal(line, frame);
  if (line->length + 1 >= sizeof line->bytes) line->length = before;
}

/* Returns the number of frames at the top that are this library's. */
static unsigned ownFrames(const Stack *stack) {
  Dl_info own, module;
  unsigned count = 0;
  if (dladdr((void *)&countsPoints, &own) == 0) return 0;
  while (count < stack->depth &&
         dladdr((void *)stack->frames[count], &module) != 0 && /* NOLINT(performance-no-int-to-ptr) */
         module.dli_fbase == own.dli_fbase)
    count++;
  return count;
}

static void describeFrames(Line *line, const Stack *stack) {
  Dl_info program = {0};
  ssize_t length = readlink("/proc/self/exe", line->path, sizeof line->path - 1);
  line->path[length > 0 ? length : 0] = '\0';
  if (dladdr((void *)getauxval(AT_PHDR), &program) == 0) program.dli_fbase = NULL; /* NOLINT(performance-no-int-to-ptr) */
  unsigned first = ownFrames(stack);
  for (unsigned i = first; i < stack->depth && i < first + FRAMES; i++) addFrameText(line, stack->frames[i], &program);
}

/* In a sandbox no link may be read, and no file opened: the frames are left out. */
static void describe(Line *line, const Stack *stack, uint64_t number, size_t size) {
  addDecimal(line, number);
  addTab(line);
  addDecimal(line, (uint64_t)heapOwner.pid);
  addTab(line);
  addText(line, heapOwner.name);
  addTab(line);
  addDecimal(line, size);
  if (!isInSandbox()) describeFrames(line, stack);
}

static Line *describeAnew(const Stack *stack, uint64_t number, size_t size) {
  Line *line = rawMap(NULL, sizeof *line, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (line == MAP_FAILED) return NULL;
  describe(line, stack, number, size);
  return line;
}

/* ---- where it goes ------------------------------------------------------------------------------------------------ */

/* Appends the line by one write, since several processes may write. */
static void append(Line *line) {
  if (line->length == sizeof line->bytes) line->length--;
  line->bytes[line->length++] = '\n';
  int file = isInSandbox() ? -1 : rawOpen(points->stacksFile, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY, 0);
  ssize_t written = file < 0 ? -1 : rawWrite(file, line->bytes, line->length);
  if (file >= 0) rawClose(file);
  if (written != (ssize_t)line->length) atomic_fetch_add(&points->lost, 1);
}

static void noteNewStack(uint64_t number, size_t size) {
  Stack stack;
  walk(&stack);
  if (!isNew(&stack)) return;
  Line *line = describeAnew(&stack, number, size);
  if (line == NULL) return;
  append(line);
  rawUnmap(line, sizeof *line);
}

/* One process notes the first refusal. */
static void noteFailure(uint64_t number, size_t size) {
  Stack stack;
  walk(&stack);
  Line *line = describeAnew(&stack, number, size);
  if (line == NULL) return;
  if (line->length == sizeof line->bytes) line->length--;
  memcpy(points->stack, line->bytes, line->length);
  points->stack[line->length] = '\0';
  rawUnmap(line, sizeof *line);
  atomic_store_explicit(&points->failedPid, heapOwner.pid, memory_order_release);
}

/* ---- the count ---------------------------------------------------------------------------------------------------- */

static bool isToFail(uint64_t number) {
  uint64_t failAt = points->failAt;
  return failAt != 0 && (number == failAt || (number > failAt && points->fromThenOn != 0));
}

/* A debugger may stop here: each request that fails on purpose comes through this function. */
__attribute__((noinline)) static void failOnPurpose(uint64_t number, size_t size) {
  countOne(&ownSlot()->refused);
  if (slotIsShared()) atomic_fetch_add(&sharedTable()->onPurpose[ownSlot() - sharedTable()->slots], 1);
  atomic_fetch_add(&points->failed, 1);
  if (number == points->failAt) noteFailure(number, size);
}

bool failsAtPoint(size_t size) {
  if (!countsPoints || walking) return false;
  int savedErrno = errno;
  uint64_t number = atomic_fetch_add(&points->requests, 1) + 1;
  bool fails = isToFail(number);
  walking = true;
  if (fails) {
    failOnPurpose(number, size);
  } else if (seen != NULL) {
    noteNewStack(number, size);
  }
  walking = false;
  errno = savedErrno;
  return fails;
}

/* ---- the start ---------------------------------------------------------------------------------------------------- */

/* The conversion to a function pointer is the one that POSIX prescribes for dlsym. The first walk loads what it needs. */
static void loadUnwinder(void) {
  Stack stack;
  void *library = dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return;
  *(void **)(void *)&instructionOf = dlsym(library, "_Unwind_GetIPInfo");
  if (instructionOf != NULL) *(void **)(void *)&unwind = dlsym(library, "_Unwind_Backtrace");
  walk(&stack);
}

static void startSeen(void) {
  void *memory = rawMap(NULL, SEEN * sizeof *seen, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) seen = memory;
}

void startPoints(void) {
  RunTable *table = sharedTable();
  if (table == NULL || !table->points.counts) return;
  points = &table->points;
  loadUnwinder();
  if (points->stacksFile[0] != '\0') startSeen();
  countsPoints = true;
}
