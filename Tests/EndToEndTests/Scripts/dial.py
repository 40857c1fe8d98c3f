# What a program in a pod does: dials, and says what it saw. The test starts it in the pod's
# namespace and cgroup, where the socket hooks are. Prints one JSON object.
#
#   dial.py tcp|udp-connected|udp-unconnected ADDRESS PORT COUNT
#   dial.py hold ADDRESS PORT COUNT FILE    keeps COUNT connections busy until SIGTERM; FILE holds
#                                           the number of rounds so far
import errno
import json
import os
import selectors
import signal
import socket
import sys

mode, address, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
seen = {"servers": {}, "clients": [], "peers": [], "sources": [], "errors": {}}

def note(answer):
    name, client, _ = answer.decode().split()
    seen["servers"][name] = seen["servers"].get(name, 0) + 1
    if client not in seen["clients"]:
        seen["clients"].append(client)

def add(key, sockaddr):
    text = "%s %d" % (sockaddr[0], sockaddr[1])
    if text not in seen[key]:
        seen[key].append(text)

def fail(error):
    name = errno.errorcode.get(error.errno, type(error).__name__) if error.errno else "timeout"
    seen["errors"][name] = seen["errors"].get(name, 0) + 1

def make(kind):
    s = socket.socket(family, kind)
    s.settimeout(3)
    return s

def tcp():
    for _ in range(count):
        with make(socket.SOCK_STREAM) as s:
            try:
                s.connect((address, port))
                add("peers", s.getpeername())
                s.sendall(b"?")
                note(s.recv(4096))
            except OSError as error:
                fail(error)

def udp_connected():
    for _ in range(count):
        with make(socket.SOCK_DGRAM) as s:
            try:
                s.connect((address, port))
                add("peers", s.getpeername())
                s.send(b"?")
                answer, source = s.recvfrom(4096)
                add("sources", source)
                note(answer)
            except OSError as error:
                fail(error)

def udp_unconnected():
    with make(socket.SOCK_DGRAM) as s:
        for _ in range(count):
            try:
                s.sendto(b"?", (address, port))
                answer, source = s.recvfrom(4096)
                add("sources", source)
                note(answer)
            except OSError as error:
                fail(error)

def hold():
    """Each connection sends numbered messages and must get back exactly what it sent."""
    selector = selectors.DefaultSelector()
    state = {}
    for i in range(count):
        s = make(socket.SOCK_STREAM)
        s.connect((address, port))
        s.setblocking(False)
        state[s] = [0, b"", b""]  # round, still to send, still to come
        selector.register(s, selectors.EVENT_READ)
    rounds = bytes_back = broken = 0
    ending = []
    signal.signal(signal.SIGTERM, lambda *_: ending.append(True))

    def tell():
        with open(sys.argv[5] + ".new", "w") as file:
            file.write(str(min(entry[0] for entry in state.values())))
        os.rename(sys.argv[5] + ".new", sys.argv[5])

    def begin(s):
        entry = state[s]
        entry[0] += 1
        message = b"%d:%d;" % (id(s), entry[0]) * 20
        entry[1], entry[2] = message, message
        s.send(message)

    for s in state:
        begin(s)
    open_connections = set(state)
    while open_connections:
        for key, _ in selector.select(timeout=5) or [(None, None)]:
            if key is None:
                if ending:
                    broken += len(open_connections)
                    open_connections = set()
                continue
            s = key.fileobj
            try:
                data = s.recv(65536)
                ok = data and state[s][2].startswith(data)
            except OSError as error:
                fail(error)
                ok = False
            if not ok:
                broken += 1
                selector.unregister(s)
                open_connections.discard(s)
                continue
            bytes_back += len(data)
            state[s][2] = state[s][2][len(data):]
            if not state[s][2]:
                rounds += 1
                if rounds % count == 0:
                    tell()
                if ending:
                    selector.unregister(s)
                    open_connections.discard(s)
                else:
                    begin(s)
    seen.update(rounds=rounds, bytes=bytes_back, broken=broken, least=min(e[0] for e in state.values()))

{
    "tcp": tcp,
    "udp-connected": udp_connected,
    "udp-unconnected": udp_unconnected,

    "hold": hold,
}[mode]()
print(json.dumps(seen))
