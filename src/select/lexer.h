/* Words, texts and operators of an expression. Internal to expressions. */
#ifndef LA_SELECT_LEXER_H
#define LA_SELECT_LEXER_H

#include <glib.h>
#include <stdbool.h>

typedef enum {
  LA_TOKEN_END,
  LA_TOKEN_WORD,   /* a name, number, address, time ... as it stands */
  LA_TOKEN_STRING, /* quoted */
  LA_TOKEN_OPEN,
  LA_TOKEN_CLOSE,
  LA_TOKEN_BRACE_OPEN,
  LA_TOKEN_BRACE_CLOSE,
  LA_TOKEN_COMMA,
  LA_TOKEN_OPERATOR, /* `op` */
  LA_TOKEN_IN,
  LA_TOKEN_AND,
  LA_TOKEN_OR,
  LA_TOKEN_NOT,
  LA_TOKEN_BAD, /* `problem` says why */
} LaTokenKind;

typedef struct {
  LaTokenKind kind;
  size_t start, end; /* bytes of the text */
  int op;            /* LaOp */
  const char *problem;
} LaToken;

/* The token at or behind byte `at` of `text`. */
LaToken la_token_next(const char *text, size_t at);

/* A token's text; quotes and escapes of a string are taken away. (transfer full) */
char *la_token_text(const char *text, const LaToken *token);

#endif
