// unwinding - at an exhausted budget a C++ program can still throw, report the failure and unwind, where there is a reserve.
// The caller sets MEMA_POOL_SIZE=4M, and MEMA_RESERVE=64K or not. Status 0: all was said and unwound; 9: there was no memory for it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

static std::vector<std::unique_ptr<char[]>> *hoard;
static int unwound;

// A destructor that makes a note on the way.
struct Witness {
  ~Witness() {
    try {
      std::string note(300, 'w');
      unwound += note.size() == 300;
    } catch (const std::bad_alloc &) {
    }
  }
};

static void fill(size_t size) {
  for (;;) hoard->push_back(std::unique_ptr<char[]>(new char[size]));
}

static void sink(int depth) {
  Witness witness;
  if (depth > 0) {
    sink(depth - 1);
    return;
  }
  try {
    fill(64);
  } catch (const std::bad_alloc &) {
    throw std::runtime_error(std::string(500, 'm') + " after a refusal");
  }
}

int main() {
  std::vector<std::unique_ptr<char[]>> chunks;
  chunks.reserve(100000);
  hoard = &chunks;
  try {
    sink(20);
  } catch (const std::runtime_error &error) {
    return std::strlen(error.what()) == 516 && unwound == 21 ? 0 : 1;
  } catch (const std::bad_alloc &) {
    return 9;
  }
  return 2;
}
