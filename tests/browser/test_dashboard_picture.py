# SPDX-License-Identifier: MIT
"""The README's picture: the page of a fleet with something to tell. With TOOLOO_SCREENSHOT=write it replaces the picture in
the tree, otherwise it lies with the other screenshots."""
import base64
import json
import os
import random
import re
import threading

import pytest
from browser import METRICSD, SCREENSHOTS, WEB, browser, page  # noqa: F401, the fixtures
from conftest import CHECKOUT, Journal, http_request, journal_cursor, kill, toolooctl
from updates import Updates

PICTURE = CHECKOUT / "metricsd/dashboard.webp"
SIZE_MAX = 200_000  # bytes: whoever reads the README loads it
WRITE = os.environ.get("TOOLOO_SCREENSHOT") == "write"
SPAN = 600 if WRITE else 10  # seconds: how much past the figures show

# A day in the life: what is asked for, again and again.
PATHS = ["/health", "/api/v1/training", "/api/v1/budget", "/api/v1/providers", "/api/v1/reports", "/api/v1/capabilities",
         "/api/v1/analytics", "/api/v1/segmentation", "/api/v1/tasks", "/api/v1/cup"]


def ask_until(over):
    """Some requests a second through port 3000, the more the later it is, so that the curves have a shape."""
    round = 0
    while not over.wait(0.2):
        round += 1
        for path in random.sample(PATHS, min(1 + round // 200, len(PATHS))):
            http_request(WEB, path)


def until_told_after(updates, moment):
    while updates.next()[1] < moment:
        pass


@pytest.fixture(scope="module")
def eventful(fleet):
    """A reload, a crash and an alert that was acted on, under load; the figures have a past then."""
    over = threading.Event()
    asking = threading.Thread(target=ask_until, args=(over,))
    asking.start()
    try:
        with Updates(METRICSD) as updates:
            begun = updates.next()[1]
            until_told_after(updates, begun + SPAN / 2)
            toolooctl("reload", "training")
            with Journal("tooloo-coach.service", after=journal_cursor()) as journal:
                kill("tooloo-coach.service")
                journal.wait("^Started")
            body = {"metric": "service.responseTime", "value": 6000, "service": "budget"}
            status, _, answer = http_request(METRICSD, "/api/v1/system/alerts/trigger", "POST", json.dumps(body),
                                             {"Content-Type": "application/json"})
            assert status == 200, answer
            until_told_after(updates, begun + SPAN)
        yield
    finally:
        over.set()
        asking.join()


@pytest.fixture
def without_scrollbars(page):
    page.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    yield
    page.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": False})


def test_picture(page, eventful, without_scrollbars):
    page.emulate(width=1280, height=860)
    page.open()
    page.rows("Object.values(rows).every(t => /healthy/.test(t))")
    line = "path[d*=L]" if WRITE else "path[d]"  # history has a point for each half minute
    page.when("document.querySelectorAll(args[0]).length >= 13", f".spark {line}")
    # As WebP, half of the browser's PNG.
    shot = page.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "webp", "quality": 90})
    picture = base64.b64decode(shot["data"])
    assert is_picture(picture)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    (SCREENSHOTS / "picture.webp").write_bytes(picture)
    if WRITE:
        PICTURE.write_bytes(picture)


def is_picture(content):
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP" and len(content) < SIZE_MAX


def test_the_readme_shows_it():
    shown = re.search(r"^!\[(.+)\]\((.+)\)$", (CHECKOUT / "README.md").read_text(), re.M)
    assert shown and CHECKOUT / shown[2] == PICTURE and is_picture(PICTURE.read_bytes())
