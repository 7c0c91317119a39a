/* The texts behind `lastack explain`: compiled in from man/findings and man/words. */
#ifndef LA_CLI_TEXTS_H
#define LA_CLI_TEXTS_H

#include <glib.h>

typedef struct {
  char *name;         /* "close-wait-leak", "TIME_WAIT", as the file's name and its first heading */
  char *folder;       /* "findings", "words/states" ... */
  char *brief;        /* its first sentence */
  char *body;         /* the whole text */
  GPtrArray *aliases; /* of char *: what else it is called, from its `also:` and `words:` lines */
} LaText;

/* All texts, ordered by folder and name. (transfer full) */
GPtrArray *la_texts_load(void);

/* The texts that `word` means, the best first: the name itself, another name, or a message that contains one. Case counts only
 * where names differ in nothing else: the one that is written just so comes first.
 * Empty when none does. (transfer container; the texts belong to `texts`) */
GPtrArray *la_texts_find(const GPtrArray *texts, const char *word);

/* The name nearest to a misspelt one, or NULL. (borrowed from `texts`) */
const char *la_texts_nearest(const GPtrArray *texts, const char *word);

#endif
