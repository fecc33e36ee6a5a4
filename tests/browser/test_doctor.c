/* The doctor's page, in a real browser, at deployments of every kind. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/deployment.h"
#include "tests/lib/webdriver.h"

/* At a time: they mostly wait. */
#define WORKERS 12

/* When it is done, or some seconds later: a page that is asked all the time
 * has no time to measure. */
#define DONE                                                                   \
	"new Promise((resolve) => {\n"                                         \
	"	const done = () => "                                                 \
	"!document.getElementById('again').disabled;\n"                        \
	"	const timer = setInterval(() => {\n"                                 \
	"		if (done())\n"                                                      \
	"			resolve(true);\n"                                                  \
	"	}, 100);\n"                                                          \
	"	setTimeout(() => {\n"                                                \
	"		clearInterval(timer);\n"                                            \
	"		resolve(done());\n"                                                 \
	"	}, 5000);\n"                                                         \
	"})"

/* As the judge has written it. */
#define SAID                                                                   \
	"[document.getElementById('verdict').textContent,\n"                   \
	"	...[...document.getElementById('answer').children].map(\n"           \
	"		(item) => item.tagName === 'PRE' ?\n"                               \
	"			item.textContent.replace(/^/gm, '    ') :\n"                       \
	"			item.textContent)].join('\\n\\n')"

static void open_browser(void)
{
	webdriver_open();
}

/* As if its user had logged in before. */
static void send(const char *header)
{
	const char *value = strchr(header, ':') + 2;
	char fields[256];

	snprintf(fields, sizeof(fields), "{\"headers\":{\"%.*s\":\"%s\"}}",
		(int)(value - header - 2), header, value);
	webdriver_devtools("Network.enable", "{}");
	webdriver_devtools("Network.setExtraHTTPHeaders", fields);
}

static const char *examine(const char *url, const char *header)
{
	if (header)
		send(header);
	webdriver_go("%s?doctor", url);
	webdriver_wait(DONE);
	return webdriver_value(SAID);
}

int main(void)
{
	return deployment_run(&(struct deployment_doctor){ .is_costly = true,
				      .call = open_browser,
				      .examine = examine },
		WORKERS);
}
