/* Socket options that a server and a client share, and the process's limit of descriptors. */
#ifndef LA_CHAT_TUNING_H
#define LA_CHAT_TUNING_H

#include <glib.h>
#include <stdbool.h>

typedef enum {
  LA_CHAT_OFF,
  LA_CHAT_ON,
} LaChatSwitch;

typedef struct {
  LaChatSwitch no_delay;
  LaChatSwitch keep_alive;
  unsigned keep_idle_s, keep_interval_s, keep_count;
  unsigned send_buffer, receive_buffer; /* bytes; 0: the kernel's choice */
} LaChatTuning;

/* TCP_NODELAY, keep-alive after 60 s, every 10 s, 3 times, buffers of the kernel's choice. */
#define LA_CHAT_TUNING_DEFAULT                                                                                                 \
  ((LaChatTuning){.no_delay = LA_CHAT_ON, .keep_alive = LA_CHAT_ON, .keep_idle_s = 60, .keep_interval_s = 10, .keep_count = 3})

/* Reads `IDLE:INTERVAL:COUNT` (seconds, seconds, number) or `off`. LA_ERROR_USAGE when it is neither. */
bool la_chat_keep_alive_parse(const char *text, LaChatTuning *tuning, GError **error);

/* Sets the buffers, which has to happen before a socket connects or listens, for the window scale depends on them. */
void la_chat_tune_buffers(int fd, const LaChatTuning *tuning);

/* Sets the rest on a connection. */
void la_chat_tune(int fd, const LaChatTuning *tuning);

/* Sees to it that the process may have `needed` descriptors, raising the soft limit as far as the hard one allows.
 * LA_ERROR_PERMISSION says how many are missing. `what` completes the sentence "WHAT need N descriptors". */
bool la_chat_limit_raise(unsigned long needed, const char *what, GError **error);

typedef struct {
  unsigned long used, limit;
} LaChatDescriptors;

/* How many descriptors this process has, of how many. */
LaChatDescriptors la_chat_descriptors(void);

#endif
