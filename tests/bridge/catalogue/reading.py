"""Reads a page as a browser does, with the standard library: a tree of elements, and an error if it is not one."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self

VOID = {"meta", "img", "input"}


@dataclass
class Element:
    """An element, what it has, and what is in it."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All the text in it."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def all(self, tag: str, css_class: str | None = None) -> list["Element"]:
        """Every element in it of that tag and class, in the page's order."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if child.tag == tag and (css_class is None or css_class in child.attributes.get("class", "").split()):
                    found.append(child)
                found += child.all(tag, css_class)
        return found

    def one(self, tag: str, css_class: str | None = None) -> "Element":
        """The first of them."""
        return self.all(tag, css_class)[0]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("page")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"<{tag}> has an attribute twice"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)

    def read(self, html: str) -> Self:
        self.feed(html)
        self.close()
        return self


def read_page(html: str) -> Element:
    """The page as a tree; every element is closed where it should be."""
    [page] = _Reader().read(html).open
    return page
