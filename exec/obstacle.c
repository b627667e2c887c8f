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

typedef struct Words {
  const char *name;
  const char *sentence;
} Words;

static const Words words[OBSTACLE_KINDS] = {
    [OBSTACLE_NONE] = {"reached", "loads preloaded libraries"},
    [OBSTACLE_ENVIRONMENT] = {"environment without the library",
                              "would start in an environment without the preload library"},
    [OBSTACLE_LIBRARY] = {"cannot open the library", "could not open the preload library"},
    [OBSTACLE_FIGURES] = {"cannot open the table of figures",
                          "could not open the file in which the run gathers its figures"},
    [OBSTACLE_STATIC] = {"static", "is statically linked: it loads no libraries"},
    [OBSTACLE_USER_ID] = {"set-user-ID", "is set-user-ID" NO_PRELOADING},
    [OBSTACLE_GROUP_ID] = {"set-group-ID", "is set-group-ID" NO_PRELOADING},
    [OBSTACLE_CAPABILITIES] = {"file capabilities", "has file capabilities" NO_PRELOADING},
    [OBSTACLE_RAISED] = {"raised privileges",
                         "would start with another effective user or group than its real one" NO_PRELOADING},
    [OBSTACLE_WORD_SIZE] = {OTHER_BITS "-bit", "is a " OTHER_BITS "-bit program: the preload library is a " OUR_BITS
                                               "-bit one and cannot be loaded into it"},
    [OBSTACLE_MACHINE] = {"for another machine",
                          "is made for another machine: the preload library cannot be loaded into it"},
    [OBSTACLE_LOADER] = {"another C library", "belongs to another C library: its loader cannot load the preload library"},
};

static const Words *wordsOf(uint32_t obstacle) {
  static const Words unknown = {"unknown", "cannot be reached"};
  return obstacle < OBSTACLE_KINDS ? &words[obstacle] : &unknown;
}

const char *obstacleName(uint32_t obstacle) {
  return wordsOf(obstacle)->name;
}

const char *obstacleSentence(uint32_t obstacle) {
  return wordsOf(obstacle)->sentence;
}
