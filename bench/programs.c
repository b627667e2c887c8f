/* programs.c - whole programs, their heaps put into an allocator by preloading it: `make bench-programs`.
 *
 * Each run is started by programs/launch.c, which reads the clock and the peak of resident memory. All programs have the same
 * few environment variables and no others, and their input was made before (programs/prepare.sh). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "programs.h"

enum { MOST_ARGUMENTS = 24 };

typedef struct {
  const char *command[MOST_ARGUMENTS];
  const char *input;  /* a file that it needs, beside the launcher; NULL: none */
  const char *driver; /* a program that sends it requests; NULL: none */
} Program;

/* One thread where the command has a choice and does not say two. Redis listens on a socket in the directory, and nowhere
 * else; no more threads than it needs; nothing on disk. */
static const Program programs[] = {
    [PROGRAM_TRUE] = {{"/bin/true"}, NULL, NULL},
    [PROGRAM_GCC] = {{"gcc", "-O2", "-w", "-c", "functions.c", "-o", "functions.o"}, "functions.c", NULL},
    [PROGRAM_PYTHON] = {{"python3", "work.py"}, "work.py", NULL},
    [PROGRAM_SQLITE] = {{"sqlite3", ":memory:", ".read work.sql"}, "work.sql", NULL},
    [PROGRAM_PERL] = {{"perl", "work.pl"}, "work.pl", NULL},
    [PROGRAM_GIT_LOG] = {{"git", "--git-dir=history.git", "log", "-p", "--stat", "-M", "main"}, "history.git/HEAD", NULL},
    [PROGRAM_GIT_PACK] = {{"git", "--git-dir=history.git", "pack-objects", "--all", "--no-reuse-delta", "--threads=2",
                           "--window=50", "--stdout", "-q"},
                          "history.git/HEAD",
                          NULL},
    [PROGRAM_XZ] = {{"xz", "-T2", "-1", "--block-size=512KiB", "-c", "lines.txt"}, "lines.txt", NULL},
    [PROGRAM_SORT] = {{"sort", "--parallel=2", "-k3", "lines.txt"}, "lines.txt", NULL},
    [PROGRAM_REDIS] = {{"./redis-server", "--port", "0", "--unixsocket", "redis.socket", "--save", "", "--appendonly", "no",
                        "--daemonize", "no", "--jemalloc-bg-thread", "no", "--io-threads", "1", "--loglevel", "warning"},
                       NULL,
                       "redis-benchmark"},
};

static const char redisSocket[] = "redis.socket";
static const char *const redisRequests[] = {"redis-benchmark",
                                            "-s",
                                            redisSocket,
                                            "-n",
                                            "60000",
                                            "-c",
                                            "20",
                                            "-P",
                                            "16",
                                            "-r",
                                            "100000",
                                            "-d",
                                            "200",
                                            "-q",
                                            "-t",
                                            "set,get,incr,lpush,rpop,sadd,hset,zadd",
                                            NULL};

static const char path[] = "/usr/local/bin:/usr/bin:/bin";

/* ---- what is there ------------------------------------------------------------------------------------------------ */

void useProgramDirectory(const char *directory) {
  if (chdir(directory) == 0 && access("launch", X_OK) == 0) return;
  fprintf(stderr, "bench: no launcher in %s\n", directory);
  exit(1);
}

static bool isInPath(const char *command) {
  char file[256];
  if (strchr(command, '/') != NULL) return access(command, X_OK) == 0;
  for (const char *at = path; *at != '\0';) {
    int length = (int)strcspn(at, ":");
    snprintf(file, sizeof file, "%.*s/%s", length, at, command);
    if (access(file, X_OK) == 0) return true;
    at += length + (at[length] == ':');
  }
  return false;
}

bool hasProgram(size_t which) {
  const Program *program = &programs[which];
  const char *missing = !isInPath(program->command[0])                                ? program->command[0]
                        : program->input != NULL && access(program->input, R_OK) != 0 ? program->input
                        : program->driver != NULL && !isInPath(program->driver)       ? program->driver
                                                                                      : NULL;
  if (missing != NULL) fprintf(stderr, "bench: no %s: its row is left out\n", missing);
  return missing == NULL;
}

/* ---- one run ------------------------------------------------------------------------------------------------------ */

typedef struct {
  pid_t launcher; /* 0: could not be started */
  int report;
} Run;

typedef struct {
  double ns, cpuUs, bytes;
  bool succeeded;
} Report;

static const Report noReport = {NAN, NAN, NAN, false};

/* Python's own allocator would ask malloc for little; hashes in the same order each time. */
static const char *const plainEnvironment[] = {"LC_ALL=C",
                                               "HOME=.",
                                               "PYTHONMALLOC=malloc",
                                               "PYTHONHASHSEED=0",
                                               "PYTHONDONTWRITEBYTECODE=1",
                                               "PERL_HASH_SEED=0",
                                               "PERL_PERTURB_KEYS=0",
                                               "GIT_CONFIG_NOSYSTEM=1",
                                               "GIT_PAGER=cat"};
enum { VARIABLES = sizeof plainEnvironment / sizeof *plainEnvironment };

static pid_t spawnLauncher(const char *const *command, const char *preload, int report) {
  char search[sizeof path + 8], library[4096];
  const char *environment[VARIABLES + 3] = {0};
  const char *arguments[MOST_ARGUMENTS + 2] = {"./launch"};
  memcpy(environment, plainEnvironment, sizeof plainEnvironment);
  snprintf(search, sizeof search, "PATH=%s", path);
  snprintf(library, sizeof library, "LD_PRELOAD=%s", preload != NULL ? preload : "");
  environment[VARIABLES] = search;
  if (preload != NULL) environment[VARIABLES + 1] = library;
  for (int i = 0; command[i] != NULL; i++) arguments[i + 1] = command[i];
  posix_spawn_file_actions_t actions;
  pid_t launcher = 0;
  if (posix_spawn_file_actions_init(&actions) != 0) return 0;
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, report, 3);
  /* It writes to neither, though its type says that it might. */
  if (posix_spawn(&launcher, "./launch", &actions, NULL, (char *const *)arguments, (char *const *)environment) != 0)
    launcher = 0;
  posix_spawn_file_actions_destroy(&actions);
  return launcher;
}

/* The reading end lies above 3, which is the launcher's to write to. */
static Run start(const char *const *command, const char *preload) {
  int ends[2];
  Run run = {0, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return run;
  int writing = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
  run.launcher = spawnLauncher(command, preload, writing);
  run.report = ends[0];
  close(ends[1]);
  close(writing);
  return run;
}

static Report finish(Run run) {
  char text[128];
  if (run.launcher == 0) return noReport;
  ssize_t length = read(run.report, text, sizeof text - 1);
  text[length > 0 ? length : 0] = '\0';
  close(run.report);
  waitpid(run.launcher, NULL, 0);
  if (length <= 0) return noReport;
  char *rest = text;
  Report report = {0};
  report.ns = strtod(rest, &rest);
  report.cpuUs = strtod(rest, &rest);
  report.bytes = strtod(rest, &rest) * 1024;
  report.succeeded = strtol(rest, &rest, 10) == 0;
  return report;
}

/* ---- a server and its client -------------------------------------------------------------------------------------- */

static int connectTo(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
  for (int tries = 0; tries < 2000; tries++) {
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address) == 0) return connection;
    close(connection);
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
  return -1;
}

/* The wall time is the client's; memory and processor time are the server's. The launcher's end is the server's too. */
static Report runServer(const char *const *command, const char *preload) {
  static const char farewell[] = "SHUTDOWN NOSAVE\r\n";
  unlink(redisSocket);
  Run server = start(command, preload);
  if (server.launcher == 0) return noReport;
  int connection = connectTo(redisSocket);
  Report client = connection >= 0 ? finish(start(redisRequests, NULL)) : noReport;
  bool asked = client.succeeded && write(connection, farewell, sizeof farewell - 1) == (ssize_t)sizeof farewell - 1;
  if (!asked) kill(server.launcher, SIGKILL);
  Report report = finish(server);
  if (connection >= 0) close(connection);
  return (Report){client.ns, report.cpuUs, report.bytes, asked && report.succeeded};
}

/* ---- a row -------------------------------------------------------------------------------------------------------- */

/* Debian's redis-server brings jemalloc with it; what is preloaded comes first, so glibc's malloc is put before it. */
static const char *preloadFor(const Peer *p, size_t which) {
  return p->preload == NULL && which == PROGRAM_REDIS ? "libc.so.6" : p->preload;
}

/* Seconds after which a run is given up. */
enum { PATIENCE = 120 };

void runProgram(const Peer *p, size_t which, double *results) {
  const Program *program = &programs[which];
  const char *preload = preloadFor(p, which);
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* with the benchmark end the launcher and its program */
  alarm(PATIENCE);
  Report report = program->driver != NULL ? runServer(program->command, preload) : finish(start(program->command, preload));
  alarm(0);
  if (!report.succeeded) {
    fprintf(stderr, "bench: %s failed under %s\n", program->command[0], p->name);
    return;
  }
  results[0] = report.ns / 1e6;
  results[1] = report.bytes / (1 << 20);
  results[2] = report.cpuUs / 1e3;
}
