/* attempt.h - one run of a program whose end is judged: its output is read, its time is limited, and no process of it is left.
 *
 * A process of its own, the keeper, starts the program and reads what it writes. All descendants of the program become children
 * of the keeper when their parents end, also those in sessions of their own. So the keeper can end every one of them: at the
 * time limit by SIGTERM, then by SIGKILL, and whatever is left when the program has ended and its output is closed. */
#ifndef MEMA_CLI_ATTEMPT_H
#define MEMA_CLI_ATTEMPT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runOptions.h"
#include "tableFile.h"
#include "target.h"

/* The program, and what is the same in every attempt. */
typedef struct Subject {
  const Target *target;
  RunOptions run;       /* the command and the options of the library; failAt and poolSize may differ by attempt */
  const char *input;    /* the file that is its standard input */
  const char *check;    /* NULL, or a command for the shell that looks at what the program left */
  bool counts;          /* its requests; else failAt has no effect, and the program keeps its speed */
  const char *stacks;   /* NULL, or the file that gets the call stacks (RunPoints) */
  uint64_t nanoseconds; /* the time limit */
  uint64_t mostOutput;  /* bytes; a program that writes more is ended as if its time were up */
} Subject;

/* The length and a hash of the bytes written. */
typedef struct Stream {
  uint64_t bytes;
  uint64_t hash;
} Stream;

enum { MESSAGE_ROOM = 256 };

typedef struct Attempt {
  int status;    /* 128 + the signal that ended the program */
  int signal;    /* or 0 */
  int reason;    /* an errno: it never began */
  bool timedOut; /* or wrote without an end */
  bool lasted;   /* processes of it were left, and were ended */
  Stream output, errors, checkOutput;
  int checkStatus;
  char message[MESSAGE_ROOM]; /* the first line of its stderr */
  uint64_t nanoseconds;       /* that it took */
  uint64_t processorTime;     /* of all its processes that were waited for, in nanoseconds */
} Attempt;

typedef struct Keeper {
  TableFile table;
  Attempt *attempt; /* the keeper's process writes it */
  pid_t pid;        /* 0: no attempt goes on */
} Keeper;

/* Finds the library. From here on the signals that end mema, and SIGCHLD, are blocked: awaitSignal takes them. False after
 * complaining. */
bool prepareAttempts(void);

/* The environment for other programs than the subject: without the library. Called in a child. */
void leaveAttempts(void);

/* Waits for a signal, for a fifth of a second at most. Returns one that asks mema to end, or 0. */
int awaitSignal(void);

/* False after complaining. */
bool makeKeeper(Keeper *keeper);
void removeKeeper(Keeper *keeper);

/* Starts an attempt. False: the system has no process for it. */
bool startAttempt(Keeper *keeper, const Subject *subject);

/* True once, when the attempt has ended, with all of its processes. */
bool attemptHasEnded(Keeper *keeper);

/* Ends the attempt and all of its processes. */
void stopAttempt(Keeper *keeper);

/* Makes an attempt and waits. Returns a signal that asks mema to end, -1 after complaining, or 0. */
int makeAttempt(Keeper *keeper, const Subject *subject);

/* Monotonic, in nanoseconds. */
uint64_t nowInNanoseconds(void);

#endif
