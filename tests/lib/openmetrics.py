# SPDX-License-Identifier: MIT
"""OpenMetrics 1.0 read strictly: by the parser of Debian's python3-prometheus-client, and with what that lets pass."""
import re

from prometheus_client.openmetrics.parser import text_string_to_metric_families

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
SUFFIXES = {  # what a series of each type may have behind the family's name
    "gauge": [""], "counter": ["_total"], "info": ["_info"], "histogram": ["_bucket", "_count", "_sum"],
}


def family_of(series, families):
    """The family that a series belongs to by its name."""
    name = NAME.match(series)[0]
    return [f for f, type in families.items() for s in SUFFIXES[type] if name == f + s]


def read(text):
    """{family: [sample...]} of the parser. AssertionError or ValueError for what is not OpenMetrics."""
    assert text.endswith("# EOF\n") and text.count("# EOF") == 1, "one # EOF, at the end"
    assert "\r" not in text and "\n\n" not in text and not text.startswith("\n"), "no blank line"
    types, order, series, metadata = {}, [], set(), set()
    for line in text.splitlines()[:-1]:
        if line.startswith("#"):
            keyword, name, rest = re.fullmatch(r"# (HELP|TYPE|UNIT) (\S+) (.*)", line).groups()
            assert (keyword, name) not in metadata, f"said twice: {line}"
            metadata.add((keyword, name))
            if not order or order[-1] != name:
                assert name not in order, f"families are mixed: {line}"
                order.append(name)
            if keyword == "TYPE":
                types[name] = rest
                assert rest in SUFFIXES, f"a type that not everybody knows: {line}"
                assert not name.endswith(("_total", "_info", "_bucket", "_count", "_sum")), line
            if keyword == "UNIT":
                assert name.endswith(f"_{rest}"), f"the name does not end in its unit: {line}"
            continue
        assert "\\" not in re.sub(r'\\[\\n"]', "", line), f"an escape that is none: {line}"
        labels, value = re.fullmatch(r"(\S+?(?:\{.*\})?) (\S+)", line).groups()
        assert labels not in series, f"twice: {line}"
        series.add(labels)
        assert family_of(labels, types) == [order[-1]], f"not in its family, or in two: {line}"
        float(value)
    families = {f.name: f for f in text_string_to_metric_families(text)}
    assert list(families) == order
    for name in families:
        assert ("HELP", name) in metadata and ("TYPE", name) in metadata, f"{name} does not say what it is"
        assert families[name].samples, f"{name} has nothing"
        for sample in families[name].samples:
            assert sample.timestamp is None and sample.exemplar is None
            if families[name].type in ("counter", "histogram"):
                assert sample.value >= 0
    return {name: family.samples for name, family in families.items()}
