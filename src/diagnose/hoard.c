/* Pieces are powers of two, cut in halves from blocks of one huge page each; a piece that is given back waits for the next request
 * of its size. Arrays that double leave half of what they used to the next array that grows: never is more than twice as much held
 * as is in use. Touching a page for the first time is dear, most of all in a virtual machine; a huge page is touched once. */
#include "diagnose/hoard.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static unsigned class_of(size_t size)
{
  unsigned class = 0;
  while (LA_HOARD_LEAST << class < size)
    class ++;
  return class;
}

static bool is_kept(size_t size)
{
  return size >= LA_HOARD_LEAST && size <= LA_HOARD_BLOCK;
}

static void push(LaHoard *hoard, unsigned class, void *piece)
{
  memcpy(piece, &hoard->free[class], sizeof(void *));
  hoard->free[class] = piece;
}

static void *new_block(LaHoard *hoard)
{
  void *block = aligned_alloc(LA_HOARD_BLOCK, LA_HOARD_BLOCK);
  if (block == NULL)
    g_error("out of memory");
#ifdef MADV_HUGEPAGE
  madvise(block, LA_HOARD_BLOCK, MADV_HUGEPAGE);
#endif
  if (hoard->blocks == NULL)
    hoard->blocks = g_ptr_array_new_with_free_func(free);
  g_ptr_array_add(hoard->blocks, block);
  return block;
}

void *la_hoard_take(LaHoard *hoard, size_t size)
{
  if (!is_kept(size))
    return g_malloc(size);
  unsigned wanted = class_of(size);
  unsigned class = wanted;
  while (class < LA_HOARD_CLASSES - 1 && hoard->free[class] == NULL)
    class ++;
  void *piece = hoard->free[class];
  if (piece != NULL)
    memcpy(&hoard->free[class], piece, sizeof(void *));
  else
    piece = new_block(hoard);
  /* The upper halves are left for others. */
  while (class > wanted) {
    class --;
    push(hoard, class, (char *)piece + (LA_HOARD_LEAST << class));
  }
  return piece;
}

void la_hoard_give(LaHoard *hoard, void *piece, size_t size)
{
  if (!is_kept(size))
    g_free(piece);
  else if (piece != NULL)
    push(hoard, class_of(size), piece);
}

void la_hoard_clear(LaHoard *hoard)
{
  if (hoard->blocks != NULL)
    g_ptr_array_unref(hoard->blocks);
  memset(hoard, 0, sizeof *hoard);
}
