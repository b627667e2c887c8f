/* sanitizer.h - was a program built with a sanitizer that brings a malloc of its own? The runtimes of gcc refuse to start
 * behind a preloaded library, or crash; those of clang leave the library's malloc without a call. */
#ifndef MEMA_EXEC_SANITIZER_H
#define MEMA_EXEC_SANITIZER_H

#include <link.h>
#include <stdbool.h>

/* Looks into a program's file with this header. False also if the file cannot be read, or has no dynamic section. Under
 * the rules of inspect.h. */
bool hasSanitizer(int file, const ElfW(Ehdr) * header);

#endif
