/* A record is taken apart into a flat list of values, each under its field's number: the names of the fields are the paths of the
 * record, arrays adding nothing to a path. What this version has no field for is passed over, so that results of a later one can be
 * read. Memory is one line, at most 1 MiB (the contract of the format), and its values. */
#include "select/stored.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "select/field.h"

#define LINE_MAX_BYTES (1u << 20)
#define PATH_MAX_BYTES 128u
#define NO_FINDING UINT32_MAX
#define SCHEMA "lastack/1"

typedef struct {
  uint32_t row;
  uint32_t finding; /* it is of; NO_FINDING: of the record */
  int64_t number;
  double ratio;
  const char *text;
  LaAddr addr;
  uint8_t family;
} Entry;

struct LaStored {
  LaStoredType type;
  GArray *entries;  /* of Entry (owned) */
  GArray *findings; /* of LaStoredFinding (owned) */
  uint32_t focus;   /* NO_FINDING: all */
  bool truncated;
  bool schema, typed; /* both were there */
};

struct LaStoredReader {
  FILE *file;
  char *name;
  char *line; /* getdelim's */
  size_t line_size;
  uint64_t number;  /* of the line */
  GHashTable *rows; /* path -> row number + 1 (owned) */
  LaStored *record; /* the latest (owned) */
};

/* ---- values ---- */

static bool read_number(const char *text, size_t len, LaType type, Entry *ret)
{
  int64_t scale = type == LA_TYPE_SPAN ? LA_SEC : 1;
  bool negative = *text == '-';
  if (la_decimal_read(text + (negative ? 1 : 0), len - (negative ? 1 : 0), scale, &ret->number)) {
    ret->number = negative ? -ret->number : ret->number;
    ret->ratio = 0;
    if (type != LA_TYPE_RATIO)
      return true;
  }
  /* Other programs write numbers in other ways: 1.6e-05. */
  char copy[64];
  if (len >= sizeof copy)
    return false;
  memcpy(copy, text, len);
  copy[len] = '\0';
  ret->ratio = g_ascii_strtod(copy, NULL);
  double scaled = ret->ratio * (double)scale;
  if (scaled > 9e18 || scaled < -9e18)
    return false;
  ret->number = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  return true;
}

/* A word of the record; one that this version does not know is passed over. */
static bool read_word(const char *text, const LaVocabulary *words, int64_t *ret)
{
  for (unsigned i = 0; i < words->count; i++) {
    const char *word = words->word(i);
    if (word != NULL && strcmp(word, text) == 0) {
      *ret = i;
      return true;
    }
  }
  return false;
}

static bool read_text(const char *text, const LaFieldRow *row, Entry *ret)
{
  LaTime time;
  switch (row->type) {
  case LA_TYPE_TEXT: ret->text = text; return true;
  case LA_TYPE_ADDRESS: ret->family = (uint8_t)la_addr_parse(text, &ret->addr); return ret->family != LA_FAMILY_NONE;
  case LA_TYPE_WORD: return read_word(text, row->words, &ret->number);
  case LA_TYPE_TIME:
    if (!la_time_parse(text, &time) || time > LA_TIME_OF_PACKET_MAX || time < -LA_TIME_OF_PACKET_MAX)
      return false;
    ret->number = time;
    return true;
  default: return false;
  }
}

static bool is_a_number(LaType type)
{
  return type == LA_TYPE_NUMBER || type == LA_TYPE_BYTES || type == LA_TYPE_SPAN || type == LA_TYPE_RATIO ||
         type == LA_TYPE_PORT;
}

static void take_value(LaStored *stored, unsigned number, LaJsonToken token, const LaJsonReader *json)
{
  const LaFieldRow *row = la_field_row(number);
  Entry entry = {.row = number, .finding = NO_FINDING};
  bool ok = false;
  if (token == LA_JSON_NUMBER)
    ok = is_a_number(row->type) && read_number(json->text, json->len, row->type, &entry);
  else if (token == LA_JSON_STRING)
    ok = read_text(json->text, row, &entry);
  else if (row->type == LA_TYPE_BOOLEAN && (token == LA_JSON_TRUE || token == LA_JSON_FALSE))
    ok = true;
  if (row->type == LA_TYPE_BOOLEAN)
    entry.number = token == LA_JSON_TRUE ? 1 : 0;
  if ((row->type == LA_TYPE_PORT && (entry.number < 0 || entry.number > 65535)) || !ok)
    return;
  if (g_str_has_prefix(row->name, "findings.") && stored->findings->len > 0)
    entry.finding = stored->findings->len - 1;
  g_array_append_val(stored->entries, entry);
}

/* ---- records ---- */

/* The paths under which host records say what connections say otherwise. */
static const struct {
  const char *path, *field;
} other_paths[] = {
    {"subject.ip", "client.ip"},
    {"subject.client.ip", "client.ip"},
    {"subject.server.ip", "server.ip"},
    {"subject.server.port", "server.port"},
};

static LaStoredType type_of(const char *word)
{
  static const char *const words[] = {"connection", "host", "capture", "summary"};
  for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
    if (strcmp(words[i], word) == 0)
      return (LaStoredType)i;
  }
  return LA_STORED_OTHER;
}

static void take_of_finding(LaStored *stored, const char *name, const char *text)
{
  LaStoredFinding *finding = &g_array_index(stored->findings, LaStoredFinding, stored->findings->len - 1);
  int64_t word;
  if (strcmp(name, "code") == 0) {
    finding->code = text;
    finding->rule = la_rule_find(text);
  } else if (strcmp(name, "summary") == 0) {
    finding->summary = text;
  } else if (strcmp(name, "severity") == 0 && read_word(text, &la_words_severity, &word)) {
    finding->severity = (LaSeverity)word;
  } else if (strcmp(name, "confidence") == 0 && read_word(text, &la_words_confidence, &word)) {
    finding->confidence = (LaConfidence)word;
  } else if (strcmp(name, "blame") == 0 && read_word(text, &la_words_blame, &word)) {
    finding->blame = (LaBlame)word;
  } else if (strcmp(name, "at") == 0) {
    LaTime time;
    if (la_time_parse(text, &time))
      finding->at = time;
  }
}

static void take_scalar(LaStoredReader *reader, const char *path, LaJsonToken token, const LaJsonReader *json)
{
  LaStored *stored = reader->record;
  if (token == LA_JSON_STRING && strcmp(path, "type") == 0) {
    stored->type = type_of(json->text);
    stored->typed = true;
  } else if (token == LA_JSON_STRING && strcmp(path, "schema") == 0) {
    stored->schema = strcmp(json->text, SCHEMA) == 0;
  } else if (strcmp(path, "truncated") == 0) {
    stored->truncated = token == LA_JSON_TRUE;
  }
  if (token == LA_JSON_STRING && g_str_has_prefix(path, "findings.") && stored->findings->len > 0)
    take_of_finding(stored, path + strlen("findings."), json->text);
  gpointer number = g_hash_table_lookup(reader->rows, path);
  if (number != NULL)
    take_value(stored, GPOINTER_TO_UINT(number) - 1, token, json);
}

/* The path to the value at hand: where the names of each depth begin. */
typedef struct {
  char text[PATH_MAX_BYTES];
  size_t end[LA_JSON_DEPTH_MAX + 1]; /* of the path that leads to the bracket at this depth */
  size_t len;
} Path;

static void path_key(Path *path, unsigned depth, const char *key)
{
  size_t at = path->end[depth];
  int n = g_snprintf(path->text + at, PATH_MAX_BYTES - at, "%s%s", at > 0 ? "." : "", key);
  /* One that is too long names no field; its beginning must not either. */
  if ((size_t)n >= PATH_MAX_BYTES - at) {
    path->text[PATH_MAX_BYTES - 2] = '?';
    n = (int)(PATH_MAX_BYTES - at - 1);
  }
  path->len = at + (size_t)n;
}

/* Takes one line apart. False when it is no JSON object. */
static bool take_line(LaStoredReader *reader, size_t len)
{
  LaStored *stored = reader->record;
  Path path = {{0}, {0}, 0};
  LaJsonReader json;
  la_json_reader_init(&json, reader->line, len);
  LaJsonToken token = la_json_reader_next(&json);
  if (token != LA_JSON_BEGIN_OBJECT)
    return false;
  while ((token = la_json_reader_next(&json)) != LA_JSON_END) {
    switch (token) {
    case LA_JSON_BAD: return false;
    case LA_JSON_KEY: path_key(&path, json.depth, json.text); break;
    case LA_JSON_BEGIN_OBJECT:
    case LA_JSON_BEGIN_ARRAY:
      /* Inside an array the path is that of the array. */
      path.end[json.depth] = path.len;
      if (token == LA_JSON_BEGIN_OBJECT && json.depth == 3 && strcmp(path.text, "findings") == 0) {
        LaStoredFinding finding = {.code = "", .summary = "", .blame = LA_BLAME_NONE, .at = LA_TIME_NONE};
        g_array_append_val(stored->findings, finding);
      }
      break;
    case LA_JSON_END_OBJECT:
    case LA_JSON_END_ARRAY:
      path.len = path.end[json.depth + 1];
      path.text[path.len] = '\0';
      break;
    default: take_scalar(reader, path.text, token, &json); break;
    }
  }
  return true;
}

/* ---- the reader ---- */

static LaStored *record_new(void)
{
  LaStored *stored = g_new0(LaStored, 1);
  stored->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
  stored->findings = g_array_new(FALSE, FALSE, sizeof(LaStoredFinding));
  return stored;
}

static void reset(LaStored *stored)
{
  g_array_set_size(stored->entries, 0);
  g_array_set_size(stored->findings, 0);
  stored->type = LA_STORED_OTHER;
  stored->focus = NO_FINDING;
  stored->truncated = stored->schema = stored->typed = false;
}

bool la_stored_is(const char *path)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return false;
  char start[64];
  ssize_t n = read(fd, start, sizeof start);
  close(fd);
  ssize_t i = 0;
  while (i < n && g_ascii_isspace(start[i]))
    i++;
  return i < n && start[i] == '{';
}

LaStoredReader *la_stored_open_fd(int fd, const char *name, GError **error)
{
  FILE *file = fdopen(fd, "r");
  if (file == NULL) {
    la_error_set(error, LA_ERROR_OPEN, "%s: %s", name, g_strerror(errno));
    close(fd);
    return NULL;
  }
  LaStoredReader *reader = g_new0(LaStoredReader, 1);
  reader->file = file;
  reader->name = g_strdup(name);
  reader->record = record_new();
  reader->rows = g_hash_table_new(g_str_hash, g_str_equal);
  const LaFieldRow *row;
  for (unsigned i = 0; (row = la_field_row(i)) != NULL; i++) {
    if (row->part[0] == NULL)
      g_hash_table_insert(reader->rows, (gpointer)(guintptr)row->name, GUINT_TO_POINTER(i + 1));
  }
  for (unsigned i = 0; i < G_N_ELEMENTS(other_paths); i++) {
    row = la_field_find(other_paths[i].field, strlen(other_paths[i].field));
    g_hash_table_insert(reader->rows, (gpointer)(guintptr)other_paths[i].path, GUINT_TO_POINTER(la_field_number(row) + 1));
  }
  return reader;
}

LaStoredReader *la_stored_open(const char *path, GError **error)
{
  bool standard = strcmp(path, "-") == 0;
  int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    la_error_set(error, LA_ERROR_OPEN, "%s: %s", path, g_strerror(errno));
    return NULL;
  }
  return la_stored_open_fd(fd, standard ? "standard input" : path, error);
}

/* A line of at most LINE_MAX_BYTES without its end; -1: there is none, `*ret_cut` when it has no end, -2: too long. */
static ssize_t read_line(LaStoredReader *reader, bool *ret_cut)
{
  size_t len = 0;
  int c = EOF;
  flockfile(reader->file);
  while (len <= LINE_MAX_BYTES && (c = getc_unlocked(reader->file)) != EOF && c != '\n') {
    if (len + 1 >= reader->line_size) {
      reader->line_size = MAX(reader->line_size * 2, 4096);
      reader->line = g_realloc(reader->line, reader->line_size);
    }
    reader->line[len++] = (char)c;
  }
  funlockfile(reader->file);
  *ret_cut = c == EOF;
  if (len > LINE_MAX_BYTES)
    return -2;
  return len == 0 && c == EOF ? -1 : (ssize_t)len;
}

static bool is_blank(const char *line, ssize_t len)
{
  for (ssize_t i = 0; i < len; i++) {
    if (!g_ascii_isspace(line[i]))
      return false;
  }
  return true;
}

LaStored *la_stored_next(LaStoredReader *reader, GError **error)
{
  for (;;) {
    bool cut;
    ssize_t len = read_line(reader, &cut);
    reader->number++;
    if (len == -1) {
      if (ferror(reader->file))
        la_error_set(error, LA_ERROR_BROKEN, "%s: cannot be read: %s", reader->name, g_strerror(errno));
      return NULL;
    }
    if (len >= 0 && is_blank(reader->line, len))
      continue;
    reset(reader->record);
    bool read = len >= 0 && take_line(reader, (size_t)len);
    if (read && reader->record->typed && reader->record->schema)
      return reader->record;
    if (!read && cut && reader->number > 1)
      la_error_set(error, LA_ERROR_BROKEN, "%s:%" G_GUINT64_FORMAT ": cut off in the middle of a record", reader->name,
                   reader->number);
    else
      la_error_set(error, LA_ERROR_OPEN, "%s:%" G_GUINT64_FORMAT ": no record of lastack's NDJSON (schema %s)", reader->name,
                   reader->number, SCHEMA);
    return NULL;
  }
}

void la_stored_reader_free(LaStoredReader *reader)
{
  if (reader == NULL)
    return;
  fclose(reader->file);
  g_array_unref(reader->record->entries);
  g_array_unref(reader->record->findings);
  g_free(reader->record);
  g_hash_table_unref(reader->rows);
  g_free(reader->line);
  g_free(reader->name);
  g_free(reader);
}

/* ---- asking a record ---- */

LaStoredType la_stored_type(const LaStored *stored)
{
  return stored->type;
}

LaExpressionKind la_stored_kind(const LaStored *stored)
{
  switch (stored->type) {
  case LA_STORED_CONNECTION: return LA_EXPRESSION_CONNECTION;
  case LA_STORED_HOST: return LA_EXPRESSION_HOST;
  case LA_STORED_CAPTURE: return LA_EXPRESSION_CAPTURE;
  default: return LA_EXPRESSION_KIND_N;
  }
}

const LaStoredFinding *la_stored_findings(const LaStored *stored, unsigned *ret_count)
{
  *ret_count = stored->findings->len;
  return (const LaStoredFinding *)(const void *)stored->findings->data;
}

void la_stored_focus(LaStored *stored, unsigned n)
{
  stored->focus = n;
}

bool la_stored_value(const LaStored *stored, unsigned row, unsigned at, LaValue *ret)
{
  for (guint i = 0; i < stored->entries->len; i++) {
    const Entry *entry = &g_array_index(stored->entries, Entry, i);
    if (entry->row != row || (stored->focus != NO_FINDING && entry->finding != NO_FINDING && entry->finding != stored->focus))
      continue;
    if (at-- > 0)
      continue;
    ret->number = entry->number;
    ret->ratio = entry->ratio;
    ret->addr = entry->addr;
    ret->family = entry->family;
    ret->text = entry->text;
    return true;
  }
  return false;
}

bool la_stored_number(const LaStored *stored, const char *field, int64_t *ret_value)
{
  const LaFieldRow *row = la_field_find(field, strlen(field));
  LaValue value;
  if (row == NULL || !la_stored_value(stored, la_field_number(row), 0, &value))
    return false;
  *ret_value = value.number;
  return true;
}

bool la_stored_end(const LaStored *stored, LaSide side, LaHostPort *ret_end)
{
  const char *ip = side == LA_OPENER ? "client.ip" : "server.ip";
  LaValue value;
  if (!la_stored_value(stored, la_field_number(la_field_find(ip, strlen(ip))), 0, &value))
    return false;
  int64_t port = 0;
  la_stored_number(stored, side == LA_OPENER ? "client.port" : "server.port", &port);
  *ret_end = (LaHostPort){.addr = value.addr, .family = value.family, .port = (uint16_t)port};
  return true;
}

bool la_stored_truncated(const LaStored *stored)
{
  return stored->truncated;
}
