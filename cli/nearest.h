/* nearest.h - the word that a mistyped one was meant to be. */
#ifndef MEMA_CLI_NEAREST_H
#define MEMA_CLI_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

/* True if `typed` is `word` with a few slips: up to one letter in three is missing, added, wrong, or exchanged with its neighbour, or
 * `typed` is the beginning of `word`. Upper and lower case are equal. */
bool isNear(const char *typed, const char *word);

#endif
