/* cells.h - many reservations in few mappings.
 *
 * A small pool needs a little address space of its own. A mapping for it would cost a system call at its birth,
 * another at its death, and a kernel mapping in between. So cells of one shape are cut from large regions, 256
 * from each (16 for thread caches), and are never unmapped. A cell that is given up goes on a stack. There it is
 * warm (its holder left it in order, and the next holder goes on with it) or cold (all its pages were given
 * back: it reads as zero).
 *
 * A cell has three parts, each beside the equal parts of its neighbours: the front (records, always mapped, so
 * that a stale pointer to one can be followed), the back (more records), and the area (chunks). So the fronts of
 * many pools share page-table pages, and a chunk that overflows meets chunks or a guard page, not records.
 *
 *   region:  links | front 0 .. front 255 | back 0 .. back 255 | guard | area 0 .. area 255 | guard
 *
 * Cells are safe from any thread, and lock-free: a fork or a signal finds nothing held. The links of the stacks
 * (base/stack.h) lie outside the cells, in memory that stays mapped.
 */
#ifndef MEMA_MEMORY_CELLS_H
#define MEMA_MEMORY_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kinds of cells: slabs and their headers, arenas (heap/cache.c), and the parts of shared pools
 * (threads/share.c). */
enum {
  mema_cellSlabs = 15,
  mema_cellArenas = 8,
  mema_cellShares = mema_cellSlabs + mema_cellArenas,
  mema_cellCaches,
  mema_cellKinds
};

/* The parts of a cell of one kind: multiples of the page size; back and area may be 0. */
typedef struct mema_CellShape {
  size_t front;
  size_t back;
  size_t area;
} mema_CellShape;

typedef struct mema_Cell {
  char *front;
  char *back;
  char *area;
  uint32_t index;
  bool warm;
} mema_Cell;

/* Takes a cell: a warm one if there is one. `kind` is below mema_cellKinds, and always comes with an equal
 * shape. False iff there is no cell and address space is short: a region would take a large part of the
 * process's limit. Constant time. */
bool mema_takeCell(unsigned kind, const mema_CellShape *shape, mema_Cell *cell);

/* Gives up a cell, cold: it must read as zero. Cells of shares and thread caches need not. */
void mema_giveCell(unsigned kind, uint32_t index);

/* Gives up a cell as it is, warm. Its resident bytes count against the process's bound. The thread sanitizer does
 * not learn of warm cells, so this must not be called if mema_isRaceChecked. */
void mema_giveWarmCell(unsigned kind, uint32_t index);

/* Takes a warm cell of this kind, whose front has this many bytes, and returns the front; NULL if there is
 * none. */
char *mema_takeWarmFront(unsigned kind, size_t front);

/* Takes a warm cell of this kind, if there is one, so that its pages can be given back. */
bool mema_takeWarmCell(unsigned kind, const mema_CellShape *shape, mema_Cell *cell);

#endif
