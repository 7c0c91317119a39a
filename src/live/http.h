/* A small HTTP server inside of somebody else's loop: /metrics and /healthz, GET and HEAD, nothing else. */
#ifndef LA_LIVE_HTTP_H
#define LA_LIVE_HTTP_H

#include <glib.h>
#include <stdbool.h>

typedef struct LaHttp LaHttp;

/* Listens at `address`: `ADDR:PORT`, `[ADDR]:PORT`, or `PORT` and `:PORT`, which is the loopback 127.0.0.1; port 0 is one that is free.
 * NULL and LA_ERROR_USAGE when the text is no such address, LA_ERROR_OUTPUT when it cannot be listened at. No thread is made. (transfer full) */
LaHttp *la_http_open(const char *address, GError **error);
void la_http_free(LaHttp *http);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LaHttp, la_http_free)

/* Where it listens: "127.0.0.1:9150". (borrowed) */
const char *la_http_address(const LaHttp *http);

/* To be waited for: readable when la_http_serve has something to do. It has also to be called about once a second, for time limits. */
int la_http_fd(const LaHttp *http);

/* Does what can be done without waiting. True when somebody asks for /metrics: la_http_answer is to be called, they wait for it. */
bool la_http_serve(LaHttp *http);

/* Gives this text to everybody who has asked; `type` is its content type. Both are borrowed for the call. */
void la_http_answer(LaHttp *http, const GString *text, const char *type);

#endif
