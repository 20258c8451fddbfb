#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the C file that holds the dashboard's files: embed.py OUTPUT [NAME=]FILE...

NAME is what a browser asks for, the file's own unless given. The bytes come from the assembler's .incbin, which takes no time to compile; names, types,
sizes and the tag of a content stand in a table beside them, see ../page.h.
"""
import hashlib
import sys
from pathlib import Path

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}

# The section is left as it was, so that the compiler's own data stay where it puts them.
BYTES = """__asm__(".pushsection .rodata.page,\\"a\\",%progbits\\n"
        ".globl page_asset_{i}\\n"
        ".hidden page_asset_{i}\\n"
        "page_asset_{i}: .incbin \\"{path}\\"\\n"
        ".popsection\\n");
extern const unsigned char page_asset_{i}[];
"""
ROW = """        {{ .name = "{name}", .type = "{type}", .etag = "\\"{tag}\\"", .data = page_asset_{i}, .size = {size} }},"""


def split(argument):
    name, separator, path = argument.rpartition("=")
    return name if separator else Path(path).name, path


def main(output, *files):
    declarations, rows = [], []
    for i, (name, path) in enumerate(sorted(map(split, files))):
        data = Path(path).read_bytes()
        tag = hashlib.sha256(data).hexdigest()[:32]
        declarations.append(BYTES.format(i=i, path=Path(path).resolve()))
        rows.append(ROW.format(i=i, name=name, type=TYPES[Path(name).suffix], tag=tag, size=len(data)))
    Path(output).write_text("\n".join([
        "/* SPDX-License-Identifier: MIT */", '#include "metricsd/page.h"', "", *declarations,
        "const PageAsset page_assets[] = {", *rows, "};", "const size_t page_n_assets = ELEMENTSOF(page_assets);", ""]))


main(*sys.argv[1:])
