/* The doctor on a terminal, `ssetail.cgi --doctor`, at deployments of every
 * kind. */
#include "tests/lib/test.h"

#include <string.h>

#include "tests/lib/deployment.h"
#include "tests/lib/process.h"

/* At a time: they mostly wait. */
#define WORKERS 10

static const char *examine(const char *url, const char *header)
{
	const char *program = process_program("ssetail.cgi");
	struct process *p =
		header ? process_run(program, "--doctor", url, "--", "-H",
				 header, NULL)
		       : process_run(program, "--doctor", url, NULL);
	int code = process_exit_code(p);
	const char *said = process_output(p);

	/* A script asks for no more than the exit code. */
	assert_int_equal(code == 0, strncmp(said, "Nothing is wrong.",
					    strlen("Nothing is wrong.")) == 0);
	return said;
}

int main(void)
{
	return deployment_run(
		&(struct deployment_doctor){ .examine = examine }, WORKERS);
}
