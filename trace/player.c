/* player.c - see player.h. */
#include "player.h"

#include "playInline.h"

PlayCounts playProcess(const TraceProcess *process, const PlayHeap *heap, PlayObject *live) {
  return playInline(process, heap, live);
}

void releaseRest(const TraceProcess *process, const PlayHeap *heap, PlayObject *live) {
  for (uint32_t i = 0; i < process->objects; i++) {
    if (live[i].address != NULL) heap->release(live[i].address);
    live[i] = (PlayObject){0};
  }
}
