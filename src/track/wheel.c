#include "track/wheel.h"

void la_wheel_init(LaWheel *wheel)
{
  for (unsigned i = 0; i < LA_WHEEL_SLOTS; i++)
    wheel->slot[i] = LA_HANDLE_NONE;
  wheel->tick = 0;
  wheel->started = 0;
  wheel->count = 0;
}

static int64_t second_of(LaTime time)
{
  return time >= 0 ? time / LA_SEC : -((-time + LA_SEC - 1) / LA_SEC);
}

static unsigned slot_of(int64_t tick)
{
  return (unsigned)((uint64_t)tick % LA_WHEEL_SLOTS);
}

static void link_in(LaWheel *wheel, LaPool *pool, LaConnection *conn, int64_t tick)
{
  unsigned slot = slot_of(tick);
  conn->wheel_tick = tick;
  conn->in_wheel = 1;
  conn->prev_in_wheel = LA_HANDLE_NONE;
  conn->next_in_wheel = wheel->slot[slot];
  if (conn->next_in_wheel != LA_HANDLE_NONE)
    la_pool_get(pool, conn->next_in_wheel)->prev_in_wheel = conn->handle;
  wheel->slot[slot] = conn->handle;
  wheel->count++;
}

void la_wheel_remove(LaWheel *wheel, LaPool *pool, LaConnection *conn)
{
  if (conn->in_wheel == 0)
    return;
  if (conn->prev_in_wheel != LA_HANDLE_NONE)
    la_pool_get(pool, conn->prev_in_wheel)->next_in_wheel = conn->next_in_wheel;
  else
    wheel->slot[slot_of(conn->wheel_tick)] = conn->next_in_wheel;
  if (conn->next_in_wheel != LA_HANDLE_NONE)
    la_pool_get(pool, conn->next_in_wheel)->prev_in_wheel = conn->prev_in_wheel;
  conn->in_wheel = 0;
  wheel->count--;
}

void la_wheel_set(LaWheel *wheel, LaPool *pool, LaConnection *conn)
{
  if (conn->deadline == LA_TIME_MAX)
    return;
  int64_t tick = second_of(conn->deadline);
  if (tick < wheel->tick)
    tick = wheel->tick;
  if (tick >= wheel->tick + (int64_t)LA_WHEEL_SLOTS)
    tick = wheel->tick + (int64_t)LA_WHEEL_SLOTS - 1;
  if (conn->in_wheel != 0) {
    if (conn->wheel_tick <= tick)
      return; /* it will be looked at in time, and put on */
    la_wheel_remove(wheel, pool, conn);
  }
  link_in(wheel, pool, conn, tick);
}

static void visit(LaWheel *wheel, LaPool *pool, unsigned slot, LaTime before, GArray *due)
{
  uint32_t handle = wheel->slot[slot];
  wheel->slot[slot] = LA_HANDLE_NONE;
  while (handle != LA_HANDLE_NONE) {
    LaConnection *conn = la_pool_get(pool, handle);
    uint32_t next = conn->next_in_wheel;
    conn->in_wheel = 0;
    wheel->count--;
    if (conn->deadline < before)
      g_array_append_val(due, handle);
    else
      la_wheel_set(wheel, pool, conn);
    handle = next;
  }
}

void la_wheel_advance(LaWheel *wheel, LaPool *pool, LaTime now, GArray *due)
{
  int64_t tick = second_of(now);
  if (wheel->started == 0) {
    wheel->started = 1;
    wheel->tick = tick;
  }
  if (tick <= wheel->tick)
    return;
  int64_t first = wheel->tick;
  int64_t last = tick - first > (int64_t)LA_WHEEL_SLOTS ? first + (int64_t)LA_WHEEL_SLOTS : tick;
  wheel->tick = tick;
  for (int64_t t = first; t < last && wheel->count != 0; t++)
    visit(wheel, pool, slot_of(t), tick * LA_SEC, due);
}
