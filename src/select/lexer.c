/* A word is everything up to a space, quote, bracket, comma or operator: names, numbers with units, addresses, prefixes, times and codes
 * have no common form, and which of them a word is depends on the field beside it. */
#include "select/lexer.h"

#include <string.h>

#include "select/tree.h"

static const struct {
  const char *text;
  LaTokenKind kind;
  int op;
} marks[] = {
    /* the longer first */
    {"==", LA_TOKEN_OPERATOR, LA_OP_EQ},
    {"!=", LA_TOKEN_OPERATOR, LA_OP_NE},
    {"<=", LA_TOKEN_OPERATOR, LA_OP_LE},
    {">=", LA_TOKEN_OPERATOR, LA_OP_GE},
    {"!~", LA_TOKEN_OPERATOR, LA_OP_MATCHES_NOT},
    {"&&", LA_TOKEN_AND, 0},
    {"||", LA_TOKEN_OR, 0},
    {"<", LA_TOKEN_OPERATOR, LA_OP_LT},
    {">", LA_TOKEN_OPERATOR, LA_OP_GT},
    {"~", LA_TOKEN_OPERATOR, LA_OP_MATCHES},
    {"!", LA_TOKEN_NOT, 0},
    {"(", LA_TOKEN_OPEN, 0},
    {")", LA_TOKEN_CLOSE, 0},
    {"{", LA_TOKEN_BRACE_OPEN, 0},
    {"}", LA_TOKEN_BRACE_CLOSE, 0},
    {",", LA_TOKEN_COMMA, 0},
};

static const struct {
  const char *text;
  LaTokenKind kind;
  int op;
} keywords[] = {
    {"and", LA_TOKEN_AND, 0},
    {"or", LA_TOKEN_OR, 0},
    {"not", LA_TOKEN_NOT, 0},
    {"in", LA_TOKEN_IN, 0},
    {"eq", LA_TOKEN_OPERATOR, LA_OP_EQ},
    {"ne", LA_TOKEN_OPERATOR, LA_OP_NE},
    {"lt", LA_TOKEN_OPERATOR, LA_OP_LT},
    {"le", LA_TOKEN_OPERATOR, LA_OP_LE},
    {"gt", LA_TOKEN_OPERATOR, LA_OP_GT},
    {"ge", LA_TOKEN_OPERATOR, LA_OP_GE},
    {"matches", LA_TOKEN_OPERATOR, LA_OP_MATCHES},
};

static bool is_space(char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word(char c)
{
  return g_ascii_isalnum(c) || (c != '\0' && strchr("_.:/%+-", c) != NULL) || (unsigned char)c >= 0x80;
}

static LaToken read_string(const char *text, LaToken token)
{
  char quote = text[token.start];
  size_t at = token.start + 1;
  while (text[at] != '\0' && text[at] != quote)
    at += text[at] == '\\' && text[at + 1] != '\0' ? 2 : 1;
  token.kind = LA_TOKEN_STRING;
  token.end = at + 1;
  if (text[at] == '\0') {
    token.kind = LA_TOKEN_BAD;
    token.end = at;
    token.problem = "this text has no closing quote";
  }
  return token;
}

static LaToken read_word(const char *text, LaToken token)
{
  token.kind = LA_TOKEN_WORD;
  while (is_word(text[token.end]))
    token.end++;
  size_t len = token.end - token.start;
  for (unsigned i = 0; i < G_N_ELEMENTS(keywords); i++) {
    if (strlen(keywords[i].text) == len && g_ascii_strncasecmp(keywords[i].text, text + token.start, len) == 0) {
      token.kind = keywords[i].kind;
      token.op = keywords[i].op;
    }
  }
  return token;
}

LaToken la_token_next(const char *text, size_t at)
{
  while (is_space(text[at]))
    at++;
  LaToken token = {.kind = LA_TOKEN_END, .start = at, .end = at};
  if (text[at] == '\0')
    return token;
  if (text[at] == '"' || text[at] == '\'')
    return read_string(text, token);
  if (is_word(text[at]))
    return read_word(text, token);
  for (unsigned i = 0; i < G_N_ELEMENTS(marks); i++) {
    if (g_str_has_prefix(text + at, marks[i].text)) {
      token.kind = marks[i].kind;
      token.op = marks[i].op;
      token.end = at + strlen(marks[i].text);
      return token;
    }
  }
  token.kind = LA_TOKEN_BAD;
  token.end = at + 1;
  token.problem = text[at] == '='   ? "equality is written =="
                  : text[at] == '&' ? "write and, or &&"
                  : text[at] == '|' ? "write or, or ||"
                  : text[at] == '@' ? "a named expression stands alone: -Y @NAME"
                                    : "this character has no meaning here";
  return token;
}

char *la_token_text(const char *text, const LaToken *token)
{
  if (token->kind != LA_TOKEN_STRING)
    return g_strndup(text + token->start, token->end - token->start);
  GString *out = g_string_new(NULL);
  for (size_t at = token->start + 1; at + 1 < token->end; at++) {
    /* Only quotes and the backslash are escaped: a regular expression keeps its own. */
    if (text[at] == '\\' && (text[at + 1] == '"' || text[at + 1] == '\'' || text[at + 1] == '\\') && at + 2 < token->end)
      at++;
    g_string_append_c(out, text[at]);
  }
  return g_string_free(out, FALSE);
}
