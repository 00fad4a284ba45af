"""What the site of the documents needs beside MkDocs.

The documents are read in the repository first, so their links are those of files. A link to a file that is no page
leads to the repository. A page that another system draws, such as a diagram, gets what draws it from the site itself:
nothing is fetched from elsewhere when a page is read.
"""

import logging
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

from mkdocs.structure.files import File

log = logging.getLogger("mkdocs.hooks.site")

REPOSITORY = "https://github.com/orderloom/orderloom"
ROOT = Path(__file__).resolve().parents[2]
MERMAID = Path(sys.prefix) / "mermaid.min.js"


def on_config(config):
    """Puts the pages of a folder in place of the line of the navigation that ends with /*."""
    config.nav = expand(config.nav, Path(config.docs_dir), named(config.nav))
    return config


def named(nav):
    """Returns the pages that the navigation names one by one."""
    for item in nav:
        for value in item.values() if isinstance(item, dict) else [item]:
            yield from named(value) if isinstance(value, list) else [value]


def expand(nav, docs, apart):
    apart = set(apart)
    expanded = []
    for item in nav:
        if isinstance(item, dict):
            expanded.append({title: expand(v, docs, apart) if isinstance(v, list) else v for title, v in item.items()})
        elif item.endswith("/*"):
            pages = sorted(p.relative_to(docs).as_posix() for p in docs.glob(item + ".md"))
            expanded += [page for page in pages if page not in apart]
        else:
            expanded.append(item)
    return expanded


def on_files(files, config):
    """Adds what lies outside of docs/: the style of the site, and what draws diagrams."""
    for name, path in {
        "assets/site.css": ROOT / "dev/site/site.css",
        "assets/mermaid.js": MERMAID,
    }.items():
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


LINK = re.compile(r"(\]\()([^)\s#:]+)((?:#[^)\s]*)?\))")
FENCED = re.compile(r"(^```.*?^```)", re.M | re.S)
INFO = re.compile(r"^(```[a-z]+) [a-z ]+$", re.M)


def on_page_markdown(markdown, page, config, files):
    """Lets links that leave docs/, and those to folders, lead to the repository.

    Tests mark blocks of code by a second word, which is left out.
    """
    here = Path(page.file.abs_src_path).parent

    def outside(match):
        target = Path(os.path.normpath(here / match[2]))
        if target.is_relative_to(config.docs_dir) and not target.is_dir() or not target.is_relative_to(ROOT):
            return match[0]
        if not target.exists():
            log.warning("%s links to %s, which is not there", page.file.src_uri, match[2])
        kind = "tree" if target.is_dir() else "blob"
        return f"{match[1]}{REPOSITORY}/{kind}/main/{target.relative_to(ROOT).as_posix()}{match[3]}"

    parts = FENCED.split(markdown)
    for i, part in enumerate(parts):
        parts[i] = INFO.sub(r"\1", part) if i % 2 else LINK.sub(outside, part)
    return "".join(parts)


def on_post_page(output, page, config):
    """Lets the site draw the diagrams of a page, and holds the page to what a reader's browser has to have."""
    if 'class="mermaid"' in output:
        depth = page.url.count("/")
        output = output.replace("<script", f'<script src="{"../" * depth}assets/mermaid.js"></script><script', 1)
    Checks(page.file.src_uri).feed(output)
    return output


class Checks(HTMLParser):
    """Warns, and so ends a strict build, of what a page fetches from elsewhere, and of Markdown that is left over."""

    LEFT_OVER = re.compile(r"^\s*(```|[-*] \S|1\. \S|\| ?\S.*\|)", re.M)

    def __init__(self, page):
        super().__init__()
        self.page, self.inside, self.text = page, [], ""

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        fetched = attrs.get("src") or (attrs.get("href") if tag == "link" and attrs.get("rel") != "canonical" else None)
        if fetched and urlsplit(fetched).netloc:
            log.warning("%s fetches %s from elsewhere", self.page, fetched)
        address = urlsplit(attrs.get("href") or "")
        if tag == "a" and (address.scheme not in ("", "http", "https", "mailto") or address.scheme and not (address.netloc or address.path)):
            log.warning("%s links to %s, which is no address", self.page, attrs["href"])
        if tag == "p":
            self.text = ""

    def handle_data(self, data):
        self.text += data

    def handle_endtag(self, tag):
        if tag == "p" and self.LEFT_OVER.search(self.text):
            log.warning("%s shows Markdown as text: %s", self.page, self.text.strip()[:80])


def on_post_build(config):
    """Leaves out the maps of scripts and styles, which nobody reads."""
    for path in Path(config.site_dir, "assets").rglob("*.map"):
        path.unlink()
