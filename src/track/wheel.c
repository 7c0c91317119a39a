#include "track/wheel.h"

void la_wheel_init(LaWheel *wheel)
{
  *wheel = (LaWheel){.links = NULL, .room = 0, .tick = 0, .started = 0, .count = 0};
  for (unsigned i = 0; i < LA_WHEEL_SLOTS; i++)
    wheel->slot[i] = LA_HANDLE_NONE;
}

void la_wheel_clear(LaWheel *wheel)
{
  g_free(wheel->links);
}

static int64_t second_of(LaTime time)
{
  return time / LA_SEC - (time % LA_SEC < 0);
}

static unsigned slot_of(int64_t tick)
{
  return (unsigned)((uint64_t)tick % LA_WHEEL_SLOTS);
}

static void make_room(LaWheel *wheel, uint32_t handle)
{
  uint32_t room = wheel->room != 0 ? wheel->room : 256;
  while (room <= handle)
    room *= 2;
  wheel->links = g_renew(LaWheelLink, wheel->links, room);
  for (uint32_t i = wheel->room; i < room; i++)
    wheel->links[i].in = 0;
  wheel->room = room;
}

static void link_in(LaWheel *wheel, uint32_t handle, int64_t tick)
{
  unsigned slot = slot_of(tick);
  LaWheelLink *link = &wheel->links[handle];
  *link = (LaWheelLink){.next = wheel->slot[slot], .prev = LA_HANDLE_NONE, .tick = tick, .in = 1};
  if (link->next != LA_HANDLE_NONE)
    wheel->links[link->next].prev = handle;
  wheel->slot[slot] = handle;
  wheel->count++;
}

void la_wheel_remove(LaWheel *wheel, const LaConnection *conn)
{
  if (!la_wheel_has(wheel, conn))
    return;
  LaWheelLink *link = &wheel->links[conn->handle];
  if (link->prev != LA_HANDLE_NONE)
    wheel->links[link->prev].next = link->next;
  else
    wheel->slot[slot_of(link->tick)] = link->next;
  if (link->next != LA_HANDLE_NONE)
    wheel->links[link->next].prev = link->prev;
  link->in = 0;
  wheel->count--;
}

void la_wheel_set(LaWheel *wheel, const LaConnection *conn)
{
  if (conn->deadline == LA_TIME_MAX)
    return;
  int64_t tick = second_of(conn->deadline);
  if (tick < wheel->tick)
    tick = wheel->tick;
  if (tick >= wheel->tick + (int64_t)LA_WHEEL_SLOTS)
    tick = wheel->tick + (int64_t)LA_WHEEL_SLOTS - 1;
  if (la_wheel_has(wheel, conn)) {
    if (wheel->links[conn->handle].tick <= tick)
      return; /* it will be looked at in time, and put on */
    la_wheel_remove(wheel, conn);
  }
  if (conn->handle >= wheel->room)
    make_room(wheel, conn->handle);
  link_in(wheel, conn->handle, tick);
}

static void visit(LaWheel *wheel, const LaPool *pool, unsigned slot, LaTime before, GArray *due)
{
  uint32_t handle = wheel->slot[slot];
  wheel->slot[slot] = LA_HANDLE_NONE;
  while (handle != LA_HANDLE_NONE) {
    uint32_t next = wheel->links[handle].next;
    if (next != LA_HANDLE_NONE)
      __builtin_prefetch(&la_pool_get(pool, next)->deadline);
    const LaConnection *conn = la_pool_get(pool, handle);
    wheel->links[handle].in = 0;
    wheel->count--;
    if (conn->deadline < before)
      g_array_append_val(due, handle);
    else
      la_wheel_set(wheel, conn);
    handle = next;
  }
}

void la_wheel_advance(LaWheel *wheel, const LaPool *pool, LaTime now, GArray *due)
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
