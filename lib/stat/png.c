/*
 * A script for gnuplot with the data inside, through a pipe. Places and texts are those of the SVG; every text of
 * ours is written so that gnuplot takes nothing in it for its own.
 */
#include "stat/plot.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stat/number.h"
#include "stat/panel.h"

enum { WIDTH = PICTURE_WIDTH, LEFT = PICTURE_LEFT, RIGHT = PICTURE_RIGHT, MARGIN = PICTURE_MARGIN };

struct script {
	struct buf *b;
	const struct layout *l;
};

/* In single quotes nothing is special but the quote, which is doubled; `noenhanced` labels leave the rest alone. */
static void
put_quoted(struct buf *b, const char *s)
{
	buf_putc(b, '\'');
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			buf_putc(b, '\'');
		buf_putc(b, *s);
	}
	buf_putc(b, '\'');
}

static void
put_number(struct buf *b, double v)
{
	char text[NUMBER_STRLEN];

	buf_put(b, text, number_format(v, text, sizeof(text)));
}

/* `text` at pixels from the upper left corner; `font`: what follows its name. */
static void
put_label(const struct script *s, int x, int y, const char *align, const char *colour, const char *font,
    const char *text)
{
	buf_puts(s->b, "set label ");
	put_quoted(s->b, text);
	buf_printf(s->b, " noenhanced at screen %d./%d, screen 1-%d./%d %s textcolor rgb '%s' font 'DejaVu Sans%s'\n", x,
	    WIDTH, y, s->l->height, align, colour, font);
}

/* ms since the start: small numbers keep their digits. */
static void
put_data(const struct script *s, size_t i)
{
	const struct track *t = s->l->panels[i].track;

	buf_printf(s->b, "$d%zu << END\n", i);
	for (size_t k = 0; k < t->n; k++) {
		const struct point *p = &t->points[k];
		const double columns[] = { (double)(p->at - s->l->from), p->min, track_point_mean(t, p), p->max };

		if (k > 0 && panel_gap(&s->l->panels[i], t->points[k - 1].at, p->at))
			buf_putc(s->b, '\n');
		for (size_t c = 0; c < 4; c++) {
			if (c > 0)
				buf_putc(s->b, ' ');
			put_number(s->b, columns[c]);
		}
		buf_putc(s->b, '\n');
	}
	buf_puts(s->b, "END\n");
}

static void
put_ytics(const struct script *s, const struct panel *p)
{
	char text[AXIS_TEXT];
	const char *comma = "";

	buf_puts(s->b, "set ytics (");
	for (double k = ceil(p->low / p->step); k * p->step <= p->high; k++) {
		panel_number(p, k * p->step, text);
		buf_puts(s->b, comma);
		put_quoted(s->b, text);
		buf_putc(s->b, ' ');
		put_number(s->b, k * p->step);
		comma = ", ";
	}
	buf_puts(s->b, ")\nset yrange [");
	put_number(s->b, p->low);
	buf_putc(s->b, ':');
	put_number(s->b, p->high);
	buf_puts(s->b, "]\n");
}

static void
put_xtics(const struct script *s, bool labels)
{
	buf_puts(s->b, "set xtics (");
	for (size_t i = 0; i < s->l->nticks; i++) {
		buf_puts(s->b, i > 0 ? ", " : "");
		put_quoted(s->b, labels ? s->l->ticks[i].label : "");
		buf_putc(s->b, ' ');
		put_number(s->b, (double)(s->l->ticks[i].at - s->l->from));
	}
	buf_puts(s->b, ")\n");
}

static void
put_legend(const struct script *s)
{
	int y = s->l->height - PICTURE_LEGEND;

	buf_printf(s->b, "set object 1 rectangle from screen %d./%d, screen 1-%d./%d to screen %d./%d, screen 1-%d./%d"
	    " fillcolor rgb '" PICTURE_LEGEND_BAND "' fillstyle solid 1.0 noborder\n", LEFT, WIDTH, y, s->l->height,
	    LEFT + PICTURE_SWATCH, WIDTH, y - 10, s->l->height);
	buf_printf(s->b, "set arrow 1 from screen %d./%d, screen 1-%d./%d to screen %d./%d, screen 1-%d./%d nohead"
	    " linewidth 1.5 linecolor rgb '" PICTURE_LEGEND_LINE "'\n", LEFT, WIDTH, y - 5, s->l->height,
	    LEFT + PICTURE_SWATCH, WIDTH, y - 5, s->l->height);
	put_label(s, LEFT + PICTURE_SWATCH + 8, y - 5, "left", PICTURE_LEGEND_LINE, ",9", PICTURE_LEGEND_TEXT);
}

static void
put_panel(const struct script *s, size_t i)
{
	const struct panel *p = &s->l->panels[i];
	const char *line = panel_colour(i), *band = panel_band(i);
	char name[PANEL_NAME + 16];
	double last = (p->high - p->track->last) / (p->high - p->low);
	int top = layout_top(s->l, i), last_y = top + (int)(last * s->l->each);

	put_ytics(s, p);
	put_xtics(s, i + 1 == s->l->n);
	buf_printf(s->b, "set tmargin at screen 1-%d./%d\nset bmargin at screen 1-%d./%d\nunset label\n", top, s->l->height,
	    top + s->l->each, s->l->height);
	snprintf(name, sizeof(name), "%s  %s", p->name, p->unit.name);
	put_label(s, MARGIN, top - 16, "left", line, " Bold,9", name);
	put_label(s, WIDTH - MARGIN, top - 16, "right", "#69727d", ",9", p->figures);
	put_label(s, WIDTH - RIGHT + 8, last_y < top + 6 ? top + 6 : last_y, "left", line, " Bold,9", p->last);
	if (i == 0) {
		put_label(s, MARGIN, 26, "left", "#24292f", " Bold,15", s->l->title);
		put_label(s, WIDTH - MARGIN, 28, "right", "#69727d", ",9", s->l->title[0] != '\0' ? s->l->period : "");
	}
	if (i + 1 == s->l->n)
		put_legend(s);
	buf_puts(s->b, "set label '' at ");
	put_number(s->b, (double)(p->track->max_at - s->l->from));
	buf_puts(s->b, ", ");
	put_number(s->b, p->track->max);
	buf_printf(s->b, " point pointtype 7 pointsize 0.4 linecolor rgb '%s'\n", line);
	/* a spike narrower than a pixel fades from a fill: thin lines along its edges keep it */
	buf_printf(s->b, "plot $d%zu using 1:2:4 with filledcurves linecolor rgb '%s', ", i, band);
	buf_printf(s->b, "$d%zu using 1:4 with lines linewidth 0.7 linecolor rgb '%s', ", i, band);
	buf_printf(s->b, "$d%zu using 1:2 with lines linewidth 0.7 linecolor rgb '%s', ", i, band);
	buf_printf(s->b, "$d%zu using 1:3 with lines linewidth 1.5 linecolor rgb '%s'\n", i, line);
}

static void
put_script(const struct script *s, const char *path)
{
	buf_printf(s->b, "set terminal pngcairo size %d,%d fontscale 2 linewidth 2 pointscale 2 font 'DejaVu Sans,9'"
	    " background '#ffffff'\nset output ", 2 * WIDTH, 2 * s->l->height);
	put_quoted(s->b, path);
	buf_printf(s->b, "\nset border 1 linecolor rgb '#bfc5cc'\n"
	    "set tics nomirror out scale 0.4 textcolor rgb '#69727d'\nset ytics scale 0\n"
	    "set grid ytics back linecolor rgb '#e8ebef' linewidth 1 linetype 1\n"
	    "set style fill solid 1.0 noborder\nunset key\n"
	    "set lmargin at screen %d./%d\nset rmargin at screen 1-%d./%d\nset xrange [0:", LEFT, WIDTH, RIGHT, WIDTH);
	put_number(s->b, (double)(s->l->to - s->l->from));
	buf_puts(s->b, "]\n");
	for (size_t i = 0; i < s->l->n; i++)
		put_data(s, i);
	if (s->l->n == 0) {
		put_label(s, MARGIN, 26, "left", "#24292f", " Bold,12", "nothing was recorded");
		buf_puts(s->b, "unset border\nunset tics\nset yrange [0:1]\nset xrange [0:1]\nplot -1 notitle\n");
		return;
	}
	buf_puts(s->b, "set multiplot\n");
	for (size_t i = 0; i < s->l->n; i++)
		put_panel(s, i);
	buf_puts(s->b, "unset multiplot\n");
}

/* --- gnuplot --- */

static int
write_all(int fd, const struct buf *b)
{
	for (size_t done = 0; done < b->n;) {
		ssize_t n = write(fd, b->p + done, b->n - done);

		if (n == -1 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Starts gnuplot with its stdin at fd[0]; an errno. Its stdout is ours to keep clean. */
static int
start(const int fd[2], pid_t *pid)
{
	static char name[] = "gnuplot", dash[] = "-";
	char *argv[] = { name, dash, NULL };
	posix_spawn_file_actions_t actions;
	int r;

	if ((r = posix_spawn_file_actions_init(&actions)) != 0)
		return r;
	r = posix_spawn_file_actions_adddup2(&actions, fd[0], STDIN_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_addclose(&actions, fd[1]);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawnp(pid, name, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

static int
run(const struct buf *script)
{
	int fd[2], r, status = 0;
	pid_t pid;
	void (*before)(int);

	if (pipe(fd) != 0)
		return -1;
	if ((r = start(fd, &pid)) != 0) {
		close(fd[0]);
		close(fd[1]);
		errno = r;
		return -1;
	}
	close(fd[0]);
	/* it may end without having read all */
	before = signal(SIGPIPE, SIG_IGN);
	r = write_all(fd[1], script);
	close(fd[1]);
	signal(SIGPIPE, before);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	if (r == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	/* a spawn that only fails in the child */
	errno = WIFEXITED(status) && WEXITSTATUS(status) == 127 ? ENOENT : EIO;
	return -1;
}

int
plot_png(const struct history *h, const char *title, const char *path)
{
	struct layout l;
	struct buf b;
	struct script s = { .b = &b, .l = &l };
	int r = -1;

	if (layout_init(&l, h, title, PLOT_PANELS) != 0)
		return -1;
	buf_init(&b, 0);
	put_script(&s, path);
	if (b.failed)
		errno = ENOMEM;
	else
		r = run(&b);
	buf_fini(&b);
	layout_fini(&l);
	return r;
}
