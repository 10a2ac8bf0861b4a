"""The built site in a browser without a screen, as `make test-docs` runs it; `make docs` comes before.

Every page that is opened has to be without a message on the console, without a request to another host, and
no wider than the window.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import pathlib
import shutil
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlparse

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

SITE = pathlib.Path(__file__).parents[2] / "build" / "docs" / "html"
WIDTHS = (400, 1280)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def browser_path() -> str:
    """The browser of this machine; `FKERAS_CHROMIUM` names another."""
    found = os.environ.get("FKERAS_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert found, f"no browser is here, of {', '.join(NAMES)}: apt-get install chromium, or FKERAS_CHROMIUM=<its path>"
    return found


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    assert (SITE / "docs" / "index.html").exists(), "the site is not built: make docs"
    handler = functools.partial(_Quiet, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def visit(browser, host: str, **options: object) -> Iterator[Page]:
    """A page of a window of its own; at the end nothing may have been complained of or asked of others."""
    context: BrowserContext = browser.new_context(**options)
    complaints: list[str] = []
    context.route("**/*", lambda route: _local(route, host, complaints))
    page = context.new_page()
    page.on("console", lambda m: complaints.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    page.on("response", lambda r: complaints.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
    yield page
    assert complaints == []
    context.close()


def _local(route, host: str, complaints: list[str]) -> None:
    if urlparse(route.request.url).netloc == host or route.request.url.startswith("data:"):
        route.continue_()
    else:
        complaints.append(f"asked of another host: {route.request.url}")
        route.abort()


@pytest.fixture(params=WIDTHS)
def page(request, browser, address) -> Iterator[Page]:
    size = {"width": request.param, "height": 900}
    with visit(browser, urlparse(address).netloc, viewport=size) as page:
        yield page


def fits(page: Page) -> None:
    """No part of a page is reached only by moving the page sideways."""
    wide, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= window, f"{page.url} is {wide} wide in a window of {window}"


def test_one_comes_from_the_first_page_to_a_tutorial(page, address):
    page.goto(f"{address}/")
    page.wait_for_url("**/docs/index.html")
    expect(page.locator("h1")).to_contain_text("fkeras")
    fits(page)
    page.locator("article").get_by_role("link", name="Ten minutes").click()
    page.wait_for_url("**/notebooks/quickstart.html")
    expect(page.locator("h1")).to_contain_text("fkeras in ten minutes")
    assert page.locator(".cell_output").count() > 5  # what the notebook printed is kept
    fits(page)


def test_one_comes_through_the_navigation_to_a_guide(page, address):
    page.goto(f"{address}/docs/guides.html")
    if page.viewport_size["width"] < 1000:
        page.locator("label.nav-overlay-icon").first.click()
    page.locator(".sidebar-tree").get_by_role("link", name="Files", exact=True).click()
    page.wait_for_url("**/docs/files.html")
    expect(page.locator("h1")).to_contain_text("Files")
    fits(page)


def test_a_search_finds_a_layer_and_opens_it(page, address):
    page.goto(f"{address}/search.html?q=EinsumDense")
    result = page.locator("#search-results li a").first
    expect(result).to_contain_text("fk.nn.EinsumDense", timeout=10_000)
    fits(page)
    result.click()
    page.wait_for_url("**/docs/reference/nn_core.html*")
    expect(page.locator(r"#fk\.nn\.EinsumDense")).to_be_in_viewport()
    fits(page)


def test_a_reference_page_has_signature_variables_and_source(page, address):
    page.goto(f"{address}/docs/reference/nn_core.html#fk.nn.Dense")
    entry = page.locator("dl.py.class", has=page.locator(r"#fk\.nn\.Dense"))
    for text in ("units", "glorot_uniform", "Arguments", "Raises", "params/kernel", "(4, 5)"):
        expect(entry).to_contain_text(text)
    fits(page)
    entry.locator(".source-line a").first.click()
    page.wait_for_url("**/source/fkeras/nn/_linear.py.html#L-*")
    line = page.url.rpartition("#")[2]
    assert page.locator(f"#{line}").count() == 1
    expect(page.locator("article")).to_contain_text("class Dense(Layer)")
    fits(page)


@pytest.mark.parametrize("place", ["docs/architecture", "docs/from_keras", "docs/from_flax", "docs/reference/ops",
                                   "docs/reference/optimizers", "docs/scaling", "CHANGELOG"])  # fmt: skip
def test_a_page_fits(page, address, place):
    page.goto(f"{address}/{place}.html")
    fits(page)


def test_every_notebook_fits(page, address):
    for notebook in sorted((SITE / "notebooks").glob("*.html")):
        page.goto(f"{address}/notebooks/{notebook.name}")
        fits(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out_from_the_paper(browser, address, scheme):
    with visit(browser, urlparse(address).netloc, color_scheme=scheme) as page:
        page.goto(f"{address}/docs/index.html")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        for part in ("h1", "p", ".lead p", "article a", ".sidebar-tree a"):
            letters = page.evaluate(f"getComputedStyle(document.querySelector({part!r})).color")
            assert _contrast(letters, paper) > 4.5, part


def _contrast(first: str, second: str) -> float:
    """The ratio of two colours' luminances, as WCAG 2 has it."""
    light = sorted(map(_luminance, (first, second)))
    return (light[1] + 0.05) / (light[0] + 0.05)


def _luminance(colour: str) -> float:
    parts = [float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_a_search_works_from_the_disk(browser):
    """Opened as files, without a server and without a net."""
    with visit(browser, "", viewport={"width": 1280, "height": 900}) as page:
        started = time.monotonic()
        page.goto(f"{(SITE / 'search.html').as_uri()}?q=quantise")
        expect(page.locator("#search-results li a").first).to_be_visible(timeout=10_000)
        page.locator("#search-results li a").first.click()
        expect(page.locator("h1").first).to_be_visible()
        assert time.monotonic() - started < 20
