/* GMP in the current pool. Its functions cannot fail, so a request above the budget ends the program, with one line. */
#include "hosts.h"

#define MEMA_CURRENT_IMPLEMENTATION
#include <gmp.h>
#include <mema_current.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void factorial(unsigned n) {
  mpz_t product;
  mpz_init(product);
  mpz_fac_ui(product, n);
  CHECK(mpz_divisible_ui_p(product, n) && mpz_sizeinbase(product, 2) > n);
  mpz_clear(product);
}

/* Runs in a child, whose standard error goes into a pipe. */
static bool endsWithOneLine(unsigned n, const char *line) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  pid_t child = fork();
  if (child == 0) {
    alarm(600);
    dup2(ends[1], 2);
    factorial(n);
    _exit(0);
  }
  close(ends[1]);
  char said[200] = "";
  ssize_t length = read(ends[0], said, sizeof said - 1);
  close(ends[0]);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return length > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(said, line) != NULL;
}

/* A number of one pool grows, and ends, while the other pool is current. */
static void eachChunkGoesBackToItsPool(Pool *mine) {
  Pool other = {0};
  mpz_t number, more;
  CHECK(initPool(&other, 64 * 1024));
  size_t free = mine->freeSize;
  mpz_init_set_ui(number, 3);
  CHECK(mema_pushPool(&other));
  mpz_init_set_ui(more, 5);
  mpz_pow_ui(number, number, 1000);
  mpz_swap(number, more);
  CHECK(mine->freeSize < free - 100 && other.freeSize < 64 * 1024);
  mpz_clear(number);
  CHECK(other.freeSize == 64 * 1024);
  mpz_clear(more);
  CHECK(mine->freeSize == free && mema_popPool(&other) && freePool(&other));
}

int main(void) {
  Pool pool = {0};
  CHECK(initPool(&pool, 64 * 1024));
  mp_set_memory_functions(mema_currentMallocOrAbort, mema_currentReallocOrAbort, mema_currentFreeSized);
  MEMA_WITH_POOL(&pool) {
    factorial(3000);
    CHECK(figures(&pool).allocations > 0 && pool.freeSize == 64 * 1024);
    eachChunkGoesBackToItsPool(&pool);
    CHECK(endsWithOneLine(100000, "mema: no memory for"));
  }
  CHECK(badCalls == 0 && freePool(&pool));
  return report();
}
