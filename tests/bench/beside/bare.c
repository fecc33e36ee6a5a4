/*
 * bare: the least that a CGI program can be: prints one line, and stays until
 * nobody reads it any more.
 */
#include <poll.h>
#include <stdio.h>

int main(void)
{
	struct pollfd reader = { .fd = 1 };

	fputs("Content-Type: text/event-stream\r\n", stdout);
	fflush(stdout);
	poll(&reader, 1, -1);
	return 0;
}
