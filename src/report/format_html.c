/* `-o html`: one page that needs nothing but itself: no network, no font, no script to be read (a few lines of script copy commands and
 * filter; the page allows itself nothing else). What is kept is what the text report keeps, and drawings of the worst connections, so
 * memory is bounded as there. Everything from outside goes through la_html_text. */
#include "report/format.h"

#include <string.h>

#include "base/escape.h"
#include "report/html.h"

static const char style_sheet[] =
    ":root{color-scheme:light dark;--ink:#1b1f24;--dim:#57606a;--paper:#fff;--card:#f6f8fa;--line:#d5dbe1;--error:#b42318;"
    "--warning:#8a5a00;--note:#2f5f8f;--good:#1a7f37;--bar:#5b86b8}\n"
    "@media (prefers-color-scheme:dark){:root{--ink:#e3e8ee;--dim:#9aa5b1;--paper:#14181d;--card:#1d232a;--line:#353d47;"
    "--error:#ff8a7d;--warning:#e9b44c;--note:#8db9e6;--good:#6fcf86;--bar:#6d9bd1}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:72rem;padding:1rem 1.25rem 3rem;background:var(--paper);color:var(--ink);"
    "font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",sans-serif;overflow-wrap:anywhere}\n"
    "h1{font-size:1.5rem;margin:.5rem 0 .25rem}h2{font-size:1.2rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:0}\n"
    ".verdict{font-size:1.1rem;margin:.25rem 0 1rem}.dim{color:var(--dim)}\n"
    ".error{color:var(--error)}.warning{color:var(--warning)}.note{color:var(--note)}.good{color:var(--good)}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.92rem}"
    "th,td{text-align:left;vertical-align:top;padding:.2rem .9rem .2rem 0;border-bottom:1px solid var(--line)}"
    "th{color:var(--dim);font-weight:600;white-space:nowrap}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:"
    "nowrap}\n"
    "td,th{overflow-wrap:normal}td.name{min-width:12rem;overflow-wrap:anywhere}.notes "
    "td:last-child{min-width:20rem}.two>div{max-width:100%;overflow-x:auto}.glance{list-style:none;padding:0;display:flex;flex-"
    "wrap:wrap;gap:.3rem 1.5rem}.glance "
    "a{color:inherit}"
    "a{color:var(--note)}\n"
    "td.keep,td.k,.ladder td{white-space:nowrap}\n"
    ".two{display:flex;flex-wrap:wrap;gap:.5rem "
    "3rem}svg{display:block;overflow:visible}rect{fill:var(--bar)}rect.bad{fill:var(--error)}"
    "rect.back{fill:var(--line)}\n"
    "article{background:var(--card);border:1px solid var(--line);border-left:.3rem solid var(--dim);border-radius:.4rem;"
    "padding:.75rem 1rem;margin:.75rem 0;break-inside:avoid-page}"
    "article.is-error{border-left-color:var(--error)}article.is-warning{border-left-color:var(--warning)}\n"
    ".badge{font-size:.75rem;font-weight:700;letter-spacing:.05em;text-transform:uppercase;margin-right:.25rem}\n"
    "article p{margin:.4rem 0}article table{margin:.5rem 0}\n"
    "code,pre,.ladder{font-family:ui-monospace,\"DejaVu Sans Mono\",Menlo,Consolas,monospace;font-size:.85rem}\n"
    ".copy{display:flex;gap:.6rem;align-items:baseline;margin:.25rem 0}.copy "
    "span{color:var(--dim);min-width:3.2rem;font-size:.85rem}"
    ".copy code{background:var(--paper);border:1px solid var(--line);border-radius:.25rem;padding:.1rem .4rem}"
    "button{font:inherit;font-size:.8rem;color:var(--dim);background:none;border:1px solid var(--line);border-radius:.25rem;"
    "cursor:pointer}button[hidden]{display:none}\n"
    "details{margin:.4rem 0}summary{cursor:pointer;color:var(--note)}.manual{max-width:60rem;padding-left:.9rem;"
    "border-left:2px solid var(--line)}.manual h4{margin:.8rem 0 .2rem}.manual p{margin:.3rem 0}.manual pre{overflow-x:auto}"
    ".manual ul{margin:.3rem 0;padding-left:1.2rem}\n"
    ".ladder td{border:0;padding:.05rem .8rem .05rem 0}.ladder .c{text-align:right;color:var(--dim)}.ladder "
    ".s{color:var(--dim)}"
    ".ladder .now{color:var(--ink);font-weight:700}.ladder .arrow{color:var(--bar);min-width:13rem;padding:0 .6rem 0 0}"
    ".ladder .arrow b{color:var(--ink);font-weight:600}.ladder .words{white-space:normal;min-width:14rem}"
    ".ladder tr.proof td{background:color-mix(in srgb,var(--warning) 14%,transparent)}.ladder "
    ".line{display:flex;align-items:center}"
    ".ladder .line i{flex:1;border-top:1px solid currentColor}\n"
    "#filter{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--line);border-radius:.25rem;"
    "padding:.2rem .5rem;width:min(24rem,100%)}footer{margin-top:3rem;color:var(--dim);font-size:.85rem}\n"
    "@media (max-width:36rem){body{padding:.5rem .6rem 2rem;font-size:14px}article{padding:.6rem "
    ".7rem}.copy{flex-wrap:wrap;gap:.2rem "
    ".6rem}}\n"
    "@media "
    "print{:root{color-scheme:light}body{max-width:none;font-size:10pt}button,#filter{display:none}.wide{overflow:visible}}\n";

/* Neither < nor & in it: the page stays well-formed also for readers of XML. */
static const char script[] =
    "document.querySelectorAll('button').forEach(function(b){if(!navigator.clipboard)return;b.hidden=false;"
    "b.addEventListener('click',function(){navigator.clipboard.writeText(b.previousElementSibling.textContent).then(function(){"
    "b.textContent='copied';setTimeout(function(){b.textContent='copy'},1500)})})});"
    "var f=document.getElementById('filter');if(f){f.hidden=false;f.addEventListener('input',function(){"
    "var w=f.value.toLowerCase();document.querySelectorAll('article,.notes tbody tr').forEach(function(a){"
    "a.hidden=!a.textContent.toLowerCase().includes(w)})})}";

void la_html_text(GString *out, const char *text)
{
  la_escape_xml(out, text, -1, LA_XML_TEXT);
}

void la_html_time(const LaHtmlReport *report, GString *out, LaTime time, LaTime reference, LaTime span)
{
  char machine[LA_TIME_TEXT_MAX];
  g_string_append_printf(out, "<time datetime=\"%s\">", la_time_format_rfc3339(time, machine));
  la_text_time(&report->text.base.options->style, out, time, reference, span);
  g_string_append(out, "</time>");
}

/* The name of the first capture without its folders, and how many more there are. */
static void append_title(const LaHtmlReport *report, GString *out)
{
  const GPtrArray *captures = report->text.captures;
  if (captures->len == 0) {
    g_string_append(out, "no capture");
    return;
  }
  const char *path = ((const LaCaptureRecord *)g_ptr_array_index(captures, 0))->path;
  const char *slash = strrchr(path, '/');
  la_html_text(out, strcmp(path, "-") == 0 ? "standard input" : slash != NULL && slash[1] != '\0' ? slash + 1 : path);
  if (captures->len > 1)
    g_string_append_printf(out, " and %u more", captures->len - 1);
}

/* What the page may do: its own style and script, nothing from anywhere. */
static void append_policy(GString *out)
{
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize len = sizeof digest;
  g_checksum_update(sum, (const guchar *)script, sizeof script - 1);
  g_checksum_get_digest(sum, digest, &len);
  g_autofree char *hash = g_base64_encode(digest, len);
  g_string_append_printf(
      out,
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'sha256-%s'\"/>\n",
      hash);
}

static void append_verdict(GString *out, const LaCounts *counts)
{
  uint64_t errors = counts->by_severity[LA_SEVERITY_ERROR];
  uint64_t warnings = counts->by_severity[LA_SEVERITY_WARNING];
  g_string_append(out, "<p class=\"verdict\">");
  if (counts->connections == 0) {
    g_string_append(out, "No TCP connections to report.");
  } else if (errors + warnings == 0) {
    g_string_append(out, "<strong class=\"good\">No problems found</strong> in ");
    la_text_count(out, counts->connections, "connection.", "connections.");
  } else {
    if (errors > 0) {
      g_string_append(out, "<strong class=\"error\">");
      la_text_count(out, errors, "error", "errors");
      g_string_append(out, "</strong>");
    }
    if (warnings > 0) {
      g_string_append_printf(out, "%s<strong class=\"warning\">", errors > 0 ? " and " : "");
      la_text_count(out, warnings, "warning", "warnings");
      g_string_append(out, "</strong>");
    }
    if (counts->with_problems > 0) {
      g_string_append(out, " on ");
      la_text_number(out, counts->with_problems);
      g_string_append(out, " of ");
      la_text_count(out, counts->connections, "connection", "connections");
    }
    g_string_append_c(out, '.');
  }
  g_string_append(out, "</p>\n");
}

/* What a policy's judge came to. */
static void append_check(const LaReportOptions *options, GString *out)
{
  const LaCheck *check = options->check;
  if (options->purpose == LA_PURPOSE_VERDICT) {
    g_autoptr(GString) verdict = g_string_new(NULL);
    la_check_say_verdict(check, verdict);
    bool broken = la_check_is_broken(check);
    g_string_append_printf(out, "<p>Policy: <strong class=\"%s\">%s</strong>, ", broken ? "error" : "good",
                           broken ? "FAIL" : "pass");
    la_html_text(out, verdict->str);
    g_string_append(out, ".</p>\n");
  }
  if (check->suppressions->len + check->notes->len == 0)
    return;
  g_string_append(out, "<ul class=\"dim\">\n");
  for (unsigned i = 0; i < check->suppressions->len + check->notes->len; i++) {
    unsigned note = i - check->suppressions->len;
    g_string_append(out, "<li>");
    la_html_text(out, i < check->suppressions->len ? g_ptr_array_index(check->suppressions, i)
                                                   : g_ptr_array_index(check->notes, note));
    g_string_append(out, "</li>\n");
  }
  g_string_append(out, "</ul>\n");
}

/* The head of the document up to the verdict. */
static void write_head(const LaHtmlReport *report, GString *out, const LaCounts *counts)
{
  g_string_append(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n");
  append_policy(out);
  g_string_append(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>TCP connections: ");
  append_title(report, out);
  g_string_append_printf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<header>\n<h1>TCP connections: ", style_sheet);
  append_title(report, out);
  g_string_append(out, "</h1>\n");
  append_verdict(out, counts);
  if (report->text.base.options->check != NULL)
    append_check(report->text.base.options, out);
  g_string_append(out, "</header>\n<main>\n");
}

static void write_foot(const LaHtmlReport *report, GString *out)
{
  const LaReportOptions *options = report->text.base.options;
  LaTime start, end;
  la_text_span(&report->text, &start, &end);
  g_string_append(out, "</main>\n<footer>lastack ");
  la_html_text(out, options->version);
  if (start != LA_TIME_NONE) {
    g_string_append(out, "; times in ");
    g_autoptr(GString) zone = g_string_new(NULL);
    la_text_zone(&options->style, zone, start);
    la_html_text(out, zone->str);
  }
  g_string_append_printf(out, "</footer>\n<script>%s</script>\n</body>\n</html>\n", script);
}

static LaReport *begin(const LaReportOptions *options, LaOutput *out)
{
  LaHtmlReport *report = g_new0(LaHtmlReport, 1);
  la_text_begin(&report->text, &la_format_html, options, out);
  report->ladders = g_ptr_array_new_with_free_func(la_html_ladder_free);
  return &report->text.base;
}

static void connection(LaReport *base, const LaConnectionRecord *record)
{
  LaHtmlReport *report = (LaHtmlReport *)base;
  la_groups_add(report->text.groups, record);
  la_html_keep_ladder(report, record);
}

static void host(LaReport *base, const LaHostRecord *record)
{
  la_text_keep_host(&((LaHtmlReport *)base)->text, record);
}

static void capture(LaReport *base, const LaCaptureRecord *record)
{
  g_ptr_array_add(((LaHtmlReport *)base)->text.captures, (gpointer)(guintptr)record);
}

static void end(LaReport *base, const LaCounts *counts)
{
  LaHtmlReport *report = (LaHtmlReport *)base;
  GString *out = la_output_buffer(base->out);
  write_head(report, out, counts);
  la_html_glance(report, out);
  la_html_overview(report, out, counts);
  la_html_findings(report, out, counts);
  la_html_ladders(report, out);
  write_foot(report, out);
}

static void release(LaReport *base)
{
  LaHtmlReport *report = (LaHtmlReport *)base;
  g_ptr_array_unref(report->ladders);
  la_text_clear(&report->text);
  g_free(report);
}

const LaFormat la_format_html = {
    .name = "html",
    .records = LA_RECORDS_BRIEF,
    .explains = true,
    .begin = begin,
    .connection = connection,
    .host = host,
    .capture = capture,
    .end = end,
    .free = release,
};
