"""The page in a browser: by mouse, touch and keyboard, in the dark, on a phone and on paper."""

import time

import pytest
from browser import CHROMIUM, browser
from made_up import failed, noisy, rejected, row, study_of, timed

import reports
from reports.board import HEADINGS
from reports.plain_page import PlainLine, plain_page

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed")

ATTACK = "</script><script>alert(1)</script>"
LONG = "semantic=semantic_branch(width=64,layers=3),fusion=bilateral_guided_aggregation(width=128)"
CLASSES = {f"class number {i}": 0.4 for i in range(34)}
LINES = """(() => {
  const range = document.createRange();
  range.selectNodeContents(document.querySelector("CELL"));
  return range.getClientRects().length;
})()"""
"""Over how many lines a cell's words go."""

PAPER_WIDTH = 702
"""The CSS pixels between the margins of A4."""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    rows = noisy({"sum": 0.30, ATTACK: 0.35, LONG: 0.40}, seeds=3, sum=8, **{LONG: 14})
    for each in rows:
        each["iou"] = CLASSES
    rows += [failed("crashed", reason=LONG * 3), rejected("heavy", **timed(20))]
    rows += [row("odd", 0, 0.9, latency_device="H100")]
    study = study_of(rows, baseline="sum", name=ATTACK + "n" * 200, question=f"{ATTACK}{LONG * 3}?")
    for entry in study["plan"]:
        fusion = "bga" if entry["candidate"] == LONG else "sum"
        entry["parts"] = {"detail": LONG, "fusion": fusion, "head": entry["candidate"]}
        entry["factors"] = {"fusion": fusion, "name": entry["candidate"][:36]}
    return reports.write(study, rows, tmp_path_factory.mktemp("page")).page


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def tab(window, page):
    """The page in a wide window; whatever it complains of fails the test."""
    return opened(window, page)


@pytest.fixture(autouse=True)
def no_complaints(window):
    window.complaints.clear()
    window.asked.clear()
    yield
    assert window.complaints == []
    assert [each for each in window.asked if not each.startswith(("file:", "data:"))] == []


def opened(window, page, **size):
    window.open(page, **size)
    window.wait("plot.dataset.ready")
    return window


def points(tab):
    """How many candidates are drawn; seeds are dots without data."""
    return tab.ask("plot.data.flatMap(trace => trace.customdata || []).length")


def told(tab):
    return tab.ask("document.querySelector('#told h3')?.textContent ?? ''")


def press(tab, key):
    tab.call("Input.dispatchKeyEvent", type="keyDown", key=key)
    tab.call("Input.dispatchKeyEvent", type="keyUp", key=key)


def a_mark(tab):
    """Where a candidate's mark is on the screen; dots of seeds are smaller."""
    tab.ask(
        "(plot.scrollIntoView({block: 'center'}), new Promise(go =>"
        " requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(go, 100)))))"
    )
    return tab.ask(
        "[...plot.querySelectorAll('.points path.point')].map(e => e.getBoundingClientRect())"
        ".filter(box => box.width > 7).map(box => [box.x + box.width / 2, box.y + box.height / 2])"
        "[1]"
    )


def test_the_chart_is_drawn_from_the_rows_and_shows_names_as_they_are(tab):
    assert tab.ask("getComputedStyle(document.querySelector('.still')).display") == "none"
    texts = tab.ask("[...document.querySelectorAll('#plot .annotation')].map(e => e.textContent)")
    assert "sum · sum" in texts
    names = tab.ask("[...document.querySelectorAll('#live [data-value]')].map(e => e.textContent)")
    assert ATTACK in names


def test_pointing_at_a_mark_tells_its_architecture_and_figures_and_a_click_holds_them(tab):
    x, y = a_mark(tab)
    for shift in (9, 3, 0):  # a mouse comes from somewhere, and in its own time
        tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=x + shift, y=y)
        time.sleep(0.1)
    tab.wait("document.querySelector('#told dl')")
    labels = tab.ask("[...document.querySelectorAll('#told dt')].map(e => e.textContent)")
    assert {"fusion", "mIoU (%) ± sd", "latency (ms)", "GMACs", "status"} <= set(labels)
    tab.wait("document.querySelector('#plot .hoverlayer text')")
    assert told(tab)[:20] in tab.ask("document.querySelector('#plot .hoverlayer').textContent")
    for what in ("mousePressed", "mouseReleased"):
        tab.call("Input.dispatchMouseEvent", type=what, x=x, y=y, button="left", clickCount=1)
    tab.wait("document.querySelector('tr.picked')")
    picked = tab.ask("document.querySelector('tr.picked th').textContent")
    assert picked == told(tab)


def test_the_keyboard_steps_from_mark_to_mark_and_lets_go(tab):
    tab.ask("plot.focus()")
    met = []
    for _ in range(points(tab)):
        press(tab, "ArrowRight")
        met.append(told(tab))
    assert len(set(met)) == len(met) == points(tab)
    press(tab, "ArrowRight")
    assert told(tab) == met[0], "round and round"
    press(tab, "Escape")
    assert tab.ask("document.querySelectorAll('tr.picked').length") == 0


def test_clicks_filter_and_show_all_undoes_them(tab):
    whole = points(tab)
    tab.ask("document.querySelector('[data-value=bga]').click()")
    tab.wait(f"number.textContent === '1 of {whole} shown'")
    assert points(tab) == 1
    tab.ask("document.querySelector('[data-kind=\"over budget\"]').click()")
    tab.wait(f"number.textContent === '0 of {whole} shown'")
    tab.ask("document.getElementById('all').click()")
    tab.wait("!number.textContent")
    assert points(tab) == whole


def test_where_a_candidate_stands_is_told_by_the_front_that_is_shown(tab):
    tab.ask("plot.focus()")
    row = "[...document.querySelectorAll('#told dt')].find(e => e.textContent.startsWith('status'))"
    for view in (1, 0):
        tab.ask(f"(cost.value = '{view}', cost.dispatchEvent(new Event('change')))")
        for _ in range(points(tab)):
            press(tab, "ArrowRight")
            heading = tab.ask("document.querySelector('#told h3 + p').textContent")
            words = tab.ask(f"{row}.nextSibling.textContent")
            assert ("on the front" in words) == heading.startswith("front")
            assert tab.ask(f"{row}.textContent").startswith("status by mIoU") == bool(view)
    press(tab, "Escape")


def test_what_a_filter_hides_is_not_told_of_and_no_line_goes_through_it(tab):
    corners = "plot.data.find(trace => trace.line?.shape === 'hv').x.length"
    whole = tab.ask(corners)
    hint = tab.ask("told.textContent")
    tab.ask("plot.focus()")
    press(tab, "ArrowRight")
    assert told(tab) == "sum" and whole > 1
    tab.ask("document.querySelector('[data-value=bga]').click()")
    tab.wait("number.textContent")
    assert tab.ask("told.textContent") == hint
    assert tab.ask("document.querySelectorAll('tr.picked').length") == 0
    assert tab.ask(corners) == 0
    tab.ask("document.getElementById('all').click()")
    tab.wait("!number.textContent")
    assert tab.ask(corners) == whole


def test_the_caption_tells_of_bars_while_they_are_drawn_and_of_names_without_room(window, tmp_path):
    rows = [row(f"{LONG[:38]}{i}", s, 0.3 + i / 1000 + s / 100, **timed(10 + i / 1000))
            for i in range(14) for s in range(2)]  # fmt: skip
    rows += [row("far away", s, 0.9, **timed(50)) for s in range(2)]
    tab = opened(window, reports.write(study_of(rows), rows, tmp_path).page)
    assert "Upright bars" in tab.ask("reading.textContent")
    assert "no room: zoom in" in tab.ask("reading.textContent")
    tab.ask("spread.click()")
    tab.wait("!reading.textContent.includes('Upright bars')")
    assert "Marks are means over 2 seeds." in tab.ask("reading.textContent")


def test_zoom_logarithmic_axes_and_other_costs(tab):
    def axis():
        return tab.ask("(({range, type, title}) => [range, type, title.text])(plot.layout.xaxis)")

    (low, high), kind, title = axis()
    assert (kind, title) == ("linear", "latency (ms)")
    tab.ask("nearer.click()")
    (near_low, near_high), *_ = axis()
    assert low < near_low < near_high < high
    tab.ask("reset.click()")
    assert axis()[0] == [low, high]
    tab.ask("document.getElementById('log-x').click()")
    (log_low, log_high), kind, _ = axis()
    assert kind == "log" and 10**log_low < 8 and 10**log_high > 20
    tab.ask("cost.value = '1', cost.dispatchEvent(new Event('change'))")
    assert axis()[2] == "GMACs"


def test_the_chart_goes_dark_with_the_page(tab):
    ink = "getComputedStyle(document.querySelector('#plot .xtick text')).fill"
    light = tab.ask(ink)
    tab.dark(True)
    tab.wait(f"{ink} !== '{light}'")
    assert tab.ask(ink) == tab.ask("getComputedStyle(document.body).color")


def test_a_phone_never_scrolls_sideways_but_tables_do(window, page):
    tab = opened(window, page, width=360, height=740)
    assert tab.ask("document.documentElement.scrollWidth") == 360
    assert tab.ask("document.querySelector('#plot svg').getBoundingClientRect().right") <= 360
    assert tab.ask(
        "[...document.querySelectorAll('.wide')].some(e => e.scrollWidth > e.clientWidth)"
    )
    out = tab.ask(
        "[...document.querySelectorAll('main *')].filter(e => !e.closest('.wide, #plot') &&"
        " e.getBoundingClientRect().right > 361).map(e => e.outerHTML.slice(0, 80))"
    )
    assert out == []


def test_a_finger_taps_a_mark_and_scrolls_over_the_chart(window, page):
    tab = opened(window, page, width=360, height=740)
    x, y = a_mark(tab)

    def touch(kind, up=0):
        at = [] if kind == "touchEnd" else [{"x": x, "y": y - up}]
        tab.call("Input.dispatchTouchEvent", type=kind, touchPoints=at)

    touch("touchStart")
    touch("touchEnd")
    tab.wait("document.querySelector('#told h3')")
    before = tab.ask("scrollY")
    touch("touchStart")
    for up in range(20, 201, 20):
        touch("touchMove", up)
        time.sleep(0.02)
    touch("touchEnd")
    tab.wait(f"scrollY > {before} + 50")


def test_paper_gets_the_still_chart_and_nothing_is_cut(tab, tmp_path):
    tab.call("Emulation.setEmulatedMedia", media="print")
    tab.call(
        "Emulation.setDeviceMetricsOverride",
        width=PAPER_WIDTH, height=1000, deviceScaleFactor=1, mobile=False,
    )  # fmt: skip
    shown = "getComputedStyle(document.querySelector('{}')).display"
    assert tab.ask(shown.format("#live")) == tab.ask(shown.format("nav")) == "none"
    assert tab.ask(shown.format(".still")) == "grid"
    cut = tab.ask(
        "[...document.querySelectorAll('main *, header *')].filter(e => !e.closest('#live') &&"
        f" e.getBoundingClientRect().right > {PAPER_WIDTH} + 1).map(e => e.outerHTML.slice(0, 80))"
    )
    assert cut == []
    tab.pdf(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    tab.call("Emulation.setEmulatedMedia", media="")


def test_without_scripts_the_still_chart_is_there(window, page):
    window.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        window.open(page)
        assert window.ask("getComputedStyle(document.querySelector('.still')).display") == "grid"
        assert window.ask("getComputedStyle(document.querySelector('#live')).display") == "none"
    finally:
        window.call("Emulation.setScriptExecutionDisabled", value=False)


def test_the_board_keeps_its_words_whole_on_a_phone(window, tmp_path):
    cells = ("fusion", "12 of 12", "0", "complete", "sum, mIoU 43.4 %", "2026-11-22 04:03")
    numeric = (False, True, True, False, False, False)
    path = tmp_path / "board.html"
    path.write_text(plain_page("Studies", HEADINGS, numeric, [PlainLine(cells=cells)]))
    window.open(path, width=390)
    assert window.ask("document.documentElement.scrollWidth") == 390
    for cell in ("thead th", "tbody td:nth-child(4)", "tbody td"):
        assert window.ask(LINES.replace("CELL", cell)) == 1, cell


def test_a_name_is_whole_where_there_is_room_for_it(window, tmp_path):
    names = [f"candidate_number_{i}" for i in range(8, 12)]
    rows = [row(name, s, 0.3 + i / 99) for i, name in enumerate(names) for s in range(3)]
    page = reports.write(study_of(rows, baseline=names[0]), rows, tmp_path).page
    for width in (1280, 700):
        opened(window, page, width=width)
        for place in range(1, 5):
            cell = f".candidates tbody tr:nth-child({place}) th"
            assert window.ask(LINES.replace("CELL", cell)) == 1
        assert window.ask("document.documentElement.scrollWidth <= innerWidth")


def test_a_long_name_of_what_latencies_are_set_against_fits_a_phone(window, tmp_path):
    rows = noisy({LONG: 0.3, "b": 0.4}, seeds=3, b=10, **{LONG: 8})
    rows = [{**each, "latency_contended": True} for each in rows]
    opened(window, reports.write(study_of(rows), rows, tmp_path).page, width=390)
    assert window.ask("document.documentElement.scrollWidth") == 390


def printed(window, page):
    """The page on A4, as far as a browser tells it before it prints."""
    window.open(page, width=PAPER_WIDTH)
    window.call("Emulation.setEmulatedMedia", media="print")
    return window


@pytest.fixture
def paper(window, tmp_path):
    """A study with a baseline, a few candidates and 45 classes."""
    names = ("baseline", "fusion=sum", "nocontext")
    rows = noisy({name: 0.3 + i / 20 for i, name in enumerate(names)}, seeds=3)
    for each in rows:
        each["iou"] = {f"class {i}": 0.4 for i in range(45)}
    page = reports.write(study_of(rows, baseline="baseline"), rows, tmp_path).page
    yield printed(window, page)
    window.call("Emulation.setEmulatedMedia", media="")


def test_on_paper_small_tables_stay_whole_and_large_ones_say_their_headings_again(paper):
    kept = paper.ask(
        "[...document.querySelectorAll('main table')].map(e => [getComputedStyle(e).breakInside,"
        " getComputedStyle(e.tHead).display])"
    )
    assert len(kept) >= 5
    assert all(each == ["avoid", "table-header-group"] for each in kept)


def test_on_paper_names_and_their_heading_keep_their_words_whole(paper):
    for table in ("candidates", "effects", "fronts"):
        lines = [f".{table} tbody tr:nth-child({i + 1}) th" for i in range(3)]
        for cell in (f".{table} thead th", *lines[: 2 if table == "effects" else 3]):
            assert paper.ask(LINES.replace("CELL", cell)) == 1, cell


def test_on_paper_the_map_of_many_classes_is_in_blocks_of_letters_that_can_be_read(paper):
    maps = paper.ask(
        "[...document.querySelectorAll('.map')].map(e => [e.rows[0].cells.length,"
        " e.getBoundingClientRect().right,"
        " parseFloat(getComputedStyle(e.rows[1].cells[1]).fontSize)])"
    )
    assert [number for number, *_ in maps] == [16, 16, 16]
    assert all(right <= PAPER_WIDTH for _, right, _ in maps)
    assert all(size * 72 / 96 >= 6 for *_, size in maps)


def test_on_a_phone_a_shade_says_that_a_table_goes_on_and_rows_have_no_gaps(window, tmp_path):
    means = {"baseline": 0.3, "fusion=sum": 0.301, "c": 0.28}
    rows = noisy(means, seeds=3, sd=0.01, baseline=8, c=9)
    page = reports.write(study_of(rows, baseline="baseline"), rows, tmp_path).page
    tab = opened(window, page, width=390)
    for name in ("candidates", "effects", "fronts"):
        shade = f"getComputedStyle(document.querySelector('.{name}').parentElement).backgroundImage"
        assert tab.ask(shade).count("linear-gradient") == 4
        one = tab.ask(f"parseFloat(getComputedStyle(document.querySelector('.{name}')).fontSize)")
        text_high = tab.ask(
            f"[...document.querySelectorAll('.{name} tbody tr')].map(row => {{"
            " const cell = getComputedStyle(row.cells[1]);"
            " return row.clientHeight - parseFloat(cell.paddingTop)"
            " - parseFloat(cell.paddingBottom)})"
        )
        assert max(text_high) < 1.55 * one * 2.5, f"{name}: no row has three lines"


def test_names_from_right_to_left_leave_the_order_of_a_sentence_alone(window, tmp_path):
    name = "\N{HEBREW LETTER SHIN}\N{HEBREW LETTER LAMED} \N{HEBREW LETTER MEM}"
    rows = noisy({name: 0.3, "b": 0.4}, seeds=3, b=9, **{name: 8})
    page = reports.write(study_of(rows), rows, tmp_path).page
    tab = opened(window, page)
    assert tab.ask(f"document.querySelector('.candidates tbody th').textContent === '{name}'")
    assert tab.ask("document.querySelector('.findings bdi')?.textContent") == name
    order = tab.ask(
        "(() => { const range = document.createRange();"
        " const bdi = document.querySelector('.findings bdi');"
        " range.setStart(bdi.nextSibling, 0); range.setEnd(bdi.nextSibling, 6);"
        " return [bdi.getBoundingClientRect().right, range.getBoundingClientRect().left]; })()"
    )
    assert order[0] <= order[1] + 1
