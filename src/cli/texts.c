#include "cli/texts.h"

#include <gio/gio.h>
#include <stdbool.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/texts_resource.h"

#define PREFIX "/lastack/"
#define SHORTEST_PART 4 /* letters of a message that may stand for the whole */

static void free_text(gpointer data)
{
  LaText *text = data;
  g_free(text->name);
  g_free(text->folder);
  g_free(text->brief);
  g_free(text->body);
  g_ptr_array_unref(text->aliases);
  g_free(text);
}

/* The names of an `also:` line: "quoted phrases" and bare words, with commas between; what stands in parentheses outside quotes says where
 * they come from and is no name, except for phrases quoted there. */
static void add_aliases(LaText *text, const char *line)
{
  unsigned depth = 0;
  while (*line != '\0') {
    if (*line == '"') {
      const char *end = strchr(line + 1, '"');
      if (end == NULL)
        return;
      g_ptr_array_add(text->aliases, g_strndup(line + 1, (gsize)(end - line - 1)));
      line = end + 1;
    } else if (*line == '(') {
      depth++;
      line++;
    } else if (*line == ')') {
      depth -= depth > 0 ? 1 : 0;
      line++;
    } else if (*line == ',' || *line == ' ' || *line == ';' || depth > 0) {
      line++;
    } else {
      size_t len = strcspn(line, ",(\";");
      size_t end = len;
      while (end > 0 && line[end - 1] == ' ')
        end--;
      g_ptr_array_add(text->aliases, g_strndup(line, end));
      line += len;
    }
  }
}

static bool is_alias_line(const char *line)
{
  return g_str_has_prefix(line, "also: ") || g_str_has_prefix(line, "words: ");
}

static LaText *parse(const char *folder, const char *file, const char *body)
{
  LaText *text = g_new0(LaText, 1);
  text->folder = g_strdup(folder);
  text->name = g_strndup(file, strlen(file) - strlen(".md"));
  text->body = g_strdup(body);
  text->aliases = g_ptr_array_new_with_free_func(g_free);
  g_auto(GStrv) lines = g_strsplit(body, "\n", -1);
  g_autoptr(GString) alias = g_string_new(NULL);
  g_autoptr(GString) brief = g_string_new(NULL);
  bool brief_ended = false;
  for (unsigned i = 0; lines[i] != NULL; i++) {
    bool more = g_str_has_prefix(lines[i], "  ");
    if (alias->len > 0 && !more) {
      add_aliases(text, alias->str);
      g_string_truncate(alias, 0);
    }
    if (is_alias_line(lines[i]))
      g_string_assign(alias, strchr(lines[i], ' ') + 1);
    else if (alias->len > 0)
      g_string_append_printf(alias, " %s", lines[i] + 2);
    /* The sentence below the heading, up to the first blank line. */
    if (i > 0 && !brief_ended && lines[i][0] != '\0' && lines[i][0] != '#')
      g_string_append_printf(brief, "%s%s", brief->len > 0 ? " " : "", lines[i]);
    brief_ended = brief_ended || (brief->len > 0 && lines[i][0] == '\0');
  }
  if (alias->len > 0)
    add_aliases(text, alias->str);
  text->brief = g_strdup(brief->str);
  return text;
}

static void load_folder(GPtrArray *texts, GResource *resource, const char *folder)
{
  g_autofree char *path = g_strconcat(PREFIX, folder, NULL);
  g_auto(GStrv) children = g_resource_enumerate_children(resource, path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  for (unsigned i = 0; children != NULL && children[i] != NULL; i++) {
    if (g_str_has_suffix(children[i], "/")) {
      g_autofree char *deeper = g_strdup_printf("%s/%.*s", folder, (int)strlen(children[i]) - 1, children[i]);
      load_folder(texts, resource, deeper);
      continue;
    }
    g_autofree char *file = g_strdup_printf("%s/%s", path, children[i]);
    g_autoptr(GBytes) bytes = g_resource_lookup_data(resource, file, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
    if (bytes == NULL || !g_str_has_suffix(children[i], ".md"))
      continue;
    gsize size;
    const char *data = g_bytes_get_data(bytes, &size);
    g_autofree char *body = g_strndup(data, size);
    g_ptr_array_add(texts, parse(folder, children[i], body));
  }
}

static gint compare_texts(gconstpointer a, gconstpointer b)
{
  const LaText *one = *(LaText *const *)a;
  const LaText *other = *(LaText *const *)b;
  int order = strcmp(one->folder, other->folder);
  return order != 0 ? order : g_ascii_strcasecmp(one->name, other->name);
}

GPtrArray *la_texts_load(void)
{
  GPtrArray *texts = g_ptr_array_new_with_free_func(free_text);
  la_texts_register_resource();
  GResource *resource = la_texts_get_resource();
  load_folder(texts, resource, "findings");
  load_folder(texts, resource, "words");
  g_ptr_array_sort(texts, compare_texts);
  return texts;
}

/* Lower case, '_' as '-', single spaces. */
static char *folded(const char *word)
{
  char *text = g_ascii_strdown(word, -1);
  g_strdelimit(text, "_", '-');
  return g_strstrip(text);
}

static bool is_word_char(char c)
{
  return g_ascii_isalnum(c) || c == '-';
}

/* Whether `part` stands in `whole` between the ends of words. */
static bool holds(const char *whole, const char *part)
{
  size_t len = strlen(part);
  for (const char *at = strstr(whole, part); at != NULL && len > 0; at = strstr(at + 1, part)) {
    bool begins = at == whole || !is_word_char(at[-1]) || !is_word_char(part[0]);
    if (begins && (!is_word_char(at[len]) || !is_word_char(part[len - 1])))
      return true;
  }
  return false;
}

/* Whether a name is a word that any sentence may hold, "open" or "network": one that stands in a message says nothing about it. */
static bool is_plain(const char *name)
{
  return name[strspn(name, "abcdefghijklmnopqrstuvwxyz")] == '\0';
}

/* How many letters the name and the word have in common when one is part of the other, else 0. */
static size_t common_part(const char *told, const char *word)
{
  g_autofree char *name = folded(told);
  size_t name_len = strlen(name);
  size_t word_len = strlen(word);
  if (name_len >= SHORTEST_PART && !is_plain(told) && holds(word, name))
    return name_len;
  return word_len >= SHORTEST_PART && holds(name, word) ? word_len : 0;
}

/* How well a text answers: 3 its name, 2 another name of it, 1 a part of a message (or a message around it), 0 not at all. Of parts
 * the longer one counts more: `*ret_length`. */
static unsigned rank(const LaText *text, const char *word, size_t *ret_length)
{
  g_autofree char *name = folded(text->name);
  *ret_length = strlen(name);
  if (strcmp(name, word) == 0)
    return 3;
  size_t longest = common_part(text->name, word);
  for (unsigned i = 0; i < text->aliases->len; i++) {
    g_autofree char *alias = folded(g_ptr_array_index(text->aliases, i));
    if (strcmp(alias, word) == 0) {
      *ret_length = strlen(alias);
      return 2;
    }
    size_t common = common_part(g_ptr_array_index(text->aliases, i), word);
    longest = MAX(longest, common);
  }
  *ret_length = longest;
  return longest > 0 ? 1 : 0;
}

/* Whether the text is called just so, capitals and all: FIN is the flag, fin the result. */
static bool is_called(const LaText *text, const char *word)
{
  bool called = strcmp(text->name, word) == 0;
  for (unsigned i = 0; i < text->aliases->len && !called; i++)
    called = strcmp(g_ptr_array_index(text->aliases, i), word) == 0;
  return called;
}

typedef struct {
  LaText *text;
  bool exact; /* see is_called */
  unsigned rank;
  size_t length;
} Match;

static gint compare_matches(gconstpointer a, gconstpointer b)
{
  const Match *one = a;
  const Match *other = b;
  if (one->exact != other->exact)
    return one->exact ? -1 : 1;
  if (one->rank != other->rank)
    return one->rank > other->rank ? -1 : 1;
  if (one->length != other->length)
    return one->length > other->length ? -1 : 1;
  return compare_texts(&one->text, &other->text);
}

GPtrArray *la_texts_find(const GPtrArray *texts, const char *word)
{
  g_autofree char *wanted = folded(word);
  g_autoptr(GArray) matches = g_array_new(FALSE, FALSE, sizeof(Match));
  for (unsigned i = 0; i < texts->len && *wanted != '\0'; i++) {
    Match match = {.text = g_ptr_array_index(texts, i)};
    match.rank = rank(match.text, wanted, &match.length);
    match.exact = is_called(match.text, word);
    if (match.rank > 0)
      g_array_append_val(matches, match);
  }
  g_array_sort(matches, compare_matches);
  GPtrArray *found = g_ptr_array_new();
  for (unsigned i = 0; i < matches->len; i++) {
    const Match *match = &g_array_index(matches, Match, i);
    /* Where one is meant exactly, similar ones are no answer. */
    if (match->rank < g_array_index(matches, Match, 0).rank)
      break;
    g_ptr_array_add(found, match->text);
  }
  return found;
}

const char *la_texts_nearest(const GPtrArray *texts, const char *word)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (unsigned i = 0; i < texts->len; i++) {
    const LaText *text = g_ptr_array_index(texts, i);
    g_ptr_array_add(names, text->name);
  }
  return la_nearest(word, (const char *const *)names->pdata, names->len);
}
