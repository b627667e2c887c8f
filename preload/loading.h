/* loading.h - the C library's functions that open a library, without RTLD_DEEPBIND. */
#ifndef MEMA_PRELOAD_LOADING_H
#define MEMA_PRELOAD_LOADING_H

#include <dlfcn.h>

#include <mema.h>

MEMA_PUBLIC void *dlopen(const char *file, int mode);
MEMA_PUBLIC void *dlmopen(Lmid_t nsid, const char *file, int mode);

#endif
