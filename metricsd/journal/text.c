/* SPDX-License-Identifier: MIT */
#include "text.h"

#include "basic/string-util.h"

/* U+0080 to U+009F: a terminal may obey them, too. */
static bool is_c1(const unsigned char *s, size_t n) {
        return n > 1 && s[0] == 0xc2 && s[1] < 0xa0;
}

size_t text_clean(char *s, size_t size) {
        unsigned char *u = (unsigned char *) s;

        utf8_clean(s, size);
        for (size_t i = 0; i < size; i++)
                if (u[i] < ' ' || u[i] == 0x7f)
                        s[i] = ' ';
                else if (is_c1(u + i, size - i))
                        s[i] = s[i + 1] = ' ';
        while (size > 0 && s[size - 1] == ' ')
                size--;
        s[size] = 0;
        return size;
}
