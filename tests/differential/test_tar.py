"""Archives: whatever our reader lets pass has the entries that Go's archive/tar finds, which dockerd unpacks with."""

import posixpath
import random

from peers import Peer

NAMES = [b"x", b"d/", b"", b".", b"manifest.json", b"./manifest.json", b"a/../manifest.json", b"n" * 100, b"m" * 99 + b"/",
         b"/", b"a\0b/", b"\xc3\xa9", b"\xff\xfe", b"a b"]  # fmt: skip
PREFIXES = [b""] * 12 + [b"d", b"d/", b"manifest.json", b"./" * 59 + b"manifest.json", b"\0x", b"p" * 155]
MAGICS = [b"ustar\x0000"] * 6 + [b"ustar  \0"] * 4 + [b""] * 3 + [b"ustar\x0001", b"ustar\0\0\0", b"USTAR\x0000"]
ENDS = [b""] * 10 + [b"\0" * 8 + b"tar\0", b"x" * 12, b"\0" * 4 + b"tar\0"]
RECORDS = {
    b"size": [b"0", b"512", b"3", b"-1", b"010", b"+5", b" 5", b"1e1", b"", b"1024", b"0x5"],
    b"path": NAMES,
    b"linkpath": NAMES,
}
KEYS = [*RECORDS, b"mtime", b"comment", b"GNU.sparse.major", b"GNU.sparse.name", b"SCHILY.xattr.a", b"hdrcharset", b"Path", b"size ", b""]
FILE, DIRECTORY, GLOBAL = ord("0"), ord("5"), ord("g")


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, values):
        return self.random.choice(values)

    def number(self, value):
        """A size as headers may have it: octal in several manners, base 256, and nonsense."""
        octal = b"%o" % value
        manners = [octal.zfill(11) + b"\0"] * 8 + [octal.rjust(11) + b"\0", (octal + b" ").ljust(12), octal.zfill(12),
                   b"\x80" + value.to_bytes(11, "big"), b"\xff" * 12, (b"\0" + octal + b"\0").ljust(12, b"\0"),
                   bytes(self.pick(b"01234567 \0\x80-+89") for _ in range(12))]  # fmt: skip
        return self.pick(manners)

    def record(self, key, value):
        length = len(key) + len(value) + 3
        while len(b"%d %s=%s\n" % (length, key, value)) != length:
            length += 1
        record = b"%d %s=%s\n" % (length, key, value)
        return self.pick([record] * 20 + [b"0" + record, b" " + record, b"+" + record, record.replace(b"\n", b"\r\n")])

    def records(self):
        out = b""
        for _ in range(self.random.randint(0, 3)):
            key = self.pick(KEYS)
            out += self.record(key, self.pick(RECORDS.get(key, [b"", b"1", b"x", b"1.5", b"a=b"])))
        return out

    def header(self, kind, size, name=None):
        fields = [(0, 100, self.pick(NAMES) if name is None else name), (124, 12, size), (156, 1, bytes([kind])),
                  (157, 100, self.pick([*NAMES, b"", b"", b""])), (257, 8, self.pick(MAGICS)), (345, 155, self.pick(PREFIXES)),
                  (500, 12, self.pick(ENDS))]  # fmt: skip
        block = bytearray(512)
        for at, length, value in fields:
            block[at : at + len(value[:length])] = value[:length]
        for _ in range(self.pick([0] * 8 + [1, 2, 5])):
            block[self.random.randrange(512)] = self.random.randrange(256)
        block[148:156] = b" " * 8
        signed = self.random.random() < 0.05
        total = sum(byte - 256 if signed and byte > 127 else byte for byte in block)
        block[148:156] = b"%06o\0 " % (total & 0o777777)
        return bytes(block)

    def hidden(self):
        return self.header(self.pick(b"403"), b"0" * 11 + b"\0", self.pick([b"dev", b"manifest.json"]))

    def entry(self):
        kind = self.pick(b"0000\0\0\0\x3012345678xgLKSVMDNA7")
        size = self.pick([0, 0, 1, 5, 512, 513, 1024, 1536])
        contents = b"".join(self.pick([self.hidden(), b"y" * 512, bytes(512)]) for _ in range((size + 511) // 512))
        if kind in b"xg":
            contents = self.records()
            size = len(contents)
        if kind in b"LK":
            contents = self.pick(NAMES) + self.pick([b"", b"\0"])
            size = len(contents)
        return self.header(kind, self.number(size)) + contents + bytes(-len(contents) % 512)

    def archive(self):
        out = b"".join(self.entry() for _ in range(self.random.randint(1, 5)))
        end = self.random.random()
        if end < 0.5:
            out += bytes(1024)
        elif end < 0.6:
            out += bytes(512) + self.hidden()
        elif end < 0.7:
            out = out[: self.random.randrange(len(out) + 1)]
        return out


def cleaned(name):
    return posixpath.normpath(b"/" + name)


def ours_of(lines):
    """[type, names, bytes] of each entry; None if the archive is refused."""
    if lines[-1] == "refused":
        return None
    entries = []
    for line in lines[:-1]:
        kind, *rest = line.split(" ")
        if kind == "entry":
            entries.append([int(rest[0]), [bytes.fromhex(name)[1:] for name in rest[1:]], 0])
        else:
            entries[-1][2] = int(rest[0])
    return entries


def difference(ours, lines):
    """What Go finds and we did not, or found otherwise. Go may stop earlier: then dockerd does."""
    theirs = [line.split(" ")[1:] for line in lines if line.startswith("entry")]
    theirs = [(int(kind), bytes.fromhex(name)[1:], int(length)) for kind, name, length in theirs if int(kind) != GLOBAL]
    stops = lines[-1] == "error"
    for at, (kind, name, length) in enumerate(theirs):
        if at >= len(ours):
            return f"Go finds one more: {kind} {name}"
        our_kind, our_names, our_length = ours[at]
        empty_folder = kind == DIRECTORY and our_kind == FILE and our_length == 0
        if kind != our_kind and not empty_folder:
            return f"another type: {kind} {name}, {ours[at]}"
        if length != our_length and not (stops and at == len(theirs) - 1):
            return f"another length: {length} {name}, {ours[at]}"
        if name and cleaned(name) not in [cleaned(each) for each in our_names]:
            return f"another name: {name}, {ours[at]}"
    return None


def test_archives_that_pass_are_what_go_takes_them_for(programs):
    maker = Maker(1)
    with Peer(programs.ours, "tar") as our_peer, Peer(programs.go, "tar") as go_peer:
        passed = several = 0
        for _ in range(30000):
            archive = maker.archive()
            ours = ours_of(our_peer.ask(archive))
            if ours is None:
                continue
            lines = go_peer.ask(archive)
            passed += 1
            several += len(lines) > 2
            found = difference(ours, lines)
            assert not found, (found, archive)
    # Else it would compare nothing.
    assert passed > 2000 and several > 300, (passed, several)
