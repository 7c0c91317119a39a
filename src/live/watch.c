/* Drawn anew once a second and after each key, by ncurses, which sends the terminal only what changed. The upper part is a table of
 * services, the lower one the latest findings; Tab moves between them, Enter opens the connection of a finding as a list of what happened
 * to it.
 *
 * Whatever happens to this process, the terminal comes back: a child that does nothing else waits for the end of a pipe that only
 * this process holds, and restores the terminal unless it was told that all is well. */
#include "live/watch.h"

#include <curses.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"
#include "base/escape.h"
#include "diagnose/rule.h"
#include "live/rights.h"

#define FILTER_MAX 40
#define HEAD_ROWS 5 /* above the services */

typedef enum {
  PART_SERVICES,
  PART_FINDINGS,
  PART_N,
} Part;

struct LaWatchScreen {
  SCREEN *terminal;
  int guard; /* the pipe's end */
  pid_t guardian;
  Part part;
  LaTopOrder order;
  unsigned selected[PART_N];
  unsigned shown[PART_N]; /* how many there were at the last drawing */
  uint32_t opened;        /* the connection whose ladder is shown; 0: none */
  uint32_t pointed;       /* that of the selected finding */
  char filter[FILTER_MAX];
  bool typing; /* a filter */
  bool paused, quit;
  char line[200];
};

/* ---- the terminal ---- */

/* The child: restores the terminal when the pipe ends without a word. */
static void guard_terminal(int fd, const struct termios *before)
{
  static const char normal[] = "\033[?1049l\033[?25h\033[0m\033[?1l\033>\r\n";
  char byte;
  sigset_t none;
  sigfillset(&none);
  sigprocmask(SIG_BLOCK, &none, NULL);
  if (read(fd, &byte, 1) == 1)
    _exit(0); /* lint-allow calls: the child that does nothing but guard the terminal */
  tcsetattr(STDIN_FILENO, TCSANOW, before);
  if (write(STDOUT_FILENO, normal, sizeof normal - 1) < 0)
    _exit(1); /* lint-allow calls: the same */
  _exit(0);   /* lint-allow calls: the same */
}

static bool start_guard(LaWatchScreen *screen)
{
  struct termios before;
  int ends[2];
  if (tcgetattr(STDIN_FILENO, &before) != 0 || pipe(ends) != 0)
    return false;
  screen->guardian = fork();
  if (screen->guardian < 0)
    return false;
  if (screen->guardian == 0) {
    setsid(); /* not in the group that the terminal's keys reach */
    dup2(ends[0], 3);
    close_range(4, ~0U, 0);
    ends[0] = 3;
    LaUser user;
    if (la_user_find(NULL, &user, NULL))
      la_rights_drop(&user, &(LaRightsKept){0}, NULL);
    guard_terminal(ends[0], &before);
  }
  close(ends[0]);
  screen->guard = ends[1];
  return true;
}

LaWatchScreen *la_watch_screen_new(GError **error)
{
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
    la_error_set(error, LA_ERROR_USAGE, "--watch needs a terminal");
    return NULL;
  }
  LaWatchScreen *screen = g_new0(LaWatchScreen, 1);
  screen->part = PART_FINDINGS;
  if (!start_guard(screen) ||
      (screen->terminal = newterm(NULL, stdout, stdin)) == NULL) { /* lint-allow calls: curses takes them */
    la_error_set(error, LA_ERROR_USAGE, "--watch cannot use this terminal (TERM is '%s')", g_getenv("TERM"));
    la_watch_screen_free(screen);
    return NULL;
  }
  set_term(screen->terminal);
  cbreak();
  noecho();
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  set_escdelay(50);
  curs_set(0);
  if (has_colors()) {
    start_color();
    use_default_colors();
    init_pair(1, COLOR_RED, -1);
    init_pair(2, COLOR_YELLOW, -1);
    init_pair(3, COLOR_CYAN, -1);
  }
  return screen;
}

void la_watch_screen_free(LaWatchScreen *screen)
{
  if (screen == NULL)
    return;
  if (screen->terminal != NULL) {
    endwin();
    delscreen(screen->terminal);
  }
  if (screen->guard > 0) {
    ssize_t told = write(screen->guard, "", 1);
    (void)told; /* it has gone already: nothing to tell */
    close(screen->guard);
  }
  g_free(screen);
}

/* ---- drawing ---- */

/* One row, cut at the width. Text from packets is ASCII by now. */
static void put(int row, int column, attr_t attributes, const char *text)
{
  if (row < 0 || row >= LINES || column >= COLS)
    return;
  attrset((int)attributes);
  mvaddnstr(row, column, text, COLS - column);
  attrset(A_NORMAL);
}

static attr_t paint_of(LaSeverity severity)
{
  return severity == LA_SEVERITY_ERROR     ? (attr_t)COLOR_PAIR(1) | A_BOLD
         : severity == LA_SEVERITY_WARNING ? (attr_t)COLOR_PAIR(2)
                                           : A_NORMAL;
}

static void draw_head(const LaWatchScreen *screen, const LaWatchFigures *f)
{
  char clock[LA_TIME_TEXT_MAX];
  char running[LA_TIME_TEXT_MAX];
  g_autoptr(GString) line = g_string_new(NULL);
  la_time_format_clock(f->now, f->zone, clock);
  clock[strcspn(clock, ".")] = '\0';
  g_string_printf(line, "lastack  %s  %s  running %s%s", f->where, clock, la_span_format(f->running / LA_SEC * LA_SEC, running),
                  screen->paused ? "  PAUSED" : "");
  put(0, 0, A_BOLD, line->str);
  g_string_printf(line,
                  "packets %.0f/s  opened %.1f/s  ended %.1f/s  dropped %" G_GUINT64_FORMAT " kernel, %" G_GUINT64_FORMAT
                  " interface  given up %" G_GUINT64_FORMAT,
                  f->packets_per_s, f->opened_per_s, f->ended_per_s, f->stats->kernel_drops, f->stats->interface_drops,
                  f->stats->evicted);
  put(1, 0, f->stats->kernel_drops != 0 ? (attr_t)COLOR_PAIR(1) : A_NORMAL, line->str);
  g_string_printf(line, "connections %" G_GUINT64_FORMAT ":", f->stats->connections);
  for (unsigned state = 0; state < LA_TCP_STATE_N; state++)
    if (f->stats->states[state] != 0)
      g_string_append_printf(line, "  %" G_GUINT64_FORMAT " %s", f->stats->states[state], la_tcp_state_name((LaTcpState)state));
  put(2, 0, A_NORMAL, line->str);
}

static void draw_services(LaWatchScreen *screen, LaTop *top, int first, int rows)
{
  g_autoptr(GPtrArray) services = la_top_services(top, screen->order, screen->filter[0] != '\0' ? screen->filter : NULL);
  g_autoptr(GString) line = g_string_new(NULL);
  g_string_printf(line, "%-32s %7s %7s %8s %7s %6s %6s", "SERVICE", "OPEN", "C-WAIT", "ENDED", "RESET", "ERR", "WARN");
  put(first, 0, A_REVERSE, line->str);
  screen->shown[PART_SERVICES] = services->len;
  unsigned from = screen->selected[PART_SERVICES] >= (unsigned)rows ? screen->selected[PART_SERVICES] - (unsigned)rows + 1 : 0;
  for (unsigned i = from; i < services->len && i < from + (unsigned)rows; i++) {
    const LaTopService *s = g_ptr_array_index(services, i);
    char text[LA_HOST_PORT_TEXT_MAX];
    g_string_printf(line,
                    "%-32.32s %7" G_GUINT64_FORMAT " %7" G_GUINT64_FORMAT " %8" G_GUINT64_FORMAT " %7" G_GUINT64_FORMAT
                    " %6" G_GUINT64_FORMAT " %6" G_GUINT64_FORMAT,
                    la_host_port_format(&s->server, text), s->open, s->close_wait, s->ended, s->reset, s->errors, s->warnings);
    attr_t paint = s->errors != 0 ? paint_of(LA_SEVERITY_ERROR) : s->warnings != 0 ? paint_of(LA_SEVERITY_WARNING) : A_NORMAL;
    bool selected = screen->part == PART_SERVICES && i == screen->selected[PART_SERVICES];
    put(first + 1 + (int)(i - from), 0, selected ? A_STANDOUT : paint, line->str);
  }
}

static void draw_finding(int row, const LaTopEvent *event, const LaWatchFigures *f, bool selected)
{
  static const char *const words[LA_EVENT_N] = {NULL, "still", "over", "no more"};
  char clock[LA_TIME_TEXT_MAX];
  la_time_format_clock(event->record.at, f->zone, clock);
  clock[strcspn(clock, ".")] = '\0';
  const LaFinding *finding = &event->record.finding;
  const char *word = words[event->record.kind];
  g_autoptr(GString) line = g_string_new(NULL);
  g_string_printf(line, "%s %-7s %s: %s", clock, word != NULL ? word : la_severity_name((LaSeverity)finding->severity),
                  finding->rule->code, event->sentence);
  put(row, 0, selected ? A_STANDOUT : word != NULL ? A_DIM : paint_of((LaSeverity)finding->severity), line->str);
}

static void draw_findings(LaWatchScreen *screen, LaTop *top, const LaWatchFigures *f, int first, int rows)
{
  g_autoptr(GPtrArray) events = la_top_events(top, screen->filter[0] != '\0' ? screen->filter : NULL);
  put(first, 0, A_REVERSE, "FINDINGS, the latest first                                                      ");
  screen->shown[PART_FINDINGS] = events->len;
  screen->pointed = 0;
  unsigned from = screen->selected[PART_FINDINGS] >= (unsigned)rows ? screen->selected[PART_FINDINGS] - (unsigned)rows + 1 : 0;
  for (unsigned i = from; i < events->len && i < from + (unsigned)rows; i++) {
    const LaTopEvent *event = g_ptr_array_index(events, i);
    bool selected = screen->part == PART_FINDINGS && i == screen->selected[PART_FINDINGS];
    if (selected)
      screen->pointed = event->record.connection;
    draw_finding(first + 1 + (int)(i - from), event, f, selected);
  }
}

static void append_flags(GString *out, unsigned flags)
{
  static const struct {
    unsigned flag;
    const char *word;
  } words[] = {{LA_TCP_SYN, "SYN "}, {LA_TCP_FIN, "FIN "}, {LA_TCP_RST, "RST "}, {LA_TCP_ACK, "ACK "}};
  for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
    if ((flags & words[i].flag) != 0)
      g_string_append(out, words[i].word);
}

static const LaConnection *find_connection(LaTracker *tracker, uint32_t id)
{
  uint32_t at = 0;
  const LaConnection *conn;
  while ((conn = la_tracker_each(tracker, &at)) != NULL)
    if (conn->id == id)
      return conn;
  return NULL;
}

/* What happened to a connection: client at the left, server at the right. */
static void draw_ladder(LaWatchScreen *screen, LaTracker *tracker)
{
  const LaConnection *conn = find_connection(tracker, screen->opened);
  g_autoptr(GString) line = g_string_new(NULL);
  if (conn == NULL) {
    g_string_printf(line, "connection %u has ended and is not kept any more; its record is in the report", screen->opened);
    put(HEAD_ROWS - 1, 0, A_NORMAL, line->str);
    return;
  }
  char client[LA_HOST_PORT_TEXT_MAX];
  char server[LA_HOST_PORT_TEXT_MAX];
  LaHostPort ends[] = {la_connection_end(conn, LA_OPENER), la_connection_end(conn, LA_ACCEPTOR)};
  g_string_printf(line, "connection %u: %s %s -> %s %s", conn->id, la_host_port_format(&ends[0], client),
                  la_tcp_state_name((LaTcpState)conn->end[LA_OPENER].state), la_host_port_format(&ends[1], server),
                  la_tcp_state_name((LaTcpState)conn->end[LA_ACCEPTOR].state));
  put(HEAD_ROWS - 1, 0, A_REVERSE, line->str);
  if (la_connection_is_silent(conn))
    put(HEAD_ROWS, 0, A_NORMAL, "it was there before the capture, and no packet of it has passed: its state is the kernel's");
  int rows = MAX(LINES - HEAD_ROWS - 2, 1);
  unsigned from = conn->moments_used > rows ? conn->moments_used - (unsigned)rows : 0;
  for (unsigned i = from; i < conn->moments_used; i++) {
    const LaMoment *m = la_connection_moment(conn, i);
    const char *arrow = m->side == LA_OPENER ? "---->" : "<----";
    g_string_printf(line, "%12.6f  packet %-8" G_GUINT64_FORMAT " %-12s %s ", la_time_seconds(m->time - conn->first_time),
                    m->frame, la_tcp_state_name((LaTcpState)(m->side == LA_OPENER ? m->state : m->peer_state)), arrow);
    if ((m->marks & LA_MARK_ICMP) != 0)
      g_string_append(line, "ICMP error ");
    else
      append_flags(line, m->flags);
    if (m->payload_len != 0)
      g_string_append_printf(line, "%u bytes ", m->payload_len);
    if ((m->marks & LA_MARK_RETRANSMISSION) != 0)
      g_string_append(line, "again ");
    g_string_append_printf(line, "%s %s", arrow,
                           la_tcp_state_name((LaTcpState)(m->side == LA_OPENER ? m->peer_state : m->state)));
    put(HEAD_ROWS + (int)(i - from), 0, (m->flags & LA_TCP_RST) != 0 ? (attr_t)COLOR_PAIR(1) : A_NORMAL, line->str);
  }
}

static void draw_foot(const LaWatchScreen *screen)
{
  g_autoptr(GString) line = g_string_new(NULL);
  if (screen->typing)
    g_string_printf(line, "filter: %s_   Enter takes it, Esc clears it", screen->filter);
  else if (screen->opened != 0)
    g_string_assign(line, "Esc back  q quit");
  else
    g_string_printf(line, "q quit  s sort=%s  / filter%s%s  Tab part  Enter connection  p pause",
                    la_top_order_name(screen->order), screen->filter[0] != '\0' ? "=" : "", screen->filter);
  put(LINES - 1, 0, A_BOLD, line->str);
  if (screen->line[0] != '\0')
    put(3, 0, (attr_t)COLOR_PAIR(3), screen->line);
}

/* ---- keys ---- */

static void type(LaWatchScreen *screen, int key)
{
  size_t len = strlen(screen->filter);
  if (key == '\n' || key == '\r' || key == KEY_ENTER) {
    screen->typing = false;
  } else if (key == 27) {
    screen->typing = false;
    screen->filter[0] = '\0';
  } else if ((key == KEY_BACKSPACE || key == 127 || key == 8) && len > 0) {
    screen->filter[len - 1] = '\0';
  } else if (key >= ' ' && key < 127 && len + 1 < FILTER_MAX) {
    screen->filter[len] = (char)key;
    screen->filter[len + 1] = '\0';
  }
}

static void press(LaWatchScreen *screen, int key)
{
  unsigned *selected = &screen->selected[screen->part];
  if (screen->typing) {
    type(screen, key);
    return;
  }
  switch (key) {
  case 'q':
  case 'Q': screen->quit = true; break;
  case 's': screen->order = (LaTopOrder)((screen->order + 1) % LA_TOP_BY_N); break;
  case '/': screen->typing = true; break;
  case 'p': screen->paused = !screen->paused; break;
  case '\t': screen->part = (Part)((screen->part + 1) % PART_N); break;
  case 27: screen->opened = 0; break;
  case KEY_UP: *selected -= *selected > 0 ? 1 : 0; break;
  case KEY_DOWN: *selected += *selected + 1 < screen->shown[screen->part] ? 1 : 0; break;
  case '\n':
  case '\r':
  case KEY_ENTER:
    if (screen->part == PART_FINDINGS)
      screen->opened = screen->pointed;
    break;
  default: break;
  }
}

/* A size that changed comes as a signal; asking costs less than a handler. */
static void follow_size(void)
{
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0 &&
      (size.ws_row != LINES || size.ws_col != COLS))
    resizeterm(size.ws_row, size.ws_col);
}

bool la_watch_screen_show(LaWatchScreen *screen, LaTop *top, LaTracker *tracker, const LaWatchFigures *figures)
{
  follow_size();
  bool pressed = false;
  int key;
  while ((key = getch()) != ERR) {
    press(screen, key);
    pressed = true;
  }
  if (screen->quit)
    return false;
  if (screen->paused && !pressed)
    return true;
  for (unsigned i = 0; i < PART_N; i++)
    if (screen->selected[i] >= screen->shown[i])
      screen->selected[i] = screen->shown[i] > 0 ? screen->shown[i] - 1 : 0;
  erase();
  draw_head(screen, figures);
  int rows = MAX((LINES - HEAD_ROWS - 2) / 2, 1);
  if (screen->opened != 0) {
    draw_ladder(screen, tracker);
  } else {
    draw_services(screen, top, HEAD_ROWS - 1, rows);
    draw_findings(screen, top, figures, HEAD_ROWS + rows, MAX(LINES - HEAD_ROWS - rows - 2, 1));
  }
  draw_foot(screen);
  refresh();
  return true;
}

void la_watch_screen_say(LaWatchScreen *screen, const char *line)
{
  g_autoptr(GString) text = g_string_new(NULL);
  la_escape_terminal(text, line, -1);
  g_strlcpy(screen->line, text->str, sizeof screen->line);
}
