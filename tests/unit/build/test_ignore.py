import pytest

from boxship.build.ignore import IgnoreRules


@pytest.mark.parametrize(
    ("rules", "out", "kept"),
    [
        ("node_modules", ["node_modules", "node_modules/a/b"], ["x/node_modules", "node_modules2"]),
        ("/build/", ["build", "build/x"], ["x/build"]),
        ("*.pyc", ["a.pyc"], ["a/b.pyc", "a.pyc.txt"]),
        ("*/temp*", ["a/temp", "a/temporary.txt"], ["temp", "a/b/temp"]),
        ("**/*.log", ["x.log", "a/x.log", "a/b/x.log"], ["x.logs"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "b"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["az"]),
        ("temp?", ["temp1", "tempa/x"], ["temp", "temp12"]),
        ("*.md\n!README.md", ["x.md"], ["README.md"]),
        ("*.md\n!README*.md\nREADME-secret.md", ["x.md", "README-secret.md"], ["README-1.md"]),
        ("docs\n!docs/keep", ["docs/x"], ["docs/keep", "docs/keep/below"]),
        ("*\n!src/**\nsrc/*.tmp", ["Makefile", "src/a.tmp"], ["src/x", "src/a/b"]),
        ("# no\n\n  spaced  \n.", ["spaced"], ["# no", "x"]),
        (r"a\*b", ["a*b"], ["axb"]),
        ("[a-c].txt", ["b.txt"], ["d.txt"]),
        ("[^a].txt", ["b.txt"], ["a.txt"]),
        ("a/../b", ["b"], ["a"]),
        ("./c", ["c"], []),
        ("! d\nd", ["d"], []),
        ("file(1)+.txt", ["file(1)+.txt"], ["file1.txt"]),
        ("", [], ["a", ".git/x"]),
    ],
)
def test_rules_decide_as_the_builder_does(rules: str, out: list[str], kept: list[str]) -> None:
    parsed = IgnoreRules.parse(rules)
    assert [path for path in (*out, *kept) if parsed.excludes(path)] == out


@pytest.mark.parametrize(
    ("rules", "directory", "is_all_below"),
    [
        ("node_modules", "node_modules", True),
        ("*\n!src/main", "src", False),
        ("*\n!src/main", "other", True),
        ("*\n!**/keep", "other", False),
        ("*\n!src/*/keep", "src/a", False),
        ("*\n!src/*/keep", "lib", True),
        ("*\n!src", "src/a", True),
    ],
)
def test_only_what_an_exception_can_reach_is_visited(rules: str, directory: str, is_all_below: bool) -> None:
    assert IgnoreRules.parse(rules).excludes_all_below(directory) is is_all_below


def test_a_pattern_that_means_nothing_is_refused_by_its_text() -> None:
    with pytest.raises(ValueError, match=r"\[z-a\]"):
        IgnoreRules.parse("ok\n[z-a]")
