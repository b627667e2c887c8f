/* loading.h - the C library's functions that open a library, without RTLD_DEEPBIND. */
#ifndef MEMA_EXEC_LOADING_H
#define MEMA_EXEC_LOADING_H

#include <dlfcn.h>
#include <stdbool.h>

#include <mema.h>

#ifndef LM_ID_BASE /* the C library has no namespaces, and no RTLD_DEEPBIND */
typedef long Lmid_t;
#define LM_ID_BASE 0
#endif
#ifndef RTLD_DEEPBIND
#define RTLD_DEEPBIND 0
#endif

MEMA_PUBLIC void *dlopen(const char *file, int mode);
MEMA_PUBLIC void *dlmopen(Lmid_t nsid, const char *file, int mode);

/* Whether the flag stays in; until this is called it does not. */
void leaveDeepBind(bool in);
/* `note` is called for each flag that is taken out, also for earlier ones. */
void countDeepBinds(void (*note)(void));

#endif
