// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <stdint.h>
#include <string.h>

#include "analyze/db/utf8.h"

#define ASCII_MASK 0x8080808080808080ull

/* Length of the character that begins there; 0: it is none. As Unicode has it: no surrogates, nothing longer than need be. */
static size_t character(const unsigned char *s, size_t n)
{
	unsigned int least = 0x80, most = 0xbf;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (len > n)
		return 0;
	if (s[0] == 0xe0)
		least = 0xa0;
	else if (s[0] == 0xed)
		most = 0x9f;
	else if (s[0] == 0xf0)
		least = 0x90;
	else if (s[0] == 0xf4)
		most = 0x8f;
	for (size_t i = 1; i < len; i++, least = 0x80, most = 0xbf)
		if (s[i] < least || s[i] > most)
			return 0;
	return len;
}

size_t kt_utf8_good(const char *s, size_t n)
{
	size_t i = 0, len;
	uint64_t eight;

	while (i < n) {
		if (n - i >= sizeof(eight)) {
			memcpy(&eight, s + i, sizeof(eight));
			if (!(eight & ASCII_MASK)) {
				i += sizeof(eight);
				continue;
			}
		}
		if (!(s[i] & 0x80)) {
			i++;
			continue;
		}
		len = character((const unsigned char *)s + i, n - i);
		if (!len)
			break;
		i += len;
	}
	return i;
}

size_t kt_utf8_escape(const char *s, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	char *to = out;

	for (size_t i = 0, len; i < n; i += len) {
		unsigned char c = s[i];

		len = character((const unsigned char *)s + i, n - i);
		if (!len) {
			len = 1;
			*to++ = '\\';
			*to++ = 'x';
			*to++ = digits[c >> 4];
			*to++ = digits[c & 15];
			continue;
		}
		if (c == '\\')
			*to++ = '\\';
		memcpy(to, s + i, len);
		to += len;
	}
	return to - out;
}
