import Glibc
import VarveFormat
import VarveRemoteStorage
import VarveTestSupport

/// A program that speaks SFTP, and lies: Python, since it must not share code with what it tests.
struct HostileServer {
  let directory = TemporaryDirectory("varve-hostile")

  init() throws {
    guard let file = fopen(directory("server.py"), "w") else {
      throw VarveError(.io, "a test cannot write a file")
    }
    fputs(Self.program, file)
    fclose(file)
  }

  func storage(_ lie: String, _ change: (inout SFTPStorage.Options) -> Void = { _ in }) throws
    -> SFTPStorage
  {
    var options = SFTPStorage.Options()
    options.command = ["python3", directory("server.py"), lie]
    // What is no silence has the time that Python takes to start on a busy machine.
    let isSilentFromTheStart = ["nothing", "noise"].contains(lie)
    options.connectSeconds = isSilentFromTheStart ? 1 : 60
    options.idleSeconds = isSilentFromTheStart || Self.answers.contains(lie) ? 1 : 60
    change(&options)
    return SFTPStorage(try SFTPLocation("sftp:host:/repository"), options: options)
  }

  /// Lies before the first request is answered.
  static let greetings = [
    "banner", "huge-length", "zero-length", "other-version", "no-version", "cut-version", "nothing",
    "end", "cut-extension", "huge-extension", "short-limits", "noise",
  ]

  /// Lies in answer to a request.
  static let answers = [
    "wrong-identifier", "wrong-type", "unknown-type", "huge-packet", "cut-packet", "no-answer",
    "twice", "huge-string", "cut-status", "strange-status", "huge-handle", "endless-handle",
    "more-data", "no-data", "many-names", "no-names", "cut-names", "many-attributes",
    "noise-answer",
  ]

  private static let program = #"""
    import random, struct, sys
    lie = sys.argv[1]
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer

    def raw(data):
        outgoing.write(data)
        outgoing.flush()

    def string(data):
        return struct.pack(">I", len(data)) + data

    def packet(kind, data):
        return struct.pack(">IB", len(data) + 1, kind) + data

    def exactly(count):
        data = incoming.read(count)
        if len(data) < count:
            sys.exit()
        return data

    extensions = b""
    for name in (b"posix-rename@openssh.com", b"hardlink@openssh.com", b"fsync@openssh.com"):
        extensions += string(name) + string(b"1")
    version = struct.pack(">I", 3)

    incoming.read(9)
    if lie == "banner":
        raw(b"Welcome to this host!\n" * 3)
    elif lie == "huge-length":
        raw(b"\xff\xff\xff\xff\x02")
    elif lie == "zero-length":
        raw(b"\0\0\0\0" * 8)
    elif lie == "other-version":
        raw(packet(2, struct.pack(">I", 6)))
    elif lie == "no-version":
        raw(packet(101, version))
    elif lie == "cut-version":
        raw(b"\0\0\0\x40\x02\0\0")
        sys.exit()
    elif lie == "end":
        sys.exit()
    elif lie == "cut-extension":
        raw(packet(2, version + string(b"fsync@openssh.com")))
    elif lie == "huge-extension":
        raw(packet(2, version + b"\xff\xff\xff\xff"))
    elif lie == "short-limits":
        raw(packet(2, version + string(b"limits@openssh.com") + string(b"1")))
    elif lie == "noise":
        raw(random.Random(int(sys.argv[2])).randbytes(4096) if len(sys.argv) > 2 else bytes(range(256)))
    elif lie != "nothing":
        raw(packet(2, version + extensions))

    file = struct.pack(">IQI", 5, 1000, 0o100600)
    folder = struct.pack(">II", 4, 0o040700)

    def honest(kind, identifier):
        if kind in (3, 11):
            return packet(102, identifier + string(b"handle"))
        if kind == 5:
            return packet(103, identifier + string(b"x" * 1000))
        if kind in (8, 17):
            return packet(105, identifier + (folder if kind == 17 else file))
        return packet(101, identifier + struct.pack(">I", 1 if kind == 12 else 0) + string(b"") * 2)

    handles = 0
    closed = {}

    def refusing(kind, identifier, request):
        """Takes no data; each file has a handle of its own, and closing one that is not open is written down."""
        global handles
        if kind in (3, 11):
            handles += 1
            return packet(102, identifier + string(b"handle %d" % handles))
        if kind == 4:
            handle = request[9:]
            closed[handle] = closed.get(handle, 0) + 1
            with open(sys.argv[3], "a") as record:
                record.write("%s %d\n" % (handle.decode(), closed[handle]))
        if kind == 6:
            return packet(101, identifier + struct.pack(">I", 4) + string(b"") * 2)
        return honest(kind, identifier)

    noise = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 7)
    number = 0
    while True:
        length = struct.unpack(">I", exactly(4))[0]
        request = exactly(length)
        kind, identifier = request[0], request[1:5]
        answer = honest(kind, identifier)
        number += 1
        if lie == "refusing":
            answer = refusing(kind, identifier, request)
        elif lie == "wrong-identifier":
            answer = answer[:5] + b"\x7f\xff\xff\xff" + answer[9:]
        elif lie == "short-limits" and kind == 200:
            answer = packet(201, identifier + bytes(8))
        elif lie == "wrong-type":
            answer = packet(103 if kind != 5 else 102, identifier + string(b"surprise"))
        elif lie == "unknown-type":
            answer = packet(77, identifier)
        elif lie == "huge-packet":
            answer = b"\x7f\xff\xff\xff" + answer[4:]
        elif lie == "cut-packet":
            raw(answer[:-3])
            sys.exit()
        elif lie == "no-answer":
            continue
        elif lie == "twice":
            answer += answer
        elif lie == "huge-string":
            answer = packet(answer[4], identifier + b"\xff\xff\xff\xff" + b"x")
        elif lie == "cut-status":
            answer = packet(101, identifier + b"\0\0")
        elif lie == "strange-status":
            answer = packet(101, identifier + b"\xff\xff\xff\xff" + string(b"\x1b[31m\xff") + string(b""))
        elif lie == "huge-handle" and kind in (3, 11):
            answer = packet(102, identifier + string(b"h" * 257))
        elif lie == "endless-handle" and kind in (3, 11):
            answer = packet(102, identifier + string(b"h" * 200_000))
        elif lie == "more-data" and kind == 5:
            answer = packet(103, identifier + string(b"x" * 200_000))
        elif lie == "no-data" and kind == 5:
            answer = packet(103, identifier + string(b""))
        elif lie == "many-names" and kind == 12:
            answer = packet(104, identifier + b"\xff\xff\xff\xff" + string(b"a") * 2 + file)
        elif lie == "no-names" and kind == 12:
            answer = packet(104, identifier + b"\0\0\0\0")
        elif lie == "cut-names" and kind == 12:
            answer = packet(104, identifier + b"\0\0\0\2" + string(b"a") * 2 + file + string(b"b" * 20))
        elif lie == "many-attributes" and kind in (8, 17):
            answer = packet(105, identifier + struct.pack(">III", 0x80000004, 0o100600, 0xffffffff))
        elif lie == "noise-answer" and number > 1:
            answer = bytearray(answer)
            for _ in range(noise.randrange(1, 4)):
                answer[noise.randrange(len(answer))] = noise.randrange(256)
            answer = bytes(answer)
        elif lie == "endless-names" and kind == 12:
            names = b"".join(string(b"%d-%d" % (number, i)) + string(b"") + file for i in range(1000))
            answer = packet(104, identifier + struct.pack(">I", 1000) + names)
        elif lie == "endless-directories" and kind == 12:
            names = b"".join(string(b"%d-%d" % (number, i)) + string(b"") + folder for i in range(1000))
            answer = packet(104, identifier + struct.pack(">I", 1000) + names)
        elif lie == "leading-out" and kind == 12 and number < 4:
            names = (b".", b"..", b"../../etc/passwd", b"/etc/passwd", b"a/../../b", b"", b"\xff\xfe", b"A", b"a\0b")
            answer = packet(104, identifier + struct.pack(">I", len(names))
                            + b"".join(string(n) + string(n) + (folder if n in names[:2] else file) for n in names))
        elif lie == "huge-size" and kind == 8:
            answer = packet(105, identifier + struct.pack(">IQI", 5, 2 ** 63 + 1, 0o100600))
        elif lie == "large-size":
            # Says 3 GiB, and has a thousand bytes.
            if kind == 8:
                answer = packet(105, identifier + struct.pack(">IQI", 5, 3 << 30, 0o100600))
            elif kind == 5 and request[-12:-4] != bytes(8):
                answer = packet(101, identifier + struct.pack(">I", 1) + string(b"") * 2)
        elif lie == "a-pipe" and kind in (8, 17):
            answer = packet(105, identifier + struct.pack(">IQI", 5, 1000, 0o010600))
        raw(answer)
    """#
}
