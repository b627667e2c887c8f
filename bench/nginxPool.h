/* nginxPool.h - one of the peers: pools as nginx has them. */
#ifndef BENCH_NGINX_POOL_H
#define BENCH_NGINX_POOL_H

#include <stddef.h>

void *nginxMake(void);
void *nginxAlloc(void *pool, size_t size);
void nginxFree(void *pool);

#endif
