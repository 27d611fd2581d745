"""The live page in a real browser, on a real server."""

import shutil
from collections.abc import Iterator

import pytest
import requests
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from bpx.simulator.faults import RestFault
from tests.faults.life import DEPTH, Life, living
from tests.waiting import eventually

BROWSER, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
WITHIN_S = 20.0
NARROW = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}

pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="there is no chromium and chromedriver (Debian has both)"
)


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    with living() as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or ""
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    made = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield made
    made.quit()


@pytest.fixture
def page(browser: webdriver.Chrome, life: Life) -> webdriver.Chrome:
    browser.get(f"{life.proxy.operators_url}/")
    eventually(lambda: "ok" in text_of(browser, "status"), WITHIN_S)
    return browser


def text_of(browser: webdriver.Chrome, name: str) -> str:
    # By one script: the page makes its elements anew once a second.
    return str(
        browser.execute_script("return document.getElementById(arguments[0]).innerText", name)
    )


def has_all(text: str, *words: str) -> bool:
    return all(one in text for one in words)


def whole_of(browser: webdriver.Chrome) -> str:
    return str(browser.execute_script("return document.body.innerText"))


def colour_of_ground(browser: webdriver.Chrome) -> str:
    return browser.execute_script("return getComputedStyle(document.body).backgroundColor")


def prefer(browser: webdriver.Chrome, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def test_what_is_cached_shows_by_itself_and_so_does_what_goes_wrong(
    page: webdriver.Chrome, life: Life
) -> None:
    life.follow(DEPTH)
    eventually(lambda: has_all(text_of(page, "market-spot"), "BTCUSDT depth", "fresh"), WITHIN_S)
    ban = RestFault("/api/v3/trades", status=418, body=b"{}", headers={"Retry-After": "6"})
    life.exchange.faults.break_rest(ban, times=1)
    life.ask("/api/v3/trades?symbol=BTCUSDT")
    told = ("Binance wants no request", "degraded", "Binance said 418")
    eventually(lambda: has_all(whole_of(page), *told), WITHIN_S)
    eventually(lambda: life.answers(), WITHIN_S)
    eventually(lambda: "ok" in text_of(page, "status"), WITHIN_S)


def test_markup_in_what_others_say_is_text(page: webdriver.Chrome, life: Life) -> None:
    life.follow(DEPTH)
    life.exchange.send("btcusdt@depth20@100ms", b'{"x":"<img src=x onerror=document.title=1>"}')
    eventually(lambda: "<img" in text_of(page, "events"), WITHIN_S)
    assert page.find_elements(By.TAG_NAME, "img") == []


def test_it_is_dark_where_the_reader_wants_that(page: webdriver.Chrome) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        prefer(page, scheme)
        grounds.append(colour_of_ground(page))
    assert grounds == ["rgb(244, 245, 247)", "rgb(16, 19, 23)"]


def test_on_a_phone_nothing_sticks_out(page: webdriver.Chrome, life: Life) -> None:
    life.follow(DEPTH)
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", NARROW)
    eventually(lambda: "BTCUSDT depth" in text_of(page, "market-spot"), WITHIN_S)
    width = page.execute_script("return document.documentElement.scrollWidth")
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width <= NARROW["width"]


def test_nothing_of_it_is_refused_by_its_own_policy(page: webdriver.Chrome) -> None:
    assert [line for line in page.get_log("browser") if line["level"] == "SEVERE"] == []


def test_when_bpx_is_gone_it_says_so(browser: webdriver.Chrome) -> None:
    with living() as other:
        browser.get(f"{other.proxy.operators_url}/")
        eventually(lambda: "ok" in text_of(browser, "status"), WITHIN_S)
    with pytest.raises(requests.ConnectionError):
        other.operators("/live")
    lost = browser.find_element(By.ID, "lost")
    eventually(lambda: "What you see is old" in lost.text, WITHIN_S)
