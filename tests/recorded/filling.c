/* filling COUNT - COUNT pairs of malloc and free; prints errno as it is at the end, and ends with status 4. For records that have
 * no room. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  static void *volatile sink;
  long count = argc > 1 ? atol(argv[1]) : 1;
  errno = 0;
  for (long i = 0; i < count; i++) {
    sink = malloc(50);
    if (sink == NULL) return 1;
    free(sink);
  }
  if (errno != 0) return 2;
  puts("done");
  return 4;
}
