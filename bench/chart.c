/* chart.c - the picture: a line per row, a mark per peer, where it stands in units of glibc's time. Logarithmic, so that twice
 * as fast is as far from the middle as twice as slow. Legible on light and dark pages; no text is needed that is not there. */
#include <math.h>
#include <string.h>

#include "chart.h"

#include "machine.h"
#include "rows.h"
#include "verdict.h"

enum {
  WIDTH = 860,
  LEFT = 340, /* where the plot begins */
  RIGHT = 24,
  TOP = 118,
  LINE = 27,
  BOTTOM = 58,
  PLOT = WIDTH - LEFT - RIGHT,
  OCTAVES = 4 /* to either side of glibc; what is farther off stands at the rim, as an arrow */
};

typedef struct {
  const char *style; /* a class of the style sheet */
  double radius;
  const char *legend;
} Mark;

/* Those of mema last: they lie above the others. */
static const Mark marks[PEER_COUNT] = {
    [PEER_MIMALLOC] = {"mimalloc", 4.5, "mimalloc"},
    [PEER_JEMALLOC] = {"jemalloc", 4.5, "jemalloc"},
    [PEER_TCMALLOC] = {"tcmalloc", 4.5, "tcmalloc"},
    [PEER_TBBMALLOC] = {"tbb", 4.5, "tbbmalloc"},
    [PEER_SCUDO] = {"scudo", 4.5, "scudo"},
    [PEER_TALLOC] = {"talloc", 4.5, "talloc"},
    [PEER_APR] = {"apr", 4.5, "APR"},
    [PEER_TRACKED] = {"tracked", 6.5, "mema tracked"},
    [PEER_UNTRACKED] = {"untracked", 7, "mema untracked"},
    [PEER_SHARED] = {"shared", 7, "mema shared"},
    [PEER_PRELOAD] = {"untracked", 7, "mema preload"},
};

static const PeerId drawingOrder[] = {PEER_SCUDO, PEER_TALLOC,  PEER_TBBMALLOC, PEER_JEMALLOC, PEER_TCMALLOC, PEER_MIMALLOC,
                                      PEER_APR,   PEER_TRACKED, PEER_UNTRACKED, PEER_SHARED,   PEER_PRELOAD};
enum { DRAWN = sizeof drawingOrder / sizeof *drawingOrder };

static const char styleSheet[] =
    "<style>\n"
    "text{font:13px system-ui,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2328}\n"
    ".back{fill:#fff}.title{font-size:17px;font-weight:600}.small{font-size:12px;fill:#59636e}\n"
    ".grid{stroke:#d8dee4}.one{stroke:#59636e;stroke-width:1.5}.band{fill:#f3f5f8}.link{stroke:#0969da;stroke-width:2.5}\n"
    ".untracked{fill:#0969da;stroke:#fff}.shared{fill:#0a3069;stroke:#fff}.tracked{fill:#fff;stroke:#0969da;stroke-width:2."
    "5}\n"
    ".mimalloc{fill:#e16f24}.jemalloc{fill:#2da44e}.tcmalloc{fill:#a475f9}.tbb{fill:#9a6700}.scudo{fill:#cf222e}\n"
    ".talloc{fill:#e85aad}.apr{fill:#111}\n"
    "@media (prefers-color-scheme:dark){text{fill:#e6edf3}.back{fill:#0d1117}.small{fill:#9198a1}.grid{stroke:#2a313a}\n"
    ".one{stroke:#9198a1}.band{fill:#151b23}.link{stroke:#58a6ff}.untracked{fill:#58a6ff;stroke:#0d1117}\n"
    ".shared{fill:#a5d6ff;stroke:#0d1117}.tracked{fill:#0d1117;stroke:#58a6ff}.apr{fill:#eee}}\n"
    "</style>\n";

static void printEscaped(FILE *svg, const char *text) {
  for (; *text != '\0'; text++) {
    if (*text == '&')
      fputs("&amp;", svg);
    else if (*text == '<')
      fputs("&lt;", svg);
    else
      fputc(*text, svg);
  }
}

/* ---- marks -------------------------------------------------------------------------------------------------------- */

static double placeOf(double ratio) {
  double octaves = log2(ratio);
  if (octaves > OCTAVES) octaves = OCTAVES;
  if (octaves < -OCTAVES) octaves = -OCTAVES;
  return LEFT + PLOT * (octaves + OCTAVES) / (2.0 * OCTAVES);
}

static void drawDot(FILE *svg, const Mark *mark, double ratio, double x, double y) {
  fprintf(svg, "<circle class='%s' cx='%.1f' cy='%.1f' r='%.1f'>", mark->style, x, y, mark->radius);
  fprintf(svg, "<title>%s %.2f</title></circle>\n", mark->legend, ratio);
}

/* Beyond the rim, pointing outwards; the `before` others there leave room. */
static void drawArrow(FILE *svg, const Mark *mark, double ratio, double y, int before) {
  double outwards = ratio > 1 ? 1 : -1;
  double r = mark->radius;
  double x = placeOf(ratio) + outwards * (2 - 9.0 * before);
  fprintf(svg, "<path class='%s' d='M%.1f %.1fl0 %.1fl%.1f %.1fz'>", mark->style, x, y - r, 2 * r, outwards * (r + 2), -r);
  fprintf(svg, "<title>%s %.2f</title></path>\n", mark->legend, ratio);
}

/* mema's two marks are joined, so that the eye finds them. */
static void drawLink(FILE *svg, const Row *row, double y) {
  double from = medianRatio(row, 0, PEER_UNTRACKED, PEER_GLIBC);
  double to = medianRatio(row, 0, PEER_TRACKED, PEER_GLIBC);
  if (isnan(from) || isnan(to)) return;
  fprintf(svg, "<line class='link' x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f'/>\n", placeOf(from), y, placeOf(to), y);
}

static void drawRow(FILE *svg, const Row *row, int index) {
  double y = TOP + LINE * (index + 0.5);
  if (index % 2 == 0)
    fprintf(svg, "<rect class='band' x='0' y='%d' width='%d' height='%d'/>\n", TOP + LINE * index, WIDTH, LINE);
  fprintf(svg, "<text class='small' x='16' y='%.1f'>%s</text>\n", y + 4.5, row->key);
  fprintf(svg, "<text x='42' y='%.1f'>", y + 4.5);
  printEscaped(svg, row->name);
  fprintf(svg, "</text>\n");
}

static void drawMarks(FILE *svg, const Row *row, int index) {
  double y = TOP + LINE * (index + 0.5);
  int beyond[2] = {0};
  drawLink(svg, row, y);
  for (int i = 0; i < DRAWN; i++) {
    PeerId id = drawingOrder[i];
    double ratio = medianRatio(row, 0, id, PEER_GLIBC);
    if (isnan(ratio)) continue;
    if (fabs(log2(ratio)) > OCTAVES)
      drawArrow(svg, &marks[id], ratio, y, beyond[ratio > 1]++);
    else
      drawDot(svg, &marks[id], ratio, placeOf(ratio), y);
  }
}

/* ---- around them -------------------------------------------------------------------------------------------------- */

static void drawScale(FILE *svg, int lines) {
  int end = TOP + LINE * lines;
  for (int octave = -OCTAVES; octave <= OCTAVES; octave++) {
    double x = placeOf(exp2(octave));
    fprintf(svg, "<line class='%s' x1='%.1f' y1='%d' x2='%.1f' y2='%d'/>\n", octave == 0 ? "one" : "grid", x, TOP, x,
            end + 4);
    fprintf(svg, "<text class='small' text-anchor='middle' x='%.1f' y='%d'>", x, end + 19);
    if (octave < 0)
      fprintf(svg, "1/%d</text>\n", 1 << -octave);
    else
      fprintf(svg, octave == 0 ? "glibc</text>\n" : "%d</text>\n", 1 << octave);
  }
  fprintf(svg, "<text class='small' x='%d' y='%d'>\xe2\x86\x90 faster</text>\n", LEFT, end + 39);
  fprintf(svg, "<text class='small' text-anchor='middle' x='%d' y='%d'>", LEFT + PLOT / 2, end + 39);
  fprintf(svg, "time, in units of glibc's; arrows: beyond %d times</text>\n", 1 << OCTAVES);
  fprintf(svg, "<text class='small' text-anchor='end' x='%d' y='%d'>slower \xe2\x86\x92</text>\n", WIDTH - RIGHT, end + 39);
}

static bool isLine(const Row *row) {
  return row->shape != SHOW_COLUMNS && row->series != NULL;
}

static bool isDrawn(PeerId id) {
  for (size_t i = 0; i < countRows(); i++) {
    if (isLine(&rows[i]) && rows[i].series->measured[id]) return true;
  }
  return false;
}

static void drawLegend(FILE *svg) {
  double x = 24;
  for (int i = DRAWN - 1; i >= 0; i--) {
    const Mark *mark = &marks[drawingOrder[i]];
    if (!isDrawn(drawingOrder[i])) continue;
    drawDot(svg, mark, 1, x, 88);
    fprintf(svg, "<text x='%.0f' y='92.5'>%s</text>\n", x + 11, mark->legend);
    x += 28 + 6.5 * (double)strlen(mark->legend);
  }
}

static void drawHead(FILE *svg, int lines) {
  char machine[256];
  int height = TOP + LINE * lines + BOTTOM;
  summarizeMachine(machine, sizeof machine);
  fprintf(svg, "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' width='%d' height='%d' role='img'>\n", WIDTH,
          height, WIDTH, height);
  fprintf(svg, "<title>mema and other allocators: time in units of glibc's</title>\n%s", styleSheet);
  fprintf(svg, "<rect class='back' width='%d' height='%d' rx='6'/>\n", WIDTH, height);
  fprintf(svg, "<text class='title' x='16' y='32'>mema %s and other allocators: time per operation</text>\n",
          mema_version());
  fprintf(svg, "<text class='small' x='16' y='54'>");
  printEscaped(svg, machine);
  fprintf(svg, "</text>\n");
}

void drawChart(FILE *svg) {
  const Row *lines[MOST_ROWS];
  int count = 0;
  for (size_t i = 0; i < countRows(); i++) {
    if (isLine(&rows[i])) lines[count++] = &rows[i];
  }
  drawHead(svg, count);
  drawLegend(svg);
  for (int i = 0; i < count; i++) drawRow(svg, lines[i], i);
  drawScale(svg, count);
  for (int i = 0; i < count; i++) drawMarks(svg, lines[i], i);
  fprintf(svg, "</svg>\n");
}
