/* The community id: the same number for the same flow in every tool (https://github.com/corelight/community-id-spec). */
#ifndef LA_BASE_COMMUNITY_ID_H
#define LA_BASE_COMMUNITY_ID_H

#include "base/addr.h"

/* Room for its text, with the closing zero. */
#define LA_COMMUNITY_ID_MAX 40

/* Writes the id, version 1 with seed 0, of a TCP connection between both ends (in either order): "1:..." into `ret_text`
 * (LA_COMMUNITY_ID_MAX bytes). Returns it. */
char *la_community_id(const LaHostPort *one, const LaHostPort *other, char *ret_text);

#endif
