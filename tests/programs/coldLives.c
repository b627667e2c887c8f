/* Pools too large to be kept warm, one after another, for tests/faults.sh: nothing of one may be seen in the next,
 * though the system refuses to take its pages back.
 *
 *   coldLives            the pools lie at the same place, which is unmapped in between
 *   coldLives sealed     the process has many pools, so that their memory stays mapped; from the first life on, a filter
 *                        refuses advice and fresh mappings. Exit status 77 where there is no such filter. */
#include "support.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { many = 600, spare = 20, cannot = 77 };

static Pool pool, others[many];
static void *chunks[65536];

static void require(bool good, const char *what, int life) {
  if (good) return;
  fprintf(stderr, "coldLives: %s in life %d (%s)\n", what, life, mema_lastError()->sentence);
  exit(1);
}

/* Makes more pools than are mapped step by step, and ends the last ones, whose memory the next pools get. */
static void makeMany(void) {
  for (int i = 0; i < many; i++) require(initPool(&others[i], MIB), "initPool failed", -1);
  for (int i = many - spare; i < many; i++) require(freePool(&others[i]), "freePool failed", -1);
  mema_trimPool(NULL);
}

static bool refuseMappings(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
  };
  struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int main(int argc, char **argv) {
  (void)argv;
  if (argc > 1) {
    makeMany();
    if (!refuseMappings()) return cannot;
  }
  for (int life = 0; life < 8; life++) {
    require(initPool(&pool, MIB), "initPool failed", life);
    size_t stale = 0;
    for (size_t i = 0; life > 0 && i < 65536; i++) stale += mema_ownsChunk(&pool, chunks[i]) || pfree(&pool, chunks[i]);
    require(stale == 0, "a chunk of the life before is live", life);
    for (size_t size = 100; size <= 500000; size *= 17) {
      unsigned char *zero = mema_pcalloc(&pool, 1, size);
      require(zero != NULL, "pcalloc failed", life);
      for (size_t i = 0; i < size; i++) require(zero[i] == 0, "a byte of the life before is seen", life);
      require(pfree(&pool, zero), "pfree failed", life);
    }
    for (size_t i = 0; i < 65536; i++) {
      chunks[i] = palloc(&pool, 16);
      require(chunks[i] != NULL, "palloc failed", life);
      memset(chunks[i], 0xee, 16);
    }
    require(pool.freeSize == 0 && mema_checkPool(&pool) && freePool(&pool), "not whole", life);
  }
  return 0;
}
