/* sizedFree RIGHT|MISTAKE: frees that state a size. Right sizes are taken in each case; a mistake is one call. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern void free_sized(void *ptr, size_t size) __attribute__((weak));
extern void free_aligned_sized(void *ptr, size_t alignment, size_t size) __attribute__((weak));

static void *request(size_t size) {
  void *chunk = malloc(size);
  if (chunk == NULL) exit(9);
  return memset(chunk, 1, size);
}

static void allRight(void) {
  free_sized(NULL, 100);
  free_aligned_sized(NULL, 64, 100);
  for (size_t size = 0; size < 3000000; size = size * 9 / 8 + 1) {
    free_sized(request(size), size);
    free_sized(calloc(1, size), size);
    free_sized(realloc(request(size * 2 + 1), size + 1), size + 1);
    free_sized(realloc(request(size / 2), size + 1), size + 1);
    for (size_t alignment = 1; alignment <= 8192; alignment *= 8)
      free_aligned_sized(aligned_alloc(alignment, size), alignment, size);
  }
}

int main(int argc, char **argv) {
  const char *mistake = argc > 1 ? argv[1] : "";
  volatile size_t more = 1000, odd = 24;
  if (free_sized == NULL || free_aligned_sized == NULL) return 7;
  if (strcmp(mistake, "right") == 0) allRight();
  if (strcmp(mistake, "size") == 0) free_sized(request(100), more);
  if (strcmp(mistake, "largeSize") == 0) free_sized(request(100000), more * more);
  if (strcmp(mistake, "alignedSize") == 0) free_aligned_sized(aligned_alloc(64, 128), 64, more);
  if (strcmp(mistake, "alignment") == 0) free_aligned_sized(aligned_alloc(64, 128), odd, 128);
  if (strcmp(mistake, "address") == 0) {
    char *chunk = request(100), *next = request(100);
    free_aligned_sized((uintptr_t)chunk % 4096 != 0 ? chunk : next, 4096, 100);
  }
  if (strcmp(mistake, "twice") == 0) {
    void *chunk = request(100);
    free(chunk);
    free_sized(chunk, 100);
  }
  puts("done");
  return 0;
}
