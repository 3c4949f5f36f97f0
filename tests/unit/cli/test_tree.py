"""The live tree, as a terminal of 80 columns would show it."""

import io
import re
from collections.abc import Iterable

from rich.console import Console

from boxship.cli.render.tree import TreeDisplay
from boxship.events import Event, ImageProgress, Notice, Phase, PlanMade, SubjectChanged

SECONDS = re.compile(r"\d+\.\d s")
SPINNER = re.compile(r"^[\u2800-\u28ff]", re.MULTILINE)


def terminal(height: int = 24) -> Console:
    return Console(
        file=io.StringIO(), record=True, width=80, height=height, no_color=True, force_terminal=True, highlight=False
    )


def drawn(events: Iterable[Event], height: int = 24) -> list[str]:
    """The lines of the tree after these events; how long is 0.0 s, and what turns is an asterisk."""
    display = TreeDisplay(terminal(height))
    for event in events:
        display.show(event)
    paper = terminal(height)
    paper.print(display._draw())
    text = SPINNER.sub("*", SECONDS.sub("0.0 s", paper.export_text()))
    return [line.rstrip() for line in text.splitlines()]


def test_every_subject_has_its_state_its_time_and_what_it_waits_for() -> None:
    assert drawn(
        [
            SubjectChanged("service:db", Phase.WAITING),
            SubjectChanged("image:shop/web:latest", Phase.BUILDING),
            ImageProgress("shop/web:latest", "Step 3/9 : RUN make"),
            PlanMade((), {"cache": "runs"}, {"db": (), "web": ("db", "cache"), "init": ()}),
            SubjectChanged("volume:data", Phase.CREATED),
            SubjectChanged("network:default", Phase.CREATED),
            SubjectChanged("service:db", Phase.PROBING, "pg_isready exited 2"),
            SubjectChanged("service:init", Phase.COMPLETED),
            SubjectChanged("service:web", Phase.CREATED),
            SubjectChanged("service:api", Phase.READY),
            SubjectChanged("service:bad", Phase.FAILED, "bad ended with status 1"),
            SubjectChanged("service:page", Phase.SKIPPED, "bad failed"),
        ]
    ) == [
        "*  image shop/web:latest  building   0.0 s  Step 3/9 : RUN make",
        "•  network default        created",
        "•  volume data            created",
        "*  db                     probing    0.0 s  pg_isready exited 2",
        "•  web                    created           waits for db",
        "✔  init                   completed  0.0 s",
        "✔  cache                  unchanged",
        "✔  api                    ready      0.0 s",
        "✘  bad                    failed     0.0 s  bad ended with status 1",
        "⏭  page                   skipped           bad failed",
    ]


def test_going_down_is_shown_too() -> None:
    assert drawn(
        [
            SubjectChanged("service:web", Phase.STOPPED),
            SubjectChanged("service:db", Phase.REMOVED),
            SubjectChanged("service:api", Phase.STOPPING),
        ]
    ) == ["■  web  stopped   0.0 s", "✔  db   removed", "*  api  stopping  0.0 s"]


def test_a_detail_that_is_too_long_is_cut_and_keeps_to_its_line() -> None:
    (line,) = drawn([SubjectChanged("service:db", Phase.PROBING, "a word " * 30)])
    assert len(line) <= 80
    assert line.startswith("*  db  probing  0.0 s  a word a word")
    assert line.endswith("…")


def test_what_a_service_says_is_text_never_markup_nor_control() -> None:
    assert drawn(
        [
            SubjectChanged("service:a", Phase.PROBING, "[error] [/bold] [red]no :smile:"),
            SubjectChanged("service:b", Phase.PROBING, "\x1b[2J\x1b]0;t\x07gone\r"),
        ]
    ) == ["*  a  probing  0.0 s  [error] [/bold] [red]no :smile:", "*  b  probing  0.0 s  0;tgone"]


def test_what_does_not_fit_on_the_screen_is_counted_and_what_is_done_goes_first() -> None:
    lines = drawn(
        [
            *(SubjectChanged(f"service:s{number}", Phase.READY) for number in range(20)),
            SubjectChanged("service:last", Phase.PROBING, "refused"),
        ],
        height=10,
    )
    assert lines == [
        *(f"✔  s{number}   ready    0.0 s" for number in range(14, 20)),
        "*  last  probing  0.0 s  refused",
        "  and 14 more that are done",
    ]


def test_nothing_yet_is_nothing_to_draw() -> None:
    assert "".join(drawn([])) == ""


def test_notices_stay_above_the_tree_and_the_last_state_below() -> None:
    console = terminal()
    with TreeDisplay(console) as display:
        display.show(SubjectChanged("service:db", Phase.STARTING))
        display.show(Notice("host: vm.swappiness is \x1b[2J60 [sic]", is_warning=True))
        display.show(SubjectChanged("service:db", Phase.READY))
    lines = [line.rstrip() for line in SECONDS.sub("0.0 s", console.export_text()).splitlines() if line.strip()]
    assert "host: vm.swappiness is 60 [sic]" in lines
    assert lines[-1] == "✔  db  ready  0.0 s"
