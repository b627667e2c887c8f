/* programs.h - whole programs under a preloaded allocator: `make bench-programs`. */
#ifndef BENCH_PROGRAMS_H
#define BENCH_PROGRAMS_H

#include "peers.h"

Work runProgram; /* [0] ms of wall time, [1] MiB resident at most, [2] ms of processor time; n: which program */

/* Which program. */
typedef enum {
  PROGRAM_TRUE,
  PROGRAM_GCC,
  PROGRAM_PYTHON,
  PROGRAM_SQLITE,
  PROGRAM_PERL,
  PROGRAM_GIT_LOG,
  PROGRAM_GIT_PACK,
  PROGRAM_XZ,
  PROGRAM_SORT,
  PROGRAM_REDIS
} ProgramId;

/* Where the launcher and the input are: bench/programs/prepare.sh made them. Everything is done in there. */
void useProgramDirectory(const char *directory);

/* Is it there, with its input? Says on stderr what is not. */
bool hasProgram(size_t which);

#endif
