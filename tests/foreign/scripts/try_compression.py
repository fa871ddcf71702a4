"""zlib, bzip2, lzma, digests, archives."""

import bz2
import gzip
import hashlib
import hmac
import lzma
import zipfile
import zlib

text = b"the quick brown fox " * 3000
for module in (zlib, gzip, bz2, lzma):
    assert module.decompress(module.compress(text)) == text, module
print(zlib.adler32(text), zlib.crc32(text), len(zlib.decompress(zlib.compress(text, 9))))
for name in ("md5", "sha1", "sha256", "sha3_256", "blake2b", "sha512"):
    print(name, hashlib.new(name, text).hexdigest()[:32])
print(
    hmac.new(b"key", text, "sha256").hexdigest(),
    hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 500).hex(),
    hashlib.scrypt(b"a", salt=b"b", n=16, r=8, p=1).hex()[:20],
)
with zipfile.ZipFile("made.zip", "w", zipfile.ZIP_STORED) as archive:
    archive.writestr(zipfile.ZipInfo("name"), text)
print(zipfile.ZipFile("made.zip").read("name") == text)
