/* environment.h - the part of a process's environment that reaches the programs it starts: the entry of LD_PRELOAD
 * that names the library, and the variables that the library reads. A program that empties its environment takes them
 * away from those that it starts; here they are found missing, and put back into a copy.
 *
 * After rememberEnvironment nothing here allocates, or takes a lock. errno is kept. */
#ifndef MEMA_EXEC_ENVIRONMENT_H
#define MEMA_EXEC_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#define INHERITED_MOST 16u
#define INHERITED_ROOM 16384u /* for the texts of the variables */

/* Keeps, of the environment that this process was started with, the variables of these names, of which there are
 * INHERITED_MOST at most, and the library's entry of LD_PRELOAD. The first name is that of a run: another value of it
 * belongs to another run. False where the library's own path or the first variable is unknown: nothing can be put
 * back. */
bool rememberEnvironment(const char *const *names);

/* The library's path, and the value of the first variable. */
const char *inheritedLibrary(void);
const char *inheritedFile(void);

/* The entries that an environment lacks. */
typedef struct Lack {
  size_t entries;      /* of the environment */
  const char *preload; /* its LD_PRELOAD, or NULL */
  bool library;        /* that does not name the library */
  bool superfluous;    /* that names the library, which the program must not get */
  unsigned variables;  /* which of the variables, as bits */
} Lack;

/* `environment` may be NULL, which is an empty one. */
void findLack(Lack *lack, char *const *environment);

/* The program must not get the library: what is lacking is an environment without it. */
void withoutLibrary(Lack *lack);

/* Whether a program with that environment starts without the library, or cannot tell the run of itself. */
bool isLost(const Lack *lack);

/* The bytes that a complete copy takes, or 0 where nothing is missing. */
size_t roomToRestore(const Lack *lack);

/* Makes the copy in so many bytes at `room`, which is aligned for pointers. Its strings are those of the old one. */
char **restoreEnvironment(void *room, char *const *environment, const Lack *lack);

/* Points `missing`, which has INHERITED_MOST + 1 elements, at the texts "NAME=value" that the environment lacks, and
 * returns their number. The text of LD_PRELOAD is made at `room`, which has preloadRoom(lack) bytes. */
size_t preloadRoom(const Lack *lack);
size_t missingTexts(const char **missing, char *room, const Lack *lack);

#endif
