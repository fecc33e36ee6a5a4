/*
 * bench [-q] [-r ROUNDS] [-n CLIENTS] [-o FOLDER] [-b BUILD] [PART]...:
 * measures ssetail as it was built in BUILD (build), all parts or those that
 * are named.
 *
 *   -q  with few clients and rounds: whether it works, not how fast it is
 *   -r  so many rounds of what is taken in turns (15)
 *   -n  never more clients than that
 *   -o  where the figures are kept (BUILD/bench); see report.h
 *
 * Ends with 1 when a figure misses what it must reach, or a part failed.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/contest.h"
#include "tests/bench/die.h"
#include "tests/bench/gauge.h"
#include "tests/bench/machine.h"
#include "tests/bench/parts.h"
#include "tests/bench/report.h"

#define INOTIFY_INSTANCES 8	/* more than any part needs */
#define DESCRIPTORS	  65536 /* as many as root may have, 3 a client */

static const struct part {
	const char *name;
	void (*run)(const struct bench *b);
} parts[] = {
	{ "delivery", part_delivery },
	{ "latency", part_latency },
	{ "memory", part_memory },
	{ "calls", part_calls },
	{ "idle", part_idle },
	{ "catchup", part_catchup },
	{ "storm", part_storm },
	{ "history", part_history },
	{ "single", part_single },
	{ "pipe", part_pipe },
	{ "scale", part_scale },
	{ "servers", part_servers },
	{ "nchan", part_nchan },
	{ "php", part_php },
	{ "tail", part_tail },
	{ "cgi", part_cgi },
};

enum { PARTS = sizeof(parts) / sizeof(*parts), PATH = 512 };

/* What a process that ran a part ends with. */
enum { FINE, FAILED, MISSED };

size_t bench_clients(const struct bench *b, size_t wanted)
{
	return wanted < b->clients_max ? wanted : b->clients_max;
}

size_t bench_choose(const struct bench *b, size_t full, size_t quick)
{
	return b->quick ? quick : full;
}

static int run_part(
	const struct part *part, const struct bench *b, const char *folder)
{
	double begun = now_ns();
	pid_t pid;
	int status;

	if (!has_inotify(INOTIFY_INSTANCES))
		die("others of this user have taken every instance of inotify: "
		    "fs.inotify.max_user_instances");
	pid = fork();

	if (pid < 0)
		die_errno("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		signal(SIGINT, SIG_DFL);
		report_continue(folder);
		part->run(b);
		exit(report_missed() ? MISSED : FINE);
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) > MISSED)
		exit(1); /* interrupted */
	printf("  %s: %.0f s\n", part->name, (now_ns() - begun) / 1e9);
	if (WEXITSTATUS(status) == FAILED)
		printf("  %s: failed\n", part->name);
	fflush(stdout);
	return WEXITSTATUS(status);
}

static bool is_wanted(const struct part *part, char **names, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], part->name) == 0)
			return true;
	return count == 0;
}

static void check_names(char **names, int count)
{
	for (int i = 0; i < count; i++) {
		size_t j = 0;

		while (j < PARTS && strcmp(names[i], parts[j].name) != 0)
			j++;
		if (j < PARTS)
			continue;
		fprintf(stderr, "bench: %s: the parts are:", names[i]);
		for (j = 0; j < PARTS; j++)
			fprintf(stderr, " %s", parts[j].name);
		fputc('\n', stderr);
		exit(64);
	}
}

static size_t number(const char *text, size_t max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (n == 0 || n > max || *end)
		die("%s: not a number from 1 to %zu", text, max);
	return n;
}

static const char *how_text(const struct bench *b)
{
	static char text[80];

	snprintf(text, sizeof(text), "%s, %zu rounds in turns",
		b->quick ? "a quick run" : "a full run", b->rounds);
	return text;
}

int main(int argc, char **argv)
{
	struct bench b = { .build = "build", .clients_max = 1000000 };
	const char *out = NULL;
	char program[PATH], folder[PATH];
	bool fine = true;
	int c;

	while ((c = getopt(argc, argv, "qr:n:o:b:")) != -1) {
		if (c == 'q')
			b.quick = true;
		else if (c == 'r')
			b.rounds = number(optarg, CONTEST_ROUNDS_MAX);
		else if (c == 'n')
			b.clients_max = number(optarg, b.clients_max);
		else if (c == 'o')
			out = optarg;
		else if (c == 'b')
			b.build = optarg;
		else
			return 64;
	}
	check_names(argv + optind, argc - optind);
	if (!b.rounds)
		b.rounds = bench_choose(&b, 15, 5);
	if (b.quick)
		b.clients_max = bench_clients(&b, 200);
	snprintf(program, sizeof(program), "%s/ssetail.fcgi", b.build);
	snprintf(folder, sizeof(folder), "%s/bench", b.build);
	b.program = program;
	want_descriptors(DESCRIPTORS);
	signal(SIGINT, SIG_IGN); /* the part ends, and then we do */
	report_begin(out ? out : folder, how_text(&b));
	for (size_t i = 0; i < PARTS; i++)
		if (is_wanted(&parts[i], argv + optind, argc - optind))
			fine &= run_part(&parts[i], &b, out ? out : folder) ==
				FINE;
	report_end(out ? out : folder);
	return fine ? 0 : 1;
}
