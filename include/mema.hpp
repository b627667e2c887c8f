// mema.hpp - pools for C++17 and later: mema::pool, mema::resource (std::pmr), mema::allocator and mema::deleter.
//
//   mema::pool pool(1 << 20);                       // a budget of 1 MiB; frees all at the end of the scope
//   mema::resource memory(pool);
//   std::pmr::vector<std::pmr::string> lines(&memory);    // std::bad_alloc when the budget is used up
//
// Every member is a call of mema.h, which has its contract; this header adds no state to chunks. Without exceptions
// (-fno-exceptions) a container that gets no memory ends the program, as with std::allocator; mema::pool needs none.
// A pool outlives what uses it: a container that frees into an ended pool, or into another pool, frees nothing, and
// MEMA_BAD_FREE(pool, pointer) says so. Threads: as the pool; mema_Options.shared for several.
#ifndef MEMA_HPP
#define MEMA_HPP

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "mema.h"

#if defined(__has_include)
#if __has_include(<memory_resource>)
#include <memory_resource>
#endif
#endif

// Called if a container or a deleter frees a pointer that is no live chunk of its pool. The pool has refused it.
#ifndef MEMA_BAD_FREE
#define MEMA_BAD_FREE(pool, pointer) \
  std::fprintf(stderr, "mema: %p is not freed: %s\n", static_cast<void *>(pointer), mema_lastError()->sentence)
#endif

namespace mema {

// Returns a chunk, or nullptr in the cases of mema_palloc and mema_pmemalign.
inline void *tryAllocate(mema_Pool *pool, std::size_t bytes, std::size_t alignment = MEMA_ALIGNMENT) noexcept {
  return alignment <= MEMA_ALIGNMENT ? mema_palloc(pool, bytes) : mema_pmemalign(pool, alignment, bytes);
}

// As tryAllocate, but throws std::bad_alloc; without exceptions it ends the program.
inline void *allocate(mema_Pool *pool, std::size_t bytes, std::size_t alignment = MEMA_ALIGNMENT) {
  void *chunk = tryAllocate(pool, bytes, alignment);
  if (chunk != nullptr) return chunk;
#if defined(__cpp_exceptions)
  throw std::bad_alloc();
#else
  std::fprintf(stderr, "mema: %s\n", mema_lastError()->sentence);
  std::abort();
#endif
}

inline void deallocate(mema_Pool *pool, void *pointer) noexcept {
  if (pointer != nullptr && !mema_pfree(pool, pointer)) MEMA_BAD_FREE(pool, pointer);
}

// Destroys an object and frees its chunk: for std::unique_ptr and std::shared_ptr.
template <class T>
class deleter {
public:
  deleter() noexcept = default;
  explicit deleter(mema_Pool *pool) noexcept : pool_(pool) {}
  // From the deleter of a derived class.
  template <class U, class = std::enable_if_t<std::is_convertible_v<U *, T *>>>
  deleter(const deleter<U> &other) noexcept : pool_(other.pool()) {}

  void operator()(T *object) const noexcept {
    object->~T();
    deallocate(pool_, const_cast<std::remove_cv_t<T> *>(object));
  }
  mema_Pool *pool() const noexcept { return pool_; }

private:
  mema_Pool *pool_ = nullptr;
};

template <class T>
using pointer = std::unique_ptr<T, deleter<T>>;

// A pool that ends with its scope: first its sub-pools must. It has an address of its own, so it cannot be moved.
class pool {
public:
  // Makes a tracked pool with a budget of `bytes`. `if (!pool)` finds a pool that could not be made; mema_lastError
  // says why, and each request to it fails.
  explicit pool(std::size_t bytes) noexcept { live_ = mema_initPool(&pool_, bytes); }
  explicit pool(const mema_Options &options) noexcept { live_ = mema_initPoolWith(&pool_, &options); }
  // Makes a sub-pool, whose budget is a part of the parent's.
  pool(pool &parent, const mema_Options &options) noexcept { live_ = mema_initSubPool(&pool_, parent, &options); }
  pool(const pool &) = delete;
  pool &operator=(const pool &) = delete;
  ~pool() {
    if (live_) mema_freePool(&pool_);
  }

  // The pool for the calls of mema.h; nullptr if it could not be made, so `if (pool)` tells.
  operator mema_Pool *() noexcept { return live_ ? &pool_ : nullptr; }
  mema_Pool *get() noexcept { return *this; }
  std::size_t freeSize() const noexcept { return mema_freeSize(&pool_); }

  void *tryAllocate(std::size_t bytes, std::size_t alignment = MEMA_ALIGNMENT) noexcept {
    return mema::tryAllocate(*this, bytes, alignment);
  }
  // Returns false, with nothing changed, if the pointer is not the start of a live chunk.
  bool free(void *chunk) noexcept { return mema_pfree(&pool_, chunk); }
  // Frees every chunk. Destructors of objects in them do not run.
  bool reset() noexcept { return mema_resetPool(&pool_); }

  // Makes an object; an empty pointer if the pool has no room for it. A constructor that throws leaves no chunk.
  template <class T, class... Arguments>
  pointer<T> make(Arguments &&...arguments) {
    void *chunk = mema::tryAllocate(&pool_, sizeof(T), alignof(T));
    if (chunk == nullptr) return pointer<T>(nullptr, deleter<T>(&pool_));
    struct Guard {
      mema_Pool *pool;
      void *chunk;
      ~Guard() {
        if (chunk != nullptr) deallocate(pool, chunk);
      }
    } guard{&pool_, chunk};
    T *object = ::new (chunk) T(std::forward<Arguments>(arguments)...);
    guard.chunk = nullptr;
    return pointer<T>(object, deleter<T>(&pool_));
  }

private:
  mema_Pool pool_;
  bool live_ = false;
};

// A standard allocator. Two are equal if they have one pool.
template <class T>
class allocator {
public:
  using value_type = T;
  using propagate_on_container_copy_assignment = std::false_type;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;
  using is_always_equal = std::false_type;

  allocator(mema_Pool *pool) noexcept : pool_(pool) {}
  template <class U>
  allocator(const allocator<U> &other) noexcept : pool_(other.pool()) {}

  T *allocate(std::size_t count) {
    // A product that overflows asks for more than any budget.
    std::size_t bytes = count > MEMA_UNLIMITED / sizeof(T) ? MEMA_UNLIMITED + 1 : count * sizeof(T);
    return static_cast<T *>(mema::allocate(pool_, bytes, alignof(T)));
  }
  void deallocate(T *pointer, std::size_t) noexcept { mema::deallocate(pool_, pointer); }
  mema_Pool *pool() const noexcept { return pool_; }

private:
  mema_Pool *pool_;
};

template <class T, class U>
bool operator==(const allocator<T> &a, const allocator<U> &b) noexcept {
  return a.pool() == b.pool();
}
template <class T, class U>
bool operator!=(const allocator<T> &a, const allocator<U> &b) noexcept {
  return a.pool() != b.pool();
}

#if defined(__cpp_lib_memory_resource)
// A memory resource for std::pmr containers. Two are equal if they have one pool.
class resource : public std::pmr::memory_resource {
public:
  explicit resource(mema_Pool *pool) noexcept : pool_(pool) {}
  mema_Pool *pool() const noexcept { return pool_; }

private:
  void *do_allocate(std::size_t bytes, std::size_t alignment) override { return mema::allocate(pool_, bytes, alignment); }
  void do_deallocate(void *pointer, std::size_t, std::size_t) override { mema::deallocate(pool_, pointer); }
  bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override {
    if (this == &other) return true;
#if defined(__cpp_rtti)
    auto *another = dynamic_cast<const resource *>(&other);
    return another != nullptr && another->pool_ == pool_;
#else
    return false;
#endif
  }

  mema_Pool *pool_;
};
#endif

}  // namespace mema

#endif
