/* The start of a program on a Cortex-M4 (the board mps2-an386 of qemu), and its end, with a status, by semihosting. */
#include <stdint.h>

extern uint32_t stackTop[], dataFrom[], dataStart[], dataEnd[], bssStart[], bssEnd[];
extern int run(void);
void reset(void);
_Noreturn void leave(int status);

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {stackTop, (void *)reset};

_Noreturn void leave(int status) {
  uint32_t block[2] = {0x20026 /* the application ends */, (uint32_t)status};
  register uint32_t call __asm__("r0") = 0x20 /* SYS_EXIT_EXTENDED */;
  register uint32_t *argument __asm__("r1") = block;
  for (;;) __asm__ volatile("bkpt 0xab" : : "r"(call), "r"(argument) : "memory");
}

void reset(void) {
  for (volatile uint32_t *to = dataStart, *from = dataFrom; to < dataEnd;) *to++ = *from++;
  for (volatile uint32_t *to = bssStart; to < bssEnd;) *to++ = 0;
  leave(run());
}
