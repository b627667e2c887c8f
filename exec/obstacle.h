/* obstacle.h - the reasons why a preloaded library does not reach a program, and their names.
 *
 * Shared by the preload libraries, which note them, and by the command line, which tells them. */
#ifndef MEMA_EXEC_OBSTACLE_H
#define MEMA_EXEC_OBSTACLE_H

#include <stdint.h>

typedef enum Obstacle {
  OBSTACLE_NONE,
  OBSTACLE_ENVIRONMENT, /* LD_PRELOAD of the program's environment does not name the library */
  OBSTACLE_LIBRARY,     /* the program may not open the library, or it lies outside the program's root directory */
  OBSTACLE_FIGURES,     /* the same of the file in which the processes of a run leave their figures */
  OBSTACLE_STATIC,
  OBSTACLE_USER_ID,
  OBSTACLE_GROUP_ID,
  OBSTACLE_CAPABILITIES,
  OBSTACLE_RAISED, /* the caller's effective user or group is not its real one, and so will be the program's */
  OBSTACLE_WORD_SIZE,
  OBSTACLE_MACHINE,
  OBSTACLE_LOADER, /* of another C library */
  OBSTACLE_SANITIZER,
  OBSTACLE_KINDS
} Obstacle;

/* In a word or a few: "static", "set-user-ID". An unknown number has a name as well. */
const char *obstacleName(uint32_t obstacle);

/* As the rest of a sentence about the program: "is statically linked: it loads no libraries". */
const char *obstacleSentence(uint32_t obstacle);

/* Advice to the user, as a command: "link it without -static". */
const char *obstacleAdvice(uint32_t obstacle);

#endif
