# The independent checker: sees packets at both ends of every flow and knows nothing of how they
# got there.
#
#   capture.py READY FLOWS PLACE=NETNS…
#
# Makes the file READY once every place is heard, collects until SIGTERM, then reads the file FLOWS,
#
#   [{"id": 7, "name": "…", "udp": false, "client": {"place", "address", "port"},
#     "dialled": {"address", "port"}, "backend": {"place", "address", "port"},
#     "seen": {"address", "port"}, "hops": 2, "answered": true}]
#
# (`seen` is the client as the backend saw it; `hops` is how many routers, ours included, lie
# between client and backend), and prints {"complaints": […], "packets": n, "paired": n}.
#
# Of each flow it demands: whoever sends to the client's port is the dialled address and port;
# checksums hold, or are the pseudo header's sum where the sender left the rest to its device; what
# arrives at one end is what left the other but for addresses, ports, checksums and a TTL less by
# `hops`, TCP options and IP ids included; no RST on a flow that was answered; errors quote the
# client's own packet.
import ctypes
import json
import selectors
import signal
import socket
import struct
import sys

SOL_PACKET, PACKET_AUXDATA, CSUM_NOT_READY, OUTGOING = 263, 8, 8, 4
SO_RCVBUFFORCE, CLONE_NEWNET, ETH_P_ALL = 33, 0x40000000, 3
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58

ready_file, flows_file = sys.argv[1:3]
packets = []  # (place, packet)
complaints = []

def open_in(netns):
    with open(netns) as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns " + netns)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    s.setblocking(False)
    return s

def ones_sum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total

class Packet:
    """One packet as heard; None of `parse` for what is no flow's."""

    @staticmethod
    def parse(data, outgoing, partial):
        p = Packet()
        p.outgoing, p.partial, p.quoted = outgoing, partial, None
        if len(data) >= 20 and data[0] >> 4 == 4:
            length = (data[0] & 15) * 4
            p.protocol, p.ttl = data[9], data[8]
            p.source = socket.inet_ntop(socket.AF_INET, data[12:16])
            p.destination = socket.inet_ntop(socket.AF_INET, data[16:20])
            p.l3 = (data[1], data[4:8], data[20:length])  # TOS, id, fragment, options
            p.l4 = data[length:struct.unpack("!H", data[2:4])[0]]
            p.good = ones_sum(data[:length]) == 0xffff
            pseudo = data[12:20] + struct.pack("!HH", p.protocol, len(p.l4))
        elif len(data) >= 40 and data[0] >> 4 == 6:
            p.protocol, p.ttl = data[6], data[7]
            p.source = socket.inet_ntop(socket.AF_INET6, data[8:24])
            p.destination = socket.inet_ntop(socket.AF_INET6, data[24:40])
            p.l3 = (data[:4],)  # traffic class, flow label
            p.l4 = data[40:40 + struct.unpack("!H", data[4:6])[0]]
            p.good = True
            pseudo = data[8:40] + struct.pack("!II", len(p.l4), p.protocol)
        else:
            return None
        if p.protocol in (TCP, UDP) and len(p.l4) >= 8:
            p.source_port, p.destination_port = struct.unpack("!HH", p.l4[:4])
            at = 16 if p.protocol == TCP else 6
            if partial:
                check, = struct.unpack("!H", p.l4[at:at + 2])
                p.good &= check == ones_sum(pseudo)
            else:
                p.good &= p.l4[at:at + 2] != b"\0\0" or p.protocol == TCP
                p.good &= ones_sum(pseudo + p.l4) == 0xffff
            # What no translation may touch.
            p.rest = p.l4[4:at] + p.l4[at + 2:]
            p.flags = p.l4[13] if p.protocol == TCP else 0
        elif p.protocol in (ICMP, ICMP6) and len(p.l4) >= 8:
            p.good &= ones_sum((pseudo if p.protocol == ICMP6 else b"") + p.l4) == 0xffff
            if p.l4[0] not in ((3, 11, 12) if p.protocol == ICMP else (1, 2, 3, 4)):
                return None
            p.quoted = Packet.parse(p.l4[8:] + bytes(40), True, True)
            if p.quoted is None:
                return None
        else:
            return None
        return p

    def key(self):
        return (self.protocol, self.source, self.source_port, self.destination,
                self.destination_port)

    def __str__(self):
        flags = "" if self.protocol == UDP else " flags %#x" % self.flags
        return "%s:%d > %s:%d ttl %d%s" % (self.source, self.source_port, self.destination,
                                          self.destination_port, self.ttl, flags)

def listen():
    selector = selectors.DefaultSelector()
    for argument in sys.argv[3:]:
        place, netns = argument.split("=", 1)
        selector.register(open_in(netns), selectors.EVENT_READ, place)
    ending = []
    signal.signal(signal.SIGTERM, lambda *_: ending.append(True))
    with open(ready_file, "w"):
        pass
    while True:
        heard = selector.select(timeout=0.1)
        if not heard and ending:
            return
        for key, _ in heard:
            try:
                data, control, _, address = key.fileobj.recvmsg(1 << 16, 256)
            except BlockingIOError:
                continue
            status = sum(struct.unpack("I", value[:4])[0] for level, kind, value in control
                         if (level, kind) == (SOL_PACKET, PACKET_AUXDATA))
            packets.append((key.data, data, address[2], bool(status & CSUM_NOT_READY)))

def complain(flow, text):
    complaints.append("%s: %s" % (flow["name"], text))

def judge(flows):
    """Sorts packets by place and tuple, then judges each flow by its own."""
    by_key, to_port, errors = {}, {}, {}
    for place, data, kind, partial in packets:
        p = Packet.parse(data, kind == OUTGOING, partial)
        if p is None:
            continue
        if p.quoted is not None:
            q = p.quoted
            if q.protocol in (TCP, UDP):
                errors.setdefault((place, q.protocol, q.source, q.source_port), []).append(p)
            continue
        by_key.setdefault((place,) + p.key(), []).append(p)
        if not p.outgoing:
            to = (place, p.protocol, p.destination, p.destination_port)
            to_port.setdefault(to, []).append(p)
    return sum(judge_flow(flow, by_key, to_port, errors) for flow in flows)

def judge_flow(flow, by_key, to_port, errors):
    client, dialled, protocol = flow["client"], flow["dialled"], UDP if flow["udp"] else TCP
    here = (client["place"], protocol, client["address"], client["port"])
    for p in to_port.get(here, []):
        if (p.source, p.source_port) != (dialled["address"], dialled["port"]):
            complain(flow, "a stranger's packet came: %s" % p)
        if not p.good:
            complain(flow, "bad checksum at the client: %s" % p)
        if flow["answered"] and p.flags & 4:
            complain(flow, "a reset came: %s" % p)
    for p in errors.get(here, []):
        if p.outgoing:
            continue
        if not p.good:
            complain(flow, "bad checksum of an error from %s" % p.source)
        if (p.quoted.destination, p.quoted.destination_port) != (
                dialled["address"], dialled["port"]):
            complain(flow, "an error about another packet came: %s" % p.quoted)
        if flow["answered"]:
            complain(flow, "an error from %s about an answered flow" % p.source)
    if not flow.get("backend") or not flow["answered"]:
        return 0
    backend, seen = flow["backend"], flow["seen"]
    near = (protocol, client["address"], client["port"], dialled["address"], dialled["port"])
    far = (protocol, seen["address"], seen["port"], backend["address"], backend["port"])
    def at(place, key, outgoing):
        return [p for p in by_key.get((place,) + key, []) if p.outgoing == outgoing]
    def back(key):
        return (key[0], key[3], key[4], key[1], key[2])
    paired = pair(flow, "forward", at(client["place"], near, True),
                  at(backend["place"], far, False))
    paired += pair(flow, "reply", at(backend["place"], back(far), True),
                   at(client["place"], back(near), False))
    return paired

def pair(flow, direction, sent, received):
    if not sent or not received:
        complain(flow, "%s: %d packets left, %d came" % (direction, len(sent), len(received)))
    left = {}
    for p in sent:
        left.setdefault(p.rest, []).append(p)
    paired = 0
    for p in received:
        if not p.good:
            complain(flow, "%s: bad checksum: %s" % (direction, p))
        originals = left.get(p.rest)
        if not originals:
            complain(flow, "%s: nobody sent what came: %s" % (direction, p))
            continue
        original = originals[0]
        paired += 1
        if original.ttl - p.ttl != flow["hops"]:
            complain(flow, "%s: TTL fell by %d, not by %d: %s" % (
                direction, original.ttl - p.ttl, flow["hops"], p))
        if not any(o.l3 == p.l3 for o in originals):
            complain(flow, "%s: the IP header changed: %s, %s" % (direction, original.l3, p.l3))
    return paired

listen()
with open(flows_file) as file:
    flows = json.load(file)
paired = judge(flows)
print(json.dumps({"complaints": complaints, "packets": len(packets), "paired": paired}))
