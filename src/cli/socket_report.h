/* What `lastack sockets` prints. */
#ifndef LA_CLI_SOCKET_REPORT_H
#define LA_CLI_SOCKET_REPORT_H

#include "cli/socket_list.h"
#include "report/format.h"

/* Borrowed for the call. */
typedef struct {
  const LaSocketList *list;
  const LaCgroups *groups;
  const LaOwnerScan *scan; /* NULL: owners were not looked for */
  LaTime at;               /* when the sockets were read */
  const char *host;        /* this machine's name; untrusted */
  bool each;               /* a line for every socket */
} LaSocketReport;

/* For a person: how many in which state, what is wrong, the services. */
void la_socket_report_text(const LaSocketReport *report, const LaReportOptions *options, GString *out);

/* Records of lastack/1: `socket` for each, then one `sockets`. */
void la_socket_report_ndjson(const LaSocketReport *report, LaOutput *out);

#endif
