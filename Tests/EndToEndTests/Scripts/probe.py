# Many dials at once from one place, each from a source port that it is told. Reads a JSON list of
#
#   {"id": 7, "udp": false, "address": "10.100.0.1", "port": 80, "own": 10007, "seconds": 10}
#
# from standard input and prints a list of what became of each:
#
#   {"id": 7, "outcome": "answer" | "silence" | errno name, "text": what the server said,
#    "from": who answered by recvfrom or getpeername, "fromPort": …}
#
# UDP sockets stay unconnected, so that an answer from anybody is seen; IP_RECVERR makes ICMP errors
# audible there. A datagram is sent once: a lost one is a finding.
import errno
import json
import selectors
import socket
import sys
import time

IP_RECVERR, IPV6_RECVERR = 11, 25
AT_ONCE = 400

selector = selectors.DefaultSelector()
results = []
opened = {}  # socket → (probe, deadline)

def finish(s, outcome, text="", peer=("", 0)):
    probe, _ = opened.pop(s)
    selector.unregister(s)
    results.append({"id": probe["id"], "outcome": outcome, "text": text,
                    "from": peer[0], "fromPort": peer[1]})
    s.close()

def start(probe):
    family = socket.AF_INET6 if ":" in probe["address"] else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM if probe["udp"] else socket.SOCK_STREAM)
    s.setblocking(False)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("", probe["own"]))
    opened[s] = (probe, time.monotonic() + probe["seconds"])
    target = (probe["address"], probe["port"])
    selector.register(s, selectors.EVENT_READ if probe["udp"] else selectors.EVENT_WRITE)
    try:
        if probe["udp"]:
            if family == socket.AF_INET:
                s.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            else:
                s.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
            s.sendto(message(probe), target)
        else:
            result = s.connect_ex(target)
            if result not in (0, errno.EINPROGRESS):
                raise OSError(result, "connect")
    except OSError as error:
        finish(s, errno.errorcode.get(error.errno, str(error)))

def message(probe):
    return (b"probe %d " % probe["id"]).ljust(64, b".")

def ready(s, events):
    probe = opened[s][0]
    try:
        if probe["udp"]:
            text, peer = s.recvfrom(4096)
            finish(s, "answer", text.decode(), peer)
        elif events & selectors.EVENT_WRITE:
            result = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if result:
                raise OSError(result, "connect")
            selector.modify(s, selectors.EVENT_READ)
            s.sendall(message(probe))
        else:
            text = s.recv(4096)
            finish(s, "answer" if text else "EOF", text.decode(), s.getpeername())
    except BlockingIOError:
        pass
    except OSError as error:
        finish(s, errno.errorcode.get(error.errno, str(error)))

waiting = list(reversed(json.load(sys.stdin)))
while waiting or opened:
    while waiting and len(opened) < AT_ONCE:
        start(waiting.pop())
    for key, events in selector.select(timeout=0.05):
        ready(key.fileobj, events)
    now = time.monotonic()
    for s in [s for s, (_, deadline) in opened.items() if deadline < now]:
        finish(s, "silence")
print(json.dumps(results))
