/*
 * cgi: what a client costs where it has a process of its own: the time from
 * exec to the first byte, and memory, beside a C program that prints one line
 * (beside/bare.c). So many of both stay, while one more of each starts in
 * turns, all on one CPU.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/die.h"
#include "tests/bench/folder.h"
#include "tests/bench/gauge.h"
#include "tests/bench/machine.h"
#include "tests/bench/parts.h"
#include "tests/bench/report.h"
#include "tests/lib/ask.h"

#define LAPS	     3	/* each begins with none */
#define STARTS	     25 /* a lap, of each */
#define STARTS_MAX   (LAPS * STARTS)
#define VARIABLES    32
#define SETTLE_MS    100
#define RATIO_MAX    2.0
#define KB_MAX	     250 /* PSS */
#define KB_PROCESSES 100 /* of so many */

enum { OURS, BARE, KINDS };

struct process {
	pid_t pid;
	int out;
	double first_ns; /* from exec to its first byte, */
	double cpu_ns;	 /* and of that on a CPU, fork included */
};

static char programs[KINDS][512];
static const char *environment[VARIABLES + 2];

/* ---- a process */

static void prepare(const struct bench *b)
{
	static struct bytes variables, config;
	const struct ask ask = { .path = "/log", .query = "tail=0" };
	const char *variable = NULL;
	size_t count = 0;

	snprintf(programs[OURS], sizeof(*programs), "%s/ssetail.cgi", b->build);
	snprintf(programs[BARE], sizeof(*programs),
		"%s/tests/bench/beside/bare", b->build);
	bytes_add_format(&config, "SSETAIL_CONF=%s",
		folder_write("cgi.conf",
			"%ssources = ({ name = \"log\"; path = \"%s\"; });\n",
			gauge_setting(), folder_write("log", "%s", "")));
	ask_variables(&variables, &ask);
	while (count < VARIABLES && (variable = ask_next(&variables, variable)))
		environment[count++] = variable;
	environment[count] = config.data;
}

/* In the memory of both, until the child is another program (vfork(2)). */
static volatile double exec_ns;

static _Noreturn void become(const char *program, int out, int nothing)
{
	const char *const argv[] = { program, NULL };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(nothing, 0);
	dup2(out, 1);
	dup2(nothing, 2);
	exec_ns = now_ns();
	execve(program, (char *const *)argv, (char *const *)environment);
	_exit(127);
}

/* Returns when its first byte is there. */
static struct process start(int kind)
{
	static int nothing = -1;
	struct process p;
	char bytes[4096];
	int ends[2];

	if (nothing < 0)
		nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (pipe2(ends, O_CLOEXEC) < 0)
		die_errno("pipe");
	p = (struct process){ .pid = vfork(), .out = ends[0] };
	if (p.pid < 0)
		die_errno("fork");
	if (p.pid == 0)
		become(programs[kind], ends[1], nothing);
	close(ends[1]);
	if (read(p.out, bytes, sizeof(bytes)) <= 0)
		die("%s says nothing", programs[kind]);
	p.first_ns = now_ns() - exec_ns;
	p.cpu_ns = (double)cpu_ns(p.pid);
	return p;
}

static void stop(const struct process *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	close(p->out);
}

/* ---- a lap */

static double first_ns[KINDS][STARTS_MAX];
static double first_cpu_ns[KINDS][STARTS_MAX];
static double pss[KINDS][LAPS];

static struct process *start_all(int kind, size_t count)
{
	struct process *all = calloc(count, sizeof(*all));

	if (!all)
		die_errno("memory");
	for (size_t i = 0; i < count; i++)
		all[i] = start(kind);
	return all;
}

static double pss_of(const struct process *all, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += (double)pss_bytes(all[i].pid);
	return sum / (double)count;
}

static void take_lap(size_t processes, size_t lap)
{
	struct process *all[KINDS];

	for (int kind = 0; kind < KINDS; kind++)
		all[kind] = start_all(kind, processes);
	sleep_ms(SETTLE_MS);
	for (int kind = 0; kind < KINDS; kind++)
		pss[kind][lap] = pss_of(all[kind], processes);
	for (size_t i = 0; i < STARTS; i++)
		for (int kind = 0; kind < KINDS; kind++) {
			struct process p = start(kind);

			first_ns[kind][lap * STARTS + i] = p.first_ns;
			first_cpu_ns[kind][lap * STARTS + i] = p.cpu_ns;
			stop(&p);
		}
	for (int kind = 0; kind < KINDS; kind++) {
		for (size_t i = 0; i < processes; i++)
			stop(&all[kind][i]);
		free(all[kind]);
	}
}

/* ---- what comes of it */

static struct spread spread_in(
	const double *figures, size_t count, double factor)
{
	double copy[STARTS_MAX];

	memcpy(copy, figures, count * sizeof(*copy));
	return spread_scaled(spread_of(copy, count), factor);
}

static void report_time(const char *name, size_t processes, size_t count,
	double times[KINDS][STARTS_MAX], bool judged)
{
	struct spread ours = spread_in(times[OURS], count, 1e-3);
	struct spread bare = spread_in(times[BARE], count, 1e-3);
	char what[64], chart[64];

	snprintf(what, sizeof(what), "%s, beside %zu", name, processes);
	report_row(&(struct report_row){
		.what = what,
		.unit = "us",
		.ours = ours,
		.beside = "bare C",
		.theirs = bare,
		.ratio = spread_of_ratios(times[OURS], times[BARE], count),
		.judged = judged ? JUDGE_RATIO : JUDGE_NOTHING,
		.at_most = RATIO_MAX,
		.is_detail = !judged,
	});
	snprintf(chart, sizeof(chart), "CGI, %s in us", name);
	report_point(chart, "ssetail.cgi", (double)processes, ours);
	report_point(chart, "bare C", (double)processes, bare);
}

static void report_first(size_t processes, size_t count)
{
	report_time("exec to first byte", processes, count, first_ns, true);
	report_time("CPU to first byte", processes, count, first_cpu_ns, false);
}

static void report_pss(size_t processes, size_t laps)
{
	struct spread ours = spread_in(pss[OURS], laps, 1 / 1024.0);
	struct spread bare = spread_in(pss[BARE], laps, 1 / 1024.0);
	char what[64];

	snprintf(what, sizeof(what), "PSS a process, of %zu", processes);
	report_row(&(struct report_row){
		.what = what,
		.unit = "KB",
		.ours = ours,
		.beside = "bare C",
		.theirs = bare,
		.ratio = spread_of_ratios(pss[OURS], pss[BARE], laps),
		.judged =
			processes == KB_PROCESSES ? JUDGE_OURS : JUDGE_NOTHING,
		.at_most = KB_MAX,
		.gates = true,
	});
	report_point("CGI, PSS a process in KB", "ssetail.cgi",
		(double)processes, ours);
	report_point(
		"CGI, PSS a process in KB", "bare C", (double)processes, bare);
}

void part_cgi(const struct bench *b)
{
	static const size_t sizes[] = { 1, 100, 1000 };
	size_t laps = b->rounds < LAPS ? b->rounds : LAPS;

	prepare(b);
	pin_sender(0);
	report_title("CGI: a process for each client");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t processes = bench_clients(b, sizes[i]);

		for (size_t lap = 0; lap < laps; lap++)
			take_lap(processes, lap);
		report_first(processes, laps * STARTS);
		report_pss(processes, laps);
		if (processes < sizes[i])
			break;
	}
	unpin();
}
