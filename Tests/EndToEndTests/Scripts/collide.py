# One client port, several frontends at once:
#
#   collide.py OWN-PORT ADDRESS PORT [ADDRESS PORT]…
#
# Dials each over TCP and over UDP from the same port of its own and prints, in that order, a list of
# {"udp": bool, "text": what the server said, "from": who answered, "fromPort": …}; the text is empty
# where nobody did. All sockets stay open until the end.
import json
import socket
import sys

own, rest = int(sys.argv[1]), sys.argv[2:]
targets = [(rest[i], int(rest[i + 1])) for i in range(0, len(rest), 2)]
opened = []
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    for target in targets:
        family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
        s = socket.socket(family, kind)
        s.settimeout(10)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("", own))
        opened.append((kind == socket.SOCK_DGRAM, s))
        try:
            s.connect(target)
            s.send(b"?")
        except OSError:
            pass
results = []
for udp, s in opened:
    text, peer = b"", ("", 0)
    try:
        peer = s.getpeername()
        text = s.recv(4096)
    except OSError:
        pass
    results.append({"udp": udp, "text": text.decode(), "from": peer[0], "fromPort": peer[1]})
print(json.dumps(results))
