/* What Zeek's conn.log says of a connection, from its record. The words are those of Zeek's manual (base/protocols/conn/main.zeek). */
#ifndef LA_REPORT_ZEEK_H
#define LA_REPORT_ZEEK_H

#include <glib.h>
#include <stdbool.h>

#include "report/record.h"

/* Room for a uid, with the closing zero. */
#define LA_ZEEK_UID_MAX 20

/* Writes "C" and 17 digits (0-9, A-Z, a-z) into `ret_text` (LA_ZEEK_UID_MAX bytes): a hash of the four-tuple, of the file's number, the
 * connection's id in it and its first packet's time. The same input has the same uid. Returns it. */
char *la_zeek_uid(const LaConnectionRecord *record, char *ret_text);

/* Appends the letters of `history`, upper case for the client. Those of the kept timeline: none that it does not prove. */
void la_zeek_history(const LaConnection *conn, GString *out);

/* `conn_state` (static): S0 S1 S2 S3 SF REJ RSTO RSTR RSTOS0 RSTRH SH SHR OTH. `history` is the connection's own. */
const char *la_zeek_conn_state(const LaConnection *conn, const char *history);

/* How long it lasted: not beyond the moment when both ends had sent their FIN, or RST. */
LaTime la_zeek_duration(const LaConnection *conn);

/* How much payload `side` sent, by its sequence numbers. False when they do not tell. */
bool la_zeek_bytes(const LaConnection *conn, LaSide side, uint64_t *ret_bytes);

/* How much payload of both ends their sequence numbers show that is not in the capture. False when that is not known. */
bool la_zeek_missed_bytes(const LaConnection *conn, uint64_t *ret_bytes);

#endif
