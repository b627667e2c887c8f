/* quickjs.h - the types of QuickJS's memory hooks, and the one call that takes them, for quickjsHooks.c: where there is no QuickJS,
 * the hooks of mema_quickjs.h are tested all the same. (Facts: quickjs.h of 2021-03-27.) */
#ifndef MEMA_TESTS_STAND_IN_QUICKJS_H
#define MEMA_TESTS_STAND_IN_QUICKJS_H

#include <stddef.h>

typedef struct JSRuntime JSRuntime;

typedef struct JSMallocState {
  size_t malloc_count, malloc_size, malloc_limit;
  void *opaque;
} JSMallocState;

typedef struct JSMallocFunctions {
  void *(*js_malloc)(JSMallocState *state, size_t size);
  void (*js_free)(JSMallocState *state, void *ptr);
  void *(*js_realloc)(JSMallocState *state, void *ptr, size_t size);
  size_t (*js_malloc_usable_size)(const void *ptr);
} JSMallocFunctions;

JSRuntime *JS_NewRuntime2(const JSMallocFunctions *functions, void *opaque);

#endif
