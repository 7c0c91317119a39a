#include "chat/io.h"

#include <string.h>

const LaChatIo *const la_chat_io_all[] = {&la_chat_io_epoll,  &la_chat_io_epoll_et,  &la_chat_io_poll,
                                          &la_chat_io_select, &la_chat_io_nonblock,  &la_chat_io_threads,
                                          &la_chat_io_fork,   &la_chat_io_coroutine, NULL};

const LaChatIo *la_chat_io_find(const char *name)
{
  for (size_t i = 0; la_chat_io_all[i] != NULL; i++) {
    if (strcmp(la_chat_io_all[i]->name, name) == 0)
      return la_chat_io_all[i];
  }
  return NULL;
}

int la_chat_io_timeout_ms(LaTime timeout)
{
  if (timeout <= 0)
    return 0;
  LaTime ms = timeout / LA_MSEC + (timeout % LA_MSEC != 0);
  return ms > 60000 ? 60000 : (int)ms;
}
