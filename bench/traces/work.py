# The work of the trace's python3: JSON, regular expressions, many small objects that come and go.
import json
import re

records = [{"id": i, "name": f"name {i * 7919 % 10007}", "tags": [f"t{i % 13}", f"u{i % 7}"], "size": i * 0.5} for i in range(1500)]
text = json.dumps(records, indent=1)
again = json.loads(text)
words = re.compile(r'"(name \d+)"').findall(text)
counts = {}
for word in words:
    counts[word] = counts.get(word, 0) + 1
lines = [line.strip().upper() for line in text.splitlines()]
replaced = re.sub(r"\bt(\d+)\b", lambda match: "tag" + match.group(1) * 2, text)


class Node:
    def __init__(self, value, left=None, right=None):
        self.value, self.left, self.right = value, left, right


def insert(node, value):
    if node is None:
        return Node(value)
    if value < node.value:
        node.left = insert(node.left, value)
    else:
        node.right = insert(node.right, value)
    return node


root = None
for i in range(1500):
    root = insert(root, i * 7919 % 10007)
queue = [record for record in again if record["id"] % 3 == 0]
queue.sort(key=lambda record: record["name"])
print(len(text), len(words), len(counts), len(lines), len(replaced), len(queue))
