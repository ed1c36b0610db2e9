"""A reviewer's day, in a real browser, on the page as `redact review` serves it."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

playwright = pytest.importorskip("playwright.sync_api")

import httpx  # noqa: E402
from canaries import Canary, found  # noqa: E402
from review_world import PASSWORD  # noqa: E402

from redact.review.app import STATIC  # noqa: E402

expect = playwright.expect
pytestmark = [pytest.mark.models, pytest.mark.slow]
CHROMIUM = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
SHOWN = os.environ.get("REDACT_SCREENSHOTS")  # a folder: the pictures of the docs are made so


@pytest.fixture(scope="module")
def browser_path():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    if not (STATIC / "main.js").exists():
        pytest.skip("the page's script was not built: cd redact/review/web && npm ci && npm run build")
    return CHROMIUM


@pytest.fixture
def served(tmp_path, made_calls, browser_path):
    """`redact review` on copies of the calls; what it printed first, and their folder."""
    shutil.copytree(made_calls, tmp_path / "calls")
    environment = {
        **os.environ, "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }  # fmt: skip
    calls = tmp_path / "calls"
    redact = [sys.executable, "-m", "redact"]
    processes = []

    def serve(*options):
        command = [*redact, "review", calls / "out", "--originals", calls / "originals", "--port", "0", *options]
        models = ["--model", "tiny.en", "--language", "en"]
        process = subprocess.Popen(
            [*map(str, command), *models], stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
        )
        processes.append(process)
        return process.stdout.readline().strip(), calls

    def users(*arguments):
        subprocess.run([*redact, "users", *arguments], env=environment, check=True, capture_output=True, cwd=tmp_path)

    serve.users = users
    serve.processes = processes
    serve.redact = lambda *a: subprocess.run([*redact, *a], env=environment, check=True, capture_output=True)
    yield serve
    for process in processes:
        process.terminate()
        process.wait(20)


@pytest.fixture
def page(browser_path, tmp_path):
    with playwright.sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            str(tmp_path / "profile"), executable_path=browser_path, viewport={"width": 1280, "height": 900},
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"], locale="en-GB",
        )  # fmt: skip
        page = context.pages[0]
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on(
            "console", lambda said: page.errors.append(f"{said.text} {said.location}") if said.type == "error" else None
        )
        yield page
        context.close()


def shoot(page, name):
    if SHOWN:
        page.screenshot(path=str(Path(SHOWN) / f"{name}.png"))


def serious(page) -> list[str]:
    """What axe finds that keeps people out."""
    from axe_playwright_python.sync_playwright import Axe

    before = list(page.errors)
    told = Axe().run(page).response["violations"]
    page.errors[:] = before  # it tries a style of its own
    return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in told if v["impact"] in {"serious", "critical"}]


def test_a_day_from_the_link_to_the_approval(served, page, tmp_path):
    link, calls = served()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/sign-in#token=[\w-]+", link)
    page.goto(link)
    page.wait_for_selector("#rows tr")
    assert "token" not in page.url
    assert page.locator("#rows tr").count() == 2
    assert serious(page) == []
    shoot(page, "review-list")

    page.keyboard.press("?")
    assert page.locator("dialog").is_visible()
    page.keyboard.press("Escape")
    page.select_option("select[name=order]", "duration_ms")
    page.keyboard.press("n")
    page.wait_for_selector("#masks button")
    expect(page.locator("#why li").first).to_contain_text("·")
    expect(page.locator("#transcript .chip small").first).to_be_visible()
    every = page.locator("#masks button").count()
    page.keyboard.press("d")
    assert page.locator("#masks button").count() < every
    page.keyboard.press("d")
    expect(page.locator("#wave canvas").first).to_be_visible(timeout=20_000)
    page.keyboard.press("c")
    page.wait_for_selector("#release:not([hidden])")
    assert serious(page) == []

    page.keyboard.press("Space")
    expect(page.locator(".now").first).to_be_visible(timeout=20_000)
    page.keyboard.press("Space")
    before = page.locator("#masks button").count()
    page.keyboard.press("n")
    page.keyboard.press("x")
    expect(page.locator("#masks button")).to_have_count(before - 1)
    page.keyboard.press("z")
    expect(page.locator("#masks button")).to_have_count(before)
    page.keyboard.press("y")
    page.locator("#transcript .word:not(.masked)").nth(3).click()
    page.select_option("#type", "SPECIAL_CATEGORY")
    page.keyboard.press("m")
    page.wait_for_selector("#masks button:has-text('SPECIAL_CATEGORY')")
    expect(page.locator("#saved")).to_have_text("Saved.")
    shoot(page, "review-call")

    was = {path.name: path.read_bytes() for path in (calls / "out").iterdir() if "first" in path.name}
    page.keyboard.press("r")
    expect(page.locator("#transcript .chip[title=SPECIAL_CATEGORY]").first).to_be_visible(timeout=90_000)
    now = {path.name: path.read_bytes() for path in (calls / "out").iterdir() if "first" in path.name}
    assert now.keys() == was.keys()
    assert now["first.redacted.wav"] != was["first.redacted.wav"]
    report = json.loads(now["first.report.json"])
    assert report["status"] == "done"
    assert report["decisions"] == 2

    page.wait_for_selector("#release:not([hidden])")
    page.keyboard.press("a")
    page.wait_for_selector("#rows tr")
    assert page.locator(".pill.approved").count() == 1
    page.click("a[href='/figures']")
    page.wait_for_selector("svg.share")
    assert serious(page) == []
    shoot(page, "review-figures")
    assert page.errors == []
    page.context.close()
    said = [Canary("4539 1488 0343 6467"), Canary(str(calls))]
    for path in (tmp_path / "profile").rglob("*"):
        if path.is_file():
            assert not found(said, path.read_bytes()), path


def entered(link: str) -> httpx.Client:
    base, _, token = link.partition("/sign-in#token=")
    client = httpx.Client(base_url=base, timeout=20)
    assert client.post("/api/enter", json={"token": token}).status_code == 200
    client.headers["X-CSRF-Token"] = client.get("/api/me").json()["csrf"]
    return client


def test_a_server_that_is_killed_while_saving_and_making_anew(served):
    """What was answered is kept, and the files are those of before or those of after."""
    link, calls = served()
    client = entered(link)
    path = f"/api/calls/{client.get('/api/calls').json()['calls'][0]['id']}"
    client.post(f"{path}/claim")
    saved = []

    def save() -> None:
        edits = []
        with contextlib.suppress(httpx.HTTPError):
            for number in range(10_000):
                edits.append({"start_ms": number, "end_ms": number + 1, "entity_type": "PERSON"})
                client.put(f"{path}/draft", json={"edits": edits, "version": number}).raise_for_status()
                saved.append(number + 1)

    saving = threading.Thread(target=save)
    saving.start()
    while len(saved) < 20:
        time.sleep(0.01)
    served.processes[-1].kill()
    saving.join()
    client = entered(served()[0])
    call = client.get(path).json()
    assert call["version"] == len(call["draft"]) in {saved[-1], saved[-1] + 1}

    before = whole(calls / "out")
    client.post(f"{path}/claim")
    assert client.post(f"{path}/render").status_code == 202
    time.sleep(2)
    served.processes[-1].kill()
    assert whole(calls / "out") == before
    assert entered(served()[0]).get(path).status_code == 200


def whole(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def write(path, text):
    path.write_text(text)
    return path


def decide_on_proposals(served, page, tmp_path):
    """A lead accepts what was proposed, and it is written as recognizers."""
    expect(page.locator("#enter")).to_be_enabled()
    page.fill("input[name=name]", "lea")
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.click("a[href='/proposals']")
    expect(page.locator("#rows td").nth(3)).to_have_text("Blauwe Reiger")
    assert serious(page) == []
    shoot(page, "review-proposals")
    page.click("#rows button >> nth=0")
    expect(page.locator(".pill.accepted")).to_be_visible()
    file = tmp_path / "proposed.yaml"
    served.redact("review", tmp_path / "calls" / "out", "--team", "--export-terms", file)
    assert "Blauwe Reiger" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def look_at_what_is_due(served, page):
    """The data protection officer's page."""
    expect(page.locator("#enter")).to_be_enabled()
    page.fill("input[name=name]", "dora")
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.click("a[href='/dpo']")
    expect(page.locator(".paper dl")).to_be_visible()
    assert "Deadlines" in page.locator(".paper").inner_text()
    assert serious(page) == []
    page.set_viewport_size({"width": 1280, "height": 900})
    shoot(page, "review-dpo")
    page.click("a[href='/approvals']")
    expect(page.locator("#nothing")).to_be_visible()
    assert serious(page) == []


def test_wrong_passwords_behind_a_proxy_are_counted_by_who_calls(served):
    served.redact("keys", "init")
    address, _ = served("--team", "--https")
    client = httpx.Client(base_url=address, timeout=20)

    def wrong(number: int, caller: str) -> int:
        told = {"name": f"nobody{number}", "password": "wrong"}
        return client.post("/api/sign-in", json=told, headers={"X-Forwarded-For": caller}).status_code

    assert [wrong(number, "192.0.2.1") for number in range(11)] == [401] * 10 + [429]
    assert wrong(11, "192.0.2.2") == 401


def test_a_team_signs_in_and_sees_its_own_calls_only_in_its_language(served, page, tmp_path):
    served.redact("keys", "init")
    served.users("add", "francine", "--language", "fr", "--password", PASSWORD)
    served.users("add", "lea", "--role", "lead", "--password", PASSWORD)
    served.users("add", "dora", "--role", "dpo", "--password", PASSWORD)
    organisation = {"controller": {"name": "Halcyon Hotels"}, "dpo": {"name": "Maud Ferrant"}}
    told = {**organisation, "archives": [str(tmp_path / "calls" / "out")]}
    (tmp_path / "config" / "redact" / "organisation.yaml").write_text(json.dumps(told))
    served.redact("subject", "open", "access", write(tmp_path / "person", "name: Desmond Halloway"), "--language", "en")
    served.redact("breach", "open", "--nature", "availability", "--risk", "risk")
    address, _ = served("--team")
    page.goto(f"{address}sign-in")
    page.fill("input[name=name]", "francine")
    expect(page.locator("#enter")).to_be_enabled()
    page.fill("input[name=password]", "wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#wrong")).not_to_be_empty()
    assert serious(page) == []
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("#rows tr")
    assert page.locator("#next").inner_text().startswith("Appel suivant")
    assert serious(page) == []
    shoot(page, "review-list-fr")
    page.set_viewport_size({"width": 820, "height": 1180})
    page.keyboard.press("n")
    page.wait_for_selector("#masks button")
    assert serious(page) == []
    wide = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert wide
    page.keyboard.press("c")
    page.wait_for_selector("#release:not([hidden])")
    page.keyboard.press("q")
    page.select_option("dialog select", "deny")
    page.fill("dialog input", "Blauwe Reiger")
    assert serious(page) == []
    page.click("dialog button.main")
    expect(page.locator("#status")).to_contain_text("Proposé")
    page.click("#sign-out")
    page.wait_for_selector("input[name=name]")
    decide_on_proposals(served, page, tmp_path)
    page.click("#sign-out")
    page.wait_for_selector("input[name=name]")
    look_at_what_is_due(served, page)
    page.click("#sign-out")
    page.wait_for_selector("input[name=name]")
    page.goto(address)
    page.wait_for_url("**/sign-in")
