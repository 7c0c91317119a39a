#include "track/path.h"

bool la_path_apply(LaEndpoint *end, LaTcpEvent event, LaCause cause)
{
  /* CLOSED stands for "nothing known" only at the beginning; a connection that is over does not open again. */
  if (end->state == LA_TCP_CLOSED && end->steps != 0)
    return false;
  LaCell cell = la_tcp_fsm((LaTcpState)end->state, event);
  if (cell.kind != LA_CELL_NEXT && cell.kind != LA_CELL_GAP)
    return false;
  if (end->steps == LA_STEPS_MAX)
    return false;
  end->path[end->steps++] = (LaStep){
      .time = cause.time,
      .frame = cause.frame,
      .proved_by = cell.kind == LA_CELL_GAP ? 0 : cause.proved_by,
      .state = (uint8_t)cell.next,
      .gap = cell.kind == LA_CELL_GAP,
  };
  end->state = (uint8_t)cell.next;
  return true;
}

void la_path_take_back(LaEndpoint *end)
{
  end->steps--;
  end->state = end->steps != 0 ? end->path[end->steps - 1].state : LA_TCP_CLOSED;
  end->corrected = 1;
}
