/* Memory for a few large arrays that grow: in huge pages where the kernel has them. */
#ifndef LA_DIAGNOSE_HOARD_H
#define LA_DIAGNOSE_HOARD_H

#include <glib.h>
#include <stddef.h>

#define LA_HOARD_BLOCK ((size_t)2 << 20) /* a huge page */
#define LA_HOARD_LEAST ((size_t)64 << 10)
#define LA_HOARD_CLASSES 6u /* 64 KiB to 2 MiB */

/* All zero: empty. */
typedef struct {
  void *free[LA_HOARD_CLASSES]; /* lists of pieces of 64 KiB << class */
  GPtrArray *blocks;            /* (owned) */
} LaHoard;

/* A piece of `size` bytes, not zeroed. Small and very large ones come from the heap. To be given back with the same size. */
void *la_hoard_take(LaHoard *hoard, size_t size);
void la_hoard_give(LaHoard *hoard, void *piece, size_t size);

/* Frees all blocks, with the pieces in them. */
void la_hoard_clear(LaHoard *hoard);

#endif
