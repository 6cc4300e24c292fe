#include "dns/rrloc.h"

/*
 * On the wire: version, size, horizontal and vertical precision, each of these a digit and a power of ten in
 * centimetres; latitude and longitude in thousandths of a second of arc, with 2^31 at the equator and in Greenwich;
 * altitude in centimetres above 100 km below the WGS 84 spheroid.
 */
enum { DEGREE = 3600000, MINUTE = 60000, SECOND = 1000 };

static const uint32_t middle = UINT32_C(1) << 31;
static const uint32_t ground = 10000000;

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t
distance(uint32_t a, uint32_t b)
{
	return a > b ? a - b : b - a;
}

bool
rrloc_has_text(const uint8_t *p)
{
	for (int i = 1; i < 4; i++)
		if (p[i] >> 4 > 9 || (p[i] & 15) > 9 || (p[i] >> 4 == 0 && p[i] != 0))
			return false;
	return p[0] == 0 && distance(get32(p + 4), middle) <= 90 * DEGREE && distance(get32(p + 8),
	    middle) <= 180 * DEGREE;
}

static void
put_angle(struct buf *b, uint32_t v, char above, char below)
{
	uint32_t angle = distance(v, middle), ms = angle % MINUTE;

	buf_putu(b, angle / DEGREE);
	buf_putc(b, ' ');
	buf_putu(b, angle % DEGREE / MINUTE);
	buf_putc(b, ' ');
	if (ms % SECOND == 0)
		buf_printf(b, "%u", ms / SECOND);
	else
		buf_printf(b, "%u.%03u", ms / SECOND, ms % SECOND);
	buf_putc(b, ' ');
	buf_putc(b, v >= middle ? above : below);
}

static void
put_metres(struct buf *b, uint64_t cm, const char *end)
{
	buf_putu(b, cm / 100);
	if (cm % 100 != 0)
		buf_printf(b, ".%02u", (unsigned)(cm % 100));
	buf_puts(b, end);
}

static uint64_t
size_cm(uint8_t v)
{
	uint64_t cm = v >> 4;

	for (int i = v & 15; i > 0; i--)
		cm *= 10;
	return cm;
}

void
rrloc_put(struct buf *b, const uint8_t *p)
{
	uint32_t altitude = get32(p + 12);

	put_angle(b, get32(p + 4), 'N', 'S');
	buf_puts(b, "  ");
	put_angle(b, get32(p + 8), 'E', 'W');
	buf_puts(b, altitude < ground ? "  -" : "  ");
	put_metres(b, distance(altitude, ground), "m  ");
	put_metres(b, size_cm(p[1]), "m ");
	put_metres(b, size_cm(p[2]), "m ");
	put_metres(b, size_cm(p[3]), "m");
}

/* --- from text --- */

/* A decimal number with at most `places` digits behind the point, as if it had none: 12.5 with 3 places is 12500. */
static int
parse_decimal(struct slice s, int places, uint64_t max, uint64_t *out)
{
	struct slice whole, part;
	uint64_t a, b = 0;

	slice_cut(s, '.', &whole, &part);
	if (part.n > (size_t)places || slice_u64(whole, max, &a) != 0 || (part.n > 0 && slice_u64(part, max, &b) != 0))
		return -1;
	for (int i = 0; i < places; i++)
		a *= 10;
	for (size_t i = part.n; i < (size_t)places; i++)
		b *= 10;
	if (a + b > max)
		return -1;
	*out = a + b;
	return 0;
}

static bool
is_letter(struct slice s, char c)
{
	return s.n == 1 && ascii_lower(s.p[0]) == ascii_lower(c);
}

/* D [M [S]] and a letter. */
static int
parse_angle(struct rrlex *l, uint32_t most, char above, char below, uint32_t *out, const char **why)
{
	static const uint32_t units[] = { DEGREE, MINUTE, SECOND };
	uint64_t angle = 0, v;
	struct slice word;
	int more;

	for (int i = 0; (more = rrlex_next(l, &word, why)) > 0; i++) {
		if (is_letter(word, above) || is_letter(word, below)) {
			if (i == 0 || angle > most)
				break;
			*out = is_letter(word, above) ? middle + (uint32_t)angle : middle - (uint32_t)angle;
			return 0;
		}
		if (i == 3 || parse_decimal(word, i == 2 ? 3 : 0, i == 0 ? 180 : i == 1 ? 59 : 59999, &v) != 0)
			break;
		angle += i == 2 ? v : v * units[i];
	}
	return more < 0 ? -1 : rrlex_bad(why, most == 90 * DEGREE ? "bad latitude" : "bad longitude");
}

/* Metres, with or without m, as centimetres. */
static int
parse_metres(struct slice s, uint64_t max, uint64_t *cm)
{
	if (s.n > 0 && ascii_lower(s.p[s.n - 1]) == 'm')
		s.n--;
	return parse_decimal(s, 2, max, cm);
}

static int
parse_altitude(struct rrlex *l, uint32_t *out, const char **why)
{
	struct slice word;
	bool below;
	uint64_t cm;
	int more = rrlex_next(l, &word, why);

	if (more <= 0)
		return more < 0 ? -1 : rrlex_bad(why, "a field is missing");
	below = word.n > 0 && word.p[0] == '-';
	if (below)
		word.p++, word.n--;
	if (parse_metres(word, below ? ground : UINT32_MAX - ground, &cm) != 0)
		return rrlex_bad(why, "bad altitude");
	*out = below ? ground - (uint32_t)cm : ground + (uint32_t)cm;
	return 0;
}

/* The first digit of that many centimetres, and how many follow it. */
static uint8_t
size_byte(uint64_t cm)
{
	unsigned power = 0;

	for (; cm >= 10; cm /= 10)
		power++;
	return cm > 0 ? (uint8_t)(cm << 4 | power) : 0;
}

/* Size and precisions: those that are not there are a metre, ten kilometres and ten metres. */
static int
parse_sizes(struct rrlex *l, uint8_t *sizes, const char **why)
{
	static const uint8_t otherwise[] = { 0x12, 0x16, 0x13 };
	struct slice word;
	uint64_t cm;
	int more = 1;

	for (int i = 0; i < 3; i++) {
		sizes[i] = otherwise[i];
		if (more > 0 && (more = rrlex_next(l, &word, why)) > 0) {
			if (parse_metres(word, UINT64_C(9999999999), &cm) != 0)
				return rrlex_bad(why, "bad size or precision");
			sizes[i] = size_byte(cm);
		}
	}
	return more < 0 ? -1 : 0;
}

int
rrloc_parse(struct rrlex *l, struct buf *wire, const char **why)
{
	uint32_t latitude, longitude, altitude;
	uint8_t sizes[3];

	if (parse_angle(l, 90 * DEGREE, 'N', 'S', &latitude, why) != 0 ||
	    parse_angle(l, 180 * DEGREE, 'E', 'W', &longitude, why) != 0 || parse_altitude(l, &altitude, why) != 0 ||
	    parse_sizes(l, sizes, why) != 0)
		return -1;
	buf_putc(wire, 0);
	buf_put(wire, sizes, sizeof(sizes));
	buf_put32(wire, latitude);
	buf_put32(wire, longitude);
	buf_put32(wire, altitude);
	return 0;
}
