"""The verb graph."""

import argparse

from boxship.cli.context import Invocation
from boxship.cli.render.graph import GRAPH_FORMATS
from boxship.cli.selection import add_selection, selected
from boxship.plan.resolve import resolve


def add_graph(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=list(GRAPH_FORMATS), default="text", help="default: text")
    add_selection(parser, with_tag=False)
    parser.set_defaults(run=graph)


def graph(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load()
    desired = resolve(selected(loaded, arguments), target=invocation.target, profiles=loaded.active_profiles)
    print(GRAPH_FORMATS["json" if invocation.is_json else arguments.format](desired))
    return 0
