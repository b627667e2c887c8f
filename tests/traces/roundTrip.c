/* roundTrip - a trace that was written is read back unchanged: every kind of operation, sizes and alignments up to the largest, threads, objects
 * that are given anew, processes without operations, and sections by the hundred; plain, and compressed where the build can. */
#include <unistd.h>

#include "../../trace/sink.h"
#include "support/example.h"

static void roundTrip(bool compressed, size_t processes, size_t operations) {
  Trace read;
  TraceError error;
  const char *path;
  int file = makeFile("", 0, &path);
  Trace written = writeExample(file, compressed, processes, operations);
  CHECK(readTrace(path, &read, &error));
  CHECK(sameTrace(&written, &read));
  CHECK(isSound(&read));
  freeTrace(&read);
  freeExample(&written);
  close(file);
}

int main(void) {
  for (int compressed = 0; compressed <= canCompress(); compressed++) {
    for (uint64_t i = 0; i < 40; i++) {
      seed(i);
      roundTrip(compressed, i % 5, i * i * i);
    }
    seed(99);
    roundTrip(compressed, 2, 100000);
  }
  return 0;
}
