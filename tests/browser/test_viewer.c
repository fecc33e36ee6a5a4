/*
 * The page that the bare MOUNT shows, in a real browser, through lighttpd: what
 * somebody who looks at logs sees and does. Its script keeps the lines that it
 * holds in `lines` and those that it shows in `shown`, for this test to look
 * at, too.
 */
#include "tests/lib/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/server.h"
#include "tests/lib/webdriver.h"

/* Of the source "log", and of one more, "app". */
#define SOURCES                                                                \
	"public = true; history = 100; history_max = 500; max_line = 65536; "  \
	"}, { name = \"app\"; path = \"app\"; public = true; "

static void start(struct server *s, const char *settings)
{
	server_start(s, &server_lighttpd,
		&(struct server_how){
			.settings = settings, .source = SOURCES });
	disk_touch(disk_path(s->folder, "app"));
	webdriver_open();
}

/* Shows the page with that behind the # of its address. */
static void show(const struct server *s, const char *view)
{
	webdriver_go("http://%s/events#%s", s->address, view);
	webdriver_wait("typeof worst === 'function'");
}

static void show_live(const struct server *s, const char *view)
{
	show(s, view);
	webdriver_wait("worst().name === 'live'");
}

/* Appends lines "NUMBER" from `first` to `last`, in one write. */
static void append_numbers(const char *path, unsigned first, unsigned last)
{
	struct bytes text = BYTES_INIT;

	for (unsigned i = first; i <= last; i++)
		bytes_add_format(&text, "%u\n", i);
	disk_append_bytes(path, text.data, text.len);
	bytes_release(&text);
}

/* The lines that are held, without what is none of the log. */
#define TEXTS                                                                  \
	"lines.filter((line) => line.kind === 'line')"                         \
	".map((line) => line.text).join()"

/* What stands in the rows of the document, each ended by |. */
#define ROWS "[...rows.children].map((row) => row.textContent + '|').join('')"

static void expect(const char *value, const char *wanted)
{
	assert_string_equal(value, wanted);
}

/* ---- sources */

static void lines_are_marked_by_name_and_colour(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	disk_append(s.log, "one\n");
	show_live(&s, "source=log,app");
	webdriver_wait(ROWS " === 'logone|'");
	disk_append(disk_path(s.folder, "app"), "two\n");
	webdriver_wait(ROWS " === 'logone|apptwo|'");
	expect(webdriver_value(
		       "new Set([...document.querySelectorAll('.row > b')]"
		       ".map((label) => getComputedStyle(label).color))"
		       ".size"),
		"2");
	wait_for(server_clients(&s) == 1);
	/* Without the one its lines go; alone, the other needs no name. */
	webdriver_keys("1");
	webdriver_wait(ROWS " === 'two|'");
	disk_append(disk_path(s.folder, "app"), "three\n");
	webdriver_wait(ROWS " === 'two|three|'");
	webdriver_keys("1");
	webdriver_wait(TEXTS " === 'two,three,one'");
	wait_for(server_clients(&s) == 1);
}

static void the_address_holds_the_view(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	disk_append(s.log, "apple\nBanana\ncherry\n");
	show_live(&s, "source=log&filter=an%2B&regex=1&wrap=1");
	webdriver_wait(ROWS " === 'Banana|'");
	expect(webdriver_value("document.querySelectorAll('mark').length"),
		"2");
	expect(webdriver_value("log.classList.contains('wrapped')"), "true");
	webdriver_keys("/" WEBDRIVER_END "x");
	webdriver_wait("location.hash.includes('filter=an%%2Bx')");
	webdriver_wait("shown.length === 0");
	webdriver_keys(WEBDRIVER_ESCAPE WEBDRIVER_ESCAPE "wr2");
	webdriver_wait("location.hash === '#source=log,app&wrap=0'");
	webdriver_wait("shown.length === 3");
	/* A link that somebody sent, while the page is open. */
	webdriver_go(
		"http://%s/events#source=log&filter=cherry&only=0", s.address);
	webdriver_wait(ROWS " === 'apple|Banana|cherry|'");
	expect(webdriver_value("document.querySelector('mark').textContent"),
		"cherry");
}

/* ---- hostile text */

static const char *const hostile[] = {
	"<img src=x onerror=\"document.title='taken'\">",
	"</script><script>document.title='taken'</script>",
	"<style>*{display:none}</style><base href=//example.org/>",
	"&lt;b&gt; &amp; &#60;",
	"javascript:alert(1) \" ' ` ${1} @SCRIPT@ @NONCE@",
};

static void text_from_a_log_never_becomes_markup(void **state)
{
	const size_t count = sizeof(hostile) / sizeof(*hostile);
	struct server s;
	double elements;

	(void)state;
	start(&s, "");
	/* In the address, too, which is somebody else's. */
	show_live(&s, "source=log&only=0&filter=%3Cimg%20src=x%20onerror=alert("
		      "1)%3E");
	elements = webdriver_number("document.querySelectorAll(':not(#rows *)')"
				    ".length");
	for (size_t i = 0; i < count; i++)
		disk_append(s.log, "%s\n", hostile[i]);
	webdriver_wait("shown.length === %zu", count);
	webdriver_wait("rows.children.length === %zu", count);
	for (size_t i = 0; i < count; i++)
		expect(webdriver_value("rows.children[%zu].textContent", i),
			hostile[i]);
	expect(webdriver_value("rows.querySelectorAll("
			       "':not(div, span, b, mark)').length"),
		"0");
	expect(webdriver_value(
		       "document.querySelectorAll("
		       "'img, base, iframe, script:not([nonce], #sources)')"
		       ".length"),
		"0");
	assert_true(elements == webdriver_number("document.querySelectorAll("
						 "':not(#rows *)').length"));
	expect(webdriver_value("document.title"), "log \xe2\x80\x93 ssetail");
}

/* And if it did, the policy would not run it. */
static void the_policy_runs_no_other_script(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	show_live(&s, "source=log");
	webdriver_value("document.body.insertAdjacentHTML('beforeend', "
			"'<img src=x onerror=\"document.title=1\">"
			"<p id=styled style=\"color:red\">')");
	webdriver_value("document.body.append(Object.assign("
			"document.createElement('script'), "
			"{ textContent: 'document.title = 2' }))");
	expect(webdriver_value("document.title"), "log \xe2\x80\x93 ssetail");
	expect(webdriver_value("getComputedStyle($('styled')).color === "
			       "getComputedStyle(document.body).color"),
		"true");
	expect(webdriver_value("fetch('http://example.org/')"
			       ".then(() => 'left', () => 'kept')"),
		"kept");
}

static void escapes_become_colours_or_nothing(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	show_live(&s, "source=log");
	disk_append(s.log,
		"\033[31mred\033[0m \033[1;4mloud\033[m "
		"\033[38;2;1;2;3mrgb\033[0m \033[48;5;196mback\033[49m end\n");
	disk_append(s.log,
		"a\033[2Jb\033]0;title\007c\033]8;;http://x/\033\\d\033"
		"[38;2;9999;x;mz\033[\n");
	disk_append(s.log, "bell\007 \xe2\x80\xaegnorw\n");
	webdriver_wait("rows.children.length === 3");
	expect(webdriver_value("rows.children[0].textContent"),
		"red loud rgb back end");
	expect(webdriver_value(
		       "[...rows.children[0].querySelectorAll("
		       "'span span')].map((piece) => piece.textContent + ' ' + "
		       "piece.className + piece.style.cssText).join()"),
		"red f1,loud bold underline,rgb color: rgb(1, 2, 3);,"
		"back background-color: rgb(255, 0, 0);");
	expect(webdriver_value("rows.children[2].textContent"),
		"bell\xe2\x90\x87 \xef\xbf\xbdgnorw");
	expect(webdriver_value(
		       "rows.children[1].textContent.startsWith('abcd')"),
		"true");
}

static void errors_and_warnings_stand_out(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	disk_append(s.log, "INFO all is well, no errors\n"
			   "app: ERROR: disk full\n"
			   "warning: low\n"
			   "1.2.3.4 - - [x] \"GET / HTTP/1.1\" 503 12\n"
			   "1.2.3.4 - - [x] \"GET / HTTP/1.1\" 404 12\n"
			   "{\"level\":\"info\",\"msg\":\"error page shown\"}\n"
			   "terror and mirrors\n");
	show_live(&s, "source=log");
	webdriver_wait("lines.length === 7");
	expect(webdriver_value("lines.map((line) => line.level).join()"),
		",error,warning,error,warning,,");
	webdriver_keys("e");
	webdriver_wait("here && here.text.includes('disk full')");
	webdriver_keys("ee");
	webdriver_wait("here.text.includes('503')");
	webdriver_keys("E");
	webdriver_wait("here.text.includes('low')");
	webdriver_keys("ll");
	webdriver_wait("shown.length === 2");
	expect(webdriver_value("shown.every((line) => line.level === 'error')"),
		"true");
}

/* ---- many lines */

#define BURST	    1000 /* lines, ten times a second */
#define HELD	    50000
#define SLACK	    2000
#define LINES_MAX   1000000
#define NODES_MAX   2000
#define HEAP_MAX_MB 20

/* Writes until it is told to end. */
struct writer {
	const char *path;
	atomic_uint lines;
	atomic_bool is_told_to_end;
	pthread_t thread;
};

static void *write_lines(void *context)
{
	struct writer *w = context;
	struct bytes text = BYTES_INIT;

	while (!w->is_told_to_end && w->lines < LINES_MAX) {
		bytes_clear(&text);
		for (unsigned i = 1; i <= BURST; i++)
			bytes_add_format(&text,
				"2026-11-21 12:00:00 app[4711]: request %u of "
				"a "
				"burst, \033[32mok\033[0m\n",
				w->lines + i);
		disk_append_bytes(w->path, text.data, text.len);
		w->lines += BURST;
		usleep(1000000 / 10);
	}
	bytes_release(&text);
	return NULL;
}

static double heap_mb(void)
{
	const char *answer;
	double bytes = 0;

	webdriver_devtools("HeapProfiler.collectGarbage", "{}");
	answer = strstr(webdriver_devtools("Runtime.getHeapUsage", "{}"),
		"\"usedSize\":");
	assert_non_null(answer);
	assert_int_equal(sscanf(answer, "\"usedSize\":%lf", &bytes), 1);
	return bytes / 1048576;
}

/* Elements, texts, comments, attributes' values apart. */
#define NODES                                                                  \
	"(() => { const walker = document.createTreeWalker(document); "        \
	"let count = 1; while (walker.nextNode()) count++; return count; })()"

static void a_burst_leaves_the_page_usable(void **state)
{
	struct server s;
	struct writer writer = { 0 };
	double before, nodes = 0;

	(void)state;
	start(&s, "");
	show_live(&s, "source=log");
	before = heap_mb();
	writer.path = s.log;
	assert_int_equal(
		pthread_create(&writer.thread, NULL, write_lines, &writer), 0);
	webdriver_wait("lines.length > 10000");
	/* Keys, while it goes on: it is told to end only afterwards. */
	webdriver_keys("w");
	webdriver_wait("log.classList.contains('wrapped')");
	webdriver_keys("w/77" WEBDRIVER_ESCAPE);
	webdriver_wait("view.filter === '77' && shown.length < lines.length");
	webdriver_keys(WEBDRIVER_ESCAPE WEBDRIVER_PAGE_UP);
	webdriver_wait("!isFollowing && fresh > 0");
	webdriver_keys(WEBDRIVER_END);
	do {
		double now = webdriver_number(NODES);

		nodes = now > nodes ? now : nodes;
	} while (webdriver_number("nextSeq") < HELD + 5000);
	writer.is_told_to_end = true;
	pthread_join(writer.thread, NULL);
	webdriver_wait("lines.length && lines[lines.length - 1].text.includes("
		       "'request %u of')",
		writer.lines);
	webdriver_wait("rows.lastChild.textContent.includes('request %u of')",
		writer.lines);
	assert_true(webdriver_number("lines.length") >= HELD);
	assert_true(webdriver_number("lines.length") < HELD + SLACK);
	webdriver_keys(WEBDRIVER_HOME);
	webdriver_wait("!isFollowing && !isScheduled && "
		       "drawn.has(shown[0])");
	double now = webdriver_number(NODES);

	nodes = now > nodes ? now : nodes;
	/* None was left out. */
	assert_true(webdriver_number("nextSeq") == writer.lines);
	print_message("  %u lines; %.0f nodes at most; heap %.1f MB, %.1f MB "
		      "before\n",
		writer.lines, nodes, heap_mb(), before);
	assert_true(nodes <= NODES_MAX);
	assert_true(heap_mb() <= before + HEAP_MAX_MB);
}

/* Lines that are all colours, and taller than the window is high. */
static void no_line_is_too_much(void **state)
{
	struct bytes line = BYTES_INIT;
	struct server s;

	(void)state;
	start(&s, "");
	show_live(&s, "source=log&wrap=1&filter=x");
	for (unsigned i = 0; i < 3000; i++)
		bytes_add_format(&line, "\033[%umx", 31 + i % 7);
	bytes_add_text(&line, "\n");
	for (unsigned i = 0; i < 60; i++)
		disk_append_bytes(s.log, line.data, line.len);
	bytes_clear(&line);
	for (unsigned i = 0; i < 60000; i++)
		bytes_add_byte(&line, 'x');
	bytes_add_text(&line, "\n");
	disk_append_bytes(s.log, line.data, line.len);
	webdriver_wait("lines.length === 61");
	webdriver_wait("rows.lastChild.textContent.endsWith("
		       "'50,000 more characters')");
	assert_true(webdriver_number(NODES) <= NODES_MAX);
	webdriver_keys(WEBDRIVER_HOME "w");
	webdriver_wait("rows.children.length > 20");
	assert_true(webdriver_number(NODES) <= NODES_MAX);
	bytes_release(&line);
}

/* ---- reading */

static void a_pause_loses_nothing(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	append_numbers(s.log, 1, 3);
	show_live(&s, "source=log");
	webdriver_wait(TEXTS " === '1,2,3'");
	webdriver_keys(" ");
	append_numbers(s.log, 4, 50);
	webdriver_wait("$('fresh').textContent.includes('47 new lines')");
	expect(webdriver_value(ROWS), "1|2|3|");
	expect(webdriver_value("$('state-text').textContent"), "live, paused");
	webdriver_keys(" ");
	webdriver_wait("lines.length === 50 && $('fresh').hidden");
	expect(webdriver_value(TEXTS " === Array.from({ length: 50 }, "
				     "(_, i) => i + 1).join()"),
		"true");
}

static void it_follows_the_end_until_one_scrolls_up(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	append_numbers(s.log, 1, 100);
	show_live(&s, "source=log");
	webdriver_wait(
		"rows.lastChild && rows.lastChild.textContent === '100'");
	append_numbers(s.log, 101, 200);
	webdriver_wait("rows.lastChild.textContent === '200'");
	webdriver_keys(WEBDRIVER_PAGE_UP);
	webdriver_wait("!isFollowing");
	/* What is read stays where it is. */
	webdriver_wait("!isScheduled");
	const double top = webdriver_number("log.scrollTop");

	append_numbers(s.log, 201, 203);
	webdriver_wait("$('fresh').textContent.includes('3 new lines')");
	assert_true(webdriver_number("log.scrollTop") == top);
	webdriver_keys(WEBDRIVER_END);
	webdriver_wait("rows.lastChild.textContent === '203'");
	expect(webdriver_value("$('fresh').hidden"), "true");
	append_numbers(s.log, 204, 204);
	webdriver_wait("rows.lastChild.textContent === '204'");
}

/* Heights are measured where lines are wrapped; the window shows what it
 * should, wherever it is. */
static void wrapped_lines_stand_where_they_should(void **state)
{
	struct bytes text = BYTES_INIT;
	struct server s;

	(void)state;
	start(&s, "");
	for (unsigned i = 1; i <= 100; i++)
		bytes_add_format(&text,
			"%u %0*u\t\xe4\xb8\xad\xe6\x96\x87 end\n", i,
			(int)(i * 37 % 900 + 1), 0);
	disk_append_bytes(s.log, text.data, text.len);
	bytes_release(&text);
	show_live(&s, "source=log&wrap=1");
	webdriver_wait("rows.lastChild && "
		       "rows.lastChild.textContent.startsWith('100 ')");
	webdriver_wait("!isScheduled && Math.abs(rows.lastChild"
		       ".getBoundingClientRect().bottom - "
		       "log.getBoundingClientRect().bottom) < 2");
	webdriver_keys(WEBDRIVER_PAGE_UP WEBDRIVER_PAGE_UP WEBDRIVER_PAGE_UP);
	webdriver_wait("!isScheduled && !isFollowing");
	webdriver_keys("jjj");
	webdriver_wait("!isScheduled");
	/* No hole above or below. */
	expect(webdriver_value(
		       "rows.firstChild.getBoundingClientRect().top <= "
		       "log.getBoundingClientRect().top && "
		       "rows.lastChild.getBoundingClientRect().bottom >= "
		       "log.getBoundingClientRect().bottom"),
		"true");
	webdriver_keys(WEBDRIVER_HOME);
	webdriver_wait("rows.firstChild.textContent.startsWith('1 ')");
}

static void a_filter_is_a_text_or_a_regular_expression(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	disk_append(s.log, "a.c\nabc\nABC\nxyz\n");
	show_live(&s, "source=log");
	webdriver_keys("/a.c");
	webdriver_wait(ROWS " === 'a.c|'");
	webdriver_keys(WEBDRIVER_ESCAPE "r");
	webdriver_wait(ROWS " === 'a.c|abc|ABC|'");
	webdriver_keys("/A.C");
	webdriver_wait(ROWS " === 'ABC|'");
	webdriver_keys("(");
	webdriver_wait("$('query').getAttribute('aria-invalid') === 'true'");
	webdriver_keys("|)" WEBDRIVER_ESCAPE "m");
	webdriver_wait("shown.length === 4");
	webdriver_keys("n");
	webdriver_wait("here && here.text === 'ABC'");
	/* What comes is filtered, too. */
	webdriver_keys("m");
	webdriver_wait("shown.length === 1");
	disk_append(s.log, "ABCD\nabcd\n");
	webdriver_wait(ROWS " === 'ABC|ABCD|'");
}

static void older_lines_can_be_asked_for(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	append_numbers(s.log, 1, 1000);
	show_live(&s, "source=log");
	webdriver_wait("lines.length === 100");
	webdriver_keys("o");
	webdriver_wait("lines.length === 600");
	append_numbers(s.log, 1001, 1001);
	webdriver_keys("o");
	webdriver_wait("lines.length === 1001");
	expect(webdriver_value(TEXTS " === Array.from({ length: 1001 }, "
				     "(_, i) => i + 1).join()"),
		"true");
	webdriver_keys("o");
	webdriver_wait("$('past-note').textContent.startsWith('Nothing')");
	expect(webdriver_value("lines.length"), "1001");
}

static void what_is_shown_can_be_copied_and_saved(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	disk_append(s.log, "\033[31mone\033[0m\ntwo\nthree\n");
	show_live(&s, "source=log&filter=o");
	webdriver_wait("shown.length === 2");
	webdriver_devtools("Browser.grantPermissions",
		"{\"permissions\":[\"clipboardReadWrite\","
		"\"clipboardSanitizedWrite\"]}");
	webdriver_keys("c");
	webdriver_wait("$('said').textContent.startsWith('Copied 2 lines')");
	expect(webdriver_value("navigator.clipboard.readText()"), "one\ntwo\n");
	webdriver_value("HTMLAnchorElement.prototype.click = function () { "
			"window.savedAs = this.download; }, "
			"URL.createObjectURL = (blob) => { "
			"window.saved = blob; return ''; }");
	webdriver_keys("d");
	webdriver_wait("/^log-.*[.]log$/.test(window.savedAs)");
	expect(webdriver_value("window.saved.text()"), "one\ntwo\n");
}

/* ---- the state */

static void a_gap_says_what_is_missing(void **state)
{
	struct bytes line = BYTES_INIT;
	struct server s;

	(void)state;
	start(&s, "");
	show_live(&s, "source=log&filter=nothing");
	for (unsigned i = 0; i < 65536 + 10; i++)
		bytes_add_byte(&line, 'x');
	bytes_add_text(&line, "\n");
	disk_append_bytes(s.log, line.data, line.len);
	bytes_release(&line);
	/* However it is filtered. */
	webdriver_wait("document.querySelectorAll('.gap').length === 1");
	expect(webdriver_value("document.querySelector('.gap').textContent"),
		"Missing here: 10 bytes; the line that follows was too long.");
}

static void the_state_is_honest(void **state)
{
	struct server s;

	(void)state;
	start(&s, "retry = 1000;");
	disk_remove(s.log);
	show(&s, "source=log");
	webdriver_wait("$('state-text').textContent === "
		       "'waiting for log: no such file yet'");
	disk_append(s.log, "one\n");
	webdriver_wait("$('state-text').textContent === 'live'");
	server_stop(&s);
	webdriver_wait("/^reconnecting (in [0-9]+ s|now): ./.test("
		       "$('state-text').textContent)");
	server_start_again(&s);
	disk_append(s.log, "two\n");
	webdriver_wait("$('state-text').textContent === 'live'");
	webdriver_wait(TEXTS " === 'one,two'");
}

/* One process, so that there is one count. */
static void no_room_is_a_state_too(void **state)
{
	static struct server_kind kind;
	struct http_client *other;
	struct server s;

	(void)state;
	kind = server_lighttpd;
	kind.fragment = "conf/lighttpd/fastcgi-external.conf";
	kind.sets = "socket";
	server_start(&s, &kind,
		&(struct server_how){
			.settings = "max_clients = 1; retry = 100;",
			.source = SOURCES });
	disk_append(s.log, "one\n");
	other = server_open(&s, NULL);
	reader_wait_data(&other->reader, "one");
	webdriver_open();
	show(&s, "source=log");
	webdriver_wait("/^reconnecting .*as many readers as there may be$/"
		       ".test($('state-text').textContent)");
	reader_close(&other->reader);
	webdriver_wait("worst().name === 'live' && " TEXTS " === 'one'");
}

static void a_refusal_is_said(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	show(&s, "source=nobody");
	webdriver_wait("$('said').textContent.endsWith('not for you: nobody')");
	/* Of a page that is older than the configuration. */
	webdriver_value("sources.push({ name: 'gone', tag: '0000' }), "
			"byName.set('gone', 2), choose(['gone'])");
	webdriver_wait("$('state-text').textContent.startsWith('refused: ')");
	expect(webdriver_value("$('again').hidden"), "false");
}

/* ---- tabs */

#define TABS 8

static void all_tabs_share_one_connection(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	append_numbers(s.log, 1, 3);
	show_live(&s, "source=log");
	for (unsigned i = 1; i < TABS; i++) {
		webdriver_open_tab();
		show_live(&s, i % 2 ? "source=log" : "source=log,app");
		/* The history, though others had it before. */
		webdriver_wait(TEXTS " === '1,2,3'");
	}
	wait_for(server_clients(&s) == 1);
	append_numbers(s.log, 4, 4);
	for (unsigned i = 0; i < TABS; i++) {
		webdriver_use_tab(i);
		webdriver_wait(TEXTS " === '1,2,3,4'");
	}
	wait_for(server_clients(&s) == 1);
	/* One that has gone is no reader. */
	for (unsigned i = TABS - 1; i > 0; i--) {
		webdriver_use_tab(i);
		webdriver_close_tab(i - 1);
	}
	append_numbers(s.log, 5, 5);
	webdriver_wait(TEXTS " === '1,2,3,4,5'");
}

/* As on many telephones. */
#define WITHOUT "{\"source\":\"delete window.SharedWorker\"}"

static void so_they_do_without_shared_workers(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	append_numbers(s.log, 1, 3);
	for (unsigned i = 0; i < 3; i++) {
		if (i > 0)
			webdriver_open_tab();
		webdriver_devtools(
			"Page.addScriptToEvaluateOnNewDocument", WITHOUT);
		show_live(&s, "source=log");
		expect(webdriver_value("typeof SharedWorker"), "undefined");
		webdriver_wait(TEXTS " === '1,2,3'");
	}
	wait_for(server_clients(&s) == 1);
	append_numbers(s.log, 4, 4);
	for (unsigned i = 0; i < 3; i++) {
		webdriver_use_tab(i);
		webdriver_wait(TEXTS " === '1,2,3,4'");
	}
	/* The one with the connection goes; another takes over. */
	webdriver_use_tab(0);
	webdriver_close_tab(1);
	append_numbers(s.log, 5, 5);
	for (unsigned i = 1; i < 3; i++) {
		webdriver_use_tab(i);
		webdriver_wait(TEXTS " === '1,2,3,4,5'");
	}
	wait_for(server_clients(&s) == 1);
}

/* ---- pictures, to be looked at */

static const char *const shop[] = {
	"\033[32mINFO\033[0m  \033[36mshop.cart\033[0m session of ann resumed",
	"\033[32mINFO\033[0m  \033[36mshop.orders\033[0m order 4711 paid, 2 "
	"items",
	"\033[33mWARN\033[0m  \033[36mshop.search\033[0m slow query: 1,240 ms "
	"for 'lamp'",
	"\033[32mINFO\033[0m  \033[36mshop.mail\033[0m confirmation sent to "
	"ann",
	"\033[90mDEBUG\033[0m \033[36mshop.cache\033[0m 93 % hits, 0 errors",
	"\033[31mERROR\033[0m \033[36mshop.payment\033[0m gateway: connection "
	"refused, attempt 1 of 5",
	"\033[32mINFO\033[0m  \033[36mshop.payment\033[0m gateway: connected",
};
static const char *const visits[] = {
	"GET /lamps?page=2 HTTP/1.1\" 200 18423",
	"GET /static/shop.css HTTP/1.1\" 304 0",
	"POST /cart HTTP/1.1\" 302 120",
	"GET /lamps/brass HTTP/1.1\" 200 9210",
	"GET /favicon.png HTTP/1.1\" 404 153",
	"POST /checkout HTTP/1.1\" 502 1021",
};

static void append_scene(const struct server *s)
{
	const size_t shops = sizeof(shop) / sizeof(*shop);
	const size_t all_visits = sizeof(visits) / sizeof(*visits);

	for (unsigned i = 0; i < 40; i++) {
		if (i % 3 == 0)
			disk_append(disk_path(s->folder, "app"),
				"2026-11-21 09:41:%02u %s\n", i,
				shop[i / 3 % shops]);
		else
			disk_append(s->log,
				"192.0.2.%u - - [21/Nov/2026:09:41:%02u +0000] "
				"\"%s\n",
				17 + i * 7 % 5, i,
				visits[(i - i / 3 - 1) % all_visits]);
		webdriver_wait("lines.length === %u && !isScheduled", i + 1);
	}
}

static void take_picture(const char *name)
{
	const char *build = getenv("TEST_BUILD");
	char path[512];

	snprintf(path, sizeof(path), "%s/viewer-%s.png",
		build ? build : "build", name);
	webdriver_screenshot(path);
}

static void set_window(unsigned width, unsigned height, const char *scheme)
{
	char text[160];

	snprintf(text, sizeof(text),
		"{\"width\":%u,\"height\":%u,\"deviceScaleFactor\":1,"
		"\"mobile\":%s}",
		width, height, width < 700 ? "true" : "false");
	webdriver_devtools("Emulation.setDeviceMetricsOverride", text);
	snprintf(text, sizeof(text),
		"{\"features\":[{\"name\":\"prefers-color-scheme\","
		"\"value\":\"%s\"}]}",
		scheme);
	webdriver_devtools("Emulation.setEmulatedMedia", text);
}

/* The first is that of the README. */
static void it_looks_like_this(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	set_window(1040, 480, "light");
	show_live(&s, "source=log,app");
	append_scene(&s);
	take_picture("readme");
	set_window(1280, 800, "light");
	webdriver_wait("!isScheduled");
	take_picture("light");
	set_window(1280, 800, "dark");
	webdriver_keys("/lamp");
	webdriver_wait("shown.length < lines.length && !isScheduled");
	take_picture("dark");
	set_window(390, 844, "light");
	webdriver_keys(WEBDRIVER_ESCAPE WEBDRIVER_ESCAPE "w");
	webdriver_wait("shown.length === lines.length && !isScheduled");
	take_picture("telephone");
	webdriver_keys("?");
	webdriver_wait("$('help').open");
	take_picture("help");
}

/* ---- everybody */

static void everything_has_a_name_and_a_key(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	show_live(&s, "source=log");
	expect(webdriver_value(
		       "[...document.querySelectorAll("
		       "'button, input, select')].filter((one) => "
		       "!one.hidden && !(one.getAttribute('aria-label') || "
		       "one.textContent.trim())).length"),
		"0");
	expect(webdriver_value("log.getAttribute('role') + ' ' + "
			       "log.getAttribute('aria-live') + ' ' + "
			       "$('spoken').getAttribute('aria-live')"),
		"log off polite");
	expect(webdriver_value("document.activeElement.id"), "log");
	webdriver_keys("?");
	webdriver_wait("$('help').open");
	webdriver_keys(WEBDRIVER_ESCAPE);
	webdriver_wait("!$('help').open");
	webdriver_keys("/");
	webdriver_wait("document.activeElement.id === 'query'");
	webdriver_keys(WEBDRIVER_TAB);
	webdriver_wait("document.activeElement.id === 'regex'");
	webdriver_keys(" ");
	webdriver_wait("view.regex && !isPaused");
}

/* WCAG 2.2, 1.4.3: the ratio of what is darker and lighter, at least 4.5. */
#define CONTRAST                                                               \
	"(() => {"                                                             \
	"const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : "          \
	"	((c + 0.055) / 1.055) ** 2.4;"                                       \
	"const light = (rgb) => rgb.match(/[0-9.]+/g).slice(0, 3).map(Number)" \
	"	.map(channel).reduce((sum, c, i) => "                                \
	"	sum + c * [0.2126, 0.7152, 0.0722][i], 0);"                          \
	"const back = (one) => {"                                              \
	"	const its = getComputedStyle(one).backgroundColor;"                  \
	"	return /, 0\\)$/.test(its) ? back(one.parentElement) : its; "        \
	"};"                                                                   \
	"let least = 21;"                                                      \
	"for (const one of document.querySelectorAll('body *')) {"             \
	"	if (!one.checkVisibility() || ![...one.childNodes].some("            \
	"		(node) => node.nodeType === 3 && "                                  \
	"		node.data.trim()) || one.matches(':disabled')) "                    \
	"continue;"                                                            \
	"	const [a, b] = [light(getComputedStyle(one).color), "                \
	"		light(back(one))].sort((x, y) => x - y);"                           \
	"	least = Math.min(least, (b + 0.05) / (a + 0.05));"                   \
	"}"                                                                    \
	"return least; })()"

static const char sample[] =
	"12:00:00 plain\n12:00:01 ERROR: needle\n12:00:02 WARN needle\n"
	"\033[31mred\033[32mgreen\033[33myellow\033[34mblue\033[35mmagenta"
	"\033[36mcyan\033[37mwhite\033[90mgrey\033[0m needle\n"
	"ERROR \033[31mred\033[32mgreen\033[33myellow\033[34mblue"
	"\033[35mmagenta\033[36mcyan\033[37mwhite\033[90mgrey\n";

static void the_contrast_is_enough(void **state)
{
	static const char *const schemes[] = { "light", "dark" };
	struct server s;

	(void)state;
	start(&s, "");
	disk_append(s.log, "%s", sample);
	disk_append(disk_path(s.folder, "app"), "%s", sample);
	for (size_t i = 0; i < 2; i++) {
		set_window(1280, 800, schemes[i]);
		show_live(&s, "source=log,app&only=0&filter=needle");
		webdriver_wait("rows.children.length === 10");
		assert_true(webdriver_number(CONTRAST) >= 4.5);
	}
}

static void a_telephone_shows_all_of_it(void **state)
{
	struct server s;

	(void)state;
	start(&s, "");
	disk_append(s.log, "%s%0300u end\n", sample, 0);
	set_window(390, 844, "light");
	show_live(&s, "source=log,app");
	webdriver_wait("rows.children.length === 6");
	/* Nothing stands out to the right, and lines are wrapped. */
	expect(webdriver_value("document.documentElement.scrollWidth"), "390");
	expect(webdriver_value("log.scrollWidth"), "390");
	expect(webdriver_value("[...document.querySelectorAll('header *')]"
			       ".every((one) => !one.checkVisibility() || "
			       "one.getBoundingClientRect().right <= 390)"),
		"true");
}

#define TEST(function) cmocka_unit_test_teardown(function, test_cleanup)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(lines_are_marked_by_name_and_colour),
		TEST(the_address_holds_the_view),
		TEST(text_from_a_log_never_becomes_markup),
		TEST(the_policy_runs_no_other_script),
		TEST(escapes_become_colours_or_nothing),
		TEST(errors_and_warnings_stand_out),
		TEST(a_burst_leaves_the_page_usable),
		TEST(no_line_is_too_much),
		TEST(a_pause_loses_nothing),
		TEST(it_follows_the_end_until_one_scrolls_up),
		TEST(wrapped_lines_stand_where_they_should),
		TEST(a_filter_is_a_text_or_a_regular_expression),
		TEST(older_lines_can_be_asked_for),
		TEST(what_is_shown_can_be_copied_and_saved),
		TEST(a_gap_says_what_is_missing),
		TEST(the_state_is_honest),
		TEST(no_room_is_a_state_too),
		TEST(a_refusal_is_said),
		TEST(all_tabs_share_one_connection),
		TEST(so_they_do_without_shared_workers),
		TEST(everything_has_a_name_and_a_key),
		TEST(the_contrast_is_enough),
		TEST(a_telephone_shows_all_of_it),
		TEST(it_looks_like_this),
	};

	return test_run("viewer", tests, sizeof(tests) / sizeof(*tests), 2);
}
