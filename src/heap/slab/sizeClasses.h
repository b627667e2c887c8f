/* sizeClasses.h - the slot sizes of the slab engine.
 *
 * Sizes go in 16-byte steps to 128, in 32-byte steps to 512, then in four steps per doubling up to 32 KiB. At
 * most a fifth of a slot above 512 bytes is unused, and on average a twentieth for the sizes that programs ask
 * for most. Up to 1 KiB a byte table gives the class: computing it would cost a branch that mixed sizes
 * mispredict.
 */
#ifndef MEMA_HEAP_SLAB_SIZE_CLASSES_H
#define MEMA_HEAP_SLAB_SIZE_CLASSES_H

#include <stddef.h>
#include <stdint.h>

enum {
  mema_tableMax = 1024,
  mema_classCount = 44,
  mema_slotMax = 32 * 1024,
};

/* The class, by (size + 15) / 16. */
static const uint8_t mema_classTable[mema_tableMax / 16 + 1] = {
    0,  0,  1,  2,  3,  4,  5,  6,  7,                               /* to 128 */
    8,  8,  9,  9,  10, 10, 11, 11,                                  /* to 256 */
    12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18, 19, 19,  /* to 512 */
    20, 20, 20, 20, 20, 20, 20, 20, 21, 21, 21, 21, 21, 21, 21, 21,  /* to 768 */
    22, 22, 22, 22, 22, 22, 22, 22, 23, 23, 23, 23, 23, 23, 23, 23}; /* to 1024 */

/* The slot size of a class. */
static inline uint32_t mema_classSize(unsigned class) {
  if (class < 8) return (class + 1) * 16;
  if (class < 20) return 128 + (class - 7) * 32;
  uint32_t base = UINT32_C(512) << ((class - 20) / 4);
  return base + ((class - 20) % 4 + 1) * (base / 4);
}

/* The smallest class whose slots hold `size` bytes, 1 to mema_slotMax. */
static inline unsigned mema_classOf(size_t size) {
  if (size <= mema_tableMax) return mema_classTable[(size + 15) / 16];
  uint32_t last = (uint32_t)size - 1;
  unsigned log = 31 - (unsigned)__builtin_clz(last);
  return 20 + (log - 9) * 4 + (last >> (log - 2) & 3);
}

#endif
