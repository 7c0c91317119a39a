#include "cli/exit_code.h"

#include <stdio.h>

#include "base/error.h"

LaExitCode la_exit_code_of(const GError *error)
{
  if (error->domain != LA_ERROR)
    return LA_EXIT_INTERNAL;
  switch ((LaErrorCode)error->code) {
  case LA_ERROR_USAGE: return LA_EXIT_USAGE;
  case LA_ERROR_OPEN: return LA_EXIT_OPEN;
  case LA_ERROR_BROKEN: return LA_EXIT_BROKEN;
  case LA_ERROR_PERMISSION: return LA_EXIT_PERMISSION;
  case LA_ERROR_OUTPUT: return LA_EXIT_OUTPUT;
  case LA_ERROR_INTERNAL: break;
  }
  return LA_EXIT_INTERNAL;
}

LaExitCode la_exit_code_worse(LaExitCode a, LaExitCode b)
{
  if (a == LA_EXIT_POLICY || b == LA_EXIT_POLICY)
    return LA_EXIT_POLICY;
  return a > b ? a : b;
}

LaExitCode la_exit_tell(const GError *error)
{
  fprintf(stderr, "lastack: %s\n", error->message);
  return la_exit_code_of(error);
}
