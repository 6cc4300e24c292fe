#include "stat/plot.h"

#include <time.h>

#include "stat/panel.h"
#include "tap.h"

#define START INT64_C(1795420800000)

static void
add(struct history *h, int64_t at, const char *name, double min, double avg, double max)
{
	struct record r = { .at = START + at, .name = slice_of(name), .f = { 60, min, avg, max, avg } };

	EQ(history_add(h, &r), 0);
}

/* Ten hours of a metric that never rests. */
static void
ten_hours(struct history *h, const char *name)
{
	unsigned x = 12345;

	for (int i = 0; i < 600; i++) {
		double v;

		x = x * 1103515245 + 12345;
		v = 1e7 + (double)(x >> 8);
		add(h, i * 60000, name, v * 0.5, v, v * 1.7);
	}
}

/* The document as a string, the caller's to free; "" on failure. */
static char *
draw(const struct history *h, const char *title)
{
	struct buf b;

	setenv("TZ", "UTC", 1);
	tzset();
	buf_init(&b, 0);
	if (plot_svg(h, title, &b) != 0)
		buf_clear(&b);
	buf_putc(&b, '\0');
	return b.p;
}

static int
count(const char *text, const char *what)
{
	int n = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		n++;
	return n;
}

TEST(what_a_panel_says)
{
	struct history h;
	char *svg;

	history_init(&h, 10);
	add(&h, 0, "svc.gc", 1048576, 2097152, 3145728);
	add(&h, 60000, "svc.gc", 1048576, 2097152, 47185920);
	add(&h, 120000, "svc.gc", 524288, 2097152, 3145728);
	add(&h, 120000, "svc.co", 1, 2, 3);
	svg = draw(&h, "a & b <c>");
	OK(strstr(svg, "a &amp; b &lt;c&gt;</text>") != NULL);
	OK(strstr(svg, "<tspan class=\"b\">svc.gc</tspan>  MiB</text>") != NULL);
	OK(strstr(svg, ">min 0.50    avg 2    max 45 MiB at 08:01:00    3 minutes, a point every minute</text>") != NULL);
	OK(strstr(svg, ">2 MiB</text>") != NULL);
	OK(strstr(svg, ">08:01:00</text>") != NULL);
	OK(strstr(svg, "Mon 23 Nov 2026, 08:00:00 to 08:02:00 UTC") != NULL);
	EQ(count(svg, "<circle"), 2);
	EQ(count(svg, "<svg"), 1);
	EQ(count(svg, "</svg>\n"), 1);
	free(svg);
	history_fini(&h);
}

TEST(ten_hours_take_less_than_50_kilobytes)
{
	static const char *const names[] = { "a.gc", "b.gc", "c.gc", "d.gc", "e.gc", "f.gc", "g.gc" };
	struct history h;

	history_init(&h, 10);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *svg;

		ten_hours(&h, names[i]);
		svg = draw(&h, "load");
		OK(strlen(svg) < 50000);
		EQ(count(svg, "<circle"), (int)i + 1);
		free(svg);
	}
	history_fini(&h);
}

/* A spike of one point in four thousand reaches the top of its panel: in tenths of a pixel the band begins near y = 0. */
TEST(a_spike_is_never_lost)
{
	struct history h;
	char *svg;
	int top = 10000, y = 0;
	const char *p;

	history_init(&h, 10);
	for (int i = 0; i < 4000; i++)
		add(&h, i * 1000, "a", 1, 1, i == 2222 ? 100 : 2);
	svg = draw(&h, NULL);
	p = strstr(svg, " d=\"M0 ");
	p = p != NULL ? strstr(p, "stroke-width=\"7\" d=\"M") : NULL;
	OK(p != NULL);
	if (p != NULL) {
		char *end;

		p += strlen("stroke-width=\"7\" d=\"M");
		(void)strtol(p, &end, 10);
		top = y = (int)strtol(end, &end, 10);
		EQ(*end, 'l');
		for (end++; *end != 'z' && *end != '"';) {
			(void)strtol(end, &end, 10);
			y += (int)strtol(end, &end, 10);
			top = y < top ? y : top;
		}
	}
	OK(top > 0 && top < 300);
	free(svg);
	history_fini(&h);
}

TEST(nothing_one_point_and_a_level)
{
	struct history h;
	char *svg;

	history_init(&h, 10);
	svg = draw(&h, "t");
	OK(strstr(svg, "nothing was recorded") != NULL);
	free(svg);
	add(&h, 0, "a", 0, 0, 0);
	svg = draw(&h, "t");
	OK(strstr(svg, "nan") == NULL && strstr(svg, "inf") == NULL && strstr(svg, "-2147483648") == NULL);
	free(svg);
	for (int i = 1; i < 600; i++)
		add(&h, i * 1000, "a", 0, 0, 0);
	svg = draw(&h, "t");
	OK(strlen(svg) < 3500);
	free(svg);
	history_fini(&h);
}

TEST(where_nothing_was_heard_there_is_a_gap)
{
	struct history h;
	char *svg;

	history_init(&h, 10);
	for (int i = 0; i < 100; i++)
		add(&h, (i < 50 ? i : i + 500) * 60000, "a", i, i, i);
	svg = draw(&h, "t");
	OK(strstr(svg, "zM") != NULL);
	free(svg);
	history_fini(&h);
}

TEST(extreme_values)
{
	struct history h;
	char *svg;

	history_init(&h, 10);
	add(&h, 0, "a.gc", -1e100, 0, 1e100);
	add(&h, 1000, "a.gc", -1e-100, 0, 1e-100);
	svg = draw(&h, "t");
	OK(strstr(svg, "nan") == NULL && strstr(svg, "inf") == NULL && strstr(svg, "-2147483648") == NULL);
	free(svg);
	history_fini(&h);
}

TEST(a_title_may_be_anything)
{
	static const struct {
		const char *title, *want;
	} rows[] = {
		{ "caf\xc3\xa9 \xe2\x82\xac", ">caf\xc3\xa9 \xe2\x82\xac</text>" }, { "a\xff\xfe", ">a?" "?</text>" }, { "\x1b[31m\n", ">?[31m?</text>" },
		{ "\xed\xa0\x80", ">??" "?</text>" }, { "\xef\xbf\xbf", ">??" "?</text>" }, { "\xc2\x9b", ">?</text>" }, { "\xe2\x82", ">?" "?</text>" },
		{ "12345678901234567890123456789012345678901234567890", ">12345678901234567890123456789012345678901234...</text>" },
	};
	struct history h;

	history_init(&h, 10);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *svg = draw(&h, rows[i].title);

		OK(strstr(svg, rows[i].want) != NULL);
		free(svg);
	}
	history_fini(&h);
}

TEST(panels_are_bounded)
{
	struct history h;
	struct layout l;
	char name[16];

	history_init(&h, 100);
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		add(&h, i, name, 1, 1, 1);
	}
	EQ(layout_init(&l, &h, NULL, PLOT_PANELS), 0);
	EQ(l.n, PLOT_PANELS);
	EQ(l.left_out, 6);
	layout_fini(&l);
	history_fini(&h);
}

TEST(out_of_memory)
{
	struct history h;
	struct buf b;
	long n;

	history_init(&h, 10);
	ten_hours(&h, "a");
	for (n = 1; n < 100; n++) {
		int r;

		buf_init(&b, 0);
		alloc_fail_at(n);
		r = plot_svg(&h, "t", &b);
		alloc_fail_at(0);
		buf_fini(&b);
		if (r == 0)
			break;
	}
	OK(n > 5 && n < 100);
	history_fini(&h);
}

/* How many pieces the path has whose description begins so. */
static int
runs(const char *svg, const char *begin)
{
	const char *d = strstr(svg, begin);
	int n = 0;

	for (d = d != NULL ? d + strlen(begin) : ""; *d != '\0' && *d != '"'; d++)
		n += *d == 'M';
	return n;
}

TEST(what_was_joined_is_no_gap)
{
	struct history h;
	char *svg;

	history_init(&h, 10);
	/* so many that history and columns join them to points that are minutes apart */
	for (int i = 0; i < 100000; i++)
		add(&h, i * 1000, "a", 1, 2, 3);
	svg = draw(&h, NULL);
	/* one run of the band, one of the line: it begins with M */
	EQ(runs(svg, "stroke-width=\"7\" d=\""), 1);
	EQ(runs(svg, "stroke-width=\"15\" d=\""), 1);
	free(svg);
	history_fini(&h);
}

TEST(whole_numbers_have_whole_rules)
{
	struct history h;
	char *svg;

	history_init(&h, 10);
	add(&h, 0, "ready", 0, 1, 1);
	add(&h, 1000, "ready", 0, 0, 1);
	svg = draw(&h, NULL);
	OK(strstr(svg, ">0.5</text>") == NULL);
	OK(strstr(svg, ">1</text>") != NULL);
	free(svg);
	history_fini(&h);
}

TEST(a_legend)
{
	struct history h;
	char *svg;

	history_init(&h, 10);
	svg = draw(&h, NULL);
	OK(strstr(svg, "minimum to maximum") == NULL);
	free(svg);
	add(&h, 0, "a", 1, 2, 3);
	svg = draw(&h, NULL);
	OK(strstr(svg, ">average, in the band from minimum to maximum</text>") != NULL);
	free(svg);
	history_fini(&h);
}

MAIN(RUN(what_a_panel_says), RUN(ten_hours_take_less_than_50_kilobytes), RUN(a_spike_is_never_lost), RUN(nothing_one_point_and_a_level),
    RUN(where_nothing_was_heard_there_is_a_gap), RUN(extreme_values), RUN(a_title_may_be_anything), RUN(panels_are_bounded), RUN(out_of_memory),
    RUN(what_was_joined_is_no_gap), RUN(whole_numbers_have_whole_rules), RUN(a_legend))
