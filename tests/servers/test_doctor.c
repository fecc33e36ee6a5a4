/* The doctor on a terminal, `ssetail.cgi --doctor`, at deployments of every
 * kind. */
#include "tests/lib/test.h"

#include <string.h>

#include "tests/lib/deployment.h"
#include "tests/lib/examine.h"

/* All at a time: they mostly wait. */
#define WORKERS 42

static const char *look_at(const char *url, const char *header)
{
	const char *const options[] = { "-H", header, NULL };
	struct process *p = examine(url, header ? options : NULL);
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
		&(struct deployment_doctor){ .examine = look_at }, WORKERS);
}
