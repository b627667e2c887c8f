/* writeStats.c - the figures of a pool and its sub-pools, as text, JSON or OpenMetrics. One table has the figures, with
 * their names in each format. */
#include "../heap/engines.h"
#include "family.h"
#include "writer.h"

/* limit: a figure of now that is no number in a pool of MEMA_UNLIMITED bytes; counter: a figure that only grows; inside: a
 * figure of now that is known of exact members alone */
typedef enum Kind { now, limit, counter, inside } Kind;

typedef struct Figure {
  size_t offset;     /* in mema_Stats; each is a size_t */
  const char *key;   /* of JSON: the name of the field */
  const char *label; /* of text */
  const char *unit;  /* "bytes", or "" */
  const char *name;  /* of OpenMetrics: the metric family, which ends with its unit */
  const char *help;
  Kind kind;
} Figure;

#define FIGURE(kind, field, label, unit, name, help) \
  { offsetof(mema_Stats, field), #field, label, unit, "mema_" name, help, kind }

static const Figure figures[] = {
    FIGURE(limit, poolSize, "budget", "bytes", "budget_bytes", "The budget of the pool."),
    FIGURE(limit, freeSize, "free", "bytes", "free_bytes", "The free part of the budget."),
    FIGURE(now, liveBytes, "live", "bytes", "live_bytes", "Live chunks, charged bytes, and what sub-pools hold."),
    FIGURE(now, peakBytes, "peak", "bytes", "peak_bytes", "The most bytes live at once since the budget was set."),
    FIGURE(now, chargedBytes, "charged", "bytes", "charged_bytes", "Bytes charged that are no chunks."),
    FIGURE(inside, subPoolBytes, "held by sub-pools", "bytes", "sub_pool_bytes", "Bytes of the budget that sub-pools hold."),
    FIGURE(inside, reservation, "reservation", "bytes", "reservation_bytes", "Address space for chunks."),
    FIGURE(inside, footprint, "footprint", "bytes", "footprint_bytes", "Memory held from the system, at most."),
    FIGURE(now, liveChunks, "live chunks", "", "live_chunks", "Chunks that are live."),
    FIGURE(inside, outsideChunks, "live chunks outside", "", "outside_chunks", "Live chunks outside the reservation."),
    FIGURE(inside, subPools, "sub-pools", "", "sub_pools", "Sub-pools of the pool."),
    FIGURE(counter, allocations, "allocations", "", "allocations", "Chunks handed out."),
    FIGURE(counter, frees, "frees", "", "frees", "Chunks taken back."),
    FIGURE(counter, refused, "refused requests", "", "refused_requests", "Requests for memory that failed."),
    FIGURE(counter, badFrees, "bad frees", "", "bad_frees", "Pointers that pfree and repalloc refused."),
};
enum { figureCount = sizeof figures / sizeof figures[0], labelWidth = 20, numberWidth = 21 };

static size_t numberOf(const mema_Member *member, const Figure *figure) {
  return *(const size_t *)(const void *)((const char *)&member->stats + figure->offset);
}

static bool isUnlimited(const mema_Member *member, const Figure *figure) {
  return figure->kind == limit && member->stats.poolSize == MEMA_UNLIMITED;
}

static bool isKnown(const mema_Member *member, const Figure *figure) {
  return member->exact || figure->kind != inside;
}

/* How a checker sees the chunks. */
static const char *watchingOf(const mema_Stats *stats) {
  return stats->plain ? "plain" : stats->watched ? "in place" : "no";
}

/* ---- text --------------------------------------------------------------------------------------------------------------- */

static void putTextHead(mema_Writer *writer, const mema_Member *member, bool isFirst) {
  const mema_Stats *stats = &member->stats;
  mema_putText(writer, isFirst ? "pool" : "sub-pool");
  if (stats->name[0] != '\0') {
    mema_putText(writer, " ");
    mema_putQuoted(writer, stats->name, true);
  }
  if (member->id != 0) {
    mema_putText(writer, ", id ");
    mema_putNumber(writer, member->id);
  }
  if (member->parent != 0) {
    mema_putText(writer, ", below ");
    mema_putNumber(writer, member->parent);
  }
  mema_putText(writer, ", ");
  mema_putText(writer, mema_nameOfEngine(stats->engine));
  mema_putText(writer, stats->untracked ? ", untracked" : ", tracked");
  if (stats->committed) mema_putText(writer, ", committed");
  if (stats->shared) mema_putText(writer, ", shared");
  if (stats->plain) mema_putText(writer, ", plain chunks");
  if (stats->watched) mema_putText(writer, ", watched");
  mema_putText(writer, member->exact ? "\n" : ", in use by its thread\n");
}

static void putWord(mema_Writer *writer, const char *word) {
  mema_putSpaces(writer, numberWidth - __builtin_strlen(word));
  mema_putText(writer, word);
  mema_putText(writer, "\n");
}

static void putAsText(mema_Writer *writer, const mema_Family *family) {
  for (size_t i = 0; i < mema_membersIn(family); i++) {
    const mema_Member *member = &mema_membersOf(family)[i];
    putTextHead(writer, member, i == 0);
    for (size_t k = 0; k < figureCount; k++) {
      mema_putText(writer, "  ");
      mema_putText(writer, figures[k].label);
      mema_putSpaces(writer, labelWidth - __builtin_strlen(figures[k].label));
      if (isUnlimited(member, &figures[k]) || !isKnown(member, &figures[k])) {
        putWord(writer, isKnown(member, &figures[k]) ? "unlimited" : "not known");
        continue;
      }
      mema_putColumn(writer, numberOf(member, &figures[k]), numberWidth);
      mema_putText(writer, figures[k].unit[0] != '\0' ? " bytes\n" : "\n");
    }
  }
}

/* ---- JSON: docs/stats.schema.json ---------------------------------------------------------------------------------------- */

static void putKey(mema_Writer *writer, const char *before, const char *key) {
  mema_putText(writer, before);
  mema_putText(writer, "\"");
  mema_putText(writer, key);
  mema_putText(writer, "\": ");
}

static void putTruth(mema_Writer *writer, const char *key, bool truth) {
  putKey(writer, ", ", key);
  mema_putText(writer, truth ? "true" : "false");
}

/* The first pool has no parent among the others. */
static void putJsonMember(mema_Writer *writer, const mema_Member *member, bool isFirst) {
  putKey(writer, "    {", "id");
  mema_putNumber(writer, member->id);
  putKey(writer, ", ", "parent");
  if (isFirst) {
    mema_putText(writer, "null");
  } else {
    mema_putNumber(writer, member->parent);
  }
  putKey(writer, ", ", "name");
  mema_putQuoted(writer, member->stats.name, true);
  putTruth(writer, "untracked", member->stats.untracked);
  putTruth(writer, "committed", member->stats.committed);
  putTruth(writer, "shared", member->stats.shared);
  putKey(writer, ", ", "engine");
  mema_putQuoted(writer, mema_nameOfEngine(member->stats.engine), true);
  putTruth(writer, "plain", member->stats.plain);
  putTruth(writer, "watched", member->stats.watched);
  putTruth(writer, "exact", member->exact);
  for (size_t k = 0; k < figureCount; k++) {
    putKey(writer, k % 5 == 0 ? ",\n     " : ", ", figures[k].key);
    if (isUnlimited(member, &figures[k]) || !isKnown(member, &figures[k])) {
      mema_putText(writer, "null");
    } else {
      mema_putNumber(writer, numberOf(member, &figures[k]));
    }
  }
  mema_putText(writer, "}");
}

static void putAsJson(mema_Writer *writer, const mema_Family *family) {
  mema_putText(writer,
               "{\n  \"format\": \"mema statistics\", \"version\": 1, \"mema\": \"" MEMA_VERSION "\",\n  \"pools\": [\n");
  for (size_t i = 0; i < mema_membersIn(family); i++) {
    if (i != 0) mema_putText(writer, ",\n");
    putJsonMember(writer, &mema_membersOf(family)[i], i == 0);
  }
  mema_putText(writer, "\n  ]\n}\n");
}

/* ---- OpenMetrics 1.0 ------------------------------------------------------------------------------------------------------- */

static void putMetadata(mema_Writer *writer, const char *kind, const char *name, const char *text) {
  mema_putText(writer, kind);
  mema_putText(writer, name);
  mema_putText(writer, " ");
  mema_putText(writer, text);
  mema_putText(writer, "\n");
}

/* Puts the labels that make a pool's series its own: ids differ, names need not. */
static void putLabels(mema_Writer *writer, const mema_Member *member) {
  mema_putText(writer, "{pool=");
  mema_putQuoted(writer, member->stats.name, false);
  mema_putText(writer, ",id=\"");
  mema_putNumber(writer, member->id);
  mema_putText(writer, "\",parent=\"");
  if (member->parent != 0) mema_putNumber(writer, member->parent);
  mema_putText(writer, "\"");
}

static void putFigure(mema_Writer *writer, const mema_Family *family, const Figure *figure) {
  putMetadata(writer, "# TYPE ", figure->name, figure->kind == counter ? "counter" : "gauge");
  if (figure->unit[0] != '\0') putMetadata(writer, "# UNIT ", figure->name, figure->unit);
  putMetadata(writer, "# HELP ", figure->name, figure->help);
  for (size_t i = 0; i < mema_membersIn(family); i++) {
    if (!isKnown(&mema_membersOf(family)[i], figure)) continue;
    mema_putText(writer, figure->name);
    mema_putText(writer, figure->kind == counter ? "_total" : "");
    putLabels(writer, &mema_membersOf(family)[i]);
    mema_putText(writer, "} ");
    if (isUnlimited(&mema_membersOf(family)[i], figure)) {
      mema_putText(writer, "+Inf");
    } else {
      mema_putNumber(writer, numberOf(&mema_membersOf(family)[i], figure));
    }
    mema_putText(writer, "\n");
  }
}

static void putLabel(mema_Writer *writer, const char *name, const char *value) {
  mema_putText(writer, name);
  mema_putQuoted(writer, value, false);
}

static void putKinds(mema_Writer *writer, const mema_Family *family) {
  static const char *const truth[] = {"false", "true"};
  putMetadata(writer, "# TYPE ", "mema_pool", "info");
  putMetadata(writer, "# HELP ", "mema_pool", "The kind of the pool.");
  for (size_t i = 0; i < mema_membersIn(family); i++) {
    const mema_Stats *stats = &mema_membersOf(family)[i].stats;
    mema_putText(writer, "mema_pool_info");
    putLabels(writer, &mema_membersOf(family)[i]);
    putLabel(writer, ",engine=", mema_nameOfEngine(stats->engine));
    putLabel(writer, ",tracked=", truth[!stats->untracked]);
    putLabel(writer, ",committed=", truth[stats->committed]);
    putLabel(writer, ",shared=", truth[stats->shared]);
    putLabel(writer, ",watched=", watchingOf(stats));
    putLabel(writer, ",exact=", truth[mema_membersOf(family)[i].exact]);
    mema_putText(writer, "} 1\n");
  }
}

static void putAsOpenMetrics(mema_Writer *writer, const mema_Family *family) {
  for (size_t k = 0; k < figureCount; k++) putFigure(writer, family, &figures[k]);
  putKinds(writer, family);
  mema_putText(writer, "# EOF\n");
}

/* ---- the call --------------------------------------------------------------------------------------------------------------- */

bool mema_writeStats(const mema_Pool *pool, mema_Format format, mema_Write *write, void *user) {
  static void (*const putAs[])(mema_Writer *, const mema_Family *) = {
      [MEMA_TEXT] = putAsText, [MEMA_JSON] = putAsJson, [MEMA_OPENMETRICS] = putAsOpenMetrics};
  if (mema_openKind(pool) == mema_noPool) return false;
  if (write == NULL) return mema_failFor(mema_writeIsNull, 0, 0);
  if ((unsigned)format >= sizeof putAs / sizeof putAs[0]) return mema_failFor(mema_formatIsNone, (unsigned)format, 0);
  mema_Family family = {.visit = NULL};
  if (!mema_collectFamily(pool, &family)) return false;
  mema_Writer writer;
  mema_beginText(&writer, write, user);
  putAs[format](&writer, &family);
  mema_forgetFamily(&family);
  return mema_endText(&writer);
}
