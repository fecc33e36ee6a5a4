/*
 * What is admitted, what is refused, and with which answer.
 *
 * Heads are written in a small language, one word a record:
 *
 *	B1	 FCGI_BEGIN_REQUEST of id 1; B1k keeps the connection, B1r2
 *		 asks for role 2
 *	P1:A=b;C=  FCGI_PARAMS with two pairs; P1 the empty record
 *	P1#0141	 the same with bytes in hex
 *	S1:text	 FCGI_STDIN; D1 FCGI_DATA; A1 FCGI_ABORT_REQUEST
 *	G:A;B	 FCGI_GET_VALUES
 *	T42,0:x	 any type and id, with text
 *	#0104	 bytes in hex
 *	'text	 bytes
 *
 * and what comes back is written like "END 1 1 2" (id, application status,
 * protocol status).
 */
#include "tests/lib/test.h"

#include <fastcgi.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/admit.h"
#include "tests/lib/chance.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Writing records. */

static void add_record(struct buffer *b, unsigned type, unsigned id,
	const void *content, size_t len, size_t padding)
{
	const unsigned char header[8] = { 1, (unsigned char)type,
		(unsigned char)(id >> 8), (unsigned char)id,
		(unsigned char)(len >> 8), (unsigned char)len,
		(unsigned char)padding, 0xaa };

	buffer_add(b, header, sizeof(header));
	if (len > 0)
		buffer_add(b, content, len);
	for (size_t i = 0; i < padding; i++)
		buffer_add_byte(b, '\xff');
}

static void add_length(struct buffer *b, size_t len, bool is_long)
{
	if (is_long || len > 127) {
		buffer_add_byte(b, (char)(len >> 24 | 0x80));
		buffer_add_byte(b, (char)(len >> 16));
		buffer_add_byte(b, (char)(len >> 8));
	}
	buffer_add_byte(b, (char)len);
}

static void add_pair(struct buffer *b, const char *name, size_t name_len,
	const char *value, size_t value_len)
{
	add_length(b, name_len, false);
	add_length(b, value_len, false);
	buffer_add(b, name, name_len);
	if (value_len > 0)
		buffer_add(b, value, value_len);
}

static void add_hex(struct buffer *b, const char *text, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2) {
		char digits[3] = { text[i], text[i + 1], '\0' };

		buffer_add_byte(b, (char)strtoul(digits, NULL, 16));
	}
}

/* "A=b;C=d" */
static void add_pairs(struct buffer *b, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *stop = memchr(text, ';', (size_t)(end - text));

		stop = stop ? stop : end;
		const char *is = memchr(text, '=', (size_t)(stop - text));
		const char *value = is ? is + 1 : stop;

		add_pair(b, text, (size_t)((is ? is : stop) - text), value,
			(size_t)(stop - value));
		text = stop < end ? stop + 1 : end;
	}
}

static unsigned take_number(const char **at)
{
	char *end;
	unsigned long n = strtoul(*at, &end, 10);

	*at = end;
	return (unsigned)n;
}

static void add_word(
	struct buffer *b, const char *word, const char *end, size_t padding)
{
	struct buffer content = BUFFER_INIT;
	const char *at = word + 1;
	unsigned type = 0;
	unsigned id = 0;

	switch (*word) {
	case '#':
		add_hex(b, at, (size_t)(end - at));
		return;
	case '\'':
		buffer_add(b, at, (size_t)(end - at));
		return;
	case 'B':
		type = FCGI_BEGIN_REQUEST;
		break;
	case 'P':
		type = FCGI_PARAMS;
		break;
	case 'S':
		type = FCGI_STDIN;
		break;
	case 'D':
		type = FCGI_DATA;
		break;
	case 'A':
		type = FCGI_ABORT_REQUEST;
		break;
	case 'G':
		type = FCGI_GET_VALUES;
		break;
	case 'T':
		type = take_number(&at);
		at++;
		break;
	default:
		fail_msg("no such word: %s", word);
	}
	if (*at >= '0' && *at <= '9')
		id = take_number(&at);
	if (*word == 'B' && (at == end || *at != ':')) {
		char body[8] = { 0, 1, 0, 0, 0, 0, 0, 0 };

		for (; at < end; at++) {
			if (*at == 'k')
				body[2] = FCGI_KEEP_CONN;
			else if (*at == 'r')
				body[1] = *++at - '0';
		}
		buffer_add(&content, body, sizeof(body));
	} else if (at < end && *at == '#') {
		add_hex(&content, at + 1, (size_t)(end - at - 1));
	} else if (at < end) {
		at++;
		if (type == FCGI_PARAMS || type == FCGI_GET_VALUES)
			add_pairs(&content, at, (size_t)(end - at));
		else
			buffer_add(&content, at, (size_t)(end - at));
	}
	add_record(b, type, id, content.data, content.len, padding);
	buffer_release(&content);
}

/* Every record gets `padding`. */
static void write_script(struct buffer *b, const char *script, size_t padding)
{
	while (*script) {
		const char *end = script + strcspn(script, " ");

		add_word(b, script, end, padding);
		script = end + (*end == ' ');
	}
}

/* Reading answers. */

static void read_values(
	struct buffer *out, const unsigned char *at, const unsigned char *end)
{
	while (at < end) {
		assert_true(end - at >= 2 && end - at - 2 >= at[0] + at[1]);
		buffer_add_format(out, " %.*s=%.*s", at[0],
			(const char *)at + 2, at[1],
			(const char *)at + 2 + at[0]);
		at += 2 + at[0] + at[1];
	}
}

/* Writes records down as text; fails on what is no sound answer. */
static char *describe(const struct buffer *answer)
{
	struct buffer out = BUFFER_INIT;
	const unsigned char *at = (const unsigned char *)answer->data;
	size_t left = answer->len;

	assert_false(answer->failed);
	while (left > 0) {
		assert_true(left >= 8);
		unsigned id = (unsigned)(at[2] << 8 | at[3]);
		size_t len = (size_t)(at[4] << 8 | at[5]);
		const unsigned char *content = at + 8;

		assert_int_equal(at[0], 1);
		assert_int_equal(at[6], 0);
		assert_true(left >= 8 + len);
		if (out.len > 0)
			buffer_add_string(&out, ", ");
		if (at[1] == FCGI_END_REQUEST) {
			assert_int_equal(len, 8);
			buffer_add_format(&out, "END %u %u %u", id, content[3],
				content[4]);
		} else if (at[1] == FCGI_GET_VALUES_RESULT) {
			assert_int_equal(id, 0);
			buffer_add_string(&out, "VALUES");
			read_values(&out, content, content + len);
		} else if (at[1] == FCGI_UNKNOWN_TYPE) {
			assert_int_equal(id, 0);
			assert_int_equal(len, 8);
			buffer_add_format(&out, "UNKNOWN %u", content[0]);
		} else if (at[1] == FCGI_STDERR) {
			buffer_add_format(&out, "STDERR %u %.*s", id, (int)len,
				(const char *)content);
		} else if (at[1] == FCGI_STDOUT) {
			/* The status of a response is enough. */
			const char *line_end = memchr(content, '\r', len);

			assert_non_null(line_end);
			buffer_add_format(&out, "STDOUT %u %.*s", id,
				(int)(line_end - (const char *)content),
				(const char *)content);
		} else {
			fail_msg("a record of type %u", at[1]);
		}
		at += 8 + len;
		left -= 8 + len;
	}
	buffer_add_byte(&out, '\0');
	return out.data;
}

/* Feeding. */

/* A copy that ends where the piece ends, so that a read behind it shows. */
static enum admit_outcome feed_piece(
	struct admit *a, const char *bytes, size_t len, struct buffer *answer)
{
	char *piece = malloc(len + !len);

	assert_non_null(piece);
	if (len > 0)
		memcpy(piece, bytes, len);
	enum admit_outcome outcome = admit_feed(a, piece, len, answer);
	free(piece);
	return outcome;
}

/* Pieces of `piece` bytes; the first one of `first`. */
static enum admit_outcome feed_in_pieces(struct admit *a,
	const struct buffer *b, size_t first, size_t piece,
	struct buffer *answer)
{
	enum admit_outcome outcome = feed_piece(a, b->data, first, answer);

	for (size_t at = first; at < b->len && outcome != ADMIT_REFUSE;) {
		size_t n = b->len - at < piece ? b->len - at : piece;

		outcome = feed_piece(a, b->data + at, n, answer);
		at += n;
	}
	return outcome;
}

static struct admit *new_admit(void)
{
	struct admit *a = admit_new();

	assert_non_null(a);
	return a;
}

/* What a table says. */
struct expectation {
	int line;
	const char *script;
	enum admit_outcome outcome;
	const char *answer;
	const char *view; /* after ADMIT_READY: "A=b;C=", asked one by one */
};

static void expect_view(const struct admit *a, const struct expectation *e)
{
	const char *at = e->view ? e->view : "";

	while (*at) {
		char pair[256];
		size_t len = strcspn(at, ";");

		snprintf(pair, sizeof(pair), "%.*s", (int)len, at);
		char *is = strchr(pair, '=');
		if (is)
			*is = '\0';
		const char *value = admit_parameter(a, pair);

		/* "A" without "=": there is none. */
		if (!is != !value || (is && strcmp(is + 1, value) != 0))
			fail_msg("line %d: %s is %s", e->line, pair,
				value ? value : "(none)");
		at += len + (at[len] == ';');
	}
}

static void expect_one(const struct expectation *e, const struct buffer *b,
	size_t first, size_t piece)
{
	struct buffer answer = BUFFER_INIT;
	struct admit *a = new_admit();
	enum admit_outcome outcome =
		feed_in_pieces(a, b, first, piece, &answer);
	char *text = describe(&answer);

	if (outcome != e->outcome || strcmp(text, e->answer) != 0)
		fail_msg("line %d, first %zu, pieces %zu: outcome %d, \"%s\"",
			e->line, first, piece, (int)outcome, text);
	if (outcome == ADMIT_READY)
		expect_view(a, e);
	free(text);
	buffer_release(&answer);
	admit_free(a);
}

/* Whole, cut at every byte, a byte at a time, with and without padding. */
static void expect_all(const struct expectation *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t padding = 0; padding <= 5; padding += 5) {
			struct buffer b = BUFFER_INIT;

			write_script(&b, table[i].script, padding);
			for (size_t cut = 0; cut <= b.len; cut++)
				expect_one(&table[i], &b, cut, b.len);
			expect_one(&table[i], &b, 0, 1);
			buffer_release(&b);
		}
	}
}

static void whole_heads_are_admitted(void **state)
{
	static const struct expectation table[] = {
		{ __LINE__, "B1 P1:A=b;C=d P1", ADMIT_READY, "",
			"A=b;C=d;B;AA;FCGI_ROLE=RESPONDER" },
		{ __LINE__, "B1k P1:A=b P1 S1", ADMIT_READY, "", "A=b" },
		{ __LINE__, "B1 P1", ADMIT_READY, "", "A" },
		{ __LINE__, "B65535 P65535:A= P65535 S65535:body S65535",
			ADMIT_READY, "", "A=" },
		{ __LINE__, "B1 P1:A=b P1:C=d P1:E=f P1", ADMIT_READY, "",
			"A=b;C=d;E=f" },
		/* Pairs over several records, cut at every place. */
		{ __LINE__, "B1 P1#03 P1#02 P1#41 P1#4243 P1#64 P1#65 P1",
			ADMIT_READY, "", "ABC=de" },
		{ __LINE__, "B1 P1#80 P1#0000 P1#0180000001 P1#41 P1#62 P1",
			ADMIT_READY, "", "A=b" },
		/* Lengths of four bytes where one would do. */
		{ __LINE__, "B1 P1#80000001800000014162 P1:C=d P1", ADMIT_READY,
			"", "A=b;C=d" },
		/* Flags and reserved bytes of later versions. */
		{ __LINE__, "T1,1#0001ffffffffffff P1:A=b P1", ADMIT_READY, "",
			"A=b" },
	};

	(void)state;
	expect_all(table, COUNT(table));
}

static void what_follows_the_head_is_passed_over(void **state)
{
	static const struct expectation table[] = {
		{ __LINE__, "B1 P1:A=b P1 S1:GET=/ S1 T200,7:x G:A S1",
			ADMIT_READY, "", "A=b" },
		{ __LINE__, "B1 P1:A=b P1 S1:half #01050001", ADMIT_READY, "",
			"A=b" },
		{ __LINE__, "B1 P1:A=b P1 A2 B2 P2", ADMIT_READY, "", "A=b" },
	};

	(void)state;
	expect_all(table, COUNT(table));
}

static void half_a_head_waits_for_more(void **state)
{
	static const struct expectation table[] = {
		{ __LINE__, "", ADMIT_MORE, "", NULL },
		{ __LINE__, "#01", ADMIT_MORE, "", NULL },
		{ __LINE__, "#010100010008", ADMIT_MORE, "", NULL },
		{ __LINE__, "#0101000100080000", ADMIT_MORE, "", NULL },
		{ __LINE__, "B1", ADMIT_MORE, "", NULL },
		{ __LINE__, "B1 P1:A=b", ADMIT_MORE, "", NULL },
		{ __LINE__, "B1 P1:A=b #0104000100000300ffff", ADMIT_MORE, "",
			NULL },
	};

	(void)state;
	expect_all(table, COUNT(table));
}

static void what_is_no_fastcgi_is_refused_in_silence(void **state)
{
	static const struct expectation table[] = {
		{ __LINE__, "#00", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "'GET", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "#1603010200010001", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "#0201000100080000", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "B1 P1:A=b 'GET", ADMIT_REFUSE, "", NULL },
		/* An application record with no id, and the reverse. */
		{ __LINE__, "B0", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "B1 P0", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "S0", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "A0", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "T9,1", ADMIT_REFUSE, "", NULL },
		/* What only an application sends. */
		{ __LINE__, "B1 T3,1:8bytes!!", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "B1 T6,1:x", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "B1 T7,1:x", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "T10,0", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "T11,0", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "T0,0", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "T0,1", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "T12,1", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "T255,1", ADMIT_REFUSE, "", NULL },
		/* Content that cannot be. */
		{ __LINE__, "T1,1:seven!!", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "T1,1:nine!!!!!", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "B1:", ADMIT_REFUSE, "", NULL },
		/* The same request begun twice; a body among parameters. */
		{ __LINE__, "B1 B1", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "B1 P1:A=b B1", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "B1 P1:A=b S1", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "B1 S1:body", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "B1 D1", ADMIT_REFUSE, "", NULL },
	};

	(void)state;
	expect_all(table, COUNT(table));
}

static void other_roles_and_requests_are_answered(void **state)
{
	static const struct expectation table[] = {
		{ __LINE__, "B1r0", ADMIT_REFUSE, "END 1 1 3", NULL },
		{ __LINE__, "B1r2", ADMIT_REFUSE, "END 1 1 3", NULL },
		{ __LINE__, "B7r3 P7:A=b", ADMIT_REFUSE, "END 7 1 3", NULL },
		{ __LINE__, "T1,1#0101000000000000", ADMIT_REFUSE, "END 1 1 3",
			NULL },
		/* A second request is told no, and the first one goes on. */
		{ __LINE__, "B1 B2 P1:A=b P2:A=c P1", ADMIT_READY, "END 2 1 1",
			"A=b" },
		{ __LINE__, "B1 B2r3 B300 P1:A=b P1", ADMIT_READY,
			"END 2 1 1, END 300 1 1", "A=b" },
		/* Records of requests that are not active. */
		{ __LINE__, "S1:rest S1 A1 B1 P1:A=b P1", ADMIT_READY, "",
			"A=b" },
		{ __LINE__, "P1:A=x P1 B1 P2:A=c P2 S2 D2 A2 P1:A=b P1",
			ADMIT_READY, "", "A=b" },
		{ __LINE__, "P1:A=x P1", ADMIT_MORE, "", NULL },
		/* Aborted. */
		{ __LINE__, "B1 A1", ADMIT_REFUSE, "END 1 0 0", NULL },
		{ __LINE__, "B1 P1:A=b A1", ADMIT_REFUSE, "END 1 0 0", NULL },
		{ __LINE__, "B1 P1:A=b P1 A1", ADMIT_REFUSE, "END 1 0 0",
			NULL },
		{ __LINE__, "B1 P1:A=b P1 S1:x 'GET", ADMIT_REFUSE, "END 1 0 0",
			NULL },
	};

	(void)state;
	expect_all(table, COUNT(table));
}

static void parameters_that_lie_are_refused(void **state)
{
#define SAYS(sentence) "STDERR 1 the web server sends " sentence ", END 1 1 0"
#define NO_FIT	       "STDERR 1 the lengths of the parameters do not fit, END 1 1 0"
#define BAD_NAME       SAYS("a parameter whose name is empty or holds '=' or NUL")
#define TWICE(name)    SAYS("parameter " name " twice, with different values")
	static const struct expectation table[] = {
		/* Lengths that do not fit. */
		{ __LINE__, "B1 P1#e0000000e0000000 P1", ADMIT_REFUSE, NO_FIT,
			NULL },
		{ __LINE__, "B1 P1#ffffffffffffffff4142 P1", ADMIT_REFUSE,
			NO_FIT, NULL },
		{ __LINE__, "B1 P1#01ffffffff41 P1", ADMIT_REFUSE, NO_FIT,
			NULL },
		{ __LINE__, "B1 P1#ffffffff0041 P1", ADMIT_REFUSE, NO_FIT,
			NULL },
		{ __LINE__, "B1 P1#01 P1", ADMIT_REFUSE, NO_FIT, NULL },
		{ __LINE__, "B1 P1#0180 P1", ADMIT_REFUSE, NO_FIT, NULL },
		{ __LINE__, "B1 P1#01800000 P1", ADMIT_REFUSE, NO_FIT, NULL },
		{ __LINE__, "B1 P1:A=b P1#010241 P1#62 P1", ADMIT_REFUSE,
			NO_FIT, NULL },
		/* Names that would read as another in an environment. */
		{ __LINE__, "B1 P1#0000 P1", ADMIT_REFUSE, BAD_NAME, NULL },
		{ __LINE__, "B1 P1#000162 P1", ADMIT_REFUSE, BAD_NAME, NULL },
		{ __LINE__, "B1 P1#0301413d4262 P1", ADMIT_REFUSE, BAD_NAME,
			NULL },
		{ __LINE__, "B1 P1#030141004262 P1", ADMIT_REFUSE, BAD_NAME,
			NULL },
		/* A name twice. */
		{ __LINE__, "B1 P1:A=b;A=c P1", ADMIT_REFUSE, TWICE("A"),
			NULL },
		{ __LINE__, "B1 P1:REMOTE_USER=;X=y;REMOTE_USER=eve P1",
			ADMIT_REFUSE, TWICE("REMOTE_USER"), NULL },
		{ __LINE__, "B1 P1:HTTP_=a;HTTP_=b P1", ADMIT_REFUSE,
			TWICE("HTTP_"), NULL },
		{ __LINE__, "B1 P1#0200410a020141ff62 P1", ADMIT_READY, "",
			NULL },
		{ __LINE__, "B1 P1#0200410a0201410a62 P1", ADMIT_REFUSE,
			TWICE("A\\x0a"), NULL },
		{ __LINE__, "B1 P1:A=b;A=b;C=d P1", ADMIT_READY, "",
			"A=b;C=d" },
		{ __LINE__, "B1 P1:HTTP_X=1;C=d;HTTP_X=2;E=f P1", ADMIT_READY,
			"", "HTTP_X=1;C=d;E=f" },
		{ __LINE__, "B1 P1:a=b;A=c P1", ADMIT_READY, "", "a=b;A=c" },
		/* A NUL never ends a value early. */
		{ __LINE__, "B1 P1#0104416200630001014364 P1", ADMIT_READY, "",
			"A=b\001c\001;C=d" },
	};

	(void)state;
	expect_all(table, COUNT(table));
}

/* "FCGI_MAX_CONNS=n FCGI_MAX_REQS=n FCGI_MPXS_CONNS=0" */
static void values_are_answered_before_a_request(void **state)
{
	static const char forty[] =
		"G:a;b;c;d;e;f;g;h;i;j;k;l;m;n;o;p;q;r;s;FCGI_MPXS_CONNS;"
		"FCGI_MPXS_CONNS=x;A;B;C;D;E;F;G;H;I;J;K;L;M;N;O;P;Q;R;"
		"FCGI_MPXS_CONNSS";
	static const struct expectation table[] = {
		{ __LINE__, "G", ADMIT_MORE, "VALUES", NULL },
		{ __LINE__, "G:FCGI_MPXS_CONNS", ADMIT_MORE,
			"VALUES FCGI_MPXS_CONNS=0", NULL },
		{ __LINE__, forty, ADMIT_MORE, "VALUES FCGI_MPXS_CONNS=0",
			NULL },
		{ __LINE__, "G:fcgi_max_conns", ADMIT_MORE, "VALUES", NULL },
		{ __LINE__, "G:FCGI_MPXS_CONNS B1 G P1:A=b G P1", ADMIT_READY,
			"VALUES FCGI_MPXS_CONNS=0, VALUES, VALUES", "A=b" },
		{ __LINE__, "T12,0 T255,0:content T13,0", ADMIT_MORE,
			"UNKNOWN 12, UNKNOWN 255, UNKNOWN 13", NULL },
		{ __LINE__, "T12,0 B1 P1:A=b T12,0 P1", ADMIT_READY,
			"UNKNOWN 12, UNKNOWN 12", "A=b" },
		{ __LINE__, "G#0e", ADMIT_REFUSE, "", NULL },
		{ __LINE__, "G#e0000000e0000000", ADMIT_REFUSE, "", NULL },
	};
	struct rlimit limit;
	char all[256];

	(void)state;
	expect_all(table, COUNT(table));

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	unsigned long n =
		limit.rlim_cur > INT32_MAX ? INT32_MAX : limit.rlim_cur;
	snprintf(all, sizeof(all),
		"VALUES FCGI_MAX_CONNS=%lu FCGI_MAX_REQS=%lu FCGI_MPXS_CONNS=0",
		n, n);
	const struct expectation e = { __LINE__,
		"G:FCGI_MPXS_CONNS;FCGI_MAX_REQS;FCGI_MAX_CONNS", ADMIT_MORE,
		all, NULL };
	expect_all(&e, 1);
}

/* Feeds a head of that size, all of it parameters of `value_len`. */
static enum admit_outcome feed_large(
	size_t records, size_t value_len, char **text)
{
	struct buffer b = BUFFER_INIT;
	struct buffer answer = BUFFER_INIT;
	struct admit *a = new_admit();

	write_script(&b, "B1", 0);
	for (size_t i = 0; i < records; i++) {
		struct buffer pair = BUFFER_INIT;
		char name[32];
		char *value = calloc(1, value_len + 1);

		assert_non_null(value);
		memset(value, 'v', value_len);
		snprintf(name, sizeof(name), "N%05zu", i);
		add_pair(&pair, name, strlen(name), value, value_len);
		add_record(&b, FCGI_PARAMS, 1, pair.data, pair.len, 0);
		free(value);
		buffer_release(&pair);
	}
	write_script(&b, "P1", 0);
	enum admit_outcome outcome = feed_in_pieces(a, &b, 0, 4096, &answer);
	*text = describe(&answer);
	buffer_release(&b);
	buffer_release(&answer);
	admit_free(a);
	return outcome;
}

#define TOO_LARGE "STDOUT 1 Status: 400 Bad Request, END 1 1 0"

static void a_head_may_be_large_but_not_endless(void **state)
{
	static const struct {
		int line;
		size_t records;
		size_t value_len;
		enum admit_outcome outcome;
		const char *answer;
	} table[] = {
		{ __LINE__, ADMIT_PARAMS_MAX, 10, ADMIT_READY, "" },
		{ __LINE__, ADMIT_PARAMS_MAX + 1, 10, ADMIT_REFUSE, TOO_LARGE },
		/* 16 + 8 + 6 + 5 + value + 8 bytes in all. */
		{ __LINE__, 1, ADMIT_HEAD_MAX - 43, ADMIT_READY, "" },
		{ __LINE__, 1, ADMIT_HEAD_MAX - 42, ADMIT_REFUSE, TOO_LARGE },
		{ __LINE__, 4000, 0, ADMIT_REFUSE, TOO_LARGE },
		{ __LINE__, 4000, 100, ADMIT_REFUSE, TOO_LARGE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		char *text;
		enum admit_outcome outcome =
			feed_large(table[i].records, table[i].value_len, &text);

		if (outcome != table[i].outcome ||
			strcmp(text, table[i].answer) != 0)
			fail_msg("line %d: outcome %d, \"%s\"", table[i].line,
				(int)outcome, text);
		free(text);
	}
}

/* What does not grow must end as well. */
static void management_records_are_not_endless_either(void **state)
{
	static const char *const words[] = { "G", "T12,0", "S1", "G:A;B" };

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct buffer b = BUFFER_INIT;
		struct buffer answer = BUFFER_INIT;
		struct admit *a = new_admit();
		size_t fed = 0;

		write_script(&b, words[i], 0);
		while (admit_feed(a, b.data, b.len, &answer) == ADMIT_MORE)
			fed += b.len;
		assert_true(fed > ADMIT_HEAD_MAX - b.len);
		assert_true(fed <= ADMIT_HEAD_MAX);
		assert_true(answer.len <= 2 * ADMIT_HEAD_MAX);
		buffer_release(&b);
		buffer_release(&answer);
		admit_free(a);
	}
}

static void the_id_and_the_wish_to_keep_are_told(void **state)
{
	static const struct {
		const char *script;
		unsigned id;
		bool keeps;
	} table[] = {
		{ "B1 P1", 1, false },
		{ "B1k P1", 1, true },
		{ "B258k P258", 258, true },
		{ "B65535 P65535", 65535, false },
		{ "T1,1#0001ff0000000000 P1", 1, true },
		{ "T1,1#0001feffffffffff P1", 1, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct buffer b = BUFFER_INIT;
		struct buffer answer = BUFFER_INIT;
		struct admit *a = new_admit();

		write_script(&b, table[i].script, 0);
		assert_int_equal(
			admit_feed(a, b.data, b.len, &answer), ADMIT_READY);
		assert_int_equal(admit_id(a), table[i].id);
		assert_int_equal(admit_keeps_connection(a), table[i].keeps);
		buffer_release(&b);
		buffer_release(&answer);
		admit_free(a);
	}
}

/* Random. */

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int choose_seed(void **state)
{
	(void)state;
	chance_begin("TEST_SEED");
	return 0;
}

/* A plain walk: the pairs as they stand in the stream. */
struct plain {
	const unsigned char *name, *value;
	size_t name_len, value_len;
};

static int plain_length(
	const unsigned char *s, size_t len, size_t *at, size_t *out)
{
	if (*at >= len)
		return -1;
	if (!(s[*at] >> 7)) {
		*out = s[(*at)++];
		return 0;
	}
	if (len - *at < 4)
		return -1;
	*out = ((size_t)s[*at] & 0x7f) * 16777216 + (size_t)s[*at + 1] * 65536 +
	       (size_t)s[*at + 2] * 256 + s[*at + 3];
	*at += 4;
	return 0;
}

/* Returns how many, -1 if they do not fit. */
static int plain_walk(
	const unsigned char *s, size_t len, struct plain *out, int max)
{
	size_t at = 0;
	int count = 0;

	while (at < len) {
		struct plain *p = &out[count];

		if (count == max)
			return max;
		if (plain_length(s, len, &at, &p->name_len) != 0 ||
			plain_length(s, len, &at, &p->value_len) != 0)
			return -1;
		if (p->name_len > len - at ||
			p->value_len > len - at - p->name_len)
			return -1;
		p->name = s + at;
		p->value = s + at + p->name_len;
		at += p->name_len + p->value_len;
		count++;
	}
	return count;
}

static bool same_name(const struct plain *a, const struct plain *b)
{
	return a->name_len == b->name_len &&
	       memcmp(a->name, b->name, a->name_len) == 0;
}

/* May these pairs be refused, by the rules of the header? */
static bool may_be_refused(const struct plain *p, int count)
{
	if (count < 0 || count > ADMIT_PARAMS_MAX)
		return true;
	for (int i = 0; i < count; i++) {
		if (p[i].name_len == 0 || memchr(p[i].name, 0, p[i].name_len) ||
			memchr(p[i].name, '=', p[i].name_len))
			return true;
		for (int j = 0; j < i; j++)
			if (same_name(&p[i], &p[j]) &&
				!(p[i].name_len > 5 &&
					memcmp(p[i].name, "HTTP_", 5) == 0) &&
				(p[i].value_len != p[j].value_len ||
					memcmp(p[i].value, p[j].value,
						p[i].value_len) != 0))
				return true;
	}
	return false;
}

/* The value that the walk finds first is the one that libfcgi shows. */
static void compare(const struct admit *a, const struct plain *p, int count)
{
	for (int i = 0; i < count; i++) {
		const struct plain *first = &p[i];
		char *name = strndup((const char *)p[i].name, p[i].name_len);
		const char *value = admit_parameter(a, name);

		for (int j = i - 1; j >= 0; j--)
			if (same_name(&p[i], &p[j]))
				first = &p[j];
		if (!value || strlen(value) != first->value_len)
			fail_msg("%s: of another length", name);
		for (size_t k = 0; k < first->value_len; k++) {
			char c = (char)first->value[k];

			if (value[k] != (c ? c : '\001'))
				fail_msg("%s: other at %zu", name, k);
		}
		free(name);
	}
}

static void add_random_pair(struct buffer *b)
{
	static const char *const names[] = { "HTTP_ACCEPT", "HTTP_X",
		"REQUEST_METHOD", "PATH_INFO" };
	char name[300];
	size_t name_len = 1 + chance_below(chance_below(8) ? 12 : 280);
	size_t value_len = chance_below(chance_below(8)	  ? 40
					: chance_below(4) ? 400
							  : 9000);

	for (size_t i = 0; i < name_len; i++)
		name[i] = (char)('A' + chance_below(26));
	if (chance_below(12) == 0) {
		const char *known = names[chance_below(COUNT(names))];

		name_len = strlen(known);
		memcpy(name, known, name_len);
	}
	add_length(b, name_len, chance_below(10) == 0);
	add_length(b, value_len, chance_below(10) == 0);
	buffer_add(b, name, name_len);
	for (size_t i = 0; i < value_len; i++)
		buffer_add_byte(b, chance_below(500)
					   ? (char)(1 + chance_below(255))
					   : '\0');
}

static void spoil(struct buffer *b, uint32_t times)
{
	for (uint32_t i = 0; i < times && b->len > 0; i++)
		b->data[chance_below((uint32_t)b->len)] =
			(char)(chance_below(2) ? chance_below(256) : 0xe0);
}

/* Cuts a stream in records at random places. */
static void add_stream(struct buffer *b, const struct buffer *stream)
{
	bool tiny = chance_below(6) == 0;

	for (size_t at = 0; at < stream->len;) {
		size_t n = 1 + chance_below(tiny ? 3 : 9000);

		n = n < stream->len - at ? n : stream->len - at;
		add_record(b, FCGI_PARAMS, 1, stream->data + at, n,
			chance_below(3) ? 0 : chance_below(256));
		at += n;
	}
}

static enum admit_outcome feed_at_random(
	struct admit *a, const struct buffer *b, struct buffer *answer)
{
	enum admit_outcome outcome = ADMIT_MORE;
	uint32_t most = chance_below(2) ? 9000 : 20;

	for (size_t at = 0; at < b->len && outcome == ADMIT_MORE;) {
		size_t n = 1 + chance_below(most);

		n = n < b->len - at ? n : b->len - at;
		outcome = feed_piece(a, b->data + at, n, answer);
		at += n;
	}
	return outcome;
}

static void libfcgi_sees_what_a_plain_walk_sees(void **state)
{
	static struct plain pairs[ADMIT_PARAMS_MAX + 1];
	int admitted = 0;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		struct buffer stream = BUFFER_INIT;
		struct buffer b = BUFFER_INIT;
		struct buffer answer = BUFFER_INIT;
		struct admit *a = new_admit();

		for (uint32_t n = chance_below(40); n > 0; n--)
			add_random_pair(&stream);
		if (chance_below(3) == 0)
			spoil(&stream, 1 + chance_below(4));
		add_record(&b, FCGI_BEGIN_REQUEST, 1, "\0\1\0\0\0\0\0", 8,
			chance_below(256));
		add_stream(&b, &stream);
		add_record(&b, FCGI_PARAMS, 1, NULL, 0, chance_below(256));

		int count = plain_walk((const unsigned char *)stream.data,
			stream.len, pairs, COUNT(pairs));
		enum admit_outcome outcome = feed_at_random(a, &b, &answer);

		if (b.len > ADMIT_HEAD_MAX || may_be_refused(pairs, count)) {
			assert_int_equal(outcome, ADMIT_REFUSE);
		} else {
			assert_int_equal(outcome, ADMIT_READY);
			compare(a, pairs, count);
			admitted++;
		}
		free(describe(&answer));
		buffer_release(&stream);
		buffer_release(&b);
		buffer_release(&answer);
		admit_free(a);
	}
	assert_true(admitted > 1000);
}

/* No outcome is expected, only that it ends well. */
static void random_bytes_do_no_harm(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct buffer b = BUFFER_INIT;
		struct buffer answer = BUFFER_INIT;
		struct admit *a = new_admit();

		if (chance_below(4) != 0) {
			write_script(&b,
				"G:FCGI_MAX_CONNS B1 P1:A=b;CC=dd;EEE= P1:F=g "
				"P1 S1:body S1",
				chance_below(3));
			spoil(&b, 1 + chance_below(6));
		} else {
			for (uint32_t n = chance_below(200); n > 0; n--)
				buffer_add_byte(
					&b, chance_below(4)
						    ? (char)chance_below(256)
						    : '\1');
		}
		if (feed_at_random(a, &b, &answer) == ADMIT_READY) {
			assert_true(admit_id(a) > 0);
			admit_parameter(a, "A");
		}
		free(describe(&answer));
		buffer_release(&b);
		buffer_release(&answer);
		admit_free(a);
	}
}

/* The process around it. */

static int lowest_free_descriptor(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

static void the_self_test_passes_and_leaves_no_descriptor(void **state)
{
	int before = lowest_free_descriptor();

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(admit_self_test(), 0);
	assert_int_equal(lowest_free_descriptor(), before);
}

/* That is no fault of libfcgi's. */
static void the_self_test_tells_of_a_limit_on_files(void **state)
{
	struct rlimit before, low;

	(void)state;
	getrlimit(RLIMIT_FSIZE, &before);
	low = before;
	low.rlim_cur = 20000;
	setrlimit(RLIMIT_FSIZE, &low);
	errno = 0;
	int result = admit_self_test();
	int error = errno;
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(result, -1);
	assert_int_equal(error, EFBIG);
}

static void on_signal(int signal)
{
	(void)signal;
}

/* The first test: libfcgi is initialised once in a process. */
static void signals_stay_as_they_were(void **state)
{
	const struct sigaction mine = { .sa_handler = on_signal };
	struct sigaction now;
	sigset_t mask;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGUSR1, &mine, NULL);
	assert_int_equal(admit_self_test(), 0);

	sigaction(SIGPIPE, NULL, &now);
	assert_true(now.sa_handler == SIG_IGN);
	sigaction(SIGUSR1, NULL, &now);
	assert_true(now.sa_handler == on_signal);
	sigaction(SIGTERM, NULL, &now);
	assert_true(now.sa_handler == SIG_DFL);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	assert_false(sigismember(&mask, SIGTERM));
}

static void without_a_descriptor_the_request_is_refused(void **state)
{
	struct rlimit limit, none;
	struct buffer b = BUFFER_INIT;
	struct buffer answer = BUFFER_INIT;
	struct admit *a = new_admit();

	(void)state;
	write_script(&b, "B1 P1:A=b P1", 0);
	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = (rlim_t)lowest_free_descriptor();
	setrlimit(RLIMIT_NOFILE, &none);
	enum admit_outcome outcome = admit_feed(a, b.data, b.len, &answer);
	setrlimit(RLIMIT_NOFILE, &limit);

	char *text = describe(&answer);
	assert_int_equal(outcome, ADMIT_REFUSE);
	assert_string_equal(text, "END 1 1 2");
	free(text);
	buffer_release(&b);
	buffer_release(&answer);
	admit_free(a);
}

/* Thirty-five parameters, about as many bytes as a browser makes of them. */
static void write_usual_head(struct buffer *b)
{
	struct buffer pairs = BUFFER_INIT;

	for (int i = 0; i < 35; i++) {
		char name[32], value[64];

		snprintf(name, sizeof(name), "HTTP_PARAMETER_%d", i);
		snprintf(value, sizeof(value), "a value of some length %d", i);
		add_pair(&pairs, name, strlen(name), value, strlen(value));
	}
	write_script(b, "B1", 0);
	add_record(b, FCGI_PARAMS, 1, pairs.data, pairs.len, 0);
	write_script(b, "P1 S1", 0);
	buffer_release(&pairs);
}

static void what_a_request_keeps_is_small(void **state)
{
	struct buffer b = BUFFER_INIT;
	struct buffer answer = BUFFER_INIT;
	struct admit *kept[100];

	(void)state;
	write_usual_head(&b);
	size_t before = mallinfo2().uordblks;
	for (size_t i = 0; i < COUNT(kept); i++) {
		kept[i] = new_admit();
		assert_int_equal(admit_feed(kept[i], b.data, b.len, &answer),
			ADMIT_READY);
	}
	size_t each = (mallinfo2().uordblks - before) / COUNT(kept);
	print_message("%zu bytes a request, of %zu\n", each, b.len);
	for (size_t i = 0; i < COUNT(kept); i++)
		admit_free(kept[i]);
	assert_true(each < 4096);
	admit_free(NULL);
	buffer_release(&b);
	buffer_release(&answer);
}

/* The rest of a client's life. */

static void a_walk_ends_with_the_abort_of_its_request(void **state)
{
	static const struct {
		int line;
		const char *script;
		bool aborts;
	} table[] = {
		{ __LINE__, "", false },
		{ __LINE__, "S1", false },
		{ __LINE__, "S1:body S1:AAAA S1", false },
		{ __LINE__, "A1", true },
		{ __LINE__, "S1:body S1 A1", true },
		{ __LINE__, "A2 A257 A0", false },
		{ __LINE__, "A2 A1 A2", true },
		{ __LINE__, "T200,0:x T6,1:y B2 P2:A=b", false },
		{ __LINE__, "S1:body 'GET", true },
		{ __LINE__, "#00", true },
		{ __LINE__, "S1#0102000100000000", false },
		{ __LINE__, "#01020001000000", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct buffer b = BUFFER_INIT;

		write_script(&b, table[i].script, i % 3);
		for (size_t piece = 1; piece <= b.len; piece++) {
			struct admit_walk w = { .have = 0 };
			bool aborts = false;

			for (size_t at = 0; at < b.len && !aborts;
				at += piece) {
				size_t n =
					b.len - at < piece ? b.len - at : piece;

				aborts = admit_walk_aborts(
					&w, 1, b.data + at, n);
			}
			if (aborts != table[i].aborts)
				fail_msg("line %d, pieces of %zu",
					table[i].line, piece);
		}
		buffer_release(&b);
	}
}

/* However the bytes are cut between the two. */
static void a_walk_goes_on_where_the_head_ended(void **state)
{
	struct buffer b = BUFFER_INIT;

	(void)state;
	write_script(&b, "B1 P1:A=b P1", 3);
	size_t head = b.len;
	write_script(&b, "S1:a_body_of_its_own S1 A1", 3);
	for (size_t cut = head; cut < b.len; cut++) {
		struct buffer answer = BUFFER_INIT;
		struct admit *a = new_admit();
		enum admit_outcome outcome =
			admit_feed(a, b.data, cut, &answer);

		/* The abort is known at the end of its header. */
		if (cut >= b.len - 3) {
			assert_int_equal(outcome, ADMIT_REFUSE);
		} else {
			struct admit_walk w = admit_walk_on(a);

			assert_int_equal(outcome, ADMIT_READY);
			assert_false(admit_walk_aborts(
				&w, 1, b.data + cut, b.len - 4 - cut));
			assert_true(admit_walk_aborts(
				&w, 1, b.data + b.len - 4, 1));
		}
		buffer_release(&answer);
		admit_free(a);
	}
	buffer_release(&b);
}

/* Not a test: "bench" as argument prints what a head costs. */
static int bench(void)
{
	enum { ROUNDS = 100000 };
	struct buffer b = BUFFER_INIT;
	struct buffer answer = BUFFER_INIT;

	write_usual_head(&b);
	int64_t begin = now_ns();
	for (int i = 0; i < ROUNDS; i++) {
		struct admit *a = admit_new();

		if (!a || admit_feed(a, b.data, b.len, &answer) != ADMIT_READY)
			return 1;
		admit_free(a);
	}
	printf("%.2f us a head of %zu bytes\n",
		(double)(now_ns() - begin) / 1e3 / ROUNDS, b.len);
	buffer_release(&b);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals_stay_as_they_were),
		cmocka_unit_test(the_self_test_passes_and_leaves_no_descriptor),
		cmocka_unit_test(the_self_test_tells_of_a_limit_on_files),
		cmocka_unit_test(whole_heads_are_admitted),
		cmocka_unit_test(what_follows_the_head_is_passed_over),
		cmocka_unit_test(half_a_head_waits_for_more),
		cmocka_unit_test(what_is_no_fastcgi_is_refused_in_silence),
		cmocka_unit_test(other_roles_and_requests_are_answered),
		cmocka_unit_test(parameters_that_lie_are_refused),
		cmocka_unit_test(values_are_answered_before_a_request),
		cmocka_unit_test(a_head_may_be_large_but_not_endless),
		cmocka_unit_test(management_records_are_not_endless_either),
		cmocka_unit_test(the_id_and_the_wish_to_keep_are_told),
		cmocka_unit_test(libfcgi_sees_what_a_plain_walk_sees),
		cmocka_unit_test(random_bytes_do_no_harm),
		cmocka_unit_test(without_a_descriptor_the_request_is_refused),
		cmocka_unit_test(what_a_request_keeps_is_small),
		cmocka_unit_test(a_walk_ends_with_the_abort_of_its_request),
		cmocka_unit_test(a_walk_goes_on_where_the_head_ended),
	};

	if (argc > 1 && strcmp(argv[1], "bench") == 0)
		return bench();
	return cmocka_run_group_tests(tests, choose_seed, NULL);
}
