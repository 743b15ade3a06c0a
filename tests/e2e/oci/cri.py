#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cri.py SOCKET CALL [JSON]: one call of Kubernetes' container runtime interface, as the kubelet makes it.

The answer is printed as JSON. Debian has neither a kubelet nor crictl; the messages' description is taken from
containerd's own executable, which carries it compressed.

cri.py - stream URL [TEXT]: run what a call of Exec or Attach gave the URL of (a WebSocket, protocol
v4.channel.k8s.io); TEXT goes to its standard input. Its exit status is ours."""
import base64
import json
import os
import shutil
import socket
import struct
import sys
import urllib.parse
import zlib

PACKAGE = "runtime.v1"


def description():
    from google.protobuf import descriptor_pb2
    from google.protobuf.message import DecodeError
    data = open(shutil.which("containerd"), "rb").read()
    at = data.find(b"\x1f\x8b\x08")
    while at >= 0:
        try:
            f = descriptor_pb2.FileDescriptorProto.FromString(zlib.decompressobj(31).decompress(data[at:at + 200000]))
            if f.package == PACKAGE:
                del f.dependency[:]  # options of one code generator only
                return f
        except (zlib.error, DecodeError):
            pass
        at = data.find(b"\x1f\x8b\x08", at + 1)
    sys.exit("cri.py: containerd carries no description of " + PACKAGE)


def call(address, name, text="{}"):
    import grpc
    from google.protobuf import descriptor_pool, json_format, message_factory
    pool = descriptor_pool.DescriptorPool()
    pool.Add(description())
    service = next(s for s in ("RuntimeService", "ImageService")
                   if name in pool.FindServiceByName(f"{PACKAGE}.{s}").methods_by_name)
    method = pool.FindServiceByName(f"{PACKAGE}.{service}").methods_by_name[name]
    made = message_factory.MessageFactory(pool).GetPrototype
    request = json_format.Parse(text, made(method.input_type)())
    with grpc.insecure_channel("unix:" + address) as channel:
        stub = channel.unary_unary(f"/{PACKAGE}.{service}/{name}", made(method.input_type).SerializeToString,
                                   made(method.output_type).FromString)
        try:
            answer = stub(request, timeout=50)
        except grpc.RpcError as e:
            sys.exit(f"cri.py: {name}: {e.code().name}: {e.details()}")
    print(json_format.MessageToJson(answer, including_default_value_fields=True,
                                    preserving_proto_field_name=True))


class WebSocket:
    """As much of RFC 6455 as it takes here: whole frames, masked on the way there."""

    def __init__(self, url):
        u = urllib.parse.urlparse(url)
        self.s = socket.create_connection((u.hostname, u.port), timeout=50)
        self.s.sendall((f"GET {u.path}?{u.query} HTTP/1.1\r\nHost: {u.netloc}\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n"
                        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n").encode())
        self.f = self.s.makefile("rb")
        status = self.f.readline().decode()
        while self.f.readline().strip():
            pass
        if " 101 " not in status:
            sys.exit("cri.py: " + status)

    def send(self, data):
        self.s.sendall(struct.pack("!BBH4x", 0x82, 0xfe, len(data)) + data)  # its mask is 0

    def frames(self):
        while len(head := self.f.read(2)) == 2 and head[0] & 15 != 8:
            size = head[1] & 127
            if size >= 126:
                size = int.from_bytes(self.f.read(2 if size == 126 else 8), "big")
            yield self.f.read(size)


def stream(url, text=""):
    w = WebSocket(url)
    if text:
        w.send(b"\0" + text.encode())
    for frame in w.frames():
        if frame[:1] in (b"\1", b"\2"):
            sys.stdout.buffer.write(frame[1:])
            sys.stdout.flush()
        elif frame[:1] == b"\3" and frame[1:]:
            end = json.loads(frame[1:])
            causes = end.get("details", {}).get("causes", [])
            sys.exit(next((int(c["message"]) for c in causes if c["reason"] == "ExitCode"),
                          0 if end["status"] == "Success" else frame.decode()))


if sys.argv[2] == "stream":
    stream(*sys.argv[3:])
else:
    call(*sys.argv[1:])
