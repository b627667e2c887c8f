/* cells.h - many reservations in few mappings.
 *
 * A small pool needs a little address space of its own. A mapping for it would cost system calls at its birth and at
 * its death, and kernel mappings in between. So cells of one shape are cut from regions: of 16 cells at first, of as
 * many as there are already later on. A cell that is given up goes on a stack. There it is warm (its holder left it
 * in order, and the next holder goes on with it) or cold (all its pages were given back: it reads as zero).
 *
 * A cell has three parts, each beside the equal parts of its neighbours: the front (records, always mapped, so
 * that a stale pointer to one can be followed), the back (more records), and the area (chunks). So the fronts of
 * many pools share page-table pages, and a chunk that overflows meets chunks or a guard page, not records.
 *
 *   region:  links | front 0 .. front 15 | back 0 .. back 15 | guard | area 0 .. area 15 | guard
 *
 * A region is room (os.h). A cell's front is mapped when the cell is first used, and never unmapped. The backs and
 * areas of the first cells of a kind are mapped by their holders, step by step, as far as they are used, and
 * unmapped again when the cell is given up cold. Each of them is a kernel mapping. If a process has more cells of
 * one kind, the others are mapped in full at first use and stay mapped. They merge with their neighbours, so that
 * 100,000 pools do not exceed vm.max_map_count.
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
 * (threads/share.c, threads/magazine.c). */
enum {
  mema_cellSlabs = 15,
  mema_cellArenas = 8,
  mema_cellShares = mema_cellSlabs + mema_cellArenas,
  mema_cellCaches,
  mema_cellMagazines,
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
  char *back; /* this and the next field: only if the shape has an area */
  char *area;
  uint32_t index;
  bool warm;
  bool mapped; /* back and area are mapped in full; else the holder maps what it uses (not told of a warm cell) */
} mema_Cell;

/* Takes a cell: a warm one if there is one. `kind` is below mema_cellKinds, and always comes with an equal
 * shape. False iff there is no cell, and the system has no memory for another or a region would take a large part
 * of the process's limit on address space. Constant time. */
bool mema_takeCell(unsigned kind, const mema_CellShape *shape, mema_Cell *cell);

/* Gives up a cell, cold: its front must read as zero, and so must back and area, or be unmapped, as they were when
 * the cell was taken. Cells of shares and thread caches need not. */
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
