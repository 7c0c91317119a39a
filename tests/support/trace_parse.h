/* What the files that read a trace share. */
#ifndef LA_TESTS_TRACE_PARSE_H
#define LA_TESTS_TRACE_PARSE_H

#include "trace.h"

typedef struct {
  LaTrace *trace;
  LaTraceEncap encap; /* of the packets that follow */
  LaTime last_time;   /* of the previous packet line, since base */
  unsigned line;      /* the line that is being read */
} LaTraceParser;

/* Sets LA_ERROR_USAGE and returns false. */
bool la_trace_fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* A whole number, decimal or with 0x; at most `max`. */
bool la_trace_parse_number(const char *text, uint64_t max, uint64_t *ret_value, GError **error);

/* Seconds with a fraction of up to nine digits. */
bool la_trace_parse_seconds(const char *text, LaTime *ret_span, GError **error);

/* The index of the end called `name`, or -1. */
int la_trace_find_end(const LaTrace *trace, const char *name);

/* Layers, outermost first ("none" for no layer). */
bool la_trace_encap_parse(char **words, LaTraceEncap *ret_encap, GError **error);

/* A packet line: adds its packet to the trace. */
bool la_trace_packet_parse(LaTraceParser *parser, char **words, GError **error);

#endif
