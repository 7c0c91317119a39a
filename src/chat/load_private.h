/* What the files of the load generator share. For the files of src/chat alone. */
#ifndef LA_CHAT_LOAD_PRIVATE_H
#define LA_CHAT_LOAD_PRIVATE_H

#include "chat/histogram.h"
#include "chat/load.h"
#include "chat/poll_set.h"
#include "chat/stream.h"

/* Messages that one client sends at one time. */
typedef struct {
  LaTime due;
  unsigned client;
  unsigned left; /* not yet answered */
} LaChatBatch;

typedef enum {
  LA_CHAT_LANE_CLOSED,
  LA_CHAT_LANE_CONNECTING,
  LA_CHAT_LANE_LOGIN, /* login and joining a room are not both answered yet */
  LA_CHAT_LANE_READY,
  LA_CHAT_LANE_CLOSING, /* the FIN is sent, the server's is waited for */
} LaChatLaneState;

typedef struct LaChatLoad LaChatLoad;

/* A connection, one after another in mode `short`. */
typedef struct {
  LaChatSource source;
  LaChatStream stream;
  LaChatLoad *load;
  unsigned index, serial;
  LaChatLaneState state;
  GQueue waiting;     /* LaChatBatch *, not yet sent */
  GQueue outstanding; /* LaChatBatch *, sent */
  int64_t next_id;    /* of the next message */
  int64_t answer_id;  /* the id that the next answer must have */
  unsigned logins;    /* answers still due before it is ready */
  LaTime deadline;    /* of connecting, login, closing; or when a closed lane may try again */
  LaTime progress;    /* when the oldest message that is outstanding was sent, or the one before it was answered */
  LaTime free_since;  /* when it had nothing more to do */
  unsigned failures;  /* connections that never became ready */
  bool ever_ready;
} LaChatLane;

struct LaChatLoad {
  const LaChatLoadConfig *config;
  LaChatAddress address;
  LaChatPollSet set;
  LaChatSource stop;
  LaChatLane *lanes;
  unsigned lane_count;
  unsigned connecting;  /* lanes on the way to be ready */
  unsigned outstanding; /* batches, waiting or sent */
  GQueue waiting;       /* LaChatBatch *, of mode pool */
  char *text;
  LaTime begin, end;
  LaTime next_due, interval; /* of batches, when there is a rate */
  unsigned next_client;
  LaTime last_answer;
  int first_error; /* errno of the first connection that failed */
  bool generating, stopped;
  LaChatLoadResult result;
  LaChatHistogram *latency, *waited;
};

/* load_lane.c */

void la_chat_lane_init(LaChatLane *lane, LaChatLoad *load, unsigned index);
void la_chat_lane_clear(LaChatLane *lane);

/* Begins to connect. */
void la_chat_lane_start(LaChatLane *lane);

/* Sends what may be sent now, and closes a lane that has done its work. */
void la_chat_lane_pump(LaChatLane *lane);

/* Sends the FIN, when it is ready. */
void la_chat_lane_close(LaChatLane *lane);

/* Does what is due. */
void la_chat_lane_tick(LaChatLane *lane, LaTime now);

/* load.c */

/* A batch was answered, or given up: the client may send the next. Frees it. */
void la_chat_load_batch_done(LaChatLoad *load, LaChatBatch *batch);

#endif
