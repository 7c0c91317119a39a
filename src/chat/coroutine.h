/* Coroutines: functions that can wait in the middle and go on later, each on a stack of its own. */
#ifndef LA_CHAT_COROUTINE_H
#define LA_CHAT_COROUTINE_H

#include <glib.h>
#include <stdbool.h>

typedef struct LaChatCoroutine LaChatCoroutine;

/* A coroutine that will run `entry(arg)`, on a stack with a guard page below it. NULL with LA_ERROR_PERMISSION when there is
 * no memory for the stack. (transfer full) */
LaChatCoroutine *la_chat_coroutine_new(void (*entry)(void *arg), void *arg, GError **error);

/* Frees it, whether it has ended or not; must not be called from inside. What its function holds is not released. */
void la_chat_coroutine_free(LaChatCoroutine *coroutine);

/* Lets it run until it yields or ends. False when it has ended. */
bool la_chat_coroutine_resume(LaChatCoroutine *coroutine);

/* From inside: goes back to who resumed it. */
void la_chat_coroutine_yield(LaChatCoroutine *coroutine);

#endif
