"""What the words of a repository refer to: files, anchors, links, make targets. Each check lists what is broken."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

WRITTEN = {".py", ".yaml", ".yml", ".md", ".toml", ".j2", ".cff"}
FOLDERS = ("src", "conf", "experiments", "tests", "scripts", "docs", ".github")
# Numbers of papers and of a fact sheet that nobody but their author has; put together, so that this file passes.
FOREIGN = re.compile(
    "|".join([r"\bpaper 0\d\d\b", r"\bmethod" + r" facts\b", r"\bfacts \d+\.\d"]), re.IGNORECASE
)
ANCHORED = re.compile(r"\bdocs/[\w./-]+\.md(?:#[\w-]+)?")
PATH = re.compile(r"(?<![\w./<>{}$*@:~-])(?:[\w.-]+/)*[\w.-]+\.(?:py|yaml|md|toml)\b(?![\w/*{<-])")
FOLDER = re.compile(
    r"(?<![\w./<>{}$*@:~-])(?:results|src|conf|docs|tests|scripts)/[\w./-]*\w(?![\w*{<-]|/[*{<])"
)
MODULE = re.compile(r"(?<![\w./-])posereg(?:\.\w+)+")
LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
FENCE = re.compile(r"^( *)(```+|~~~+).*?^\1\2\s*$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
EXPERIMENT = re.compile(r"(?<![\w/])\+?experiments/([\w/-]+)(=[\w,]+)?")


@dataclass(frozen=True)
class Repository:
    """The text files of a repository at `root`, but for those named in `skip`."""

    root: Path
    skip: frozenset[str] = frozenset()

    @cached_property
    def files(self) -> dict[Path, str]:
        paths = [path for folder in FOLDERS for path in sorted((self.root / folder).rglob("*"))]
        paths += sorted(self.root.glob("*"))
        return {
            path: path.read_text()
            for path in paths
            if path.is_file()
            and (path.suffix in WRITTEN or path.name == "Makefile")
            and self.root / "conf/experiments" not in path.parents  # a link to experiments/
            and self.name(path) not in self.skip
        }

    def of(self, *suffixes: str) -> Iterator[tuple[Path, str]]:
        return ((path, text) for path, text in self.files.items() if path.suffix in suffixes)

    def name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    @cached_property
    def bases(self) -> tuple[Path, ...]:
        """Folders that a path in a comment may start from."""
        return (
            self.root,
            *(
                self.root / base
                for base in ("src", "src/posereg", "conf", "docs", "tests", "experiments", "scripts")
            ),
        )

    @cached_property
    def names(self) -> set[str]:
        return {path.name for path in self.files}


@cache
def anchors(markdown: str) -> frozenset[str]:
    """The anchors of a page's headings as GitHub and MkDocs make them, and those written as HTML."""
    text = FENCE.sub("", markdown)
    found: set[str] = set(re.findall(r"""(?:id|name)=["']([^"']+)["']""", text))
    for heading in HEADING.findall(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\s-]", "", plain.strip().lower()).replace(" ", "-")
        found |= {slug, re.sub(r"-+", "-", slug)}
    return frozenset(found)


def foreign(repository: Repository) -> list[str]:
    """Documents that are not in the repository."""
    return [
        f"{repository.name(path)}: {match.group()}"
        for path, text in repository.files.items()
        for match in FOREIGN.finditer(text)
    ]


def anchored(repository: Repository, generated: Iterable[str] = ()) -> list[str]:
    """Pages of `docs/` and their anchors, named anywhere; `generated` pages are made on demand."""
    broken = []
    for path, text in repository.files.items():
        for target in ANCHORED.findall(text):
            page, _, anchor = target.partition("#")
            if page in generated:
                continue
            if not (repository.root / page).is_file():
                broken.append(f"{repository.name(path)}: {target}: no such page")
            elif anchor and anchor not in anchors((repository.root / page).read_text()):
                broken.append(f"{repository.name(path)}: {target}: no such anchor")
    return broken


def links(repository: Repository, generated: Iterable[str] = ()) -> list[str]:
    """Relative links of Markdown files, with their anchors; `generated` pages are made on demand."""
    made, broken = {repository.root / page for page in generated}, []
    for path, text in repository.of(".md"):
        for match in LINK.finditer(SPAN.sub("", FENCE.sub("", text))):
            target = (match.group(1) or match.group(2)).strip("<>")
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            page = (path.parent / file).resolve() if file else path
            if page in made:
                continue
            if not page.exists():
                broken.append(f"{repository.name(path)}: {target}: no such file")
            elif anchor and page.suffix == ".md" and anchor not in anchors(page.read_text()):
                broken.append(f"{repository.name(path)}: {target}: no such anchor")
    return broken


def comments(path: Path, text: str) -> str:
    """The comments and docstrings of Python, the comments of YAML and Make, the prose and code spans of Markdown."""
    if path.suffix == ".py":
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        parts = [token.string for token in tokens if token.type == tokenize.COMMENT]
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        parts += [
            ast.get_docstring(node) or ""
            for node in ast.walk(ast.parse(text))
            if isinstance(node, documented)
        ]
        return "\n".join(parts)
    if path.suffix == ".md":
        return FENCE.sub("", text)
    return "\n".join(re.findall(r"#\s.*", text))


def modules(repository: Repository) -> list[str]:
    """Modules of the package and names in them, anywhere but in code that Python itself checks."""
    source, broken = repository.root / "src", []
    for path, text in repository.files.items():
        for target in MODULE.findall(comments(path, text) if path.suffix == ".py" else text):
            place, names = source, target.split(".")
            while names and (place / names[0]).is_dir():
                place, names = place / names[0], names[1:]
            if names and (place / f"{names[0]}.py").is_file():
                place, names = place / f"{names[0]}.py", names[1:]
            elif names:
                place = place / "__init__.py"
            if names and not re.search(rf"\b{names[0]}\b", place.read_text() if place.is_file() else ""):
                broken.append(f"{repository.name(path)}: {target}")
    return broken


def folders(repository: Repository) -> list[str]:
    """Folders and files below the repository's own folders, named in comments and prose: `results/...`."""
    return [
        f"{repository.name(path)}: {target}"
        for path, text in repository.of(".py", ".yaml", ".toml", ".md")
        for target in FOLDER.findall(comments(path, text))
        if not (repository.root / target).exists()
    ]


def paths(repository: Repository, allowed: Iterable[str] = ()) -> list[str]:
    """File names in comments and prose: `inference/grouping.py`, `conf/train.yaml`, `train.py`.

    Args:
        allowed: names of files that belong to the reader, or that a command writes.
    """
    allowed, broken = set(allowed), []
    for path, text in repository.of(".py", ".yaml", ".md"):
        for target in PATH.findall(comments(path, text)):
            if target.rpartition("/")[2] in allowed or target in allowed:
                continue
            bases = (path.parent, *repository.bases)
            known = target in repository.names or any((base / target).is_file() for base in bases)
            if not known:
                broken.append(f"{repository.name(path)}: {target}")
    return broken


def code(path: Path, text: str) -> list[str]:
    """Commands that a text shows: code spans, fenced blocks, and in Python and YAML also comments."""
    if path.suffix == ".md":
        return [m.group() for m in FENCE.finditer(text)] + SPAN.findall(FENCE.sub("", text))
    said = comments(path, text)
    return SPAN.findall(said) + re.findall(r"^# Command: (.*)$", said, re.MULTILINE)


def targets(repository: Repository) -> list[str]:
    """`make <target>` in code spans and fenced blocks."""
    makefile = (repository.root / "Makefile").read_text()
    known = set(re.findall(r"^([\w.-]+):(?!=)", makefile, re.MULTILINE))
    known |= set(re.findall(r"\$\(call table,([\w-]+),", makefile))
    return [
        f"{repository.name(path)}: make {name}"
        for path, text in repository.of(".py", ".yaml", ".toml", ".md")
        for piece in code(path, text)
        for words in re.findall(r"(?:^|&&|;)[ \t]*make((?: +[a-z][\w-]*(?![\w=-]))+)", piece, re.MULTILINE)
        for name in words.split()
        if name not in known
    ]


def commands(repository: Repository, exists: Callable[[str], bool]) -> list[str]:
    """`posereg <command>` in code spans and fenced blocks."""
    return [
        f"{repository.name(path)}: posereg {name}"
        for path, text in repository.of(".py", ".yaml", ".toml", ".md")
        for piece in code(path, text)
        for name in re.findall(r"(?:^|[\s`])posereg ([a-z][a-z-]*)\b(?![.=/])", piece)
        if not exists(name)
    ]


def experiments(repository: Repository) -> list[str]:
    """`experiments/<paper>/<table>` and `+experiments/<paper>/<table>=<row>,<row>`, anywhere.

    A row that a page shows how to write (`mine/experiments/...`) exists on that page.
    """
    folder, broken = repository.root / "experiments", []
    for path, text in repository.files.items():
        if path.is_relative_to(repository.root / "tests"):
            continue  # tests make up rows
        written = set(re.findall(r"[\w.]/experiments/([\w/-]+)\.yaml", text))

        def exists(place: str, written: set[str] = written) -> bool:
            return place in written or any((folder / place).glob("*")) or (folder / f"{place}.yaml").is_file()

        for place, rows in EXPERIMENT.findall(text):
            named = [row for row in rows[1:].split(",") if row and row != "glob"]
            wanted = [place.rstrip("/"), *(f"{place}/{row}" for row in named)]
            broken += [f"{repository.name(path)}: experiments/{each}" for each in wanted if not exists(each)]
    return broken
