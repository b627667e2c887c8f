/* arena.c - a pool for each request: an arena hands chunks out one behind the other, and all of them go at once.
 *
 *   cc arena.c $(pkg-config --cflags --libs mema) && ./a.out */
#include <mema.h>
#include <stdio.h>
#include <string.h>

/* The words of a line, in reverse. All memory for it comes from the pool, which frees it. */
static const char *answer(Pool *pool, const char *line) {
  char *text = mema_pstrdup(pool, line), *result = mema_pstrdup(pool, "");
  for (char *word; result != NULL && text != NULL && (word = strrchr(text, ' ')) != NULL; *word = '\0')
    result = mema_psprintf(pool, "%s%s ", result, word + 1);
  return result != NULL && text != NULL ? mema_psprintf(pool, "%s%s", result, text) : NULL;
}

int main(void) {
  static const char *const lines[] = {"one two three", "", "a", "the last one"};
  static const char *const expected[] = {"three two one", "", "a", "one last the"};
  const mema_Options options = {.poolSize = 64 * 1024, .untracked = true, .engine = MEMA_ARENA, .name = "request"};
  int wrong = 0;
  Pool pool;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    if (!mema_initPoolWith(&pool, &options)) return 1; /* nanoseconds: the memory is warm from the request before */
    const char *text = answer(&pool, lines[i]);
    wrong += text == NULL || strcmp(text, expected[i]) != 0;
    printf("\"%s\" -> \"%s\", %zu bytes of %zu used\n", lines[i], text != NULL ? text : "?", pool.poolSize - pool.freeSize,
           pool.poolSize);
    if (!freePool(&pool)) return 1;
  }

  /* Frees are as exact as in any pool, and a long-lived arena can be emptied. */
  if (!mema_initPoolWith(&pool, &options)) return 1;
  char *first = palloc(&pool, 100), *second = palloc(&pool, 100);
  wrong += !pfree(&pool, first) || pfree(&pool, first) || pfree(&pool, second + 16);
  wrong += !mema_resetPool(&pool) || pfree(&pool, second) || pool.freeSize != pool.poolSize;
  wrong += palloc(&pool, pool.poolSize + 1) != NULL; /* the budget is kept */
  printf("%s\n", wrong == 0 ? "everything is as expected" : "something is wrong");
  return freePool(&pool) && wrong == 0 ? 0 : 1;
}
