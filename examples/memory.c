/* memory.c - a pool whose memory is an array of the program's own. The pool asks for no other memory. When the array is
 * used up, a request is refused like any other. A mapped file, a device's memory or another heap can take its place.
 *
 *   gcc examples/memory.c -Iinclude build/libmema.a -o memory && ./memory */
#include <mema.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The simplest arena: reservations lie one after the other, and releasing the last one makes room again. */
typedef struct Array {
  char *bytes;
  size_t size, used;
} Array;

static void *reserve(void *user, size_t size, size_t alignment) {
  Array *array = user;
  uintptr_t at = (uintptr_t)array->bytes + array->used;
  size_t gap = (alignment - (at & (alignment - 1))) & (alignment - 1);
  if (gap > array->size - array->used || size > array->size - array->used - gap)
    return NULL; /* mema asks for less, or gives up */
  array->used += gap + size;
  return array->bytes + array->used - size;
}

static void release(void *user, void *base, size_t size) {
  Array *array = user;
  if ((char *)base + size == array->bytes + array->used) array->used -= size;
}

static char bytes[512 * 1024];

static int fail(const char *what) {
  fprintf(stderr, "memory: %s: %s\n", what, mema_lastError()->sentence);
  return 1;
}

int main(void) {
  /* No commit: the array may be used at once. No purge: free memory stays in the array. A static array is zero. */
  Array array = {.bytes = bytes, .size = sizeof bytes};
  mema_Memory memory = {.reserve = reserve, .release = release, .zeroed = true, .user = &array};
  mema_Options options = {.poolSize = 1000000, .memory = &memory, .name = "array"};
  Pool pool;
  if (!mema_initPoolWith(&pool, &options)) return fail("mema_initPoolWith");

  /* Chunks and their Blocks lie in the array. */
  char *text = mema_psprintf(&pool, "the pool took %zu of %zu bytes", array.used, array.size);
  if (text == NULL) return fail("mema_psprintf");
  if (text < bytes || text >= bytes + sizeof bytes) return fail("not in the array");
  if ((char *)pool.head < bytes || (char *)pool.head >= bytes + sizeof bytes) return fail("the Block is not in the array");
  puts(text);

  /* The budget is larger than the array: the array is what bounds this pool. */
  size_t chunks = 0;
  while (palloc(&pool, 100) != NULL) chunks++;
  if (mema_lastError()->reason != MEMA_NO_MEMORY || chunks < 1000) return fail("the array should have room for more");
  printf("and had room for %zu chunks of 100 bytes: %s\n", chunks, mema_lastError()->sentence);
  if (!mema_checkPool(&pool)) return fail("mema_checkPool");

  /* A freed chunk makes room for another. */
  if (!pfree(&pool, text) || palloc(&pool, strlen("once more")) == NULL) return fail("palloc");

  if (!freePool(&pool)) return fail("freePool");
  if (array.used >= sizeof bytes / 8) return fail("reservations were not released");
  puts("released");
  return 0;
}
