/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/macros.h"
#include "format/base/safe.h"

size_t kt_utf8_next(const char *text, uint32_t *ret_code)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = *s < 0x80	     ? 1
		   : (*s >> 5) == 6  ? 2
		   : (*s >> 4) == 14 ? 3
		   : (*s >> 3) == 30 ? 4
				     : 0;
	uint32_t c = n == 1 ? *s : n ? *s & (0x7fu >> n) : 0;

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if ((n == 2 && c < 0x80) || (n == 3 && c < 0x800) ||
	    (n == 4 && (c < 0x10000 || c > 0x10ffff)) || (c >= 0xd800 && c < 0xe000))
		return 0;
	if (n)
		*ret_code = c;
	return n;
}

bool kt_char_is_unsafe(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} unsafe[] = {
		{0x0000, 0x001f},   /* C0 */
		{0x007f, 0x009f},   /* DEL, C1 */
		{0x061c, 0x061c},   /* Arabic letter mark */
		{0x200b, 0x200b},   /* zero width space */
		{0x200e, 0x200f},   /* left-to-right, right-to-left mark */
		{0x2028, 0x202e},   /* line and paragraph separator, embeddings, overrides */
		{0x2060, 0x206f},   /* word joiner, isolates, other formats */
		{0xfeff, 0xfeff},   /* byte order mark */
		{0xfff9, 0xfffb},   /* annotations */
		{0xe0000, 0xe007f}, /* tags */
	};

	if ((c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef))
		return true;
	for (size_t i = 0; i < KT_ARRAY_SIZE(unsafe); i++)
		if (c >= unsafe[i].first && c <= unsafe[i].last)
			return true;
	return false;
}

char *kt_safe_text(const char *s, bool utf8)
{
	char *out = malloc(strlen(s) * 4 + 1), *p = out;

	if (!out)
		return NULL;
	while (*s) {
		uint32_t code = 0;
		size_t n = kt_utf8_next(s, &code);

		if (n && (n == 1 || utf8) && !kt_char_is_unsafe(code)) {
			memcpy(p, s, n);
			p += n;
			s += n;
			continue;
		}
		for (n = n ? n : 1; n; n--)
			p += sprintf(p, "\\x%02x", (unsigned char)*s++);
	}
	*p = '\0';
	return out;
}
