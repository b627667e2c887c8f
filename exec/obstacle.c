/* obstacle.c - see obstacle.h. */
#include "obstacle.h"

#if UINTPTR_MAX > 0xffffffffu
#define OUR_BITS "64"
#define OTHER_BITS "32"
#else
#define OUR_BITS "32"
#define OTHER_BITS "64"
#endif

#define NO_PRELOADING ": such programs run without preloaded libraries"

#define COPY_IT "start a copy of it without these privileges"

typedef struct Words {
  const char *name;
  const char *sentence;
  const char *advice;
} Words;

static const Words words[OBSTACLE_KINDS] = {
    [OBSTACLE_NONE] = {"reached", "loads preloaded libraries", "start it"},
    [OBSTACLE_ENVIRONMENT] = {"environment without the library", "would start in an environment without the preload library",
                              "leave out --no-inherit"},
    [OBSTACLE_LIBRARY] = {"cannot open the library", "could not open the preload library",
                          "let its user read the library, below its root directory"},
    [OBSTACLE_FIGURES] = {"cannot open the table of figures", "could not open the file in which the run gathers its figures",
                          "start it as the user of the run"},
    [OBSTACLE_STATIC] = {"static", "is statically linked: it loads no libraries", "link it without -static"},
    [OBSTACLE_USER_ID] = {"set-user-ID", "is set-user-ID" NO_PRELOADING, COPY_IT},
    [OBSTACLE_GROUP_ID] = {"set-group-ID", "is set-group-ID" NO_PRELOADING, COPY_IT},
    [OBSTACLE_CAPABILITIES] = {"file capabilities", "has file capabilities" NO_PRELOADING, COPY_IT},
    [OBSTACLE_RAISED] = {"raised privileges",
                         "would start with another effective user or group than its real one" NO_PRELOADING,
                         "start it as one user"},
    [OBSTACLE_WORD_SIZE] = {OTHER_BITS "-bit",
                            "is a " OTHER_BITS "-bit program: the preload library is a " OUR_BITS
                            "-bit one and cannot be loaded into it",
                            "build it, or mema, with the word size of the other"},
    [OBSTACLE_MACHINE] = {"for another machine", "is made for another machine: the preload library cannot be loaded into it",
                          "build it for this machine"},
    [OBSTACLE_LOADER] = {"another C library", "belongs to another C library: its loader cannot load the preload library",
                         "build it with the C library of this system"},
    [OBSTACLE_SANITIZER] = {"sanitizer", "was built with a sanitizer, which has a malloc of its own",
                            "build it without -fsanitize=address, thread, memory or leak"},
};

static const Words *wordsOf(uint32_t obstacle) {
  static const Words unknown = {"unknown", "cannot be reached", "look at its file"};
  return obstacle < OBSTACLE_KINDS ? &words[obstacle] : &unknown;
}

const char *obstacleName(uint32_t obstacle) {
  return wordsOf(obstacle)->name;
}

const char *obstacleSentence(uint32_t obstacle) {
  return wordsOf(obstacle)->sentence;
}

const char *obstacleAdvice(uint32_t obstacle) {
  return wordsOf(obstacle)->advice;
}
