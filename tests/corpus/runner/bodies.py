"""Bodies that data cannot hold as text: archives, made anew for each attempt."""

import gzip
import io
import json
import tarfile

_TYPES = {"char": tarfile.CHRTYPE, "block": tarfile.BLKTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE}


def tar_of(entries):
    """`entries`: list of {name, text | type, mode, uid, to, major, minor, pax}; a list, since names may stand twice."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for each in entries:
            entry = tarfile.TarInfo(each["name"])
            entry.mode = each.get("mode", 0o644)
            entry.type = _TYPES.get(each.get("type"), tarfile.REGTYPE)
            entry.linkname = each.get("to", "")
            entry.devmajor, entry.devminor = each.get("major", 0), each.get("minor", 0)
            entry.uid, entry.pax_headers = int(each.get("uid", 0)), each.get("pax", {})
            text = each.get("text", "").encode()
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    return out.getvalue()


def renamed_image(engine, spec):
    """What `docker save` gives of `from`, with the tag `tag` in its lists of tags. `in`: which list has it: manifest (as
    docker writes it), repositories (the old form), twice (a second manifest behind the first). `gzip`: compressed."""
    where = spec.get("in", "manifest")
    reply = engine.api("GET", f"/images/{spec['from']}/get")
    with tarfile.open(fileobj=io.BytesIO(reply.body)) as tar:
        files = [(member, tar.extractfile(member).read() if member.isfile() else b"") for member in tar]
    repository, version = spec["tag"].rsplit(":", 1)
    manifest = json.loads(next(data for member, data in files if member.name == "manifest.json"))
    layer = manifest[0]["Layers"][-1].split("/")[0]
    lists = []
    if where == "repositories":
        lists.append(("repositories", {repository: {version: layer}}))
    else:
        harmless = [{**manifest[0], "RepoTags": []}]
        evil = [{**manifest[0], "RepoTags": [spec["tag"]]}]
        lists += [("manifest.json", harmless)] if where == "twice" else []
        lists.append(("manifest.json", evil))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member, data in files:
            if member.name not in ("manifest.json", "repositories"):
                tar.addfile(member, io.BytesIO(data))
        for name, value in lists:
            text = json.dumps(value).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    return gzip.compress(out.getvalue()) if spec.get("gzip") else out.getvalue()
