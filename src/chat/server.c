/* Making a server and asking it. What it does while it runs is in server_run.c, what happens at its listeners in
 * server_accept.c. */
#include "chat/server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include "base/error.h"
#include "chat/server_private.h"

/* Descriptors that a server takes beside its connections: listeners, the model's own, standard streams and some air. */
#define SPARE_DESCRIPTORS 16

LaChatServerConfig la_chat_server_config_default(void)
{
  return (LaChatServerConfig){.io = &la_chat_io_epoll,
                              .reach = LA_CHAT_LOOPBACK_ONLY,
                              .backlog = 128,
                              .max_connections = 100,
                              .max_errors = 10,
                              .idle_timeout = 300 * LA_SEC,
                              .grace = 5 * LA_SEC,
                              .send_queue = (size_t)4 << 20,
                              .reuse_address = LA_CHAT_ON,
                              .tuning = LA_CHAT_TUNING_DEFAULT,
                              .status_interval = LA_TIME_MAX,
                              .stop_fd = -1};
}

LaTime la_chat_server_now(const LaChatServer *server)
{
  return la_chat_clock_now(&server->config.clock);
}

void la_chat_server_log(LaChatServer *server, const char *format, ...)
{
  if (server->config.events.log == NULL)
    return;
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  server->config.events.log(server->config.events.ctx, text);
}

void la_chat_server_arm(LaChatServer *server, LaChatSource *source)
{
  if (source->want == source->armed)
    return;
  source->armed = source->want;
  if (server->config.io->update != NULL)
    server->config.io->update(server->io, source);
}

bool la_chat_server_is_readable(int fd)
{
  struct pollfd item = {.fd = fd, .events = POLLIN};
  return poll(&item, 1, 0) > 0;
}

/* Refuses what the model or the system cannot carry. */
static bool check_limits(const LaChatServerConfig *config, GError **error)
{
  unsigned long each = config->io->descriptors_each;
  unsigned long count = (unsigned long)config->max_connections + LA_CHAT_REFUSALS_MAX;
  unsigned long needed = la_chat_descriptors().used + config->listen_count + SPARE_DESCRIPTORS + each * count;
  if (config->io->descriptor_limit != 0 && needed > config->io->descriptor_limit) {
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE,
                "%u connections need descriptors up to %lu, but the model '%s' cannot watch any from %u on: take another "
                "model, or fewer connections",
                config->max_connections, needed, config->io->name, config->io->descriptor_limit);
    return false;
  }
  g_autofree char *what = g_strdup_printf("%u connections", config->max_connections);
  return la_chat_limit_raise(needed, what, error);
}

static bool check_reach(const LaChatServerConfig *config, GError **error)
{
  for (size_t i = 0; i < config->listen_count; i++) {
    char text[LA_HOST_PORT_TEXT_MAX];
    if (config->reach == LA_CHAT_ALLOW_REMOTE || la_chat_address_is_loopback(&config->listen[i]))
      continue;
    g_set_error(error, LA_ERROR, LA_ERROR_USAGE,
                "%s can be reached from outside: only loopback, unless --allow-remote is given",
                la_chat_address_format(&config->listen[i], text));
    return false;
  }
  return true;
}

static void set_option(int fd, int level, int option, int value)
{
  (void)setsockopt(fd, level, option, &value, sizeof value);
}

/* A listening socket as configured; -1 with an error. */
static int listen_on(const LaChatServerConfig *config, const LaChatAddress *address, GError **error)
{
  char text[LA_HOST_PORT_TEXT_MAX];
  int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, config->reuse_address == LA_CHAT_ON);
    if (address->storage.ss_family == AF_INET6)
      set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    la_chat_tune_buffers(fd, &config->tuning);
    if (config->defer_accept_s != 0)
      set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, (int)config->defer_accept_s);
    if (config->fast_open != 0)
      set_option(fd, IPPROTO_TCP, TCP_FASTOPEN, (int)config->fast_open);
  }
  if (fd < 0 || bind(fd, (const struct sockaddr *)&address->storage, address->len) != 0 ||
      listen(fd, (int)config->backlog) != 0) {
    g_set_error(error, LA_ERROR, LA_ERROR_PERMISSION, "cannot listen on %s: %s", la_chat_address_format(address, text),
                g_strerror(errno));
    if (fd >= 0)
      close(fd);
    return -1;
  }
  return fd;
}

static bool open_listeners(LaChatServer *server, const LaChatServerConfig *config, GError **error)
{
  server->listeners = g_new0(LaChatListener, config->listen_count);
  for (size_t i = 0; i < config->listen_count; i++) {
    int fd = listen_on(config, &config->listen[i], error);
    if (fd < 0)
      return false;
    LaChatListener *listener = &server->listeners[server->listener_count++];
    listener->source.fd = fd;
    listener->source.deadline = LA_TIME_MAX;
    listener->server = server;
    if (!la_chat_address_of(fd, LA_CHAT_END_LOCAL, &listener->address))
      listener->address = config->listen[i];
  }
  return true;
}

LaChatServer *la_chat_server_new(const LaChatServerConfig *config, GError **error)
{
  g_return_val_if_fail(config->listen_count > 0 && config->io != NULL && config->clock.monotonic != NULL, NULL);
  if (!check_reach(config, error) || !check_limits(config, error))
    return NULL;
  LaChatServer *server = g_new0(LaChatServer, 1);
  server->config = *config;
  server->config.listen = NULL;
  server->config.faults = NULL;
  server->faults = g_memdup2(config->faults, config->fault_count * sizeof *config->faults);
  server->dice = g_rand_new_with_seed(config->seed);
  server->plan = la_chat_plan_roll(server->faults, config->fault_count, LA_CHAT_SCOPE_SERVER, server->dice);
  LaChatHubConfig hub = {
      .idle_timeout = config->idle_timeout, .grace = config->grace, .max_errors = MAX(config->max_errors, 1)};
  server->hub = la_chat_hub_new(&hub, &server->config.clock);
  server->conns = g_ptr_array_new();
  server->touched = g_ptr_array_new();
  server->looking = g_ptr_array_new();
  server->began = la_chat_server_now(server);
  server->drain_until = server->accept_again = server->next_deadline = LA_TIME_MAX;
  if (!open_listeners(server, config, error)) {
    la_chat_server_free(server);
    return NULL;
  }
  return server;
}

void la_chat_server_free(LaChatServer *server)
{
  if (server == NULL)
    return;
  for (size_t i = 0; i < server->listener_count; i++) {
    if (server->listeners[i].source.fd >= 0)
      close(server->listeners[i].source.fd);
  }
  g_free(server->listeners);
  la_chat_hub_free(server->hub);
  g_ptr_array_unref(server->conns);
  g_ptr_array_unref(server->touched);
  g_ptr_array_unref(server->looking);
  g_rand_free(server->dice);
  g_free(server->faults);
  g_free(server);
}

LaChatAddress la_chat_server_address(const LaChatServer *server, size_t index)
{
  g_assert(index < server->listener_count);
  return server->listeners[index].address;
}

LaChatServerStats la_chat_server_stats(const LaChatServer *server)
{
  return (LaChatServerStats){.uptime = la_chat_server_now(server) - server->began,
                             .connections = server->peers - server->refusals,
                             .peak = server->peak,
                             .accepted = server->accepted,
                             .refused = server->refused,
                             .resets = server->shared.resets,
                             .slow_readers = server->shared.slow_readers,
                             .bytes_in = server->shared.bytes_in,
                             .bytes_out = server->shared.bytes_out,
                             .hub = la_chat_hub_stats(server->hub),
                             .descriptors = la_chat_descriptors()};
}
