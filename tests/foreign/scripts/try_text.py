"""Regular expressions, JSON, Unicode, encodings."""

import base64
import binascii
import csv
import difflib
import io
import json
import re
import struct
import textwrap
import unicodedata

print(re.sub(r"(?P<a>\w+) (?P<b>\w+)", r"\g<b> \g<a>", "one two three four"), re.findall(r"(?<=\d)[a-z]+(?!\d)", "1ab 2cd3 4e"), re.split(r"[,;]\s*", "a, b;c"))
value = {"b": [1, 2.5, None, True, "\u20ac\n"], "a": {"nested": []}}
print(json.dumps(value, sort_keys=True), json.loads(json.dumps(value)) == value, json.dumps(value, indent=1).count("\n"))
try:
    json.loads("[1,")
except ValueError as error:
    print(type(error).__name__)
print(unicodedata.normalize("NFD", "\u00e4").encode(), "stra\u00dfe".upper(), base64.b85encode(b"hello"), struct.pack("<hIq", -1, 2, 3), binascii.crc32(b"abc"))
print(*difflib.unified_diff(["a", "b"], ["a", "c"], lineterm=""), textwrap.shorten("word " * 9, 20), list(csv.reader(io.StringIO('a,"b,c"\n'))))
