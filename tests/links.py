#!/usr/bin/env python3
"""Says which links of the repository's Markdown files lead nowhere: to a file that is not there, or to a chapter that its page lacks."""
import pathlib
import re
import subprocess
import sys


def prose(text):
    """The text without blocks of code, and without code in a line."""
    return re.sub(r'`[^`\n]*`', '`', re.sub(r'^ *```.*?^ *```$', '', text, flags=re.S | re.M))


def anchors(path):
    """The anchors of a page, as GitHub makes them: a further chapter of one name gets a number."""
    found, text = {}, re.sub(r'^ *```.*?^ *```$', '', path.read_text(), flags=re.S | re.M)
    for title in re.findall(r'^#+ +(.*)$', text, re.M):
        title = re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', title)
        anchor = re.sub(r'[^\w\- ]', '', title.lower()).strip().replace(' ', '-')
        found[anchor] = found.get(anchor, -1) + 1
        if found[anchor]:
            found[f'{anchor}-{found[anchor]}'] = 0
    return set(found)


def leads_nowhere(page, target):
    name, _, anchor = target.partition('#')
    path = page if not name else page.parent / name
    if not path.exists():
        return 'no such file'
    return anchor and path.suffix == '.md' and anchor not in anchors(path) and 'no such chapter'


def main():
    files = subprocess.run(['git', 'ls-files', '*.md'], capture_output=True, text=True, check=True).stdout.split()
    count, bad = 0, 0
    for page in map(pathlib.Path, files):
        for target in re.findall(r'\]\(([^)\s]+)\)', prose(page.read_text())):
            if re.match(r'\w+:', target):
                continue
            count += 1
            reason = leads_nowhere(page, target)
            if reason:
                bad += 1
                print(f'{page}: {target}: {reason}')
    print(f'{count} links, {bad} of them lead nowhere')
    sys.exit(bad > 0 or count < 100)


main()
