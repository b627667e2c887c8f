/* outside.c - slabs outside: opened when a pool's own heap has no room, found by address, and by what they may serve.
 * libmema-fixed.a, whose heaps are alone, has none.
 *
 * The slabs outside of a pool are a list, and a treap: a tree by the addresses of their areas, in which each slab has a
 * random priority that is above those of its branches (Seidel and Aragon, "Randomized search trees", Algorithmica
 * 1996). So its depth is logarithmic, whatever addresses the system chooses. Each slab notes which requests failed in
 * it, and forgets that when its units change. Each branch has the sum of that, so that a slab that may serve a request is
 * found without a walk. */
#include "heapList.h"

#include "reservation.h"

/* Bytes: a slab outside has at least outsideMin if the system has them, and at most outsideMax unless one
 * request needs more. */
static const size_t outsideMin = (size_t)1 << 20, outsideMax = (size_t)1 << mema_reservationLogMost;
enum {
  step = 64 * 1024,
  triesMost = 8,   /* slabs that may serve a request, and do not, before a new one is made */
  oldestMost = 16, /* slabs that are asked in the order of their age */
};

static mema_Slab *firstOutside(const mema_Heap *first) {
  return first->next != NULL ? mema_slabIn(first->next) : NULL;
}

/* ---- the tree ---------------------------------------------------------------------------------------------------------- */

static uint64_t priorityOf(const mema_Slab *slab) {
  uint64_t bits = (uint64_t)(uintptr_t)slab->heap.area * UINT64_C(0x9E3779B97F4A7C15);
  return (bits ^ bits >> 32) * UINT64_C(0xD6E8FEB86659FD93);
}

static bool isBefore(const mema_Slab *a, const mema_Slab *b) {
  return (uintptr_t)a->heap.area < (uintptr_t)b->heap.area;
}

static void add(mema_Requests *sum, const mema_Slab *branch) {
  if (branch == NULL) return;
  sum->classes |= branch->outside.below.classes;
  sum->empty |= branch->outside.below.empty;
  if (branch->outside.below.largest > sum->largest) sum->largest = branch->outside.below.largest;
}

static void sumUp(mema_Slab *slab) {
  slab->outside.below = slab->outside.own;
  add(&slab->outside.below, slab->outside.left);
  add(&slab->outside.below, slab->outside.right);
}

/* Returns the tree of two, of which the first has the lower addresses. */
static mema_Slab *join(mema_Slab *lower, mema_Slab *higher) {
  if (lower == NULL) return higher;
  if (higher == NULL) return lower;
  mema_Slab *root = priorityOf(lower) > priorityOf(higher) ? lower : higher;
  if (root == lower) {
    lower->outside.right = join(lower->outside.right, higher);
  } else {
    higher->outside.left = join(lower, higher->outside.left);
  }
  sumUp(root);
  return root;
}

/* Divides a tree into the slabs before `at` and those behind it. */
static void divide(mema_Slab *tree, const mema_Slab *at, mema_Slab **lower, mema_Slab **higher) {
  if (tree == NULL) {
    *lower = *higher = NULL;
  } else if (isBefore(tree, at)) {
    *lower = tree;
    divide(tree->outside.right, at, &tree->outside.right, higher);
    sumUp(tree);
  } else {
    *higher = tree;
    divide(tree->outside.left, at, lower, &tree->outside.left);
    sumUp(tree);
  }
}

static mema_Slab *insert(mema_Slab *tree, mema_Slab *slab) {
  if (tree == NULL || priorityOf(slab) > priorityOf(tree)) {
    divide(tree, slab, &slab->outside.left, &slab->outside.right);
    sumUp(slab);
    return slab;
  }
  mema_Slab **branch = isBefore(slab, tree) ? &tree->outside.left : &tree->outside.right;
  *branch = insert(*branch, slab);
  sumUp(tree);
  return tree;
}

static mema_Slab *takeOut(mema_Slab *tree, const mema_Slab *slab) {
  if (tree == NULL) return NULL; /* it is not in the tree */
  if (tree == slab) return join(slab->outside.left, slab->outside.right);
  mema_Slab **branch = isBefore(slab, tree) ? &tree->outside.left : &tree->outside.right;
  *branch = takeOut(*branch, slab);
  sumUp(tree);
  return tree;
}

/* Sums up from a slab to the root. */
static void renewSums(mema_Slab *tree, mema_Slab *slab) {
  if (tree == NULL) return; /* it is not in the tree */
  if (tree != slab) renewSums(isBefore(slab, tree) ? tree->outside.left : tree->outside.right, slab);
  sumUp(tree);
}

/* ---- requests ---------------------------------------------------------------------------------------------------------- */

static const mema_Requests allRequests = {.classes = UINT64_MAX, .largest = SIZE_MAX};

/* Returns a request as a set. `like` is any slab outside. A request with an alignment above a unit is taken for a larger
 * one, which any run of that size serves. */
static mema_Requests requestOf(const mema_Slab *like, size_t size, size_t alignment) {
  if (alignment <= MEMA_ALIGNMENT && size <= mema_slotMax)
    return (mema_Requests){.classes = UINT64_C(1) << mema_classOf(size)};
  unsigned class = mema_slabClass(like, size, alignment);
  if (class < like->classCount) return (mema_Requests){.classes = UINT64_C(1) << class};
  return (mema_Requests){.largest = size + (alignment > mema_unitSize(like) ? alignment : 0)};
}

static bool includes(const mema_Requests *set, const mema_Requests *one) {
  return (set->classes & one->classes) == one->classes && set->largest >= one->largest && set->empty >= one->empty;
}

/* Returns the slab with the lowest address that may serve a request; NULL: none may. */
static mema_Slab *lowestFor(mema_Slab *tree, const mema_Requests *request) {
  while (tree != NULL && includes(&tree->outside.below, request)) {
    mema_Slab *left = tree->outside.left;
    if (left != NULL && includes(&left->outside.below, request)) {
      tree = left;
    } else if (includes(&tree->outside.own, request)) {
      return tree;
    } else {
      tree = tree->outside.right;
    }
  }
  return NULL;
}

/* Returns a slab that may serve a request, preferably an old one, so that freed chunks serve again before younger slabs
 * are used up. Slabs double the memory outside, so a pool rarely has more than the oldest ones. NULL: none may. */
static mema_Slab *oldestFor(mema_Slab *head, const mema_Requests *request) {
  mema_Slab *slab = head;
  for (int i = 0; i < oldestMost && slab != NULL; i++, slab = mema_nextSlab(slab))
    if (includes(&slab->outside.own, request)) return slab;
  return slab != NULL ? lowestFor(head->outside.root, request) : NULL;
}

static void noteRequests(const mema_Heap *first, mema_Slab *slab, mema_Requests now) {
  now.empty = slab->outside.liveChunks == 0;
  mema_Requests *own = &slab->outside.own;
  if (own->classes == now.classes && own->largest == now.largest && own->empty == now.empty) return;
  *own = now;
  renewSums(firstOutside(first)->outside.root, slab);
}

static void noteFailed(const mema_Heap *first, mema_Slab *slab, const mema_Requests *request) {
  mema_Requests left = slab->outside.own;
  left.classes &= ~request->classes;
  if (request->largest != 0 && left.largest >= request->largest) left.largest = request->largest - 1;
  noteRequests(first, slab, left);
}

/* Called after a slab changed, which had `used` units in use before. It may serve any request if that has changed; else
 * one more chunk of the size of a slot that was freed. */
static void noteChange(const mema_Heap *first, mema_Slab *slab, uint32_t used, size_t freed) {
  mema_Requests now = slab->outside.own;
  if (mema_usedUnits(slab) != used) {
    now = allRequests;
    firstOutside(first)->outside.changes++;
  } else if (freed != 0 && freed <= mema_slotMax) {
    now.classes |= UINT64_C(1) << mema_classOf(freed);
  }
  noteRequests(first, slab, now);
}

/* ---- new slabs, and their end ------------------------------------------------------------------------------------------ */

/* Makes a slab outside, as large as all slabs outside so far, so that there are few of them. The system may give less. */
static mema_Slab *openOutside(const mema_Heap *first, size_t outside, size_t size, size_t alignment) {
  if (size > MEMA_UNLIMITED / 4 || alignment > MEMA_UNLIMITED / 4) return NULL;
  mema_OutsidePlan own = {0};
  first->ops->planOutside(first, &own);
  mema_SlabPlan plan = {.layout = &mema_slabLayout,
                        .outside = true,
                        .bound = (first->mode & mema_modeBound) != 0,
                        .unitShift = own.unitShift,
                        .budget = own.budget,
                        .records = own.records,
                        .like = own.like};
  size += own.beside;
  size_t least = mema_roundUp(size + (alignment > mema_osPageSize() ? alignment : 0), step), area = outside;
  size_t span = mema_spanUnitsMax << plan.unitShift; /* room for a span of any class */
  if (least < span) least = span;
  if (area < outsideMin) area = outsideMin;
  if (area > outsideMax) area = outsideMax;
  if (area < least) area = least;
  plan.area = mema_roundUp(area, step);
  plan.least = least;
  return mema_slabOpen(&plan);
}

/* Adds a slab at the end of the list. NULL: the system has no room. */
static mema_Slab *addOutside(mema_Heap *first, size_t size, size_t alignment) {
  mema_Slab *head = firstOutside(first),
            *added = openOutside(first, head != NULL ? head->outside.bytes : 0, size, alignment);
  if (added == NULL) return NULL;
  if (mema_unlikely(first->ops->watchOutside != NULL)) first->ops->watchOutside(first, &added->heap);
  added->outside = (mema_OutsideNode){.own = allRequests};
  if (head == NULL) head = added;
  added->outside.before = head->outside.last;
  *(head != added ? &head->outside.last->heap.next : &first->next) = &added->heap;
  head->outside.last = added;
  head->outside.count++;
  head->outside.bytes += added->areaSize;
  head->outside.root = insert(head->outside.root, added);
  return added;
}

/* Takes a slab out of the list and the tree, and closes it. */
static void closeOutside(mema_Heap *first, mema_Slab *slab) {
  mema_Slab *head = firstOutside(first), *next = mema_nextSlab(slab), *before = slab->outside.before;
  head->outside.root = takeOut(head->outside.root, slab);
  head->outside.count--;
  head->outside.bytes -= slab->areaSize;
  if (head->outside.last == slab) head->outside.last = before;
  if (next != NULL) next->outside.before = before;
  *(before != NULL ? &before->heap.next : &first->next) = slab->heap.next;
  if (head == slab && next != NULL) {
    next->outside.root = head->outside.root;
    next->outside.last = head->outside.last;
    next->outside.count = head->outside.count;
    next->outside.bytes = head->outside.bytes;
    next->outside.changes = head->outside.changes;
  }
  slab->heap.ops->close(&slab->heap);
}

size_t mema_dropEmptyHeaps(mema_Heap *first, unsigned keep) {
  size_t bytes = 0;
  for (mema_Slab *slab = firstOutside(first), *next; slab != NULL; slab = next) {
    next = mema_nextSlab(slab);
    bool isEmpty = slab->outside.liveChunks == 0;
    if (isEmpty && keep == 0) {
      bytes += slab->heap.ops->footprint(&slab->heap);
      closeOutside(first, slab);
      continue;
    }
    if (isEmpty) keep--;
    noteRequests(first, slab, slab->outside.own);
  }
  return bytes;
}

void mema_renewOutside(mema_Heap *first) {
  for (mema_Slab *slab = firstOutside(first); slab != NULL; slab = mema_nextSlab(slab))
    noteRequests(first, slab, allRequests);
}

/* ---- chunks ------------------------------------------------------------------------------------------------------------ */

static bool takeFrom(mema_Heap *first, mema_Slab *slab, size_t size, size_t alignment, mema_Chunk *chunk) {
  uint32_t used = mema_usedUnits(slab);
  if (!slab->heap.ops->take(&slab->heap, size, alignment, chunk)) return false;
  slab->outside.liveChunks++;
  noteChange(first, slab, used, 0);
  return true;
}

/* Asks all slabs, whatever has failed before: hooks may have committed memory since. */
static bool takeFromAny(mema_Heap *first, size_t size, size_t alignment, mema_Chunk *chunk) {
  for (mema_Slab *slab = firstOutside(first); slab != NULL; slab = mema_nextSlab(slab))
    if (takeFrom(first, slab, size, alignment, chunk)) return true;
  return false;
}

bool mema_takeOutside(mema_Heap *first, size_t size, size_t alignment, mema_Chunk *chunk) {
  mema_Slab *head = firstOutside(first), *slab;
  if (head != NULL) {
    mema_Requests request = requestOf(head, size, alignment);
    for (int tries = 0; tries < triesMost && (slab = oldestFor(head, &request)) != NULL; tries++) {
      if (takeFrom(first, slab, size, alignment, chunk)) return true;
      noteFailed(first, slab, &request);
    }
  }
  slab = addOutside(first, size, alignment);
  return slab != NULL ? takeFrom(first, slab, size, alignment, chunk) : takeFromAny(first, size, alignment, chunk);
}

/* True if a slab is empty whose requests were noted since. */
static bool isAnyEmpty(const mema_Heap *first) {
  const mema_Requests request = {.empty = true};
  return lowestFor(firstOutside(first)->outside.root, &request) != NULL;
}

/* When a slab becomes empty while another is, it is given back, but not the only one. Otherwise a chunk taken and freed
 * again and again would map and unmap each time. */
void mema_giveOutside(mema_Heap *first, const mema_Chunk *chunk) {
  mema_Slab *slab = mema_slabIn(chunk->heap);
  uint32_t used = mema_usedUnits(slab);
  size_t room = chunk->room;
  slab->heap.ops->give(&slab->heap, chunk);
  if (--slab->outside.liveChunks == 0 && isAnyEmpty(first)) {
    closeOutside(first, slab);
  } else {
    noteChange(first, slab, used, room);
  }
}

bool mema_findOutside(const mema_Heap *first, const void *ptr, mema_Chunk *chunk) {
  mema_Slab *slab = firstOutside(first)->outside.root, *nearest = NULL;
  while (slab != NULL) {
    bool behind = (uintptr_t)ptr >= (uintptr_t)slab->heap.area;
    if (behind) nearest = slab;
    slab = behind ? slab->outside.right : slab->outside.left;
  }
  return nearest != NULL && nearest->heap.ops->find(&nearest->heap, ptr, chunk);
}

bool mema_stretchOutside(mema_Heap *first, mema_Chunk *chunk, size_t size) {
  mema_Slab *slab = mema_slabIn(chunk->heap);
  uint32_t used = mema_usedUnits(slab);
  bool done = slab->heap.ops->stretch(&slab->heap, chunk, size);
  noteChange(first, slab, used, 0);
  return done;
}

/* True if a branch is sound: in order, with priorities and sums. Adds its slabs to *count. */
static bool isSound(const mema_Slab *tree, size_t *count) {
  if (tree == NULL) return true;
  const mema_Slab *left = tree->outside.left, *right = tree->outside.right;
  mema_Requests sum = tree->outside.own;
  add(&sum, left);
  add(&sum, right);
  ++*count;
  return (left == NULL || (isBefore(left, tree) && priorityOf(left) <= priorityOf(tree))) &&
         (right == NULL || (isBefore(tree, right) && priorityOf(right) <= priorityOf(tree))) &&
         includes(&sum, &tree->outside.below) && includes(&tree->outside.below, &sum) && isSound(left, count) &&
         isSound(right, count);
}

bool mema_isSoundOutside(const mema_Heap *first) {
  const mema_Slab *head = firstOutside(first), *before = NULL;
  size_t inTree = 0, count = 0, bytes = 0;
  for (const mema_Slab *slab = head; slab != NULL; before = slab, slab = mema_nextSlab(slab)) {
    if (slab->outside.before != before) return false;
    count++;
    bytes += slab->areaSize;
  }
  return head == NULL || (isSound(head->outside.root, &inTree) && inTree == count && head->outside.count == count &&
                          head->outside.bytes == bytes && head->outside.last == before);
}

size_t mema_outsideCount(const mema_Heap *first) {
  return first->next != NULL ? firstOutside(first)->outside.count : 0;
}

size_t mema_outsideChanges(const mema_Heap *first) {
  return first->next != NULL ? firstOutside(first)->outside.changes : 0;
}

size_t mema_liveOutside(const mema_Heap *heap) {
  return mema_constSlab(heap)->outside.liveChunks;
}

size_t mema_countOutside(mema_Heap *heap, size_t change) {
  return mema_slabIn(heap)->outside.liveChunks += change;
}
