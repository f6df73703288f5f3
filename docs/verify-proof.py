#!/usr/bin/env python3
"""verify-proof.py PROOF VKEY [FILE]: verifies a Varve file proof (docs/format.md, section 15) with openssl and no library"""
import base64, hashlib, hmac, json, re, struct, subprocess, sys, tempfile
def sha(*parts): return hashlib.sha256(b"".join(parts)).digest()
def require(holds, what): holds or sys.exit(f"NOT PROVED: {what}")
def decode(text):
    return require(base64.b64encode(data := base64.b64decode(text)).decode() == text, "another base64") or data
def is_signed(key, message, signature):
    with tempfile.TemporaryDirectory() as here:
        for name, data in ("key", bytes.fromhex("302a300506032b6570032100") + key), ("text", message), ("sig", signature):
            with open(f"{here}/{name}", "wb") as file: file.write(data)
        command = "openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in text -sigfile sig"
        return subprocess.run(command.split(), cwd=here, capture_output=True).returncode == 0
def root(leaf, index, size, path):  # RFC 6962: what a tree of that size has as its root if the leaf is there
    node, last, digest = index, size - 1, sha(b"\0", leaf)
    require(0 <= node <= last, "an index beyond its tree")
    for sibling in path:
        require(last > 0, "a path that is too long")
        is_right = node & 1 or node == last
        digest = sha(b"\1", sibling, digest) if is_right else sha(b"\1", digest, sibling)
        while is_right and node and not node & 1: node, last = node >> 1, last >> 1
        node, last = node >> 1, last >> 1
    return digest if last == 0 else b"a path that is too short"
def commitment(field, value=None):  # of a field that is hidden, or opened
    if isinstance(field, str): return bytes.fromhex(field)
    return hmac.new(bytes.fromhex(field["salt"]), value(field["value"]) if value else field["value"], "sha256").digest()
def name(text):  # \\ stands for a backslash, \xHH for a byte that is no text
    return re.sub(rb"\\(\\|x..)", lambda m: b"\\" if m[1] == b"\\" else bytes.fromhex(m[1][1:].decode()), text.encode())
text, (key_name, key_id, key) = open(sys.argv[1], encoding="utf-8", newline="").read(), sys.argv[2].split("+", 2)
proof, key = json.loads(text), decode(key)
is_format = proof["format"] == "varve file proof v1" and not re.search(r'(?<!"value":)"(?=[0-9a-fA-F]{64}")[0-9a-f]*[A-F]', text)
require(sha(key_name.encode(), b"\n", key)[:4].hex() == key_id and key[0] == 1, "a bad verifier key")
require(json.dumps(proof, separators=(",", ":"), sort_keys=True, ensure_ascii=False) == text and is_format and len(proof) == 6, "another spelling")
log = re.fullmatch(r"c2sp\.org/tlog-proof@v1\n(?:extra ([^\n]*)\n)?index (.*?)\n\n(.*)", proof["log"], re.DOTALL)
require(log and 1 <= len(proof["files"]) <= 4096, "no log proof, or another number of files")
lines, (checkpoint, signatures), extra = log[2].split("\n"), log[3].rsplit("\n\n", 1), decode(log[1] or "")
ours = [decode(l.split()[2]) for l in signatures.splitlines() if l.startswith(f"— {key_name} ")]
require(any(s[:4].hex() == key_id and is_signed(key[1:], f"{checkpoint}\n".encode(), s[4:]) for s in ours), "the checkpoint's signature")
(origin, size, log_root), index, digests = checkpoint.split("\n")[:3], int(lines[0]), set()
envelope = json.dumps(proof["entry"], separators=(",", ":"), sort_keys=True).encode()
require(root(envelope, index, int(size), map(decode, lines[1:])) == decode(log_root), "the entry in the log")
payload, author = decode(proof["entry"]["payload"]), decode(proof["authorKey"])
kind, signature, says = proof["entry"]["payloadType"], proof["entry"]["signatures"][0], json.loads(payload)["predicate"]
require(is_signed(author, f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload, decode(signature["sig"])), "the entry's signature")
require(sha(author)[:16].hex() == says["author"] == signature["keyid"], "the entry's author")
require(f"{index} {int(size)}" == f"{lines[0]} {size}" and origin == key_name == "varve/" + says["repository"] and says["log"]["index"] == index, "the entry's place")
count, top, salt = proof["tree"]["entries"], bytes.fromhex(proof["tree"]["root"]), bytes.fromhex(proof["tree"]["salt"])
require(sha(b"varve v1 tree\0", salt, struct.pack("<Q", count), top).hex() == says["tree"], "the snapshot's tree")
for file in proof["files"]:
    above = count, top
    for level in file["levels"]:
        own = struct.pack("<Q", level["entries"]) + bytes.fromhex(level["root"]) if "root" in level else commitment(
            {"salt": level["salt"], "value": level["size"].to_bytes(7, "little") + b"\0" + bytes.fromhex(level["digest"])})
        leaf = (b"\2" if "root" in level else b"\1") + commitment(level["name"], name) + commitment(level["metadata"], decode) + own
        require(root(leaf, level["index"], above[0], map(bytes.fromhex, level["path"])) == above[1], "a file in its directory")
        above = level.get("entries"), bytes.fromhex(level.get("root", ""))
    path = "".join("/" + l["name"]["value"] for l in file["levels"] if isinstance(l["name"], dict))
    digests.add(level["digest"] if level["size"] else sha().hex())
    print(f"entry {index}, snapshot {says['snapshot']}: {path or 'a file'}, {level['size']} bytes, SHA-256 {level['digest']}")
if len(sys.argv) > 3: require(sha(open(sys.argv[3], "rb").read()).hex() in digests, "the file")
