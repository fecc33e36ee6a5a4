/*
 * The table of what is to be done: by server, by size, and word for word what
 * the manual says. Runs in the project's top folder.
 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "common/cure.h"
#include "tests/lib/disk.h"

static const char *text_of(struct buffer *b)
{
	buffer_add_byte(b, '\0');
	assert_false(b->failed);
	return b->data;
}

/* What is advised; valid until the next one. */
static const char *advice(
	enum cause cause, uint32_t number, enum software software, bool is_cgi)
{
	static struct buffer b;

	buffer_clear(&b);
	cure_add(&b, &(struct finding){ cause, number }, software, is_cgi);
	return text_of(&b);
}

static void a_server_is_known_by_its_name(void **state)
{
	static const struct {
		const char *name;
		enum software software;
	} rows[] = {
		{ "lighttpd/1.4.69", SOFTWARE_LIGHTTPD },
		{ "Apache/2.4.71 (Debian)", SOFTWARE_APACHE },
		{ "Apache", SOFTWARE_APACHE },
		{ "nginx/1.22.1", SOFTWARE_NGINX },
		{ "NGINX", SOFTWARE_NGINX },
		{ "HAProxy 2.6.12", SOFTWARE_HAPROXY },
		{ "Caddy/v2.6.2", SOFTWARE_CADDY },
		{ "", SOFTWARE_UNKNOWN },
		{ "a web server", SOFTWARE_UNKNOWN },
		{ "not lighttpd", SOFTWARE_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(cure_software(rows[i].name), rows[i].software);
}

static void the_directive_is_the_server_s(void **state)
{
	(void)state;
	assert_string_equal(advice(CAUSE_WHOLE, 0, SOFTWARE_LIGHTTPD, false),
		"\nFor lighttpd, in the condition for ssetail:\n\n"
		"    server.stream-response-body = 2\n");
	assert_string_equal(advice(CAUSE_BUFFER, 65536, SOFTWARE_APACHE, false),
		"\nFor Apache with mod_fcgid, in the server or virtual host:"
		"\n\n    FcgidOutputBufferSize 0\n");
	assert_string_equal(advice(CAUSE_DELAY, 240, SOFTWARE_HAPROXY, false),
		"\nFor HAProxy, in the backend:\n\n"
		"    option http-no-delay\n");
	/* Of one that does no such thing there is nothing to say. */
	assert_string_equal(
		advice(CAUSE_DELAY, 240, SOFTWARE_LIGHTTPD, false), "");
}

static void the_size_tells_modules_apart(void **state)
{
	const char *text = advice(CAUSE_BUFFER, 8192, SOFTWARE_APACHE, false);

	(void)state;
	assert_non_null(strstr(text, "    flushpackets=on\n"));
	assert_non_null(strstr(text,
		"    <Proxy \"fcgi://ssetail/\">\n"
		"        ProxySet flushpackets=on\n    </Proxy>\n"));
	assert_null(strstr(text, "FcgidOutputBufferSize"));
	/* One that nothing is known to have. */
	text = advice(CAUSE_BUFFER, 32768, SOFTWARE_APACHE, false);
	assert_non_null(strstr(text, "flushpackets=on"));
	assert_non_null(strstr(text, "FcgidOutputBufferSize 0"));
}

static void a_hidden_name_gets_all_of_them_the_likeliest_first(void **state)
{
	const char *text = advice(CAUSE_BUFFER, 65536, SOFTWARE_UNKNOWN, false);

	(void)state;
	assert_non_null(strstr(text, "server.stream-response-body = 2\n"));
	assert_non_null(strstr(text, "fastcgi_buffering off;\n"));
	assert_true(strstr(text, "FcgidOutputBufferSize") <
		    strstr(text, "flushpackets"));
	text = advice(CAUSE_BUFFER, 4096, SOFTWARE_UNKNOWN, false);
	assert_true(strstr(text, "flushpackets") <
		    strstr(text, "FcgidOutputBufferSize"));
	text = advice(CAUSE_WHOLE, 0, SOFTWARE_UNKNOWN, true);
	assert_true(strstr(text, "server.stream-response-body") <
		    strstr(text, "SetEnv no-gzip"));
}

static void cgi_needs_no_word_of_fastcgi(void **state)
{
	(void)state;
	assert_null(strstr(
		advice(CAUSE_IDLE_CUT, 5000, SOFTWARE_APACHE, true), "Fcgid"));
	assert_non_null(
		strstr(advice(CAUSE_IDLE_CUT, 5000, SOFTWARE_APACHE, true),
			"Timeout 300"));
	assert_null(strstr(advice(CAUSE_BUFFER, 4096, SOFTWARE_NGINX, false),
		"NO_BUFFERING"));
}

static void a_number_is_put_into_the_directive(void **state)
{
	(void)state;
	assert_non_null(
		strstr(advice(CAUSE_IDLE_CUT, 10400, SOFTWARE_CADDY, false),
			"    heartbeat = 5;\n"));
	assert_non_null(
		strstr(advice(CAUSE_IDLE_CUT, 1500, SOFTWARE_CADDY, false),
			"    heartbeat = 1;\n"));
	assert_non_null(
		strstr(advice(CAUSE_AGE_CUT, 300900, SOFTWARE_APACHE, false),
			"    lifetime = 240;\n"));
}

/* Every cause has a word of its own, by which the page and scripts know it, and
 * sentences with the number in them. */
static void every_cause_has_its_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < CAUSES; i++) {
		struct buffer b = BUFFER_INIT;

		cure_add_sentence(
			&b, &(struct finding){ (enum cause)i, 64 * 1024 });
		assert_null(strchr(text_of(&b), '#'));
		assert_int_equal(b.data[b.len - 2], '\n');
		buffer_release(&b);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(cure_word((enum cause)i),
				cure_word((enum cause)j));
	}
}

static void sentences_fit_into_a_terminal(void **state)
{
	struct buffer b = BUFFER_INIT;
	const char *line;

	(void)state;
	cure_add_manual(&b);
	for (line = text_of(&b); *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 80);
	buffer_release(&b);
}

#define BEGIN ".\\\" What follows is what common/cure.c says"
#define END   ".\\\" Up to here.\n"

/* Where it does not, what it should say is left in the build's folder. */
static void the_manual_says_the_same(void **state)
{
	static const char page_file[] = "common/ssetail-doctor.7";
	struct bytes page = BYTES_INIT;
	struct buffer expected = BUFFER_INIT;
	const char *begin, *end;

	(void)state;
	disk_read(&page, page_file);
	begin = strstr(page.data, BEGIN);
	assert_non_null(begin);
	begin = strchr(begin, '\n') + 1;
	end = strstr(begin, END);
	assert_non_null(end);
	buffer_add(&expected, page.data, (size_t)(begin - page.data));
	cure_add_manual(&expected);
	buffer_add_string(&expected, end);
	text_of(&expected);
	if (strcmp(expected.data, page.data) != 0) {
		disk_write("build/ssetail-doctor.7", "%s", expected.data);
		fail_msg("%s is not what common/cure.c says: that is in "
			 "build/ssetail-doctor.7 now",
			page_file);
	}
	buffer_release(&expected);
	bytes_release(&page);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_known_by_its_name),
		cmocka_unit_test(the_directive_is_the_server_s),
		cmocka_unit_test(the_size_tells_modules_apart),
		cmocka_unit_test(
			a_hidden_name_gets_all_of_them_the_likeliest_first),
		cmocka_unit_test(cgi_needs_no_word_of_fastcgi),
		cmocka_unit_test(a_number_is_put_into_the_directive),
		cmocka_unit_test(every_cause_has_its_words),
		cmocka_unit_test(sentences_fit_into_a_terminal),
		cmocka_unit_test(the_manual_says_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
