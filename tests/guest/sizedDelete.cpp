// sizedDelete RIGHT|MISTAKE: deletes that state a size, as compilers call them for objects of a known type. With -DREPLACED the program has a new
// and a delete of its own, which keep a header before each object; the sized delete is then the runtime library's.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

#ifdef REPLACED
static long objects;
void *operator new(std::size_t size) {
  char *chunk = static_cast<char *>(std::malloc(size + 64));
  if (chunk == nullptr) throw std::bad_alloc();
  objects++;
  return chunk + 64;
}
void operator delete(void *ptr) noexcept {
  if (ptr == nullptr) return;
  objects--;
  std::free(static_cast<char *>(ptr) - 64);
}
#endif

struct Base {
  long words[2] = {1, 2};
};
struct Derived : Base {
  long more[40] = {};
};
struct Root {
  virtual ~Root() = default;
  long word = 1;
};
struct Leaf : Root {
  long more[40] = {};
};
struct alignas(256) Wide {
  char bytes[700] = {};
};

template <size_t size> struct Block {
  char bytes[size];
  ~Block() { std::memset(bytes, 0, size); }
};

template <size_t size> static void useBlocks() {
  delete new Block<size>();
  delete[] new Block<size>[3]();
  useBlocks<size * 5 / 4 + 1 < 200000 ? size * 5 / 4 + 1 : 0>();
}
template <> void useBlocks<0>() {}

static void allRight() {
  std::map<std::string, std::vector<int>> map;
  for (int i = 0; i < 3000; i++) map[std::string(i % 300, 'k') + std::to_string(i)].assign(i % 700, i);
  map.clear();
  useBlocks<1>();
  delete new Wide();
  delete[] new Wide[3]();
  std::unique_ptr<Root> root(new Leaf());
  std::shared_ptr<Root> shared = std::make_shared<Leaf>();
}

int main(int argc, char **argv) {
  const char *mistake = argc > 1 ? argv[1] : "";
  if (std::strcmp(mistake, "right") == 0) allRight();
  Base *volatile base = nullptr;
  if (std::strcmp(mistake, "base") == 0) {
    base = new Derived();
    delete base;
  }
  if (std::strcmp(mistake, "derived") == 0) {
    base = new Base();
    delete static_cast<Derived *>(base);
  }
  void *volatile raw = nullptr;
  if (std::strcmp(mistake, "array") == 0) ::operator delete[](raw = ::operator new[](100), std::size_t(3000));
  if (std::strcmp(mistake, "aligned") == 0)
    ::operator delete(raw = ::operator new(100, std::align_val_t(128)), std::size_t(9000), std::align_val_t(128));
#ifdef REPLACED
  std::printf("%ld ", objects);
#endif
  std::puts("done");
  return 0;
}
