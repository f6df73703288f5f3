#!/usr/bin/env python3
"""Reads a Varve repository without Varve: verifies its log, lists its snapshots, restores them.

For the day on which Varve itself is gone. Written from docs/format.md alone, it shares no code with Varve, changes
nothing in the repository, and is short enough to be read before it is trusted. It needs Linux, Python 3.11+, and:

    apt install python3-cryptography python3-zstandard       # or: pip install cryptography zstandard

Then, with the directory of the repository and a password, a key file or the recovery key:

    python3 varve_rescue.py /srv/backup list                 # asks for the password
    python3 varve_rescue.py --key-file recovery-key /srv/backup list
    python3 varve_rescue.py /srv/backup restore 1a2b3c4d /mnt/restored
    python3 varve_rescue.py /srv/backup restore all /mnt/restored      # a directory for each snapshot
    python3 varve_rescue.py /srv/backup verify               # lists them, and hashes every live object

Restore as root to get owners and devices back. Every byte is verified before it counts: a file that cannot be read
whole is named and left out, and the rest goes on; so does what stands before damage in the log. Is the index lost,
add --without-index: packs list their own chunks. Is the log lost, add --without-log: all records in snapshots/ count,
and nobody vouches for them. Not restored: inode flags (chattr), owners by name. Not checked: proof roots, filters of
the index, what cosignatures and time stamps prove: nothing here depends on them; and whether a policy loosens another,
and whether as many owners agreed as had to (`threshold`): what one owner let go of alone is taken as gone. A MiB stored
takes about 450 bytes of memory. Exit status: 0 all is well; 1 something is damaged, missing or refused, as stderr says;
2 wrong usage."""
import argparse, base64, getpass, hmac, json, os, re, stat, struct, sys
from contextlib import suppress
from functools import lru_cache, reduce
from hashlib import file_digest, sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Iterator
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
class Damage(Exception): """Something is not what the format, a digest or a signature says it must be."""
complaints: list[str] = []
def attempt(what: bytes | str, work: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        return work(*arguments, **options)
    except Exception as error:
        reason = str(error) if isinstance(error, (Damage, OSError)) else f"damaged ({type(error).__name__} {error})"
        complaints.append(f"{shown(what)}: {shown(reason)}")
        print("varve_rescue:", complaints[-1], file=sys.stderr)  # and the rest goes on
def require(condition: Any, message: str) -> None:
    if not condition: raise Damage(message)
def shown(text: bytes | str) -> str:  # as it may go to a terminal: without control characters
    text = text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)

# ---- 2. Notation (the numbers are those of docs/format.md) ----------------------------------------------------------
def digest(data: bytes) -> bytes: return sha256(data).digest()
def join(left: bytes, right: bytes) -> bytes: return digest(b"\1" + left + right)  # a node of RFC 6962's tree
def mac(key: bytes, message: bytes) -> bytes: return hmac.digest(key, message, "sha256")
def hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes: return mac(mac(salt, secret), info + b"\1")  # of 32 bytes
def nonce(ordinal: int) -> bytes: return bytes(8) + struct.pack("<I", ordinal)
def public(key: Any) -> bytes: return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
def hpke_open(key: x25519.X25519PrivateKey, enc: bytes, info: bytes, aad: bytes, sealed: bytes) -> bytes:
    """RFC 9180: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, the first message."""
    def expand(suite: bytes, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
        return mac(secret, struct.pack(">H", length) + suite + label + context + b"\1")[:length]
    kem, suite = b"HPKE-v1KEM\x00\x20", b"HPKE-v1HPKE\x00\x20\x00\x01\x00\x02"
    shared = mac(b"", kem + b"eae_prk" + key.exchange(x25519.X25519PublicKey.from_public_bytes(enc)))
    secret = mac(expand(kem, shared, b"shared_secret", enc + public(key), 32), suite + b"secret")
    context = b"\0" + mac(b"", suite + b"psk_id_hash") + mac(b"", suite + b"info_hash" + info)
    base_nonce = expand(suite, secret, b"base_nonce", context, 12)
    return AESGCM(expand(suite, secret, b"key", context, 32)).decrypt(base_nonce, sealed, aad)
class Decoder:
    """Takes numbers and strings off bytes, and refuses to go beyond their end."""
    def __init__(self, data: bytes) -> None: self.data, self.at = data, 0
    def take(self, length: int) -> bytes:
        require(length <= len(self.data) - self.at, "a field goes beyond the end")
        self.at += length
        return self.data[self.at - length:self.at]
    def number(self, most: int = 2**64 - 1) -> int:  # uvarint
        value, shift, byte = 0, 0, 0x80
        while byte & 0x80:
            byte = self.take(1)[0]
            value, shift = value | (byte & 0x7F) << shift, shift + 7
            require(value <= most and shift <= 70 and (byte or shift == 7), "a number is too large or too long")
        return value
    def string(self, most: int) -> bytes: return self.take(self.number(most))
    def time(self) -> int:  # seconds (svarint) and nanoseconds, in nanoseconds
        seconds = self.number()
        return (seconds >> 1 ^ -(seconds & 1)) * 10**9 + self.number(10**9 - 1)
    def end(self) -> None: require(self.at == len(self.data), "bytes are left over")
def canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
def parse(data: bytes) -> dict[str, Any]:  # canonical JSON, always an object: parsed, written, compared
    integer = lambda text: int(text) if abs(int(text)) < 2**53 else text  # what is no integer becomes text, and differs
    value = json.loads(data.decode(), parse_int=integer, parse_float=str, parse_constant=str)
    require(isinstance(value, dict) and canonical(value) == data, "not canonical JSON")
    return value
def unbase64(text: str) -> bytes:
    data = base64.b64decode(text, validate=True)
    require(base64.b64encode(data).decode() == text, "not canonical base64")
    return data

# ---- 3. Objects, 4. Secrets and keys, 5. config, 11. Inventories ----------------------------------------------------
NAME = re.compile(r"(?:packs/([0-9a-f]{2})/(?=\1)|index/|snapshots/|inventories/|keys/)[0-9a-f]{64}")
class Repository:
    """A directory of objects and the keys to them. A writer has no data key: it verifies the log, and reads nothing."""
    def __init__(self, path: str) -> None: self.path = path
    def names(self, folder: str) -> list[str]:
        walk = os.walk(os.path.join(self.path, folder))
        return sorted(os.path.relpath(os.path.join(path, name), self.path) for path, _, names in walk for name in names)
    def read(self, name: str, start: int = 0, length: int = -1) -> bytes:  # the whole is verified by its name
        require(os.path.isfile(path := os.path.join(self.path, name)), f"{name} is missing")
        with open(path, "rb") as file:
            file.seek(start, os.SEEK_END if start < 0 else os.SEEK_SET)
            data = file.read(length)
        sound = len(data) == length if length >= 0 else not NAME.fullmatch(name) or digest(data).hex() == name[-64:]
        require(sound, f"{name} is damaged: it is cut short, or its SHA-256 is not its name")
        return data
    def inventory(self, id: str) -> dict[str, int]:
        first, *lines, last = self.read(f"inventories/{id}").decode().split("\n")
        objects = {line.split(" ")[0]: int(line.split(" ")[1]) for line in lines}
        sound = (first, last) == ("varve inventory v1", "") and lines == [f"{name} {objects[name]}" for name in objects]
        require(sound, f"inventories/{id} is not an inventory")
        return objects
    def unlock(self, secret: bytes, is_key_file: bool) -> None:  # sets `config` and all keys that the secret gives
        note = self.read("config")
        self.config, self.config_digest = parse(note.split(b"\n")[0]), digest(note).hex()
        self.rid, _ = bytes.fromhex(self.config["id"]), self.verify_note(note)
        require(self.config["format"] == 1, f"its format is {self.config['format']}, and this program reads format 1")
        kind, secret = self.decode_key_file(secret) if is_key_file else ("password", secret.rstrip(b"\r\n"))
        opened = filter(None, (attempt(name, self.open_credential, name, kind, secret) for name in self.names("keys")))
        recovered = {"master": base64.b64encode(secret), "config": self.config_digest}
        found = recovered if kind == "R" else next(opened, None)
        require(found, "no credential in keys/ opens with this password or key file")
        if "master" in found:  # an owner's: all keys follow from it
            master, labels = base64.b64decode(found["master"]), (b"data key", b"index key", b"log key")
            data, self.index_key, log = (hkdf(master, self.rid, b"varve v1 " + label) for label in labels)
            signer = public(ed25519.Ed25519PrivateKey.from_private_bytes(log))
            require(unbase64(self.config["logKey"].split("+", 2)[2]) == b"\1" + signer, "config is not this key's")
        else:
            data, self.index_key = unbase64(found.get("dataKey", "")), unbase64(found["indexKey"])
        require(found["config"] == self.config_digest, "config is not the one that the credential was made for")
        self.data_key = x25519.X25519PrivateKey.from_private_bytes(data) if data else None
    def open_credential(self, name: str, kind: str, secret: bytes) -> dict[str, Any] | None:
        credential = parse(self.read(name))
        require(credential["format"] == 1 and credential["repository"] == self.rid.hex(), "it does not belong here")
        if credential["kind"] != kind: return None
        if kind == "password":
            n, p, r, salt = (credential["kdf"][member] for member in ("n", "p", "r", "salt"))
            require(n in [2**i for i in range(14, 21)] and r == 8 and 1 <= p <= 16, "bad numbers of scrypt")
            secret = Scrypt(unbase64(salt), 32, n, r, p).derive(secret)
        key, sealed = hkdf(secret, self.rid, b"varve v1 wrap " + kind.encode()), unbase64(credential["wrapped"])
        aad = canonical({member: credential[member] for member in credential if member not in ("label", "wrapped")})
        with suppress(InvalidTag):  # raised where another password or key file opens it
            return parse(AESGCM(key).decrypt(sealed[:12], sealed[12:], aad))
    def decode_key_file(self, file: bytes) -> tuple[str, bytes]:  # kind ("R": recovery key) and secret
        lines = [line for line in file.decode().upper().splitlines() if line.strip() and not line.startswith("#")]
        text = re.sub("[- ]", "", "".join(lines))
        data = base64.b32decode(text[9:]) if len(lines) == 1 and text.startswith("VARVEKEY1") else b""
        sound = len(data) == 45 and data[:1] in b"KR" and digest(data[:41])[:4] == data[41:]
        require(sound and data[1:9] == self.rid[:8], "the key file has a mistake in it, or is of another repository")
        return ("key-file" if data[:1] == b"K" else "R"), data[9:41]
    def verify_note(self, note: bytes) -> str:  # the text of a C2SP note that the log key has signed
        name, key_hash, encoded = self.config["logKey"].split("+", 2)
        text, signatures = note.decode().rsplit("\n\n", 1)
        key, key_id = unbase64(encoded), bytes.fromhex(key_hash)
        lines = [unbase64(line) for line in re.findall(f"^\u2014 {re.escape(name)} (\\S+)$", signatures, re.MULTILINE)]
        signed = next((line for line in lines if line[:4] == key_id == digest(name.encode() + b"\n" + key)[:4]), None)
        require(signed and key[0] == 1 and signatures.endswith("\n"), "it is not signed by the log key")
        ed25519.Ed25519PublicKey.from_public_bytes(key[1:]).verify(signed[4:], (text + "\n").encode())
        return text

# ---- 7. Packs, 8. Index segments ------------------------------------------------------------------------------------
Block = tuple[str, int, int, int]  # name of the pack; ordinal, offset and stored length of the block
class Chunks:
    """Where each chunk lies, and the chunks themselves, verified against their addresses."""
    def __init__(self, repository: Repository) -> None:
        self.repository, self.rid, self.where = repository, repository.rid, dict[bytes, list[tuple[Block, int]]]()
        self.pack, self.block = lru_cache(4096)(self.open_pack), lru_cache(8)(self.open_block)
    def read(self, address: bytes, length: int | None = None) -> bytes:
        reason = "it is in no pack that is there"
        for block, slot in self.where.get(address, []):
            try:
                data = self.block(block)[slot]
                require(digest(data) == address and length in (None, len(data)), "it is not what its address says")
                return data
            except Exception as error:
                reason = f"{block[0]}: {str(error) or 'a block does not decrypt'}"
        raise Damage(f"chunk {address.hex()[:16]}: {reason}")
    def open_pack(self, name: str) -> tuple[int, int, bytes]:  # version and type of a pack, and what opens its blocks
        header, info = self.repository.read(name, 0, 128), b"varve v1 pack key\0" + self.rid
        magic, version, kind, zero, epoch, enc, wrapped, commitment = struct.unpack("<8sHBBI32s48s32s", header)
        require(magic == b"VARVEPAK" and version in (1, 2) and kind in (1, 2) and zero == epoch == 0, "a bad header")
        content_key = hpke_open(self.repository.data_key, enc, info, header[:16], wrapped)
        require(hkdf(content_key, self.rid, b"varve v1 key commitment") == commitment, "a bad key commitment")
        return version, kind, hkdf(content_key, self.rid, b"varve v1 block key") if version == 1 else content_key
    def open_frame(self, block: Block, most: int) -> Decoder:  # the payload of a block or a trailer
        (name, ordinal, offset, length), (version, kind, key) = block, self.pack(block[0])
        require(17 < length <= most + 17, "the length of a block is out of bounds")
        aad = b"varve v1 block" + self.rid + struct.pack("<BI", kind, ordinal)
        own = key if version == 1 else hkdf(key, self.rid, b"varve v2 block key\0" + struct.pack("<I", ordinal))
        frame = AESGCM(own).decrypt(nonce(ordinal), self.repository.read(name, offset, length), aad)
        require(frame[0] < 2 and 0 < (zstandard.frame_content_size(frame[1:]) if frame[0] else 1) <= most, "a bad frame")
        return Decoder(zstandard.ZstdDecompressor().decompress(frame[1:]) if frame[0] else frame[1:])
    def open_block(self, block: Block) -> list[bytes]:
        d = self.open_frame(block, 65 << 20)
        return [d.take(length) for length in [d.number(64 << 20) for _ in range(d.number(65535))]]
    def add_pack(self, name: str) -> None:  # takes the chunks that a pack's own trailer lists
        length, blocks, magic = struct.unpack("<II8s", self.repository.read(name, -16, 16))
        end = os.path.getsize(os.path.join(self.repository.path, name)) - 16 - length
        require(magic == b"VARVEEND" and end >= 128, "a bad footer")
        d, offset = self.open_frame((name, 0xFFFFFFFF, end, length), 40 << 20), 128
        for ordinal in range(d.number()):
            block = (name, ordinal, offset, d.number(2**31))
            offset += block[3]
            for slot in range(d.number(65535)):
                self.where.setdefault(d.take(32), []).append((block, slot))
                d.number(64 << 20)  # the chunk's length, which the block says too
        d.end()
        require(offset == end and ordinal + 1 == blocks, "blocks do not fill the pack")
    def add_segment(self, name: str) -> None:  # needs neither fan-out nor filter: they help to find rows
        data = self.repository.read(name)
        magic, version, zero, log2, length, salt, rest = struct.unpack_from("<8sHHIQ32sQ", data)
        require(magic == b"VARVEIDX" and version == 1 and log2 == 20 and zero == rest == 0, "a bad header")
        cipher = AESGCM(hkdf(self.repository.index_key, salt, b"varve v1 index segment\0" + self.rid))
        frames = [data[at:at + 2**20 + 16] for at in range(64, len(data), 2**20 + 16)]
        plain = b"".join(cipher.decrypt(nonce(i), frame, data[:64]) for i, frame in enumerate(frames))
        magic, version, bits, packs, rows, blocks, filter_length = struct.unpack_from("<8sHHIQQ16xQ8x", plain)
        require(magic == b"VARVESEG" and version == 1 and bits <= 24 and len(plain) == length, "a bad header")
        block_start, block_end = 64 + 48 * packs, 64 + 48 * packs + 8 * blocks
        row_start = block_end + (4 * (2**bits + 1) + 7) // 8 * 8 + (filter_length + 7) // 8 * 8
        require(row_start + 40 * rows == length, "its tables do not fill it")
        pack_rows = [(f"packs/{name.hex()[:2]}/{name.hex()}", first)
                     for name, _, first in struct.iter_unpack("<32sQI4x", plain[64:block_start])]
        extents = list(struct.iter_unpack("<II", plain[block_start:block_end]))
        for address, pack, block, slot in struct.iter_unpack("<32sIHH", plain[row_start:]):
            (name, first), known = pack_rows[pack], self.where.setdefault(address, [])
            known.append(((name, block, *extents[first + block]), slot))

# ---- 9. Tree nodes, 10. Snapshot records ----------------------------------------------------------------------------
FILE, DIRECTORY, LINK, FIFO, CHARACTER, BLOCK = range(1, 7)
def decode_entry(body: bytes) -> SimpleNamespace:  # metadata, and what each type has besides
    d = Decoder(body)
    e = SimpleNamespace(name=d.string(4096), kind=d.take(1)[0])
    flags, e.mode, e.owner = d.number(255), d.number(0o7777), (d.number(2**32 - 1), d.number(2**32 - 1))
    require(e.name not in (b"", b".", b"..") and not set(e.name) & set(b"/\0"), "a name that is none")
    require(FILE <= e.kind <= BLOCK and (e.kind == FILE or not flags & 0xA0), "a bad type or bad flags")
    e.user, e.group, modified = d.string(256) if flags & 1 else b"", d.string(256) if flags & 2 else b"", d.time()
    e.times = (d.time() if flags & 4 else modified, modified)
    e.inode_flags = d.number(2**32 - 1) if flags & 8 else 0
    e.xattrs = [(d.string(255), d.string(65536)) for _ in range(d.number(4096) if flags & 16 else 0)]
    if e.kind == FILE: decode_file(e, d, flags)
    elif e.kind == DIRECTORY: e.node, e.proof_root, e.entries = d.take(32), d.take(32), d.number()
    elif e.kind == LINK: e.target = d.string(65535)
    else: e.device = os.makedev(d.number(2**32 - 1), d.number(2**32 - 1)) if e.kind != FIFO else 0
    d.end()
    return e
def decode_file(e: SimpleNamespace, d: Decoder, flags: int) -> None:  # with `extents`: where data is between its holes
    e.size, e.chunks, e.lists, e.extents, at = d.number(2**63 - 1), [], [], [], 0
    if e.size and d.number(1) == 0: e.chunks = [(d.take(32), d.number(64 << 20)) for _ in range(d.number())]
    elif e.size: e.lists = [(d.take(32), d.number(4096), d.number()) for _ in range(d.number())]
    for _ in range(d.number() if flags & 32 else 0):
        e.extents.append((at, at + d.number()))
        at = e.extents[-1][1] + d.number()
    e.extents.append((at, e.size))
    data, alone = sum(end - start for start, end in e.extents), len(e.chunks) == 1 and not flags & 32
    fitting = at <= e.size and data == sum(piece[-1] for piece in e.chunks + e.lists)
    require(fitting and (flags & 128 or alone or not e.size), "chunks and holes do not make up the file")
    e.digest = d.take(32) if flags & 128 else e.chunks[0][0] if alone else digest(b"")
def read_node(chunks: Chunks, node: bytes, kinds: bytes) -> tuple[Decoder, int, int]:  # behind its head; kind; count
    d = Decoder(chunks.read(node))
    version, kind = d.take(2)
    require(version == 1 and kind in kinds, "a node of another kind")
    return d, kind, d.number()
def read_directory(chunks: Chunks, node: bytes, size: int, kinds: bytes = b"\0\1") -> list[SimpleNamespace]:
    d, kind, number = read_node(chunks, node, kinds)
    entries = [decode_entry(d.string(32 << 20)) for _ in range(number if kind == 0 else 0)]
    for _ in range(d.number() if kind == 1 else 0):  # its parts
        first, part = d.string(4096), d.take(32)
        entries += read_directory(chunks, part, d.number(), kinds=b"\0")
    d.end()
    ascending = [e.name for e in entries] == sorted({e.name for e in entries})
    require(ascending and len(entries) == number == size, "entries that are not as many, or not ascending")
    return entries
def list_chunks(chunks: Chunks, e: SimpleNamespace) -> Iterator[tuple[bytes, int]]:
    yield from e.chunks
    for node, number, size in e.lists:
        d, _, said = read_node(chunks, node, b"\2")
        listed = [(d.take(32), d.number(64 << 20)) for _ in range(number)]
        require(said == number and sum(length for _, length in listed) == size, "a bad list of chunks")
        yield from listed
def read_record(chunks: Chunks, snapshot: str) -> dict[str, Any]:
    require(chunks.repository.data_key, "a writer's key opens no snapshot: take an owner's or a reader's")
    data, info = chunks.repository.read(f"snapshots/{snapshot}"), b"varve v1 snapshot\0" + chunks.rid
    require(data[:16] == b"VARVESNP\1" + bytes(7), "a bad header")
    return parse(hpke_open(chunks.repository.data_key, data[16:48], info, data[:16], data[48:]))
def read_links(chunks: Chunks, record: dict[str, Any]) -> dict[bytes, int]:  # of each path its group
    d, groups = Decoder(b"".join(chunks.read(bytes.fromhex(address)) for address in record["links"])), {}
    for group in range(d.number() if d.data else 0): groups |= {d.string(2**30): group for _ in range(d.number())}
    d.end()
    return groups

# ---- 12. The log ----------------------------------------------------------------------------------------------------
COMMON, KINDS = "author log previous program proposal repository time", {  # who may write it, and its members
    "snapshot": ("owner writer", "snapshot adds inventory parent original source tags partial tree taken"),
    "receipt": ("owner writer reader", "activity result started counts digests scope snapshots"),
    "check": ("owner writer reader", "result scope counts damaged started"), "policy": ("owner writer", "source keep"),
    "hold": ("owner writer", "snapshots reason until permanent"), "forget": ("owner writer", "snapshots reason"),
    "anchor": ("owner writer", "checkpoint token"), "repack": ("owner", "adds inventory reason"),
    "condemn": ("owner", "objects inventory"), "genesis": ("owner", "config authorKey"), "approval": ("owner", ""),
    "release": ("owner", "snapshots reason"), "undo": ("owner", "snapshots condemned"),
    "cosign": ("owner writer", "checkpoint"), "lost": ("owner", "objects inventory"), "threshold": ("owner", "owners"),
    "credential": ("owner", "add remove"), "proposal": ("owner", "kind action"), "sweep": ("owner", "condemned")}
class Log:
    """The log's entries, each verified against those before it, folded to what is there."""
    def __init__(self, repository: Repository) -> None:
        self.repository, self.entries, key = repository, list[bytes](), unbase64(repository.config["authorKey"])
        self.roots, self.peaks = [digest(b"")], list[bytes]()  # of the tree, by its size; of its complete subtrees
        self.authors = {digest(key)[:16].hex(): SimpleNamespace(key=key, role="owner", credential="", last=-1)}
        self.snapshots: dict[str, SimpleNamespace] = {}  # author, partial, forgotten, and hold: the time of its end
        self.objects: dict[str, int] = {}  # what was added and not lost, with its size, or 0
        self.swept, self.condemned = set[str](), dict[int, dict[str, int]]()  # by entry, until swept or rescinded
    def read(self, most: int = 2**53) -> None:
        names = self.repository.names("log/commits")
        while (name := f"log/commits/{len(self.entries):016}") in names:
            names.remove(name)
            data, size = self.repository.read(name), len(self.entries)
            while data or size == len(self.entries):
                if len(self.entries) == most: return
                entry = data[2:2 + int.from_bytes(data[:2], "big")]
                require(0 < len(entry) == int.from_bytes(data[:2], "big") <= 61440, f"{name} is cut short")
                data, _ = data[2 + len(entry):], self.add(entry, size)
        require(len(self.entries) == most or not names and self.entries, f"{name} is missing")
    def add(self, entry: bytes, size: int) -> None:  # an entry of the commit that was appended at that size
        index, envelope = len(self.entries), parse(entry)
        payload, media, [signature] = unbase64(envelope["payload"]), envelope["payloadType"], envelope["signatures"]
        author, statement = self.authors[signature["keyid"]], parse(payload)
        pae = f"DSSEv1 {len(media)} {media} {len(payload)} ".encode() + payload
        ed25519.Ed25519PublicKey.from_public_bytes(author.key).verify(unbase64(signature["sig"]), pae)
        p, kind = statement["predicate"], statement["predicateType"].removeprefix("urn:varve:").removesuffix(":v1")
        roles, members = KINDS.get(kind, ("", ""))
        require(roles and set(p) <= set(f"{COMMON} {members}".split()), f"entry {index} ({kind}) needs a newer reader")
        sound = (envelope == {"payload": envelope["payload"], "payloadType": media, "signatures": [signature]}
                 and statement == {"_type": "https://in-toto.io/Statement/v1", "predicate": p,
                                   "predicateType": f"urn:varve:{kind}:v1", "subject": statement["subject"]}
                 and media == "application/vnd.in-toto+json" and list(signature) == ["keyid", "sig"]
                 and p["repository"] == self.repository.config["id"] and p["author"] == signature["keyid"]
                 and p["log"] == {"index": index, "root": self.roots[size].hex(), "size": size})
        require(sound, f"entry {index} is not a statement of this format, or was made for another place")
        require(author.role in roles.split() and p["previous"] == author.last, f"entry {index}: not for its author")
        self.fold(kind, p, author, index)
        author.last, node = index, digest(b"\0" + entry)
        self.entries.append(entry)
        for _ in range((index ^ index + 1).bit_length() - 1): node = join(self.peaks.pop(), node)
        self.peaks.append(node)
        self.roots.append(reduce(lambda right, left: join(left, right), reversed(self.peaks)))
    def fold(self, kind: str, p: dict[str, Any], author: SimpleNamespace, index: int) -> None:
        """Takes a statement into the state, if the state allows it."""
        listed = {item["name"]: item["size"] for item in p.get("adds", p.get("objects", []))}
        objects = self.repository.inventory(p["inventory"]) if "inventory" in p else listed
        rules = [(kind == "genesis") == (index == 0), list(objects) == sorted(objects), *map(NAME.fullmatch, objects)]
        config = self.repository.config_digest, self.repository.config["authorKey"]
        rules += [(p.get("config"), p.get("authorKey")) == (config if kind == "genesis" else (None, None))]
        for a in p.get("add", []):
            key, known = unbase64(a["authorKey"]), [author.credential for author in self.authors.values()]
            rules += [digest(key)[:16].hex() == a["keyid"] not in self.authors, a["credential"] not in known]
            self.authors[a["keyid"]], self.objects["keys/" + a["credential"]] = SimpleNamespace(**a, key=key, last=-1), 0
        for item in p.get("remove", []):
            removed = self.authors[item["keyid"]]
            rules += [removed.role, removed.credential == item["credential"]]
            removed.role, _ = "", self.objects.pop(f"keys/{item['credential']}")  # without a role it may write nothing
        for s in [self.snapshots[id] for id in p.get("snapshots", []) if kind != "receipt"]:
            own = author.role == "owner" or s.partial and s.author == p["author"]
            rules += [s.forgotten == (kind == "undo"), kind != "forget" or own and s.hold <= p["time"],
                      kind != "release" or s.hold not in ("", "permanent")]
            end = "permanent" if p.get("permanent") else p.get("until", "indefinite")  # both sort behind any time
            s.hold, s.forgotten = {"hold": max(s.hold, end), "release": ""}.get(kind, s.hold), kind == "forget"
        gone = [self.condemned.pop(entry) for entry in p.get("condemned", [])]  # swept or rescinded, and only once
        self.swept |= set().union(*gone) if kind == "sweep" else set()
        if kind == "snapshot":
            rules += [p["snapshot"] not in self.snapshots]
            added = {"author": p["author"], "partial": p.get("partial", False), "forgotten": False, "hold": ""}
            self.snapshots[p["snapshot"]], objects[f"snapshots/{p['snapshot']}"] = SimpleNamespace(**added), 0
        elif kind == "condemn":
            self.condemned[index] = objects
            rules += [name.startswith(("packs/", "index/", "snapshots/")) for name in objects]
        if kind in ("snapshot", "repack"): self.objects |= objects
        elif kind == "lost": self.objects = {name: size for name, size in self.objects.items() if name not in objects}
        elif kind in ("condemn", "undo"):
            rules += [not self.gone() & {f"snapshots/{id}" for id, s in self.snapshots.items() if not s.forgotten}]
        self.objects |= {f"inventories/{p['inventory']}": 0} if "inventory" in p else {}
        require(all(rules), f"entry {index} ({kind}) is not allowed by what came before")
    def gone(self) -> set[str]: return self.swept.union(*self.condemned.values())
    def verify_derived(self) -> None:  # the checkpoint and the tiles, which may lag behind the entries
        origin, size, root = self.repository.verify_note(self.repository.read("log/checkpoint")).split("\n")
        require(int(size) < len(self.roots), f"the checkpoint says {size} entries, and {len(self.entries)} can be read")
        head = f"{self.repository.config['origin']} {int(size)} {base64.b64encode(self.roots[int(size)]).decode()}"
        require(f"{origin} {size} {root}" == head, "the checkpoint is of another log")
        rows = {"entries": [struct.pack(">H", len(entry)) + entry for entry in self.entries]}
        hashes = [digest(b"\0" + entry) for entry in self.entries]
        while len(hashes) >= 256:
            rows[str(len(rows) - 1)] = hashes
            for _ in range(8): hashes = [join(*pair) for pair in zip(hashes[::2], hashes[1::2])]
        for name in self.repository.names("log/tile"):  # such as log/tile/0/x001/234: the 1,234th tile of level 0
            _, _, row, *index = name.split("/")
            first = 256 * int("".join(index).replace("x", ""))
            require(self.repository.read(name) == b"".join(rows[row][first:first + 256]), f"{name} is damaged")

# ---- Restoring ------------------------------------------------------------------------------------------------------
class Restore:
    """Makes the tree of a snapshot in a new directory: each entry by its bare name, in the current directory."""
    def __init__(self, chunks: Chunks, record: dict[str, Any], target: str) -> None:
        os.makedirs(target, exist_ok=True)
        require(not os.listdir(target), f"{target} is not empty")
        os.chdir(target)
        self.chunks, self.top, tree = chunks, os.open(".", os.O_RDONLY), record["tree"]
        self.links = attempt("hard links", read_links, chunks, record) or {}
        self.made: dict[int, tuple[bytes, SimpleNamespace]] = {}  # of each group of hard links what was made first
        self.fill(bytes.fromhex(tree["id"]), tree["entries"], b"")
        os.close(self.top)
    def fill(self, node: bytes, entries: int, path: bytes) -> None:
        require(path.count(b"/") < 4096, "more than 4,096 levels")
        for e in read_directory(self.chunks, node, entries): attempt(path + e.name, self.make, e, path + e.name)
    def make(self, e: SimpleNamespace, path: bytes) -> None:
        first, twin = self.made.get(self.links.get(path, -1), (b"", e))
        if first and vars(twin) | {"name": e.name} == vars(e):
            return os.link(first, e.name, src_dir_fd=self.top, follow_symlinks=False)
        if e.kind == DIRECTORY:
            os.mkdir(e.name, 0o700)
            os.chdir(e.name)
            attempt(path, self.fill, e.node, e.entries, path + b"/")
            os.chdir("..")
        elif e.kind == FILE: self.write(e)
        elif e.kind == LINK: os.symlink(e.target, e.name)
        else: os.mknod(e.name, (0, 0, 0, 0, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK)[e.kind] | 0o600, e.device)
        self.made[self.links.get(path, -2)] = (path, e)
        if os.geteuid() == 0: os.chown(e.name, *e.owner, follow_symlinks=False)
        for key, value in e.xattrs: attempt(path, os.setxattr, e.name, key, value, follow_symlinks=False)
        if e.kind != LINK: os.chmod(e.name, e.mode)
        os.utime(e.name, ns=e.times, follow_symlinks=False)
    def write(self, e: SimpleNamespace) -> None:  # leaves holes, reads again; what is not the whole file goes
        with open(os.open(e.name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            try:
                extents, start, end = iter(e.extents), 0, 0
                for data in (self.chunks.read(*piece) for piece in list_chunks(self.chunks, e)):
                    while data:
                        while start == end: start, end = next(extents)
                        file.seek(start)
                        start, data = start + file.write(data[:end - start]), data[end - start:]
                file.truncate(e.size)
                file.seek(0)
                require(file_digest(file, "sha256").digest() == e.digest, "its content is not what its digest says")
            except Exception:
                os.unlink(e.name)
                raise

# ---- Commands -------------------------------------------------------------------------------------------------------
def run(options: argparse.Namespace) -> None:
    repository, file = Repository(os.path.abspath(options.repository)), options.key_file or options.password_file
    secret = Path(file).read_bytes() if file else getpass.getpass("password of the repository: ").encode()
    repository.unlock(secret, is_key_file=bool(options.key_file))
    chunks, log = Chunks(repository), Log(repository)
    attempt("log", log.read)
    if complaints:  # what the refused entry has changed must not count: again, up to there
        sound, log = len(log.entries), Log(repository)
        attempt("log", log.read, sound)
    attempt("log", log.verify_derived)
    print(f"# log: {len(log.entries)} entries verified, root {log.roots[-1].hex()}")
    if options.without_log:
        log.snapshots = {n[10:]: SimpleNamespace(forgotten=False, partial=False) for n in repository.names("snapshots")}
    folder, add = ("packs", chunks.add_pack) if options.without_index else ("index", chunks.add_segment)
    for name in repository.names(folder) if repository.data_key else []:
        if NAME.fullmatch(name) and name not in log.swept: attempt(name, add, name)
    for name in sorted(log.objects.keys() - log.gone()) if options.command == "verify" else []:
        data = attempt(name, repository.read, name) or b""
        attempt(name, require, log.objects[name] in (0, len(data)), "its size is not what the log says")
    every, target = options.snapshot == "all", os.path.abspath(options.target or "")
    chosen = [id for id, s in log.snapshots.items() if not s.forgotten and every or id.startswith(options.snapshot)]
    require(every or len(chosen) == 1, f"{len(chosen)} snapshots begin with {options.snapshot}")
    for id in chosen:
        if saved := attempt(f"snapshot {id}", read_record, chunks, id):
            print(id, saved["time"], *map(shown, [saved["host"], *saved["paths"], "partial" * log.snapshots[id].partial]))
            if options.command == "restore":
                attempt(f"snapshot {id}", Restore, chunks, saved, os.path.join(target, id) if every else target)
def main() -> int:
    parser = argparse.ArgumentParser(description="Reads a Varve repository without Varve.")
    parser.add_argument("--password-file", default=os.environ.get("VARVE_PASSWORD_FILE"))
    parser.add_argument("--key-file", default=os.environ.get("VARVE_KEY_FILE"), help="a key file or the recovery key")
    parser.add_argument("--without-index", action="store_true", help="find chunks by the trailers of the packs")
    parser.add_argument("--without-log", action="store_true", help="take every snapshot record that is there")
    parser.add_argument("repository")
    parser.add_argument("command", choices=["list", "verify", "restore"])
    parser.add_argument("snapshot", nargs="?", default="all", help="the first digits of its id, or all")
    parser.add_argument("target", nargs="?", help="restore: a directory that is empty or not there")
    options = parser.parse_args()
    if (options.command == "restore") != (options.target is not None): parser.error("restore needs two more arguments")
    sys.setrecursionlimit(100_000)  # trees may be 4,096 levels deep
    attempt(options.repository, run, options)
    return 1 if complaints else 0
if __name__ == "__main__": sys.exit(main())
