/* asks - asks for ten chunks in a thread and in a child, and says so where one is refused: status 3. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNKS = 10, SIZE = 1000 };

/* Returns its argument; NULL if a chunk was refused. */
static void *ask(void *argument) {
  char *chunks[CHUNKS];
  int count = 0;
  while (count < CHUNKS && (chunks[count] = malloc(SIZE)) != NULL) chunks[count++][0] = 1;
  int refused = count < CHUNKS;
  while (count > 0) free(chunks[--count]);
  return refused ? NULL : argument;
}

int main(void) {
  pthread_t thread;
  void *answer = NULL;
  int status = 0;
  if (pthread_create(&thread, NULL, ask, &answer) != 0) return 2;
  pthread_join(thread, &answer);
  pid_t child = fork();
  if (child == 0) _exit(ask(&thread) != NULL ? 0 : 3);
  waitpid(child, &status, 0);
  if (answer != NULL && status == 0) return puts("all of it") < 0;
  fputs("asks: refused\n", stderr);
  return 3;
}
