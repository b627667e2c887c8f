/* starter HOW ENVIRONMENT PROGRAM [ARGUMENT...] - starts a program by one of the C library's functions.
 *
 *   ENVIRONMENT  same; none; a number of variables without meaning; or a value of LD_PRELOAD, which is all there is
 *
 * The status is the program's. Where it could not be started, the reason's number is printed, and the status is 100. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                            \
  if (!(condition)) {                                               \
    fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
    exit(101);                                                      \
  }

static char **environmentLike(const char *wish) {
  int count = atoi(wish);
  if (strcmp(wish, "same") == 0) return environ;
  char **list = calloc((size_t)count + 2, sizeof *list);
  CHECK(list != NULL);
  if (count == 0 && strcmp(wish, "none") != 0) CHECK(asprintf(&list[0], "LD_PRELOAD=%s", wish) > 0);
  for (int i = 0; i < count; i++) list[i] = strdup("A=1");
  return list;
}

static int fail(int reason) {
  printf("%s\n", strerrorname_np(reason));
  return 100;
}

static int statusOf(pid_t child) {
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 102;
}

/* ---- in place of this program ------------------------------------------------------------------------------------- */

static void replace(const char *how, char **argv, char **environment) {
  const char *program = argv[0], *one = argv[1], *two = one != NULL ? argv[2] : NULL;
  if (strcmp(how, "execve") == 0) execve(program, argv, environment);
  if (strcmp(how, "execvpe") == 0) execvpe(program, argv, environment);
  if (strcmp(how, "execle") == 0 && one == NULL) execle(program, program, NULL, environment);
  if (strcmp(how, "execle") == 0 && two == NULL) execle(program, program, one, NULL, environment);
  if (strcmp(how, "execle") == 0) execle(program, program, one, two, NULL, environment);
  if (strcmp(how, "fexecve") == 0) fexecve(open(program, O_PATH | O_CLOEXEC), argv, environment);
  if (strcmp(how, "execveatEmpty") == 0) {
    execveat(open(program, O_RDONLY | O_CLOEXEC), "", argv, environment, AT_EMPTY_PATH);
  }
  if (strcmp(how, "execveat") == 0) {
    char *slash = strrchr(argv[0], '/');
    CHECK(slash != NULL);
    *slash = '\0';
    int directory = open(argv[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
    *slash = '/';
    execveat(directory, slash + 1, argv, environment, 0);
  }
  environ = environment;
  if (strcmp(how, "execv") == 0) execv(program, argv);
  if (strcmp(how, "execvp") == 0) execvp(program, argv);
  if (strcmp(how, "execl") == 0) execl(program, program, one, two, NULL);
  if (strcmp(how, "execlp") == 0) execlp(program, program, one, two, NULL);
}

/* ---- beside it ---------------------------------------------------------------------------------------------------- */

static int byVfork(char **argv, char **environment) {
  volatile int reason = 0;
  pid_t child = vfork();
  if (child == 0) {
    execve(argv[0], argv, environment);
    reason = errno;
    _exit(100);
  }
  CHECK(child > 0);
  int status = statusOf(child);
  return reason != 0 ? fail(reason) : status;
}

static int bySpawn(bool byName, char **argv, char **environment) {
  pid_t child;
  int reason = (byName ? posix_spawnp : posix_spawn)(&child, argv[0], NULL, NULL, argv, environment);
  return reason != 0 ? fail(reason) : statusOf(child);
}

/* For those that take a line for the shell. */
static const char *joined(char **argv) {
  static char line[4096];
  for (; *argv != NULL; argv++) {
    strcat(line, *argv);
    if (argv[1] != NULL) strcat(line, " ");
  }
  return line;
}

static int bySystem(char **argv, char **environment) {
  const char *line = joined(argv);
  environ = environment;
  int status = system(line);
  return status == -1 ? fail(errno) : WEXITSTATUS(status);
}

static int byPopen(char **argv, char **environment) {
  const char *line = joined(argv);
  char text[256];
  environ = environment;
  FILE *stream = popen(line, "r");
  if (stream == NULL) return fail(errno);
  while (fgets(text, sizeof text, stream) != NULL) fputs(text, stdout);
  return WEXITSTATUS(pclose(stream));
}

/* ---- special ones ------------------------------------------------------------------------------------------------- */

static int countMappings(void) {
  int count = 0, c;
  FILE *maps = fopen("/proc/self/maps", "r");
  CHECK(maps != NULL);
  while ((c = getc(maps)) != EOF) count += c == '\n';
  fclose(maps);
  return count;
}

/* Memory that the children of vfork needed is gone from this process. */
static int byVforkOften(char **argv, char **environment) {
  int before = 0;
  for (int i = 0; i < 60; i++) {
    CHECK(byVfork(argv, environment) == 0);
    if (i == 9) before = countMappings();
  }
  CHECK(countMappings() == before);
  return 0;
}

static int bySpawnOften(char **argv, char **environment) {
  for (int i = 0; i < 1005; i++) CHECK(bySpawn(false, argv, environment) == 0);
  return 0;
}

/* A thread that is to be cancelled starts a program all the same: that is no point where threads are cancelled. */
typedef struct Spawning {
  char **argv, **environment;
  int status;
} Spawning;

static void *spawnCancelled(void *argument) {
  Spawning *spawning = argument;
  int state;
  pid_t child;
  pthread_cancel(pthread_self());
  int reason = posix_spawn(&child, spawning->argv[0], NULL, NULL, spawning->argv, spawning->environment);
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
  spawning->status = reason != 0 ? fail(reason) : statusOf(child);
  return NULL;
}

static int byCancelled(char **argv, char **environment) {
  Spawning spawning = {argv, environment, 103};
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, spawnCancelled, &spawning) == 0 && pthread_join(thread, NULL) == 0);
  return spawning.status;
}

static void *spawnPlainly(void *argument) {
  Spawning *spawning = argument;
  spawning->status = bySpawn(false, spawning->argv, spawning->environment);
  return NULL;
}

/* A thread with the smallest stack that there is. */
static int byNarrowThread(char **argv, char **environment) {
  Spawning spawning = {argv, environment, 103};
  pthread_t thread;
  pthread_attr_t narrow;
  pthread_attr_init(&narrow);
  CHECK(pthread_attr_setstacksize(&narrow, PTHREAD_STACK_MIN) == 0);
  CHECK(pthread_create(&thread, &narrow, spawnPlainly, &spawning) == 0 && pthread_join(thread, NULL) == 0);
  return spawning.status;
}

/* errno is left alone where a program was started, though the table was looked for in vain: it is gone, as after the
 * end of a run. */
static int keepingErrno(char **argv, char **environment) {
  if (getenv("MEMA_TABLE") != NULL) unlink(getenv("MEMA_TABLE"));
  errno = 77;
  int status = bySpawn(false, argv, environment);
  return errno == 77 ? status : 104;
}

/* A user without rights: the one named nobody, as a rule. */
static void becomeOther(void) {
  CHECK(setgid(65534) == 0 && setuid(65534) == 0);
}

int main(int argc, char **argv) {
  CHECK(argc > 3);
  const char *how = argv[1];
  char **environment = environmentLike(argv[2]);
  argv += 3;
  if (strcmp(how, "other") == 0) {
    becomeOther();
    how = "execve";
  }
  if (strcmp(how, "raised") == 0) {
    CHECK(seteuid(65534) == 0);
    how = "execve";
  }
  if (strcmp(how, "vfork") == 0) return byVfork(argv, environment);
  if (strcmp(how, "posix_spawn") == 0) return bySpawn(false, argv, environment);
  if (strcmp(how, "posix_spawnp") == 0) return bySpawn(true, argv, environment);
  if (strcmp(how, "system") == 0) return bySystem(argv, environment);
  if (strcmp(how, "popen") == 0) return byPopen(argv, environment);
  if (strcmp(how, "vforkOften") == 0) return byVforkOften(argv, environment);
  if (strcmp(how, "spawnOften") == 0) return bySpawnOften(argv, environment);
  if (strcmp(how, "cancelled") == 0) return byCancelled(argv, environment);
  if (strcmp(how, "narrow") == 0) return byNarrowThread(argv, environment);
  if (strcmp(how, "errno") == 0) return keepingErrno(argv, environment);
  replace(how, argv, environment);
  return fail(errno);
}
