#define TESTS_LIB_INSIDE
#include "tests/lib/webdriver.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/disk.h"
#include "tests/lib/http.h"
#include "tests/lib/process.h"
#include "tests/lib/test.h"

#define TABS_MAX 16

static struct {
	char address[32]; /* of chromedriver */
	char session[64];
	char tabs[TABS_MAX][64]; /* their handles */
	unsigned tab_count;
	struct bytes answer; /* the body of the last one */
	struct bytes text;   /* its string */
} driver;

/* ---- JSON, as much of it as chromedriver speaks */

static void add_string(struct bytes *json, const char *text)
{
	bytes_add_byte(json, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c == '"' || c == '\\')
			bytes_add_format(json, "\\u%04x", c);
		else
			bytes_add_byte(json, c);
	}
	bytes_add_byte(json, '"');
}

/* Four hex digits; the test fails if they are none. */
static unsigned read_unit(const char *digits)
{
	char four[5] = "";
	unsigned unit;
	int len = 0;

	strncpy(four, digits, 4);
	if (sscanf(four, "%4x%n", &unit, &len) != 1 || len != 4)
		test_fail("no four digits: %s", digits);
	return unit;
}

static void add_character(struct bytes *out, unsigned c)
{
	if (c < 0x80) {
		bytes_add_byte(out, (int)c);
		return;
	}
	if (c < 0x800) {
		bytes_add_byte(out, (int)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			bytes_add_byte(out, (int)(0xe0 | c >> 12));
		} else {
			bytes_add_byte(out, (int)(0xf0 | c >> 18));
			bytes_add_byte(out, (int)(0x80 | (c >> 12 & 0x3f)));
		}
		bytes_add_byte(out, (int)(0x80 | (c >> 6 & 0x3f)));
	}
	bytes_add_byte(out, (int)(0x80 | (c & 0x3f)));
}

/* Reads what follows a backslash; returns what follows it. */
static const char *read_escape(struct bytes *out, const char *at)
{
	static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *name = *at ? strchr(names, *at) : NULL;
	unsigned unit;

	if (name) {
		bytes_add_byte(out, meant[name - names]);
		return at + 1;
	}
	if (*at != 'u')
		test_fail("no escape: %s", at);
	unit = read_unit(at + 1);
	at += 5;
	if (unit >= 0xd800 && unit < 0xdc00 && at[0] == '\\' && at[1] == 'u') {
		unit = 0x10000 +
		       ((unit & 0x3ff) << 10 | (read_unit(at + 2) & 0x3ff));
		at += 6;
	}
	add_character(out, unit);
	return at;
}

/* The string behind the first `"key":` of an answer. */
static const char *string_of(const struct bytes *json, const char *key)
{
	char head[64];
	const char *at;

	snprintf(head, sizeof(head), "\"%s\":\"", key);
	at = strstr(bytes_text(json), head);
	if (!at)
		test_fail("no %s in %s", key, bytes_text(json));
	bytes_clear(&driver.text);
	for (at += strlen(head); *at && *at != '"';) {
		if (*at == '\\')
			at = read_escape(&driver.text, at + 1);
		else
			bytes_add_byte(&driver.text, *at++);
	}
	return bytes_text(&driver.text);
}

/* ---- chromedriver */

/* Asks and waits; the answer is driver.answer. NULL: no body. */
static void command(const char *method, const char *path, const char *body)
{
	struct test_wait wait = test_wait_here("chromedriver's answer");
	struct bytes request = BYTES_INIT;
	struct http_client *client;

	bytes_add_format(&request,
		"%s %s%s HTTP/1.1\r\nHost: localhost\r\n"
		"Content-Type: application/json\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
		method, driver.session, path, body ? strlen(body) : 0,
		body ? body : "");
	client = http_connect(driver.address, request.data, request.len);
	bytes_release(&request);
	if (!client)
		test_fail("chromedriver does not accept");
	while (!client->reader.ended && !client->reader.closed)
		test_wait_step(&wait);
	bytes_clear(&driver.answer);
	bytes_add_text(&driver.answer, bytes_text(&client->reader.body));
	if (client->reader.status != 200)
		test_fail("%s: %s", path, bytes_text(&driver.answer));
	reader_close(&client->reader);
}

static void wait_until_it_accepts(struct process *p)
{
	struct test_wait wait = test_wait_here("chromedriver to accept");
	int fd;

	while ((fd = reader_connect(driver.address)) < 0) {
		if (!process_runs(p))
			test_fail("chromedriver has ended");
		test_wait_step(&wait);
	}
	close(fd);
}

static void keep_tab(const char *handle)
{
	if (driver.tab_count == TABS_MAX || strlen(handle) >= 64)
		test_fail("one tab too many");
	strcpy(driver.tabs[driver.tab_count++], handle);
}

/* Root may not have Chromium's sandbox; the rest keeps it to itself. */
#define CAPABILITIES                                                           \
	"{\"capabilities\":{\"alwaysMatch\":{\"goog:chromeOptions\":{"         \
	"\"args\":[\"--headless=new\",\"--no-sandbox\",\"--disable-gpu\","     \
	"\"--disable-dev-shm-usage\",\"--disable-quic\",\"--no-first-run\","   \
	"\"--disable-background-networking\",\"--disable-component-update\","  \
	"\"--disable-sync\",\"--disable-extensions\","                         \
	"\"--hide-scrollbars\",\"--user-data-dir=%s/profile\"]}}}}"

void webdriver_open(void)
{
	const char *folder = disk_folder();
	char home[256], tmp[256], port[32], capabilities[1024];
	int number = process_free_port();

	snprintf(home, sizeof(home), "HOME=%s", folder);
	snprintf(tmp, sizeof(tmp), "TMPDIR=%s", folder);
	snprintf(port, sizeof(port), "--port=%d", number);
	snprintf(
		driver.address, sizeof(driver.address), "127.0.0.1:%d", number);
	driver.session[0] = '\0';
	driver.tab_count = 0;
	wait_until_it_accepts(
		process_run("env", home, tmp, "chromedriver", port, NULL));
	snprintf(capabilities, sizeof(capabilities), CAPABILITIES, folder);
	command("POST", "/session", capabilities);
	snprintf(driver.session, sizeof(driver.session), "/session/%s",
		string_of(&driver.answer, "sessionId"));
	command("GET", "/window", NULL);
	keep_tab(string_of(&driver.answer, "value"));
	webdriver_devtools("Emulation.setDeviceMetricsOverride",
		"{\"width\":1280,\"height\":800,\"deviceScaleFactor\":1,"
		"\"mobile\":false}");
}

/* Posts an object of one string. */
static void post(const char *path, const char *key, const char *value)
{
	struct bytes body = BYTES_INIT;

	bytes_add_format(&body, "{\"%s\":", key);
	add_string(&body, value);
	bytes_add_text(&body, "}");
	command("POST", path, body.data);
	bytes_release(&body);
}

__attribute__((format(printf, 1, 0))) static char *format_text(
	const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		abort();
	return text;
}

void webdriver_go(const char *format, ...)
{
	va_list args;
	char *url;

	va_start(args, format);
	url = format_text(format, args);
	va_end(args);
	post("/url", "url", url);
	free(url);
}

void webdriver_open_tab(void)
{
	post("/window/new", "type", "tab");
	keep_tab(string_of(&driver.answer, "handle"));
	webdriver_use_tab(driver.tab_count - 1);
}

void webdriver_use_tab(unsigned number)
{
	post("/window", "handle", driver.tabs[number]);
}

void webdriver_close_tab(unsigned next)
{
	command("DELETE", "/window", NULL);
	webdriver_use_tab(next);
}

/* ---- looking */

static const char *evaluate(const char *expression)
{
	struct bytes script = BYTES_INIT, body = BYTES_INIT;

	bytes_add_format(&script,
		"return Promise.resolve(%s).then((value) => String(value));",
		expression);
	bytes_add_text(&body, "{\"args\":[],\"script\":");
	add_string(&body, bytes_text(&script));
	bytes_add_text(&body, "}");
	command("POST", "/execute/sync", body.data);
	bytes_release(&body);
	bytes_release(&script);
	return string_of(&driver.answer, "value");
}

const char *webdriver_value(const char *format, ...)
{
	const char *value;
	char *expression;
	va_list args;

	va_start(args, format);
	expression = format_text(format, args);
	va_end(args);
	value = evaluate(expression);
	free(expression);
	return value;
}

double webdriver_number(const char *format, ...)
{
	char *expression, *end;
	const char *value;
	double number;
	va_list args;

	va_start(args, format);
	expression = format_text(format, args);
	va_end(args);
	value = evaluate(expression);
	number = strtod(value, &end);
	if (end == value || *end)
		test_fail("%s is no number: %s", expression, value);
	free(expression);
	return number;
}

void webdriver_wait(const char *format, ...)
{
	char *expression;
	va_list args;

	va_start(args, format);
	expression = format_text(format, args);
	va_end(args);
	{
		struct test_wait wait = test_wait_here(expression);

		while (strcmp(evaluate(expression), "true") != 0)
			test_wait_step(&wait);
	}
	free(expression);
}

/* ---- acting */

/* Bytes of the character of UTF-8 that begins so. */
static size_t character_len(unsigned char first)
{
	return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

void webdriver_keys(const char *keys)
{
	struct bytes body = BYTES_INIT;
	const char *comma = "";

	bytes_add_text(&body, "{\"actions\":[{\"type\":\"key\",\"id\":\"keys\","
			      "\"actions\":[");
	while (*keys) {
		size_t len = character_len((unsigned char)*keys);
		char key[5] = "";

		memcpy(key, keys, len);
		keys += len;
		bytes_add_format(
			&body, "%s{\"type\":\"keyDown\",\"value\":", comma);
		add_string(&body, key);
		bytes_add_text(&body, "},{\"type\":\"keyUp\",\"value\":");
		add_string(&body, key);
		bytes_add_text(&body, "}");
		comma = ",";
	}
	bytes_add_text(&body, "]}]}");
	command("POST", "/actions", body.data);
	bytes_release(&body);
}

const char *webdriver_devtools(const char *name, const char *parameters)
{
	struct bytes body = BYTES_INIT;

	bytes_add_format(
		&body, "{\"cmd\":\"%s\",\"params\":%s}", name, parameters);
	command("POST", "/goog/cdp/execute", body.data);
	bytes_release(&body);
	return bytes_text(&driver.answer);
}

/* ---- pictures */

static int base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

void webdriver_screenshot(const char *path)
{
	struct bytes png = BYTES_INIT;
	const char *text;
	unsigned bits = 0, count = 0;
	int digit;

	command("GET", "/screenshot", NULL);
	text = string_of(&driver.answer, "value");
	for (; (digit = base64_digit(*text)) >= 0; text++) {
		bits = bits << 6 | (unsigned)digit;
		count += 6;
		if (count >= 8) {
			count -= 8;
			bytes_add_byte(&png, (int)(bits >> count & 0xff));
		}
	}
	disk_write_bytes(path, png.data, png.len);
	bytes_release(&png);
}
