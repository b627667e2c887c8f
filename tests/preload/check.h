/* check.h - parts that the test programs of the preload library share: a check that ends the program, and memory filled with a
 * pattern that tells whether a chunk was damaged. */
#ifndef MEMA_TESTS_CHECK_H
#define MEMA_TESTS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* No stdio: the program under test may have no memory left for it. */
#define CHECK(condition)                                                                                    \
  do {                                                                                                      \
    if (!(condition)) {                                                                                     \
      char line_[512];                                                                                      \
      int length_ = snprintf(line_, sizeof line_, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      if (write(2, line_, (size_t)length_) < 0) _exit(99);                                                  \
      _exit(1);                                                                                             \
    }                                                                                                       \
  } while (0)

static inline void fill(void *chunk, size_t size, unsigned char seed) {
  memset(chunk, seed, size);
}

static inline bool isFilled(const void *chunk, size_t size, unsigned char seed) {
  const unsigned char *bytes = chunk;
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] != seed) return false;
  }
  return true;
}

/* SIGALRM comes after that pause, once; 0: no more. A handler calls this at its end. A timer that repeats by itself could leave the
 * interrupted code no time to proceed, where the handler is slow. */
static inline void interruptIn(long microseconds) {
  struct itimerval once = {{0, 0}, {0, microseconds}};
  setitimer(ITIMER_REAL, &once, NULL);
}

/* xorshift64*: the same values in every run. */
static inline uint64_t nextRandom(uint64_t *state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 0x2545f4914f6cdd1dULL;
}

#endif
