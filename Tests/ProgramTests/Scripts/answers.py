# What a program in a pod makes of ICMP errors, and whether these are sound. Started in the pod's
# namespace; dials, and watches its own interface meanwhile: what left, what came in answer. Prints
# a JSON list, one item a dial.
#
#   answers.py INTERFACE ADDRESS udp SIZE...         a datagram of each size
#   answers.py INTERFACE ADDRESS udp-ttl1 SIZE...    the same with TTL 1
#   answers.py INTERFACE ADDRESS tcp PORT            connects
#   answers.py INTERFACE ADDRESS transfer PORT SIZE  sends so many bytes, and expects them back
import errno
import json
import os
import select
import socket
import struct
import sys
import time

SOL_PACKET, PACKET_AUXDATA, CSUM_NOT_READY, OUTGOING = 263, 8, 1 << 3, 4
IP_MTU, IPV6_MTU, IP_RECVERR, IPV6_RECVERR = 14, 24, 11, 25
BOUND = 20  # seconds that a fact may take on a busy machine

interface, address, mode = sys.argv[1:4]
v6 = ":" in address
family = socket.AF_INET6 if v6 else socket.AF_INET
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
tap.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
tap.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
tap.bind((interface, 3))

def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff

def captured():
    """One frame: (outgoing, its checksum is still to be completed, network packet)."""
    data, control, _, sender = tap.recvmsg(1 << 17, 256)
    status = 0
    for level, kind, value in control:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status = struct.unpack_from("=I", value)[0]
    return sender[2] == OUTGOING, bool(status & CSUM_NOT_READY), data[14:]

def parse(packet):
    """An ICMP error as (type, code, rest, source, sound, quote), or nothing."""
    if len(packet) < 48:
        return None
    if v6:
        if packet[0] >> 4 != 6 or packet[6] != 58 or packet[40] >= 128:
            return None
        length = struct.unpack_from("!H", packet, 4)[0]
        message = packet[40:40 + length]
        pseudo = packet[8:40] + struct.pack("!II", length, 58)
        sound = checksum(pseudo + message) == 0 and len(packet) == 40 + length <= 1280
        source = socket.inet_ntop(family, packet[8:24])
    else:
        if packet[0] != 0x45 or packet[9] != 1 or packet[20] in (0, 8):
            return None
        length = struct.unpack_from("!H", packet, 2)[0]
        message = packet[20:length]
        sound = checksum(packet[:20]) == 0 and checksum(message) == 0
        sound = sound and len(packet) == length <= 576
        source = socket.inet_ntop(family, packet[12:16])
    rest = struct.unpack_from("!I", message, 4)[0]
    return message[0], message[1], rest, source, sound, message[8:]

def answers(port, enough):
    """Answers about what we sent from `port`, until `enough` of them came."""
    sent, found, deadline = [], [], time.monotonic() + BOUND
    at = 40 if v6 else 20
    while len(found) < enough and time.monotonic() < deadline:
        if not select.select([tap], [], [], 0.05)[0]:
            continue
        outgoing, unfinished, packet = captured()
        if outgoing:
            if packet[at:at + 2] == struct.pack("!H", port):
                sent.append((unfinished, packet))
            continue
        error = parse(packet)
        if error and error[5][at:at + 2] == struct.pack("!H", port):
            kind, code, rest, source, sound, quote = error
            original = [u for u, p in sent if p[:len(quote)] == quote]
            most = 1232 if v6 else 548
            complete = any(len(quote) == min(len(p), most) for u, p in sent)
            found.append({
                "type": kind, "code": code, "mtu": rest, "source": source, "sound": sound,
                "answerUnfinished": unfinished, "quoteIsExact": bool(original) and complete,
                "originalUnfinished": bool(original) and original[0]})
    return found

def name(error):
    return errno.errorcode.get(error.errno, "timeout") if error.errno else "timeout"

def dial(s, action):
    s.settimeout(BOUND)
    try:
        action()
        return "none"
    except OSError as error:
        return name(error)

def path_mtu(s):
    return s.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU) if v6 else s.getsockopt(0, IP_MTU)

def datagram(size):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        if v6:
            s.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        else:
            s.setsockopt(0, IP_RECVERR, 1)
        if mode == "udp-ttl1":
            s.setsockopt(*((socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) if v6
                           else (0, socket.IP_TTL)), 1)
        s.connect((address, 7))
        s.send(os.urandom(size))
        error = dial(s, lambda: s.recv(1))
        return {"size": size, "error": error, "pathMTU": path_mtu(s),
                "answers": answers(s.getsockname()[1], 1)}

def connection(port):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.bind(("", 0))
        own = s.getsockname()[1]
        error = dial(s, lambda: s.connect((address, port)))
        return {"size": 0, "error": error, "pathMTU": 0, "answers": answers(own, 1)}

def transfer(port, size):
    data = os.urandom(size)
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(BOUND)
        s.connect((address, port))
        s.setblocking(False)
        back, at, deadline = bytearray(), 0, time.monotonic() + BOUND
        while len(back) < size and time.monotonic() < deadline:
            readable, writable, _ = select.select([s], [s] if at < size else [], [], 1)
            if writable:
                at += s.send(data[at:at + (1 << 17)])
            if readable:
                back += s.recv(1 << 17)
        result = {"size": len(back), "error": "none" if back == data else "damaged",
                  "pathMTU": path_mtu(s)}
        result["answers"] = answers(s.getsockname()[1], 1)
        return result

if mode == "tcp":
    results = [connection(int(sys.argv[4]))]
elif mode == "transfer":
    results = [transfer(int(sys.argv[4]), int(sys.argv[5]))]
else:
    results = [datagram(int(size)) for size in sys.argv[4:]]
json.dump(results, sys.stdout)
