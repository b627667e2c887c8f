#!/usr/bin/env python3
"""Makes the manual pages of section 3 and the pages of docs/reference: reference.py HEADER DIRECTORY DATE HELP...

    header -> sections -> items (a comment and the declarations below it) -> blocks of text -> man(7), Markdown
    help of a command, on a very wide terminal -> Markdown
"""
import pathlib
import re
import sys
import textwrap

# ---- the header -------------------------------------------------------------------------------------------------------

SECTION = re.compile(r'^/\* ---- (.*?) -+ \*/$', re.M)
HIDDEN = ('MEMA_POOL_REST', 'MEMA_REASON_CODE')
ERROR = re.compile(r'^(.*?)\s+(MEMA_[A-Z_]+, E[A-Z]+)$')


class Item:
    """A comment, and the declarations below it."""

    def __init__(self, lines, declarations):
        self.lines = lines
        self.declarations = declarations

    def names(self):
        return [name_of(declaration) for declaration in self.declarations]


class Section:
    def __init__(self, title):
        self.title = title
        self.page = 'mema-' + re.sub(r'[^a-z]+', '-', title.split(':')[0].lower().replace("'", '')).strip('-').removeprefix('a-')
        self.intro = []  # lines
        self.items = []


def comment_lines(comment):
    """The lines of a comment, without its stars; an indented line keeps its further blanks."""
    lines = comment[2:-2].strip().split('\n')
    return [re.sub(r'^\s*\* ?', '', line).rstrip() if i > 0 else line.rstrip() for i, line in enumerate(lines)]


def name_of(declaration):
    if declaration.startswith('#define'):
        return re.match(r'#define (\w+)', declaration).group(1)
    if declaration.startswith('typedef'):
        return re.search(r'(\w+)(?:\([^()]*\))?;$', declaration).group(1)
    return re.search(r'(\w+)\(', declaration).group(1)


def end_of_declaration(text, start):
    """Behind the semicolon, or the brace that closes an inline function."""
    depth = 0
    inline = text.startswith(('static inline', 'MEMA_ATTRIBUTE'), start)
    i = start
    while True:
        if text.startswith('/*', i):
            i = text.index('*/', i) + 2
            continue
        depth += {'{': 1, '}': -1}.get(text[i], 0)
        i += 1
        if depth == 0 and (text[i - 1] == ';' or (inline and text[i - 1] == '}')):
            return i


def tokens(text):
    """Comments, directives and declarations, each with the blank lines behind it."""
    i = 0
    while i < len(text):
        if text[i].isspace():
            i += 1
            continue
        if text.startswith('/*', i):
            end = text.index('*/', i) + 2
        elif text[i] == '#':
            end = i
            while text[text.index('\n', end) - 1] == '\\':
                end = text.index('\n', end) + 1
            end = text.index('\n', end)
        elif text.startswith('extern "C"', i) or text[i] == '}':
            end = text.find('\n', i)
        else:
            end = end_of_declaration(text, i)
        yield text[i:end], bool(re.match(r'[ \t]*\n\s*\n', text[end:]))
        i = end


def without_attributes(declaration):
    text = re.sub(r'\s*MEMA_ATTRIBUTE\(\(.*?\)\)(?!\))', '', declaration, flags=re.S)
    return re.sub(r'\s+', ' ', text.replace('MEMA_PUBLIC ', '')).strip()


def shown(declaration):
    """A declaration as a user writes it."""
    text = re.sub(r'struct MEMA_TAG\((\w+)\) \* (\w+;)', lambda match: f'struct mema_{match[1]} *{match[2]}'.ljust(len(match[0])), declaration)
    text = re.sub(r'MEMA_TAG\((\w+)\)', r'mema_\1', text)
    text = re.sub(r'\n\s*MEMA_POOL_REST', '', text)
    return without_attributes(text) if '{' not in text and not text.startswith('#') else text


def without_body(declaration):
    return without_attributes(declaration[:declaration.index('{')].replace('static inline ', '')) + ';'


def read_section(title, text):
    section = Section(title)
    pending, item, short = None, None, {}
    for token, ends_paragraph in tokens(text):
        if token.startswith('/*'):
            lines = comment_lines(token)
            if lines[0].startswith('NOLINT') or re.fullmatch(r'\(\d\)', lines[0]):
                continue
            if ends_paragraph:
                section.intro += ([''] if section.intro else []) + lines
            pending, item = (None if ends_paragraph else lines), None
        elif token.startswith('#') and (not token.startswith('#define') or name_of(token) in HIDDEN):
            item = None
        elif token.startswith(('extern', '}')):
            continue
        elif 'static inline' in token:
            short[name_of(without_body(token))] = without_body(token)
        elif item is not None:
            item.declarations.append(shown(token))
        else:
            item = Item(pending or [], [shown(token)])
            section.items.append(item)
            pending = None
        if ends_paragraph:
            item = None
    add_short_names(section, short)
    return section


def add_short_names(section, short):
    """An alias or an inline wrapper stands with the name behind it."""
    alias = re.compile(r'typedef mema_\w+ \w+;')
    aliases = [item for item in section.items if all(alias.fullmatch(line) for line in item.declarations)]
    section.items = [item for item in section.items if item not in aliases]
    for item in section.items:
        for name in item.names():
            brief = name.replace('mema_', '', 1)
            if brief in short:
                item.declarations.insert(0, short.pop(brief))
            for other in aliases:
                item.declarations += [line for line in other.declarations if line == f'typedef {name} {brief};']
    assert not short, f'inline functions without a function: {short}'


def read_header(text):
    """The lines of the first comment, and the sections."""
    parts = SECTION.split(text)
    return comment_lines(text[:text.index('*/') + 2]), [read_section(*pair) for pair in zip(parts[1::2], parts[2::2])]


# ---- blocks of text ---------------------------------------------------------------------------------------------------

def joined(lines):
    return ' '.join(line.strip() for line in lines)


def split_errors(lines):
    """Rows of a condition, which may take several lines, and the reason."""
    rows, condition = [], []
    for line in lines:
        match = ERROR.match(line)
        condition.append(match.group(1) if match else line)
        if match:
            rows.append((joined(condition), match.group(2)))
            condition = []
    assert not condition, f'a condition without a reason: {condition}'
    return rows


def split_entries(lines, start):
    """Entries that begin with a pattern; other lines continue them."""
    entries = []
    for line in lines:
        match = start.match(line)
        if match:
            entries.append([match.groups()[:-1], [match.groups()[-1]]])
        else:
            entries[-1][1].append(line)
    return [(head, joined(body)) for head, body in entries]


def indented_block(lines):
    if any(ERROR.match(line) for line in lines):
        return 'errors', split_errors(lines)
    if lines[0].startswith('  - '):
        return 'bullets', [body for _, body in split_entries(lines, re.compile(r'^()  - (.*)'))]
    term = re.compile(r'^  ([a-z][\w-]*(?: [a-z]+)?)\s{2,}(\S.*)')
    if term.match(lines[0]):
        return 'terms', [(head[0], body) for head, body in split_entries(lines, term)]
    return 'code', textwrap.dedent('\n'.join(lines)).split('\n')


def blocks(lines):
    """('text', string), ('code', lines), ('errors' or 'terms', pairs), ('bullets', strings)"""
    result, run = [], []

    def flush():
        if run:
            result.append(indented_block(run) if run[0].startswith('  ') else ('text', joined(run)))
            run.clear()

    for line in lines:
        if not line.strip():
            flush()
            continue
        if run and line.startswith('  ') != run[0].startswith('  '):
            flush()
        run.append(line)
    flush()
    return result


def members(body, separator):
    """The members of a struct or an enum: the declaration, and the lines of its comment, which stands above it or behind it. A member under a condition
    is one like the others."""
    result, above, end = [], [], 0
    body = re.sub(r'^#.*\n', '', body, flags=re.M)
    for match in re.finditer(rf'/\*.*?\*/|[^/\s][^{separator}/]*{separator}?', body, re.S):
        token = match.group(0).strip()
        if not token.startswith('/*'):
            result.append((re.sub(r'\s+', ' ', token.rstrip(separator)), above))
            above, end = [], match.start() + len(token)
        elif result and '\n' not in body[end:match.start()]:
            result[-1] = (result[-1][0], comment_lines(token))
        else:
            above = comment_lines(token)
    return result


def first_sentence(lines):
    text = next((body for kind, body in blocks(lines) if kind == 'text'), '')
    text = re.sub(r'^\w+(?: tests)?: (\w)', lambda match: match.group(1).upper(), text)
    for match in re.finditer(r'[.:](?=\s|$)|, or (?:NULL|a zero)|$', text):
        sentence = text[:match.start()]
        if sentence.count('(') == sentence.count(')'):
            return sentence + '.' if sentence else ''
    raise ValueError(text)


# ---- Markdown ---------------------------------------------------------------------------------------------------------

def anchor(title):
    return re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-')


class Markdown:
    def __init__(self, root):
        self.titles = {page.name: {anchor(line.lstrip('# ').strip()) for line in page.read_text().split('\n') if line.startswith('#')}
                       for page in (root / 'docs').glob('*.md')}

    def linked(self, text):
        """Names of pages become links, as far as to the chapter. A chapter that is not there is a mistake in the header."""
        def link(match):
            page, chapter = match.group(1), match.group(2)
            target = f'../{page}' + (f'#{anchor(chapter)}' if chapter else '')
            if page.endswith('.md') and chapter and anchor(chapter) not in self.titles.get(page, ()):
                sys.exit(f'include/mema.h: docs/{page} has no chapter "{chapter}"')
            return f'[docs/{page}]({target})' + (f', "{chapter}"' if chapter else '')
        text = re.sub(r'\*(?=\w)', r'\\*', text)
        text = re.sub(r'(?<!`)\b((?:mema|MEMA)_\w+(?:\.\w+)?(?:\([\w, ]*\)(?:->\w+)?)?)', r'`\1`', text)
        return re.sub(r'docs/([\w.-]+\.(?:md|json))(?:, "([^"]+)")?', link, text)

    def wrapped(self, text, further=''):
        return textwrap.fill(self.linked(text), 120, subsequent_indent=further, break_long_words=False, break_on_hyphens=False)

    def block(self, kind, body):
        if kind == 'text':
            return self.wrapped(body)
        if kind == 'code':
            return '```c\n' + '\n'.join(body) + '\n```'
        if kind == 'bullets':
            return '\n'.join(self.wrapped('* ' + text, '  ') for text in body)
        head = '| in this case | reason, errno |' if kind == 'errors' else '| | |'
        rows = [(self.linked(text), f'`{reason}`') for text, reason in body] if kind == 'errors' else [
            (f'**{term}**', self.linked(text)) for term, text in body]
        return '\n'.join([head, '|---|---|'] + [f'| {left} | {right} |' for left, right in rows])

    def text(self, lines):
        return [self.block(*block) for block in blocks(lines)]

    def item(self, item):
        return ['### ' + ', '.join(item.names()), '```c\n' + '\n'.join(item.declarations) + '\n```'] + self.text(item.lines)

    def section(self, section):
        parts = [f'# {section.title[0].upper()}{section.title[1:]}', MADE] + self.text(section.intro)
        for item in section.items:
            parts += self.item(item)
        return '\n\n'.join(parts) + '\n'

    def index(self, head, sections):
        parts = ['# Reference', MADE + ' The commands of the program `mema`: [commands.md](commands.md). The '
                 'other headers, for C++, tests and other libraries: [headers.md](headers.md).'] + self.text(head)
        for section in sections:
            rows = [f'| `{", ".join(item.names())}` | {self.linked(first_sentence(item.lines))} |' for item in section.items]
            title = section.title[0].upper() + section.title[1:]
            parts += [f'## [{title}]({section.page}.md)', '\n'.join(['| | |', '|---|---|'] + rows)]
        return '\n\n'.join(parts) + '\n'


MADE = 'Made from [include/mema.h](../../include/mema.h) by `make reference`.'

def head_of(path):
    """The comment at the head of a header: its first line, and the other lines."""
    text = path.read_text()
    if text.startswith('//'):
        lines = [line[2:].removeprefix(' ') for line in re.match(r'(?://.*\n)+', text).group(0).rstrip().split('\n')]
    else:
        lines = comment_lines(text[:text.index('*/') + 2])
    return re.sub(r'^[\w.]+ - (\w)', lambda match: match.group(1).upper(), lines[0]), lines[1:]


def headers_page(markdown, headers):
    parts = ['# The other headers', 'Each stands on mema.h alone, and has its contract in its comments. Made from their heads by `make reference`.']
    for path in headers:
        first, rest = head_of(path)
        parts += [f'## [{path.name}](../../include/{path.name})'] + markdown.text([first] + rest)
    return '\n\n'.join(parts) + '\n'


# ---- man(7) -----------------------------------------------------------------------------------------------------------


def roff(text, typed=False):
    text = text.replace('\\', '\\e')
    if typed:
        text = text.replace('-', '\\-').replace("'", '\\(aq')
    else:
        text = re.sub(r'`([^`]*)`', lambda match: '\\fB' + match.group(1).replace('-', '\\-') + '\\fR', text)
        text = re.sub(r'\b(mema_\w+|MEMA_\w+)', r'\\fB\1\\fR', text)
    return re.sub(r"^([.'])", r'\\&\1', text, flags=re.M)


def filled(text):
    return '\n'.join(roff(line) for line in textwrap.wrap(text, 60, break_long_words=False, break_on_hyphens=False))


def example(lines):
    return '.PP\n.EX\n' + '\n'.join(roff(line, True) for line in lines) + '\n.EE'


def listed(pairs):
    return '\n'.join(f'.TP\n{term}\n{text}' for term, text in pairs)


def man_block(kind, body):
    if kind == 'text':
        return '.PP\n' + filled(body)
    if kind == 'code':
        return example(body)
    if kind == 'bullets':
        return '\n'.join('.IP \\(bu 2\n' + filled(text) for text in body)
    if kind == 'errors':
        return listed((f'\\fB{reason}\\fR', filled(text)) for text, reason in body)
    return listed((f'\\fB{term}\\fR', filled(text)) for term, text in body)


def man_text(lines):
    return [man_block(*block) for block in blocks(lines)]


def man_reasons(declaration):
    rows = re.findall(r'X\((\w+), (\w+), "([^"]*)"\)', declaration)
    return [listed((f'\\fB{code}\\fR, {number}', filled(message)) for code, number, message in rows)]


def man_members(declaration):
    body = declaration[declaration.index('{') + 1:declaration.rindex('}')]
    if 'MEMA_REASONS(' in body:
        return []
    pairs = []
    for member, lines in members(body, ',' if declaration.startswith('typedef enum') else ';'):
        text = '\n'.join(man_text(lines)) or '.PP\n'
        pairs.append((f'\\fB{roff(member, True)}\\fR', re.sub(r'^\.PP\n', '', text).replace('.PP\n', '.IP\n') or '\\&'))
    return [listed(pairs)]


def man_declaration(declaration):
    """A function is one line of bold; of a struct only the name, for its members follow."""
    if '{' in declaration:
        return f'\\fB{declaration[:declaration.index("{")].strip()}\\fR'
    return '\n'.join(f'\\fB{roff(line.strip(), True)}\\fR' for line in wrapped_declaration(declaration.split(' \\\n')[0].rstrip(' \\')))


def wrapped_declaration(declaration):
    return textwrap.wrap(declaration, 70, subsequent_indent='    ', break_long_words=False, break_on_hyphens=False)


def man_item(item):
    parts = ['.SS ' + ', '.join(item.names())]
    parts += ['.nf\n' + '\n'.join(man_declaration(declaration) for declaration in item.declarations) + '\n.fi']
    parts += man_text(item.lines)
    for declaration in item.declarations:
        if 'MEMA_REASONS(X)' in declaration:
            parts += man_reasons(declaration)
        elif '{' in declaration:
            parts += man_members(declaration)
    return parts


def man_title(page, date, version):
    return f'.\\" Made from include/mema.h by: make reference\n.TH {page.upper()} 3 {date} "mema {version}" "Library Functions Manual"'


def functions(section):
    return [name for item in section.items for name, declaration in zip(item.names(), item.declarations)
            if '{' not in declaration and not declaration.startswith(('#', 'typedef'))]


def man_section(section, sections, date, version):
    named = functions(section) or [section.page]
    synopsis = [line for item in section.items for declaration in item.declarations
                if name_of(declaration) in named for line in wrapped_declaration(declaration)]
    parts = [man_title(section.page.replace('-', '\\-'), date, version), '.SH NAME',
             ',\n'.join(textwrap.wrap(', '.join(named), 70)).replace(',,', ',') + ' \\-\n' + section.title]
    parts += ['.SH SYNOPSIS\n.nf\n\\fB#include <mema.h>\\fR\n.PP'] + [f'\\fB{roff(line, True)}\\fR' for line in synopsis] + ['.fi']
    parts += ['.SH DESCRIPTION'] + re.sub(r'^\.PP\n', '', '\n'.join(man_text(section.intro))).split('\n')
    for item in section.items:
        parts += man_item(item)
    return '\n'.join(part for part in parts if part) + '\n' + see_also(sections, section)


def see_also(sections, but):
    pages = ['mema'] * (but is not None) + [section.page for section in sections if section is not but]
    return '.SH SEE ALSO\n' + ',\n'.join(f'.BR {page} (3)'.replace('-', '\\-') for page in sorted(pages)).replace(',\n', ' ,\n').replace(') ,', '),') + '\n'


def man_index(head, sections, date, version):
    parts = [man_title('mema', date, version), '.SH NAME', 'mema \\- memory pools with an exact byte budget',
             '.SH SYNOPSIS\n.nf\n\\fB#include <mema.h>\\fR\n.PP\n\\fBgcc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs mema)\\fR\n.fi', '.SH DESCRIPTION']
    parts += re.sub(r'^\.PP\n', '', '\n'.join(man_text(head))).split('\n') + ['.SH PAGES']
    for section in sections:
        parts += [f'.TP\n.BR {section.page} (3)'.replace('-', '\\-'), filled(section.title + ': ' + ', '.join(functions(section) or ['types']))]
    return '\n'.join(parts) + '\n' + see_also(sections, None)


# ---- commands ---------------------------------------------------------------------------------------------------------

def entries(lines):
    """Rows of a term and its text, which stand in one line, or the text below the term."""
    rows = []
    for line in lines:
        if re.match(r'  \S', line):
            term, _, text = line.strip().partition('  ')
            rows.append([term, text.strip()])
        else:
            rows[-1][1] = (rows[-1][1] + ' ' + line.strip()).strip()
    return rows


def help_block(block):
    """A block of the help, which has a title if its further lines are indented."""
    lines = block.split('\n')
    if lines[0].startswith('Usage:'):
        usages = [re.sub(r'^ *(?:Usage|or): ', '', line) for line in lines]
        return '```text\n' + '\n'.join(usages) + '\n```'
    if len(lines) < 2 or not lines[1].startswith('  '):
        return textwrap.fill(re.sub(r"`([^']*)'", r'`\1`', block), 120, break_long_words=False, break_on_hyphens=False)
    title, _, about = lines[0].partition(':')
    rows = [f'| `{term.replace("|", chr(92) + "|")}` | {quoted(text)} |' for term, text in entries(lines[1:])]
    return '\n\n'.join([f'**{title}**' + (':' + about if about else '')] + ['\n'.join(['| | |', '|---|---|'] + rows)])


def quoted(text):
    return re.sub(r"`([^']*)'", r'`\1`', text).replace('|', '\\|').replace('*', '\\*')


def commands_page(helps):
    parts = ['# The commands of mema', 'Made from the tables of [cli](../../cli) by `make reference`, as `--help` and the manual pages are.']
    for path in helps:
        text = pathlib.Path(path).read_text().rstrip('\n')
        parts += ['## ' + re.match(r'Usage: (mema(?: [a-z]+)?)', text).group(1)] + [help_block(block) for block in text.split('\n\n')]
    return '\n\n'.join(parts) + '\n'


# ---- files ------------------------------------------------------------------------------------------------------------

def main():
    header, out, date = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    text = header.read_text()
    version = re.search(r'MEMA_VERSION "([^"]+)"', text).group(1)
    head, sections = read_header(text)
    head[0] = re.sub(r'^mema\.h - ', '', head[0])
    head[0] = head[0][0].upper() + head[0][1:]
    markdown = Markdown(header.resolve().parent.parent)
    pages, man = out / 'docs/reference', out / 'docs/man'
    (pages / 'README.md').write_text(markdown.index(head, sections))
    others = sorted(path for path in header.parent.glob('mema*.h*') if path.name != header.name)
    (pages / 'headers.md').write_text(headers_page(markdown, others))
    (pages / 'commands.md').write_text(commands_page(sys.argv[4:]))
    (man / 'mema.3').write_text(man_index(head, sections, date, version))
    links = []
    for section in sections:
        (pages / f'{section.page}.md').write_text(markdown.section(section))
        (man / f'{section.page}.3').write_text(man_section(section, sections, date, version))
        links += [f'{name}.3 {section.page}.3' for name in functions(section)]
    (man / 'links').write_text('\n'.join(links) + '\n')


if __name__ == '__main__':
    main()
