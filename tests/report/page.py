"""A strict reader of the HTML report."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "col", "img", "input"}


class Page(HTMLParser):
    """What a page consists of; unbalanced tags are collected in `trouble`."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.trouble: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.references: list[str] = []
        self.labels: list[str] = []
        self.handlers: list[str] = []
        self.headings: list[int] = []
        self.text = ""
        self.feed(source)
        self.close()
        self.trouble.extend(f"never closed: {tag}" for tag in self.open)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._attributes(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._attributes(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.trouble.append(f"closed out of order: {tag} at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def _attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.headings.append(int(tag[1]))
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in {"href", "src", "xlink:href", "action", "data"}:
                self.references.append(value or "")
                self.links.extend([value[1:]] if value and value.startswith("#") else [])
            elif name in {"aria-labelledby", "aria-describedby"}:
                self.labels.extend((value or "").split())
            elif name.startswith("on"):
                self.handlers.append(name)
