// Containers in a budget: they work as with std::allocator, get std::bad_alloc at the budget, and leave nothing behind. Each check that
// fails prints its line. Built with and without exceptions, in each standard from C++17 on.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

static unsigned badFrees;
#define MEMA_BAD_FREE(pool, pointer) (badFrees++)
#include "mema.hpp"

static int failures;
#define CHECK(condition) \
  ((condition) ? (void)0 : (void)(failures++, std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition)))

namespace {

struct Counted {
  explicit Counted(int value) : number(value) {
    live++;
  }
  virtual ~Counted() {
    live--;
  }
  int number;
  static int live;
};
int Counted::live;

struct Derived : Counted {
  using Counted::Counted;
};

struct alignas(256) Wide {
  char bytes[256];
};

void theEndOfItsScopeEndsAPool() {
  std::optional<mema::pool> scope;
  mema::pool &pool = scope.emplace(1000u);
  CHECK(pool);
  CHECK(pool.tryAllocate(600) != nullptr);
  CHECK(pool.tryAllocate(600) == nullptr);
  CHECK(pool.freeSize() == 400);
  mema_Pool *ended = pool;
  scope.reset();
  CHECK(mema_palloc(ended, 1) == nullptr && mema_lastError()->reason == MEMA_BAD_POOL);
}

void aPoolThatCannotBeMadeSaysSo() {
  mema::pool pool(0);
  CHECK(!pool);
  CHECK(mema_lastError()->reason == MEMA_BAD_ARGUMENT);
  CHECK(pool.tryAllocate(1) == nullptr);
}

void aSubPoolTakesItsParentsBudget() {
  mema::pool parent(1000);
  mema_Options options = {};
  options.poolSize = 400;
  mema::pool child(parent, options);
  CHECK(child);
  CHECK(child.tryAllocate(300) != nullptr);
  CHECK(child.tryAllocate(200) == nullptr);
  CHECK(parent.freeSize() == 700);
}

void aPointerFreesItsObject() {
  mema::pool pool(10000);
  {
    auto object = pool.make<Derived>(7);
    CHECK(object && object->number == 7 && Counted::live == 1);
    mema::pointer<Counted> base = std::move(object);
    CHECK(!object && base->number == 7);
    auto wide = pool.make<Wide>();
    CHECK(reinterpret_cast<std::uintptr_t>(wide.get()) % 256 == 0);
  }
  CHECK(Counted::live == 0 && pool.freeSize() == 10000);
  mema::pool small(1);
  CHECK(small.make<Derived>(1) == nullptr && Counted::live == 0);
}

void standardContainersUseTheBudget() {
  mema::pool pool(1 << 20);
  {
    std::vector<int, mema::allocator<int>> numbers{mema::allocator<int>(pool)};
    for (int i = 0; i < 1000; i++) numbers.push_back(i);
    CHECK(numbers[999] == 999 && pool.freeSize() <= (1 << 20) - 4000);
    using Entry = std::pair<const int, double>;
    std::map<int, double, std::less<int>, mema::allocator<Entry>> map{mema::allocator<Entry>(pool)};
    for (int i = 0; i < 100; i++) map[i] = i / 2.0;
    CHECK(map.at(99) == 49.5);
    auto copy = numbers;
    CHECK(copy == numbers && copy.get_allocator() == numbers.get_allocator());
  }
  CHECK(pool.freeSize() == 1 << 20);
}

#if defined(__cpp_lib_memory_resource)
void polymorphicContainersUseTheBudget() {
  mema::pool pool(1 << 20), another(1 << 20);
  mema::resource memory(pool), alike(pool), other(another);
#if defined(__cpp_rtti)
  CHECK(memory == alike);
#endif
  CHECK(memory == memory && memory != other && memory != *std::pmr::new_delete_resource());
  {
    std::pmr::vector<std::pmr::string> lines(&memory);
    for (int i = 0; i < 100; i++) lines.emplace_back("a line that is too long for the string's own buffer");
    std::pmr::unordered_map<int, std::pmr::string> map(&memory);
    map.emplace(1, "another line that is too long for the string's own buffer");
    CHECK(mema_ownsChunk(pool, map.at(1).data()));
    CHECK(pool.freeSize() < (1 << 20) - 5000);
  }
  CHECK(pool.freeSize() == 1 << 20);
  void *aligned = memory.allocate(100, 4096);
  CHECK(reinterpret_cast<std::uintptr_t>(aligned) % 4096 == 0);
  memory.deallocate(aligned, 100, 4096);
}
#endif

#if defined(__cpp_exceptions)
struct Thrower {
  Thrower() {
    throw 1;
  }
};

template <class Work>
bool throwsBadAlloc(Work work) {
  try {
    work();
  } catch (const std::bad_alloc &) {
    return true;
  }
  return false;
}

void unwindingLeavesNothing() {
  mema::pool pool(10000);
  mema::allocator<char> memory(pool);
  CHECK(throwsBadAlloc([&] {
    std::vector<int, mema::allocator<int>> numbers(memory);
    for (int i = 0;; i++) numbers.push_back(i);
  }));
  CHECK(throwsBadAlloc([&] { (void)memory.allocate(SIZE_MAX); }));
  CHECK(throwsBadAlloc([&] { (void)mema::allocator<Wide>(pool).allocate(SIZE_MAX / 2); }));
#if defined(__cpp_lib_memory_resource)
  mema::resource resource(pool);
  CHECK(throwsBadAlloc([&] {
    std::pmr::vector<std::pmr::string> lines(&resource);
    for (;;) lines.emplace_back("a line that is too long for the string's own buffer");
  }));
#endif
  bool thrown = false;
  try {
    (void)pool.make<Thrower>();
  } catch (int) {
    thrown = true;
  }
  CHECK(thrown && pool.freeSize() == 10000);
}

void anExceptionMayLeaveACallback() {
  mema_Pool pool;
  bool thrown = false;
  CHECK(mema_initPool(&pool, 10000));
  CHECK(mema_onExhausted(
      &pool, [](mema_Pool *, size_t, void *) -> bool { throw 1; }, nullptr));
  try {
    (void)mema_palloc(&pool, 10001);
  } catch (int) {
    thrown = true;
  }
  CHECK(thrown && mema_freePool(&pool));
}
#endif

void aBadFreeIsRefusedAndReported() {
  mema::pool pool(1000), another(1000);
  mema::allocator<int> memory(pool), wrong(another);
  int *numbers = static_cast<int *>(pool.tryAllocate(40));
  badFrees = 0;
  wrong.deallocate(numbers, 10);
  CHECK(badFrees == 1 && pool.freeSize() == 960 && another.freeSize() == 1000);
  memory.deallocate(numbers, 10);
  CHECK(badFrees == 1);
  memory.deallocate(numbers, 10);
  CHECK(badFrees == 2 && pool.freeSize() == 1000);
}

// A container that outlives its pool gets no memory, and frees nothing.
void anEndedPoolIsRefused() {
  std::optional<mema::pool> scope;
  scope.emplace(10000u);
  mema::allocator<int> memory(*scope);
  int *numbers = memory.allocate(10);
  scope.reset();
  badFrees = 0;
  memory.deallocate(numbers, 10);
  CHECK(badFrees == 1 && mema_lastError()->reason == MEMA_BAD_POOL);
  CHECK(mema::tryAllocate(memory.pool(), 1) == nullptr && mema_lastError()->reason == MEMA_BAD_POOL);
#if defined(__cpp_exceptions)
  CHECK(throwsBadAlloc([&] { (void)memory.allocate(1); }));
#endif
}

}  // namespace

int main() {
  theEndOfItsScopeEndsAPool();
  aPoolThatCannotBeMadeSaysSo();
  aSubPoolTakesItsParentsBudget();
  aPointerFreesItsObject();
  standardContainersUseTheBudget();
#if defined(__cpp_lib_memory_resource)
  polymorphicContainersUseTheBudget();
#endif
#if defined(__cpp_exceptions)
  unwindingLeavesNothing();
  anExceptionMayLeaveACallback();
#endif
  aBadFreeIsRefusedAndReported();
  anEndedPoolIsRefused();
  return failures == 0 ? 0 : 1;
}
