/* Preloaded, it makes the C library another version: that of OTHER_VERSION. */
#include <stdlib.h>

const char *gnu_get_libc_version(void) {
  return getenv("OTHER_VERSION");
}
