/* checksum.c - CRC-32 (ITU-T V.42, ISO 3309), four bits at a time: slower than with the usual table of 1 KiB, and far from
 * being what reading a trace waits for. */
#include "format.h"

uint32_t traceChecksum(uint32_t checksum, const void *bytes, size_t length) {
  static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                     0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                     0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
  const uint8_t *byte = bytes;
  checksum = ~checksum;
  while (length-- > 0) {
    checksum ^= *byte++;
    checksum = checksum >> 4 ^ table[checksum & 15];
    checksum = checksum >> 4 ^ table[checksum & 15];
  }
  return ~checksum;
}
