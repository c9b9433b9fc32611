#!/usr/bin/env python3
"""Doxygen's input filter: comments.py HEADER prints it with its comments as Doxygen wants them.

The headers are commented plainly; what a plain comment belongs to is where it stands:
  - above a declaration, without an empty line between: to that, and to those that follow it, up to an
    empty line or the next comment;
  - behind a declaration, on its line: to that alone;
  - at the top of a file: to the file; that of the list of parts, tinymlp.hpp, is the front page.
Only declarations in namespaces, classes and enumerations count; comments in functions stay what they are."""
import re
import sys

# One lexical piece: a comment, a text, a directive with its continued lines, or anything else by the character.
PIECE = re.compile(r"""//[^\n]* | /\*.*?\*/
  | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'
  | (?:(?<=\n)|\A)[ \t]*\#(?:\\\n|[^\n])*
  | \w+ | \n | [ \t]+ | .""", re.VERBOSE | re.DOTALL)
# What opens a scope whose members are declarations.
SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")
# What ends in a colon and declares nothing.
LABEL = re.compile(r"(public|private|protected)\s*$")


def text_of(comment):
    """A comment's lines without their marks."""
    if comment.startswith("//"):
        return [re.sub(r"^// ?", "", comment)]
    return [re.sub(r"^\s*(?:\* ?)?", "", line) if i else line for i, line in
            enumerate(comment[2:-2].strip().split("\n"))]


def escaped(line):
    """Doxygen's own marks, and HTML's, as what they are in a plain comment; code in backticks stays."""
    parts = line.split("`")
    return "`".join(part if i % 2 and i < len(parts) - 1 else re.sub(r"[\\@<>&#%]", r"\\\g<0>", part)
                    for i, part in enumerate(parts))


def documentation(lines, command=""):
    """As one block; indented lines are code, as in Markdown."""
    out, code = [], False
    for line in lines:
        indented = line.startswith("    ") or line.startswith("  ") and bool(line.strip())
        if indented != code:
            out.append("@code{.unparsed}" if indented else "@endcode")
            code = indented
        out.append(line if code else escaped(line))
    if code:
        out.append("@endcode")
    return "/** " + command + "\n".join(out).replace("*/", "* /") + " */"


class Filter:
    def __init__(self, text, top="@file"):
        self.top_command = top
        self.pieces = PIECE.findall(text)
        self.out = [""]
        self.scopes = []          # of open braces: "scope", "enum" or "body"
        self.start = None         # where in `out` the declaration began
        self.code = ""            # of it so far
        self.parentheses = 0
        self.comment = None       # that stands above what comes next
        self.kept = None          # that of the declaration before, while no empty line follows
        self.last = None          # where in `out` that declaration began
        self.last_own = []        # what stands above that declaration alone
        self.lines = 0            # line ends since the last declaration or comment
        self.outer = []           # of open scopes: what there is to know when they close
        self.first, self.at_top, self.top = True, False, []
        self.own = None

    def declares(self):
        return not self.scopes or self.scopes[-1] != "body"

    def begin(self):
        if self.start is None:
            self.start = [len(self.out)]
            self.out.append("")
            self.alone = self.comment or []
            self.own = self.comment if self.comment is not None else self.kept
            self.comment = None
            self.document()

    def document(self):
        for place in self.start:
            self.out[place] = documentation(self.own) + "\n" if self.own else ""

    def next_name(self):
        """Behind the comma of `int a, b;`: the comment is the next name's, too."""
        plain = not re.search(r"[(:]|\b(template|class|struct|using)\b", self.code.replace("::", ""))
        if self.scopes and plain and self.code.count("<") == self.code.count(">"):
            self.start.append(len(self.out))
            self.out.append(self.out[self.start[0]])

    def end(self):
        """The declaration, if there is one, is complete."""
        if self.start is not None:
            self.kept, self.last, self.last_own = self.own, self.start, self.alone
        self.start, self.code, self.lines = None, "", 0

    def add_comment(self, piece):
        first, self.first = self.first, False
        if not self.declares() or self.parentheses or self.start is not None:
            self.out.append(piece)
        elif self.lines == 0 and not first and self.last is None:
            self.out.append(piece)  # behind something else than a declaration
        elif self.lines == 0 and not first:
            # Before the declaration: behind it, Doxygen would take it for the last name of `int a, b;` alone.
            self.start, self.own = self.last, self.last_own + text_of(piece)
            self.document()
            self.start = self.kept = None
        elif first or self.at_top:
            self.top += text_of(piece)
            self.out[0] = documentation(self.top, self.top_command + "\n") + "\n"
            self.at_top, self.lines = True, 0
        else:
            self.comment = (self.comment or []) + text_of(piece)
            self.lines = 0

    def line_end(self):
        self.out.append("\n")
        self.lines += 1
        if self.lines > 1 and self.start is None:
            self.comment = self.kept = self.last = None
            self.at_top = False

    def opens_scope(self):
        """Whether the brace behind self.code does, and is no function's or initializer's."""
        if "namespace" in self.code:
            return True
        return SCOPE.search(re.sub(r"<[^<>]*>", "", self.code)) is not None and \
            not re.search(r"\)[^()]*$|=\s*$", self.code.split("decltype")[0])

    def open_brace(self):
        if not self.declares() or self.parentheses or not self.opens_scope():
            self.scopes.append("body")
            return
        self.scopes.append("enum" if re.search(r"\benum\b", self.code) else "scope")
        self.outer.append((self.start, self.own, self.alone, self.code))
        self.start, self.code, self.kept, self.comment, self.last, self.lines = None, "", None, None, None, 0

    def close_brace(self):
        if not self.scopes or self.scopes.pop() == "body":
            return
        self.end()
        self.start, self.own, self.alone, self.code = self.outer.pop()
        if re.search(r"\bnamespace\b|\bextern\b", self.code):
            self.own = None
            self.end()
            self.kept = self.last = None  # what stands behind the brace says which it closes

    def in_body(self, i, piece):
        """Code that is no declaration of ours, until its brace closes."""
        if piece == "{":
            self.scopes.append("body")
        elif piece == "}":
            self.close_brace()
            # a function's, where no initializer goes on
            rest = "".join(self.pieces[i + 1:i + 40]).lstrip()
            if self.declares() and not rest.startswith((";", ",", ")", "{")):
                self.end()

    def directive(self, piece):
        if re.match(r"\s*#\s*define\b", piece) and self.start is None and (self.comment or self.kept):
            self.kept, self.comment = self.comment or self.kept, None
            self.out.append(documentation(self.kept) + "\n")
        self.out.append(piece)
        self.lines, self.first, self.last, self.at_top = 0, False, None, False

    def in_declaration(self, i, piece):
        ends = piece == ";" or piece == "," and self.scopes[-1:] == ["enum"]
        if piece in "([":
            self.parentheses += 1
        elif piece in ")]":
            self.parentheses -= 1
        elif piece == "{":
            self.open_brace()
        elif piece == "}":
            self.close_brace()
        elif ends and not self.parentheses:
            self.end()
        elif piece == "," and not self.parentheses and self.start is not None:
            self.next_name()
        elif piece == ":" and LABEL.search(self.code):  # which has no comment to pass on
            self.own = None
            self.document()
            self.end()
        if self.start is not None:
            self.code += piece + (" " if "".join(self.pieces[i + 1:i + 2]).isspace() else "")

    def run(self):
        for i, piece in enumerate(self.pieces):
            if piece.startswith(("//", "/*")):
                self.add_comment(piece)
            elif piece == "\n":
                self.line_end()
            elif piece.isspace():
                self.out.append(piece)
            elif piece.lstrip().startswith("#"):
                self.directive(piece)
            else:
                if self.declares() and piece not in "};":
                    self.begin()
                self.out.append(piece)
                if self.declares():
                    self.in_declaration(i, piece)
                else:
                    self.in_body(i, piece)
        return "".join(self.out)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        front = sys.argv[1].endswith("tinymlp/tinymlp.hpp")
        sys.stdout.write(Filter(file.read(), "@mainpage tinymlp" if front else "@file").run())
