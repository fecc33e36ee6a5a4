/* Pages: the viewer with its worker, the doctor with its judgement. */
#include "common/hub_inside.h"

#include "common/cure.h"
#include "common/doctor.h"
#include "common/page.h"
#include "common/place.h"
#include "common/viewer.h"

/* Is the bare MOUNT asked for, to be looked at? */
static bool is_for_page(const struct hub_view *v, const struct request *request)
{
	struct route route;

	return request->wants_html && !hub_asks_for_no_source(request) &&
	       request->source_count == 0 &&
	       hub_take_script_name(v, request, &route) == ACCESS_HIDDEN;
}

static void list_source(struct buffer *list, const struct source_config *config)
{
	static const char *const types[] = {
		[SOURCE_FILE] = "file",
		[SOURCE_FIFO] = "fifo",
		[SOURCE_CLOCK] = "clock",
	};
	/* A clock has no past. */
	bool has_past = config->type != SOURCE_CLOCK;

	viewer_list_source(list, config->name, place_source_tag(config->name),
		types[config->type], has_past ? config->history : 0,
		has_past ? config->history_max : 0);
}

/* Also for a visitor who may read nothing: a page without sources says no
 * more than that this program is here, as the 404 does. */
static void add_page(
	const struct hub_view *v, struct buffer *answer, bool with_body)
{
	struct buffer list = BUFFER_INIT;
	char nonce[PAGE_NONCE_LEN + 1];

	for (size_t i = 0; i < v->hub->source_count; i++)
		if (hub_decide(v, v->hub->sources[i]) == ACCESS_GRANTED)
			list_source(&list, v->hub->sources[i]->config);
	page_make_nonce(nonce);
	viewer_add_page(
		answer, &list, nonce, v->hub->config->doctor, with_body);
	buffer_release(&list);
}

bool hub_answer_viewer(const struct hub_view *v, enum request_outcome outcome,
	const struct request *request, struct buffer *answer)
{
	bool with_body = request->method == REQUEST_GET;

	if (outcome != REQUEST_OK || request->method == REQUEST_OTHER)
		return false;
	if (request->wants_worker && request->source_count == 0 &&
		!hub_asks_for_no_source(request))
		viewer_add_worker(answer, with_body);
	else if (is_for_page(v, request))
		add_page(v, answer, with_body);
	else
		return false;
	return true;
}

bool hub_answer_doctor(const struct hub *h, enum request_outcome outcome,
	const struct request *request, struct buffer *answer)
{
	const struct doctor_host host = {
		.software = cure_software(request->server_software),
		.is_cgi = h->is_cgi,
		.is_forwarded = request->is_forwarded,
		.heartbeat_s = h->config->heartbeat_s,
	};
	bool with_body = request->method == REQUEST_GET;
	char nonce[PAGE_NONCE_LEN + 1];

	if (outcome != REQUEST_OK || request->method == REQUEST_OTHER ||
		!h->config->doctor)
		return false;
	if (request->doctor == REQUEST_DOCTOR_PAGE) {
		page_make_nonce(nonce);
		doctor_add_page(
			answer, h->config->heartbeat_s, nonce, with_body);
		return true;
	}
	if (request->doctor != REQUEST_DOCTOR_JUDGE)
		return false;
	doctor_add_judgement(answer, &request->measurement, &host, with_body);
	return true;
}
