/* inspect.h - a look into a program's file: would the loader preload a library into the program?
 *
 * The one implementation for the command line and for the preload libraries. It allocates nothing, takes no lock, and
 * is no point where a thread may be cancelled: it may be called in a signal handler and in a child of vfork. errno is
 * not kept. */
#ifndef MEMA_EXEC_INSPECT_H
#define MEMA_EXEC_INSPECT_H

#include <stdbool.h>

#include "obstacle.h"

/* The kernel reads no more of a script to find its interpreter. */
#define SCRIPT_HEAD_BYTES 256

/* A program's file, in the terms of execveat. */
typedef struct ProgramFile {
  int directory; /* AT_FDCWD, or the descriptor that `path` counts from */
  const char *path;
  int flags;          /* of execveat */
  bool shellRunsText; /* the caller gives a file that the kernel does not know to /bin/sh, as execvp does */
} ProgramFile;

typedef struct Inspection {
  bool isThere; /* a regular file; else all the rest says nothing */
  Obstacle obstacle;
  unsigned interpreters;               /* scripts between the file and the program with the obstacle */
  bool lacksInterpreter;               /* the last interpreter, or the loader, is not there: the program cannot start */
  char interpreter[SCRIPT_HEAD_BYTES]; /* of the last script */
  char loader[SCRIPT_HEAD_BYTES];      /* that the program asks for; cut off where it is longer */
} Inspection;

/* Looks into the file, and if that is a script, into its interpreter. A file that cannot be read, or is no program, has
 * no obstacle: the kernel will tell the fault. */
void inspectProgram(Inspection *found, const ProgramFile *file);

#define DESCRIPTOR_PATH_ROOM 32

/* The path by which an open file can be opened again. */
void formatDescriptorPath(char path[DESCRIPTOR_PATH_ROOM], int number);

#endif
