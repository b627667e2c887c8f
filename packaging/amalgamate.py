#!/usr/bin/env python3
"""amalgamate.py - writes the library as one source file: DIRECTORY/mema.c, and mema.h beside it.

    amalgamate.py DIRECTORY HOSTED_SOURCE... -- FREESTANDING_SOURCE...

Each header is put in once, before its first use. Names that are local to a source file get the name of that file in front, so that they
differ from those of other files and of the system's headers. Macros of a source file end with it.
"""
import os
import re
import shutil
import sys

COMMENT_OR_LITERAL = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
TOKEN = re.compile(COMMENT_OR_LITERAL + r'|(?:->|\.|offsetof\(\w+,)\s*[A-Za-z_]\w*|\b[A-Za-z_]\w*', re.S)
INCLUDE = re.compile(r'^#\s*include\s+([<"])([^>"]+)[>"].*$', re.M)
PUBLIC_HEADER = 'include/mema.h'
HEAD = """/* mema.c - the whole library in one source file. It was made from the files that are named below, by `make amalgamation`.
 * Compile it with a C11 compiler that has the GNU extensions, and link with -pthread. With -DMEMA_FIXED_ONLY it is
 * the fixed engine alone, which needs no C library and no operating system. */
#ifdef MEMA_FIXED_ONLY
#define MEMA_HOSTED 0
#else
#define MEMA_HOSTED 1
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#endif
#pragma GCC diagnostic ignored "-Wunused-function"
"""


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def without_comments(text):
    """The text with comments and literals blanked; lines keep their numbers."""
    return re.sub(COMMENT_OR_LITERAL, lambda match: re.sub(r'[^\n]', ' ', match.group()), text, flags=re.S)


def outermost(text):
    """The text outside of all braces and preprocessor lines."""
    text = re.sub(r'^#(?:[^\n]*\\\n)*[^\n]*', '', text, flags=re.M)
    result, depth = [], 0
    for letter in text:
        depth -= letter == '}'
        if depth == 0:
            result.append(letter)
        depth += letter == '{'
    return ''.join(result)


def local_names(text):
    """The names at file scope that no other file can see: static objects and functions, types, enumerators."""
    plain = re.sub(r'_Atomic\([^)]*\)', '', without_comments(text))
    names = set()
    for enumeration in re.findall(r'^(?:typedef )?enum[^{;]*\{([^}]*)\}', plain, flags=re.M):
        names.update(re.findall(r'(?:^|,)\s*([A-Za-z_]\w*)', enumeration))
    for declaration in re.split(r'[;}]', outermost(plain)):
        head = re.split(r'=|\{', declaration)[0].split('(', 1)
        words = re.findall(r'[A-Za-z_]\w*', re.sub(r'\[[^\]]*\]', '', head[0]))
        if 'static' in words and words[-1] not in ('struct', 'union', 'enum'):
            names.add(words[-1])
    names.update(re.findall(r'^\} *([A-Za-z_]\w*)[^;{}\n]*[;=]', plain, flags=re.M))
    names.update(re.findall(r'^(?:typedef )?(?:struct|union) ([A-Za-z_]\w*)\s*\{', plain, flags=re.M))
    # Names that a macro puts together keep their spelling.
    fixed = ('mema_', 'MEMA_') + tuple(re.findall(r'([A-Za-z_]\w*)\s*##', plain))
    return {name for name in names if not name.startswith(fixed)}


def rename(text, names, prefix):
    def renamed(match):
        token = match.group()
        if token.startswith('offsetof('):
            kind, comma, member = token[len('offsetof('):].partition(',')
            return f'offsetof({prefix if kind in names else ""}{kind}{comma}{member}'
        return prefix + token if token in names else token

    return TOKEN.sub(renamed, text)


def resolve(path, name):
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    return beside if os.path.exists(beside) else os.path.normpath(os.path.join('include', name))


class Half:
    """One of the two libraries: what was put in so far."""

    def __init__(self):
        self.seen = set()
        self.system = set()

    def expand(self, path, text):
        """The text with the headers that it is the first to include."""

        def included(match):
            kind, name = match.groups()
            if kind == '<' and name != 'mema.h':
                first = name not in self.system
                self.system.add(name)
                return match.group() if first else ''
            header = resolve(path, name)
            if header in self.seen:
                return ''
            self.seen.add(header)
            if header == PUBLIC_HEADER:
                return '#include "mema.h"'
            return f'/* ---- {header} */\n{self.expand(header, read(header))}\n'

        return INCLUDE.sub(included, text)

    def source(self, path):
        self.seen.add(path)
        text = read(path)
        prefix = os.path.splitext(os.path.basename(path))[0] + '_'
        macros = sorted(set(re.findall(r'^#\s*define\s+([A-Za-z_]\w*)', text, flags=re.M)) - {'_GNU_SOURCE'})
        text = re.sub(r'^#\s*define\s+_GNU_SOURCE\b.*\n', '', text, flags=re.M)
        # Headers are expanded afterwards, so that the names of this file are changed in its own text alone.
        text = rename(text, local_names(text), prefix) if path.endswith('.c') else text
        ends = ''.join(f'#undef {macro}\n' for macro in macros) if path.endswith('.c') else ''
        return f'/* ---- {path} */\n{self.expand(path, text)}\n{ends}'


def half(sources):
    library = Half()
    return ''.join(library.source(source) for source in sources)


def main():
    directory, rest = sys.argv[1], sys.argv[2:]
    border = rest.index('--')
    os.makedirs(directory, exist_ok=True)
    shutil.copyfile(PUBLIC_HEADER, os.path.join(directory, 'mema.h'))
    text = HEAD + '#if !MEMA_HOSTED\n' + half(rest[border + 1:]) + '#else\n' + half(rest[:border]) + '#endif\n'
    text = text.replace('__STDC_HOSTED__', 'MEMA_HOSTED')
    with open(os.path.join(directory, 'mema.c'), 'w', encoding='utf-8') as file:
        file.write(re.sub(r'\n{3,}', '\n\n', text))


main()
