/* descriptor.h - descriptors of our own that stay out of the way of the program's. */
#ifndef MEMA_CLI_DESCRIPTOR_H
#define MEMA_CLI_DESCRIPTOR_H

/* Moves a descriptor above 2 and closes it on exec; -1 stays -1. Where the caller has closed stdin, stdout or stderr, the next
 * file opened takes that number, and what is said on stderr would be written into it. */
int moveAside(int descriptor);

#endif
