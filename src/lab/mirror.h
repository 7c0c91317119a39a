/* What the recorder takes, sent at the same moment on an interface where anything can listen. */
#ifndef LA_LAB_MIRROR_H
#define LA_LAB_MIRROR_H

#include <glib.h>

/* A packet socket that sends frames from interface `name` of the calling process's network namespace and receives none; it stays there
 * when the process goes elsewhere, and processes may share it. The interface must be up, and of a kind that does not lead out of the
 * machine: dummy or veth. -1, and LA_ERROR_PERMISSION (no such interface, it is down, no right to send) or LA_ERROR_USAGE (an interface of
 * another kind). (transfer full: close()) */
int la_lab_mirror_open(const char *name, GError **error);

#endif
